"""Parquet files of this program as pyarrow, DuckDB and Spark read them, and theirs as our reader does.

The values are worked out in parquet_values.py, without our code. One Spark session serves all tests;
those without Spark: -k 'not spark'.
"""

import decimal
import functools
import json
import os
import pathlib
import subprocess

import pytest

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.compute as pc
import numpy as np

from parquet_values import TYPES, expected  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()
INTEROP = BUILD / "tests" / "interop" / "parquet_interop"

# What each file is written with; values not named are the program's defaults.
FILES = {
    **{
        f"{pattern}-{nulls}": dict(rows=20000, pattern=pattern, nulls=nulls)
        for pattern in ("random", "few", "some", "runs", "sorted", "constant")
        for nulls in ("none", "all", "third", "random", "rare", "first", "runs")
    },
    "empty": dict(rows=0),
    "one-row": dict(rows=1),
    "one-null": dict(rows=1, nulls="all"),
    "required": dict(rows=20000, pattern="some", required=1),
    "snappy": dict(rows=30000, pattern="some", nulls="third", codec="snappy"),
    "uncompressed": dict(rows=30000, pattern="few", nulls="runs", codec="none"),
    "uncompressed-runs": dict(rows=30000, pattern="runs", codec="none"),
    "level-9": dict(rows=30000, pattern="some", level=9),
    "groups-by-rows": dict(rows=30000, pattern="some", nulls="rare", group_rows=7001),
    "groups-by-memory": dict(rows=100000, pattern="random", nulls="rare", memory=1 << 20),
    "groups-by-bytes": dict(rows=100000, pattern="random", group_bytes=1 << 20),
    "small-pages": dict(rows=30000, pattern="some", nulls="third", page_bytes=4096),
    "small-dictionary": dict(rows=60000, pattern="some", nulls="random", dictionary_bytes=4000),
    "small-dictionary-small-pages": dict(rows=60000, pattern="some", page_bytes=30000, dictionary_bytes=20000),
    "many-pages": dict(rows=400000, pattern="some", nulls="rare", page_bytes=100000),
    "small-batches": dict(rows=5000, pattern="few", nulls="third", batch=13),
    "many-columns": dict(rows=300, columns=4096, pattern="random", nulls="third"),
    "many-columns-little-memory": dict(rows=3000, columns=1500, pattern="few", memory=1 << 20),
    "long-strings": dict(rows=500, pattern="some", text=3000, nulls="third"),
    "giant-strings": dict(rows=5, text=3 << 20, memory=1 << 20),
    "giant-strings-snappy": dict(rows=5, text=3 << 20, memory=1 << 20, codec="snappy"),
    "giant-strings-uncompressed": dict(rows=5, text=200001, memory=1 << 20, codec="none", nulls="third"),
}
# Spark starts a job per file: those that differ in what a reader has to do.
FOR_SPARK = [
    "random-none", "few-third", "some-random", "runs-runs", "sorted-rare", "constant-first", "some-all", "empty", "one-row",
    "required", "snappy", "uncompressed", "uncompressed-runs", "groups-by-rows", "groups-by-memory", "small-dictionary",
    "small-dictionary-small-pages", "many-pages", "long-strings", "giant-strings-snappy",
]  # fmt: skip


def values_of(settings):
    picked = {k: settings[k] for k in ("pattern", "nulls", "columns") if k in settings}
    return expected(
        settings["rows"], required=bool(settings.get("required")), text_length=settings.get("text", 0), **picked
    )


@functools.lru_cache(maxsize=None)
def expected_of(name):
    return values_of(FILES[name])


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parquet")

    @functools.lru_cache(maxsize=None)
    def run(name):
        path = folder / f"{name}.parquet"
        settings = [f"{k}={v}" for k, v in FILES[name].items()]
        completed = subprocess.run(
            [INTEROP, "write", path, *settings], capture_output=True, text=True, timeout=120, check=False
        )
        assert completed.returncode == 0, completed.stderr
        summary = json.loads(completed.stdout)
        assert summary["bytes"] == path.stat().st_size
        assert summary["rows"] == FILES[name]["rows"]
        return path

    return run


@pytest.mark.parametrize("name", FILES)
def test_pyarrow_reads_equal_types_and_values(write, name):
    table = pq.read_table(write(name))
    table.validate(full=True)
    assert table.schema.metadata == {b"origin": b"interop"}
    assert table.replace_schema_metadata(None).equals(expected_of(name))


