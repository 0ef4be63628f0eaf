"""How late statuses are: from an event's row in the ledger (SQL Server's clock, as it is committed) to the moment somebody who keeps reading the
events table sees its end there.

    build-venv/bin/python bench/statuses.py [--events N] [--tables N] [--gap SECONDS]

One `sync` with a worker for each table, on the sandbox, whose clock is this machine's; events come one after the other, and two programs keep the
workspace busy with statements of their own. What the poller waits before it sees an event is no part of the figures.
"""

import argparse
import datetime
import os
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "system")]

from conftest import PROGRAM, Bridge, Sandbox
from sync_runs import Lake

EVENTS = "main.default.late_events"


class Load(threading.Thread):
    """Statements without pause, until it is stopped."""

    def __init__(self, lake):
        super().__init__(daemon=True)
        self.lake, self.ended, self.count = lake, False, 0
        self.start()

    def run(self):
        while not self.ended:
            self.lake("SELECT count(*), max(a.d) FROM main.default.digits AS a CROSS JOIN main.default.digits AS b CROSS JOIN main.default.digits AS c")
            self.count += 1


class Watch(threading.Thread):
    """When each event's end was first seen."""

    def __init__(self, lake, count):
        super().__init__(daemon=True)
        self.lake, self.count, self.seen = lake, count, {}
        self.start()

    def run(self):
        while len(self.seen) < self.count:
            for row in self.lake(f"SELECT event_id FROM {EVENTS} WHERE status IN ('completed', 'failed', 'blocked')"):
                self.seen.setdefault(row[0], time.time())
            time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--tables", type=int, default=4)
    parser.add_argument("--gap", type=float, default=0.1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sandbox = Sandbox(folder / "sandbox")
        lake = Lake(sandbox.databricks)
        bridge = Bridge(folder / "bridge", {**sandbox.databricks, **sandbox.sqlserver, "EVENTS_TABLE": EVENTS, "POLLING_INTERVAL_SECONDS": "1",
                                            "SYNC_PARALLEL_TABLES": str(options.tables)})
        bridge.run("init", check=True)
        for table in range(options.tables):
            bridge.sql("sqlserver", f"CREATE TABLE dbo.Late{table} (n int NOT NULL)")
        lake("CREATE TABLE main.default.digits AS " + " UNION ALL ".join(f"SELECT {i} AS d" for i in range(40)))
        lake("CREATE TABLE main.default.one AS SELECT 1 AS n")
        loads, watch = [Load(lake) for _ in range(2)], Watch(lake, options.events)
        with open(folder / "sync.log", "w") as log:
            service = bridge.start("sync", stdout=log, stderr=log)
        for number in range(options.events):
            lake(f"INSERT INTO {EVENTS} (event_id, operation, source_table, target_table) VALUES ('e{number}', 'INSERT', 'main.default.one',"
                 f" 'dbo.Late{number % options.tables}')")
            time.sleep(options.gap)
        watch.join(600)
        for load in loads:
            load.ended = True
        service.terminate()
        service.wait(60)
        rows = bridge.sql("sqlserver", "SELECT event_id, CONVERT(varchar(23), changed_at, 121) FROM dbo.bridge_ledger").json()["rows"]
        late = []
        for event_id, changed in rows:
            committed = datetime.datetime.fromisoformat(changed).replace(tzinfo=datetime.timezone.utc).timestamp()
            late.append(watch.seen[event_id] - committed)
        late.sort()
        sandbox.stop()
    assert len(late) == options.events
    print(f"{PROGRAM.name}: {len(late)} events, {sum(load.count for load in loads)} other statements, load of the machine {os.getloadavg()[0]:.1f}")
    print("seconds late: " + ", ".join(f"{label} {late[int(part * (len(late) - 1))]:.2f}" for label, part in
                                       (("least", 0), ("median", 0.5), ("95 %", 0.95), ("99 %", 0.99), ("most", 1))))
    print(f"within two seconds: {sum(seconds <= 2 for seconds in late)}")


if __name__ == "__main__":
    main()
