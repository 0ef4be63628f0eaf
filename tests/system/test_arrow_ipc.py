"""Arrow IPC streams: the program reads what pyarrow writes, and pyarrow what the program writes, value by value."""

import base64
import ctypes
import datetime as dt
import decimal
import gc
import io
import json
import os
import pathlib
import struct

import pytest

import pyarrow as pa  # decimal32 and decimal64
import pyarrow.ipc

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()
UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1)
STEPS = 7


@pytest.fixture(scope="module")
def library():
    module = ctypes.CDLL(str(BUILD / "tests" / "interop" / "arrow_interop.so"))
    module.interop_ipc_free.argtypes = [ctypes.c_void_p]
    return module


@pytest.fixture(autouse=True)
def nothing_stays_allocated(library):
    before = library.interop_live_blocks()
    yield
    gc.collect()
    assert library.interop_live_blocks() == before


def copy(library, stream, feed=1 << 20, rows=1 << 16, max_bytes=0):
    """The stream read into batches of so many rows and bytes, and written again."""
    out, length, message = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.create_string_buffer(256)
    sizes = [ctypes.c_size_t(n) for n in (len(stream), feed, rows, max_bytes)]
    if library.interop_ipc_copy(stream, *sizes, ctypes.byref(out), ctypes.byref(length), message):
        raise RuntimeError(message.value.decode())
    copied = ctypes.string_at(out, length.value)
    library.interop_ipc_free(out)
    return copied


def written(batches, schema=None, **options):
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, schema or batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def read(stream):
    with pa.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def day(step):
    return dt.date(1970, 1, 1) + dt.timedelta(days=step * 400000 - 719162)


