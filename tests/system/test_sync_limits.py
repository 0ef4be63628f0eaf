"""Sync where servers refuse, vanish and come back: limits under concurrent writers, locks, deadlocks, a throttled or
failing workspace, lost replies, restarts. Nothing is lost, nothing is done twice, and the words are right."""

import random
import re
import signal
import subprocess
import threading
import time

import pytest
from conftest import Bridge, free_port, named, wait_until
from sync_case import EVENTS, text
from sync_runs import Lake

ENDED = "('completed', 'failed', 'blocked')"


class Tsql:
    """A session of another program, which stays open: FreeTDS' tsql, fed through a pipe."""

    def __init__(self, settings):
        command = ["stdbuf", "-oL", "tsql", "-H", settings["SQLSERVER_HOST"], "-p", settings["SQLSERVER_PORT"], "-U", settings["SQLSERVER_USERNAME"],
                   "-P", settings["SQLSERVER_PASSWORD"]]
        if settings.get("SQLSERVER_DATABASE"):
            command += ["-D", settings["SQLSERVER_DATABASE"]]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.count = 0

    def run(self, sql):
        """Sends a batch and waits until it has been carried out."""
        self.count += 1
        self.process.stdin.write(f"{sql}\nSELECT 'done {self.count} ' + 'here'\ngo\n")
        self.process.stdin.flush()
        while f"done {self.count} here" not in (line := self.process.stdout.readline()):
            assert line, "tsql has ended"

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(120)


class Pair:
    """A sandbox process for set-up and looks, a service with settings of its own, perhaps through faults."""

    def __init__(self, folder, make_sandbox, faults=None, settings=None, options=()):
        self.folder = folder
        self.clean = make_sandbox(*options)
        self.lake = Lake(self.clean.databricks)
        servers = {**self.clean.sqlserver, **self.clean.databricks}
        self.direct = Bridge(folder / "direct", servers)
        self.direct.run("init", check=True)
        self.server("CREATE TABLE dbo.Items (id int NOT NULL PRIMARY KEY, name nvarchar(20) NOT NULL)")
        self.server("CREATE TABLE dbo.Heap (n int NOT NULL)")
        self.faulty = None
        if faults:  # another process over the same data
            self.faulty = make_sandbox("--data-dir", str(self.clean.bridge.data), env={"BRIDGE_SANDBOX_FAULTS": faults})
            servers = {**self.faulty.sqlserver, **self.faulty.databricks}
        self.service = Bridge(folder / "service", {**servers, "POLLING_INTERVAL_SECONDS": "1", **(settings or {})})
        self.log = folder / "sync.log"
        self.process = None

    def server(self, sql):
        return self.direct.sql("sqlserver", sql).json()["rows"]

    def start(self):
        with open(self.log, "a") as log:
            self.process = self.service.start("sync", stdout=log, stderr=log)

    def stop(self, seconds=120):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(seconds) == 0, self.log.read_text()

    def source(self, name, select):
        self.lake(f"CREATE OR REPLACE TABLE main.default.{name} AS {select}")
        return f"main.default.{name}"

    def insert(self, event_id, source, target="dbo.Heap"):
        self.lake(f"INSERT INTO {EVENTS} (event_id, operation, source_table, target_table, primary_keys, created_at) VALUES"
                  f" ({text(event_id)}, 'INSERT', {text(source)}, '{target}', array(), current_timestamp())")

    def row(self, event_id):
        return self.lake(f"SELECT status, CAST(rows_affected AS STRING), error_message FROM {EVENTS} WHERE event_id = {text(event_id)}")[0]

    def wait_for(self, event_id, status, seconds=120):
        try:
            wait_until(lambda: self.row(event_id)[0] == status, seconds)
        except AssertionError:
            raise AssertionError(f"{event_id}: {self.row(event_id)}, not {status}\n{self.log.read_text()}") from None
        return self.row(event_id)

    def numbers(self):
        return sorted(row[0] for row in self.server("SELECT n FROM dbo.Heap"))


