"""Sync where the failure of one event must not reach another, and the ledger must not be reached at all."""

import hashlib
import json
import pathlib
import re
import subprocess
import threading
import time

import pytest
from canary import Hostile
from conftest import wait_until
from sync_case import EVENTS, Sql, Sync, sync  # noqa: F401 (a fixture)
from test_sync import THREE
from test_sync_limits import Tsql


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


def test_a_direct_load_keeps_identity_values_on_wish(sync):
    sync.server("CREATE TABLE dbo.Auto (id int IDENTITY(10,1) PRIMARY KEY, name nvarchar(20))")
    source = sync.source("a", "SELECT 3 AS id, 'x' AS name UNION ALL SELECT 5, 'y'")
    refused = sync.emit("INSERT", source, target="dbo.Auto", metadata={"bulk": "direct"})
    sync.run(status=1)
    assert "Cannot insert explicit value for identity column 'id'" in sync.event(refused)["error_message"]
    kept = sync.emit("INSERT", source, target="dbo.Auto", metadata={"bulk": "direct", "identity_insert": True})
    made = sync.emit("INSERT", sync.source("b", "SELECT 'z' AS name"), target="dbo.Auto", metadata={"bulk": "direct"}, priority=-1)
    sync.run()
    assert sync.event(kept)["rows_affected"] == 2 and sync.event(made)["rows_affected"] == 1
    rows = sync.server("SELECT id, name FROM dbo.Auto ORDER BY id").json()["rows"]
    assert rows[:2] == [[3, "x"], [5, "y"]] and rows[2][0] >= 10 and rows[2][1] == "z" and len(rows) == 3


@pytest.mark.parametrize("bulk", ["staged", "direct"])
def test_columns_that_the_source_lacks_get_their_defaults(sync, bulk):
    """And a NULL that the source sends stays NULL. A load can't do both at once: it is refused, not guessed."""
    sync.server(
        "CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, a int NULL DEFAULT 7, b nvarchar(9) NOT NULL DEFAULT 'new', c int NULL)"
    )
    options = {"target": "dbo.Other", "metadata": {"bulk": bulk}}
    lacking = sync.emit("INSERT", sync.source("l", "SELECT 1 AS id, 5 AS c UNION ALL SELECT 2, NULL"), priority=3, **options)
    nulls = sync.emit("INSERT", sync.source("n", "SELECT 3 AS id, CAST(NULL AS INT) AS a, 'x' AS b"), priority=2, **options)
    both = sync.emit("INSERT", sync.source("b", "SELECT 4 AS id, CAST(NULL AS INT) AS a"), priority=1, **options)
    sync.run(status=int(bulk == "direct"))
    assert sync.event(lacking)["status"] == sync.event(nulls)["status"] == "completed"
    rows = sync.server("SELECT id, a, b, c FROM dbo.Other ORDER BY id").json()["rows"]
    assert rows[:3] == [[1, 7, "new", 5], [2, 7, "new", None], [3, None, "x", None]]
    if bulk == "staged":
        assert rows[3:] == [[4, None, "new", None]]
    else:
        assert rows[3:] == [] and "metadata.bulk 'direct' can't fill column 'b' of dbo.Other by its default" in sync.event(both)["error_message"]


