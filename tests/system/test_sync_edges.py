"""Sync where the failure of one event must not reach another, and the ledger must not be reached at all."""

from sync_case import sync  # noqa: F401 (a fixture)
from test_sync import THREE


def test_identity_insert_ends_with_its_event_though_it_failed(sync):
    sync.server("CREATE TABLE dbo.Auto (id int IDENTITY(10,1) PRIMARY KEY, name nvarchar(20) UNIQUE)")
    sync.server("INSERT INTO dbo.Auto (name) VALUES ('x')")
    first = {"priority": 3, "metadata": {"identity_insert": True}}
    failed = sync.emit("INSERT", sync.source("a", "SELECT 1 AS id, 'x' AS name"), target="dbo.Auto", **first)
    made = sync.emit("INSERT", sync.source("b", "SELECT 'y' AS name"), target="dbo.Auto", priority=2)
    sync.server("CREATE TABLE dbo.Other (id int IDENTITY(1,1) PRIMARY KEY, name nvarchar(20))")
    other = sync.emit(
        "INSERT", sync.source("c", "SELECT 5 AS id, 'z' AS name"), target="dbo.Other",
        priority=1, metadata={"identity_insert": True},
    )
    sync.run(status=1)
    assert sync.event(failed)["status"] == "failed"
    assert sync.event(made)["status"] == "completed", sync.event(made)
    assert sync.event(other)["status"] == "completed", sync.event(other)


def test_the_ledger_is_no_target(sync):
    sync.emit("INSERT", sync.source("three", THREE), priority=9)
    sync.run()
    for target in ("dbo.bridge_ledger", "[BRIDGE_ledger]", '"dbo"."bridge_ledger "'):
        event = sync.emit("DELETE", "", target=target, keys=("event_key",), filter_conditions={"status": "completed"})
        sync.run(status=1)
        row = sync.event(event)
        assert row["status"] == "failed" and "ledger" in row["error_message"], (target, row)
    left = sync.server("SELECT COUNT(*) FROM dbo.bridge_ledger WHERE status = 'completed'").json()["rows"]
    assert left == [[1]]
