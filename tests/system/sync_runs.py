"""Two replicas on a queue of many events, killed at random, and what must have come of it: for test_sync_kill.py on the
sandbox and scripts/sync-campaign on other servers."""

import collections
import json
import signal
import time
import urllib.request

from conftest import free_port
from service import permissions
from sync_case import EVENTS, text
from sync_model import WEB_LIMIT, in_order
from sync_web import Web


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


HEAP = ("n", "tag")
SOURCE_COLUMNS = {"h": HEAP, "l": HEAP, "m": HEAP, "n": ("name",)}  # by a source's first letter
FORMS = {"STRING": EVENTS, "MAP": "main.default.events_of_maps"}  # how conditions and metadata are written, and in what table
ENDED = "('completed', 'failed', 'blocked')"
LOST = "The connection to SQL Server was lost in each of 3 attempts, and nothing was changed: %"  # a pattern for LIKE


def literal(value):
    return text(value) if isinstance(value, str) else str(value)


def as_map(pairs):
    """MAP<STRING,STRING> as an author writes it; what is no single value goes into it as JSON."""
    words = [value if isinstance(value, str) else json.dumps(value) for value in pairs.values()]
    return "map(" + ", ".join(f"{text(name)}, {text(word)}" for name, word in zip(pairs, words)) + ")"


def objects(event, form):
    """filter_conditions and metadata as literals."""
    conditions, metadata = event["filter"], event["metadata"]
    if form == "STRING":
        words = metadata if isinstance(metadata, str) else json.dumps(metadata) if metadata else None
        return text(json.dumps(conditions) if conditions else None), text(words)
    if metadata == "{nonsense":  # can't be written into a MAP
        metadata = {"mode": metadata}
    if conditions and any(isinstance(value, list) for value in conditions.values()):
        metadata, conditions = {**metadata, "filter_conditions": conditions}, None
    return [as_map(pairs) if pairs else "CAST(NULL AS MAP<STRING,STRING>)" for pairs in (conditions, metadata)]


def event_values(event, form):
    return "({}, {}, {}, {}, {}, {}, {}, {}, {})".format(
        text(event["event_id"]), text(event["operation"]), text(event["source_table"]), text(event["target_table"]),
        "array(" + ", ".join(map(text, event["keys"])) + ")" if event["keys"] else "CAST(NULL AS ARRAY<STRING>)",
        event["priority"], *objects(event, form), f"timestamp_micros({1_700_000_000_000_000 + event['created'] * 1_000_000})",
    )


def make_source(lake, name, rows):
    columns = SOURCE_COLUMNS.get(name[0], ("id", "name"))
    if not rows:
        return lake(f"CREATE TABLE main.default.{name} (id INT, name STRING)")
    selects = (", ".join(f"{literal(value)} AS {column}" for value, column in zip(row, columns)) for row in rows)
    return lake(f"CREATE TABLE main.default.{name} AS SELECT " + " UNION ALL SELECT ".join(selects))


def set_up(bridge, lake, world):
    lake(f"CREATE TABLE {FORMS['MAP']} (event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys"
         " ARRAY<STRING>, priority INT DEFAULT 0, status STRING DEFAULT 'pending', rows_expected INT, rows_affected INT, discrepancy INT,"
         " warning STRING, error_message STRING, filter_conditions MAP<STRING,STRING>, metadata MAP<STRING,STRING>, created_at TIMESTAMP,"
         " processed_at TIMESTAMP) USING DELTA TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')")
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
        make_source(lake, name, rows)


def put_events(lake, events, form):
    """One statement: what comes later may come too late for its place in the order."""
    lake(
        f"INSERT INTO {FORMS[form]} (event_id, operation, source_table, target_table, primary_keys, priority,"
        " filter_conditions, metadata, created_at) VALUES " + ", ".join(event_values(event, form) for event in events)
    )


