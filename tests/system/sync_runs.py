"""Two replicas on a queue of many events, killed at random, and what must have come of it: for test_sync_kill.py on the
sandbox and scripts/sync-campaign on other servers."""

import json
import signal
import time
import urllib.request

from sync_case import EVENTS as TABLE
from sync_case import text
from sync_model import in_order


class Lake:
    """Statements over HTTP, past the program."""

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, sql):
        answer = self.run(sql)
        assert answer["status"]["state"] == "SUCCEEDED", answer
        return answer.get("result", {}).get("data_array", [])

    def run(self, sql):
        """The whole answer of a statement that has ended, well or not."""
        answer = self._ask("", {"statement": sql, "warehouse_id": self.settings["DATABRICKS_WAREHOUSE_ID"]})
        while answer["status"]["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.2)
            answer = self._ask("/" + answer["statement_id"])
        return answer

    def _ask(self, path, body=None):
        request = urllib.request.Request(
            self.settings["DATABRICKS_HOST"] + "/api/2.0/sql/statements" + path,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": "Bearer " + self.settings["DATABRICKS_TOKEN"], "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.load(reply)


SOURCE_COLUMNS = {"h": "n INT, tag STRING", "n": "name STRING"}  # by a source's first letter


def literal(value):
    return text(value) if isinstance(value, str) else str(value)


def event_values(event):
    metadata = event["metadata"]
    return "({}, {}, {}, {}, {}, {}, {}, {}, {})".format(
        text(event["event_id"]), text(event["operation"]), text(event["source_table"]), text(event["target_table"]),
        "array(" + ", ".join(map(text, event["keys"])) + ")" if event["keys"] else "CAST(NULL AS ARRAY<STRING>)",
        event["priority"], text(json.dumps(event["filter"]) if event["filter"] else None),
        text(metadata if isinstance(metadata, str) else json.dumps(metadata) if metadata else None),
        f"timestamp_micros({1_700_000_000_000_000 + event['created'] * 1_000_000})",
    )


def set_up(bridge, lake, world, events):
    bridge.run("init", check=True)
    keyed = "(id int NOT NULL PRIMARY KEY, name nvarchar(20))"
    for sql in (
        "CREATE TABLE dbo.Heap (n int NOT NULL, tag nvarchar(20))",
        *(f"CREATE TABLE dbo.{name} {keyed}" for name in world.tables),
        "CREATE TABLE dbo.Child (id int NOT NULL PRIMARY KEY, parent_id int NOT NULL REFERENCES dbo.Parent (id) ON DELETE CASCADE)",
        "CREATE TABLE dbo.Numbered (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, name nvarchar(20))",
    ):
        bridge.sql("sqlserver", sql)
    for table, rows in world.tables.items():
        bridge.sql("sqlserver", f"INSERT INTO dbo.{table} VALUES " + ", ".join(f"({k}, '{v}')" for k, v in rows.items()))
    bridge.sql("sqlserver", "INSERT INTO dbo.Child VALUES " + ", ".join(map(str, world.children.items())))
    for name, rows in world.sources.items():
        lake(f"CREATE TABLE main.default.{name} ({SOURCE_COLUMNS.get(name[0], 'id INT, name STRING')})")
        if rows:
            lake(f"INSERT INTO main.default.{name} VALUES " + ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows))
    put_events(lake, events)


def put_events(lake, events):
    for start in range(0, len(events), 100):
        lake(
            f"INSERT INTO {TABLE} (event_id, operation, source_table, target_table, primary_keys, priority,"
            " filter_conditions, metadata, created_at) VALUES " + ", ".join(map(event_values, events[start : start + 100]))
        )


class Replicas:
    """Processes that are started again whenever one is killed."""

    def __init__(self, bridge, count=2):
        self.bridge = bridge
        self.log = open(bridge.folder / "sync.log", "a")
        self.processes = [self._start() for _ in range(count)]

    def _start(self):
        return self.bridge.start("sync", stdout=self.log, stderr=self.log)

    def kill_one(self, which):
        process = self.processes[which]
        assert process.poll() is None, f"a replica ended by itself: {process.returncode}"
        process.kill()
        process.wait()
        self.processes[which] = self._start()

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            assert process.wait(60) == 0
        self.log.close()


def run_to_the_end(replicas, lake, dice, events, kills, seconds=900, progress=None, base=0):
    """Kills are spread over the progress of the events. Returns how many there were. progress(): a quicker way to how many
    have ended than the events table. base: so many had ended before."""
    done_sql = f"SELECT count(*) FROM {TABLE} WHERE event_id LIKE 'e%' AND status IN ('completed', 'failed', 'blocked')"
    killed, deadline = 0, time.monotonic() + seconds

    def shown():
        return int(lake(done_sql)[0][0])

    while True:
        done = (progress or shown)()
        assert time.monotonic() < deadline, f"{done} of {events} events ended after {killed} kills"
        if done == events and killed >= kills and (progress is None or shown() == events):
            return killed
        if killed < kills and ((done - base) * kills >= killed * (events - base) or done == events):
            replicas.kill_one(dice.randrange(len(replicas.processes)))
            killed += 1
        time.sleep(dice.uniform(0.02, 0.15))


def check_tables(bridge, world):
    def rows(sql):
        return list(map(tuple, bridge.sql("sqlserver", sql).json()["rows"]))

    for name, table in world.tables.items():
        assert dict(rows(f"SELECT id, name FROM dbo.{name}")) == table, name
    assert dict(rows("SELECT id, parent_id FROM dbo.Child")) == world.children
    assert sorted(rows("SELECT n, tag FROM dbo.Heap")) == sorted(world.heap)
    numbered = rows("SELECT id, name FROM dbo.Numbered")
    assert {key: name for key, name in numbered if key < 0} == world.given
    assert sorted(name for key, name in numbered if key > 0) == sorted(world.numbered)


def check_outcome(bridge, lake, world, events, before=None):
    """Every status, every table and the ledger are what the model says. before: what was expected of earlier events.
    Returns that with these."""
    expected = {**(before or {}), **{event["event_id"]: world.apply(event) for event in in_order(events)}}
    rows = lake(f"SELECT event_id, status, CAST(rows_affected AS STRING) FROM {TABLE} WHERE event_id LIKE 'e%'")
    assert {row[0]: (row[1], int(row[2] or 0)) for row in rows} == expected
    assert len(rows) == len(expected)
    check_tables(bridge, world)
    left = bridge.sql(
        "sqlserver", "SELECT status, COUNT(*) FROM dbo.bridge_ledger WHERE event_id LIKE 'e%' GROUP BY status"
    ).json()["rows"]
    counted = {}
    for status, _ in expected.values():
        counted[status] = counted.get(status, 0) + 1
    assert dict(map(tuple, left)) == counted
    return expected