@pytest.mark.parametrize("name", FILES)
def test_pyarrow_finds_bounds_that_hold(write, name):
    path = write(name)
    table = expected_of(name)
    metadata = pq.read_metadata(path)
    start = 0
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        part = table.slice(start, group.num_rows)
        start += group.num_rows
        for c in range(min(group.num_columns, 50)):
            chunk = group.column(c)
            values = part.column(c).drop_null()
            assert chunk.statistics.null_count == part.column(c).null_count
            assert chunk.statistics.num_values == len(values)
            assert chunk.statistics.has_min_max == (len(values) > 0)
            if len(values) == 0:
                continue
            items = values.to_pylist()  # Python compares code points, which is the order of UTF-8's bytes
            if part.schema.field(c).type == pa.string() and len(items[0]) > 64:
                assert min(items).startswith(chunk.statistics.min)
                assert max(items)[:63] == chunk.statistics.max[:63] and max(items) < chunk.statistics.max
            else:
                assert chunk.statistics.min == min(items)
                assert chunk.statistics.max == max(items)
    assert start == table.num_rows


CODECS = {"zstd": "ZSTD", "snappy": "SNAPPY", "none": "UNCOMPRESSED"}


def chunks_of(path):
    """name -> the column's chunk in the first row group, as the footer tells of it."""
    group = pq.read_metadata(path).row_group(0)
    return {group.column(c).path_in_schema: group.column(c) for c in range(group.num_columns)}


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("many-columns")])
def test_every_chunk_has_the_codec_asked_for(write, name):
    codec = FILES[name].get("codec", "zstd")
    metadata = pq.read_metadata(write(name))
    used = {metadata.row_group(g).column(c).compression for g in range(metadata.num_row_groups) for c in range(metadata.num_columns)}
    assert used == ({CODECS[codec]} if metadata.num_rows else set())


@pytest.mark.parametrize("codec", CODECS)
def test_codecs_make_repeated_values_small(tmp_path, codec):
    sizes = {}
    for which in (codec, "none"):
        path = tmp_path / which
        subprocess.run([INTEROP, "write", path, "rows=20000", "pattern=some", f"codec={which}"], check=True, capture_output=True, timeout=60)
        string = chunks_of(path)["string"]
        sizes[which] = string.total_compressed_size
    assert sizes[codec] < 0.8 * sizes["none"] if codec != "none" else string.total_compressed_size == string.total_uncompressed_size


@pytest.mark.parametrize("pattern", ["random", "few", "some", "runs", "sorted", "constant"])
def test_the_data_choose_dictionary_or_plain_values(write, pattern):
    rows = FILES[f"{pattern}-none"]["rows"]
    table = expected_of(f"{pattern}-none")
    for name, chunk in chunks_of(write(f"{pattern}-none")).items():
        distinct = len(pc.unique(table.column(name)))
        assert chunk.has_dictionary_page == ("RLE_DICTIONARY" in chunk.encodings)
        if name == "bool" or distinct > 0.9 * rows:
            assert not chunk.has_dictionary_page, name
            assert "PLAIN" in chunk.encodings
        elif distinct < rows / 16:
            assert chunk.has_dictionary_page, name
    dictionaries = {name for name, chunk in chunks_of(write(f"{pattern}-none")).items() if chunk.has_dictionary_page}
    assert dictionaries == {"random": set(), "sorted": {"float", "double"}}.get(pattern, set(TYPES) - {"bool"})


def test_repeated_values_become_runs_and_few_ones_packed_bits(write):
    rows = 20000
    for name, chunk in chunks_of(write("constant-none")).items():
        assert name == "bool" or chunk.total_uncompressed_size < 100, name
    for name, chunk in chunks_of(write("runs-none")).items():
        # Half a bit for each row would be more.
        assert name == "bool" or chunk.total_uncompressed_size < rows / 16, name
    for name, chunk in chunks_of(write("few-none")).items():
        assert chunk.total_uncompressed_size < rows / 2, name


def test_a_dictionary_that_grows_too_large_is_given_up(write):
    assert any(chunk.has_dictionary_page for chunk in chunks_of(write("some-random")).values())
    assert not any(chunk.has_dictionary_page for chunk in chunks_of(write("small-dictionary")).values())


@pytest.mark.parametrize("name", FILES)
def test_duckdb_reads_equal_types_and_values(write, name):
    import duckdb
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    table = connection.sql(f"SELECT * FROM read_parquet('{write(name)}')").to_arrow_table()
    want = expected_of(name)
    for field in want.schema:
        got = table.schema.field(field.name).type
        assert got == field.type or (str(got), str(field.type)) == ("timestamp[us, tz=Etc/UTC]", "timestamp[us, tz=UTC]")
    schema = pa.schema([pa.field(f.name, f.type) for f in want.schema])
    assert table.cast(schema).equals(want.cast(schema))