class Replicas:
    """Processes that are started again whenever one is killed: a `sync`, and a `serve` that takes events over HTTP."""

    def __init__(self, bridge, count=2):
        self.bridge = bridge
        self.log = open(bridge.folder / "sync.log", "a")
        self.port = free_port()
        self.roles = [("serve", "--host", "127.0.0.1", "--port", str(self.port), "--grace", "0")] + [("sync",)] * (count - 1)
        users = {"author": [("dbo.Web", "write", WEB_LIMIT), ("dbo.Heap", "write"), ("dbo.Numbered", "write")],
                 "admin": [("*", "read_write")]}
        bridge.write("config/permissions.yaml", permissions(users)).chmod(0o600)
        self.processes = [self._start(role) for role in self.roles]

    def _start(self, role):
        return self.bridge.start(*role, stdout=self.log, stderr=self.log)

    def kill_one(self, which):
        process = self.processes[which]
        assert process.poll() is None, f"a replica ended by itself: {process.returncode}"
        process.kill()
        process.wait()
        self.processes[which] = self._start(self.roles[which])

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        for process in self.processes:
            process.send_signal(signal.SIGTERM if kind is None else signal.SIGKILL)
        ends = [process.wait(120) for process in self.processes]
        self.log.close()
        assert kind is not None or not any(ends), ends


