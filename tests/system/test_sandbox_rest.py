"""The sandbox's workspace, used by databricks-sdk unmodified."""

import io
import os

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk import errors
from databricks.sdk.service.sql import Disposition, Format, StatementParameterListItem, StatementState

VOLUME = "/Volumes/main/default/landing"


def address(sandbox):
    return f"http://127.0.0.1:{sandbox.info['databricks']['port']}"


def client(sandbox, **kwargs):
    # Nothing of the machine's own settings.
    kwargs.setdefault("token", "sandbox-token")
    return WorkspaceClient(host=address(sandbox), config_file="/dev/null", **kwargs)


@pytest.fixture(scope="module")
def workspace(sandbox):
    return client(sandbox)


def run(workspace, text, **kwargs):
    kwargs.setdefault("wait_timeout", "30s")
    return workspace.statement_execution.execute_statement(text, "sandbox", **kwargs)


def rows(workspace, text, **kwargs):
    answer = run(workspace, text, **kwargs)
    assert answer.status.state == StatementState.SUCCEEDED, answer.status
    return answer.result.data_array


def test_discovery_and_identity(sandbox, workspace):
    assert workspace.current_user.me().user_name
    assert workspace.config.workspace_id
    machine = client(sandbox, token=None, client_id="robot", client_secret="sandbox-token-of-robot")
    assert machine.config.auth_type == "oauth-m2m"
    assert machine.current_user.me().user_name


def test_wrong_tokens(sandbox):
    with pytest.raises(errors.PermissionDenied, match="Invalid access token"):
        client(sandbox, token="wrong").current_user.me()
    answer = requests.get(address(sandbox) + "/api/2.0/sql/warehouses", timeout=120)
    assert answer.status_code == 401
    assert answer.json()["error_code"] == 401


def test_statements(workspace):
    run(workspace, "DROP TABLE IF EXISTS main.default.people")
    run(workspace, "CREATE TABLE main.default.people (id BIGINT, name STRING, born DATE)")
    counts = run(workspace, "INSERT INTO main.default.people VALUES (1, 'Ada', DATE'1815-12-10'), (2, NULL, NULL)")
    assert counts.result.data_array == [["2", "2"]]
    assert [c.name for c in counts.manifest.schema.columns] == ["num_affected_rows", "num_inserted_rows"]
    answer = run(workspace, "SELECT id, name, born FROM people ORDER BY id", catalog="main", schema="default")
    assert answer.result.data_array == [["1", "Ada", "1815-12-10"], ["2", None, None]]
    assert [(c.name, c.type_text, c.position) for c in answer.manifest.schema.columns] == [
        ("id", "BIGINT", 0),
        ("name", "STRING", 1),
        ("born", "DATE", 2),
    ]
    assert rows(workspace, "UPDATE main.default.people SET name = 'Bob' WHERE id = 2") == [["1"]]
    assert rows(workspace, "DELETE FROM main.default.people WHERE id = 1") == [["1"]]
    empty = run(workspace, "SELECT * FROM main.default.people WHERE id = 99")
    assert empty.manifest.total_row_count == 0
    assert len(empty.manifest.schema.columns) == 3


def test_parameters(workspace):
    parameters = [
        StatementParameterListItem(name="a", value="41", type="INT"),
        StatementParameterListItem(name="t", value="it's"),
        StatementParameterListItem(name="n"),
    ]
    assert rows(workspace, "SELECT :a + 1, :t, :n", parameters=parameters) == [["42", "it's", None]]


def test_failures_are_states(workspace):
    answer = run(workspace, "SELECT * FROM main.default.no_such_table")
    assert answer.status.state == StatementState.FAILED
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in answer.status.error.message
    answer = run(workspace, "SELEC 1")
    assert answer.status.state == StatementState.FAILED
    assert "[PARSE_SYNTAX_ERROR]" in answer.status.error.message
    with pytest.raises(errors.BadRequest):
        run(workspace, "SELECT 1", wait_timeout="3s")
    with pytest.raises(errors.NotFound):
        workspace.statement_execution.get_statement("01ef9de3-baa0-15ad-a5c1-98abc9c83dff")


def test_polling_and_external_links(workspace):
    answer = run(workspace, "SELECT 'a' AS x", wait_timeout="0s")
    while answer.status.state in (StatementState.PENDING, StatementState.RUNNING):
        answer = workspace.statement_execution.get_statement(answer.statement_id)
    assert answer.result.data_array == [["a"]]
    answer = run(workspace, "SELECT 'a' AS x", disposition=Disposition.EXTERNAL_LINKS, format=Format.JSON_ARRAY)
    link = answer.result.external_links[0]
    assert requests.get(link.external_link, timeout=120).json() == [["a"]]
    with_token = {"Authorization": "Bearer sandbox-token"}
    assert requests.get(link.external_link, headers=with_token, timeout=120).status_code == 400


