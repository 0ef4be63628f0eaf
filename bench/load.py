"""Loads the same rows into one table with this program's bulk load and with others, on one server, in one run: CPU of the client.

    bench/load.py BUILD [--rows 1000000] [--runs 3] [--database NAME] [--only NAME]… [--json FILE]

BUILD holds bench/bench_load. The server is named by BRIDGE_TEST_SQLSERVER_HOST, _PORT, _USERNAME and _PASSWORD. Peers that are not
there are left out. bench/README.md says what is measured.
"""

import argparse
import datetime
import decimal
import glob
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TABLE = "dbo.bench_load"
COLUMNS = """l_orderkey bigint NOT NULL, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int NOT NULL,
 l_quantity decimal(15,2) NOT NULL, l_extendedprice decimal(15,2) NOT NULL, l_discount decimal(15,2) NOT NULL,
 l_tax decimal(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL,
 l_commitdate date NOT NULL, l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL,
 l_comment varchar(44) NOT NULL"""
TYPES = "iiiiddddccDDDccc"  # of the columns, for peers that take Python's values


def server():
    names = ("HOST", "PORT", "USERNAME", "PASSWORD")
    values = {name: os.environ.get(f"BRIDGE_TEST_SQLSERVER_{name}", "") for name in names}
    if not values["HOST"]:
        sys.exit("BRIDGE_TEST_SQLSERVER_HOST and its like don't name a server")
    values["PORT"] = values["PORT"] or "1433"
    return values


def odbc_driver():
    import mssql_python_odbc

    folder = pathlib.Path(mssql_python_odbc.__file__).parent
    return glob.glob(str(folder / "libs/linux/debian_ubuntu/x86_64/lib/libmsodbcsql-*"))[0]


def odbc_text(s, database):
    return f"Server={s['HOST']},{s['PORT']};UID={s['USERNAME']};PWD={s['PASSWORD']};Encrypt=no;Database={database}"


def sql(s, database, text):
    import mssql_python

    connection = mssql_python.connect(odbc_text(s, database), autocommit=True)
    cursor = connection.cursor()
    cursor.execute(text)
    row = cursor.fetchone() if cursor.description else None
    connection.close()
    return row


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def python_rows(path):
    make = {"i": int, "d": decimal.Decimal, "D": lambda text: datetime.date.fromisoformat(text[:10]), "c": str}
    makers = [make[t] for t in TYPES]
    with open(path, encoding="ascii") as file:
        return [tuple(m(v) for m, v in zip(makers, line.rstrip("\n").split("\t"))) for line in file]


def peer(name, database, path):
    """Runs inside a process of its own; prints the CPU seconds of the load alone."""
    s = server()
    rows = python_rows(path)
    insert = f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(TYPES))})"
    if name == "pyodbc":
        import pyodbc

        connection = pyodbc.connect(f"DRIVER={odbc_driver()};{odbc_text(s, database)}")
        cursor = connection.cursor()
        cursor.fast_executemany = True
    else:
        import mssql_python

        connection = mssql_python.connect(odbc_text(s, database))
        cursor = connection.cursor()
    before = cpu()
    if name == "mssql-python, bulkcopy":
        cursor.bulkcopy(TABLE, rows, table_lock=True)
        rows = []
    for i in range(0, len(rows), 50_000):
        cursor.executemany(insert, rows[i : i + 50_000])
    connection.commit()
    print(json.dumps({"cpu_seconds": cpu() - before}))


def measured(command, env=None):
    """CPU seconds of a whole process with its children, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0:
        raise RuntimeError((result.stdout + result.stderr).strip()[-400:])
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, time.monotonic() - start, result.stdout


def freebcp(s, database, *arguments):
    login = ["-S", f"{s['HOST']}:{s['PORT']}", "-U", s["USERNAME"], "-P", s["PASSWORD"], "-D", database]
    return measured(["freebcp", TABLE, *arguments, *login], env={**os.environ, "TDSVER": "7.4", "LC_ALL": "C.UTF-8"})


def contestants(s, database, build, rows, folder):
    def ours():
        command = [f"{build}/bench/bench_load", str(rows), "lineitem", s["HOST"], s["PORT"], database, TABLE]
        _, wall, text = measured(command)
        return json.loads(text)["cpu_seconds"], wall

    def freebcp_in():
        seconds, wall, _ = freebcp(s, database, "in", f"{folder}/rows-c", "-c", "-b", str(10 * rows))
        return seconds, wall

    def python(name):
        def run():
            command = [sys.executable, __file__, "--peer", name, "--database", database, "--file", f"{folder}/rows-c", str(build)]
            _, wall, text = measured(command)
            return json.loads(text)["cpu_seconds"], wall

        return run

    return {
        "this program": ours,
        "freebcp": freebcp_in,
        "pyodbc, fast_executemany": python("pyodbc"),
        "mssql-python, executemany": python("mssql-python, executemany"),
        "mssql-python, bulkcopy": python("mssql-python, bulkcopy"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--database", default="master")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--json")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options.peer, options.database, options.file)
    s = server()
    folder = tempfile.mkdtemp(prefix="bench-load-")
    make = f"DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} ({COLUMNS})"
    runs = contestants(s, options.database, options.build, options.rows, folder)
    sql(s, options.database, make)
    runs["this program"]()
    freebcp(s, options.database, "out", f"{folder}/rows-c", "-c")
    figures = {}
    for _ in range(options.runs):
        for name, run in runs.items():
            if (options.only and name not in options.only) or name in figures and figures[name] is None:
                continue
            sql(s, options.database, make)
            try:
                result = run()
                count = sql(s, options.database, f"SELECT COUNT(*) FROM {TABLE}")[0]
                if count != options.rows:
                    raise RuntimeError(f"{count} rows arrived")
                figures.setdefault(name, []).append(result)
            except (RuntimeError, OSError) as error:
                print(f"{name}: left out: {error}", file=sys.stderr)
                figures[name] = None
    shutil.rmtree(folder)
    report(figures, options)


def report(figures, options):
    base = statistics.median(f[0] for f in figures["this program"])
    print("| client | CPU s per million rows | beside this program | wall s |\n|---|---|---|---|")
    out = []
    for name, values in figures.items():
        if values:
            seconds = statistics.median(v[0] for v in values)
            wall = statistics.median(v[1] for v in values)
            out.append({"name": name, "cpu_seconds": seconds * 1e6 / options.rows, "ratio": seconds / base, "wall": wall})
            print(f"| {name} | {seconds * 1e6 / options.rows:.3f} | {seconds / base:.1f} | {wall:.1f} |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