# What the tests here set of the session that all tests share.
SPARK_SETTINGS = [
    "spark.sql.shuffle.partitions", "spark.sql.timeType.enabled", "spark.sql.parquet.enableVectorizedReader",
    "spark.sql.parquet.outputTimestampType", "spark.sql.parquet.writeLegacyFormat", "spark.sql.parquet.int96RebaseModeInWrite",
    "spark.sql.parquet.datetimeRebaseModeInWrite",
]  # fmt: skip


@pytest.fixture(scope="module")
def spark(spark):
    spark.conf.set("spark.sql.shuffle.partitions", "2")
    yield spark
    for name in SPARK_SETTINGS:
        spark.conf.unset(name)


SPARK_TYPES = {
    "bool": "boolean", "int16": "smallint", "int32": "int", "int64": "bigint", "float": "float", "double": "double",
    "decimal9": "decimal(9,2)", "decimal18": "decimal(18,4)", "money": "decimal(19,4)", "decimal38": "decimal(38,10)",
    "date": "date", "timestamp": "timestamp_ntz", "instant": "timestamp", "string": "string", "binary": "binary",
}  # fmt: skip


@pytest.mark.parametrize("vectorized", ["true", "false"])
@pytest.mark.parametrize("name", FOR_SPARK)
def test_spark_reads_equal_types_and_values(write, spark, name, vectorized):
    spark.conf.set("spark.sql.parquet.enableVectorizedReader", vectorized)
    frame = spark.read.schema(", ".join(f"{k} {v}" for k, v in SPARK_TYPES.items())).parquet(str(write(name)))
    want = expected_of(name).select(list(SPARK_TYPES))
    table = frame.toArrow().cast(pa.schema([pa.field(f.name, f.type) for f in want.schema]))
    order = {"sort_keys": [("int64", "ascending"), ("string", "ascending")]}
    want = want.cast(table.schema)
    if table.num_rows > 1 and not table.equals(want):  # splits of a file may come in any order
        table, want = table.sort_by(order["sort_keys"]), want.sort_by(order["sort_keys"])
    assert table.equals(want)


@pytest.mark.parametrize("name", ["column", "small-pages", "groups-by-rows"])
def test_spark_skips_only_what_it_may(write, spark, name):
    """Filters go down to bounds, dictionaries and page indexes: wrong ones would lose rows."""
    import pyspark.sql.functions as functions
    name = "sorted-rare" if name == "column" else name
    spark.conf.set("spark.sql.parquet.enableVectorizedReader", "true")
    frame = spark.read.schema(", ".join(f"{k} {v}" for k, v in SPARK_TYPES.items())).parquet(str(write(name)))
    table = expected_of(name)
    for column in ("int16", "int32", "int64", "double", "decimal9", "decimal18", "money", "date", "string"):
        values = table.column(column)
        probe = next(v for v in values.to_pylist()[17777:] if v is not None)
        scalar = pa.scalar(probe, type=values.type)
        literal = functions.lit(str(probe) if column == "date" else probe).cast(SPARK_TYPES[column])
        for compare, count in (
            ("__eq__", pc.sum(pc.equal(values, scalar)).as_py()),
            ("__lt__", pc.sum(pc.less(values, scalar)).as_py()),
            ("__ge__", pc.sum(pc.greater_equal(values, scalar)).as_py()),
        ):
            condition = getattr(functions.col(column), compare)(literal)
            assert frame.filter(condition).select(column).toArrow().num_rows == count, (column, compare)
        nulls = frame.filter(functions.col(column).isNull()).select(column).toArrow().num_rows
        assert nulls == values.null_count


@pytest.mark.skipif("asan" in BUILD.name, reason="a sanitizer takes memory of its own")
@pytest.mark.parametrize("codec", ["zstd", "snappy", "none"])
def test_a_giant_value_takes_little_memory_beside_itself(tmp_path, codec):
    size = 100 << 20
    command = [INTEROP, "write", tmp_path / "a", "rows=3", f"text={size}", "batch=1", "columns=0", f"codec={codec}"]
    summary = json.loads(subprocess.check_output(command, timeout=120))
    assert summary["rows"] == 3
    assert summary["peak_kib"] * 1024 < size + (48 << 20)


