"""The sandbox's SQL Server, used by clients that others wrote: Microsoft's driver (mssql-python), FreeTDS (tsql,
freebcp) and pytds, all unmodified."""

import datetime
import decimal
import shutil
import subprocess
import threading
import time
import uuid

import mssql_python
import pytest

PASSWORD = "sandbox-password"


def connect(sandbox, options="Encrypt=no", database=None, user="sa", password=PASSWORD, **kwargs):
    port = sandbox.info["sqlserver"]["port"]
    text = f"Server=127.0.0.1,{port};UID={user};PWD={password};{options}"
    if database:
        text += f";Database={database}"
    return mssql_python.connect(text, **kwargs)


@pytest.fixture
def conn(sandbox):
    connection = connect(sandbox, autocommit=True)
    yield connection
    connection.close()


def freetds(sandbox, program, *arguments, text=None):
    path = shutil.which(program)
    if not path:
        pytest.skip(f"{program} is not installed")
    port = sandbox.info["sqlserver"]["port"]
    server = ["-H", "127.0.0.1", "-p", str(port)] if program == "tsql" else ["-S", f"127.0.0.1:{port}"]
    login = [*server, "-U", "sa", "-P", PASSWORD]
    return subprocess.run(
        [path, *(login + list(arguments) if program == "tsql" else list(arguments) + login)],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        env={"TDSVER": "7.4", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )


def test_rows_of_every_common_type(conn):
    cursor = conn.cursor()
    cursor.execute("DROP TABLE IF EXISTS every_type")
    cursor.execute(
        "CREATE TABLE every_type (id int NOT NULL, b bit, t tinyint, s smallint, g bigint, d decimal(38,10), m money, "
        "r real, f float, c char(4), v varchar(20), n nvarchar(20), x varbinary(8), da date, dt datetime, d2 datetime2(3), "
        "ti time(0), u uniqueidentifier)"
    )
    cursor.execute(
        "INSERT INTO every_type VALUES (1, 1, 255, -32768, 9223372036854775807, 1234567890123456789012345678.0123456789, "
        "-922337203685477.5808, 1.5, -2.25, 'ab', 'caf\u00e9', N'\u00f1\U0001f511', 0x01FF, '0001-01-01', "
        "'2013-01-01T05:00:00.003', '9999-12-31T23:59:59.999', '23:59:59', '6F9619FF-8B86-D011-B42D-00C04FC964FF')"
    )
    cursor.execute("INSERT INTO every_type (id) VALUES (2)")
    cursor.execute("SELECT * FROM every_type ORDER BY id")
    first, second = cursor.fetchall()
    assert tuple(first) == (
        1, True, 255, -32768, 9223372036854775807, decimal.Decimal("1234567890123456789012345678.0123456789"),
        decimal.Decimal("-922337203685477.5808"), 1.5, -2.25, "ab  ", "caf\u00e9", "\u00f1\U0001f511", b"\x01\xff",
        datetime.date(1, 1, 1), datetime.datetime(2013, 1, 1, 5, 0, 0, 3000),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999000), datetime.time(23, 59, 59),
        uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    )  # fmt: skip
    assert tuple(second) == (2, *[None] * 17)