@pytest.fixture
def pair(tmp_path, make_sandbox):
    made = []

    def make(faults=None, settings=None, options=()):
        made.append(Pair(tmp_path, make_sandbox, faults, settings, options))
        return made[-1]

    yield make
    for p in made:
        if p.process and p.process.poll() is None:
            p.process.kill()
            p.process.wait()


# ---- the limit ----


class Writer:
    """Inserts rows until it is stopped, with a pause after each."""

    def __init__(self, settings, pause):
        self.session, self.pause = Tsql(settings), pause
        self.stopping = False
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self):
        while not self.stopping:
            self.session.run("INSERT INTO dbo.Crowd (name) VALUES ('n')")
            time.sleep(self.pause)

    def stop(self):
        self.stopping = True
        self.thread.join(120)
        self.session.close()


@pytest.mark.parametrize("kind", ["sandbox", "named"])
def test_never_more_rows_are_gone_than_the_limit(kind, sandbox, tmp_path):
    """Rows keep coming while DELETEs run whose limit is about what is there: each takes at most its limit, or nothing."""
    settings = sandbox.sqlserver if kind == "sandbox" else named("SQLSERVER")
    if not settings:
        pytest.skip("BRIDGE_TEST_SQLSERVER_* names no server")
    bridge = Bridge(tmp_path / "bridge", {**sandbox.databricks, **settings, "EVENTS_TABLE": f"main.default.crowd_events_{kind}",
                                          "SYNC_LEDGER_TABLE": "dbo.crowd_ledger"})
    lake, dice = Lake(sandbox.databricks), random.Random(7)
    lake("CREATE SCHEMA IF NOT EXISTS main.default")
    bridge.sql("sqlserver", "DROP TABLE IF EXISTS dbo.Crowd")
    bridge.sql("sqlserver", "DROP TABLE IF EXISTS dbo.crowd_ledger")
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Crowd (id int IDENTITY(1,1) PRIMARY KEY, name nvarchar(10) NOT NULL)")
    # A round takes seconds on another server: about as many rows must come in it.
    pause, rounds = (0.005, 40) if kind == "sandbox" else (0.3, 20)
    writer, limits, came = Writer(settings, pause), {}, 10
    try:
        for number in range(rounds):
            there = bridge.sql("sqlserver", "SELECT COUNT(*) FROM dbo.Crowd").json()["rows"][0][0]
            # About as many as will come before the DELETE, by the round before; surely too few and surely enough once each.
            more = {1: -1, 2: 100_000}.get(number, dice.randint(0, 2 * came + 1))
            limits[f"d{number}"] = limit = max(1, there + more)
            lake(f"INSERT INTO main.default.crowd_events_{kind} (event_id, operation, target_table, primary_keys, filter_conditions)"
                 f" VALUES ('d{number}', 'DELETE', 'dbo.Crowd', array('id'), '{{\"name\": \"n\"}}')")
            bridge.run("sync", "--once", env={"SYNC_MAX_DELETE_ROWS": str(limit)})
            ((affected, message),) = lake("SELECT CAST(rows_affected AS STRING), error_message FROM"
                                          f" main.default.crowd_events_{kind} WHERE event_id = 'd{number}'")
            taken = int(affected) if message is None else int(re.search(r"would take (\d+) rows", message).group(1))
            came = max(0, taken - there)
    finally:
        writer.stop()
    rows = lake(f"SELECT event_id, status, CAST(rows_affected AS STRING), error_message FROM main.default.crowd_events_{kind}")
    gone = 0
    for event_id, status, affected, message in rows:
        if status == "completed":
            assert int(affected) <= limits[event_id]
            gone += int(affected)
        else:
            assert status == "blocked", (status, message)
            would, limit = map(int, re.search(r"would take (\d+) rows .* the limit is (\d+)\. Nothing was deleted\. Send several events of fewer rows", message).groups())
            assert would > limit == limits[event_id]
    statuses = [row[1] for row in rows]
    assert len(rows) == rounds and {"completed", "blocked"} == set(statuses), statuses
    ((ever, there),) = bridge.sql("sqlserver", "SELECT MAX(id), COUNT(*) FROM dbo.Crowd").json()["rows"]
    assert ever - there == gone


# ---- locks and deadlocks ----


