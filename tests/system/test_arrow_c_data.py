"""Batches over the Arrow C Data Interface: pyarrow takes over what the program exports, and gives it back."""

import ctypes
import datetime as dt
import decimal
import gc
import os
import pathlib
import re

import pytest

import pyarrow as pa  # decimal32 and decimal64

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()
STEPS = 9
UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1)


def scaled(number, scale):
    """number × 10^-scale, exact at any size (arithmetic would round to the context's 28 digits)."""
    sign, digits, _ = decimal.Decimal(number).as_tuple()
    return decimal.Decimal((sign, digits, -scale))


def timestamp(step):
    return EPOCH + dt.timedelta(microseconds=step * 38900000000000001 - 62135596800000000)


# Column name: Arrow type, value of a step.
COLUMNS = {
    "bool": (pa.bool_(), lambda s: s % 2 == 0),
    "int16": (pa.int16(), lambda s: s * 8191 - 32768),
    "int32": (pa.int32(), lambda s: s * 536870911 - 2**31),
    "int64": (pa.int64(), lambda s: s * 1152921504606846975 - 2**63),
    "float": (pa.float32(), lambda s: s * 0.5 - 2),
    "double": (pa.float64(), lambda s: s * 0.1 - 1e300),
    "decimal32": (pa.decimal32(9, 2), lambda s: scaled(s * 249999999 - 999999999, 2)),
    "decimal64": (pa.decimal64(18, 4), lambda s: scaled(s * 249999999999999999 - 999999999999999999, 4)),
    "decimal128": (pa.decimal128(38, 10), lambda s: scaled((s - 4) * (25 * 10**36 - 1) + 1, 10)),
    "date": (pa.date32(), lambda s: dt.date(1970, 1, 1) + dt.timedelta(days=s * 400000 - 719162)),
    "time": (pa.time64("us"), lambda s: (dt.datetime.min + dt.timedelta(microseconds=s * 10799999999)).time()),
    "timestamp": (pa.timestamp("us"), timestamp),
    "timestamp_utc": (pa.timestamp("us", "UTC"), lambda s: timestamp(s).replace(tzinfo=UTC)),
    "string": (pa.string(), lambda s: "é€😀" * s),
    "binary": (pa.binary(), lambda s: b"\0\xff" * s),
}


class ArrowSchema(ctypes.Structure):
    _fields_ = [("format", ctypes.c_char_p), ("rest", ctypes.c_void_p * 8)]


class ArrowArray(ctypes.Structure):
    _fields_ = [("length", ctypes.c_int64), ("rest", ctypes.c_void_p * 9)]


# `release` in both: the field before the last.
SCHEMA_RELEASE, ARRAY_RELEASE = 6, 7


@pytest.fixture(scope="module")
def library():
    return ctypes.CDLL(str(BUILD / "tests" / "interop" / "arrow_interop.so"))


@pytest.fixture(autouse=True)
def nothing_stays_allocated(library):
    before = library.interop_live_blocks()
    yield
    gc.collect()
    assert library.interop_live_blocks() == before


def call(function, *arguments):
    message = ctypes.create_string_buffer(256)
    if function(*arguments, message) != 0:
        raise RuntimeError(message.value.decode())


def export(library, rows, nulls_every):
    schema, array = ArrowSchema(), ArrowArray()
    call(library.interop_export, rows, nulls_every, ctypes.byref(schema), ctypes.byref(array))
    return schema, array


def take_over(schema, array):
    return pa.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))


def round_trip(library, batch):
    schema, array, back_schema, back_array = ArrowSchema(), ArrowArray(), ArrowSchema(), ArrowArray()
    batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
    structures = [ctypes.byref(x) for x in (schema, array, back_schema, back_array)]
    call(library.interop_round_trip, *structures)
    assert not schema.rest[SCHEMA_RELEASE] and not array.rest[ARRAY_RELEASE], "import must release"
    return take_over(back_schema, back_array)


def expected(rows, nulls_every):
    return {
        name: [
            None if nulls_every and (row + i) % nulls_every == 0 else value(row % STEPS)
            for row in range(rows)
        ]
        for i, (name, (_, value)) in enumerate(COLUMNS.items())
    }


