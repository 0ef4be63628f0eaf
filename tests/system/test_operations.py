"""What operators rely on: switches, health while a side sleeps or hangs, logs, retention, other origins."""

import contextlib
import functools
import json
import os
import pathlib
import re
import socket
import sqlite3
import threading
import time
import urllib.request

import pytest
from canary import Hostile
from conftest import Bridge
from service import wish
from tds_proxy import Proxy

USERS = {"admin": [("*", "read_write")], "writer": [("dbo.Orders", "write")], "reader": [("*", "read")], "nobody": []}


FILES = {"q/plain.sql": "-- reads: dbo.Orders\nSELECT 1 AS a", "c/Northland.yaml": "country_code: NL\n"}


@pytest.fixture
def start(make_service):
    return functools.partial(make_service, users=USERS, files=FILES)


# ---- what others of the machine may read ----


def test_neither_files_of_the_data_folder_nor_core_dumps_are_for_others(start, tmp_path):
    """With a folder that everybody may enter and the usual umask."""
    (tmp_path / "serve0" / "data").mkdir(parents=True, mode=0o755)
    before = os.umask(0o022)
    try:
        service = start()
        made = service.post("/extract", wish(destination="/Volumes/main/default/landing/modes")).json()["job_id"]
        assert service.ended(made)["status"] == "completed"
        assert service.bridge.data.stat().st_mode & 0o777 == 0o755
        modes = {str(path.relative_to(service.bridge.data)): path.stat().st_mode & 0o777
                 for path in service.bridge.data.rglob("*") if path.is_file()}
    finally:
        os.umask(before)
    assert {"jobs.db", "jobs.db-wal", "jobs.db-shm", "jobs.db.lock", "audit.jsonl"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o007} == {}
    limits = pathlib.Path(f"/proc/{service.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 ", limits, re.M), limits


# ---- the poller ----


def call(server, method, path):
    request = urllib.request.Request(server.databricks["DATABRICKS_HOST"] + path, method=method,
                                     headers={"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"},
                                     data=b"{}" if method == "POST" else None)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def test_a_sleeping_warehouse_stays_asleep_without_the_poller(make_sandbox, start):
    """Probes, metrics, a job into a volume, the dashboard's page: none wakes it. With the poller it wakes at once."""
    server = make_sandbox()
    settings = {**server.sqlserver, **server.databricks}
    Bridge(server.bridge.folder, settings).run("init", check=True)
    call(server, "POST", "/api/2.0/sql/warehouses/sandbox/stop")

    def state():
        return call(server, "GET", "/api/2.0/sql/warehouses/sandbox")["state"]

    service = start(settings, env={"POLLER_ENABLED": "false"})
    for path in ("/health/live", "/health/startup", "/health/ready", "/metrics", "/", "/ui/", "/jobs", "/me"):
        assert service.get(path).status == 200, path
    seen = service.get("/health/ready").json()["components"]["databricks"]
    assert seen["message"] == "The warehouse is STOPPED and starts with the next statement"
    made = service.post("/extract", wish(destination="/Volumes/main/default/landing/asleep")).json()["job_id"]
    assert service.ended(made)["status"] == "completed"
    status = service.get("/sync/poller/status").json()
    assert (status["enabled"], status["running"], status["last_error"]) == (False, False, "Switched off (POLLER_ENABLED=false)")
    refused = service.post("/sync/poller/trigger")
    assert refused.status == 503 and refused.detail == "There is no poller: Switched off (POLLER_ENABLED=false)"
    assert service.metric("bridge_poller_running") == 0
    assert state() == "STOPPED"

    # Events can be written all the same, for another process to carry out.
    event = {"event_id": "for-others", "operation": "INSERT", "source_table": "main.default.none", "target_table": "dbo.Orders"}
    assert service.post("/sync/events?process_immediately=true", event).status == 202
    assert state() == "RUNNING"
    service.stop()
    assert "no poller: Switched off (POLLER_ENABLED=false)" in service.log()

    call(server, "POST", "/api/2.0/sql/warehouses/sandbox/stop")
    service.extra = {"POLLER_ENABLED": "true"}
    service.start()
    service.until(lambda: service.get("/sync/events/for-others").json()["status"] == "failed")
    assert state() == "RUNNING"