@pytest.mark.parametrize(
    "rows, words",
    [
        ("SELECT 1 AS id, 1 AS item, 'a' AS code, 1 AS n UNION ALL SELECT 1, 1, 'b', 1", "2627"),
        ("SELECT 1 AS id, 1 AS item, 'kept' AS code, 1 AS n", "2627"),
        ("SELECT 1 AS id, 2 AS item, 'a' AS code, 1 AS n", "fk_direct"),
        ("SELECT 1 AS id, 1 AS item, 'a' AS code, 0 AS n", "ck_direct"),
        ("SELECT 1 AS id, 1 AS item, CAST(NULL AS STRING) AS code, 1 AS n", "id=1, column 'code'"),
        ("SELECT CAST(NULL AS INT) AS id, 1 AS item, 'a' AS code, 1 AS n", "column 'id'"),
    ],
    ids=["key", "unique", "foreign", "check", "null", "null key"],
)
def test_constraints_hold_under_a_direct_load(sync, rows, words):
    """Good rows before the bad one go with it."""
    if words == "fk_direct" and "SQLSERVER_HOST" in sync.bridge.settings and "Babelfish" in str(sync.server("SELECT @@VERSION").json()["rows"]):
        pytest.skip("Babelfish's INSERT BULK checks no foreign keys, whatever its hints say")
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'a')")
    sync.server(
        "CREATE TABLE dbo.Lines (id int NOT NULL PRIMARY KEY, item int NOT NULL CONSTRAINT FK_direct REFERENCES dbo.Items(id),"
        " code nvarchar(9) NOT NULL CONSTRAINT UQ_direct UNIQUE, n int NOT NULL CONSTRAINT CK_direct CHECK (n > 0))"
    )
    sync.server("INSERT INTO dbo.Lines VALUES (9, 1, 'kept', 9)")
    event = sync.emit("INSERT", sync.source("d", f"SELECT 5 AS id, 1 AS item, 'good' AS code, 1 AS n UNION ALL {rows}"),
                      target="dbo.Lines", metadata={"bulk": "direct"})
    sync.run(status=1)
    row = sync.event(event)
    assert row["status"] == "failed" and words in row["error_message"].lower(), row
    assert sync.server("SELECT id FROM dbo.Lines").json()["rows"] == [[9]]


@pytest.mark.parametrize("bulk", ["staged", "direct"])
def test_rows_that_an_index_leaves_out_are_told(sync, bulk):
    """IGNORE_DUP_KEY: no error, and fewer rows than the source has."""
    if "SQLSERVER_HOST" in sync.bridge.settings and "Babelfish" in str(sync.server("SELECT @@VERSION").json()["rows"]):
        pytest.skip("Babelfish knows no IGNORE_DUP_KEY")
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY WITH (IGNORE_DUP_KEY = ON), name nvarchar(9))")
    sync.server("INSERT INTO dbo.Other VALUES (1, 'kept')")
    event = sync.emit("INSERT", sync.source("i", "SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, 'b' UNION ALL SELECT 3, 'c'"),
                      target="dbo.Other", metadata={"bulk": bulk})
    sync.run()
    row = sync.event(event)
    assert (row["status"], row["rows_affected"]) == ("completed", 2), row
    assert "left 1 of the source's 3 rows out" in row["warning"]
    assert sync.server("SELECT id, name FROM dbo.Other ORDER BY id").json()["rows"] == [[1, "kept"], [2, "b"], [3, "c"]]


def test_a_source_that_is_too_large_to_be_read_fails(sync):
    """Blocked is what the limit of a DELETE holds back, and nothing else."""
    event = sync.emit("INSERT", sync.source("huge", "SELECT 1 AS id, repeat('x', 140000000) AS name"))
    sync.run(status=1)
    row = sync.event(event)
    assert row["status"] == "failed" and "over the 134217728 allowed" in row["error_message"], row


def test_table_lock_changes_no_result(sync):
    lock = {"table_lock": True}
    sync.emit("INSERT", sync.source("i", "SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, 'b'"), priority=5, metadata=lock)
    sync.emit("INSERT", sync.source("d", "SELECT 3 AS id, 'c' AS name"), priority=4, metadata={**lock, "bulk": "direct"})
    sync.emit("UPDATE", sync.source("u", "SELECT 1 AS id, 'A' AS name"), priority=3, metadata=lock)
    sync.emit("INSERT", sync.source("p", "SELECT 2 AS id, 'B' AS name UNION ALL SELECT 4, 'd'"), priority=2, metadata={**lock, "mode": "upsert"})
    sync.emit("DELETE", "", filter_conditions={"id": 3}, priority=1, metadata=lock)
    sync.run()
    assert sync.items() == [(1, "A", None), (2, "B", None), (4, "d", None)]
    assert sync.lake(f"SELECT DISTINCT status FROM {EVENTS}").json()["rows"] == [["completed"]]


