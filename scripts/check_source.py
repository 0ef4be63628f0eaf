#!/usr/bin/env python3
"""Checks of the source that no compiler makes; prints each finding and exits with 1 where there is one.

- layers: a room of src/ includes only the rooms that it may use (the table below is docs/ARCHITECTURE.md's);
- header cycles;
- banned functions: those without bounds, and those that have a wrapper which tests can make fail;
- functions longer than a screen (80 lines; the budget below names the exceptions that have a reason).
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

BELOW_FLOW = {"base", "batch", "tds", "parquet", "databricks"}
MAY_USE = {
    "base": set(),
    "batch": {"base"},
    "tds": {"base", "batch"},
    "parquet": {"base", "batch"},
    "databricks": {"base", "batch"},
    "store": {"base"},
    "http": {"base"},
    "flow": BELOW_FLOW,
    "settings": {"base"},
    "auth": {"base", "settings"},
    "jobs": {"base", "store"},
    "extract": BELOW_FLOW | {"flow", "settings"},
    "sync": BELOW_FLOW | {"flow", "settings", "auth"},
    "api": BELOW_FLOW
    | {"flow", "settings", "store", "http", "auth", "jobs", "extract", "sync"},
    "sandbox": {"base", "batch", "tds", "parquet", "store", "http"},
}

# name -> what to use instead; outside the files that wrap it
BANNED = {
    "strcpy": "memcpy with a known length",
    "strcat": "br_buf",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "br_file",
    "strtok": "strcspn",
    "atoi": "br_text_u64",
    "atol": "br_text_u64",
    "alloca": "br_malloc",
    "malloc": "br_malloc",
    "calloc": "br_calloc",
    "realloc": "br_realloc",
    "free": "br_free",
    "strdup": "br_strdup",
    "strndup": "br_strndup",
    "asprintf": "br_asprintf",
    "exit": "a status: only main ends the program",
    "abort": "a status",
}
WRAPPERS = {"src/base/mem.c", "src/base/sys.c"}

# Longer than a screen, for a reason that stands beside the function.
LONG_FUNCTION = 80


def sources(*suffixes):
    return sorted(p for p in SRC.rglob("*") if p.suffix in suffixes)


def relative(path):
    return path.relative_to(ROOT).as_posix()


def includes(path):
    """(line number, "room/file.h") of each include of the project."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match:
            yield number, match.group(1)


def check_layers():
    for path in sources(".c", ".h"):
        room = path.relative_to(SRC).parts[0]
        for number, target in includes(path):
            if not (SRC / target).exists():
                yield f'{relative(path)}:{number}: include "{target}" is not a path under src/'
                continue
            other = target.split("/")[0]
            if room != "cli" and other != room and other not in MAY_USE.get(room, set()):
                yield f"{relative(path)}:{number}: {room} must not use {other}"


def check_cycles():
    graph = {
        path.relative_to(SRC).as_posix(): [target for _, target in includes(path)]
        for path in sources(".h")
    }
    state = {}

    def visit(node, trail):
        state[node] = "open"
        for target in graph.get(node, []):
            if state.get(target) == "open":
                yield "header cycle: " + " -> ".join(trail + [node, target])
            elif target not in state:
                yield from visit(target, trail + [node])
        state[node] = "done"

    for node in graph:
        if node not in state:
            yield from visit(node, [])


def stripped(text):
    """The text with comments and literals blanked, line breaks kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def check_banned():
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in sources(".c", ".h"):
        if relative(path) in WRAPPERS:
            continue
        for number, line in enumerate(stripped(path.read_text()).splitlines(), 1):
            for match in pattern.finditer(line):
                name = match.group(1)
                yield f"{relative(path)}:{number}: {name}() is banned; use {BANNED[name]}"


def check_long_functions():
    for path in sources(".c"):
        lines = stripped(path.read_text()).splitlines()
        start = None
        for number, line in enumerate(lines, 1):
            if start is None and re.match(r"^\w[^;={]*\)\s*\{$|^[ \w*,]+\)\s*\{$", line):
                start = number
            elif line == "}" and start is not None:
                if number - start > LONG_FUNCTION:
                    yield f"{relative(path)}:{start}: a function of {number - start} lines"
                start = None


def main():
    findings = [
        finding
        for check in (check_layers, check_cycles, check_banned, check_long_functions)
        for finding in check()
    ]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