class Run:
    """A queue of events in one form, worked on by replicas that are killed."""

    def __init__(self, direct, lake, world, form, replicas, dice, progress=None, look=0.0, defect=None):
        """direct: the program, past the proxy. progress(): a quicker way to how many events have ended than the events table;
        look: at least so many seconds between two looks at that. defect: the message, as a pattern for LIKE, with which this SQL
        Server now and then fails an event that is right; the model can't foresee it, and takes those events as failed."""
        self.direct, self.lake, self.world, self.form, self.dice = direct, lake, world, form, dice
        self.replicas, self.progress, self.look, self.defect = replicas, progress, look, defect
        self.table = FORMS[form]
        self.web = Web(replicas.port)
        self.expected = collections.defaultdict(list)  # by event_id: what its rows must show
        self.kills = self.retried = self.repeated = self.idle = self.mishaps = self.lost = 0
        self.cancelled = set()

    def round(self, events, web_events, kills, seconds=900):
        """All of that, and what failed once more; compares everything with the model."""
        put_events(self.lake, events, self.form)
        base = self.progress() if self.progress else len(self.expected)
        author = self.web.author(web_events)
        self._until_all_have_ended(len({e["event_id"] for e in events}) + len(web_events), kills * 4 // 5, seconds, base, author)
        self.cancelled |= author.cancelled
        events = events + [event for event in web_events if event["event_id"] not in author.cancelled]
        ids = {event["event_id"] for event in events}
        mishaps, losses = self._failed_by(self.defect, ids), self._failed_by(LOST, ids)
        self.mishaps += mishaps.total()
        self.lost += losses.total()
        mishaps += losses
        for event in in_order(events):
            mishap = mishaps[event["event_id"]] > 0
            mishaps[event["event_id"]] -= mishap
            self.expected[event["event_id"]].append(self.world.outcome(event, mishap))
        self._compare()
        self._retry(events, kills - kills * 4 // 5, seconds)
        self._compare()

    def _shown(self):
        """How many rows there are, and how many have ended."""
        sql = (f"SELECT count(*), count(CASE WHEN status IN {ENDED} THEN 1 END) FROM {self.table} WHERE event_id LIKE 'e%'")
        return tuple(map(int, self.lake(sql)[0]))

    def _until_all_have_ended(self, events, kills, seconds, base=None, author=None):
        """Kills are spread over the progress of the events; without a base of that, over time."""
        began, looked, killed, done, pause = time.monotonic(), float("-inf"), 0, False, self.dice.uniform(0, 1)
        while True:
            now = time.monotonic()
            if now - looked >= self.look:
                sent = author is None or author.has_ended()  # before the look: what is sent behind it is not in it
                (rows, ended), looked = self._shown(), now
                done = sent and rows == ended
            assert now - began < seconds, f"{ended} of {rows} rows ended after {killed} kills"
            if done and killed >= kills:
                return
            due = now - began > pause if base is None else (self._progress(rows, ended, events) - base) * kills >= killed * events
            if killed < kills and (due or done):
                self._kill(idle=done)
                killed += 1
                pause += self.dice.uniform(0.1, 1 + self.look)
            time.sleep(self.dice.uniform(0.02, 0.15))

    def _kill(self, idle=False):
        self.replicas.kill_one(self.dice.randrange(len(self.replicas.processes)))
        self.kills += 1
        self.idle += idle

    def _progress(self, rows, ended, events):
        return self.progress() if self.progress else len(self.expected) + ended - rows + events

    def _retry(self, events, kills, seconds):
        """Puts some of what failed back, as authors do. A replica that died at the wrong moment left an end that is reported once
        more, so that an event may have to be put back again: until it shows what the model says."""
        for name in {e["source_table"].split(".")[-1] for e in events if e["source_table"]} - set(self.world.sources) - {"nowhere"}:
            make_source(self.lake, name, self.world.make_later(name))
        wanted = {event["event_id"]: self.world.outcome(event) for event in self.world.to_retry(events)}
        waiting = list(wanted)
        for _ in range(4):
            for event_id in waiting:
                self.dice.choice([self._put_back_in_the_table, self._put_back_by_command, self.web.put_back])(event_id)
                if kills > 0:  # while some of them are worked on, and others not yet put back
                    self._kill()
                    kills -= 1
            self._until_all_have_ended(len(waiting), kills, seconds)
            kills = 0
            shown = self._statuses()
            waiting = [event_id for event_id in waiting if shown[event_id] != [wanted[event_id]]]
            if not waiting:
                break
            self.repeated += len(waiting)
        self.retried += len(wanted)
        self.expected.update((event_id, [outcome]) for event_id, outcome in wanted.items())

    def _put_back_in_the_table(self, event_id):
        sql = (f"UPDATE {self.table} SET status = 'pending', error_message = NULL WHERE event_id = {text(event_id)}"
               " AND status IN ('failed', 'blocked')")
        self._insist(lambda: self.lake.run(sql)["status"])

    def _put_back_by_command(self, event_id):
        def ask():
            result = self.direct.run("events", "retry", event_id, env={"EVENTS_TABLE": self.table})
            return {"state": "SUCCEEDED" if result.status == 0 else "FAILED", "error": {"message": result.err}}

        self._insist(ask)

    @staticmethod
    def _insist(ask):
        """Delta refuses a write where somebody else has written meanwhile: it is for its author to ask again."""
        for _ in range(60):
            status = ask()
            if status["state"] == "SUCCEEDED":
                return
            assert "DELTA_CONCURRENT" in status["error"]["message"], status
            time.sleep(1)
        raise AssertionError(status)

    def _statuses(self):
        shown = collections.defaultdict(list)
        for event_id, status, rows in self.lake(
                f"SELECT event_id, status, CAST(rows_affected AS STRING) FROM {self.table} WHERE event_id LIKE 'e%'"):
            shown[event_id].append((status, int(rows or 0)))
        return shown

    def _failed_by(self, message, event_ids):
        """How many rows of each event show a failure that the model can't foresee: the server's own defect, or three cuts in a row."""
        if not message:
            return collections.Counter()
        shown = self.lake(f"SELECT event_id FROM {self.table} WHERE status = 'failed' AND error_message LIKE {text(message)}")
        return collections.Counter(event_id for event_id, in shown if event_id in event_ids)

    def _compare(self):
        """Every status, every table and the ledger are what the model says."""
        shown = self._statuses()
        for name in shown.keys() & self.expected.keys():
            if name.startswith("ew"):  # asked for again where an answer was lost, it may have two rows: one event all the same
                shown[name] = sorted(set(shown[name]))
        differ = {name: (sorted(shown[name]), sorted(self.expected[name])) for name in {*shown, *self.expected}
                  if sorted(shown[name]) != sorted(self.expected[name])}
        assert not differ, f"shown, expected: {differ}"
        check_tables(self.direct, self.world)


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


def check_ledger(bridge, world, cancelled):
    """cancelled: ids of events that were taken back."""
    expected = {event_id: status for event_id, (_, (status, _)) in world.ledger.items()} | dict.fromkeys(cancelled, "cancelled")
    found = bridge.sql("sqlserver", "SELECT event_id, status FROM dbo.bridge_ledger WHERE event_id LIKE 'e%'").json()["rows"]
    assert dict(map(tuple, found)) == expected
