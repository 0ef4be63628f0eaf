"""The notebook module against the service: Delta tables on real Spark, the sandbox's SQL Server, both forms of the events table."""

import datetime
import decimal
import importlib.util

import pytest

from system_conftest import ROOT, Bridge

MODULE = ROOT / "notebooks" / "sql_databricks_bridge.py"
HYPHENS = "`000-sql-databricks-bridge`.`sales-data`"
TABLES = {
    "json": "`000-sql-databricks-bridge`.events.notebook_events",
    "map": "bridge.events.notebook_events",
}
COLUMNS = """event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys ARRAY<STRING>,
    priority INT, status STRING, rows_expected INT, rows_affected INT, discrepancy INT, warning STRING, error_message STRING,
    filter_conditions {form}, metadata {form}, created_at TIMESTAMP, processed_at TIMESTAMP"""


@pytest.fixture(scope="module")
def notebook(spark):
    spec = importlib.util.spec_from_file_location("notebook_module", MODULE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.SPARK = spark
    return module


class World:
    """A notebook, an empty events table of one form, a SQL Server with the target tables."""

    def __init__(self, bridge, spark, notebook, form):
        self.bridge, self.spark, self.notebook, self.form = bridge, spark, notebook, form
        table = notebook.EVENTS_TABLE = bridge.settings["EVENTS_TABLE"] = TABLES[form]
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {table.rpartition('.')[0]}")
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {HYPHENS}")
        spark.sql(f"CREATE OR REPLACE TABLE {table} ({COLUMNS.format(form={'json': 'STRING', 'map': 'MAP<STRING, STRING>'}[form])})")
        bridge.run("init", check=True)
        bridge.sql("sqlserver", "CREATE TABLE dbo.Items (id int NOT NULL PRIMARY KEY, name nvarchar(40) NOT NULL, "
                                "price decimal(9, 2) NULL, sold date NULL, active bit NULL)")
        bridge.sql("sqlserver", "CREATE TABLE dbo.Notes (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, body nvarchar(40) NOT NULL)")

    def source(self, name, select):
        self.spark.sql(f"CREATE OR REPLACE TABLE {HYPHENS}.{name} AS {select}")
        return f"{HYPHENS}.{name}"

    def run(self, **settings):
        result = self.bridge.run("sync", "--once", env=settings)
        assert result.status in (0, 1), result
        return result

    def items(self):
        query = "SELECT id, name, CAST(price AS varchar(20)) AS price, CAST(sold AS char(10)) AS sold, active FROM dbo.Items ORDER BY id"
        return self.bridge.sql("sqlserver", query).json()["rows"]


@pytest.fixture(params=TABLES)
def world(request, tmp_path, make_sandbox, spark_workspace, spark, notebook):
    settings = {**make_sandbox().sqlserver, **spark_workspace.settings}
    return World(Bridge(tmp_path / "work", settings), spark, notebook, request.param)


def test_operations_and_refusals(world):
    n = world.notebook
    items = world.source("items", "SELECT * FROM VALUES (1, 'O''Hara \"x\" \\\\ `y` 東京 😀', CAST(12.10 AS DECIMAL(9, 2)), DATE'2024-02-29', true), "
                                  "(2, 'two', NULL, NULL, false), (3, 'three', 3, NULL, NULL), (4, 'four', 4, NULL, true) AS t(id, name, price, sold, active)")
    changes = world.source("changes", "SELECT 2 AS id, 'zwei' AS name UNION ALL SELECT 77, 'nobody'")
    both = world.source("both", "SELECT 3 AS id, 'drei' AS name UNION ALL SELECT 5, 'five'")
    gone = world.source("gone", "SELECT 5 AS id")
    expected = {}

    def expect(event_id, status, rows, warning=None, error=None):
        expected[event_id] = (status, rows, warning, error)

    plain = items.replace("`", "")
    expect(n.sync_insert_to_sql(items, "dbo.Items", ["id"], rows_expected=4), "completed", 4)
    expect(n.sync_update_to_sql(plain.replace(".items", ".changes"), "dbo.Items", ["id"], rows_expected=2), "completed", 1,
           warning="2 rows were expected, 1 were affected (discrepancy 1)")
    expect(n.sync_upsert_to_sql(both, "[dbo].[Items]", "id"), "completed", 2)
    expect(n.sync_delete_from_sql("Items", "id", source_table=gone), "completed", 1)
    expect(n.sync_delete_from_sql("dbo.Items", ["id"], {"id": [2, 4], "active": False, "price": None}), "completed", 1)
    expect(n.sync_delete_from_sql("dbo.Items", ["id"], {
        "name": 'O\'Hara "x" \\ `y` 東京 😀', "price": decimal.Decimal("12.10"), "sold": datetime.date(2024, 2, 29), "active": True,
    }), "completed", 1)
    expect(n.sync_insert_to_sql(world.source("none", "SELECT 1 AS id WHERE false"), "dbo.Items", []), "failed", 0, error="No data to insert")
    expect(n.sync_insert_to_sql(world.source("none", "SELECT 1 AS id WHERE false"), "dbo.Items", [], rows_expected=0), "completed", 0)
    numbered = world.source("numbered", "SELECT 9 AS id, 'kept' AS body")
    expect(n.sync_insert_to_sql(numbered, "dbo.Notes", []), "failed", 0, error="Cannot insert explicit value for identity column 'id'")
    expect(n.sync_insert_to_sql(numbered, "dbo.Notes", [], identity_insert=True), "completed", 1)
    expect(n.sync_insert_to_sql(both, "dbo.Items", [], bulk="direct", dry_run=True), "failed", 0, error="2627")
    expect(n.sync_update_to_sql(changes, "dbo.Nowhere", ["id"]), "failed", 0, error="The table dbo.Nowhere does not exist")
    world.run()
    for event_id, (status, rows, warning, error) in expected.items():
        found = n.check_event_status(event_id)
        assert (found["status"], found["rows_affected"]) == (status, rows), found
        assert found["warning"] == warning and (error or "") in (found["error_message"] or ""), found
        assert found["processed_at"] is not None
    assert world.items() == [[3, "drei", "3.00", None, None], [4, "four", "4.00", None, True]]


def test_a_delete_over_the_limit_is_blocked_and_can_be_retried(world):
    n = world.notebook
    world.bridge.sql("sqlserver", "INSERT INTO dbo.Items (id, name) VALUES (1, 'a'), (2, 'a'), (3, 'a')")
    event_id = n.sync_delete_from_sql("dbo.Items", "id", {"name": "a"})
    world.run(SYNC_MAX_DELETE_ROWS="2")
    with pytest.raises(n.EventFailed, match="take 3 rows from dbo.Items; the limit is 2. Nothing was deleted") as caught:
        n.wait_for_event(event_id, raise_on_failure=True)
    assert caught.value.status["status"] == "blocked" and len(world.items()) == 3
    n.retry_event(event_id)
    waiting = n.check_event_status(event_id)
    assert waiting["status"] == "pending" and waiting["error_message"] is None and waiting["rows_affected"] is None
    world.run(SYNC_MAX_DELETE_ROWS="3")
    assert n.wait_for_event(event_id)["rows_affected"] == 3 and world.items() == []


@pytest.mark.parametrize("order, last", [("highest_first", "one"), ("lowest_first", "nine")])
def test_priorities_decide_the_order(world, order, last):
    n = world.notebook
    world.bridge.sql("sqlserver", "INSERT INTO dbo.Items (id, name) VALUES (1, 'none')")
    for priority, name in ((5, "five"), (1, "one"), (9, "nine")):
        n.sync_update_to_sql(world.source(name, f"SELECT 1 AS id, '{name}' AS name"), "dbo.Items", "id", priority=priority)
    world.run(SYNC_PRIORITY_ORDER=order)
    assert [row[1] for row in world.items()] == [last]
