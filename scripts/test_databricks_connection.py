#!/usr/bin/env python3
"""Tests the connection to Databricks step by step: name, TCP, TLS, token, catalog, schema, volume, warehouse, statement, storage.

    python scripts/test_databricks_connection.py [--wake] [--output json] [-v]

The settings come from the environment and from .env in the working directory, as for every command. It is
`sql-databricks-bridge test-connection --side databricks`, looked for in $BRIDGE_PROGRAM, the build folders of this checkout and PATH;
its exit status is passed on: 0 where every step went well. docs/databricks_setup.md says what to set and what each failure means.
"""

import os
import pathlib
import shutil
import subprocess
import sys

NAME = "sql-databricks-bridge"


def program():
    named = os.environ.get("BRIDGE_PROGRAM")
    if named:
        return named
    built = [path for path in pathlib.Path(__file__).resolve().parent.parent.glob(f"build*/{NAME}") if os.access(path, os.X_OK)]
    if built:
        return str(max(built, key=lambda path: path.stat().st_mtime))
    return shutil.which(NAME)


def main():
    if set(sys.argv[1:]) & {"-h", "--help"}:
        print(__doc__.strip())
        return 0
    found = program()
    if found is None:
        print(f"error: {NAME} is not there: build it with scripts/build, or name it in BRIDGE_PROGRAM", file=sys.stderr)
        return 1
    try:
        return subprocess.run([found, "test-connection", "--side", "databricks", *sys.argv[1:]]).returncode
    except OSError as error:
        print(f"error: {found} can't be run: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
