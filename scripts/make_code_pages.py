#!/usr/bin/env python3
"""Makes src/batch/code_page_tables.c from Unicode's data on Windows code pages.

    scripts/make_code_pages.py FOLDER [--check] > src/batch/code_page_tables.c

FOLDER holds the files of https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/: bestfit*.txt of
WindowsBestFit/ (what Windows does, undefined bytes and best fit included), and cp437.txt and
cp850.txt of PC/ (round trips only: for these two Unicode has no best fit).

Every page is compared with Python's codec of the same name, which comes from other files of
Microsoft. The one difference allowed is that Windows maps what the codec leaves undefined: single
bytes to C1 controls or to private use, user-defined double bytes to private use, 0x80 of 936 to the
euro sign, 0xCA of 1255 to the point holam haser; and 950 has private use for C6A1..C8FE, where the codec has an extension of Big5 that
Windows has not. --check prints the counts and writes nothing.
"""

import argparse
import sys
from pathlib import Path

OEM = (437, 850)
SINGLE = OEM + (874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)
DOUBLE = (932, 936, 949, 950)
# Real characters that only Windows has.
ONLY_WINDOWS = {(936, 0x80), (1255, 0xCA)}
# Files mark trail bytes that a lead byte does not have with the page's default character.
PLACEHOLDER = {932: 0x30FB}


class Page:
    """One code page: bytes to Unicode (pairs as lead << 8 | trail) and Unicode to bytes."""

    def __init__(self, number):
        self.number = number
        self.decode = {}
        self.encode = {}
        self.leads = []

    def bytes_of(self, code):
        return bytes([code >> 8, code & 0xFF]) if code > 0xFF else bytes([code])


def read_bestfit(page, path):
    """The sections are counted: MBTABLE n, DBCSRANGE n {range, DBCSTABLE n per lead byte}, WCTABLE n."""
    section, left, lead, pending = None, 0, None, []
    for raw in path.read_bytes().splitlines():
        words = raw.split(b";")[0].decode("ascii", "replace").split()
        if not words or words[0] in ("CODEPAGE", "CPINFO"):
            continue
        if words[0] == "ENDCODEPAGE":
            break
        if words[0] in ("MBTABLE", "WCTABLE", "DBCSRANGE", "DBCSTABLE"):
            section, left = words[0], int(words[1])
            if section == "DBCSTABLE":
                lead = pending.pop(0)
            continue
        first, second = int(words[0], 16), int(words[1], 16)
        if section == "DBCSTABLE" and left == 0:
            section = "DBCSRANGE"
        left -= 1
        if section == "MBTABLE":
            page.decode[first] = second
        elif section == "DBCSRANGE":
            pending += range(first, second + 1)
            page.leads += range(first, second + 1)
        elif section == "DBCSTABLE":
            if second != PLACEHOLDER.get(page.number) or lead == 0x81:
                page.decode[lead << 8 | first] = second
        else:
            page.encode[first] = second


def read_plain(page, path):
    for line in path.read_text("ascii", "replace").splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2:
            page.decode[int(words[0], 16)] = int(words[1], 16)
    page.encode = {u: code for code, u in page.decode.items()}


def check(page):
    """Raises where a page contradicts Python's codec; returns how many codes only Windows maps."""
    only_windows = 0
    for code, u in page.decode.items():
        try:
            text = page.bytes_of(code).decode(f"cp{page.number}")
        except UnicodeDecodeError:
            extra = 0x80 <= u <= 0x9F or 0xE000 <= u <= 0xF8FF or (page.number, code) in ONLY_WINDOWS
            if not extra:
                raise SystemExit(f"{page.number}: {code:#x} is U+{u:04X}, and Python has none") from None
            only_windows += 1
            continue
        if page.number == 950 and 0xC6A1 <= code <= 0xC8FE and 0xE000 <= u <= 0xF8FF:
            only_windows += 1
            continue
        if text != chr(u):
            raise SystemExit(f"{page.number}: {code:#x} is U+{u:04X}, Python says {text!a}")
    codes = set(range(0x80, 0x100)) | {lead << 8 | t for lead in page.leads for t in range(0x30, 0x100)}
    for code in codes - set(page.decode) - set(page.leads):
        try:
            text = page.bytes_of(code).decode(f"cp{page.number}")
        except UnicodeDecodeError:
            continue
        if len(text) == 1:
            raise SystemExit(f"{page.number}: Python maps {code:#x}, the file does not")
    missing = set(page.decode.values()) - set(page.encode)
    if missing:
        raise SystemExit(f"{page.number}: no way back for {missing}")
    return only_windows


def overrides(page):
    """Where Unicode to bytes is not "the lowest code that decodes to it": best fit and duplicates."""
    lowest = {}
    for code in sorted(page.decode):
        lowest.setdefault(page.decode[code], code)
    return [(u, code) for u, code in sorted(page.encode.items()) if lowest.get(u) != code]


def print_array(name, values, kind="uint16_t"):
    print(f"static const {kind} {name}[] = {{")
    line = ""
    for value in values:
        word = f"{value},"
        if len(line) + len(word) > 100:
            print(line)
            line = ""
        line += word
    print(line + "\n};\n")


def print_page(page):
    n = page.number
    print_array(f"high_{n}", [page.decode.get(b, 0) for b in range(0x80, 0x100)])
    if page.leads:
        rows = {lead: i + 1 for i, lead in enumerate(page.leads)}
        print_array(f"rows_{n}", [rows.get(b, 0) for b in range(0x80, 0x100)], "uint8_t")
        first, last = trail_range(page)
        print_array(
            f"pairs_{n}",
            [page.decode.get(lead << 8 | t, 0) for lead in page.leads for t in range(first, last + 1)],
        )
    extra = overrides(page)
    if extra:
        print_array(f"overrides_{n}", [x for pair in extra for x in pair])
    return len(extra)


def trail_range(page):
    trails = [code & 0xFF for code in page.decode if code > 0xFF]
    return (min(trails), max(trails)) if trails else (0, 0)


def print_all(pages):
    print("/* Generated by scripts/make_code_pages.py from Unicode's data on Windows code pages: don't edit. */")
    print('#include "batch/code_page_tables.h"\n\n#include <stddef.h>\n\n/* clang-format off */')
    rows = []
    for page in pages:
        count = print_page(page)
        n = page.number
        first, last = trail_range(page)
        names = (f"rows_{n}", f"pairs_{n}") if page.leads else ("NULL", "NULL")
        extra = f"overrides_{n}" if count else "NULL"
        rows.append(f"  {{high_{n}, {names[0]}, {names[1]}, {extra}, {count}, {n}, {first}, {last}}},")
    print("const batch_code_page batch_code_pages[BATCH_CODE_PAGE_COUNT] = {")
    print("\n".join(rows))
    print("};\n/* clang-format on */")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="compare only, print counts")
    args = parser.parse_args()
    pages = []
    for number in sorted(SINGLE + DOUBLE):
        page = Page(number)
        if number in OEM:
            read_plain(page, args.folder / f"cp{number}.txt")
        else:
            read_bestfit(page, args.folder / f"bestfit{number}.txt")
        only_windows = check(page)
        if any(page.decode.get(b) != b for b in range(0x80)):
            raise SystemExit(f"{number}: its lower half is not ASCII")
        if args.check:
            print(f"{number}: {len(page.decode)} codes, {only_windows} of them Windows alone has")
        pages.append(page)
    if not args.check:
        print_all(pages)


if __name__ == "__main__":
    sys.exit(main())