def clock(unit, zone=None):
    """A timestamp of every unit; nanoseconds end in zeros."""
    per = {"s": 10**6, "ms": 1000, "us": 1, "ns": 1}[unit]
    low, high = (-(2**53), 2**53) if unit == "ns" else (-62135596800000000, 253402300799999999)

    def value(step):
        us = (low + (high - low) * step // (STEPS - 1)) // per * per
        moment = EPOCH + dt.timedelta(microseconds=us)
        return moment.replace(tzinfo=UTC) if zone else moment

    return value


def time_of(unit):
    per = {"s": 10**6, "ms": 1000, "us": 1, "ns": 1}[unit]
    return lambda s: (dt.datetime.min + dt.timedelta(microseconds=s * 14399999999 // per * per)).time()


def number(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda s: low + (high - low) * s // (STEPS - 1)


def scaled(unscaled, scale):
    sign, digits, _ = decimal.Decimal(unscaled).as_tuple()
    return decimal.Decimal((sign, digits, -scale))


def places(precision, scale):
    most = 10**precision - 1
    return lambda s: scaled(-most + 2 * most * s // (STEPS - 1), scale)


US = pa.timestamp("us")
US_UTC = pa.timestamp("us", "UTC")
# Name: the type in the stream, the type that comes back, the value of a step.
TYPES = {
    "null": (pa.null(), pa.string(), lambda s: None),
    "bool": (pa.bool_(), pa.bool_(), lambda s: s % 2 == 0),
    "int8": (pa.int8(), pa.int16(), number(8, True)),
    "int16": (pa.int16(), pa.int16(), number(16, True)),
    "int32": (pa.int32(), pa.int32(), number(32, True)),
    "int64": (pa.int64(), pa.int64(), number(64, True)),
    "uint8": (pa.uint8(), pa.int16(), number(8, False)),
    "uint16": (pa.uint16(), pa.int32(), number(16, False)),
    "uint32": (pa.uint32(), pa.int64(), number(32, False)),
    "float": (pa.float32(), pa.float32(), lambda s: s * 0.5 - 1),
    "double": (pa.float64(), pa.float64(), lambda s: s * 0.1 - 1e300),
    "decimal32": (pa.decimal32(9, 2), pa.decimal128(9, 2), places(9, 2)),
    "decimal64": (pa.decimal64(18, 18), pa.decimal128(18, 18), places(18, 18)),
    "decimal128": (pa.decimal128(38, 10), pa.decimal128(38, 10), places(38, 10)),
    "small_decimal128": (pa.decimal128(3, 0), pa.decimal128(3, 0), places(3, 0)),
    "date32": (pa.date32(), pa.date32(), day),
    "date64": (pa.date64(), pa.date32(), day),
    "time32_s": (pa.time32("s"), pa.time64("us"), time_of("s")),
    "time32_ms": (pa.time32("ms"), pa.time64("us"), time_of("ms")),
    "time64_us": (pa.time64("us"), pa.time64("us"), time_of("us")),
    "time64_ns": (pa.time64("ns"), pa.time64("us"), time_of("ns")),
    **{f"timestamp_{u}": (pa.timestamp(u), US, clock(u)) for u in ("s", "ms", "us", "ns")},
    **{
        f"timestamp_{u}_{z}": (pa.timestamp(u, z), US_UTC, clock(u, z))
        for u in ("s", "ms", "us", "ns")
        for z in ("UTC", "Europe/Madrid", "+05:30")
    },
    "utf8": (pa.string(), pa.string(), lambda s: "é€😀a" * s),
    "large_utf8": (pa.large_string(), pa.string(), lambda s: "é€😀a" * s),
    "binary": (pa.binary(), pa.binary(), lambda s: b"\0\xff" * s),
    "large_binary": (pa.large_binary(), pa.binary(), lambda s: b"\0\xff" * s),
    "fixed": (pa.binary(3), pa.binary(), lambda s: bytes([s, 255, 0])),
    "fixed_0": (pa.binary(0), pa.binary(), lambda s: b""),
}


def same_instant(values):
    """pyarrow gives a zone's own clock; instants are compared."""
    return [v.astimezone(UTC) if isinstance(v, dt.datetime) and v.tzinfo else v for v in values]


def expected(rows, nulls_every):
    return {
        name: [
            None if nulls_every and (row + i) % nulls_every == 0 else value(row % STEPS)
            for row in range(rows)
        ]
        for i, (name, (_, _, value)) in enumerate(TYPES.items())
    }


def sample(rows, nulls_every, names=TYPES):
    """A batch of every type. The null type is nullable whatever is asked for."""
    values = expected(rows, nulls_every)
    fields = [pa.field(n, TYPES[n][0], nullable=nulls_every != 0 or n == "null") for n in names]
    arrays = [pa.array(values[f.name], f.type) for f in fields]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata={"made": "here"}))


def assert_equal(table, values, nullable=True):
    assert table.schema.names == list(values)
    for field in table.schema:
        assert field.type == TYPES[field.name][1], field.name
        assert field.nullable == (nullable or field.name == "null")
        assert same_instant(table.column(field.name).to_pylist()) == values[field.name], field.name


@pytest.mark.parametrize("nulls_every", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("rows", [0, 1, 8, 9, 1001])
def test_every_type_comes_through(library, rows, nulls_every):
    table = read(copy(library, written([sample(rows, nulls_every)])))
    assert_equal(table, expected(rows, nulls_every), nullable=nulls_every != 0)


@pytest.mark.parametrize("feed,rows,max_bytes", [(1, 1, 0), (7, 3, 0), (4096, 64, 0), (4096, 5000, 1), (999, 5000, 5000)])
def test_messages_come_in_slices(library, feed, rows, max_bytes):
    """Bytes in pieces, batches smaller than messages: bits and offsets begin anywhere."""
    stream = copy(library, written([sample(333, 7)]), feed, rows, max_bytes)
    with pa.ipc.open_stream(stream) as reader:
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 333 and max(sizes) <= (rows if max_bytes != 1 else 1)
    assert_equal(read(stream), expected(333, 7))


@pytest.mark.parametrize("start,length", [(0, 5), (1, 7), (3, 990), (8, 64), (1001, 0)])
def test_slices_of_arrays(library, start, length):
    whole = sample(1001, 7)
    table = read(copy(library, written([whole.slice(start, length)])))
    assert_equal(table, {n: v[start : start + length] for n, v in expected(1001, 7).items()})


def test_many_messages_some_of_them_empty(library):
    batches = [sample(n, 3) for n in (5, 0, 0, 17, 1, 0)]
    values = {n: [] for n in TYPES}
    for batch in batches:
        for name, more in expected(batch.num_rows, 3).items():
            values[name] += more
    assert_equal(read(copy(library, written(batches), rows=4)), values)


@pytest.mark.parametrize("options", [{"use_legacy_format": True}, {"metadata_version": pa.ipc.MetadataVersion.V4}])
def test_older_streams(library, options):
    """No continuation marker; metadata of version 4."""
    table = read(copy(library, written([sample(100, 7), sample(100, 0).cast(sample(1, 7).schema)], **options)))
    assert table.num_rows == 200
    assert_equal(table.slice(0, 100), expected(100, 7))


def test_a_stream_may_end_without_its_marker(library):
    stream = written([sample(100, 7)])
    assert stream.endswith(struct.pack("<iI", -1, 0))
    assert_equal(read(copy(library, stream[:-8])), expected(100, 7))


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()])
@pytest.mark.parametrize("name", [n for n in TYPES if n not in ("null", "fixed_0")])
def test_dictionaries(library, name, index):
    """Values NULL in the dictionary and NULL in the indices; a second message replaces the dictionary."""
    arrow_type, back, value = TYPES[name]
    dictionary = pa.array([value(4), None, value(2)], arrow_type)
    other = pa.array([value(5)], arrow_type)
    schema = pa.schema([pa.field(name, pa.dictionary(index, arrow_type)), pa.field("n", pa.int32())])
    batches = [
        pa.RecordBatch.from_arrays([pa.DictionaryArray.from_arrays(pa.array(i, index), d), pa.array(n, pa.int32())], schema=schema)
        for i, d, n in [([2, 0, None, 1, 2], dictionary, range(5)), ([0, None], other, range(2))]
    ]
    want = [value(2), value(4), None, None, value(2), value(5), None]
    for rows, max_bytes in [(100, 0), (2, 0), (100, 1)]:
        table = read(copy(library, written(batches), rows=rows, max_bytes=max_bytes))
        assert table.schema.field(name).type == back
        assert same_instant(table.column(name).to_pylist()) == want
        assert table.column("n").to_pylist() == [0, 1, 2, 3, 4, 0, 1]


def test_no_columns_and_odd_names(library):
    empty = pa.RecordBatch.from_arrays([], schema=pa.schema([]))
    assert read(copy(library, written([empty]))).num_columns == 0
    names = ["", "a b", "ñ€😀", "same", "same"]
    batch = pa.RecordBatch.from_arrays([pa.array([1])] * 5, names=names)
    assert read(copy(library, written([batch]))).schema.names == names


@pytest.mark.parametrize(
    "array,message",
    [
        (pa.array([1], pa.uint64()), "uint64"),
        (pa.array([1.0], pa.float16()), "half float"),
        (pa.array([1], pa.decimal256(50, 2)), "decimal256(50,2)"),
        (pa.array([100], pa.decimal128(5, -2)), "decimal128(5,-2)"),
        (pa.array([[1]]), "list"),
        (pa.array([{"a": 1}]), "struct"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), "map"),
        (pa.array([1], pa.duration("us")), "duration"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "interval"),
        (pa.array(["a"], pa.string_view()), "string view"),
        (pa.array([b"a"], pa.binary_view()), "binary view"),
        (pa.array([[1]], pa.list_(pa.int32(), 1)), "fixed-size list"),
        (pa.RunEndEncodedArray.from_arrays([1], ["a"]), "run-end encoded"),
    ],
)
def test_other_types_are_refused_by_name(library, array, message):
    batch = pa.RecordBatch.from_arrays([pa.array([1]), array], names=["plain", "odd"])
    with pytest.raises(RuntimeError) as failure:
        copy(library, written([batch]))
    assert str(failure.value) == f"not supported: Column odd: The Arrow type {message} is not supported"


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_messages_are_refused(library, codec):
    batch = pa.RecordBatch.from_arrays([pa.array(range(1000))], names=["n"])
    with pytest.raises(RuntimeError, match="not supported: Compressed Arrow messages"):
        copy(library, written([batch], compression=codec))


def test_growing_dictionaries_are_refused(library):
    first = pa.array(["a"]).dictionary_encode()
    second = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["a", "b"]))
    batches = [pa.RecordBatch.from_arrays([d], names=["d"]) for d in (first, second)]
    with pytest.raises(RuntimeError, match="delta"):
        copy(library, written(batches, emit_dictionary_deltas=True))


