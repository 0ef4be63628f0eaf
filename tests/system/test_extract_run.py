"""A run as its user sees it: what is told and kept when a run is cut, limited, planned or stopped."""

import datetime
import json
import pathlib
import socket
import subprocess

import pyarrow.parquet as pq
import pytest

from conftest import wait_until
from tcp_proxy import TcpProxy


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
    assert "late: 1 row, " in extract(work, "--limit", "1", "--overwrite").err


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
    assert [path.name for path in spool.iterdir()] == [".id"]


def test_a_link_in_the_place_of_the_spool_folder_leads_nowhere(work):
    work.write("queries/one.sql", "SELECT 1 AS a")
    work.write("outside/theirs.txt", "x")
    (work.folder / "out/Northland/one").mkdir(parents=True)
    (work.folder / "out/Northland/one/.bridge-spool").symlink_to(work.folder / "outside")
    assert extract(work, "--query", "one").status == 0
    assert [path.name for path in (work.folder / "outside").iterdir()] == ["theirs.txt"]
    assert sorted(path.name for path in (work.folder / "out/Northland/one").iterdir()) == ["_manifest.json", "one.parquet"]


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


def test_a_failed_query_leaves_no_folders(work):
    work.write("queries/good.sql", "SELECT 1 AS a")
    work.write("queries/bad.sql", "SELECT 1/0 AS a")
    work.write("queries/worse.sql", "SELECT a FROM no_such_table")
    assert extract(work, "--query", "bad", "--query", "worse", destination="new/place/").status == 1
    assert not (work.folder / "new").exists()
    (work.folder / "out").mkdir()
    assert extract(work, "--query", "worse").status == 1
    assert list((work.folder / "out").iterdir()) == []
    assert extract(work).status == 1
    assert [path.name for path in (work.folder / "out/Northland").iterdir()] == ["good"]


def describes(work):
    """Whether the server knows FMTONLY: where it does not, a plan looks no further than the first row."""
    return work.sql("sqlserver", "SET FMTONLY ON; SELECT 1 AS a").json()["rows"] == []


def test_a_plan_tells_what_would_fail(work):
    work.write("queries/a_good.sql", "SELECT 1 AS a")
    work.write("queries/b_table.sql", "SELECT a FROM no_such_table")
    work.write("queries/c_name.sql", "SELECT 1")
    work.write("queries/d_none.sql", "DECLARE @a int = 1")
    work.write("queries/e_two.sql", "SELECT 1 AS a; SELECT 2 AS b" if describes(work) else "SELECT 1 AS a, 2 AS A")
    work.write("queries/f_off.sql", "IF 1 = 0 BEGIN set fmtonly off END; SELECT 1 AS a")
    result = extract(work, "--plan", "--output", "json")
    assert result.status == 1
    names = [column["name"] for column in result.json()["columns"]]
    errors = {row[0]: row[names.index("error")] for row in result.json()["rows"]}
    assert sorted(errors) == ["a_good", "b_table", "c_name", "d_none", "e_two", "f_off"]
    assert errors["a_good"] == ""
    assert "no_such_table" in errors["b_table"]
    assert errors["c_name"] == "Column 1 has no name; give it one: … AS column_1"
    assert errors["d_none"].startswith("It has no result set")
    assert errors["e_two"].startswith("It has more than one result set" if describes(work) else "Columns 1 and 2")
    assert errors["f_off"] == "It holds SET FMTONLY, so it can't be planned without being run"
    for name, text in errors.items():
        assert (f"error: Query '{name}': {text}" in result.err) == (text != "")
    assert not (work.folder / "out").exists()


