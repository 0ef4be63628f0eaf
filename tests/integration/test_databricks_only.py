"""With a Databricks workspace and no SQL Server: the embedded SQL Server is the source, the real volume the destination.

BRIDGE_TEST_DATABRICKS_HOST, _TOKEN (or _CLIENT_ID and _CLIENT_SECRET), _WAREHOUSE_ID, _CATALOG, _SCHEMA, _VOLUME name it;
without them these tests count as skipped.
"""

import importlib.util
import json
import pathlib
import uuid

import pytest

_path = pathlib.Path(__file__).resolve().parents[1] / "system" / "conftest.py"
_spec = importlib.util.spec_from_file_location("system_fixtures", _path)
system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(system)

SETTINGS = system.named("DATABRICKS")
pytestmark = pytest.mark.skipif(not SETTINGS, reason="BRIDGE_TEST_DATABRICKS_* names no workspace")


@pytest.fixture
def bridge(tmp_path):
    return system.Bridge(tmp_path, SETTINGS)


@pytest.fixture
def volume_folder(bridge):
    place = "/".join(SETTINGS[f"DATABRICKS_{name}"] for name in ("CATALOG", "SCHEMA", "VOLUME"))
    return f"/Volumes/{place}/bridge-test-{uuid.uuid4().hex[:8]}"


def test_every_step_to_the_workspace_succeeds(bridge):
    result = bridge.run("test-connection", "--side", "databricks", "--output", "json")
    assert result.status == 0, result
    assert all(row[2] in ("ok", "skipped") for row in result.json()["rows"])


def test_a_statement_answers(bridge):
    assert bridge.sql("databricks", "SELECT 1 AS one").json()["rows"] == [[1]]


def test_an_extract_lands_in_the_volume_and_is_skipped_the_second_time(bridge, volume_folder):
    bridge.write("queries/one.sql", "SELECT 1 AS id, N'é' AS name\n")
    bridge.write("config/Land.yaml", "country_code: LA\n")
    arguments = ["extract", "-q", "queries", "-c", "config", "--country", "Land", "-d", volume_folder, "--sandbox", "sqlserver", "--output", "json"]
    assert bridge.run(*arguments, check=True).json()["rows"][0][1] == "completed"
    assert bridge.run(*arguments, check=True).json()["rows"][0][1] == "skipped"
    rows = bridge.sql("databricks", f"SELECT id, name FROM parquet.`{volume_folder}/Land/one/one.parquet`").json()["rows"]
    assert json.dumps(rows, ensure_ascii=False) == '[[1, "é"]]'