@pytest.mark.parametrize("arrow_type", [pa.timestamp("ns"), pa.time64("ns")])
def test_nanoseconds_that_count_are_refused(library, arrow_type):
    batch = pa.RecordBatch.from_arrays([pa.array([1000, 1001], arrow_type)], names=["t"])
    with pytest.raises(RuntimeError, match="Column t: 1001 ns have digits behind the microsecond"):
        copy(library, written([batch]))


@pytest.mark.parametrize(
    "value,arrow_type",
    [
        (2**62, pa.timestamp("s")),
        (-(2**62), pa.timestamp("ms")),
        (86400, pa.time32("s")),
        (-1, pa.time64("us")),
        (1, pa.date64()),
        (86400000 * 2**31, pa.date64()),
    ],
)
def test_dates_and_times_out_of_range_are_refused(library, value, arrow_type):
    width = arrow_type.bit_width
    raw = pa.py_buffer(struct.pack("<i" if width == 32 else "<q", value))
    batch = pa.RecordBatch.from_arrays([pa.Array.from_buffers(arrow_type, 1, [None, raw])], names=["t"])
    with pytest.raises(RuntimeError, match="Column t: "):
        copy(library, written([batch]))


def test_what_lies_under_null_is_left_out(library):
    """Any bytes may lie there: text that is none, times that can't be."""
    valid = pa.py_buffer(b"\x05")
    text = [valid, pa.py_buffer(struct.pack("<4i", 0, 1, 3, 4)), pa.py_buffer(b"a\xff\xfeb")]
    times = [valid, pa.py_buffer(struct.pack("<3q", 1, -5, 2))]
    arrays = [pa.Array.from_buffers(pa.string(), 3, text), pa.Array.from_buffers(pa.time64("us"), 3, times)]
    table = read(copy(library, written([pa.RecordBatch.from_arrays(arrays, names=["s", "t"])])))
    assert table.column("s").to_pylist() == ["a", None, "b"]
    assert table.column("t").cast(pa.int64()).to_pylist() == [1, None, 2]