def test_a_plan_leaves_the_database_as_it_was(work):
    if not describes(work):
        pytest.skip("the server runs a plan's query up to its first row")
    work.sql("sqlserver", "CREATE TABLE dbo.kept (a int); INSERT INTO dbo.kept VALUES (1)")
    writes = {
        "drop": "DROP TABLE dbo.kept",
        "insert": "INSERT INTO dbo.kept VALUES (2)",
        "update": "UPDATE dbo.kept SET a = 3",
        "delete": "DELETE FROM dbo.kept",
        "create": "CREATE TABLE dbo.made (a int)",
        "alter": "ALTER TABLE dbo.kept ADD b int",
        "into": "SELECT a INTO dbo.made FROM dbo.kept",
        "truncate": "TRUNCATE TABLE dbo.kept",
        "exec": "EXEC ('DROP TABLE dbo.kept'); EXEC sp_executesql N'DELETE FROM dbo.kept'",
    }
    for name, sql in writes.items():
        work.write(f"queries/{name}.sql", f"{sql}; SELECT a FROM dbo.kept")
    plan = extract(work, "--plan", "--output", "json")
    assert plan.status == 0, plan.err
    columns = [column["name"] for column in plan.json()["columns"]]
    assert {row[columns.index("query")]: row[columns.index("column")] for row in plan.json()["rows"]} == dict.fromkeys(writes, "a")
    assert work.sql("sqlserver", "SELECT * FROM dbo.kept").json()["rows"] == [[1]]
    assert work.sql("sqlserver", "SELECT OBJECT_ID('dbo.made') AS made").json()["rows"] == [[None]]


@pytest.fixture
def cut(work):
    """cut(n): the first n connections break in the middle of the rows."""
    proxies = []

    def start(connections):
        host, port = work.settings["SQLSERVER_HOST"], work.settings.get("SQLSERVER_PORT", "1433")
        proxies.append(TcpProxy(host, port, cuts=connections, after=200_000))
        work.settings["SQLSERVER_PORT"] = str(proxies[-1].port)
        work.settings["SQLSERVER_HOST"] = "localhost"
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
NUMBERS = (
    f"WITH d AS ({DIGITS}) SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n AS id, 'some text' AS words "
    "FROM d AS a CROSS JOIN d AS b CROSS JOIN d AS c CROSS JOIN d AS e CROSS JOIN d AS f"
)


def test_a_query_whose_connection_breaks_begins_anew(work, cut):
    work.write("queries/numbers.sql", NUMBERS)
    proxy = cut(1)
    result = extract(work, "--chunk-size", "2000")
    assert result.status == 0, result
    assert proxy.connections == 2
    assert "numbers: attempt 1 of 3 failed, trying again: " in result.err
    assert "numbers: attempt 2" not in result.err
    told = manifest(work, "numbers")
    assert told["rows"] == 100_000
    folder = work.folder / "out/Northland/numbers"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["_manifest.json", *(file["name"] for file in told["files"])])
    assert sorted(pq.read_table(folder)["id"].to_pylist()) == list(range(100_000))


def test_a_query_whose_connection_breaks_each_time_fails_and_keeps_the_old_result(work, cut):
    work.write("queries/numbers.sql", "SELECT 1 AS old")
    assert extract(work).status == 0
    before = manifest(work, "numbers")
    work.write("queries/numbers.sql", NUMBERS)
    proxy = cut(3)
    result = extract(work, "--chunk-size", "2000", "--overwrite")
    assert result.status == 1
    assert proxy.connections == 3
    assert "numbers: attempt 2 of 3 failed, trying again: " in result.err
    assert result.err.count("error: Query 'numbers': ") == 1
    assert manifest(work, "numbers") == before
    assert sorted(path.name for path in (work.folder / "out/Northland/numbers").iterdir()) == ["_manifest.json", "numbers.parquet"]


def test_a_server_that_is_not_there_is_told_at_once(work):
    work.write("queries/one.sql", "SELECT 1 AS a")
    result = extract(work, env={"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1"})
    assert result.status == 1
    assert "Connection refused" in result.err
    assert "trying again" not in result.err


def test_a_secret_in_an_error_of_the_server_is_not_repeated(work):
    secret = work.settings["SQLSERVER_PASSWORD"]
    work.write("queries/leak.sql", f"SELECT CAST('{secret}' AS int) AS a")
    for form in ("table", "json"):
        result = extract(work, "--output", form)
        assert result.status == 1
        assert "SQL Server error" in result.err
        assert secret not in result.out + result.err


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"SQLSERVER_HOST": "db.example,1433"}, "SQLSERVER_HOST (environment) is 'db.example,1433'; it takes a name or an address alone"),
        ({"SQLSERVER_HOST": "db\\SALES"}, "a named instance is reached by its port"),
        ({"SQLSERVER_CA_FILE": "nowhere.pem"}, "SQLSERVER_CA_FILE (environment): nowhere.pem does not exist"),
    ],
)
def test_settings_that_can_not_work_are_one_error_before_anything_runs(work, settings, words):
    work.write("queries/a.sql", "SELECT 1 AS a")
    work.write("queries/b.sql", "SELECT 1 AS a")
    result = extract(work, env=settings)
    assert result.status == 1
    assert words in result.err
    assert result.err.count("error: ") == 1
    assert not (work.folder / "out").exists()


