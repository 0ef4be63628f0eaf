"""test_sync_kill.py on other servers: any SQL Server behind the cutting proxy, Spark with Delta Lake as the workspace, and
other writers on the events table all the while. See scripts/sync-campaign."""

import argparse
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "system")]

import spark_workspace
from conftest import Bridge, named
from sync_case import EVENTS as TABLE
from sync_model import LIMIT, World
from sync_runs import Lake, Replicas, check_outcome, put_events, run_to_the_end, set_up
from tds_proxy import Proxy


class OtherWriter(threading.Thread):
    """Somebody else who writes to the events table; a statement that Delta refuses is sent again."""

    def __init__(self, lake, make_statement, pause):
        super().__init__(daemon=True)
        self.lake, self.make_statement, self.pause = lake, make_statement, pause
        self.stopping, self.written, self.refused = False, 0, 0

    def run(self):
        while not self.stopping:
            statement = self.make_statement(self.written)
            while self.lake.run(statement)["status"]["state"] != "SUCCEEDED" and not self.stopping:
                self.refused += 1
                time.sleep(1)
            self.written += 1
            time.sleep(self.pause)

    def stop(self):
        self.stopping = True
        self.join(60)


def unrelated(number):
    """Rows of an author who has nothing to do with ours: some are none of the service's business, some are broken events."""
    status = "'archived'" if number % 2 else "NULL"
    return (f"INSERT INTO {TABLE} (event_id, operation, target_table, status, created_at) VALUES"
            f" ('x{number}', 'NOTHING', 'dbo.Nowhere', {status}, current_timestamp())")


def remark(dice, events):
    """A column that the product doesn't know, written into our own events."""
    return lambda number: f"UPDATE {TABLE} SET remark = 'seen {number}' WHERE event_id = 'e{dice.randrange(events):05}'"


def fresh_database(server, folder):
    database = "sync_campaign"
    outside = Bridge(folder / "outside", server)
    outside.sql("sqlserver", f"DROP DATABASE IF EXISTS {database}")
    outside.sql("sqlserver", f"CREATE DATABASE {database}")
    return {**server, "SQLSERVER_DATABASE": database}


def in_ledger(bridge):
    sql = "SELECT COUNT(*) FROM dbo.bridge_ledger WHERE event_id LIKE 'e%' AND status IN ('completed', 'failed', 'blocked')"
    return bridge.sql("sqlserver", sql).json()["rows"][0][0]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def campaign(options, folder):
    server = fresh_database(named("SQLSERVER"), folder)
    workspace = spark_workspace.Running(folder / "spark")
    proxy = Proxy(server["SQLSERVER_HOST"], int(server["SQLSERVER_PORT"]), options.seed, commit_cuts=0.10, other_cuts=0.002)
    settings = {**server, **workspace.settings}
    lake, direct, world, dice = Lake(settings), Bridge(folder / "direct", settings), World(options.seed), random.Random(options.seed)
    set_up(direct, lake, world, [])
    lake(f"ALTER TABLE {TABLE} ADD COLUMNS (remark STRING)")
    service = Bridge(
        folder / "service",
        {**settings, "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": str(proxy.port), "POLLING_INTERVAL_SECONDS": "3",
         "SYNC_PARALLEL_TABLES": "2", "SYNC_MAX_DELETE_ROWS": str(LIMIT)},
    )
    others = [OtherWriter(lake, unrelated, options.pause),
              OtherWriter(lake, remark(random.Random(options.seed), options.events), options.pause)]
    began, kills, expected = time.monotonic(), 0, {}
    replicas = Replicas(service, options.replicas)
    for other in others:
        other.start()
    say(f"the service's log is {replicas.log.name}")
    for number in range(options.rounds):
        if time.monotonic() - began > options.minutes * 60:
            break
        events = [world.event(number * options.events + i) for i in range(options.events)]
        put_events(lake, events)
        base, total = len(expected), len(expected) + len(events)
        kills += run_to_the_end(replicas, lake, dice, total, options.kills, 3600, lambda: in_ledger(direct), base)  # noqa: B023
        expected = check_outcome(direct, lake, world, events, expected)
        log = pathlib.Path(replicas.log.name).read_text()
        say(f"{total} events, {kills} kills, {time.monotonic() - began:.0f} s: all as the model says; connections cut before a"
            f" COMMIT {proxy.cut_before}, behind one {proxy.cut_behind}, elsewhere {proxy.cut_other}; other writers inserted"
            f" {others[0].written} rows, updated {others[1].written} and were refused {others[0].refused + others[1].refused}"
            f" times; status writes refused and repeated {log.count('statuses could not be written')}")
    for other in others:
        other.stop()
    replicas.stop()
    proxy.stop()
    workspace.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="all is compared with the model after each")
    parser.add_argument("--events", type=int, default=100, help="of a round")
    parser.add_argument("--kills", type=int, default=20, help="in a round")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--pause", type=float, default=25, help="seconds between two writes of each of the two other writers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="no new round after so long")
    options = parser.parse_args()
    if not named("SQLSERVER"):
        parser.error("BRIDGE_TEST_SQLSERVER_HOST, _PORT, _USERNAME, _PASSWORD… name no server")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sync-campaign-"))
    campaign(options, folder)


if __name__ == "__main__":
    main()