@pytest.mark.parametrize("offsets,data", [((0, 1, 2), b"\xc3\xa9"), ((0, 1, 3), b"a\xff\xfe")])
def test_text_must_be_utf8(library, offsets, data):
    """Also where only the whole is, and a value begins inside of a character."""
    buffers = [None, pa.py_buffer(struct.pack("<3i", *offsets)), pa.py_buffer(data)]
    batch = pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.string(), 2, buffers)], names=["s"])
    with pytest.raises(RuntimeError, match="Column s: Text that is not UTF-8"):
        copy(library, written([batch]))


def test_decimals_have_no_more_digits_than_their_type(library):
    buffers = [None, pa.py_buffer((1000).to_bytes(16, "little"))]
    batch = pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.decimal128(3, 0), 1, buffers)], names=["d"])
    with pytest.raises(RuntimeError, match="Column d: A decimal of more than 3 digits"):
        copy(library, written([batch]))


def test_a_large_stream(library):
    rows = 200_000
    batches = [sample(rows, 11, ["int64", "utf8", "decimal128", "timestamp_us"])] * 3
    table = read(copy(library, written(batches), rows=65536, max_bytes=4 << 20))
    assert table.num_rows == 3 * rows
    for name in table.schema.names:
        assert table.column(name).slice(rows, rows).to_pylist() == batches[0].column(name).to_pylist()


def recorded_streams():
    """(name, bytes) of each Arrow result that a real workspace sent; the frames of LZ4 are unpacked here."""
    folder = os.environ.get("BRIDGE_TEST_RECORDINGS")
    if not folder:
        pytest.skip("BRIDGE_TEST_RECORDINGS names no folder")
    for line in (pathlib.Path(folder) / "databricks_statements.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        body = base64.b64decode(exchange["response"].get("base64", ""))
        if body.startswith(b"\x04\x22\x4d\x18"):
            body = pa.CompressedInputStream(pa.BufferReader(body), "lz4").read()
        if body.startswith(b"\xff\xff\xff\xff"):
            yield exchange["case"], body


def compared(table):
    """Values by column; instants in UTC."""
    return {
        name: same_instant(column.to_pylist())
        for name, column in zip(table.schema.names, table.columns, strict=True)
    }


def test_recorded_results_of_a_workspace(library):
    read_ones, refused = 0, []
    for case, stream in recorded_streams():
        with pa.ipc.open_stream(stream) as reader:
            table = reader.read_all()
        try:
            copied = read(copy(library, stream, feed=1000, rows=100))
        except RuntimeError as failure:
            odd = ("list", "struct", "map", "duration", "month_interval")
            assert any(str(t).startswith(odd) for t in table.schema.types), failure
            refused.append(f"{case}: {failure}")
            continue
        assert table.num_rows == copied.num_rows
        assert compared(copied) == compared(table), case
        read_ones += 1
    print(read_ones, "read,", len(refused), "refused", *refused, sep="\n")
    assert read_ones > 0
