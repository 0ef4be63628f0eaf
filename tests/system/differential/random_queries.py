#!/usr/bin/env python3
"""Random queries to two T-SQL servers: the sandbox must answer as the reference does, or refuse.

    random_queries.py --sandbox HOST:PORT:USER:PASSWORD:DATABASE --reference HOST:PORT:USER:PASSWORD:DATABASE
                      [--seed N] [--count N] [--show]

Run by hand. The reference is any server that speaks TDS 7.4 (Babelfish, SQL Server). Values are compared exactly: letters, blanks, and
the order where the query says one. Not exact are float (14 digits), queries with quotients (see same()), and texts in grouped
queries, where which of several equal texts stands for a group is nobody's promise. What one side alone refuses is counted by itself;
--show prints it. Exit status: 1 if an answer differed. Needs python-tds.
"""
import argparse
import datetime
import decimal
import math
import random
import sys
import uuid

import pytds

TABLE_ROWS = 12


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    # ---- expressions by kind; depth bounds their size ----
    def integer(self, d):
        r = self.r
        if d <= 0:
            return r.choice(["a", "b", "s", "t", str(r.randint(-9, 99)), "NULLIF(b, 3)"])
        x, y = (self.integer(d - 1) for _ in range(2))
        return r.choice([
            f"({x} + {y})", f"({x} - {y})", f"({x} * {r.randint(-3, 7)})", f"({x} / NULLIF({y}, 0))",
            f"({x} % NULLIF({y}, 0))", f"ABS({x})", f"-({x})", f"ISNULL({x}, {y})", f"LEN({self.text(d - 1)})",
            f"CASE WHEN {self.condition(d - 1)} THEN {x} ELSE {y} END", f"CHARINDEX('a', {self.text(d - 1)})",
            f"DATEPART({r.choice(['year', 'month', 'day', 'dayofyear', 'quarter'])}, {self.moment(d - 1)})",
            f"DATEDIFF({r.choice(['day', 'month', 'year'])}, {self.moment(d - 1)}, {self.moment(d - 1)})",
            f"CAST({self.decimal(d - 1)} AS int)", f"SIGN({x})", f"({x} & {abs(r.randint(0, 15))})", f"COALESCE({x}, {y}, 1)",
            f"YEAR({self.moment(d - 1)})", f"IIF({self.condition(d - 1)}, {x}, {y})", f"FLOOR({x})",
            f"DATEDIFF({r.choice(['hour', 'minute', 'second'])}, {self.clock(d - 1)}, {self.clock(d - 1)})",
            f"DATEPART({r.choice(['hour', 'minute', 'second', 'weekday'])}, {self.clock(d - 1)})", f"CAST({self.float(d - 1)} AS int)",
            # Babelfish counts the bytes of UTF-8.
            f"DATALENGTH({r.choice(['v', 'c', 'RTRIM(c)', 'LTRIM(v)', 'UPPER(v)', 'a', 'dt'])})",
        ])

    def decimal(self, d):
        r = self.r
        if d <= 0:
            return r.choice(["m", "n", "1.5", "0.25", "CAST(b AS decimal(9,2))", "-3.125", "100.00"])
        x, y = (self.decimal(d - 1) for _ in range(2))
        scale = r.randint(0, 4)  # rounded before the cast, since Babelfish forgets the scale of some
        return r.choice([
            f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"({x} / NULLIF({y}, 0))", f"ROUND({x}, {r.randint(0, 2)})",
            f"CAST(ROUND({x}, {scale}) AS decimal(12,{scale}))", f"({x} + {self.integer(d - 1)})", f"ABS({x})", f"CEILING({x})",
            f"FLOOR({x})", f"CASE WHEN {self.condition(d - 1)} THEN {x} ELSE {self.integer(d - 1)} END", f"ISNULL({x}, 0)",
        ])

    def float(self, d):
        r = self.r
        if d <= 0:
            # Babelfish takes 1.5E0 for a decimal, and adds real in real.
            return r.choice(["f", "f", "CAST(a AS float)", "CAST('-2.5E-3' AS float)", "CAST(m AS float)", "CAST(n AS float)"])
        x, y = (self.float(d - 1) for _ in range(2))
        return r.choice([
            f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"({x} / NULLIF({y}, 0))", f"ABS({x})", f"FLOOR({x})", f"CEILING({x})",
            f"SQRT(ABS({x}))", f"POWER(ABS({x}), 2)", f"({x} + {self.integer(d - 1)})", f"CASE WHEN {self.condition(d - 1)} THEN {x} ELSE {y} END",
            f"ISNULL({x}, 0)", f"SIGN({x})", f"CAST({self.integer(d - 1)} AS float)",  # ROUND gives a decimal on Babelfish
        ])

    def clock(self, d):
        """datetime, whose ticks are 1/300 of a second."""
        r = self.r
        if d <= 0:
            return r.choice(["dt", "dt", "CAST('2013-01-01 05:30:15.997' AS datetime)", "CAST(w1 AS datetime)", "CAST(w2 AS datetime)"])
        return r.choice([
            f"DATEADD({r.choice(['hour', 'minute', 'second', 'day', 'month'])}, {r.randint(-400, 400)}, {self.clock(d - 1)})",
            f"ISNULL({self.clock(d - 1)}, CAST('2000-01-01' AS datetime))", f"CASE WHEN {self.condition(d - 1)} THEN {self.clock(d - 1)} END",
        ])

    def text(self, d):
        r = self.r
        if d <= 0:
            return r.choice(["v", "w", "c", "'abc'", "N'Zürich'", "'  x '", "''", "'a%b'"])
        x, y = (self.text(d - 1) for _ in range(2))
        return r.choice([
            f"({x} + {y})", f"UPPER({x})", f"LOWER({x})", f"LTRIM({x})", f"RTRIM({x})", f"SUBSTRING({x}, {r.randint(1, 3)}, {r.randint(0, 4)})",
            f"LEFT({x}, {r.randint(0, 4)})", f"RIGHT({x}, {r.randint(0, 4)})", f"REPLACE({x}, 'a', 'bb')", f"CONCAT({x}, {self.integer(d - 1)})",
            f"ISNULL({x}, 'none')", f"CAST({self.integer(d - 1)} AS varchar(12))", f"REVERSE({x})",
            f"CASE WHEN {self.condition(d - 1)} THEN {x} ELSE {y} END", f"CONVERT(varchar(30), CAST({self.moment(d - 1)} AS date), {r.choice([101, 103, 112, 120])})",
            f"CAST({self.decimal(d - 1)} AS varchar(60))", f"REPLICATE({x}, 2)", f"STUFF({x}, 1, 1, 'q')", f"NULLIF({x}, 'abc')",
            f"CONVERT(varchar(30), {self.clock(d - 1)}, {r.choice([101, 103, 108, 112, 120, 121])})", f"TRIM({x})",
        ])

    def moment(self, d):
        r = self.r
        if d <= 0:
            return r.choice(["w1", "w2", "CAST('2020-02-29' AS date)", "CAST('2013-01-01 05:30:15' AS datetime2(0))"])
        return r.choice([
            f"DATEADD({r.choice(['day', 'month', 'year'])}, {r.randint(-40, 40)}, {self.moment(d - 1)})", f"EOMONTH({self.moment(d - 1)})",
            f"CAST({self.moment(d - 1)} AS date)", f"ISNULL({self.moment(d - 1)}, CAST('2000-01-01' AS date))",
        ])

    def condition(self, d):
        r = self.r
        if d <= 0:
            return r.choice(["a = b", "v = w", "m > 1", "b IS NULL", "v LIKE '%a%'", "a < 5", "w1 < '2020-06-01'"])
        op = r.choice(["=", "<>", "<", "<=", ">", ">="])
        return r.choice([
            f"{self.integer(d - 1)} {op} {self.integer(d - 1)}", f"{self.decimal(d - 1)} {op} {self.integer(d - 1)}",
            f"{self.text(d - 1)} = {self.text(d - 1)}", f"{self.moment(d - 1)} {op} {self.moment(d - 1)}",
            f"({self.condition(d - 1)} AND {self.condition(d - 1)})", f"({self.condition(d - 1)} OR {self.condition(d - 1)})",
            f"NOT ({self.condition(d - 1)})", f"{self.text(d - 1)} LIKE '{r.choice(['a%', '%b', '_b%', '[a-c]%', '%x%', '[^a]%'])}'",
            f"{self.integer(d - 1)} IN (1, 2, {r.randint(0, 9)}, NULL)", f"{self.integer(d - 1)} BETWEEN 1 AND {r.randint(1, 50)}",
            f"{self.float(d - 1)} {op} {self.float(d - 1)}", f"{self.clock(d - 1)} {op} {self.clock(d - 1)}", f"{self.text(d - 1)} {op} {self.text(0)}",
            f"{self.text(d - 1)} IS NOT NULL", f"a IN (SELECT b FROM diff_two)", f"EXISTS (SELECT 1 FROM diff_two z WHERE z.b = diff_one.a)",
        ])

    def any(self, d):
        return self.r.choice([self.integer, self.decimal, self.text, self.moment, self.float, self.clock])(d)

    def order(self):
        """Something to order by whose ties the key decides."""
        r = self.r
        # A constant alone is refused (408), and Babelfish does not.
        what = r.choice(["a", "v", "w", "m", "f", "dt", "w1", f"ISNULL(a, 0) + {self.integer(1)}", f"ISNULL(v, '') + {self.text(1)}"])
        return f"{what} {r.choice(['ASC', 'DESC'])}, id"

    def query(self):
        """(SQL, whether rows come in the order said, whether texts stand for groups)."""
        r = self.r
        kind = r.randrange(10)
        d = r.randint(1, 3)
        if kind < 2:
            key = r.choice(["b", "v", "a % 3", "s", "c"])
            having = f" HAVING {r.choice(['COUNT(*) > 1', 'SUM(a) >= 0', 'MAX(b) IS NOT NULL', 'MIN(m) < 5 OR COUNT(DISTINCT b) > 1'])}" if kind else ""
            return (f"SELECT {key} AS k, COUNT(*) AS n, SUM({self.integer(1)}) AS s1, MIN({self.decimal(1)}) AS m1, MAX({self.text(0)}) AS x1, "
                    f"AVG({self.decimal(0)}) AS a1, COUNT(DISTINCT {self.integer(0)}) AS cd, SUM({self.float(0)}) AS sf, MAX({self.clock(0)}) AS lt "
                    f"FROM diff_one WHERE {self.condition(d)} GROUP BY {key}{having}"), False, True
        if kind == 2:
            join = r.choice(["INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            also = "" if join == "FULL JOIN" else " OR (x.b = y.b AND x.v = y.w)"  # PostgreSQL can't join so
            return f"SELECT x.a, x.v, y.b, y.w FROM diff_one x {join} diff_two y ON x.a = y.b{also}", False, False
        if kind == 3:
            op = r.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            return f"SELECT {self.integer(1)} AS q FROM diff_one {op} SELECT {self.integer(1)} FROM diff_one", False, False
        if kind == 4:
            return (f"SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY a, id) AS rn, SUM(a) OVER (PARTITION BY b) AS sm, "
                    f"RANK() OVER (ORDER BY ISNULL(a, 0)) AS rk FROM diff_one WHERE {self.condition(d)}"), False, False
        if kind == 5:
            return f"SELECT DISTINCT {self.integer(d)} AS p, {self.integer(0)} AS q FROM diff_one", False, False
        if kind == 6:
            return f"SELECT id, {self.any(d)} AS e1 FROM diff_one WHERE {self.condition(d)} ORDER BY {self.order()}", True, False
        if kind == 7:
            top = r.choice([f"TOP {r.randint(0, 9)}", f"TOP ({r.randint(1, 5)})"])  # Babelfish knows no PERCENT
            return f"SELECT {top} id, {self.any(1)} AS e1 FROM diff_one ORDER BY {self.order()}", True, False
        if kind == 8:
            return (f"SELECT id, {self.any(1)} AS e1 FROM diff_one ORDER BY {self.order()} "
                    f"OFFSET {r.randint(0, 8)} ROWS FETCH NEXT {r.randint(1, 6)} ROWS ONLY"), True, False
        return f"SELECT id, {self.any(d)} AS e1, {self.any(d)} AS e2 FROM diff_one WHERE {self.condition(d)}", False, False


SCHEMA = [
    "CREATE TABLE diff_one (id int NOT NULL, a int NULL, b int NULL, s smallint NULL, t tinyint NULL, m decimal(10,2) NULL, "
    "n decimal(18,4) NULL, v varchar(20) NULL, w nvarchar(20) NULL, c char(5) NULL, w1 date NULL, w2 datetime2(0) NULL, "
    "f float NULL, dt datetime NULL)",
    "CREATE TABLE diff_two (b int NULL, w nvarchar(20) NULL)",
]


def rows(seed):
    r = random.Random(seed)

    def maybe(x):
        return "NULL" if r.random() < 0.2 else x

    for i in range(TABLE_ROWS):
        yield "INSERT INTO diff_one VALUES (%d, %s)" % (i, ", ".join([
            maybe(str(r.randint(-5, 9))), maybe(str(r.randint(0, 5))), maybe(str(r.randint(-3, 3))), maybe(str(r.randint(0, 9))),
            maybe("%.2f" % r.uniform(-20, 20)), maybe("%.4f" % r.uniform(-5, 5)), maybe(r.choice(["'abc'", "'ABC'", "'b'", "'ab'", "'xa'"])),
            maybe(r.choice(["N'abc'", "N'B'", "N'b'", "N'Zürich'"])), maybe(r.choice(["'ab'", "'c'", "'abc'"])),
            maybe("'20%02d-%02d-%02d'" % (r.randint(0, 25), r.randint(1, 12), r.randint(1, 28))),
            maybe("'2019-%02d-%02d %02d:%02d:%02d'" % (r.randint(1, 12), r.randint(1, 28), r.randint(0, 23), r.randint(0, 59), r.randint(0, 59))),
            maybe(r.choice(["%.6g" % r.uniform(-50, 50), "0.5", "1E10", "-1E-5"])),
            maybe("'20%02d-%02d-%02dT%02d:%02d:%02d.%03d'" % (r.randint(0, 25), r.randint(1, 12), r.randint(1, 28), r.randint(0, 23), r.randint(0, 59),
                                                              r.randint(0, 59), r.choice([0, 3, 7, 10, 997])))]))
    for _ in range(6):
        yield "INSERT INTO diff_two VALUES (%s, %s)" % (maybe(str(r.randint(0, 5))), maybe(r.choice(["N'abc'", "N'b'", "N'q'"])))


class Server:
    """A connection that is made anew where the server has closed it."""

    def __init__(self, text):
        self.host, self.port, self.user, self.password, self.database = text.split(":", 4)
        self.connect()

    def connect(self):
        self.connection = pytds.connect(self.host, self.database, self.user, self.password, port=int(self.port), autocommit=True)

    def run(self, sql):
        """(rows, None) or (None, the error)."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
                return [tuple(plain(x) for x in row) for row in cursor.fetchall()] if cursor.description else [], None
        except pytds.Error as error:
            if "closed connection" in str(error):
                self.connect()
            return None, str(error)


def plain(value):
    """One form for values that only look different: trailing zeros, dates as datetimes."""
    if isinstance(value, decimal.Decimal):
        return value.normalize() if value else decimal.Decimal(0)
    if isinstance(value, (bool, int)):
        return decimal.Decimal(int(value))
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat() + " 00:00:00"
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def number(value):
    try:
        return decimal.Decimal(value) if isinstance(value, (str, decimal.Decimal)) else None
    except decimal.InvalidOperation:
        return None


def same(a, b, sql):
    """Babelfish rounds quotients at PostgreSQL's scale: there numbers may differ behind the point."""
    if a == b:
        return True
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-14, abs_tol=1e-12)
    x, y = number(a), number(b)
    return "/" in sql and x is not None and y is not None and abs(x - y) <= max(decimal.Decimal("0.06"), abs(y) / 1000)


def fold(row):
    """Text as the collation groups it."""
    return tuple(x.lower().rstrip(" ") if isinstance(x, str) else x for x in row)


def equal(ours, theirs, sql, ordered, grouped):
    """(whether two answers are the same, what differs first)."""
    if grouped:
        ours, theirs = (list(map(fold, rows_)) for rows_ in (ours, theirs))
    if not ordered:
        ours, theirs = (sorted(rows_, key=repr) for rows_ in (ours, theirs))
    bad = [(a, b) for a, b in zip(ours, theirs) if not all(same(x, y, sql) for x, y in zip(a, b))]
    return len(ours) == len(theirs) and not bad, bad[:3]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--show", action="store_true", help="print what the sandbox refused, too")
    options = parser.parse_args()
    both = [Server(options.sandbox), Server(options.reference)]
    for c in both:
        for name in ("diff_one", "diff_two"):
            c.run(f"DROP TABLE IF EXISTS {name}")
        for sql in SCHEMA + list(rows(options.seed)):
            _, error = c.run(sql)
            if error:
                sys.exit(f"{sql}: {error}")
    counts = {"same": 0, "both refuse": 0, "sandbox refuses": 0, "reference refuses": 0, "DIFFERENT": 0}
    for i in range(options.count):
        sql, ordered, grouped = Generator(options.seed * 1000003 + i).query()
        (ours, our_error), (theirs, their_error) = (c.run(sql) for c in both)
        if our_error and their_error:
            counts["both refuse"] += 1
        elif our_error:
            counts["sandbox refuses"] += 1
            if options.show:
                print(f"REFUSED {sql}\n  {our_error}\n  reference: {theirs[:3]}")
        elif their_error:
            counts["reference refuses"] += 1
            if options.show:
                print(f"ONLY SANDBOX {sql}\n  {their_error}\n  sandbox: {ours[:3]}")
        else:
            good, bad = equal(ours, theirs, sql, ordered, grouped)
            counts["same" if good else "DIFFERENT"] += 1
            if not good:
                print(f"DIFFERENT {sql}\n  sandbox {len(ours)} rows, reference {len(theirs)} rows: {bad}")
    print(counts)
    return 1 if counts["DIFFERENT"] else 0


if __name__ == "__main__":
    sys.exit(main())