def test_files(workspace):
    files = workspace.files
    folder = VOLUME + "/a b/c#d \u00f1"
    content = os.urandom(3 * 1024 * 1024 + 17)
    files.create_directory(folder)
    files.upload(folder + "/f 1.bin", io.BytesIO(content), overwrite=True)
    assert files.download(folder + "/f 1.bin").contents.read() == content
    assert files.get_metadata(folder + "/f 1.bin").content_length == len(content)
    with pytest.raises(errors.AlreadyExists):
        files.upload(folder + "/f 1.bin", io.BytesIO(b"x"), overwrite=False)
    for i in range(7):
        files.upload(f"{folder}/{i}", io.BytesIO(b""), overwrite=True)
    entries = list(files.list_directory_contents(folder, page_size=3))
    assert [(e.name, e.is_directory, e.file_size) for e in entries] == [
        *((str(i), False, 0) for i in range(7)),
        ("f 1.bin", False, len(content)),
    ]
    with pytest.raises(errors.BadRequest):
        files.delete_directory(folder)
    for entry in entries:
        files.delete(entry.path)
    files.delete_directory(folder)
    with pytest.raises(errors.NotFound):
        files.get_directory_metadata(folder)
    with pytest.raises(errors.NotFound):
        files.download(folder + "/f 1.bin")
    with pytest.raises(errors.NotFound, match="does not exist"):
        files.upload("/Volumes/main/default/no_such_volume/x", io.BytesIO(b"x"), overwrite=True)


def test_an_upload_in_parts(workspace):
    content = os.urandom(52 * 1024 * 1024)
    workspace.files.upload(VOLUME + "/big.bin", io.BytesIO(content), overwrite=True)
    assert workspace.files.download(VOLUME + "/big.bin").contents.read() == content
    workspace.files.delete(VOLUME + "/big.bin")


def test_paths_stay_in_their_volume(sandbox):
    headers = {"Authorization": "Bearer sandbox-token"}
    for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/x", "/a%2F..%2F..%2Fb"):
        request = requests.Request("GET", "http://x", headers=headers).prepare()
        request.url = address(sandbox) + "/api/2.0/fs/files" + VOLUME + path
        with requests.Session() as session:
            assert session.send(request, timeout=120).status_code == 400


def test_look_ups(workspace):
    run(workspace, "CREATE TABLE IF NOT EXISTS main.default.looked_up (id INT NOT NULL, name STRING)")
    assert "main" in [c.name for c in workspace.catalogs.list()]
    assert "default" in [s.name for s in workspace.schemas.list("main")]
    assert "looked_up" in [t.name for t in workspace.tables.list("main", "default")]
    table = workspace.tables.get("main.default.looked_up")
    assert [(c.name, c.type_text, c.nullable) for c in table.columns] == [("id", "int", False), ("name", "string", True)]
    assert workspace.tables.exists("main.default.looked_up").table_exists
    assert not workspace.tables.exists("main.default.not_there").table_exists
    assert workspace.volumes.read("main.default.landing").full_name == "main.default.landing"
    assert [v.name for v in workspace.volumes.list("main", "default")] == ["landing"]
    assert workspace.warehouses.get("sandbox").state.value == "RUNNING"
    for missing in (workspace.catalogs.get, workspace.warehouses.get):
        with pytest.raises(errors.NotFound):
            missing("nowhere")


def test_faults_reach_a_real_client(make_sandbox):
    sandbox = make_sandbox(
        env={
            "BRIDGE_SANDBOX_FAULTS": "rest.status=429,retry_after=0,times=1,match=/fs/files; "
            "rest.status=500,times=1,match=/warehouses"
        }
    )
    workspace = client(sandbox)
    workspace.files.upload(VOLUME + "/x", io.BytesIO(b"abc"), overwrite=True)  # the client tries again
    assert workspace.files.download(VOLUME + "/x").contents.read() == b"abc"
    with pytest.raises(errors.InternalError):
        list(workspace.warehouses.list())
    assert [w.name for w in workspace.warehouses.list()] == ["Sandbox"]


def test_tls(make_sandbox):
    sandbox = make_sandbox("--tls")
    answer = requests.get(
        f"https://localhost:{sandbox.info['databricks']['port']}/.well-known/databricks-config",
        verify=sandbox.info["certificate"],
        timeout=120,
    )
    assert answer.json()["oidc_endpoint"].startswith("https://localhost:")
