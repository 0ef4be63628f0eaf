"""A run as its user sees it: what is told and kept when a run is cut, limited, planned or stopped."""

import json
import pathlib
import subprocess

import pyarrow.parquet as pq
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


def test_a_file_says_where_it_came_from(work):
    work.write("config/Northland.yaml", "code: NL\n")
    work.write("queries/one.sql", "SELECT '{code}' AS code")
    assert extract(work, "--limit", "5").status == 0
    said = pq.read_metadata(work.folder / "out/Northland/one/one.parquet").metadata
    told = manifest(work, "one")
    assert json.loads(said[b"bridge.parameters"]) == told["parameters"] == {"code": "NL"}
    assert said[b"bridge.query_sha256"].decode() == told["query_sha256"]
    assert said[b"bridge.server"].decode() == told["source"]["server"]
    assert said[b"bridge.database"].decode() == told["source"]["database"]
    assert said[b"bridge.row_limit"] == b"5"
    assert b"bridge.sandbox" not in said
    assert work.settings["SQLSERVER_PASSWORD"].encode() not in (work.folder / "out/Northland/one/one.parquet").read_bytes()


def describes(work):
    """Whether the server knows FMTONLY: where it does not, a plan looks no further than the first row."""
    return work.sql("sqlserver", "SET FMTONLY ON; SELECT 1 AS a").json()["rows"] == []


def test_a_plan_tells_what_would_fail(work):
    work.write("queries/a_good.sql", "SELECT 1 AS a")
    work.write("queries/b_table.sql", "SELECT a FROM no_such_table")
    work.write("queries/c_name.sql", "SELECT 1")
    work.write("queries/d_none.sql", "DECLARE @a int = 1")
    work.write("queries/e_two.sql", "SELECT 1 AS a; SELECT 2 AS b" if describes(work) else "SELECT 1 AS a, 2 AS A")
    result = extract(work, "--plan", "--output", "json")
    assert result.status == 1
    names = [column["name"] for column in result.json()["columns"]]
    errors = {row[0]: row[names.index("error")] for row in result.json()["rows"]}
    assert sorted(errors) == ["a_good", "b_table", "c_name", "d_none", "e_two"]
    assert errors["a_good"] == ""
    assert "no_such_table" in errors["b_table"]
    assert errors["c_name"] == "Column 1 has no name; give it one: … AS column_1"
    assert errors["d_none"].startswith("It has no result set")
    assert errors["e_two"].startswith("It has more than one result set" if describes(work) else "Columns 1 and 2")
    for name, text in errors.items():
        assert (f"error: Query '{name}': {text}" in result.err) == (text != "")
    assert not (work.folder / "out").exists()