def test_events_of_the_sandbox_wait_where_there_is_no_poller(start):
    """The embedded one has its tables all the same."""
    service = start(env={"POLLER_ENABLED": "false"})
    event = {"event_id": "waits", "operation": "INSERT", "source_table": "main.default.none", "target_table": "dbo.Orders"}
    service.until(lambda: service.get("/sync/events").status == 200)
    service.until(lambda: service.post("/sync/events?process_immediately=true", event).status == 202)
    assert service.get("/sync/events/waits").json()["status"] == "pending"
    assert service.get("/sync/poller/status").json()["enabled"] is False


def test_a_trigger_waits_for_a_while(start, sandbox):
    """Who may write something may ask for a look; the answer doesn't wait for an event that doesn't end, and tells no failure that is over."""
    holds, released, fails = threading.Event(), threading.Event(), threading.Event()

    def answer(request):
        if fails.is_set() and b" AS r99 FROM " in request.body:
            return 400, {"Content-Type": "application/json"}, b'{"error_code": "BAD_REQUEST", "message": "not now"}'
        if holds.is_set() and b"slow_source" in request.body:
            released.wait(300)

    server = Hostile(sandbox.info["databricks"]["port"], answer)
    try:
        settings = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": server.url, "EVENTS_TABLE": "main.trigger.events",
                    "SYNC_LEDGER_TABLE": "dbo.trigger_ledger", "POLLING_INTERVAL_SECONDS": "3600"}
        service = start(settings, ready=False)
        service.bridge.run("init", check=True)
        service.until(lambda: service.get("/sync/poller/status").json()["running"])
        for _ in range(3):
            fails.set()
            refused = service.post("/sync/poller/trigger", token="writer")
            assert refused.status == 503 and "not now" in refused.detail, refused
            fails.clear()
            assert service.post("/sync/poller/trigger", token="writer").json() == {"success": True, "events_processed": 0, "finished": True}
        event = {"event_id": "slow", "operation": "INSERT", "source_table": "main.default.slow_source", "target_table": "dbo.Triggered"}
        service.bridge.sql("sqlserver", "CREATE TABLE dbo.Triggered (id int NOT NULL PRIMARY KEY)")
        assert service.post("/sync/events", event).status == 202
        holds.set()
        reply = service.post("/sync/poller/trigger?wait_seconds=1", token="writer")
        assert reply.json() == {"success": True, "events_processed": 0, "finished": False}, reply
        released.set()
        service.until(lambda: service.post("/sync/poller/trigger", token="writer").json()["finished"])
        assert service.get("/sync/events/slow").json()["status"] == "failed"
        for name in ("reader", "nobody"):
            refused = service.post("/sync/poller/trigger", token=name)
            assert refused.status == 403 and refused.detail == "The token may not write any table"
        assert service.post("/sync/poller/trigger?wait_seconds=31").status == 422
        denied = [line for line in service.audit() if line["event_type"] == "permission_denied"]
        assert [(line["user_name"], line["action"], line["resource"]) for line in denied] == [
            (name, "trigger_poller", "main.trigger.events") for name in ("reader", "nobody")]
    finally:
        released.set()
        server.close()


