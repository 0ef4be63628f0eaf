"""The Databricks client sends what databricks-sdk sends for the same call, and reads the answer to the same values.

A server records every request and answers both alike. What the official client asks beyond the call itself (its look
for host metadata, for presigned URLs) is taken out by name; every other difference fails.
"""

import io
import json
import os
import pathlib
import subprocess
import threading
import urllib.parse

import pytest
from answering import Answering

import databricks.sdk as sdk
import databricks.sdk.service.sql as sql

BUILD = pathlib.Path(
    os.environ.get("BRIDGE_TEST_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")
)
INTEROP = BUILD / "tests" / "interop" / "databricks_interop"

TOKEN = "dapi-0123456789abcdef"
ID = "01f00000-0000-1000-8000-000000000001"
FOLDER = "/Volumes/main/default/landing"
STATEMENTS = "/api/2.0/sql/statements"

# Headers that mean something to the service; the rest is the HTTP library's own business.
HEADERS = ("authorization", "accept", "content-type", "content-length", "range", "expect", "transfer-encoding")


class Recorder(Answering):
    """Answers by a table of (method, path with query) and keeps what was asked."""

    def __init__(self, answers):
        self.answers = {key: list(values) for key, values in answers.items()}
        self.requests = []
        self.lock = threading.Lock()
        super().__init__(self.record)

    def record(self, request):
        headers = {k.lower(): v for k, v in request.headers.items()}
        with self.lock:
            self.requests.append((request.command, request.path, headers, request.body))
            rest = self.answers.get((request.command, request.path))
            if not rest:
                return 404, {}, json.dumps({"error_code": "NOT_FOUND", "message": "no such thing"}).encode()
            return rest.pop(0) if len(rest) > 1 else rest[0]


