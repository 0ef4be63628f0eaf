"""Bulk loads (src/tds/load.h) through a flow, from one table of a server into another: every type, and loads that end early. Against
the sandbox; where BRIDGE_TEST_SQLSERVER_* names a server, against that too, in a database where tables may be dropped."""

import os
import pathlib
import subprocess

import mssql_python
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()

COLUMNS = """id int NOT NULL, b bit, t tinyint, s smallint NOT NULL, g bigint, d5 decimal(5,2), d18 decimal(18,4) NOT NULL,
 d28 decimal(28,0), d38 decimal(38,10), m money, sm smallmoney NOT NULL, r real, f float NOT NULL, c char(4), v varchar(20),
 vm varchar(max), tx text, nc nchar(3), n nvarchar(20), n4 nvarchar(4000), nm nvarchar(max), nt ntext, x xml, bi binary(3),
 vb varbinary(8), vbm varbinary(max), im image, da date, t0 time(0), t6 time(6), sd smalldatetime, dt datetime, d20 datetime2(0),
 d26 datetime2(6), dto datetimeoffset(3), u uniqueidentifier"""
VALUES = """1, 1, 255, -32768, 9223372036854775807, -999.99, 99999999999999.9999, 9999999999999999999999999999,
 -1234567890123456789012345678.0123456789, -922337203685477.5808, 214748.3647, 1.5, -1e300, 'ab', 'caf\u00e9 \u20ac', 'vm \u00e9',
 'text \u00e9', N'\u65e5a', N'\u00f1\U0001f511', REPLICATE(N'\u00e9x', 2000),
 REPLICATE(CAST(N'long \u65e5 ' AS nvarchar(max)), 5000), N'ntext \u65e5', N'<a>\u00e9</a>', 0x010203, 0xFF00, 0x00FF, 0x0102,
 '0001-01-01', '23:59:59', '23:59:59.999999', '2079-06-06T23:59:00', '9999-12-31T23:59:59.997', '9999-12-31T23:59:59',
 '1969-12-31T23:59:59.123456', '2020-02-29T12:00:00.123+00:00', '6F9619FF-8B86-D011-B42D-00C04FC964FF'"""
EMPTY = """3, 0, 0, 7, 0, 0, 0.0001, 0, 0, 0, 0, 0, 0, '', '', '', '', N'', N'', N'', N'', N'', N'<b/>', 0x, 0x, 0x, 0x,
 '9999-12-31', '00:00:00', '00:00:00', '1900-01-01', '1753-01-01', '0001-01-01', '0001-01-01', '0001-01-01T00:00:00+00:00',
 '00000000-0000-0000-0000-000000000000'"""