def test_a_standby_tells_no_failure_that_is_over(start, sandbox):
    """Nobody looks there who would find out; SQL Server is asked for a slot again and again."""
    proxy, cut = Proxy("127.0.0.1", int(sandbox.sqlserver["SQLSERVER_PORT"])), threading.Event()

    def hold(_packet):
        if cut.is_set():
            raise OSError("cut")

    proxy.hold = hold
    try:
        settings = {**sandbox.sqlserver, **sandbox.databricks, "EVENTS_TABLE": "main.standby.events", "SYNC_LEDGER_TABLE": "dbo.standby_ledger"}
        active = start(settings, ready=False)
        active.bridge.run("init", check=True)

        def is_shown(service, **values):
            shown = service.get("/sync/poller/status").json()
            return values.items() <= shown.items() and shown

        active.until(lambda: is_shown(active, running=True, standby=False, last_error=None))
        standby = start({**settings, "SQLSERVER_PORT": str(proxy.port)}, ready=False)
        standby.until(lambda: is_shown(standby, running=True, standby=True, last_error=None))
        cut.set()
        standby.until(lambda: "SQL Server can't be reached" in (is_shown(standby)["last_error"] or ""))
        refused = standby.post("/sync/poller/trigger", token="writer")
        assert refused.status == 503 and "SQL Server can't be reached" in refused.detail, refused
        cut.clear()
        standby.until(lambda: is_shown(standby, standby=True, last_error=None))
        refused = standby.post("/sync/poller/trigger", token="writer")
        assert refused.status == 503 and refused.detail.startswith("Another process works on the events table main.standby.events"), refused
    finally:
        proxy.stop()


# ---- health ----


