"""A set-up pair of servers with an events table, for tests of single events."""

import json
import uuid

import pytest
from conftest import named

EVENTS = "bridge.events.bridge_events"


class Sync:
    """A set-up pair of sandbox servers with an events table, a ledger and one target table."""

    def __init__(self, bridge):
        self.bridge = bridge
        if "SQLSERVER_HOST" in bridge.settings:  # a run that was killed may have left it, and a view can keep its table
            self.server("DROP VIEW IF EXISTS dbo.Through", check=False)
        for table in ("Parts", "Lines", "Items", "Other", "Log", "Auto", "bridge_ledger"):
            self.server(f"DROP TABLE IF EXISTS dbo.{table}")
        bridge.run("init", check=True)
        self.server(
            "CREATE TABLE dbo.Items (id int NOT NULL PRIMARY KEY, name nvarchar(20) NOT NULL, price decimal(9,2) NULL,"
            " changed datetime2(3) NULL)"
        )

    def server(self, sql, check=True):
        return self.bridge.sql("sqlserver", sql, check=check)

    def lake(self, sql, check=True):
        return self.bridge.sql("databricks", sql, check=check)

    def source(self, name, select):
        self.lake(f"CREATE OR REPLACE TABLE main.default.{name} AS {select}")
        return f"main.default.{name}"

    def emit(self, operation, source=None, target="dbo.Items", keys=("id",), event_id=None, **columns):
        """Writes the row as a notebook would, past the program."""
        event_id = event_id or f"{operation.lower()}-{uuid.uuid4().hex[:8]}"
        values = {
            "event_id": text(event_id),
            "operation": text(operation),
            "source_table": text(source),
            "target_table": text(target),
            "primary_keys": "array(" + ", ".join(text(key) for key in keys) + ")" if keys is not None else "NULL",
        }
        for name, value in columns.items():
            values[name] = text(json.dumps(value)) if isinstance(value, dict) else value if isinstance(value, Sql) else (
                str(value) if isinstance(value, int) else text(value)
            )
        self.lake(f"INSERT INTO {EVENTS} ({', '.join(values)}) VALUES ({', '.join(values.values())})")
        return event_id

    def run(self, status=0, env=None):
        result = self.bridge.run("sync", "--once", "--output", "json", env=env)
        assert result.status == status, result
        return result

    def event(self, event_id):
        rows = self.bridge.run("events", "show", event_id, "--output", "json", check=True).json()["rows"]
        return {name: value for name, value in rows}

    def items(self):
        rows = self.server("SELECT id, name, price FROM dbo.Items ORDER BY id").json()["rows"]
        return [tuple(row) for row in rows]


class Sql(str):
    """An expression instead of a value."""


def text(value):
    if value is None:
        return "NULL"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.fixture(params=["sandbox", "named"])
def sync(request, make_bridge):
    """The sandbox for both sides; the SQL Server that BRIDGE_TEST_SQLSERVER_* names instead of one."""
    if request.param == "sandbox":
        return Sync(make_bridge())
    if not named("SQLSERVER"):
        pytest.skip("BRIDGE_TEST_SQLSERVER_* names no server")
    return Sync(make_bridge({"USE_DATABRICKS": "false", **named("SQLSERVER")}))
