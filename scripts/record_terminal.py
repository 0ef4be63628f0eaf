#!/usr/bin/env python3
"""Draws what a terminal showed as an SVG picture: text on standard input, the picture on standard output.

    scripts/quickstart 2>&1 | sed -n '/== Extracting/,$p' | scripts/record_terminal.py > docs/quickstart.svg
"""

import html
import sys

COLUMNS, WIDTH, HEIGHT = 118, 7.8, 17


def main():
    lines = [line.rstrip("\n") for line in sys.stdin]
    lines = [line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…" for line in lines]
    width, height = int(COLUMNS * WIDTH) + 32, len(lines) * HEIGHT + 56
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img">')
    print("<title>Terminal: sql-databricks-bridge extract</title>")
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#1b1f27"/>')
    for x, colour in ((20, "#ec6a5e"), (40, "#f4bf4f"), (60, "#61c554")):
        print(f'<circle cx="{x}" cy="18" r="6" fill="{colour}"/>')
    print('<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" xml:space="preserve">')
    for number, line in enumerate(lines):
        colour = "#8bd5ca" if line.startswith("$ ") else "#8a93a5" if line.startswith("note: ") else "#d8dee9"
        y = 50 + number * HEIGHT
        print(f'<text x="16" y="{y}" fill="{colour}">{html.escape(line)}</text>')
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