def test_a_delete_of_very_many_rows_is_told(sync):
    """No source says how many they are: they are counted before, where the limit lets so many go."""
    if "SQLSERVER_HOST" in sync.bridge.settings:
        pytest.skip("a million rows are the sandbox's")
    sync.server("CREATE TABLE dbo.Other (n int NOT NULL)")
    sync.server("INSERT INTO dbo.Other VALUES " + ", ".join(f"({i % 2})" for i in range(100)))
    sync.server("INSERT INTO dbo.Other SELECT TOP (1000) a.n FROM dbo.Other AS a CROSS JOIN dbo.Other AS b")
    sync.server("INSERT INTO dbo.Other SELECT TOP (1000001) 5 FROM dbo.Other AS a CROSS JOIN dbo.Other AS b")
    event = sync.emit("DELETE", "", target="dbo.Other", keys=("n",), filter_conditions={"n": 5})
    sync.run(env={"SYNC_MAX_DELETE_ROWS": "2000000"})
    row = sync.event(event)
    assert (row["status"], row["rows_affected"]) == ("completed", 1000001), row
    assert row["warning"].startswith("1000001 rows in one transaction: the log of the database must hold them all"), row


STATUSES = {"PENDING": True, "pending   ": True, " Pending": True, "": True, "Processing": True, "parked": False, "completed ": False}


def test_a_status_counts_whatever_its_case_and_blanks(sync):
    """A CHAR column fills up with blanks, and people write words in capitals. What is no word of the queue is left alone and
    told once, for it may be a slip."""
    ids = {
        word: sync.emit("INSERT", sync.source(f"s{i}", f"SELECT {i} AS id, 'n' AS name"), event_id=f"e{i}", status=word)
        for i, word in enumerate(STATUSES)
    }
    parked = sync.emit("INSERT", sync.source("s8", "SELECT 8 AS id, 'n' AS name"), event_id="e8", status="PARKED ")
    listed = sync.bridge.run("events", "list", "--status", "pending", "--output", "json", check=True).json()["rows"]
    assert sorted(row[0] for row in listed) == ["e0", "e1", "e2", "e3"]
    told = sync.run().err
    assert told.count("parked") == 1 and "2 events of" in told and "event_id 'e5' and more" in told, told
    for word, taken in STATUSES.items():
        event = sync.event(ids[word])
        assert event["status"] == ("completed" if taken else word.strip()), (word, event)
        assert (event["rows_affected"] is not None) is taken, (word, event)
    assert [row[0] for row in sync.items()] == [0, 1, 2, 3, 4]
    assert sync.bridge.run("events", "cancel", parked).status == 1


def test_retry_and_cancel_read_the_status_as_the_queue_does(sync):
    sync.emit("INSERT", "main.default.none", event_id="bad")
    sync.emit("INSERT", "main.default.none", event_id="off", status="PENDING")
    sync.bridge.run("events", "cancel", "off", check=True)
    sync.run(status=1)
    assert sync.event("bad")["status"] == "failed"
    sync.lake(f"UPDATE {EVENTS} SET status = 'FAILED    ' WHERE event_id = 'bad'")
    assert sync.event("bad")["status"] == "failed"
    assert sync.bridge.run("events", "retry", "bad", check=True).out == "bad: pending\n"
    assert sync.event("bad")["status"] == "pending"


@pytest.fixture(params=["MAP<STRING,STRING>", "STRING"])
def maps(request, make_bridge):
    """Conditions are a MAP; metadata is what the parameter says."""
    bridge = make_bridge({"EVENTS_TABLE": "main.maps.events"})
    bridge.sql("databricks", "CREATE SCHEMA IF NOT EXISTS main.maps")
    bridge.sql(
        "databricks",
        "CREATE TABLE main.maps.events (event_id STRING, operation STRING, source_table STRING, target_table STRING, "
        "primary_keys ARRAY<STRING>, status STRING, error_message STRING, rows_affected INT, "
        f"filter_conditions MAP<STRING,STRING>, metadata {request.param})",
    )
    bridge.run("init", check=True)
    bridge.sql(
        "sqlserver",
        "CREATE TABLE dbo.T (id int PRIMARY KEY, amount decimal(38,2), closed bit, name nvarchar(20), digest varbinary(100))",
    )
    bridge.sql(
        "sqlserver",
        "INSERT INTO dbo.T VALUES (1, 12345678901234567890.10, 1, N'[1, 2]', 0x00FF), (2, 12345678901234567890.11, 1, N'x', 0x01), "
        "(3, 12345678901234567890.10, 0, N'y', 0x307830304646), (4, 5, 0, NULL, NULL), (5, 6, 1, N'z', 0x)",
    )
    return bridge


