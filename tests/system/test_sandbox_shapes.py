"""The sandbox's workspace answers in the shapes of a real one, as recorded."""

import json

import pytest
import requests

import recorded
from recorded import shape


@pytest.fixture
def call(sandbox):
    def call(method, path, **kwargs):
        address = sandbox.databricks["DATABRICKS_HOST"]
        return requests.request(method, address + path, headers={"Authorization": "Bearer sandbox-token"}, timeout=120, **kwargs)

    return call


@pytest.fixture
def run(call):
    def run(text, **options):
        return call("POST", "/api/2.0/sql/statements/", json={"statement": text, "warehouse_id": "sandbox", "wait_timeout": "50s"} | options)

    return run


@pytest.mark.parametrize("pattern,form,disposition,text", recorded.STATEMENTS)
def test_statements(run, pattern, form, disposition, text):
    wanted = recorded.statement_answer(pattern, form)
    run("CREATE TABLE IF NOT EXISTS main.default.shapes (id INT)")
    answer = run(text, disposition=disposition, **({"format": form} if form else {}))
    assert answer.status_code == 200
    found = answer.json()
    # Said beside the error since; what was recorded has it in the message alone.
    assert found["status"].pop("sql_state", "") in found["status"].get("error", {"message": ""})["message"]
    assert shape(found) == shape(wanted)


def test_a_further_chunk_of_a_result(run, call):
    [(_, wanted), *_] = recorded.exchanges("GET", "/api/2.0/sql/statements/01ef")
    run("CREATE TABLE IF NOT EXISTS main.default.shape_rows (n INT)")
    run("INSERT INTO main.default.shape_rows VALUES " + ", ".join(f"({n})" for n in range(200)))
    first = run("SELECT a.n FROM main.default.shape_rows a CROSS JOIN main.default.shape_rows b", disposition="EXTERNAL_LINKS", format="ARROW_STREAM").json()
    assert first["manifest"]["total_chunk_count"] > 2
    last = first["manifest"]["total_chunk_count"] - 1
    answer = call("GET", f"/api/2.0/sql/statements/{first['statement_id']}/result/chunks/{last}")
    assert shape(answer.json()) == shape(json.loads(wanted["text"]))


def test_an_address_to_download_from(call):
    wanted = json.loads(recorded.exchanges("POST", "/api/2.0/fs/create-download-url")[0][1]["text"])
    path = "/Volumes/main/default/landing/shape.bin"
    assert call("PUT", "/api/2.0/fs/files" + path, data=b"abc").status_code == 204
    for place in ("json", "params"):  # as the JDBC driver and databricks-sdk say it
        answer = call("POST", "/api/2.0/fs/create-download-url", **{place: {"path": path, "expire_time": "2099-01-01T00:00:00Z"}}).json()
        assert answer.pop("headers") == []  # as databricks-sdk expects it; not recorded
        assert shape(answer) == shape(wanted)
        assert requests.get(answer["url"], timeout=120).content == b"abc"


def test_a_volume_that_is_not_there(call):
    [wanted] = [json.loads(response["text"]) for _, response in recorded.exchanges("GET", "/api/2.0/fs/list") if response["status"] == 404]
    answer = call("GET", "/api/2.0/fs/directories/Volumes/main/default/nowhere")
    assert answer.status_code == 404
    assert shape(answer.json()) == shape(wanted)
    assert (answer.json()["error_code"], answer.json()["details"][0]["reason"]) == (wanted["error_code"], wanted["details"][0]["reason"])


def test_where_to_log_in(call):
    [(_, wanted), *_] = recorded.exchanges("GET", "/oidc/.well-known/oauth-authorization-server")
    answer = call("GET", "/oidc/.well-known/oauth-authorization-server").json()
    assert {"authorization_endpoint", "token_endpoint"} <= answer.keys()
    assert shape(answer).items() <= shape(json.loads(wanted["text"])).items()
