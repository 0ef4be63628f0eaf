"""Extracts one query with this program and with others, on one server, in one run: CPU, time, memory and file size.

    bench/extract.py PROGRAM [--runs 3] [--database bench] [--query 'SELECT * FROM dbo.lineitem'] [--only NAME]… [--json FILE]

The server is named by BRIDGE_TEST_SQLSERVER_HOST, _PORT, _USERNAME, _PASSWORD and _CA_FILE, as for the tests. Every peer that can
be imported takes part. bench/README.md says what is measured.
"""

import argparse
import glob
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BATCH_ROWS = 65_536
ROW_GROUP_ROWS = 1 << 20


def server():
    names = ("HOST", "PORT", "USERNAME", "PASSWORD", "CA_FILE")
    values = {name: os.environ.get(f"BRIDGE_TEST_SQLSERVER_{name}", "") for name in names}
    if not values["HOST"]:
        sys.exit("BRIDGE_TEST_SQLSERVER_HOST and its like don't name a server")
    values["PORT"] = values["PORT"] or "1433"
    return values


# --- the peers, each in a process of its own ---


def write(batches, path):
    """Streams record batches into row groups as large as this program's, with pyarrow's writer as it does best."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    kept, rows = [], 0

    def flush():
        table = pa.Table.from_batches(kept)
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        kept.clear()

    for batch in batches:
        if writer is None:
            writer = pq.ParquetWriter(
                path, batch.schema, compression="zstd", compression_level=1, store_decimal_as_integer=True
            )
        kept.append(batch)
        rows += batch.num_rows
        if rows >= ROW_GROUP_ROWS:
            flush()
            rows = 0
    if kept:
        flush()
    writer.close()


def odbc_string(s, database, encrypted):
    security = "Encrypt=yes;TrustServerCertificate=yes" if encrypted else "Encrypt=no"
    return f"Server={s['HOST']},{s['PORT']};Database={database};UID={s['USERNAME']};PWD={s['PASSWORD']};{security}"


def mssql_python(s, database, query, path, encrypted):
    import mssql_python as driver

    cursor = driver.connect(odbc_string(s, database, encrypted)).cursor()
    cursor.execute(query)
    write(cursor.arrow_reader(BATCH_ROWS), path)


def mssql_python_rows(s, database, query, path, encrypted):
    import mssql_python as driver
    import pyarrow as pa

    cursor = driver.connect(odbc_string(s, database, encrypted)).cursor()
    cursor.execute(query)
    names = [column[0] for column in cursor.description]

    def batches():
        schema = None
        while rows := cursor.fetchmany(BATCH_ROWS):
            arrays = [pa.array(column) for column in zip(*(tuple(row) for row in rows))]
            batch = pa.record_batch(arrays, names=names)
            # The precision of decimals is taken from the first values; one for all batches has to do.
            if schema is None:
                wide = [pa.decimal128(18, f.type.scale) if pa.types.is_decimal(f.type) else f.type for f in batch.schema]
                schema = pa.schema(zip(names, wide))
            yield batch.cast(schema)

    write(batches(), path)


def arrow_odbc(s, database, query, path, encrypted):
    import arrow_odbc as driver
    import mssql_python_odbc

    folder = pathlib.Path(mssql_python_odbc.__file__).parent
    library = glob.glob(str(folder / "libs/linux/debian_ubuntu/x86_64/lib/libmsodbcsql-*"))[0]
    reader = driver.read_arrow_batches_from_odbc(
        query, f"Driver={library};{odbc_string(s, database, encrypted)}", batch_size=BATCH_ROWS
    )
    write(reader, path)


def connectorx(s, database, query, path, encrypted):
    from urllib.parse import quote

    import connectorx as driver

    security = f"encrypt={'true' if encrypted else 'false'}&trust_server_certificate=true"
    url = f"mssql://{quote(s['USERNAME'])}:{quote(s['PASSWORD'])}@{s['HOST']}:{s['PORT']}/{database}?{security}"
    write(driver.read_sql(url, query, return_type="arrow_stream", batch_size=BATCH_ROWS), path)


PEERS = {
    "mssql-python": (mssql_python, ["mssql_python"]),
    "mssql-python, rows": (mssql_python_rows, ["mssql_python"]),
    "arrow-odbc": (arrow_odbc, ["arrow_odbc", "mssql_python_odbc"]),
    "connectorx": (connectorx, ["connectorx"]),
}


def peer_main(name, encrypted, database, query, path):
    PEERS[name][0](server(), database, query, path, encrypted == "1")


def can_run(name):
    code = "import pyarrow.parquet, " + ", ".join(PEERS[name][1])
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


# --- measuring ---


def product_command(program, folder, database, query):
    (folder / "queries").mkdir()
    (folder / "config").mkdir()
    (folder / "queries" / "result.sql").write_text(query)
    (folder / "config" / "common_params.yaml").write_text(f"database: {database}\n")
    (folder / "config" / "X.yaml").write_text("{}\n")
    return [
        program, "extract", "-q", folder / "queries", "-c", folder / "config", "--country", "X", "-d", folder / "out",
    ]  # fmt: skip


def product_environment(s, encrypted):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQLSERVER_")}
    for name, value in s.items():
        if value:
            environment[f"SQLSERVER_{name}"] = value
    environment["SQLSERVER_ENCRYPT"] = "mandatory" if encrypted else "optional"
    return environment


def measure(program, name, encrypted, database, query):
    """One run in a folder of its own; None where it fails."""
    import pyarrow.parquet as pq

    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-extract-"))
    try:
        if name == "product":
            command, environment = product_command(program, folder, database, query), product_environment(server(), encrypted)
        else:
            path = folder / "result.parquet"
            command = [sys.executable, __file__, "--peer", name, "1" if encrypted else "0", database, query, path]
            environment = None
        begin = time.monotonic()
        with open(folder / "log", "wb") as log:
            child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
        if status != 0:
            print(f"{name} failed:\n{(folder / 'log').read_text()[-1000:]}", file=sys.stderr)
            return None
        files = sorted(folder.rglob("*.parquet"))
        metadata = [pq.read_metadata(file) for file in files]
        rows = sum(m.num_rows for m in metadata)
        return {
            "cpu": (usage.ru_utime + usage.ru_stime) * 1e6 / rows,
            "user": usage.ru_utime * 1e6 / rows,
            "system": usage.ru_stime * 1e6 / rows,
            "wall": wall,
            "rss_mib": usage.ru_maxrss / 1024,
            "bytes": sum(file.stat().st_size for file in files),
            "rows": rows,
            "row_groups": sum(m.num_row_groups for m in metadata),
        }
    finally:
        shutil.rmtree(folder)


def versions():
    from importlib import metadata

    names = ("pyarrow", "mssql-python", "arrow-odbc", "connectorx")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def show(medians):
    print(f"{'':20} {'TLS':4} {'CPU s/M rows':>12} {'user':>7} {'system':>7} {'ratio':>6} {'wall s':>7} {'RSS MiB':>8} {'bytes':>12} {'groups':>6}")
    for (name, encrypted), m in medians.items():
        ours = medians.get(("product", encrypted))
        ratio = f"{m['cpu'] / ours['cpu']:.1f}" if ours else ""
        print(
            f"{name:20} {'yes' if encrypted else 'no':4} {m['cpu']:12.3f} {m['user']:7.3f} {m['system']:7.3f} {ratio:>6} "
            f"{m['wall']:7.1f} {m['rss_mib']:8.0f} {m['bytes']:12,} {m['row_groups']:6}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--database", default="bench")
    parser.add_argument("--query", default="SELECT * FROM dbo.lineitem")
    parser.add_argument("--only", action="append", help="only these: product or a peer's name (repeatable)")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    names = ["product"] + [name for name in PEERS if can_run(name)]
    names = [name for name in names if not options.only or name in options.only]
    contestants = [(name, encrypted) for encrypted in (False, True) for name in names]
    runs = {contestant: [] for contestant in contestants}
    for i in range(options.runs):
        for name, encrypted in contestants:
            result = measure(options.program, name, encrypted, options.database, options.query)
            if result is not None:
                runs[name, encrypted].append(result)
                print(f"run {i + 1}, {name}, TLS {encrypted}: {result['cpu']:.3f}", file=sys.stderr)
    medians = {
        contestant: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for contestant, results in runs.items()
        if results
    }
    if len({m["rows"] for m in medians.values()}) > 1:
        sys.exit(f"The row counts differ: {medians}")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    show(medians)
    if options.json:
        options.json.write_text(json.dumps([{"name": n, "tls": t, **m} for (n, t), m in medians.items()], indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer_main(*sys.argv[2:7])
    else:
        main()