def test_values_travel_as_parameters(conn):
    cursor = conn.cursor()
    cursor.execute("DROP TABLE IF EXISTS parameters")
    cursor.execute(
        "CREATE TABLE parameters (i int, g bigint, n nvarchar(4000), d decimal(10,3), f float, da date, d2 datetime2(6), "
        "b varbinary(20), z bit)"
    )
    row = (
        -7, 2**40, "it's \u00f1 \U0001f511", decimal.Decimal("-12.345"), 0.1, datetime.date(2020, 2, 29),
        datetime.datetime(2020, 2, 29, 1, 2, 3, 456789), b"\x00\xff'", True,
    )  # fmt: skip
    cursor.execute("INSERT INTO parameters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    # The driver sends a NULL as varchar, which does not become varbinary: not here, not in SQL Server.
    cursor.execute("INSERT INTO parameters VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)", (None,) * 8)
    cursor.execute("SELECT * FROM parameters WHERE i = ?", (-7,))
    assert tuple(cursor.fetchone()) == row
    cursor.execute("SELECT COUNT(*) FROM parameters WHERE i IS NULL AND n IS NULL AND d2 IS NULL")
    assert cursor.fetchone()[0] == 1


def test_offsets_and_fractions_are_kept(conn):
    row = conn.cursor().execute(
        "SELECT CAST('2020-01-01 12:34:56.1234567 +05:30' AS datetimeoffset(7)), "
        "CAST('1900-12-31 23:59:59.9999999' AS datetime2(7)), CAST('0001-01-01 00:00:00 -14:00' AS datetimeoffset(0))"
    ).fetchone()
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    assert row[0] == datetime.datetime(2020, 1, 1, 12, 34, 56, 123456, zone)
    assert row[0].utcoffset() == zone.utcoffset(None)
    assert row[1] == datetime.datetime(1900, 12, 31, 23, 59, 59, 999999)
    assert row[2].utcoffset() == datetime.timedelta(hours=-14)


def test_many_rows_by_prepared_statements(conn):
    cursor = conn.cursor()
    cursor.execute("DROP TABLE IF EXISTS many")
    cursor.execute("CREATE TABLE many (id int, name nvarchar(30))")
    cursor.executemany("INSERT INTO many VALUES (?, ?)", [(i, f"name {i}") for i in range(500)])
    cursor.execute("SELECT COUNT(*), SUM(id), MAX(name) FROM many")
    assert tuple(cursor.fetchone()) == (500, 124750, "name 99")


def test_results_of_a_batch_in_order(conn):
    cursor = conn.cursor()
    cursor.execute("SELECT 1 AS a; SELECT 'x' AS b, NULL AS c")
    assert [tuple(r) for r in cursor.fetchall()] == [(1,)]
    assert cursor.nextset()
    assert [d[0] for d in cursor.description] == ["b", "c"]
    assert [tuple(r) for r in cursor.fetchall()] == [("x", None)]
    assert not cursor.nextset()


def test_transactions_are_rolled_back_and_committed(sandbox):
    connection = connect(sandbox)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS in_transaction")
    cursor.execute("CREATE TABLE in_transaction (id int)")
    connection.commit()
    cursor.execute("INSERT INTO in_transaction VALUES (1)")
    connection.rollback()
    cursor.execute("INSERT INTO in_transaction VALUES (2)")
    cursor.execute("SET FMTONLY ON")  # for statements alone: a commit is a request of its own
    connection.commit()
    cursor.execute("INSERT INTO in_transaction VALUES (3)")
    cursor.execute("SET FMTONLY OFF")
    connection.commit()
    connection.close()
    other = connect(sandbox, autocommit=True)
    assert [r[0] for r in other.cursor().execute("SELECT id FROM in_transaction").fetchall()] == [2]
    other.close()


def test_errors_have_their_numbers_and_leave_the_connection(conn):
    cursor = conn.cursor()
    with pytest.raises(mssql_python.Error, match="(?i)invalid object name"):
        cursor.execute("SELECT * FROM no_such_table").fetchall()
    with pytest.raises(mssql_python.Error, match="ORDER BY number 2 contains a variable"):
        cursor.execute("SELECT x FROM (VALUES (3), (1)) t(x) ORDER BY x, ?", (1,)).fetchall()
    assert cursor.execute("SELECT 7").fetchone()[0] == 7


def test_wrong_logins(sandbox):
    for user, password in (("sa", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(mssql_python.Error, match="Login failed for user"):
            connect(sandbox, user=user, password=password)
    with pytest.raises(mssql_python.Error, match="Cannot open database|Login failed for user"):
        connect(sandbox, database="no_such_database")
    done = freetds(sandbox, "tsql", "-D", "no_such_database", text="SELECT 1\ngo\n")
    assert 'Cannot open database "no_such_database" requested by the login.' in done.stderr


def test_a_query_can_be_cancelled(sandbox):
    connection = connect(sandbox, autocommit=True)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS digits")
    cursor.execute("CREATE TABLE digits (d int)")
    cursor.execute("INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")
    connection.timeout = 1
    slow = connection.cursor()
    crosses = ", ".join(f"digits d{i}" for i in range(12))
    begin = time.monotonic()
    with pytest.raises(mssql_python.Error, match="(?i)timeout"):
        slow.execute(f"SELECT COUNT_BIG(*) FROM {crosses}").fetchall()
    assert time.monotonic() - begin < 50  # it would run for hours
    connection.timeout = 0
    assert cursor.execute("SELECT 1").fetchone()[0] == 1
    connection.close()


def test_connections_side_by_side(sandbox):
    results = {}

    def work(number):
        connection = connect(sandbox, autocommit=True)
        results[number] = connection.cursor().execute("SELECT ?", (number,)).fetchone()[0]
        connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == {n: n for n in range(12)}


def test_tls_wrapped_and_strict(make_sandbox):
    sandbox = make_sandbox("--tls", "--strict")
    certificate = sandbox.info["certificate"]
    for options in (
        "Encrypt=no",
        "Encrypt=yes;TrustServerCertificate=yes",
        f"Encrypt=strict;ServerCertificate={certificate}",
    ):
        connection = connect(sandbox, options, autocommit=True)
        assert connection.cursor().execute("SELECT 42").fetchone()[0] == 42
        connection.close()
    with pytest.raises(mssql_python.Error, match="(?i)certificate"):
        connect(sandbox, "Encrypt=yes")


def test_tsql_prints_a_table(sandbox):
    done = freetds(sandbox, "tsql", text="SELECT 1 AS one, N'\u00f1' AS n, NULL AS nothing\ngo\nSELECT nope\ngo\n")
    assert "one\tn\tnothing\n1\t\u00f1\tNULL\n(1 row affected)" in done.stdout
    assert "Msg 207" in done.stderr


def test_tsql_is_told_why_it_may_not(sandbox):
    done = freetds(sandbox, "tsql", "-P", "wrong", text="SELECT 1\ngo\n")
    assert "Login failed for user 'sa'." in done.stderr
    assert done.returncode != 0


def test_freebcp_loads_a_file(sandbox, conn, tmp_path):
    cursor = conn.cursor()
    cursor.execute("DROP TABLE IF EXISTS loaded")
    cursor.execute(
        "CREATE TABLE loaded (id int NOT NULL, name nvarchar(40), price decimal(10,2), seen datetime, share float)"
    )
    lines = [f"{i}|name {i} \u00f1|{i}.25|2013-01-01 05:00:00.000|{i / 8}" for i in range(3000)]
    lines[7] = "7||||"
    source = tmp_path / "rows.txt"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = freetds(sandbox, "freebcp", "loaded", "in", str(source), "-c", "-t", "|")
    assert "3000 rows copied" in done.stdout, done.stdout + done.stderr
    cursor.execute("SELECT COUNT(*), SUM(id), SUM(price), MAX(share) FROM loaded")
    expected = sum(decimal.Decimal(f"{i}.25") for i in range(3000) if i != 7)
    assert tuple(cursor.fetchone()) == (3000, 4498500, expected, 2999 / 8)
    row = cursor.execute("SELECT name, price, seen, share FROM loaded WHERE id = 7").fetchone()
    assert tuple(row) == (None, None, None, None)
    row = cursor.execute("SELECT name, seen FROM loaded WHERE id = 2999").fetchone()
    assert tuple(row) == ("name 2999 \u00f1", datetime.datetime(2013, 1, 1, 5))


def test_a_load_that_fails_leaves_nothing(sandbox, conn, tmp_path):
    cursor = conn.cursor()
    cursor.execute("DROP TABLE IF EXISTS keyed")
    cursor.execute("CREATE TABLE keyed (id int NOT NULL PRIMARY KEY, name nvarchar(10))")
    source = tmp_path / "rows.txt"
    source.write_text("1|a\n2|b\n1|again\n", encoding="utf-8")
    done = freetds(sandbox, "freebcp", "keyed", "in", str(source), "-c", "-t", "|")
    assert "Violation of PRIMARY KEY constraint" in done.stderr
    assert cursor.execute("SELECT COUNT(*) FROM keyed").fetchone()[0] == 0
    done = freetds(sandbox, "freebcp", "no_such_table", "in", str(source), "-c", "-t", "|")
    assert done.returncode != 0


def test_pytds_reads_rows(sandbox):
    import pytds

    port = sandbox.info["sqlserver"]["port"]
    with pytds.connect("127.0.0.1", "master", "sa", PASSWORD, port=port, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1, N'\u00f1', NULL")
            assert cursor.fetchall() == [(1, "\u00f1", None)]
            cursor.execute("SELECT %s, %s", (5, "x"))
            assert cursor.fetchall() == [(5, "x")]


def test_faults_reach_a_real_client(make_sandbox):
    sandbox = make_sandbox(env={"BRIDGE_SANDBOX_FAULTS": "tds.error=1205,match=unlucky; tds.close_row=1,match=broken"})
    connection = connect(sandbox, autocommit=True)
    with pytest.raises(mssql_python.Error, match="on purpose"):
        connection.cursor().execute("SELECT 'unlucky'").fetchall()
    with pytest.raises(mssql_python.Error, match="(?i)communication link failure"):
        connection.cursor().execute("SELECT 'broken'").fetchall()


def test_very_deep_brackets_are_refused_at_once(bridge):
    """Looking for what stands behind them once took time by the square of their number: minutes for these."""
    deep = "(" * 50000
    result = bridge.run("sql", "--on", "sqlserver", f"SELECT {deep}1{deep.replace('(', ')')}", timeout=60)
    assert result.status == 1
    assert "191" in result.err
