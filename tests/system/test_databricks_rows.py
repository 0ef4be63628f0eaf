"""Tables of a workspace as record batches, value by value, inline and through links to Arrow streams.

The sandbox's workspace holds the tables, and the one that BRIDGE_TEST_DATABRICKS_* names; links are also read by databricks-sdk and
pyarrow, and a server of the test's own serves streams that pyarrow wrote.
"""

import datetime
import decimal
import io
import json
import os
import pathlib
import subprocess
import uuid

import pyarrow as pa
import pytest
import requests
from answering import Answering
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.service.sql import Disposition, Format, StatementState

BUILD = pathlib.Path(
    os.environ.get("BRIDGE_TEST_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")
)
INTEROP = BUILD / "tests" / "interop" / "databricks_interop"
TOKEN = "sandbox-token"
BIG_ROWS = 200_000


def call(host, *arguments, token=TOKEN, check=True, warehouse="sandbox", catalog="main", schema="default"):
    completed = subprocess.run(
        [str(INTEROP), host, *map(str, arguments)],
        env={
            **os.environ,
            "INTEROP_TOKEN": token,
            "INTEROP_WAREHOUSE": warehouse,
            "INTEROP_CATALOG": catalog,
            "INTEROP_SCHEMA": schema,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert completed.stdout, completed.stderr
    answer = json.loads(completed.stdout)
    if check:
        assert answer["status"] == "ok", answer
    return answer


def host_of(sandbox):
    return sandbox.databricks["DATABRICKS_HOST"]


def sql(host, text):
    return call(host, "sql", text, 0)["result"]


# (Without blanks in names: Delta wants column mapping for those.)
# name, type in CREATE TABLE, type as described, Arrow format, and pairs of literal and text of the cell.
COLUMNS = [
    ("b", "BOOLEAN", "BOOLEAN", "b", [("true", "true"), ("false", "false")]),
    ("ti", "TINYINT", "TINYINT", "s", [("-128", "-128"), ("127", "127")]),
    ("si", "SMALLINT", "SMALLINT", "s", [("-32768", "-32768"), ("32767", "32767")]),
    ("i", "INT", "INT", "i", [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    ("l", "BIGINT", "BIGINT", "l", [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")]),
    ("f", "FLOAT", "FLOAT", "f", [("1.17549435E-38", "1.1754944e-38"), ("-0.1", "-0.1")]),
    ("d", "DOUBLE", "DOUBLE", "g", [("1.7976931348623157E308", "1.7976931348623157e+308"), ("0.1", "0.1")]),
    ("n", "DECIMAL(38,18)", "DECIMAL(38,18)", "d:38,18", [("-12345678901234567890.123456789012345678", "-12345678901234567890.123456789012345678"), ("0", "0.000000000000000000")]),
    ("n9", "DECIMAL(9,2)", "DECIMAL(9,2)", "d:9,2", [("-9999999.99", "-9999999.99"), ("0.01", "0.01")]),
    ("n18", "DECIMAL(18,0)", "DECIMAL(18,0)", "d:18,0", [("999999999999999999", "999999999999999999"), ("-1", "-1")]),
    ("day", "DATE", "DATE", "tdD", [("DATE'0001-01-01'", "0001-01-01"), ("DATE'9999-12-31'", "9999-12-31")]),
    ("ts", "TIMESTAMP", "TIMESTAMP", "tsu:UTC", [("TIMESTAMP'2024-02-29 23:59:59.123456Z'", "2024-02-29 23:59:59.123456Z"), ("TIMESTAMP'1900-01-01 00:00:00.000001Z'", "1900-01-01 00:00:00.000001Z")]),
    ("ntz", "TIMESTAMP_NTZ", "TIMESTAMP_NTZ", "tsu:", [("TIMESTAMP_NTZ'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"), ("TIMESTAMP_NTZ'0001-01-01 00:00:00'", "0001-01-01 00:00:00.000000")]),
    ("str", "STRING", "STRING", "u", [("'a\"\\\\\u00fc\U0001f600\\n\\t'", 'a"\\\u00fc\U0001f600\n\t'), ("''", "")]),
    ("bin", "BINARY", "BINARY", "z", [("X'00FF7F80'", "0x00FF7F80"), ("X''", "0x")]),
    ("a", "ARRAY<INT>", "ARRAY<INT>", "u", [("array(1,NULL,3)", "[1,null,3]"), ("array(7)", "[7]")]),
    ("m", "MAP<STRING,INT>", "MAP<STRING, INT>", "u", [("map('k',1)", '{"k":1}'), ("map('',2)", '{"":2}')]),
    ("`odd-``name`", "INT", "INT", "i", [("1", "1"), ("2", "2")]),
]


def statements_for_kinds(name):
    """A table of every type; the last row is NULL in all columns but the key."""
    return [
        f"CREATE TABLE {name} (k INT, " + ", ".join(f"{c[0]} {c[1]}" for c in COLUMNS) + ")",
        *(f"INSERT INTO {name} VALUES ({row}, " + ", ".join(c[4][row][0] for c in COLUMNS) + ")" for row in range(2)),
        f"INSERT INTO {name} (k) VALUES (2)",
    ]


class Kinds:
    """That table in a workspace, and calls to it."""

    def __init__(self, workspace):
        self.name = f"bridge_test_kinds_{uuid.uuid4().hex[:8]}"
        self.workspace = workspace
        for statement in statements_for_kinds(self.name):
            self.call("sql", statement, 0)

    def call(self, *arguments, check=True):
        setting = self.workspace.setting
        # Whatever the way of logging in, in the end it is a token.
        token = self.workspace.client().config.authenticate()["Authorization"].removeprefix("Bearer ")
        return call(setting("HOST"), *arguments, token=token, check=check, warehouse=setting("WAREHOUSE_ID"),
                    catalog=setting("CATALOG"), schema=setting("SCHEMA"))


@pytest.fixture(scope="module")
def kinds(databricks):
    made = Kinds(databricks)
    yield made
    made.call("sql", f"DROP TABLE {made.name}", 0)


@pytest.fixture(scope="module")
def host(sandbox):
    """A workspace with a table of every type, and a large one."""
    address = host_of(sandbox)
    for statement in statements_for_kinds("kinds"):
        sql(address, statement)
    sql(address, "CREATE TABLE digits (n BIGINT)")
    sql(address, "INSERT INTO digits VALUES " + ", ".join(f"({n})" for n in range(1000)))
    sql(address, "CREATE TABLE big (id BIGINT, name STRING, price DECIMAL(12,3), at TIMESTAMP)")
    sql(
        address,
        "INSERT INTO big SELECT a.n * 1000 + b.n, concat('row ', CAST(a.n * 1000 + b.n AS STRING)), "
        "CAST(b.n AS DECIMAL(12,3)) / 8, TIMESTAMP'2024-01-01 00:00:00Z' "
        f"FROM digits a CROSS JOIN digits b WHERE a.n < {BIG_ROWS // 1000}",
    )
    return address


@pytest.fixture(scope="module")
def workspace(host):
    return WorkspaceClient(host=host, token=TOKEN, config_file="/dev/null")


@pytest.mark.parametrize("way", ["inline", "links", "auto"])
def test_every_type(kinds, way):
    answer = kinds.call("rows", kinds.name, way, "-", "k")
    assert answer["columns"] == [["k", "INT", "i"]] + [
        [name.strip("`").replace("``", "`"), described, arrow] for name, _, described, arrow, _ in COLUMNS
    ]
    assert answer["total"] == 3
    expected = [[str(row)] + [c[4][row][1] for c in COLUMNS] for row in range(2)]
    expected.append(["2"] + [None] * len(COLUMNS))
    assert answer["rows"] == expected


@pytest.mark.parametrize("way", ["inline", "links"])
def test_conditions_order_and_queries(kinds, way):
    full_name = f"`{kinds.workspace.setting('CATALOG')}`.`{kinds.workspace.setting('SCHEMA')}`.`{kinds.name}`"
    rows = kinds.call("rows", full_name, way, "k < 2", "ts DESC")["rows"]
    assert [row[0] for row in rows] == ["0", "1"]
    rows = kinds.call("rows", f"(SELECT k, k * 2 AS twice FROM {kinds.name} WHERE k < 3)", way, "k > 0", "twice DESC")["rows"]
    assert rows == [["2", "4"], ["1", "2"]]
    answer = kinds.call("rows", kinds.name, way, "k > 99", "-")
    assert (answer["rows"], answer["total"], len(answer["columns"])) == ([], 0, len(COLUMNS) + 1)
    answer = kinds.call("rows", "no_such_table", way, "-", "-", check=False)
    assert "TABLE_OR_VIEW_NOT_FOUND" in answer["message"]


@pytest.mark.skipif("asan" in BUILD.name, reason="a sanitizer takes memory of its own")
@pytest.mark.parametrize("way", ["links", "auto"])
def test_a_large_table_in_little_memory(host, way):
    small = call(host, "count", "(SELECT * FROM big LIMIT 1)", way)
    answer = call(host, "count", "big", way)
    assert (answer["count"], answer["total"]) == (BIG_ROWS, BIG_ROWS)
    assert answer["bytes"] > 8_000_000
    # 12 chunks of some 700 KiB pass through; none of them is kept.
    assert answer["peak_kib"] - small["peak_kib"] < 12 * 1024


def read_links(workspace, text):
    """All rows by way of the official client and pyarrow: a table, and how many chunks it came in."""
    api = workspace.statement_execution
    answer = api.execute_statement(
        text, "sandbox", wait_timeout="50s", disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM
    )
    assert answer.status.state == StatementState.SUCCEEDED, answer.status
    assert answer.manifest.format == Format.ARROW_STREAM
    tables, part = [], answer.result
    while part is not None and part.external_links:
        link = part.external_links[0]
        body = requests.get(link.external_link, timeout=120)
        assert body.status_code == 200
        refused = requests.get(link.external_link, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=120)
        assert refused.status_code == 400
        tables.append(pa.ipc.open_stream(io.BytesIO(body.content)).read_all())
        assert tables[-1].num_rows == link.row_count
        part = (
            None
            if link.next_chunk_index is None
            else api.get_statement_result_chunk_n(answer.statement_id, link.next_chunk_index)
        )
    assert sum(t.num_rows for t in tables) == answer.manifest.total_row_count
    assert len(tables) == answer.manifest.total_chunk_count
    return (pa.concat_tables(tables) if tables else None), len(tables)


def test_links_of_the_sandbox_are_arrow_streams(host, workspace):
    table, chunks = read_links(workspace, "SELECT * FROM big ORDER BY id")
    assert chunks > 10
    assert table.column("id").to_pylist() == list(range(BIG_ROWS))
    assert table.column("name").to_pylist() == [f"row {n}" for n in range(BIG_ROWS)]
    assert table.schema.field("price").type == pa.decimal128(12, 3)
    table, _ = read_links(workspace, "SELECT n9, n18, ts, ntz, day, bin, d, str, b FROM kinds ORDER BY k")
    assert table.to_pylist()[0] == {
        "n9": decimal.Decimal("-9999999.99"),
        "n18": decimal.Decimal("999999999999999999"),
        "ts": datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, datetime.timezone.utc),
        "ntz": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
        "day": datetime.date(1, 1, 1),
        "bin": b"\x00\xff\x7f\x80",
        "d": 1.7976931348623157e308,
        "str": 'a"\\\u00fc\U0001f600\n\t',
        "b": True,
    }
    assert set(table.to_pylist()[2].values()) == {None}
    assert read_links(workspace, "SELECT * FROM digits WHERE n < 0") == (None, 0)
    limited = workspace.statement_execution.execute_statement(
        "SELECT n FROM digits",
        "sandbox",
        row_limit=7,
        disposition=Disposition.EXTERNAL_LINKS,
        format=Format.ARROW_STREAM,
    )
    assert (limited.manifest.truncated, limited.manifest.total_row_count) == (True, 7)
    body = requests.get(limited.result.external_links[0].external_link, timeout=120).content
    assert pa.ipc.open_stream(body).read_all().num_rows == 7


def test_what_the_sandbox_does_not_serve(host, workspace):
    api = workspace.statement_execution
    with pytest.raises(errors.BadRequest, match="must be JSON_ARRAY when the disposition field is INLINE"):
        api.execute_statement("SELECT 1", "sandbox", disposition=Disposition.INLINE, format=Format.ARROW_STREAM)
    with pytest.raises(errors.BadRequest, match="formats JSON_ARRAY and ARROW_STREAM only"):
        api.execute_statement("SELECT 1", "sandbox", disposition=Disposition.EXTERNAL_LINKS, format=Format.CSV)
    answer = api.execute_statement(
        "SELECT a FROM kinds", "sandbox", disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM
    )
    assert answer.status.state == StatementState.FAILED
    assert "to_json()" in answer.status.error.message


@pytest.mark.parametrize(
    "faults",
    [
        "rest.cut_reply=100000,match=/storage/results,times=3",
        "rest.hang_up,match=/storage/results,after=1,times=2",
        "rest.status=503,match=/storage/results,times=2",
        "rest.expire_links=0,times=1",
        "rest.expire_links=0,after=2,times=3",
        "rest.status=500,match=/result/chunks,times=2",
    ],
)
def test_bad_luck_on_the_way(make_sandbox, faults):
    address = host_of(make_sandbox(env={"BRIDGE_SANDBOX_FAULTS": faults}))
    sql(address, "CREATE TABLE digits (n BIGINT)")
    sql(address, "INSERT INTO digits VALUES " + ", ".join(f"({n})" for n in range(300)))
    rows = call(address, "rows", "(SELECT a.n * 300 + b.n AS id FROM digits a CROSS JOIN digits b)", "links", "-", "id")
    assert [row[0] for row in rows["rows"]] == [str(n) for n in range(90_000)]


def test_links_that_are_always_expired(make_sandbox):
    address = host_of(make_sandbox(env={"BRIDGE_SANDBOX_FAULTS": "rest.expire_links=0"}))
    answer = call(address, "rows", "(SELECT 1 AS x)", "links", "-", "-", check=False)
    assert "HTTP 403" in answer["message"] and "(after 5 tries)" in answer["message"], answer
    assert TOKEN not in json.dumps(answer) and "signature" not in json.dumps(answer)


# ---- a server of the test's own ----


class Cloud(Answering):
    """Workspace or storage; keeps every request with its headers."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        super().__init__(self.record)

    def record(self, request):
        self.requests.append((request.command, request.path, dict(request.headers), request.body))
        return self.answer(request.command, request.path, request.body)


@pytest.fixture
def make_cloud():
    started = []

    def make(answer):
        started.append(Cloud(answer))
        return started[-1]

    yield make
    for server in started:
        server.close()


def workspace_answer(columns, links, total):
    """A workspace with one table, whose rows lie at the links: [(url, offset, rows, extra members)]."""
    schema = {"columns": [{"name": n, "type_text": t, "position": i} for i, (n, t) in enumerate(columns)]}

    def answer(method, path, body):
        if method != "POST":
            return 200, {"Content-Type": "application/json"}, b"{}"
        describing = b"LIMIT 0" in body
        manifest = {
            "format": "JSON_ARRAY" if describing else "ARROW_STREAM",
            "schema": schema,
            "total_chunk_count": 0 if describing else len(links),
            "total_row_count": 0 if describing else total,
            "truncated": False,
        }
        result = {
            "external_links": [
                {"chunk_index": i, "row_offset": offset, "row_count": rows, "external_link": url, **extra}
                for i, (url, offset, rows, extra) in enumerate(links)
            ]
        }
        reply = {
            "statement_id": "01f00000-0000-1000-8000-000000000001",
            "status": {"state": "SUCCEEDED"},
            "manifest": manifest,
            "result": {} if describing else result,
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(reply).encode()

    return answer


def stream(table, rows_per_message):
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows_per_message)
    return out.getvalue()


def test_streams_of_another_writer_and_what_storage_is_told(make_cloud):
    """Types as a workspace sends them; the token stays with the workspace."""
    table = pa.table(
        {
            "t": pa.array([1, None, -128], pa.int8()),
            "n": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-99999999.99")], pa.decimal128(10, 2)),
            "ts": pa.array([0, None, 1], pa.timestamp("us", tz="America/Los_Angeles")),
            "ntz": pa.array([0, None, -1], pa.timestamp("us")),
            "d": pa.array([float("nan"), None, float("-inf")], pa.float64()),
            "day": pa.array([0, None, -719162], pa.date32()),
            "s": pa.array(["\u00e4", None, ""], pa.string()),
            "bin": pa.array([b"\0", None, b""], pa.binary()),
            "v": pa.nulls(3),
            "b": pa.array([True, None, False]),
        }
    )
    body = stream(table, 2)
    storage = make_cloud(lambda method, path, sent: (200, {}, body))
    extra = {"http_headers": {"x-ms-version": "2020-04-08"}, "expiration": "2999-01-01T00:00:00.000Z"}
    types = ["TINYINT", "DECIMAL(10,2)", "TIMESTAMP", "TIMESTAMP_NTZ", "DOUBLE", "DATE", "STRING", "BINARY", "VOID", "BOOLEAN"]
    columns = list(zip(table.column_names, types))
    # The select list turns VOID into text, and the workspace says so.
    links = [(f"{storage.url}/a?sig=1", 0, 3, extra), (f"{storage.url}/b?sig=2", 3, 3, extra)]
    workspace = make_cloud(None)
    described = workspace_answer(columns, links, 6)
    read = workspace_answer([(n, "STRING" if t == "VOID" else t) for n, t in columns], links, 6)
    workspace.answer = lambda method, path, sent: (described if b"LIMIT 0" in sent else read)(method, path, sent)
    token = "dapi-0123456789abcdef-secret"
    answer = call(workspace.url, "rows", "t", "links", "-", "-", token=token)
    rows = [
        ["1", "1.50", "1970-01-01 00:00:00.000000Z", "1970-01-01 00:00:00.000000", "NaN", "1970-01-01", "\u00e4", "0x00", None, "true"],
        [None] * 10,
        ["-128", "-99999999.99", "1970-01-01 00:00:00.000001Z", "1969-12-31 23:59:59.999999", "-Infinity", "0001-01-01", "", "0x", None, "false"],
    ]
    assert answer["rows"] == rows + rows
    assert [path for _, path, _, _ in storage.requests] == ["/a?sig=1", "/b?sig=2"]
    for _, _, headers, _ in storage.requests:
        assert token not in json.dumps(headers)
        assert not {"authorization", "cookie"} & {name.lower() for name in headers}
        assert headers["x-ms-version"] == "2020-04-08"
    assert all(headers["Authorization"] == f"Bearer {token}" for _, _, headers, _ in workspace.requests)
    assert [method for method, *_ in workspace.requests] == ["POST", "POST", "DELETE"]


def test_redirects_and_other_hosts_are_refused(make_cloud):
    elsewhere = make_cloud(lambda method, path, sent: (200, {}, b""))
    storage = make_cloud(lambda method, path, sent: (307, {"Location": elsewhere.url + "/x"}, b""))
    workspace = make_cloud(workspace_answer([("i", "INT")], [(storage.url + "/a", 0, 1, {})], 1))
    answer = call(workspace.url, "rows", "t", "links", "-", "-", check=False)
    assert answer["status"] != "ok" and "307" in answer["message"]
    assert (len(storage.requests), elsewhere.requests) == (1, [])
    workspace.answer = workspace_answer([("i", "INT")], [("http://storage.example.com/a", 0, 1, {})], 1)
    answer = call(workspace.url, "rows", "t", "links", "-", "-", check=False)
    assert "is refused: it is no https:// address" in answer["message"]


@pytest.mark.skipif("asan" in BUILD.name, reason="a sanitizer takes memory of its own")
def test_memory_stays_bounded_while_a_chunk_is_large(make_cloud):
    """One chunk of 150 MiB in messages of 1 MiB."""
    table = pa.table({"s": pa.array(["x" * 1024] * 1024)})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        for _ in range(150):
            writer.write_table(table)
    body = out.getvalue()
    storage = make_cloud(lambda method, path, sent: (200, {}, body))
    workspace = make_cloud(workspace_answer([("s", "STRING")], [(storage.url + "/a", 0, 150 * 1024, {})], 150 * 1024))
    answer = call(workspace.url, "count", "t", "links")
    assert answer["count"] == 150 * 1024
    assert answer["peak_kib"] < 64 * 1024
