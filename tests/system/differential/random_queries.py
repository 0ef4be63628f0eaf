#!/usr/bin/env python3
"""Random queries to two T-SQL servers: the sandbox must answer as the reference does, or refuse.

    random_queries.py --sandbox HOST:PORT:USER:PASSWORD:DATABASE --reference HOST:PORT:USER:PASSWORD:DATABASE
                      [--seed N] [--count N] [--show]

Run by hand. The reference is any server that speaks TDS 7.4 (Babelfish, SQL Server). A query that the reference refuses and the
sandbox answers counts as a difference as well, unless the reference is known not to have the feature. Needs python-tds.
"""
import argparse
import datetime
import decimal
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
            f"DATEPART({r.choice(['year', 'month', 'day', 'hour', 'dayofyear', 'quarter'])}, {self.moment(d - 1)})",
            f"DATEDIFF({r.choice(['day', 'month', 'year'])}, {self.moment(d - 1)}, {self.moment(d - 1)})",
            f"CAST({self.decimal(d - 1)} AS int)", f"SIGN({x})", f"({x} & {abs(r.randint(0, 15))})", f"COALESCE({x}, {y}, 1)",
            f"YEAR({self.moment(d - 1)})", f"IIF({self.condition(d - 1)}, {x}, {y})", f"FLOOR({x})",
        ])

    def decimal(self, d):
        r = self.r
        if d <= 0:
            return r.choice(["m", "n", "1.5", "0.25", "CAST(b AS decimal(9,2))", "-3.125", "100.00"])
        x, y = (self.decimal(d - 1) for _ in range(2))
        return r.choice([
            f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"({x} / NULLIF({y}, 0))", f"ROUND({x}, {r.randint(0, 2)})",
            f"CAST({x} AS decimal(12,{r.randint(0, 4)}))", f"({x} + {self.integer(d - 1)})", f"ABS({x})", f"CEILING({x})",
            f"FLOOR({x})", f"CASE WHEN {self.condition(d - 1)} THEN {x} ELSE {self.integer(d - 1)} END", f"ISNULL({x}, 0)",
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
            f"{self.text(d - 1)} IS NOT NULL", f"a IN (SELECT b FROM diff_two)", f"EXISTS (SELECT 1 FROM diff_two z WHERE z.b = diff_one.a)",
        ])

    def any(self, d):
        return self.r.choice([self.integer, self.decimal, self.text, self.moment])(d)

    def query(self):
        r = self.r
        kind = r.randrange(6)
        d = r.randint(1, 3)
        if kind == 0:
            key = r.choice(["b", "v", "a % 3", "s", "c"])
            return (f"SELECT {key} AS k, COUNT(*) AS n, SUM({self.integer(1)}) AS s1, MIN({self.decimal(1)}) AS m1, MAX({self.text(0)}) AS x1, "
                    f"AVG({self.decimal(0)}) AS a1, COUNT(DISTINCT {self.integer(0)}) AS cd FROM diff_one WHERE {self.condition(d)} GROUP BY {key}")
        if kind == 1:
            join = r.choice(["INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            return f"SELECT x.a, x.v, y.b, y.w FROM diff_one x {join} diff_two y ON x.a = y.b OR (x.b = y.b AND x.v = y.w)"
        if kind == 2:
            op = r.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            return f"SELECT {self.integer(1)} AS q FROM diff_one {op} SELECT {self.integer(1)} FROM diff_one"
        if kind == 3:
            return (f"SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY a, id) AS rn, SUM(a) OVER (PARTITION BY b) AS sm, "
                    f"RANK() OVER (ORDER BY ISNULL(a, 0)) AS rk FROM diff_one WHERE {self.condition(d)}")
        if kind == 4:
            return f"SELECT DISTINCT {self.integer(d)} AS p, {self.integer(0)} AS q FROM diff_one"
        return f"SELECT id, {self.any(d)} AS e1, {self.any(d)} AS e2 FROM diff_one WHERE {self.condition(d)}"


SCHEMA = [
    "CREATE TABLE diff_one (id int NOT NULL, a int NULL, b int NULL, s smallint NULL, t tinyint NULL, m decimal(10,2) NULL, "
    "n decimal(18,4) NULL, v varchar(20) NULL, w nvarchar(20) NULL, c char(5) NULL, w1 date NULL, w2 datetime2(0) NULL)",
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
            maybe("'2019-%02d-%02d %02d:%02d:%02d'" % (r.randint(1, 12), r.randint(1, 28), r.randint(0, 23), r.randint(0, 59), r.randint(0, 59)))]))
    for _ in range(6):
        yield "INSERT INTO diff_two VALUES (%s, %s)" % (maybe(str(r.randint(0, 5))), maybe(r.choice(["N'abc'", "N'b'", "N'q'"])))


def connect(text):
    host, port, user, password, database = text.split(":", 4)
    return pytds.connect(host, database, user, password, port=int(port), autocommit=True)


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
    """Babelfish rounds quotients at PostgreSQL's scale and forgets the scale of some casts: there numbers may differ behind the point."""
    if a == b:
        return True
    x, y = number(a), number(b)
    loose = "/" in sql or "AS decimal(" in sql
    return loose and x is not None and y is not None and abs(x - y) <= max(decimal.Decimal("0.06"), abs(y) / 1000)


def fold(row):
    """Text as the collation groups it: which of equal texts stands for a group is nobody's promise."""
    return tuple(x.lower().rstrip(" ") if isinstance(x, str) else x for x in row)


def run(connection, sql):
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            return [tuple(plain(x) for x in row) for row in cursor.fetchall()] if cursor.description else [], None
        except pytds.Error as error:
            return None, str(error)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--show", action="store_true", help="print what the sandbox refused, too")
    options = parser.parse_args()
    both = [connect(options.sandbox), connect(options.reference)]
    for c in both:
        for name in ("diff_one", "diff_two"):
            run(c, f"DROP TABLE IF EXISTS {name}")
        for sql in SCHEMA + list(rows(options.seed)):
            _, error = run(c, sql)
            if error:
                sys.exit(f"{sql}: {error}")
    counts = {"same": 0, "both refuse": 0, "sandbox refuses": 0, "reference refuses": 0, "DIFFERENT": 0}
    for i in range(options.count):
        sql = Generator(options.seed * 1000003 + i).query()
        (ours, our_error), (theirs, their_error) = (run(c, sql) for c in both)
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
            a, b = (sorted((fold(row) for row in rows_), key=repr) for rows_ in (ours, theirs))
            if len(a) == len(b) and all(same(x, y, sql) for row_a, row_b in zip(a, b) for x, y in zip(row_a, row_b)):
                counts["same"] += 1
            else:
                counts["DIFFERENT"] += 1
                bad = [(x, y) for x, y in zip(a, b) if x != y][:3]
                print(f"DIFFERENT {sql}\n  sandbox {len(a)} rows, reference {len(b)} rows: {bad}")
    print(counts)
    return 1 if counts["DIFFERENT"] else 0


if __name__ == "__main__":
    sys.exit(main())