@contextlib.contextmanager
def silent():
    """Connections are taken, and nothing is ever said. Gives the port, and what ends it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        taken = []

        def take():
            while True:
                try:
                    taken.append(stack.enter_context(listener.accept()[0]))
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()

        def end():
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            stack.close()

        try:
            yield listener.getsockname()[1], taken, end
        finally:
            if thread.is_alive():
                end()


NOWHERE = {"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1", "SQLSERVER_USERNAME": "u", "SQLSERVER_PASSWORD": "pw-of-nobody",
           "DATABRICKS_HOST": "http://127.0.0.1:1", "DATABRICKS_TOKEN": "dapi-of-nobody", "DATABRICKS_WAREHOUSE_ID": "w"}
COMPONENTS = {"SQLSERVER": "sql_server", "DATABRICKS": "databricks"}


def side(settings, name):
    return {key: value for key, value in settings.items() if key.startswith(name)}


@pytest.mark.parametrize("down, up", [("SQLSERVER", "DATABRICKS"), ("DATABRICKS", "SQLSERVER")])
def test_degraded_where_one_side_is_down(start, sandbox, down, up):
    service = start({**side({**sandbox.sqlserver, **sandbox.databricks}, up), **side(NOWHERE, down)})
    ready = service.get("/health/ready", token=None)
    body = ready.json()
    assert (ready.status, body["status"]) == (503, "degraded")
    assert {name: body["components"][name]["status"] for name in COMPONENTS.values()} == {
        COMPONENTS[up]: "healthy", COMPONENTS[down]: "unhealthy"}
    assert "127.0.0.1" in body["components"][COMPONENTS[down]]["message"]
    assert service.get("/health/live", token=None).status == 200
    assert [service.metric("bridge_side_up", f'{{side="{COMPONENTS[one]}"}}') for one in (up, down)] == [1, 0]


def test_probes_have_a_place_whoever_waits(start, sandbox):
    """One caller sends more requests that wait for Databricks than there are connections: half of them are left."""
    holds, released = threading.Event(), threading.Event()

    def answer(request):
        if holds.is_set() and b"statement" in request.body:
            released.wait(300)

    server = Hostile(sandbox.info["databricks"]["port"], answer)
    ended, threads = [], []
    try:
        service = start({**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": server.url, "HTTP_CONNECTIONS": "16"},
                        env={"POLLER_ENABLED": "false"})
        holds.set()

        def ask(number):
            path = ("/sync/events", "/sync/stats", "/sync/events/one")[number % 3]
            try:
                reply = service.get(path, token="writer")
                ended.append((reply.status, reply.headers["Retry-After"], reply.detail))
            except OSError:
                ended.append(None)  # there was no place for its connection

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        service.until(lambda: len(ended) >= 32)
        assert (503, "1", "Too many requests wait already; try again in 1 s") in ended

        def served():
            try:
                return all(service.get(path).status == 200 for path in ("/health/live", "/health/ready", "/metrics", "/jobs", "/me"))
            except OSError:
                return False  # those that were refused may not have left yet

        service.until(served)
        assert not released.is_set()
    finally:
        released.set()
        for thread in threads:
            thread.join()
        server.close()


@pytest.mark.parametrize("hangs, other", [("SQLSERVER", "DATABRICKS"), ("DATABRICKS", "SQLSERVER")])
def test_probes_answer_while_a_side_hangs(start, sandbox, hangs, other):
    """The look at the silent side has begun and doesn't end, and the startup probe says so; each probe is answered."""
    with silent() as (port, taken, end):
        address = {"SQLSERVER": {**side(NOWHERE, "SQLSERVER"), "SQLSERVER_PORT": str(port), "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "3600"},
                   "DATABRICKS": {**side(NOWHERE, "DATABRICKS"), "DATABRICKS_HOST": f"http://127.0.0.1:{port}"}}[hangs]
        service = start({**side({**sandbox.sqlserver, **sandbox.databricks}, other), **address}, ready=False,
                        env={"POLLER_ENABLED": "false"})

        def components():
            return service.get("/health/ready", token=None).json()["components"]

        service.until(lambda: taken and components()[COMPONENTS[other]]["status"] == "healthy")
        for _ in range(20):
            started = service.get("/health/startup", token=None)
            assert (started.status, started.json()) == (503, {"status": "starting"})
            assert service.get("/health/live", token=None).status == 200
            ready = service.get("/health/ready", token=None)
            assert (ready.status, ready.json()["status"]) == (503, "degraded")
            assert ready.json()["components"][COMPONENTS[hangs]]["message"] == "Not looked at yet"
        assert len(taken) == 1, "one look, however often the probes come"
        end()
        service.until(lambda: service.get("/health/startup", token=None).status == 200)
        assert components()[COMPONENTS[hangs]]["status"] == "unhealthy"


@pytest.mark.parametrize("hangs", ["SQLSERVER", "DATABRICKS"])
def test_the_end_does_not_wait_for_a_side_that_hangs(start, hangs):
    with silent() as (port, taken, _):
        address = {"SQLSERVER": {"SQLSERVER_PORT": str(port), "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "3600"},
                   "DATABRICKS": {"DATABRICKS_HOST": f"http://127.0.0.1:{port}"}}[hangs]
        service = start({**NOWHERE, **address}, ready=False, env={"POLLER_ENABLED": "false"})
        service.until(lambda: taken)
        assert service.stop() == 0


def test_databricks_without_a_warehouse(start, sandbox):
    """Files in volumes need none, so the side is well where the credentials are."""
    settings = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_WAREHOUSE_ID": ""}
    service = start(settings, env={"POLLER_ENABLED": "false"})
    ready = service.get("/health/ready", token=None)
    assert ready.status == 200 and ready.json()["components"]["databricks"]["message"] == "Connected; no warehouse is configured"
    service.stop()
    service.extra = {"POLLER_ENABLED": "false", "DATABRICKS_TOKEN": "dapi-of-nobody"}
    service.start()
    assert service.get("/health/ready", token=None).json()["status"] == "degraded"


# ---- the log ----


def test_lines_of_the_log_carry_their_ids(start):
    """One search finds a request, the job that it made, and all that the job says; nothing of one stands with another."""
    service = start(env={"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"})
    made = {}
    for name in ("first", "second"):
        reply = service.post("/extract", wish(destination=name), headers={"X-Request-Id": f"request-{name}"})
        made[name] = reply.json()["job_id"]
        service.get("/jobs", headers={"X-Request-Id": f"look-{name}"})
    for job in made.values():
        service.ended(job)
    service.until(lambda: all(f"job {job} ends" in service.log() for job in made.values()))
    assert service.stop() == 0
    lines = [json.loads(line) for line in service.log().splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in lines)
    for name, job in made.items():
        of_request = [line for line in lines if line.get("request_id") == f"request-{name}"]
        assert [(line["message"].split()[:3], line["job_id"]) for line in of_request] == [(["POST", "/extract", "202"], job)]
        assert all("job_id" not in line for line in lines if line.get("request_id") == f"look-{name}")
        said = [line["message"] for line in lines if line.get("job_id") == job and "request_id" not in line]
        assert said[0].startswith(f"job {job} begins") and said[-1].startswith(f"job {job} ends"), said
        assert not [line for line in lines if job in line["message"] and line.get("job_id") != job and "request_id" not in line]
    asked = [line for line in lines if line["message"].startswith(("GET ", "POST "))]
    assert len(asked) >= 4 and all(line["request_id"] in line["message"] for line in asked)


def test_lines_of_text_carry_their_ids(start):
    """The audit can't be written: that line names neither request nor job, so they stand behind it."""
    service = start(env={"AUDIT_FILE": "/dev/full"})
    job = service.post("/extract", wish(), headers={"X-Request-Id": "request-1"}).json()["job_id"]
    service.ended(job)
    service.until(lambda: f"job {job} ends" in service.log())
    lines = service.log().splitlines()
    assert [line.endswith(f"request-1 job_id={job}") for line in lines if " POST /extract 202 " in line] == [True]
    troubles = [line for line in lines if "ERROR" in line and "No space left" in line]
    assert any(line.endswith(" request_id=request-1") for line in troubles), lines
    assert any(line.endswith(f" job_id={job}") for line in troubles), lines


# ---- retention ----

DAY_US = 86400 * 1_000_000


def store(service, sql, *parameters):
    """What a statement gives on the job store of a service that does not run."""
    with contextlib.closing(sqlite3.connect(service.bridge.data / "jobs.db")) as db, db:
        return db.execute(sql, parameters).fetchall()


@pytest.mark.parametrize("days, kept", [("30", ["young", "runs"]), ("0", ["old", "failed", "young", "runs"])])
def test_jobs_that_ended_long_ago_are_cleared_away(start, days, kept):
    """Also more of them than go at a time, with their queries; a job that still runs stays, however old it is."""
    # A side that never answers holds nothing up.
    with silent() as (port, _, _):
        service = start({**NOWHERE, "DATABRICKS_HOST": f"http://127.0.0.1:{port}", "SQLSERVER_PORT": str(port),
                         "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "3600"}, env={"JOBS_RETENTION_DAYS": days, "JOBS_WORKERS": "1"},
                        ready=False, options=("--patience", "0"))
        names = ["runs", "old", "failed", "young"]
        ids = {name: service.post("/extract", wish(destination=name)).json()["job_id"] for name in names}
        service.until(lambda: service.get(f"/jobs/{ids['runs']}").json()["status"] == "running")
        service.kill()
        now = time.time_ns() // 1000
        for name, status, days_ago in (("old", 2, 31), ("failed", 3, 400), ("young", 2, 29)):
            store(service, "UPDATE job SET status=?, completed_us=? WHERE id=?", status, now - days_ago * DAY_US, ids[name])
        store(service, "UPDATE job SET created_us=?, started_us=? WHERE id=?", now - 400 * DAY_US, now - 400 * DAY_US, ids["runs"])
        copied = store(service, "SELECT group_concat(name) FROM pragma_table_info('job') WHERE name NOT IN ('seq', 'id')")[0][0]
        store(service, f"INSERT INTO job(id, {copied}) WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1200) "
                       f"SELECT 'old-' || i, {copied} FROM n, job WHERE job.id=?", ids["old"])
        store(service, "INSERT INTO job_query(job_seq, position, name, status) SELECT seq, 0, 'plain', 2 FROM job WHERE id LIKE 'old-%'")
        service.start(ready=False)
        if days != "0":
            service.until(lambda: service.metric("bridge_jobs", '{status="completed"}') == 1)
        service.until(lambda: service.get(f"/jobs/{ids['runs']}").json()["status"] == "running")
        assert {name for name in names if service.get(f"/jobs/{ids[name]}").status == 200} == set(kept)
        assert service.get("/jobs/old-1").status == (404 if days != "0" else 200)
        service.kill()
    assert [row[0] for row in store(service, "SELECT id FROM job WHERE id NOT LIKE 'old-%' ORDER BY seq")] == [
        ids[name] for name in names if name in kept]
    for table in ("job", "job_query"):
        assert store(service, f"SELECT count(*) FROM {table}") == [(len(kept) + (1200 if days == "0" else 0),)], table


# ---- pages of other origins ----

PAGE, OTHER = "https://app.example.com", "http://localhost:3000"
STRANGERS = ["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "https://app.example.com:443",
             "https://APP.example.com", f"{PAGE}, {OTHER}", "null", "*", "", "https://example.com"]


def cors(reply):
    return {name[len("Access-Control-"):]: value for name, value in reply.headers.items() if name.startswith("Access-Control-")}


def test_pages_of_other_origins(start):
    service = start(env={"CORS_ALLOWED_ORIGINS": f"{PAGE}, {OTHER}", "HTTP_REQUESTS_PER_MINUTE": "600"})
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    for origin in (PAGE, OTHER):
        for path in ("/extract", "/api/v1/jobs", "/jobs/x"):
            before = service.request("OPTIONS", path, token=None, headers={**ask, "Origin": origin})
            assert before.status == 204 and before.body == b"" and before.headers["Vary"] == "Origin"
            assert cors(before) == {
                "Allow-Origin": origin, "Allow-Methods": "GET, POST, DELETE", "Max-Age": "600",
                "Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Request-Id",
                "Expose-Headers": "Retry-After, X-Request-Id"}
        for token, path, status in (("admin", "/jobs", 200), (None, "/jobs", 401), ("admin", "/nowhere", 404), (None, "/health/live", 200)):
            reply = service.get(path, token=token, headers={"Origin": origin})
            assert (reply.status, cors(reply)) == (status, {"Allow-Origin": origin, "Expose-Headers": "Retry-After, X-Request-Id"})
    for origin in STRANGERS:
        for method, status in (("OPTIONS", 405), ("GET", 200)):
            reply = service.request(method, "/jobs", token="admin", headers={**ask, "Origin": origin})
            assert (reply.status, cors(reply), reply.headers["Vary"]) == (status, {}, "Origin"), origin
    assert service.request("OPTIONS", "/jobs", token=None, headers={"Origin": PAGE}).status == 405, "no question of a browser"
    assert cors(service.get("/jobs")) == {}


def test_no_page_of_another_origin_by_default(start):
    service = start()
    for method, status in (("OPTIONS", 405), ("GET", 200)):
        reply = service.request(method, "/jobs", headers={"Origin": PAGE, "Access-Control-Request-Method": "GET"})
        assert (reply.status, cors(reply), reply.headers["Vary"]) == (status, {}, None)


@pytest.mark.parametrize("value", ["*", "null", "app.example.com", "https://app.example.com/", "https://*.example.com", "https://",
                                   "https://App.example.com", f"{PAGE} ftp://x", ",".join(f"https://a{i}" for i in range(33))])
def test_what_is_no_origin_is_refused(bridge, value):
    result = bridge.run("serve", "--host", "127.0.0.1", "--port", "0", env={"CORS_ALLOWED_ORIGINS": value})
    assert result.status == 1 and "is no origin" in result.err, result
