"""kill -9 of two replicas at random, and connections cut around COMMIT: nothing lost, nothing doubled, no false word.

1,000 events of all kinds wait in the events table. Two replicas work on them and are killed 200 times in all, spread over
the whole run; a proxy cuts connections before a COMMIT, behind it, and anywhere. A model that shares nothing with the
product says what each table and each status must be.
"""

import json
import os
import random
import signal
import time
import urllib.request

from conftest import Bridge
from sync_model import LIMIT, World, in_order
from tds_proxy import Proxy

EVENTS = int(os.environ.get("BRIDGE_TEST_KILL_EVENTS", "1000"))
KILLS = int(os.environ.get("BRIDGE_TEST_KILLS", "200"))
TABLE = "bridge.events.bridge_events"


class Lake:
    """Statements over HTTP, past the program."""

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, sql):
        request = urllib.request.Request(
            self.settings["DATABRICKS_HOST"] + "/api/2.0/sql/statements",
            data=json.dumps({"statement": sql, "warehouse_id": self.settings["DATABRICKS_WAREHOUSE_ID"]}).encode(),
            headers={"Authorization": "Bearer " + self.settings["DATABRICKS_TOKEN"], "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        assert answer["status"]["state"] == "SUCCEEDED", answer
        return answer.get("result", {}).get("data_array", [])


def text(value):
    return "NULL" if value is None else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


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
    for sql in (
        "CREATE TABLE dbo.Heap (n int NOT NULL, tag nvarchar(20))",
        "CREATE TABLE dbo.Keyed (id int NOT NULL PRIMARY KEY, name nvarchar(20))",
        "CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, name nvarchar(20))",
    ):
        bridge.sql("sqlserver", sql)
    for table, rows in (("Keyed", world.keyed), ("Other", world.other)):
        bridge.sql("sqlserver", f"INSERT INTO dbo.{table} VALUES " + ", ".join(f"({k}, '{v}')" for k, v in rows.items()))
    for name, rows in world.sources.items():
        columns = "n INT, tag STRING" if name.startswith("h") else "id INT, name STRING"
        lake(f"CREATE TABLE main.default.{name} ({columns})")
        if rows:
            lake(f"INSERT INTO main.default.{name} VALUES " + ", ".join(f"({k}, {text(v)})" for k, v in rows))
    for start in range(0, len(events), 100):
        lake(
            f"INSERT INTO {TABLE} (event_id, operation, source_table, target_table, primary_keys, priority,"
            " filter_conditions, metadata, created_at) VALUES " + ", ".join(map(event_values, events[start : start + 100]))
        )


class Replicas:
    """Two processes that are started again whenever one is killed."""

    def __init__(self, bridge):
        self.bridge = bridge
        self.log = open(bridge.folder / "sync.log", "a")
        self.processes = [self._start() for _ in range(2)]

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


def ended(lake):
    rows = lake(f"SELECT count(*) FROM {TABLE} WHERE status IN ('completed', 'failed', 'blocked')")
    return int(rows[0][0])


def run_to_the_end(replicas, lake, dice, seconds=900):
    """Kills are spread over the progress of the events."""
    kills, deadline = 0, time.monotonic() + seconds
    while True:
        done = ended(lake)
        assert time.monotonic() < deadline, f"{done} of {EVENTS} events ended after {kills} kills"
        if done == EVENTS and kills >= KILLS:
            return kills
        if kills < KILLS and (done * KILLS >= kills * EVENTS or done == EVENTS):
            replicas.kill_one(dice.randrange(2))
            kills += 1
        time.sleep(dice.uniform(0.02, 0.15))


def test_two_replicas_are_killed_200_times(make_sandbox, tmp_path):
    seed = int(os.environ.get("BRIDGE_TEST_SEED", "1"))
    sandbox = make_sandbox()
    lake = Lake(sandbox.databricks)
    proxy = Proxy("127.0.0.1", sandbox.info["sqlserver"]["port"], seed, commit_cuts=0.10, other_cuts=0.002)
    settings = {**sandbox.sqlserver, **sandbox.databricks}
    direct = Bridge(tmp_path / "direct", settings)
    world = World(seed)
    events = [world.event(i) for i in range(EVENTS)]
    set_up(direct, lake, world, events)
    service = Bridge(
        tmp_path / "service",
        {**settings, "SQLSERVER_PORT": str(proxy.port), "POLLING_INTERVAL_SECONDS": "1", "SYNC_PARALLEL_TABLES": "2",
         "SYNC_MAX_DELETE_ROWS": str(LIMIT)},
    )
    replicas = Replicas(service)
    kills = run_to_the_end(replicas, lake, random.Random(seed))
    replicas.stop()
    proxy.stop()
    print(f"{kills} kills; commits cut before {proxy.cut_before}, behind {proxy.cut_behind}; others {proxy.cut_other}")
    assert min(proxy.cut_behind, proxy.cut_before) > EVENTS // 100

    expected = {event["event_id"]: world.apply(event) for event in in_order(events)}
    rows = lake(f"SELECT event_id, status, CAST(rows_affected AS STRING) FROM {TABLE}")
    assert {row[0]: (row[1], int(row[2] or 0)) for row in rows} == expected
    for name, table in (("Keyed", world.keyed), ("Other", world.other)):
        found = direct.sql("sqlserver", f"SELECT id, name FROM dbo.{name}").json()["rows"]
        assert {row[0]: row[1] for row in found} == table, name
    found = direct.sql("sqlserver", "SELECT n, tag FROM dbo.Heap").json()["rows"]
    assert sorted(map(tuple, found)) == sorted(world.heap)
    left = direct.sql("sqlserver", "SELECT status, COUNT(*) FROM dbo.bridge_ledger GROUP BY status").json()["rows"]
    counted = {}
    for status, _ in expected.values():
        counted[status] = counted.get(status, 0) + 1
    assert dict(map(tuple, left)) == counted