def test_an_event_waits_for_a_lock_in_the_queue(pair):
    p = pair(settings={"SYNC_LOCK_TIMEOUT_SECONDS": "1"})
    source = p.source("s", "SELECT 1 AS n")
    other = Tsql(p.clean.sqlserver)
    other.run("BEGIN TRANSACTION INSERT INTO dbo.Heap (n) VALUES (99)")
    p.insert("waits", source)
    p.start()
    wait_until(lambda: p.row("waits")[0] == "processing")
    wait_until(lambda: p.row("waits")[0] == "pending")
    other.run("ROLLBACK TRANSACTION")
    other.close()
    assert p.wait_for("waits", "completed")[1] == "1"
    p.stop()
    assert p.numbers() == [1]


INSERTING = "match=INSERT INTO [dbo].[Heap]"


def test_the_victim_of_a_deadlock_tries_again(pair):
    p = pair(f"tds.error=1205,times=1,{INSERTING}")
    p.insert("victim", p.source("s", "SELECT 1 AS n"))
    result = p.service.run("sync", "--once")
    assert result.status == 0, result
    assert p.row("victim")[:2] == ["completed", "1"] and p.numbers() == [1]


def test_three_deadlocks_are_enough(pair):
    p = pair(f"tds.error=1205,times=3,{INSERTING}")
    p.insert("victim", p.source("s", "SELECT 1 AS n"))
    assert p.service.run("sync", "--once").status == 1
    status, rows, message = p.row("victim")
    assert (status, rows) == ("failed", "0") and "SQL Server error 1205" in message
    assert p.numbers() == []
    p.direct.run("events", "retry", "victim", check=True)
    assert p.service.run("sync", "--once").status == 0
    assert p.row("victim")[:2] == ["completed", "1"] and p.numbers() == [1]


def test_a_lock_that_is_not_granted_is_no_failure(pair):
    p = pair(f"tds.error=1222,times=4,{INSERTING}")
    p.insert("patient", p.source("s", "SELECT 1 AS n"))
    p.start()
    assert p.wait_for("patient", "completed")[1] == "1"
    p.stop()
    assert p.numbers() == [1]


def test_sources_are_read_once_for_events_that_wait_for_a_lock(pair):
    """What the sources hold later is not what is inserted."""
    p = pair("tds.error=1222,times=8,match=INSERT INTO [dbo].[Heap")
    p.server("CREATE TABLE dbo.Heap2 (n int NOT NULL)")
    p.insert("first", p.source("first", "SELECT 0 AS n"))
    p.insert("second", p.source("second", "SELECT 1 AS n"), "dbo.Heap2")
    p.start()
    for event in ("first", "second"):
        wait_until(lambda: f"event '{event}' waits for a lock" in p.log.read_text())  # noqa: B023
    for event in ("first", "second"):
        p.source(event, "SELECT 7 AS n")
    for event in ("first", "second"):
        assert p.wait_for(event, "completed")[1] == "1"
    p.stop()
    assert p.numbers() == [0] and p.server("SELECT n FROM dbo.Heap2") == [[1]]


def test_a_ledger_that_can_not_be_told_is_told_later(pair):
    """Else the failure's first retry would only report it again."""
    p = pair("tds.error=1205,times=2,match=SET reported = 1")
    p.insert("bad", "main.default.nowhere")
    p.start()
    p.wait_for("bad", "failed")
    wait_until(lambda: p.server("SELECT reported FROM dbo.bridge_ledger") == [[True]], what="the note")
    p.stop()


# ---- a workspace in trouble ----


def every(fault, first, step, count, options=""):
    """Strikes at each step-th request."""
    return "; ".join(f"{fault},after={first + step * i},times=1{options}" for i in range(count))