def test_spark_infers_the_types(write, spark):
    spark.conf.set("spark.sql.timeType.enabled", "true")
    schema = spark.read.parquet(str(write("one-row"))).schema
    assert {f.name: f.dataType.simpleString() for f in schema} == {**SPARK_TYPES, "time": "time(6)"}


# The other way: files of others, read by our reader.


def read_back(path):
    """What our reader finds: columns as ((name, Arrow format, nullable), values)."""
    completed = subprocess.run([INTEROP, "read", path], capture_output=True, text=True, timeout=120, check=False)
    assert completed.returncode == 0, completed.stderr
    lines = completed.stdout.splitlines()
    rows = [json.loads(line) for line in lines[1:]]
    return [tuple(field) for field in json.loads(lines[0])], rows


def plain(kind, value):
    """A value of pyarrow as parquet_interop prints it."""
    same = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    if value is None or any(is_kind(kind) for is_kind in same):
        return value
    if pa.types.is_floating(kind):
        return "nan" if value != value else float(value).hex()
    if pa.types.is_decimal(kind):
        return int(value.scaleb(kind.scale, context=decimal.Context(prec=60)))
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return value.hex()
    raise AssertionError(kind)


def as_numbers(column):
    """Dates and times as the numbers that our batches hold."""
    kind = column.type
    if pa.types.is_date(kind):
        return column.cast(pa.date32()).cast(pa.int32())
    if pa.types.is_time(kind):
        return column.cast(pa.time64("us")).cast(pa.int64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
    if kind == pa.float16():
        return column.cast(pa.float32())
    return column


def same_float(text):
    value = float.fromhex(text)
    return "nan" if value != value else value.hex()


def assert_read_back_equals(path, table, formats=None):
    fields, rows = read_back(path)
    assert [f[0] for f in fields] == table.column_names
    assert len(rows) == table.num_rows
    if formats is not None:
        assert {f[0]: f[1] for f in fields} == formats
    for i, name in enumerate(table.column_names):
        column = as_numbers(table.column(i))
        want = [plain(column.type, v) for v in column.to_pylist()]
        got = [row[i] for row in rows]
        if pa.types.is_floating(column.type):
            got = [None if v is None else same_float(v) for v in got]
        assert got == want, name


@pytest.mark.parametrize("name", [n for n in FILES if n not in ("many-pages", "groups-by-memory", "groups-by-bytes")])
def test_our_reader_reads_our_files(write, name):
    assert_read_back_equals(write(name), expected_of(name))


OTHER_TYPES = {
    "int8": (pa.int8(), "s"),
    "uint8": (pa.uint8(), "s"),
    "uint16": (pa.uint16(), "i"),
    "uint32": (pa.uint32(), "l"),
    "uint64": (pa.uint64(), "d:20,0"),
    "half": (pa.float16(), "f"),
    "time_ms": (pa.time32("ms"), "ttu"),
    "timestamp_ms": (pa.timestamp("ms"), "tsu:"),
    "instant_ms": (pa.timestamp("ms", tz="UTC"), "tsu:UTC"),
    "fixed": (pa.binary(5), "z"),
    "large": (pa.large_string(), "u"),
}


def other_table(rows):
    """Types that pyarrow writes and this program's batches don't have."""
    random = np.random.default_rng(7)
    columns = {}
    for name, (kind, _) in OTHER_TYPES.items():
        mask = random.random(rows) < 0.2
        if pa.types.is_integer(kind):
            info = np.iinfo(kind.to_pandas_dtype())
            values = random.integers(info.min, info.max, rows, dtype=info.dtype, endpoint=True)
            columns[name] = pa.array(values, type=kind, mask=mask)
        elif kind == pa.float16():
            bits = random.integers(0, 0x7C00, rows).astype(np.uint16) | (random.integers(0, 2, rows) << 15).astype(np.uint16)
            columns[name] = pa.array(bits.view(np.float16), type=kind, mask=mask)
        elif pa.types.is_temporal(kind):
            items = random.integers(0, 86400000, rows)
            columns[name] = pa.array(items, type=pa.int64(), mask=mask).cast(
                pa.int32() if kind == pa.time32("ms") else pa.int64()
            ).cast(kind)  # fmt: skip
        else:
            items = [f"{x:05}" for x in random.integers(0, 99999, rows)]
            items = [x.encode() for x in items] if kind == pa.binary(5) else items
            columns[name] = pa.array([None if m else x for x, m in zip(items, mask)], type=kind)
    return pa.table(columns)


@functools.lru_cache(maxsize=1)
def some_table():
    return expected(12000, pattern="some", nulls="third")


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_our_reader_reads_pyarrow_pages(tmp_path, compression, version, dictionary):
    path = tmp_path / "a.parquet"
    pq.write_table(
        some_table(), path, compression=compression, data_page_version=version, use_dictionary=dictionary,
        row_group_size=5000, data_page_size=10000, dictionary_pagesize_limit=20000,
    )  # fmt: skip
    assert_read_back_equals(path, some_table())


ENCODINGS = {
    "DELTA_BINARY_PACKED": ["int16", "int32", "int64", "date", "time", "timestamp", "instant", "decimal9", "decimal18"],
    "DELTA_LENGTH_BYTE_ARRAY": ["string", "binary"],
    "DELTA_BYTE_ARRAY": ["string", "binary", "money", "decimal38"],
    "BYTE_STREAM_SPLIT": ["int32", "int64", "float", "double", "money", "decimal38", "date"],
    "RLE": ["bool"],
    "PLAIN": list(TYPES),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("pattern", ["random", "sorted"])
@pytest.mark.parametrize("nulls", ["none", "random"])
def test_our_reader_reads_pyarrow_encodings(tmp_path, encoding, version, pattern, nulls):
    table = expected(3000, pattern=pattern, nulls=nulls).select(ENCODINGS[encoding])
    path = tmp_path / "a.parquet"
    pq.write_table(
        table, path, data_page_version=version, use_dictionary=False, data_page_size=5000, store_decimal_as_integer=True,
        column_encoding={name: encoding for name in table.column_names},
    )  # fmt: skip
    used = pq.read_metadata(path).row_group(0).column(0).encodings
    assert encoding in used
    assert_read_back_equals(path, table)


def test_our_reader_reads_other_types_of_pyarrow(tmp_path):
    table = other_table(5000)
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=1234)
    assert_read_back_equals(path, table, {name: text for name, (_, text) in OTHER_TYPES.items()})


def test_our_reader_reads_int96_of_pyarrow(tmp_path):
    values = [0, 1, -1, 1700000000123456, -62135596800000000, None]
    table = pa.table({"t": pa.array(values, type=pa.int64()).cast(pa.timestamp("us", tz="UTC"))})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    assert_read_back_equals(path, table, {"t": "tsu:UTC"})


@pytest.mark.parametrize("option", ["int96", "timestamp_ns"])
def test_our_reader_refuses_nanoseconds(tmp_path, option):
    table = pa.table({"t": pa.array([1], type=pa.timestamp("ns"))})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=option == "int96")
    completed = subprocess.run([INTEROP, "read", path], capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 1
    assert "nanoseconds" in completed.stderr


@pytest.mark.parametrize(
    "kind,value",
    [(pa.list_(pa.int32()), [1]), (pa.struct([("a", pa.int32())]), {"a": 1}), (pa.map_(pa.string(), pa.int32()), [("a", 1)])],
)
def test_our_reader_refuses_nested_columns(tmp_path, kind, value):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": pa.array([value], type=kind)}), path)
    completed = subprocess.run([INTEROP, "read", path], capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 1
    assert "column n: nested columns are not supported" in completed.stderr


SPARK_WRITERS = {
    "default": {},
    "zstd-v2": {"parquet.writer.version": "PARQUET_2_0", "compression": "zstd"},
    "uncompressed": {"compression": "none", "parquet.enable.dictionary": "false"},
    "v2-without-dictionary": {"parquet.writer.version": "PARQUET_2_0", "parquet.enable.dictionary": "false"},
}


@pytest.mark.parametrize("timestamps", ["INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS"])
@pytest.mark.parametrize("legacy", ["true", "false"])
@pytest.mark.parametrize("options", SPARK_WRITERS)
def test_our_reader_reads_spark_files(tmp_path, spark, options, legacy, timestamps):
    spark.conf.set("spark.sql.parquet.outputTimestampType", timestamps)
    spark.conf.set("spark.sql.parquet.writeLegacyFormat", legacy)
    spark.conf.set("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED")
    spark.conf.set("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
    table = expected(4000, pattern="some", nulls="third").drop(["time"])
    whole = pc.floor_temporal(table["instant"], unit="second")
    table = table.set_column(table.column_names.index("instant"), "instant", whole)
    frame = spark.createDataFrame(table.replace_schema_metadata(None)).coalesce(1)
    frame = frame.select([frame[k].cast(v) for k, v in SPARK_TYPES.items()])
    frame.write.options(**SPARK_WRITERS[options]).parquet(str(tmp_path / "out"))
    (path,) = (tmp_path / "out").glob("*.parquet")
    assert_read_back_equals(path, table)
