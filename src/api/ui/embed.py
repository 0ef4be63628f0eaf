#!/usr/bin/env python3
"""Makes the C source that holds the dashboard's files: embed.py OUTPUT.c FILE…

Each file becomes an entry of ui_assets[] (api/ui.h): name, content type, ETag (from its SHA-256), bytes.
"""

import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def array(number, data):
    lines = (", ".join(map(str, data[i : i + 24])) for i in range(0, len(data), 24))
    return f"static const unsigned char file{number}[] = {{\n" + ",\n".join(lines) + "};\n"


def entry(number, path, data):
    etag = hashlib.sha256(data).hexdigest()[:32]
    return f'    {{"{path.name}", "{TYPES[path.suffix]}", "\\"{etag}\\"", file{number}, sizeof file{number}}},\n'


def main():
    output, *names = sys.argv[1:]
    files = [(pathlib.Path(name), pathlib.Path(name).read_bytes()) for name in names]
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "api/ui.h"\n\n')
        for number, (_, data) in enumerate(files):
            out.write(array(number, data))
        out.write("\nconst ui_asset ui_assets[] = {\n")
        for number, (path, data) in enumerate(files):
            out.write(entry(number, path, data))
        out.write("};\nconst size_t ui_asset_count = sizeof ui_assets / sizeof ui_assets[0];\n")


if __name__ == "__main__":
    main()
