"""Sync beside other ways into the same SQL Server: rows by an INSERT event beside freebcp and pyodbc's fast_executemany, rows by an
UPDATE event beside row by row.

    build-venv/bin/python bench/sync.py [--insert N] [--update N] [--sample N] [--executemany N]

pyodbc takes part where it is installed together with mssql-python-odbc, whose driver it uses.

The sandbox stands for the workspace. SQL Server is the sandbox, or what BRIDGE_TEST_SQLSERVER_* names. Times are whole
commands (`sync --once`: start, looks, statuses); RSS is the peak of that process.
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
COLUMNS = "id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL, price decimal(9,2) NULL, n bigint NULL"
DIGITS = "abcdef"


def timed(bridge, *arguments):
    """(seconds, MiB of peak RSS) of a command that has to end well."""
    began = time.monotonic()
    process = bridge.start(*arguments, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:  # the kernel's ru_maxrss would count the memory of this process from before exec
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak] + [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")])
        time.sleep(0.01)
    assert process.returncode == 0, process.returncode
    return time.monotonic() - began, peak / 1024


class Bench:
    def __init__(self, folder):
        self.sandbox = Sandbox(folder / "sandbox")
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
        self.sql(f"CREATE TABLE dbo.Bench ({COLUMNS})")

    def event(self, operation, source, metadata="{}", settings=None):
        self.count += 1
        self.lake(f"INSERT INTO {EVENTS} (event_id, operation, source_table, target_table, primary_keys, metadata) VALUES"
                  f" ('b{self.count}', '{operation}', 'main.default.{source}', 'dbo.Bench', array('id'), '{metadata}')")
        bridge = Bridge(self.folder / "bridge", {**self.bridge.settings, **(settings or {})})
        return timed(bridge, "sync", "--once")

    def freebcp(self, rows):
        """The same rows from a file of text."""
        path = self.folder / "rows.tsv"
        with open(path, "w") as file:
            file.writelines(f"{i}\tinsert {i}\t1.25\t{i}\n" for i in range(rows))
        began = time.monotonic()
        subprocess.run(["freebcp", "dbo.Bench", "in", path, "-S", f"{self.server['SQLSERVER_HOST']}:{self.server['SQLSERVER_PORT']}",
                        "-U", self.server["SQLSERVER_USERNAME"], "-P", self.server["SQLSERVER_PASSWORD"], "-D", self.database,
                        "-c", "-b", "100000"], env={**os.environ, "TDSVER": "7.4", "LC_ALL": "C.UTF-8"}, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return time.monotonic() - began

    def odbc_text(self, port):
        return (f"Server=127.0.0.1,{port};Database={self.database};UID={self.server['SQLSERVER_USERNAME']};"
                f"PWD={self.server['SQLSERVER_PASSWORD']};Encrypt=no;TrustServerCertificate=yes")

    def executemany(self, rows):
        """Seconds of pyodbc's fast_executemany for these rows."""
        import mssql_python_odbc
        import pyodbc

        place = pathlib.Path(mssql_python_odbc.__file__).parent / "libs/linux/debian_ubuntu/x86_64/lib"
        driver = next(place.glob("libmsodbcsql-*"))
        connection = pyodbc.connect(f"DRIVER={driver};" + self.odbc_text(self.server["SQLSERVER_PORT"]))
        cursor = connection.cursor()
        cursor.fast_executemany = True
        values = [(i, f"insert {i}", decimal.Decimal("1.25"), i) for i in range(rows)]
        began = time.monotonic()
        cursor.executemany("INSERT INTO dbo.Bench VALUES (?, ?, ?, ?)", values)
        connection.commit()
        seconds = time.monotonic() - began
        connection.close()
        return seconds

    def one_by_one(self, rows, port):
        """Seconds for a sample: one prepared statement, executed for each row, committed at the end."""
        import mssql_python

        connection = mssql_python.connect(self.odbc_text(port))
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
    base = None
    if sample and importlib.util.find_spec("pyodbc"):
        bench.target()
        seconds = bench.executemany(sample)
        print(f"insert {sample} pyodbc, fast_executemany: {seconds:.1f} s, {sample / seconds:.0f} rows/s", flush=True)
    for way in ("freebcp", "staged", "direct"):
        bench.target()
        if way == "freebcp":
            try:
                seconds, memory = bench.freebcp(rows), None
            except subprocess.CalledProcessError as error:
                print(f"insert {rows} freebcp: {' '.join(error.stdout.split())[-200:]}")
                continue
            base = seconds
        else:
            seconds, memory = bench.event("INSERT", "insert", f'{{"bulk": "{way}"}}')
        assert bench.sql("SELECT COUNT(*) FROM dbo.Bench") == [[rows]]
        print(f"insert {rows} {way}: {seconds:.1f} s, {rows / seconds:.0f} rows/s" + (f", {base / seconds:.2f} of freebcp" if base else "")
              + (f", {memory:.0f} MiB" if memory else ""), flush=True)


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
    options = parser.parse_args()
    print(f"{PROGRAM.name} beside freebcp and mssql-python, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(pathlib.Path(folder))
        try:
            if options.insert:
                inserts(bench, options.insert, options.executemany)
            if options.update:
                updates(bench, options.update, options.sample)
        finally:
            bench.sandbox.stop()


if __name__ == "__main__":
    main()
