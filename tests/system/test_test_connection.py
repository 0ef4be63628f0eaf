"""test-connection: each step that can fail fails here, says so in its own row, and says what to do."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest
from conftest import PROGRAM, ROOT

SQLSERVER = ["name", "TCP", "prelogin", "TLS", "login", "database", "rights"]
THERE = ["name", "TCP", "TLS", "token"]
VOLUME = ["catalog", "schema", "volume"]
STORAGE = ["warehouse", "statement", "storage"]


def walk(bridge, side, *options, env=None):
    result = bridge.run("test-connection", "--side", side, "--output", "json", *options, env=env)
    rows = [tuple(row) for row in result.json()["rows"]]
    assert {row[0] for row in rows} == {"SQL Server" if side == "sqlserver" else "Databricks"}
    assert result.status == (1 if any(row[2] == "failed" for row in rows) else 0), result
    return [row[1:] for row in rows]


UNUSED_PORT = "1"


@pytest.fixture
def client(sandbox, make_bridge):
    return make_bridge({**sandbox.sqlserver, **sandbox.databricks})


def test_all_steps(client):
    assert [(step, result) for step, result, _ in walk(client, "sqlserver")] == [(step, "ok") for step in SQLSERVER]
    rows = walk(client, "databricks")
    assert [(step, result) for step, result, _ in rows] == [(step, "ok") for step in THERE + VOLUME + STORAGE]
    assert dict((step, details) for step, _, details in rows)["volume"] == "main.default.landing: written and deleted"


# What is wrong, the step that fails, what the message holds, what it says to do.
SQLSERVER_FAILURES = {
    "name": ({"SQLSERVER_HOST": "nowhere.invalid"}, "nowhere.invalid", "Check SQLSERVER_HOST"),
    "TCP": ({"SQLSERVER_PORT": "unused"}, "refused", "Check SQLSERVER_PORT, firewalls"),
    "prelogin": ({"SQLSERVER_PORT": "workspace", "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "2"}, "", "Check that the port belongs to SQL Server"),
    "TLS": ({"SQLSERVER_ENCRYPT": "mandatory", "SQLSERVER_TRUST_SERVER_CERTIFICATE": "false"}, "certificate", "SQLSERVER_CA_FILE"),
    "login": ({"SQLSERVER_PASSWORD": "wrong"}, "Login failed", "Check SQLSERVER_USERNAME and SQLSERVER_PASSWORD; the server's error log"),
    "database": ({"SQLSERVER_DATABASE": "nowhere"}, "nowhere", "CREATE USER"),
}


@pytest.mark.parametrize("step", SQLSERVER_FAILURES)
def test_steps_of_sql_server(client, sandbox, step):
    change, message, advice = SQLSERVER_FAILURES[step]
    ports = {"unused": UNUSED_PORT, "workspace": str(sandbox.info["databricks"]["port"])}
    rows = walk(client, "sqlserver", env={name: ports.get(value, value) for name, value in change.items()})
    before = SQLSERVER[: SQLSERVER.index(step)]
    assert [(name, result) for name, result, _ in rows] == [(name, "ok") for name in before] + [(step, "failed")], rows
    assert message in rows[-1][2] and advice in rows[-1][2], rows[-1]


def test_a_login_without_rights(make_sandbox, make_bridge):
    client = make_bridge(make_sandbox(env={"BRIDGE_SANDBOX_FAULTS": "tds.error=229,match=HAS_PERMS_BY_NAME"}).sqlserver)
    rows = walk(client, "sqlserver")
    assert rows[-1][:2] == ("rights", "failed") and "GRANT SELECT ON SCHEMA" in rows[-1][2], rows


WAY_FAILURES = {
    "name": ({"DATABRICKS_HOST": "https://nowhere.invalid"}, "DATABRICKS_HOST and the name service"),
    "TCP": ({"DATABRICKS_HOST": "https://127.0.0.1:unused"}, "port 443"),
    "TLS": ({"DATABRICKS_HOST": "https://127.0.0.1:workspace"}, "the system's certificates"),
    "token": ({"DATABRICKS_TOKEN": "dapi-not-a-token"}, "Make a new token"),
}


@pytest.mark.parametrize("step", WAY_FAILURES)
def test_steps_to_the_workspace(client, sandbox, step):
    change, advice = WAY_FAILURES[step]
    ports = {"unused": UNUSED_PORT, "workspace": str(sandbox.info["databricks"]["port"])}
    env = dict(change)
    for word, port in ports.items():
        env = {name: value.replace(word, port) for name, value in env.items()}
    rows = walk(client, "databricks", env=env)
    assert [(name, result) for name, result, _ in rows] == [(name, "ok") for name in THERE[: THERE.index(step)]] + [(step, "failed")], rows
    assert advice in rows[-1][2] and "dapi-not-a-token" not in rows[-1][2]


# The step, what the workspace answers, what to do. What does not depend on the step is walked all the same.
REFUSALS = {
    "catalog": ("rest.status=403,match=/unity-catalog/catalogs", "GRANT USE CATALOG"),
    "schema": ("rest.status=403,match=/unity-catalog/schemas", "GRANT USE SCHEMA"),
    "volume": ("rest.status=403,match=/fs/files,method=PUT", "WRITE VOLUME"),
    "warehouse": ("rest.status=404,match=/sql/warehouses", "DATABRICKS_HTTP_PATH"),
    "statement": ("rest.status=403,match=/sql/statements", "Can use"),
    "storage": ("rest.status=403,match=/storage/results", "cloud storage over HTTPS"),
}


@pytest.mark.parametrize("step", REFUSALS)
def test_refusals_of_the_workspace(make_sandbox, make_bridge, step):
    fault, advice = REFUSALS[step]
    rows = walk(make_bridge(make_sandbox(env={"BRIDGE_SANDBOX_FAULTS": fault}).databricks), "databricks")
    expected = [(name, "ok") for name in THERE]
    for way in (VOLUME, STORAGE):
        ends = way.index(step) if step in way else len(way)
        expected += [(name, "ok") for name in way[:ends]] + [(name, "failed") for name in way[ends : ends + 1]]
    assert [(name, result) for name, result, _ in rows] == expected, rows
    assert advice in next(details for name, _, details in rows if name == step)


def test_names_that_are_not_set_are_passed_over(client):
    rows = walk(client, "databricks", env={"DATABRICKS_SCHEMA": "", "DATABRICKS_WAREHOUSE_ID": ""})
    assert [name for name, result, details in rows if result == "skipped" and details == "not configured"] == [
        "schema", "volume", "warehouse", "statement", "storage"]


def test_a_sleeping_warehouse_is_not_woken_unless_asked(make_sandbox, make_bridge):
    server = make_sandbox()
    client = make_bridge(server.databricks)

    def call(method, path):
        request = urllib.request.Request(server.databricks["DATABRICKS_HOST"] + path, method=method,
                                         headers={"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"},
                                         data=b"{}" if method == "POST" else None)
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    call("POST", "/api/2.0/sql/warehouses/sandbox/stop")
    rows = walk(client, "databricks")
    assert rows[-3:-1] == [("warehouse", "ok", "STOPPED"),
                           ("statement", "skipped", "the warehouse is STOPPED, a statement would start it: --wake does")]
    assert rows[-1][:2] == ("storage", "skipped")
    assert call("GET", "/api/2.0/sql/warehouses/sandbox")["state"] == "STOPPED"
    rows = walk(client, "databricks", "--wake")
    assert [row[:2] for row in rows[-3:]] == [("warehouse", "ok"), ("statement", "ok"), ("storage", "ok")]
    assert call("GET", "/api/2.0/sql/warehouses/sandbox")["state"] == "RUNNING"


def test_the_script_for_databricks(client, tmp_path):
    def script(*arguments, **env):
        return subprocess.run([sys.executable, ROOT / "scripts" / "test_databricks_connection.py", *arguments], cwd=tmp_path,
                              env=client.env({"BRIDGE_PROGRAM": str(PROGRAM), **env}), capture_output=True, text=True)

    good = script("--output", "json")
    assert good.returncode == 0 and [row[1] for row in json.loads(good.stdout)["rows"]] == THERE + VOLUME + STORAGE, good
    bad = script(DATABRICKS_TOKEN="dapi-not-a-token")
    assert bad.returncode == 1 and "Make a new token" in bad.stdout, bad
    none = script(BRIDGE_PROGRAM=os.fspath(tmp_path / "none"))
    assert none.returncode == 1 and "can't be run" in none.stderr, none
