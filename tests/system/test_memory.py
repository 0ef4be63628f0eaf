"""Constant memory: the size of a table or of one value never shows in the peak RSS of the release build.

The server is a process of its own, so that only the program's memory is measured.
"""

import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from conftest import PROGRAM, named

LIMIT = 256 * 1024 * 1024
DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))


@pytest.fixture
def client(request, make_bridge):
    bridge = make_bridge(named("SQLSERVER") or request.getfixturevalue("sandbox").sqlserver)
    bridge.write("config/Land.yaml", "country_code: LA\n")
    return bridge


# A small process in between: a child's peak begins with that of the process it was forked from.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def peak_rss(bridge, *arguments):
    """Runs an extraction; its peak resident set in bytes."""
    command = [str(PROGRAM), "extract", "-q", "queries", "-c", "config", "--country", "Land", "-d", "out", *arguments]
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, *command], cwd=bridge.folder, env=bridge.env(),
                          capture_output=True, text=True, check=True)
    status, peak = done.stdout.split()[-2:]
    assert status == "0", done.stderr
    return int(peak) * 1024


def test_ten_million_rows_fit_into_256_mib(client):
    names = "abcdefg"
    value = " + ".join(f"{10 ** i} * {name}.n" for i, name in enumerate(names))
    joins = " CROSS JOIN ".join(f"d AS {name}" for name in names)
    client.write("queries/many.sql", f"WITH d AS ({DIGITS}) SELECT {value} AS id, CAST({value} AS varchar(20)) AS text FROM {joins}")
    assert peak_rss(client) <= LIMIT
    files = sorted((client.folder / "out/Land/many").glob("*.parquet"))
    assert sum(pq.read_metadata(file).num_rows for file in files) == 10_000_000


def test_one_value_of_100_mb_fits_into_256_mib(client):
    client.write(
        "queries/big.sql",
        "SELECT 1 AS id, REPLICATE(CAST(N'aé漢 0123456' AS nvarchar(max)), 7150000) AS big",
    )
    assert peak_rss(client) <= LIMIT
    [row] = pq.read_table(client.folder / "out/Land/big/big.parquet").to_pylist()
    data = row["big"].encode()
    assert len(data) > 100_000_000
    assert row["big"] == "aé漢 0123456" * 7150000


def test_four_queries_at_a_time_share_the_memory(client):
    for name in "abcd":
        client.write(
            f"queries/{name}.sql",
            f"WITH d AS ({DIGITS}) SELECT a.n + 10 * b.n AS id, REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 40000) AS wide"
            " FROM d AS a CROSS JOIN d AS b",
        )
    assert peak_rss(client, "--parallel", "4") <= LIMIT