@pytest.mark.parametrize(
    "conditions, metadata, gone",
    [
        ('{"amount": 12345678901234567890.10, "closed": true}', None, [1]),
        ('{"amount": 12345678901234567890.10, "closed": [true, false]}', None, [1, 3]),
        ('{"name": "[1, 2]"}', None, [1]),
        ('{"name": [null, "z"]}', '{"n": 1.50, "notes": {"deep": [1, {"x": 2.0}]}}', [4, 5]),
        ('{"closed": 0}', '{"filter_conditions": {"id": [3, 5]}}', [3]),
        ('{"closed": false}', '{"dry_run": true}', []),
        ('{"digest": "0x00fF"}', None, [1]),
        ('{"digest": ["0x01", "0x", null]}', None, [2, 4, 5]),
    ],
)
def test_conditions_and_notes_keep_their_values_in_a_map(maps, conditions, metadata, gone):
    """A MAP holds texts alone: lists go where the poller finds them, numbers keep their digits."""
    emitted = maps.run(
        "events", "emit", "--operation", "DELETE", "--target", "dbo.T", "--key", "id", "--filter", conditions,
        *(["--metadata", metadata] if metadata else []), "--event-id", "e",
    )
    assert emitted.status == 0, emitted
    assert maps.run("sync", "--once").status == 0, maps.run("events", "show", "e")
    left = [row[0] for row in maps.sql("sqlserver", "SELECT id FROM dbo.T ORDER BY id").json()["rows"]]
    assert left == [i for i in range(1, 6) if i not in gone]


def test_binary_conditions_are_compared_as_bytes(sync):
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, digest varbinary(100) NULL, tag binary(2) NULL, notes text NULL)")
    sync.server(
        "INSERT INTO dbo.Other VALUES (1, 0x00FF, 0x0A0B, NULL), (2, 0x01, 0x0A0B, 'x'), (3, 0x307830304646, 0x0A0B, 'x'), (4, 0x00FF, 0x0102, 'x')"
    )
    conditions = [{"digest": "255"}, {"digest": "0x0"}, {"tag": "0x0A0B0C"}, {"notes": "x"}, {"digest": "0x00FF", "tag": "0X0a0b", "notes": None}]
    events = [sync.emit("DELETE", "", target="dbo.Other", filter_conditions=each, created_at=Sql(f"timestamp'2024-01-0{i + 1}'")) for i, each in enumerate(conditions)]
    sync.run(status=1)
    ends = [sync.event(event) for event in events]
    assert [end["status"] for end in ends] == ["failed"] * 4 + ["completed"], ends
    assert ends[0]["error_message"].startswith("condition on 'digest': '255' is no binary value; write its bytes as 0x")
    assert ends[1]["error_message"].startswith("condition on 'digest': '0x0' is no binary value")
    assert ends[2]["error_message"] == "condition on 'tag': 3 bytes, the type takes 2"
    assert ends[3]["error_message"].startswith("condition on 'notes': a column of type text can't be compared")
    assert ends[4]["rows_affected"] == 1
    assert sync.server("SELECT id FROM dbo.Other ORDER BY id").json()["rows"] == [[2], [3], [4]]


def test_what_a_map_can_not_hold_is_refused_with_its_reason(maps):
    def refused(conditions, metadata):
        result = maps.run(
            "events", "emit", "--operation", "DELETE", "--target", "dbo.T", "--key", "id", "--filter", conditions, "--metadata", metadata
        )
        assert result.status != 0 and maps.sql("databricks", "SELECT * FROM main.maps.events").json()["rows"] == []
        return result.err

    assert "is a MAP in the table main.maps.events" in refused('{"id": [1]}', '{"filter_conditions": {"name": "x"}}')
    assert "filter_conditions: it is no JSON object" in refused('{"id": 1', "{}")
    assert "metadata: it is no JSON object" in refused('{"id": 1}', '{"dry_run": true')
    assert "a single value is expected, not an object" in refused('{"id": {"a": 1}}', "{}")
    assert "the list of the condition on 'id' has 0 values" in refused('{"id": []}', "{}")


