"""Constant memory: the size of a table or of one value never shows in the peak RSS of the release build.

The server is a process of its own, so that only the program's memory is measured.
"""

import os
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


@pytest.fixture
def volume(client, databricks):
    """A folder of a volume, to which the client's settings lead."""
    client.settings.update(databricks.settings)
    place = databricks.new_folder()
    yield place
    databricks.remove(place)


# A small process in between: a child's peak begins with that of the process it was forked from.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def peak_rss(bridge, *arguments, destination="out"):
    """Runs an extraction; its peak resident set in bytes."""
    command = [str(PROGRAM), "extract", "-q", "queries", "-c", "config", "--country", "Land", "-d", destination, *arguments]
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, *command], cwd=bridge.folder, env=bridge.env(),
                          capture_output=True, text=True, check=True)
    status, peak = done.stdout.split()[-2:]
    assert status == "0", done.stderr
    return int(peak) * 1024


def write_many(client, digits, text="CAST({} AS varchar(20))"):
    """A query of 10 ** digits rows."""
    names = "abcdefg"[:digits]
    value = " + ".join(f"{10 ** i} * {name}.n" for i, name in enumerate(names))
    joins = " CROSS JOIN ".join(f"d AS {name}" for name in names)
    client.write("queries/many.sql", f"WITH d AS ({DIGITS}) SELECT {value} AS id, {text.format(value)} AS text FROM {joins}")


def rows_of(folder):
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


def test_ten_million_rows_fit_into_256_mib(client):
    write_many(client, 7)
    assert peak_rss(client) <= LIMIT
    assert rows_of(client.folder / "out/Land/many") == 10_000_000


# 7: 10,000,000 rows, by hand (docs/BENCHMARKS.md); the tests make do with fewer in as many files.
VOLUME_DIGITS = int(os.environ.get("BRIDGE_TEST_VOLUME_DIGITS", "6"))


def test_many_rows_into_a_volume_fit_into_256_mib(client, volume, databricks, tmp_path):
    write_many(client, VOLUME_DIGITS, text="NEWID()")  # which no codec makes small
    peak = peak_rss(client, "--chunk-size", str(10 ** VOLUME_DIGITS // 8), destination=volume)
    print(f"peak RSS: {peak / 2 ** 20:.1f} MiB")
    assert peak <= LIMIT
    databricks.download(volume, tmp_path / "copy")
    assert len(list((tmp_path / "copy/Land/many").glob("*.parquet"))) == 8
    assert rows_of(tmp_path / "copy/Land/many") == 10 ** VOLUME_DIGITS
    assert sum(databricks.files(volume).values()) > 16 * 10 ** VOLUME_DIGITS


UNIT, TIMES = "aé漢 0123456", 7150000


def write_big(client):
    client.write("queries/big.sql", f"SELECT 1 AS id, REPLICATE(CAST(N'{UNIT}' AS nvarchar(max)), {TIMES}) AS big")


def check_big(path):
    [row] = pq.read_table(path).to_pylist()
    assert len(row["big"].encode()) > 100_000_000
    assert row["big"] == UNIT * TIMES


def test_one_value_of_100_mb_fits_into_256_mib(client):
    write_big(client)
    assert peak_rss(client) <= LIMIT
    check_big(client.folder / "out/Land/big/big.parquet")


def test_one_value_of_100_mb_into_a_volume_fits_into_256_mib(client, volume, databricks, tmp_path):
    write_big(client)
    peak = peak_rss(client, destination=volume)
    print(f"peak RSS: {peak / 2 ** 20:.1f} MiB")
    assert peak <= LIMIT
    databricks.download(volume, tmp_path / "copy")
    check_big(tmp_path / "copy/Land/big/big.parquet")


def test_four_queries_at_a_time_share_the_memory(client):
    for name in "abcd":
        client.write(
            f"queries/{name}.sql",
            f"WITH d AS ({DIGITS}) SELECT a.n + 10 * b.n AS id, REPLICATE(CAST(N'0123456789' AS nvarchar(max)), 40000) AS wide"
            " FROM d AS a CROSS JOIN d AS b",
        )
    assert peak_rss(client, "--parallel", "4") <= LIMIT
