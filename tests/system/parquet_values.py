"""The values that tests/interop/parquet_interop.c puts into a file, worked out independently as a pyarrow table."""

import decimal

import numpy as np
import pyarrow as pa

DAYS_OF_YEARS = 3652059
DAYS_BEFORE_1970 = 719162
DAY_US = 86400000000

TYPES = {
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "decimal9": pa.decimal128(9, 2),
    "decimal18": pa.decimal128(18, 4),
    "money": pa.decimal128(19, 4),
    "decimal38": pa.decimal128(38, 10),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "instant": pa.timestamp("us", tz="UTC"),
    "string": pa.string(),
    "binary": pa.binary(),
}


def mix(x):
    """splitmix64's finaliser, modulo 2^64 as numpy's unsigned numbers do."""
    x = np.asarray(x, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def base(pattern, rows, column):
    r = np.arange(rows, dtype=np.uint64)
    c = np.uint64(column)
    lanes = np.uint64(64)
    return {
        "few": lambda: mix(r % np.uint64(7) * lanes + c),
        "some": lambda: mix(mix(r) % np.uint64(5000) * lanes + c),
        "runs": lambda: mix(r // np.uint64(1000) * lanes + c),
        "sorted": lambda: r,
        "constant": lambda: np.full(rows, 42, dtype=np.uint64),
        "random": lambda: mix(r * lanes + c),
    }[pattern]()


def null_mask(nulls, rows, column):
    r = np.arange(rows, dtype=np.uint64)
    c = np.uint64(column)
    return {
        "none": lambda: np.zeros(rows, dtype=bool),
        "all": lambda: np.ones(rows, dtype=bool),
        "third": lambda: (r + c) % np.uint64(3) == 0,
        "random": lambda: mix(r * np.uint64(64) + c + np.uint64(7777777)) % np.uint64(2) == 0,
        "rare": lambda: (r + c) % np.uint64(5000) == 4999,
        "first": lambda: r < rows // 2,
        "runs": lambda: r // np.uint64(700) % np.uint64(2) == 1,
    }[nulls]()


def scaled(number, scale):
    """number × 10^-scale, exact at any size."""
    sign, digits, _ = decimal.Decimal(number).as_tuple()
    return decimal.Decimal((sign, digits, -scale))


def wide_decimal(v, mixed, precision, scale):
    number = ((v << 64) | mixed) % 10**precision
    return scaled(-number if v & 1 else number, scale)


def text(v, length):
    if length == 0:
        return f"v{v}" + ("" if v & 1 else " ä€")
    words = mix(np.uint64(v) + np.arange(0, length, 8, dtype=np.uint64))
    nibbles = words.view(np.uint8) & 15
    return (nibbles[:length] + ord("a")).tobytes().decode()


def numbers(name, v):
    """A column of numbers as (values, type to build it with)."""
    signed = v.view(np.int64)
    low = v.astype(np.uint32).view(np.int32)
    return {
        "bool": lambda: (v & np.uint64(1)).astype(bool),
        "int16": lambda: v.astype(np.uint16).view(np.int16),
        "int32": lambda: low,
        "int64": lambda: signed,
        "float": lambda: (low >> 8).astype(np.float32) / np.float32(16),
        "double": lambda: (signed >> 11).astype(np.float64) / 1024,
        "date": lambda: (v % np.uint64(DAYS_OF_YEARS)).astype(np.int32) - DAYS_BEFORE_1970,
        "time": lambda: (v % np.uint64(DAY_US)).astype(np.int64),
        "timestamp": lambda: (v % np.uint64(DAYS_OF_YEARS * DAY_US)).astype(np.int64) - DAYS_BEFORE_1970 * DAY_US,
    }["timestamp" if name == "instant" else name]()


def column(name, v, mask, length):
    kind = TYPES[name]
    if name in ("decimal9", "decimal18"):
        limit = {"decimal9": 10**9, "decimal18": 10**18}[name]
        items = [scaled(int(x), kind.scale) for x in np.fmod(v.view(np.int64), np.int64(limit))]
    elif name in ("money", "decimal38"):
        items = [wide_decimal(int(x), int(m), kind.precision, kind.scale) for x, m in zip(v, mix(v))]
    elif name == "string":
        items = [text(int(x), length) for x in v]
    elif name == "binary":
        items = [(int(x).to_bytes(8, "little") * 3)[: int(x) % 25] for x in v]
    else:
        values = pa.array(numbers(name, v), mask=mask)
        return values if values.type == kind else values.cast({"date": pa.int32()}.get(name, pa.int64())).cast(kind)
    return pa.array([None if m else item for item, m in zip(items, mask)], type=kind)


def expected(rows, pattern="random", nulls="none", required=False, columns=0, text_length=0):
    names = [f"c{i}" for i in range(columns)] or list(TYPES)
    arrays = []
    for i, name in enumerate(names):
        mask = null_mask("none" if required else nulls, rows, i)
        v = base(pattern, rows, i)
        arrays.append(column("int32" if columns else name, v, mask, text_length))
    fields = [pa.field(n, a.type, nullable=not required) for n, a in zip(names, arrays)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
