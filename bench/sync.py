"""Sync beside other ways into the same SQL Server: rows by an INSERT event beside freebcp and pyodbc's fast_executemany, rows by an
UPDATE event beside row by row.

    build-venv/bin/python bench/sync.py [--insert N] [--update N] [--sample N] [--executemany N]

pyodbc takes part where it is installed together with mssql-python-odbc, whose driver it uses.

The sandbox stands for the workspace. SQL Server is the sandbox, or what BRIDGE_TEST_SQLSERVER_* names. Times are whole
commands (`sync --once`: start, looks, statuses), of pyodbc the executemany and the commit alone; RSS is the peak of the process,
of pyodbc with the rows that it is given.
"""

import argparse
import contextlib
import decimal
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "system")]

from conftest import PROGRAM, Bridge, Sandbox, named
from sync_runs import Lake
from tds_proxy import Proxy

EVENTS = "main.default.bench_events"
DIGITS = "abcdef"


class Refused(Exception):
    pass


def watched(process):
    """(seconds, MiB of peak RSS) from now to the end of a process that has to end well."""
    began = time.monotonic()
    peak = 0
    while process.poll() is None:  # the kernel's ru_maxrss would count the memory of this process from before exec
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak] + [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")])
        time.sleep(0.01)
    seconds = time.monotonic() - began
    if process.returncode != 0:
        raise Refused(f"status {process.returncode}")
    return seconds, peak / 1024


def odbc_text(server, port):
    return (f"Server=127.0.0.1,{port};Database={server.get('SQLSERVER_DATABASE', 'master')};UID={server['SQLSERVER_USERNAME']};"
            f"PWD={server['SQLSERVER_PASSWORD']};Encrypt=no;TrustServerCertificate=yes")


def executemany(connection_text, rows):
    """What a process of its own does: pyodbc's fast_executemany; prints its seconds."""
    import mssql_python_odbc
    import pyodbc

    place = pathlib.Path(mssql_python_odbc.__file__).parent / "libs/linux/debian_ubuntu/x86_64/lib"
    connection = pyodbc.connect(f"DRIVER={next(place.glob('libmsodbcsql-*'))};{connection_text}")
    cursor = connection.cursor()
    cursor.fast_executemany = True
    values = [(i, f"insert {i}", decimal.Decimal("1.25"), i) for i in range(rows)]
    began = time.monotonic()
    cursor.executemany("INSERT INTO dbo.Bench VALUES (?, ?, ?, ?)", values)
    connection.commit()
    print(time.monotonic() - began)
    connection.close()


class Bench:
    def __init__(self, folder, sandbox):
        self.sandbox = sandbox
        self.server = named("SQLSERVER") or self.sandbox.sqlserver
        self.database = self.server.get("SQLSERVER_DATABASE", "master")
        self.lake = Lake(self.sandbox.databricks)
        self.folder = folder
        self.bridge = Bridge(folder / "bridge", {**self.sandbox.databricks, **self.server, "EVENTS_TABLE": EVENTS,
                                                 "SYNC_LEDGER_TABLE": "dbo.bench_ledger"})
        self.sql("DROP TABLE IF EXISTS dbo.bench_ledger")
        self.bridge.run("init", check=True)
        self.count = 0

    def sql(self, text):
        return self.bridge.sql("sqlserver", text).json()["rows"]

    def source(self, rows, name):
        self.lake("CREATE OR REPLACE TABLE main.default.digits AS " + " UNION ALL ".join(f"SELECT {i} AS d" for i in range(10)))
        number = " + ".join(f"{x}.d * {10 ** i}" for i, x in enumerate(DIGITS))
        tables = " CROSS JOIN ".join(f"main.default.digits AS {x}" for x in DIGITS)
        self.lake(f"CREATE OR REPLACE TABLE main.default.{name} AS SELECT CAST({number} AS INT) AS id, concat('{name} ', CAST({number} AS"
                  f" STRING)) AS name, CAST(1.25 AS DECIMAL(9,2)) AS price, CAST({number} AS BIGINT) AS n FROM {tables}"
                  f" WHERE {number} < {rows}")

    def target(self):
        self.sql("DROP TABLE IF EXISTS dbo.Bench")
        self.sql("CREATE TABLE dbo.Bench (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL, price decimal(9,2) NULL, n bigint NULL)")

    def event(self, operation, source, metadata="{}", settings=None):
        self.count += 1
        self.lake(f"INSERT INTO {EVENTS} (event_id, operation, source_table, target_table, primary_keys, metadata) VALUES"
                  f" ('b{self.count}', '{operation}', 'main.default.{source}', 'dbo.Bench', array('id'), '{metadata}')")
        bridge = Bridge(self.folder / "bridge", {**self.bridge.settings, **(settings or {})})
        return watched(bridge.start("sync", "--once", stdout=subprocess.DEVNULL))

    def freebcp(self, rows):
        """The same rows from a file of text."""
        path = self.folder / "rows.tsv"
        with open(path, "w") as file:
            file.writelines(f"{i}\tinsert {i}\t1.25\t{i}\n" for i in range(rows))
        return watched(subprocess.Popen(
            ["freebcp", "dbo.Bench", "in", path, "-S", f"{self.server['SQLSERVER_HOST']}:{self.server['SQLSERVER_PORT']}",
             "-U", self.server["SQLSERVER_USERNAME"], "-P", self.server["SQLSERVER_PASSWORD"], "-D", self.database, "-c", "-b", "100000"],
            env={**os.environ, "TDSVER": "7.4", "LC_ALL": "C.UTF-8"}, stdout=subprocess.DEVNULL))

    def executemany(self, rows):
        process = subprocess.Popen(
            [sys.executable, __file__, "--peer", odbc_text(self.server, self.server["SQLSERVER_PORT"]), "--executemany", str(rows)],
            stdout=subprocess.PIPE, text=True)
        _, memory = watched(process)
        return float(process.stdout.read()), memory

    def one_by_one(self, rows, port):
        """Seconds for a sample: one prepared statement, executed for each row, committed at the end."""
        import mssql_python

        connection = mssql_python.connect(odbc_text(self.server, port))
        cursor = connection.cursor()
        began = time.monotonic()
        for i in range(rows):
            cursor.execute("UPDATE dbo.Bench SET name = ?, n = ? WHERE id = ?", (f"single {i}", i + 1, i))
        connection.commit()
        seconds = time.monotonic() - began
        connection.close()
        return seconds


def inserts(bench, rows, sample):
    bench.source(rows, "insert")
    ways = [("freebcp", rows, lambda: bench.freebcp(rows))]
    if sample and importlib.util.find_spec("pyodbc"):
        ways.append(("pyodbc, fast_executemany", sample, lambda: bench.executemany(sample)))
    for way in ("staged", "direct"):
        ways.append((way, rows, lambda way=way: bench.event("INSERT", "insert", f'{{"bulk": "{way}"}}')))
    base = None
    for name, count, run in ways:
        bench.target()
        try:
            seconds, memory = run()
        except Refused as error:
            print(f"insert {count} {name}: {error}", flush=True)
            continue
        assert bench.sql("SELECT COUNT(*) FROM dbo.Bench") == [[count]]
        base = base or count / seconds
        print(f"insert {count} {name}: {seconds:.1f} s, {count / seconds:.0f} rows/s, {count / seconds / base:.2f} of the first, {memory:.0f} MiB", flush=True)


def updates(bench, rows, sample):
    bench.target()
    bench.source(rows, "insert")
    bench.event("INSERT", "insert")
    bench.source(rows, "update")
    plain = None
    for delay in (0, 0.001):
        proxy = Proxy(bench.server["SQLSERVER_HOST"], int(bench.server["SQLSERVER_PORT"]))
        proxy.delay = delay
        seconds, memory = bench.event("UPDATE", "update", settings={"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": str(proxy.port)})
        single = bench.one_by_one(sample, proxy.port) / sample * rows
        proxy.stop()
        plain = single if plain is None else plain
        print(f"update {rows}, {delay * 1000:.0f} ms added ({(single - plain) / rows * 1000:.2f} as measured): {seconds:.1f} s, {memory:.0f} MiB;"
              f" row by row {single:.0f} s (from {sample} rows): {single / seconds:.0f} times", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--insert", type=int, default=1_000_000)
    parser.add_argument("--update", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--executemany", type=int, default=100_000)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        executemany(options.peer, options.executemany)
        return
    print(f"{PROGRAM.name} beside freebcp and mssql-python, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(pathlib.Path(folder) / "sandbox")
        try:
            bench = Bench(pathlib.Path(folder), sandbox)
            if options.insert:
                inserts(bench, options.insert, options.executemany)
            if options.update:
                updates(bench, options.update, options.sample)
        finally:
            sandbox.stop()


if __name__ == "__main__":
    main()
