"""Constant memory of sync: how much its source holds does not show in the peak RSS of the release build.

The servers are a process of their own, so that only the program's memory is measured. BRIDGE_TEST_SYNC_MEMORY_ROWS asks for
more rows than CI has time for, BRIDGE_TEST_SYNC_MEMORY_BULK for a direct load.
"""

import os
import subprocess
import sys

from conftest import PROGRAM, Bridge
from sync_runs import Lake
from test_memory import MEASURE

DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
ROWS = int(os.environ.get("BRIDGE_TEST_SYNC_MEMORY_ROWS", "20000"))
BULK = os.environ.get("BRIDGE_TEST_SYNC_MEMORY_BULK", "staged")
COLUMNS, SIZE = 20, 300
LIMIT = 96 * 1024 * 1024


def peak_rss(bridge):
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, str(PROGRAM), "sync", "--once"], cwd=bridge.folder, env=bridge.env(),
                          capture_output=True, text=True, check=True)
    status, peak = done.stdout.split()[-2:]
    assert status == "0", done.stderr
    return int(peak) * 1024


def test_a_large_source_takes_no_more_memory(make_sandbox, tmp_path):
    """20,000 wide rows of 6,000 characters, 120 MB: more than the program may hold."""
    servers = make_sandbox()
    bridge, lake = Bridge(tmp_path / "bridge", {**servers.databricks, **servers.sqlserver}), Lake(servers.databricks)
    bridge.run("init", check=True)
    lake(f"CREATE TABLE main.default.d AS {DIGITS}")
    number = " + ".join(f"{10 ** i} * {name}.n" for i, name in enumerate("abcde"))
    texts = ", ".join(f"repeat('{'abcdefghij'[i % 10]}', {SIZE}) AS c{i}" for i in range(COLUMNS))
    joined = " CROSS JOIN ".join(f"main.default.d AS {name}" for name in "abcde")
    lake(f"CREATE TABLE main.default.large AS SELECT CAST({number} AS INT) AS id, {texts} FROM {joined} WHERE {number} < {ROWS}")
    names = ", ".join(f"c{i} varchar({SIZE}) NOT NULL" for i in range(COLUMNS))
    bridge.sql("sqlserver", f"CREATE TABLE dbo.Large (id int NOT NULL, {names})")
    lake("INSERT INTO bridge.events.bridge_events (event_id, operation, source_table, target_table, metadata) VALUES ('large', 'INSERT',"
         f" 'main.default.large', 'dbo.Large', '{{\"bulk\": \"{BULK}\"}}')")
    assert ROWS * COLUMNS * SIZE > LIMIT
    peak = peak_rss(bridge)
    there = bridge.sql("sqlserver", "SELECT COUNT(*), COUNT(DISTINCT id), SUM(LEN(c0) + LEN(c19)) FROM dbo.Large").json()["rows"]
    assert [list(map(int, row)) for row in there] == [[ROWS, ROWS, ROWS * 2 * SIZE]]
    print(BULK, ROWS, "rows:", peak // 1024 // 1024, "MiB")
    assert peak < LIMIT