class Server:
    def __init__(self, host, port, user, password, database):
        self.address = [host, str(port), user, database]
        self.password = password
        self.sandbox = False
        text = f"Server={host},{port};UID={user};PWD={password};Encrypt=no;TrustServerCertificate=yes;Database={database}"
        self.connection = mssql_python.connect(text, autocommit=True)
        self.cursor = self.connection.cursor()

    def run(self, sql):
        self.cursor.execute(sql)

    def rows(self, sql):
        return [tuple(row) for row in self.cursor.execute(sql).fetchall()]

    def make(self, table, columns):
        self.run(f"DROP TABLE IF EXISTS {table}")
        self.run(f"CREATE TABLE {table} ({columns})")

    def load(self, mode, query, table):
        """The two lines that the program prints: what came of it, and whether the connection still works."""
        result = subprocess.run(
            [BUILD / "tests/interop/load_interop", mode, *self.address, query, table],
            env={**os.environ, "BRIDGE_TEST_SQLSERVER_PASSWORD": self.password},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()


@pytest.fixture(params=["sandbox", "server"])
def server(request):
    if request.param == "sandbox":
        port = request.getfixturevalue("sandbox").info["sqlserver"]["port"]
        made = Server("127.0.0.1", port, "sa", "sandbox-password", "master")
        made.sandbox = True
    else:
        names = {n: os.environ.get(f"BRIDGE_TEST_SQLSERVER_{n}", "") for n in ("HOST", "PORT", "USERNAME", "PASSWORD")}
        if not names["HOST"]:
            pytest.skip("BRIDGE_TEST_SQLSERVER_HOST names no server")
        database = os.environ.get("BRIDGE_TEST_SQLSERVER_DATABASE") or "tempdb"
        made = Server(names["HOST"], names["PORT"] or "1433", names["USERNAME"], names["PASSWORD"], database)
    yield made
    made.connection.close()


def test_every_type_arrives_as_it_is(server):
    server.make("load_source", COLUMNS)
    server.make("load_target", COLUMNS)
    server.run(f"INSERT INTO load_source VALUES ({VALUES})")
    server.run("INSERT INTO load_source (id, s, d18, sm, f) VALUES (2, 0, 0, 0, 0)")
    server.run(f"INSERT INTO load_source VALUES ({EMPTY})")
    assert server.load("copy", "SELECT * FROM load_source", "load_target") == ["3 rows", "usable"]
    expected = server.rows("SELECT * FROM load_source ORDER BY id")
    got = server.rows("SELECT * FROM load_target ORDER BY id")
    assert got == expected


def test_what_is_given_up_or_rolled_back_leaves_nothing(server):
    server.make("load_source", "id int NOT NULL, n nvarchar(4000)")
    server.make("load_target", "id int NOT NULL, n nvarchar(4000)")
    for i in range(20):
        server.run(f"INSERT INTO load_source VALUES ({i}, REPLICATE(N'x', 4000))")
    # One row stays in the first packet, twenty fill several.
    for query in ("SELECT TOP 1 * FROM load_source", "SELECT * FROM load_source"):
        assert server.load("give-up", query, "load_target") == ["cancelled: given up", "usable"]
    assert server.load("transaction", "SELECT * FROM load_source", "load_target") == ["20 rows", "usable"]
    assert server.rows("SELECT COUNT(*) FROM load_target") == [(0,)]


def test_rows_that_the_server_or_the_column_refuses(server):
    server.make("load_target", "id int NOT NULL PRIMARY KEY, n nvarchar(5) NULL")
    assert server.load("copy", "SELECT 1 AS id, N'abc' AS n", "load_target") == ["1 rows", "usable"]
    said, usable = server.load("copy", "SELECT 1 AS id, N'abc' AS n", "load_target")
    assert "error 2627" in said and usable == "usable"
    said, usable = server.load("copy", "SELECT 2 AS id, N'abcdef' AS n", "load_target")
    assert "Row 1, column 2 (n): 6 UTF-16 code units, the column takes 5" in said and usable == "usable"
    said, usable = server.load("copy", "SELECT 1 AS nothing_like_it", "load_target")
    assert "nothing_like_it" in said and usable == "usable"
    assert server.rows("SELECT * FROM load_target") == [(1, "abc")]


def test_identity_columns_keep_values_sent_and_get_those_that_are_not(server):
    server.make("load_target", "id int IDENTITY(1,1) NOT NULL, n nvarchar(5) NULL")
    assert server.load("copy", "SELECT N'a' AS n", "load_target") == ["1 rows", "usable"]
    assert server.load("copy", "SELECT 77 AS id, N'b' AS n", "load_target") == ["1 rows", "usable"]
    assert server.rows("SELECT * FROM load_target ORDER BY id") == [(1, "a"), (77, "b")]


def test_types_of_the_source_are_cast_to_those_of_the_table(server):
    server.make("load_target", "id bigint NOT NULL, d decimal(10,2), da date, v varchar(20)")
    query = "SELECT CAST(7 AS int) AS id, N'12.5' AS d, CAST('2024-02-29' AS datetime2(3)) AS da, CAST(1.25 AS float) AS v"
    assert server.load("copy", query, "load_target") == ["1 rows", "usable"]
    assert server.rows("SELECT CAST(d AS varchar(20)), CAST(da AS varchar(20)), v FROM load_target") == [("12.50", "2024-02-29", "1.25")]


def test_chars_of_other_code_pages_and_sql_variant(server):
    if server.sandbox:
        pytest.skip("the sandbox has neither")
    columns = """id int NOT NULL, g varchar(20) COLLATE Greek_CI_AS, j char(6) COLLATE Japanese_CI_AS, c varchar(max) COLLATE Cyrillic_General_CI_AS,
 sv sql_variant"""
    server.make("load_source", columns)
    server.make("load_target", columns)
    server.run("INSERT INTO load_source VALUES (1, N'\u03b1\u03b2\u03b3', N'\u30ab\u6f22', N'\u0436\u0444', CAST(42 AS int))")
    server.run("INSERT INTO load_source VALUES (2, NULL, NULL, NULL, NULL)")
    server.run("INSERT INTO load_source VALUES (3, '', '', '', N'\u03b1')")
    assert server.load("copy", "SELECT * FROM load_source", "load_target") == ["3 rows", "usable"]
    query = "SELECT id, g, j, c, CAST(sv AS nvarchar(20)) FROM {} ORDER BY id"  # a sql_variant arrives as nvarchar
    expected = server.rows(query.format("load_source"))
    assert expected[0] == (1, "\u03b1\u03b2\u03b3", "\u30ab\u6f22  ", "\u0436\u0444", "42")
    assert server.rows(query.format("load_target")) == expected
