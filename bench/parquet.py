"""Writes the same lineitem rows with this program's writer and with pyarrow: CPU seconds per million rows and bytes.

    bench/parquet.py BUILD [ROWS [CODEC [LEVEL]]]

One thread each, zstd level 1 unless said otherwise, the row groups of our file; the best of three runs counts.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq


def ours(program, rows, codec, level, path):
    return json.loads(subprocess.check_output([program, str(rows), codec, str(level), "3", str(path)]))


def pyarrow(table, codec, level, path):
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        pq.write_table(
            table, path, compression=codec, compression_level=level if codec == "zstd" else None,
            row_group_size=1 << 20, store_decimal_as_integer=True,
        )  # fmt: skip
        best = min(best, time.process_time() - start)
    return best


def main():
    build = pathlib.Path(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 3_000_000
    codec = sys.argv[3] if len(sys.argv) > 3 else "zstd"
    level = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "ours.parquet"
        other = pathlib.Path(folder) / "pyarrow.parquet"
        run = ours(build / "bench" / "bench_parquet_write", rows, codec, level, path)
        table = pq.read_table(path, use_threads=False).combine_chunks()
        seconds = pyarrow(table, codec, level, other)
        print(f"{'':12} {'CPU s per million rows':>24} {'bytes':>14}")
        print(f"{'this writer':12} {run['per_million_rows']:24.3f} {run['bytes']:14,}")
        print(f"{'pyarrow':12} {seconds * 1e6 / rows:24.3f} {other.stat().st_size:14,}")


if __name__ == "__main__":
    main()