def test_a_server_that_keeps_silent_is_told_with_the_step(work):
    work.write("queries/one.sql", "SELECT 1 AS a")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        settings = {"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": port, "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "1"}
        result = extract(work, env=settings)
    assert result.status == 1
    assert "The server stays silent instead of answering PRELOGIN" in result.err and "(step prelogin" in result.err
    assert "trying again" not in result.err


def test_both_sides_are_asked_for_but_one_can_be_tested_alone(work):
    both = work.run("test-connection")
    assert both.status == 1
    assert "--side sqlserver or --side databricks tests only that one" in both.err
    assert work.run("test-connection", "--side", "sqlserver").status == 0


def test_a_plan_for_a_volume_needs_sql_server_only(work):
    work.write("queries/one.sql", "SELECT 1 AS a")
    result = extract(work, "--plan", destination="/Volumes/main/sales/landing")
    assert result.status == 0, result
    real = extract(work, destination="/Volumes/main/sales/landing")
    assert real.status == 1
    assert "Databricks is not configured" in real.err


TYPES = """SELECT CAST('2013-01-01 05:00:00 -05:30' AS datetimeoffset(0)) AS o, CAST('2013-01-01 05:00:00' AS datetime2(0)) AS d,
       CAST('05:00:00' AS time(0)) AS t, CAST('05:00:00' AS sql_variant) AS v
UNION ALL SELECT NULL, NULL, NULL, NULL"""
TYPE_OPTIONS = ["--timestamp-utc", "--time-as-time", "--offset-column", "--base-type-column", "--replace-invalid-text"]


def test_options_give_types_another_form_and_second_columns(work):
    work.write("queries/types.sql", TYPES)
    plan = extract(work, *TYPE_OPTIONS, "--plan", "--output", "json")
    if plan.status != 0:  # the sandbox has no sql_variant
        assert "sql_variant" in plan.err
        work.write("queries/types.sql", TYPES.replace(", CAST('05:00:00' AS sql_variant) AS v", "").replace("NULL, NULL, NULL, NULL", "NULL, NULL, NULL"))
        plan = extract(work, *TYPE_OPTIONS, "--plan", "--output", "json")
    names = [column["name"] for column in plan.json()["columns"]]
    rows = [dict(zip(names, row)) for row in plan.json()["rows"]]
    planned = {row["column"]: (row["parquet_type"], row["losses"]) for row in rows}
    assert planned["o"][0] == "TIMESTAMP" and "offset" not in planned["o"][1]
    assert planned["o_offset"] == ("SMALLINT", "")
    assert planned["d"][0] == "TIMESTAMP" and planned["t"][0] == "TIME(6)"
    result = extract(work, *TYPE_OPTIONS)
    assert result.status == 0, result
    table = pq.read_table(work.folder / "out/Northland/types/types.parquet")
    first = {name: table[name][0].as_py() for name in table.column_names}
    utc = datetime.timezone.utc
    assert first["o"] == datetime.datetime(2013, 1, 1, 10, 30, tzinfo=utc) and first["o_offset"] == -330
    assert first["d"] == datetime.datetime(2013, 1, 1, 5, tzinfo=utc) and first["t"] == datetime.time(5)
    if "v" in first:
        assert (first["v"], first["v_type"]) == ("05:00:00", "varchar")
    assert set(table.slice(1).to_pylist()[0].values()) == {None}
    assert manifest(work, "types")["type_options"] == ["timestamp_utc", "time_as_time", "offset_column", "base_type_column", "invalid_replaced"]
    assert "skipped" in repr(extract(work, *TYPE_OPTIONS))
    other = extract(work)
    assert other.status == 1
    assert "holds a result of other options for types; use --overwrite to replace it" in other.err
    assert extract(work, "--overwrite").status == 0
    assert pq.read_schema(work.folder / "out/Northland/types/types.parquet").names[:2] == ["o", "d"]


def test_a_second_column_may_not_take_anothers_name(work):
    work.write("queries/types.sql", "SELECT CAST('2013-01-01 05:00:00 -05:30' AS datetimeoffset(0)) AS o, 1 AS O_Offset")
    result = extract(work, "--offset-column")
    assert result.status == 1
    assert "Columns 2 and 3 are both named" in result.err
