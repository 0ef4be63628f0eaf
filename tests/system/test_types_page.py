"""The documented table of types is the one of the code."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()


def test_the_page_shows_the_table_of_the_code():
    checked = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_types_page"), str(BUILD), "--check"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