@pytest.mark.parametrize("nulls_every", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("rows", [0, 1, 8, 9, 1001])
def test_pyarrow_reads_every_layout_as_it_was_written(library, rows, nulls_every):
    batch = take_over(*export(library, rows, nulls_every))
    batch.validate(full=True)
    assert batch.num_rows == rows
    assert batch.schema.names == list(COLUMNS)
    for field, (arrow_type, _) in zip(batch.schema, COLUMNS.values(), strict=True):
        assert field.type == arrow_type
        assert field.nullable == (nulls_every != 0)
    assert batch.to_pydict() == expected(rows, nulls_every)


def test_null_counts_are_those_of_the_values(library):
    batch = take_over(*export(library, 100, 3))
    for column in batch.columns:
        assert column.null_count == sum(value is None for value in column.to_pylist())


def test_a_column_outlives_its_batch(library):
    batch = take_over(*export(library, 1001, 7))
    column = batch.column("string")
    want = expected(1001, 7)["string"]
    del batch
    gc.collect()
    assert column.to_pylist() == want


def test_a_child_may_be_moved_out_and_released_alone(library):
    """The consumer takes one child over; releasing the parent must leave it alone."""
    schema, array = export(library, 9, 0)
    take_over(schema, array).column("binary").validate(full=True)
    schema, array = export(library, 9, 0)
    children = ctypes.cast(array.rest[5], ctypes.POINTER(ctypes.POINTER(ArrowArray)))
    moved = ArrowArray.from_buffer_copy(children[13].contents)
    children[13].contents.rest[ARRAY_RELEASE] = None
    release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    release(array.rest[ARRAY_RELEASE])(ctypes.addressof(array))
    release(schema.rest[SCHEMA_RELEASE])(ctypes.addressof(schema))
    strings = pa.Array._import_from_c(ctypes.addressof(moved), pa.string())
    assert strings.to_pylist() == ["é€😀" * s for s in range(STEPS)]


@pytest.mark.parametrize("nulls_every", [0, 1, 2, 7])
@pytest.mark.parametrize("rows", [0, 1, 8, 9, 1001])
def test_import_takes_over_what_pyarrow_made(library, rows, nulls_every):
    fields = [pa.field(n, t, nullable=nulls_every != 0) for n, (t, _) in COLUMNS.items()]
    batch = pa.RecordBatch.from_pydict(expected(rows, nulls_every), schema=pa.schema(fields))
    back = round_trip(library, batch)
    back.validate(full=True)
    assert back.schema == batch.schema
    assert back.to_pydict() == batch.to_pydict()


@pytest.mark.parametrize("start,length", [(0, 5), (1, 7), (3, 990), (8, 64), (1001, 0)])
def test_import_takes_a_slice(library, start, length):
    """Slices have offsets in the buffers, bits of validity included."""
    fields = [pa.field(n, t) for n, (t, _) in COLUMNS.items()]
    batch = pa.RecordBatch.from_pydict(expected(1001, 7), schema=pa.schema(fields)).slice(start, length)
    assert round_trip(library, batch).to_pydict() == batch.to_pydict()


def test_import_takes_a_sliced_struct(library):
    """Here the offset is the parent's alone, and counts in every child."""
    fields = [pa.field(n, t) for n, (t, _) in COLUMNS.items()]
    whole = pa.RecordBatch.from_pydict(expected(100, 7), schema=pa.schema(fields))
    schema, array, back_schema, back_array = ArrowSchema(), ArrowArray(), ArrowSchema(), ArrowArray()
    whole.to_struct_array().slice(11, 50)._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
    structures = [ctypes.byref(x) for x in (schema, array, back_schema, back_array)]
    call(library.interop_round_trip, *structures)
    assert take_over(back_schema, back_array).to_pydict() == whole.slice(11, 50).to_pydict()


@pytest.mark.parametrize(
    "array,message",
    [
        (pa.array([1], pa.uint8()), "Arrow format 'C'"),
        (pa.array(["a"], pa.large_string()), "Arrow format 'U'"),
        (pa.array(["a"]).dictionary_encode(), "dictionary"),
        (pa.array([[1]]), "Arrow format '+l'"),
        (pa.array([1], pa.timestamp("ns")), "Arrow format 'tsn:'"),
    ],
)
def test_what_batches_do_not_have_is_refused_by_name(library, array, message):
    batch = pa.RecordBatch.from_arrays([array], names=["odd"])
    with pytest.raises(RuntimeError, match=re.escape(message)) as failure:
        round_trip(library, batch)
    assert "odd" in str(failure.value)


def test_any_zone_is_an_instant_in_utc(library):
    instants = pa.array([0, 1], pa.timestamp("us", "Europe/Madrid"))
    back = round_trip(library, pa.RecordBatch.from_arrays([instants], names=["t"]))
    assert back.schema.field("t").type == pa.timestamp("us", "UTC")
    assert back.column("t").cast(pa.int64()).to_pylist() == [0, 1]