def reply(document, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def shape(request):
    """What two requests are compared by."""
    method, target, headers, body = request
    parts = urllib.parse.urlsplit(target)
    kept = {name: headers[name] for name in HEADERS if name in headers}
    if method == "DELETE" and kept.get("content-length") == "0":
        del kept["content-length"]  # says nothing
    if kept.get("accept") == "*/*":
        del kept["accept"]  # likewise
    if "json" in kept.get("content-type", "") and body:
        body = json.loads(body)
        kept.pop("content-length")  # blanks between tokens
    return method, parts.path, sorted(urllib.parse.parse_qsl(parts.query, True)), kept, body


# Asked by the official client around a call, whatever the call is.
AROUND = ("/.well-known/databricks-config", "/api/2.0/fs/create-download-url")


def shapes(server):
    return [
        shape(request)
        for request in server.requests
        if urllib.parse.urlsplit(request[1]).path not in AROUND
    ]


def run_ours(url, *arguments, env=None):
    completed = subprocess.run(
        [str(INTEROP), url, *arguments],
        env={
            "PATH": os.environ["PATH"],
            **(env or {"INTEROP_TOKEN": TOKEN}),
            "INTEROP_WAREHOUSE": "abc123",
            "INTEROP_CATALOG": "main",
            "INTEROP_SCHEMA": "default",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert completed.stderr == ""
    return json.loads(completed.stdout)


@pytest.fixture
def clean_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "ARM_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))


def both(answers, theirs, *ours):
    """Runs the call through either client against the same answers; returns their requests and both values."""
    server = Recorder(answers)
    try:
        client = sdk.WorkspaceClient(host=server.url, token=TOKEN)
        expected = theirs(client)
        their_requests = shapes(server)
    finally:
        server.close()
    server = Recorder(answers)
    try:
        got = run_ours(server.url, *ours)
        our_requests = shapes(server)
    finally:
        server.close()
    assert our_requests == their_requests
    return expected, got


pytestmark = pytest.mark.usefixtures("clean_environment")

PATHS = [
    f"{FOLDER}/plain.parquet",
    f"{FOLDER}/with blank/and#hash?query&x=1%25.txt",
    f"{FOLDER}/ünïcödé/日本語.csv",
    f"{FOLDER}/a+b;c:d@e=f,g'h(i)*[j]~k|l\\m\"n$o!p^q`r{{s}}",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("overwrite", [True, False])
def test_upload(path, overwrite):
    target = f"/api/2.0/fs/files{urllib.parse.quote(path)}?overwrite={str(overwrite).lower()}"
    both(
        {("PUT", target): [(204, {}, b"")]},
        lambda w: w.files.upload(path, io.BytesIO(b"PAR1 some bytes"), overwrite=overwrite),
        *("put", path, "PAR1 some bytes", str(overwrite).lower()),
    )


def test_upload_says_what_the_body_is():
    """Ours names the media type that the API's description asks for, and the length up front."""
    path = PATHS[0]
    server = Recorder({("PUT", f"/api/2.0/fs/files{path}?overwrite=true"): [(204, {}, b"")]})
    try:
        run_ours(server.url, "put", path, "12345", "true")
        headers = server.requests[0][2]
    finally:
        server.close()
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-length"] == "5"
    assert "expect" not in headers and "transfer-encoding" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_metadata_of_a_file(path):
    modified = "Wed, 20 Nov 2024 10:11:12 GMT"
    headers = {"Content-Length": "5000000000", "Content-Type": "x/y", "Last-Modified": modified}
    expected, got = both(
        {("HEAD", f"/api/2.0/fs/files{urllib.parse.quote(path)}"): [(200, headers, b"")]},
        lambda w: w.files.get_metadata(path),
        *("head", path),
    )
    assert got["file"]["size"] == expected.content_length == 5000000000
    assert got["file"]["modified_ms"] == 1732097472000


@pytest.mark.parametrize("path", PATHS)
def test_download(path):
    expected, got = both(
        {
            ("GET", f"/api/2.0/fs/files{urllib.parse.quote(path)}"): [
                (200, {"Content-Type": "application/octet-stream", "Last-Modified": "Wed, 20 Nov 2024 10:11:12 GMT"}, "añb".encode())
            ]
        },
        lambda w: w.files.download(path).contents.read(),
        *("get", path),
    )
    assert got["text"] == expected.decode() == "añb"


def test_delete_file_and_folders():
    path = PATHS[1]
    quoted = urllib.parse.quote(path)
    empty = [(204, {}, b"")]
    both({("DELETE", f"/api/2.0/fs/files{quoted}"): empty}, lambda w: w.files.delete(path), "delete", path)
    folder = f"/api/2.0/fs/directories{quoted}"
    both({("PUT", folder): empty}, lambda w: w.files.create_directory(path), "mkdir", path)
    both({("DELETE", folder): empty}, lambda w: w.files.delete_directory(path), "rmdir", path)


def test_listing_follows_pages():
    folder = f"/api/2.0/fs/directories{FOLDER}"
    entry = {"path": f"{FOLDER}/a", "name": "a", "is_directory": False, "file_size": 7, "last_modified": 1700000000123}
    expected, got = both(
        {
            ("GET", folder): [reply({"contents": [entry], "next_page_token": "t/1= +&"})],
            ("GET", f"{folder}?page_token=t%2F1%3D%20%2B%26"): [
                reply({"contents": [{"path": f"{FOLDER}/b", "name": "b", "is_directory": True}]})
            ],
            ("GET", f"{folder}?page_token=t%2F1%3D+%2B%26"): [
                reply({"contents": [{"path": f"{FOLDER}/b", "name": "b", "is_directory": True}]})
            ],
        },
        lambda w: list(w.files.list_directory_contents(FOLDER)),
        *("list", FOLDER),
    )
    assert [(e["path"], e["name"], e["is_directory"], e["size"], e["modified_ms"]) for e in got["entries"]] == [
        (e.path, e.name, bool(e.is_directory), e.file_size or 0, e.last_modified or 0) for e in expected
    ]


MANIFEST = {
    "format": "JSON_ARRAY",
    "schema": {
        "column_count": 2,
        "columns": [
            {"name": "id", "type_text": "INT", "type_name": "INT", "position": 0},
            {"name": "s", "type_text": "STRING", "type_name": "STRING", "position": 1},
        ],
    },
    "total_chunk_count": 1,
    "chunks": [{"chunk_index": 0, "row_offset": 0, "row_count": 2}],
    "total_row_count": 2,
    "truncated": False,
}
ROWS = [["1", "a\u00e4\u20ac\U0001f600\n\"\\\x01"], ["2", None]]
SUCCEEDED = {
    "statement_id": ID,
    "status": {"state": "SUCCEEDED"},
    "manifest": MANIFEST,
    "result": {"chunk_index": 0, "row_offset": 0, "row_count": 2, "data_array": ROWS},
}


def execute(client, **more):
    return client.statement_execution.execute_statement(
        statement="SELECT :a, 'ä'",
        warehouse_id="abc123",
        catalog="main",
        schema="default",
        wait_timeout="10s",
        on_wait_timeout=sql.ExecuteStatementRequestOnWaitTimeout.CONTINUE,
        disposition=sql.Disposition.INLINE,
        format=sql.Format.JSON_ARRAY,
        **more,
    )


def test_statement():
    expected, got = both(
        {("POST", STATEMENTS): [reply(SUCCEEDED)]},
        execute,
        *("sql", "SELECT :a, 'ä'", "0"),
    )
    assert got["result"]["rows"] == expected.result.data_array == ROWS
    assert [name for name, _ in got["result"]["columns"]] == [c.name for c in expected.manifest.schema.columns]


def test_statement_with_parameters_and_a_limit():
    parameters = [
        sql.StatementParameterListItem(name="a", value="5", type="INT"),
        sql.StatementParameterListItem(name="b", value="text ' \" \\ ñ"),
        sql.StatementParameterListItem(name="c"),
        sql.StatementParameterListItem(name="d", type="DATE"),
    ]
    both(
        {("POST", STATEMENTS): [reply(SUCCEEDED)]},
        lambda w: execute(w, parameters=parameters, row_limit=100),
        *("sql", "SELECT :a, 'ä'", "100"),
        *("a", "5", "INT", "b", "text ' \" \\ ñ", "-", "c", "-", "-", "d", "-", "DATE"),
    )


def test_statement_that_takes_its_time_and_comes_in_chunks():
    first = json.loads(json.dumps(SUCCEEDED))
    first["manifest"]["total_row_count"] = 3
    first["result"]["next_chunk_index"] = 1
    first["result"]["next_chunk_internal_link"] = f"{STATEMENTS}/{ID}/result/chunks/1"

    def theirs(client):
        answer = execute(client)
        while answer.status.state in (sql.StatementState.PENDING, sql.StatementState.RUNNING):
            answer = client.statement_execution.get_statement(answer.statement_id)
        part = client.statement_execution.get_statement_result_chunk_n(ID, answer.result.next_chunk_index)
        return answer.result.data_array + part.data_array

    expected, got = both(
        {
            ("POST", STATEMENTS): [reply({"statement_id": ID, "status": {"state": "PENDING"}})],
            ("GET", f"{STATEMENTS}/{ID}"): [
                reply({"statement_id": ID, "status": {"state": "RUNNING"}}),
                reply(first),
            ],
            ("GET", f"{STATEMENTS}/{ID}/result/chunks/1"): [
                reply({"chunk_index": 1, "row_offset": 2, "row_count": 1, "data_array": [["3", "z"]]})
            ],
        },
        theirs,
        *("sql", "SELECT :a, 'ä'", "0"),
    )
    assert got["result"]["rows"] == expected


def test_look_ups():
    both(
        {("GET", "/api/2.0/preview/scim/v2/Me"): [reply({"userName": "ana@example.com"})]},
        lambda w: w.current_user.me(),
        "me",
    )
    expected, got = both(
        {("GET", "/api/2.0/sql/warehouses/abc123"): [reply({"id": "abc123", "state": "STOPPED"})]},
        lambda w: w.warehouses.get("abc123"),
        "warehouse",
    )
    assert got["text"] == expected.state.value == "STOPPED"
    unity = "/api/2.1/unity-catalog"
    both({("GET", f"{unity}/catalogs/my-cat"): [reply({"name": "my-cat"})]}, lambda w: w.catalogs.get("my-cat"), "catalog", "my-cat")
    both({("GET", f"{unity}/schemas/c.s"): [reply({"name": "s"})]}, lambda w: w.schemas.get("c.s"), "schema", "c", "s")
    both({("GET", f"{unity}/volumes/c.s.v"): [reply({"name": "v"})]}, lambda w: w.volumes.read("c.s.v"), "volume", "c", "s", "v")


@pytest.mark.parametrize(
    "status, document, expected",
    [
        (404, {"error_code": "NOT_FOUND", "message": "gone"}, "not found"),
        (403, {"error_code": "PERMISSION_DENIED", "message": "no right"}, "access refused"),
        (403, {"error_code": 403, "message": "Invalid access token."}, "access refused"),
        (401, {"error_code": 401, "message": "Credential was not sent"}, "access refused"),
        (409, {"error_code": "ALREADY_EXISTS", "message": "is there"}, "exists already"),
        (400, {"error": "old style"}, "error of the server"),
        (404, {"detail": "scim style", "status": "404"}, "not found"),
    ],
)
def test_errors_carry_the_same_words(status, document, expected):
    path = "/api/2.1/unity-catalog/catalogs/x"

    def theirs(client):
        with pytest.raises(sdk.errors.DatabricksError) as caught:
            client.catalogs.get("x")
        # Two additions of its own: the configuration, and None for a missing SCIM type.
        return str(caught.value).split(". Config: ")[0].removeprefix("None ")

    words, got = both({("GET", path): [reply(document, status)]}, theirs, "catalog", "x")
    assert words in got["message"]
    assert got["http"] == status
    assert got["status"] == expected
    assert TOKEN not in got["message"]


def oauth_answers(url, with_metadata):
    answers = {
        ("GET", "/oidc/.well-known/oauth-authorization-server"): [
            reply({"authorization_endpoint": f"{url}/oidc/v1/authorize", "token_endpoint": f"{url}/oidc/v1/token"})
        ],
        ("POST", "/oidc/v1/token"): [
            reply({"access_token": "issued-token", "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"})
        ],
        ("GET", "/api/2.0/preview/scim/v2/Me"): [reply({"userName": "robot"})],
    }
    if with_metadata:
        answers[("GET", "/.well-known/databricks-config")] = [reply({"oidc_endpoint": f"{url}/oidc", "cloud": "AWS"})]
    return {key: list(values) for key, values in answers.items()}


def oauth_shapes(server):
    kept = []
    for request in server.requests:
        method, path, query, headers, body = shape(request)
        if method == "POST":
            # A form: the order of its fields and the accepted answers are open.
            body = sorted(urllib.parse.parse_qsl(body.decode()))
            headers = {name: headers[name] for name in ("authorization", "content-type")}
        else:
            headers = {name: value for name, value in headers.items() if name == "authorization"}
        if path != "/.well-known/databricks-config":
            kept.append((method, path, query, headers, body))
    return kept


def test_oauth_machine_to_machine():
    server = Recorder({})
    try:
        server.answers = oauth_answers(server.url, True)
        client = sdk.WorkspaceClient(host=server.url, client_id="client-1", client_secret="oauth-secret")
        client.current_user.me()
        expected = oauth_shapes(server)
    finally:
        server.close()
    server = Recorder({})
    try:
        server.answers = oauth_answers(server.url, True)
        credentials = {"INTEROP_CLIENT_ID": "client-1", "INTEROP_CLIENT_SECRET": "oauth-secret"}
        got = run_ours(server.url, "me", env=credentials)
        ours = oauth_shapes(server)
    finally:
        server.close()
    assert got == {"status": "ok", "text": "robot"}
    assert ours == expected
    assert ours[-1][3] == {"authorization": "Bearer issued-token"}