def test_the_ledger_is_no_target(sync):
    sync.emit("INSERT", sync.source("three", THREE), priority=9)
    sync.run()
    for target in ("dbo.bridge_ledger", "[BRIDGE_ledger]", '"dbo"."bridge_ledger "'):
        event = sync.emit("DELETE", "", target=target, keys=("event_key",), filter_conditions={"status": "completed"})
        sync.run(status=1)
        row = sync.event(event)
        assert row["status"] == "failed" and "ledger" in row["error_message"], (target, row)
        planned = sync.bridge.run("events", "plan", event)
        assert planned.status == 1 and row["error_message"] in planned.err, planned
    left = sync.server("SELECT COUNT(*) FROM dbo.bridge_ledger WHERE status = 'completed'").json()["rows"]
    assert left == [[1]]


def test_a_constraint_whose_name_begins_with_another_ones_is_told_apart(sync):
    sync.server("CREATE TABLE dbo.Other (id int PRIMARY KEY, a int NOT NULL CONSTRAINT UQ_o UNIQUE, b int NOT NULL CONSTRAINT UQ_o2 UNIQUE)")
    sync.server("INSERT INTO dbo.Other (id, a, b) VALUES (1, 1, 1), (2, 2, 2)")
    event = sync.emit("INSERT", sync.source("o", "SELECT 3 AS id, 3 AS a, 2 AS b UNION ALL SELECT 4, 4, 1"), target="dbo.Other")
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    assert "2 rows of the source are there already: id=3, b=2; id=4, b=1" in message or "there already: id=4, b=1; id=3, b=2" in message, message


def test_the_ledger_keeps_what_must_not_be_forgotten(sync):
    sync.emit("INSERT", sync.source("three", THREE))
    sync.run()
    sync.server("DELETE FROM dbo.bridge_ledger")
    rows = [("old", "completed", 1, None), ("told", "failed", 1, None), ("untold", "completed", 0, None), ("gone", "cancelled", 0, None),
            ("asked", "failed", 1, "ana"), ("did", "completed", 1, "ana")]
    for key, status, reported, principal in rows:
        user = "NULL" if principal is None else f"'{principal}'"
        sync.server(
            "INSERT INTO dbo.bridge_ledger (event_key, event_id, event_hash, status, principal, reported, changed_at)"
            f" VALUES ('{key}', '{key}', '-', '{status}', {user}, {reported}, '2020-01-01')"
        )
    process = sync.bridge.start("sync", env={"POLLING_INTERVAL_SECONDS": "1"})
    try:
        for _ in range(300):
            left = sync.server("SELECT event_id FROM dbo.bridge_ledger ORDER BY event_id").json()["rows"]
            if len(left) < len(rows):
                break
            time.sleep(1)
    finally:
        process.terminate()
        process.wait(120)
    assert left == [["asked"], ["untold"]]


def test_the_guides_repair_after_a_failover_that_lost_transactions(sync):
    """Its three statements as they stand in the page, with ids and moments of our own."""
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "SYNC_GUIDE.md").read_text(encoding="utf-8")
    block = re.search(r"^\*\*Repair\*\*.*?^```text\n(.*?)^```", page, re.M | re.S)[1]
    sides = re.findall(r"^-- (Databricks|SQL Server):.*\n(.*);", re.sub(r"'\d{4}-[^']*'", "'2020-01-01 00:00:00'", block), re.M)
    completed, known, put_back = (sql for _, sql in sides)
    assert [side for side, _ in sides] == ["Databricks", "SQL Server", "Databricks"]
    kept = sync.emit("INSERT", sync.source("kept", "SELECT 1 AS id, 'kept' AS name"))
    lost = sync.emit("INSERT", sync.source("lost", "SELECT 2 AS id, 'lost' AS name"))
    sync.run()
    for sql in ("DELETE FROM dbo.Items WHERE id = 2", f"DELETE FROM dbo.bridge_ledger WHERE event_id = '{lost}'"):
        sync.server(sql)
    there = {row[0] for row in sync.lake(completed).json()["rows"]}
    missing = there - {row[0] for row in sync.server(known).json()["rows"]}
    assert (there, missing) == ({kept, lost}, {lost})
    for event_id in (kept, lost):  # one that is not missing does no harm
        sync.lake(put_back.replace("…", event_id))
    sync.run()
    assert sync.items() == [(1, "kept", None), (2, "lost", None)]
    assert [sync.event(event_id)["status"] for event_id in (kept, lost)] == ["completed", "completed"]


