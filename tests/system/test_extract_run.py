"""A run as its user sees it: what is told and kept when a run is cut, limited, planned or stopped."""

import json
import pathlib
import subprocess

import pytest

from conftest import wait_until


@pytest.fixture
def work(make_bridge, sqlserver):
    """A program with a server, and a country without parameters."""
    bridge = make_bridge(sqlserver)
    bridge.write("config/Northland.yaml", "code: NL\n")
    return bridge


def extract(bridge, *options, destination="out", env=None):
    arguments = ["extract", "-q", "queries", "-c", "config", "--country", "Northland", "-d", destination]
    return bridge.run(*arguments, *options, env=env, timeout=120)


def manifest(bridge, query):
    return json.loads((bridge.folder / "out/Northland" / query / "_manifest.json").read_text(encoding="utf-8"))


def test_a_failed_query_is_told_although_the_summary_has_nowhere_to_go(work):
    work.write("queries/wrong.sql", "SELECT 1")
    full = pathlib.Path("/dev/full").open("w")
    with full, (work.folder / "err").open("w+") as err:
        process = work.start(
            "extract", "-q", "queries", "-c", "config", "--country", "Northland", "-d", "out", stdout=full, stderr=err
        )
        assert process.wait(120) == 1
        err.seek(0)
        said = err.read()
    assert "error: Query 'wrong': Column 1 has no name" in said
    assert "No space left on device" in said


def test_values_that_lose_digits_are_counted_up_to_the_limit(work):
    value = "CAST('2013-01-01 05:00:00.1234567' AS datetime2(7)) AS t"
    work.write("queries/late.sql", f"SELECT {value} UNION ALL SELECT {value} UNION ALL SELECT {value}")
    assert extract(work).status == 0
    if "lossy_values" not in manifest(work, "late"):
        pytest.skip("the server keeps no digits behind the microsecond")
    assert manifest(work, "late")["lossy_values"] == 3
    assert extract(work, "--limit", "2", "--overwrite").status == 0
    assert manifest(work, "late")["lossy_values"] == 2
    assert manifest(work, "late")["row_limit"] == 2


def test_spooled_files_of_a_killed_run_are_deleted_by_the_next(work):
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    tables = ", ".join(f"d AS t{n}" for n in range(7))
    work.write("queries/many.sql", f"WITH d AS ({digits}) SELECT t0.n FROM {tables}")
    work.write("queries/one.sql", "SELECT 1 AS a")
    spool = work.folder / "spool"
    common = ["-q", "queries", "-c", "config", "--country", "Northland", "-d", "out", "--spool-dir", "spool"]
    process = work.start("extract", *common, "--query", "many", stderr=subprocess.DEVNULL)
    wait_until(lambda: list(spool.glob("*-many/*.parquet")), what="a spooled file")
    process.kill()
    process.wait()
    assert list(spool.iterdir())
    assert work.run("extract", *common, "--query", "one").status == 0
    assert list(spool.iterdir()) == []