@pytest.mark.parametrize(
    "faults",
    [
        every("rest.status=429,retry_after=0", 3, 3, 20),
        every("rest.status=503", 3, 4, 10),
        every("rest.status=500", 3, 5, 10),
        every("rest.hang_up", 3, 4, 20),
        every("rest.lose_reply", 3, 4, 20),
        every("rest.cut_reply=10", 3, 4, 20),
        every("rest.lose_reply", 4, 7, 8) + "; " + every("rest.status=429,retry_after=0", 5, 7, 8) + "; " + every("rest.hang_up", 6, 7, 8),
    ],
    ids=["429", "503", "500", "hang up", "lost reply", "cut reply", "all"],
)
def test_a_failing_workspace_loses_and_doubles_nothing(pair, faults):
    """Fetching, reading sources and writing statuses alike; a status whose reply is lost is written again."""
    p = pair(faults)
    for number in range(12):
        p.source(f"s{number}", f"SELECT {number} AS n UNION ALL SELECT {number + 100}")
        p.insert(f"e{number}", f"main.default.s{number}")
    p.insert("bad", "main.default.nowhere")
    p.start()
    wait_until(lambda: p.lake(f"SELECT count(*) FROM {EVENTS} WHERE status IN {ENDED}")[0][0] == "13", 300, p.log.read_text)
    p.stop()
    rows = p.lake(f"SELECT event_id, status, CAST(rows_affected AS STRING), error_message FROM {EVENTS}")
    found = {row[0]: row[1:3] for row in rows}
    assert found == {**{f"e{i}": ["completed", "2"] for i in range(12)}, "bad": ["failed", "0"]}, rows
    assert "TABLE_OR_VIEW_NOT_FOUND" in [row[3] for row in rows if row[0] == "bad"][0]
    assert p.numbers() == sorted([*range(12), *range(100, 112)])
    assert p.server("SELECT COUNT(*) FROM dbo.bridge_ledger WHERE reported = 0") == [[0]]


def large(p):
    """A source of 60,000 rows: too many for an answer, they come through links."""
    p.source("digits", " UNION ALL ".join(f"SELECT {i} AS d" for i in range(10)))
    joined = " CROSS JOIN ".join(f"main.default.digits AS {name}" for name in "abcde")
    return p.source("large", f"SELECT CAST(a.d * 10000 + b.d * 1000 + c.d * 100 + d.d * 10 + e.d AS INT) AS n FROM {joined} WHERE a.d < 6")


def test_links_that_expire_while_a_source_is_read(pair):
    p = pair("rest.expire_links=0,times=3")
    p.insert("large", large(p))
    p.start()
    assert p.wait_for("large", "completed", 300)[1] == "60000"
    p.stop()
    assert p.server("SELECT COUNT(*), COUNT(DISTINCT n), MIN(n), MAX(n) FROM dbo.Heap") == [[60000, 60000, 0, 59999]]


def test_the_events_table_is_dropped_and_made_again(pair):
    p = pair()
    source = p.source("s", "SELECT 1 AS n")
    p.insert("before", source)
    p.start()
    p.wait_for("before", "completed")
    p.lake(f"DROP TABLE {EVENTS}")
    wait_until(lambda: "TABLE_OR_VIEW_NOT_FOUND" in p.log.read_text(), what="a word about the table")
    p.direct.run("init", check=True)
    p.insert("after", source)
    assert p.wait_for("after", "completed")[1] == "1"
    p.stop()
    assert p.numbers() == [1, 1]


def test_sql_server_is_restarted(pair, make_sandbox):
    ports = ["--sqlserver-port", str(free_port()), "--databricks-port", str(free_port())]
    p = pair(options=ports)
    source = p.source("s", "SELECT 1 AS n")
    p.insert("before", source)
    p.start()
    p.wait_for("before", "completed")
    p.clean.stop()
    p.clean = make_sandbox(*ports, "--data-dir", str(p.clean.bridge.data))
    p.insert("after", source)
    assert p.wait_for("after", "completed")[1] == "1"
    p.stop()
    assert p.numbers() == [1, 1]


def test_sigterm_in_the_middle_of_a_long_event(pair):
    """The source is slow; the service ends in time, the event is pending again and somebody else carries it out."""
    p = pair("rest.delay=600000,match=/storage/")
    p.insert("long", large(p))
    p.start()
    p.wait_for("long", "processing")
    p.stop()
    assert p.row("long")[0] == "pending" and p.numbers() == []
    # The server may take a moment to notice that the session, and with it the slot, is gone.
    wait_until(lambda: p.direct.run("sync", "--once").status == 0, what="a turn")
    assert p.row("long")[:2] == ["completed", "60000"]