def test_once_waits_for_statuses_that_are_slow_to_be_written(make_sandbox, make_bridge):
    """The second list is as full as the first one, of the same rows, and brings nothing: there is more behind it."""
    sandbox = make_sandbox()
    held, looked_again = threading.Event(), threading.Event()

    def answer(request):
        statement = json.loads(request.body or b"{}").get("statement", "") if request.command == "POST" else ""
        if statement.startswith("UPDATE") and "completed" in request.body.decode() and not held.is_set():
            held.set()
            assert looked_again.wait(120)
        elif statement.endswith(" LIMIT 2") and held.is_set() and not looked_again.is_set():
            reply = front.pass_on(request)
            looked_again.set()
            return reply
        return None

    front = Hostile(int(sandbox.databricks["DATABRICKS_HOST"].rpartition(":")[2]), answer)
    sync = Sync(make_bridge({**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": front.url, "MAX_EVENTS_PER_POLL": "2"}))
    try:
        for number in range(5):
            sync.emit("INSERT", sync.source(f"one{number}", f"SELECT {number} AS id, 'x' AS name"))
        sync.run()
    finally:
        front.close()
    assert looked_again.is_set()
    assert [row[0] for row in sync.items()] == [0, 1, 2, 3, 4]


def test_in_strict_mode_events_wait_for_their_audit(make_sandbox, make_bridge):
    """As under `serve`; in other modes they are carried out, and the log says what the audit lacks."""
    sandbox = make_sandbox()
    sync = Sync(make_bridge({**sandbox.sqlserver, **sandbox.databricks}))
    sync.bridge.write(
        "config/permissions.yaml",
        f"users:\n  - name: databricks\n    token_sha256: \"{'ab' * 32}\"\n    permissions:\n      - table: dbo.Items\n        access: read_write\n",
    )
    strict, full = {"USE_DATABRICKS": "true"}, {"AUDIT_FILE": "/dev/full"}
    event = sync.emit("INSERT", sync.source("n", "SELECT 1 AS id, 'a' AS name"))
    result = sync.run(status=1, env={**strict, **full})
    assert "No space left" in result.err and "The audit can't be written, and in strict mode events wait until it can" in result.err
    assert sync.event(event)["status"] == "pending" and sync.items() == []
    sync.run(env=strict)
    assert sync.event(event)["status"] == "completed" and len(sync.items()) == 1
    audit = [json.loads(line) for line in (sync.bridge.data / "audit.jsonl").read_text().splitlines()]
    assert [line["event_type"] for line in audit] == ["permission_granted", "sync_started", "sync_completed"]
    sync.emit("INSERT", sync.source("m", "SELECT 2 AS id, 'b' AS name"))
    assert "No space left" in sync.run(env=full).err
    assert len(sync.items()) == 2


class Holder:
    """Another program that holds the lock of dbo.Items, as a worker would."""

    name = "N'bridge:table:' + CAST(DB_ID() AS nvarchar(12)) + N':' + CAST(OBJECT_ID(N'dbo.Items') AS nvarchar(12))"

    def __init__(self, sync):
        self.database = sync.server("SELECT DB_NAME()").json()["rows"][0][0]
        take = (f"DECLARE @r int, @n nvarchar(255) = {self.name}; EXEC @r = sp_getapplock @Resource = @n, @LockMode = N'Exclusive',"
                " @LockOwner = N'Session', @LockTimeout = 0; IF @r < 0 THROW 50001, 'not granted', 1")
        if "SQLSERVER_HOST" in sync.bridge.settings:
            session = Tsql(sync.bridge.settings)
            session.run(take)
            self.process = session.process
        else:  # the embedded sandbox
            self.process = sync.bridge.start(
                "sql", "--on", "sqlserver", "--database", self.database, take + "; WAITFOR DELAY '00:10:00'",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        test = f"SELECT APPLOCK_TEST('public', {self.name}, 'Exclusive', 'Session')"
        wait_until(lambda: sync.bridge.sql("sqlserver", test, self.database).json()["rows"] == [[0]], what="the lock")

    def end(self):
        self.process.kill()
        self.process.wait()


def test_a_table_that_somebody_else_works_on_does_not_hide_other_tables(sync):
    """Its events fill whole lists, and those of other tables stand behind them. All names of the table are one."""
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY)")
    holder = Holder(sync)
    service = None
    try:
        names = ["dbo.Items", "ITEMS", f"{holder.database}.dbo.Items", f"[{holder.database}]..items", '"dbo"."Items"']
        for i, name in enumerate(names):
            source = sync.source(f"s{i}", f"SELECT {i} AS id, 'x' AS name")
            sync.emit("INSERT", source, target=name, event_id=f"stuck{i}", priority=5)
        sync.emit("INSERT", sync.source("o", "SELECT 1 AS id"), target="dbo.Other", event_id="other", priority=1)
        service = sync.bridge.start(
            "sync", env={"MAX_EVENTS_PER_POLL": "3", "POLLING_INTERVAL_SECONDS": "1"}, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: sync.event("other")["status"] == "completed", what="the other table's event")
        assert sync.items() == []
        holder.end()
        wait_until(lambda: len(sync.items()) == 5, what="the events that waited")
    finally:
        holder.end()
        if service:
            service.terminate()
            assert service.wait(120) == 0


class Replica:
    """A `sync` of several on the same tables, and what it says."""

    def __init__(self, sync, name, slots):
        self.log = sync.bridge.folder / f"{name}.log"
        with open(self.log, "w") as log:
            self.process = sync.bridge.start(
                "sync", env={"POLLING_INTERVAL_SECONDS": "1", "SYNC_PARALLEL_TABLES": str(slots)}, stdout=log, stderr=log
            )

    def has_done(self, event):
        return f"event '{event}': completed" in self.log.read_text()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(120) == 0, self.log.read_text()


def test_a_replica_stands_by_and_takes_over(sync):
    """It is refused many slots, again and again (Babelfish breaks down where a session keeps refusals)."""
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY)")
    database = sync.server("SELECT DB_NAME()").json()["rows"][0][0]
    queue, slots = hashlib.sha256(EVENTS.encode()).hexdigest(), 4
    free = " + ".join(f"APPLOCK_TEST('public', N'bridge:slot:{queue}:{n}', 'Exclusive', 'Session')" for n in range(slots))

    def put(event, number):
        sync.emit("INSERT", sync.source(event, f"SELECT {number} AS id"), target="dbo.Other", event_id=event)

    first = Replica(sync, "first", slots)
    second = None
    try:
        wait_until(lambda: sync.bridge.sql("sqlserver", f"SELECT {free}", database).json()["rows"] == [[0]], what="all slots")
        second = Replica(sync, "second", slots)
        wait_until(lambda: "looking for events" in second.log.read_text(), what="the second replica")
        put("early", 1)
        wait_until(lambda: sync.event("early")["status"] == "completed", what="the first replica")
        assert first.process.poll() is None and second.process.poll() is None
        first.process.kill()
        first.process.wait()
        put("late", 2)
        wait_until(lambda: second.has_done("late"), what="the takeover")
    finally:
        first.process.kill()
        first.process.wait()
        if second:
            second.end()
    assert first.has_done("early") and not second.has_done("early")
    assert sync.server("SELECT id FROM dbo.Other ORDER BY id").json()["rows"] == [[1], [2]]


def test_retry_and_cancel_reach_the_newest_row_of_an_id_alone(sync):
    """Over HTTP rights are checked for that row; another one with its id may be of a table that the caller may not write."""
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY)")
    created = "timestamp_micros(17000000{}0000000)"
    for minute, target in enumerate(["dbo.Other", "dbo.Items"]):
        sync.emit("INSERT", "main.default.nowhere", target=target, event_id="two", status="failed", created_at=Sql(created.format(minute)))
        sync.emit("INSERT", "main.default.nowhere", target=target, event_id="four", created_at=Sql(created.format(minute)))

    def rows(event_id):
        sql = f"SELECT target_table, coalesce(status, 'pending') FROM {EVENTS} WHERE event_id = '{event_id}' ORDER BY target_table"
        return sync.lake(sql).json()["rows"]

    sync.bridge.run("events", "retry", "two", check=True)
    assert rows("two") == [["dbo.Items", "pending"], ["dbo.Other", "failed"]]
    sync.bridge.run("events", "cancel", "four", check=True)
    assert rows("four") == [["dbo.Other", "pending"]]
