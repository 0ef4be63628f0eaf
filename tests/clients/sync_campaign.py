"""test_sync_kill.py on other servers: any SQL Server behind the cutting proxy, Spark with Delta Lake as the workspace, and
other writers on the events table all the while. See scripts/sync-campaign."""

import argparse
import functools
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "system")]

import spark_workspace
from conftest import Bridge, named
from sync_model import LIMIT, World
from sync_runs import FORMS, Lake, Replicas, Run, check_ledger, set_up
from tds_proxy import Proxy

# Babelfish's: https://github.com/babelfish-for-postgresql/babelfish_extensions/issues/3058
CASCADE_DEFECT = 'SQL Server error 33557097, %: relation "sync_campaign_sync_campaign_dbo.child" does not exist%'


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


def unrelated(table, number):
    """Rows of an author who has nothing to do with ours: some are none of the service's business, some are broken events."""
    status = "'archived'" if number % 2 else "NULL"
    return (f"INSERT INTO {table} (event_id, operation, target_table, status, created_at) VALUES"
            f" ('x{number}', 'NOTHING', 'dbo.Nowhere', {status}, current_timestamp())")


def remark(table, dice, numbers, number):
    """A column that the product doesn't know, written into our own events."""
    return f"UPDATE {table} SET remark = 'seen {number}' WHERE event_id = 'e{dice.choice(numbers):05}'"


def fresh_database(server, folder):
    database = "sync_campaign"
    outside = Bridge(folder / "outside", server)
    outside.sql("sqlserver", f"DROP DATABASE IF EXISTS {database}")
    outside.sql("sqlserver", f"CREATE DATABASE {database}")
    return {**server, "SQLSERVER_DATABASE": database}


class Ledger:
    """How many events have ended. The program is asked every two seconds at most: each time it logs in anew."""

    def __init__(self, bridge):
        self.bridge, self.ended, self.asked = bridge, 0, float("-inf")

    def __call__(self):
        if time.monotonic() - self.asked > 2:
            sql = "SELECT COUNT(*) FROM dbo.bridge_ledger WHERE event_id LIKE 'e%' AND status <> 'accepted'"
            self.ended = self.bridge.sql("sqlserver", sql).json()["rows"][0][0]
            self.asked = time.monotonic()
        return self.ended


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Part:
    """A form of the events table: replicas on it, other writers, rounds."""

    def __init__(self, options, folder, servers, form, numbers):
        direct, lake, world, settings, proxy = servers
        table = FORMS[form]
        lake(f"ALTER TABLE {table} ADD COLUMNS (remark STRING)")
        service = Bridge(
            folder / form,
            {**settings, "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": str(proxy.port), "POLLING_INTERVAL_SECONDS": "3",
             "SYNC_PARALLEL_TABLES": "2", "SYNC_MAX_DELETE_ROWS": str(LIMIT), "EVENTS_TABLE": table},
        )
        self.numbers, self.world = numbers, world
        self.replicas = Replicas(service, options.replicas)
        dice = random.Random(options.seed)
        self.run = Run(direct, lake, world, form, self.replicas, dice, Ledger(direct), look=5, defect=CASCADE_DEFECT)
        self.others = [OtherWriter(lake, functools.partial(unrelated, table), options.pause),
                       OtherWriter(lake, functools.partial(remark, table, random.Random(options.seed), numbers), options.pause)]
        say(f"{form}: the service's log is {self.replicas.log.name}")

    def rounds(self, size, kills):
        """Yields after each round, when all is as the model says."""
        for start in range(0, len(self.numbers), size):
            numbers = self.numbers[start : start + size]
            self.run.round(*self.world.events(numbers), kills, 3600)
            yield

    def words(self):
        log = pathlib.Path(self.replicas.log.name).read_text()
        return (f"{self.run.kills} kills, {self.run.idle} when all had ended, {self.run.retried} tried again, {self.run.repeated} more"
                f" than once, {len(self.run.cancelled)} cancelled, {self.run.mishaps} failed by the server's cascade, {self.run.lost} by"
                f" three cuts in a row; other writers inserted {self.others[0].written} rows, updated {self.others[1].written} and were refused"
                f" {self.others[0].refused + self.others[1].refused} times; status writes refused and repeated"
                f" {log.count('statuses could not be written')}")

    def __enter__(self):
        self.replicas.__enter__()
        for other in self.others:
            other.start()
        return self

    def __exit__(self, *problem):
        for other in self.others:
            other.stop()
        self.replicas.__exit__(*problem)


def campaign(options, folder):
    server = fresh_database(named("SQLSERVER"), folder)
    workspace = spark_workspace.Running(folder / "spark")
    proxy = Proxy(server["SQLSERVER_HOST"], int(server["SQLSERVER_PORT"]), options.seed, commit_cuts=0.10, other_cuts=0.002)
    settings = {**server, **workspace.settings}
    lake, direct, world = Lake(settings), Bridge(folder / "direct", settings), World(options.seed)
    set_up(direct, lake, world)
    began, ended, cancelled = time.monotonic(), 0, set()
    half = options.rounds // 2 * options.events
    for form, numbers in zip(FORMS, (range(half), range(half, options.rounds * options.events))):
        with Part(options, folder, (direct, lake, world, settings, proxy), form, numbers) as part:
            for _ in part.rounds(options.events, options.kills):
                ended += options.events
                check_ledger(direct, world, cancelled | part.run.cancelled)
                say(f"{ended} events, {time.monotonic() - began:.0f} s: all as the model says; connections cut before a COMMIT"
                    f" {proxy.cut_before}, behind one {proxy.cut_behind}, elsewhere {proxy.cut_other}; {form}: {part.words()}")
        cancelled |= part.run.cancelled
    proxy.stop()
    workspace.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="all is compared with the model after each; the second half has MAP columns")
    parser.add_argument("--events", type=int, default=100, help="of a round")
    parser.add_argument("--kills", type=int, default=20, help="in a round")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--pause", type=float, default=25, help="seconds between two writes of each of the two other writers")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not named("SQLSERVER"):
        parser.error("BRIDGE_TEST_SQLSERVER_HOST, _PORT, _USERNAME, _PASSWORD… name no server")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sync-campaign-"))
    campaign(options, folder)


if __name__ == "__main__":
    main()
