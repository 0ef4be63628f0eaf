"""The REST API from outside: its shapes, rights, limits, and what a crash leaves."""

import functools
import http.client
import json
import random
import re
import signal
import socket
import sqlite3
import threading
import time
import urllib.parse
import uuid

import pytest
from conftest import Bridge, free_port
from service import token_of, wish
from tds_proxy import ATTENTION, Proxy

USERS = {
    "admin": [("*", "read_write")],
    "reader": [("dbo.*", "read")],
    "reader_of_all": [("*", "read")],
    "writer": [("dbo.*", "write", 5)],
    "one_table": [("dbo.Orders", "read_write")],
    "nobody": [],
}


FILES = {
    "q/plain.sql": "SELECT 1 AS a",
    "q/orders.sql": "-- reads: dbo.Orders\nSELECT 2 AS a UNION ALL SELECT 3",
    "c/common_params.yaml": "x: y\n",
    "c/Northland.yaml": "country_code: NL\n",
}


@pytest.fixture
def start(make_service):
    return functools.partial(make_service, users=USERS, files=FILES)


@pytest.fixture
def service(start):
    return start()


def event(**changes):
    return {
        "event_id": str(uuid.uuid4()),
        "operation": "INSERT",
        "source_table": "main.default.source",
        "target_table": "dbo.Orders",
        **changes,
    }


TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")


# ---- shapes ----


def test_open_routes(service):
    root = service.get("/", token=None)
    assert root.status == 200
    assert root.json()["service"] == "sql-databricks-bridge"
    assert set(root.json()) == {"service", "version", "environment", "docs", "auth_enabled"}
    assert service.get("/health/live", token=None).json() == {"status": "ok"}
    assert service.get("/health/startup", token=None).json() == {"status": "started"}
    service.until(lambda: service.get("/health/ready", token=None).status == 200)
    ready = service.get("/health/ready", token=None).json()
    assert ready["status"] == "healthy"
    assert set(ready["components"]) == {"sql_server", "databricks"}
    assert set(ready["components"]["sql_server"]) >= {"status", "message", "details"}
    for path in ("/docs", "/openapi.json", "/metrics", "/api/v1/", "/api/v1", "/api/v1/health/live"):
        assert service.get(path, token=None).status == 200, path
    page = service.get("/docs", token=None)
    assert b"<script" not in page.body and b"http" not in page.body.replace(b"http-equiv", b"")


def test_headers(service):
    reply = service.get("/", token=None, headers={"X-Request-Id": "abc-1"})
    assert reply.headers["X-Request-Id"] == "abc-1"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Access-Control-Allow-Origin"] is None
    made = service.get("/", token=None, headers={"X-Request-Id": "bad id\x7f"})
    assert re.fullmatch(r"[0-9a-f-]{36}", made.headers["X-Request-Id"])
    head = service.request("HEAD", "/", token=None)
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_an_extraction(service, prefix):
    reply = service.post(f"{prefix}/extract", wish(destination=f"out{len(prefix)}"))
    assert reply.status == 202, reply
    made = reply.json()
    assert made["status"] == "pending" and made["queries_count"] == 2 and made["message"]
    assert str(uuid.UUID(made["job_id"])) == made["job_id"]
    job = service.ended(made["job_id"])
    assert job["status"] == "completed", job
    assert [job[k] for k in ("queries_total", "queries_completed", "queries_failed")] == [2, 2, 0]
    assert job["country"] == "Northland" and job["error"] is None and job["progress"] is None
    for name in ("created_at", "started_at", "completed_at"):
        assert TIME.match(job[name])
    assert [(r["query_name"], r["status"], r["rows_extracted"], r["files_created"]) for r in job["results"]] == [
        ("orders", "completed", 2, 1),
        ("plain", "completed", 1, 1),
    ]
    assert set(job["results"][0]) == {
        "query_name", "status", "rows_extracted", "files_created", "error", "duration_seconds",
    }
    place = service.bridge.folder / f"out{len(prefix)}" / "Northland"
    assert (place / "plain" / "plain.parquet").exists()
    listed = service.get(f"{prefix}/jobs").json()
    assert listed[0]["job_id"] == made["job_id"] and isinstance(listed, list)
    kinds = [line["event_type"] for line in service.audit()]
    for kind in ("auth_success", "permission_granted", "extraction_started", "extraction_completed"):
        assert kind in kinds


@pytest.mark.parametrize("destination", ["out", "/Volumes/main/default/landing/manifests"])
def test_the_manifest_of_a_result(service, destination):
    made = service.post("/extract", wish(destination=destination, queries=["plain"], overwrite=True)).json()["job_id"]
    assert service.ended(made)["status"] == "completed"
    path = f"/jobs/{made}/results/plain/manifest"
    reply = service.get(path)
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    manifest = reply.json()
    assert manifest["state"] == "complete" and [file["name"] for file in manifest["files"]] == ["plain.parquet"]
    assert manifest["rows"] == 1
    other = service.get(path.replace("plain", "orders"))
    assert other.status == 404 and other.detail == "The job has no query 'orders'"
    if destination == "out":
        folder = service.bridge.folder / "out"
        (folder / "Northland/plain/_manifest.json").unlink()
        gone = service.get(path)
        assert gone.status == 404 and gone.detail.startswith("There is no manifest in "), gone
        # The folder leads out of what is allowed.
        folder.rename(service.bridge.folder / "moved")
        folder.symlink_to("/etc")
        assert service.get(path).status == 403
        denied = [(line["user_name"], line["action"]) for line in service.audit() if line["event_type"] == "permission_denied"]
        assert denied == [("admin", "read_manifest")]


def test_what_an_extraction_refuses(service):
    missing = service.post("/extract", wish(queries_path="nowhere"))
    assert missing.status == 404 and missing.detail == "Queries path not found: nowhere"
    unknown = service.post("/extract", wish(queries=["plain", "other"]))
    assert unknown.status == 400 and unknown.detail.startswith("Unknown queries: other")
    assert service.post("/extract", wish(country="Nowhere")).status == 404
    assert service.post("/extract", wish(queries=[])).status == 400
    assert service.post("/extract", wish(destination="s3://x/y")).status == 400
    bad = service.post("/extract", {"queries_path": 1, "overwrite": "yes", "chunk_size": -1})
    assert bad.status == 422
    problems = {tuple(p["loc"]): p["type"] for p in bad.detail}
    assert problems[("body", "queries_path")] == "string_type"
    assert problems[("body", "country")] == "missing"
    assert problems[("body", "overwrite")] == "bool_type"
    assert problems[("body", "chunk_size")] == "greater_than_equal"
    assert all(set(p) == {"loc", "msg", "type"} for p in bad.detail)
    for raw in ("", "{", "[1]", '{"a":1,"a":2}', "\xff", '{"queries_path":"a\\u0000b"}'):
        assert service.post("/extract", raw=raw.encode("latin-1")).status == 422, raw
    assert service.get("/jobs").json() == []


def test_a_failing_query_fails_its_job(service):
    service.bridge.write("bad/broken.sql", "SELECT * FROM dbo.NoSuchTable")
    service.bridge.write("bad/good.sql", "SELECT 1 AS a")
    made = service.post("/extract", wish(queries_path="bad")).json()
    job = service.ended(made["job_id"])
    assert job["status"] == "failed" and job["error"] == "1 of 2 queries failed"
    results = {r["query_name"]: r for r in job["results"]}
    assert results["broken"]["status"] == "failed" and "NoSuchTable" in results["broken"]["error"]
    assert results["good"]["status"] == "completed"
    [failed] = [line for line in service.audit() if line["event_type"] == "extraction_failed"]
    assert failed["details"]["error"] == "1 of 2 queries failed"


def test_memory_of_a_job(start):
    """With little memory a row group ends sooner: 16 MB that can't be compressed don't fit."""
    service = start(env={"JOBS_MEMORY_MIB": "16"})
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    joins = " CROSS JOIN ".join(f"d AS {name}" for name in "abcdef")
    service.bridge.write("large/large.sql", f"WITH d AS ({digits}) SELECT NEWID() AS a FROM {joins}")
    service.ended(service.post("/extract", wish(queries_path="large")).json()["job_id"])
    manifest = json.loads((service.bridge.folder / "out/Northland/large/_manifest.json").read_text())
    assert manifest["rows"] == 1_000_000 and manifest["files"][0]["row_groups"] > 1
    refused = service.bridge.run("serve", env={"JOBS_MEMORY_MIB": "15"})
    assert refused.status == 1 and "JOBS_MEMORY_MIB" in refused.err


def test_idempotency_key(start):
    """The same request finds its job: from another address, when there are more queries, when the folders are gone; a
    request that says something else does not."""
    service = start(settings={"TRUSTED_PROXIES": "127.0.0.1"})

    def ask(body, address="192.0.2.1"):
        return service.post("/extract", body, headers={"Idempotency-Key": "key-1", "X-Forwarded-For": address})

    first = ask(wish(queries=None)).json()
    assert ask(wish()).json()["job_id"] == first["job_id"]
    again = ask(wish(overwrite=False, chunk_size=0), "192.0.2.2")
    assert again.status == 202 and again.json()["job_id"] == first["job_id"], again
    service.ended(first["job_id"])
    service.bridge.write("q/later.sql", "SELECT 4 AS a")
    assert ask(wish()).json() == {**first, "status": "completed", "message": again.json()["message"]}
    (service.bridge.folder / "q").rename(service.bridge.folder / "moved")
    assert service.post("/extract", wish()).status == 404
    assert ask(wish()).json()["job_id"] == first["job_id"]
    for other in ({"overwrite": True}, {"chunk_size": 5}, {"queries": ["orders", "plain"]}, {"destination": "out/"},
                  {"queries_path": "./q"}, {"config_path": "./c"}, {"country": "Southland"}):
        assert ask(wish(**other)).status == 409, other
    assert service.post("/extract", wish(), headers={"Idempotency-Key": "key-1"}, token="reader").status == 404
    assert len(service.get("/jobs").json()) == 1


def test_a_key_of_an_earlier_version(start):
    """Such a job holds what became of the request, not the request: what can be told from it still counts."""
    service = start()
    headers = {"Idempotency-Key": "key-1"}
    first = service.post("/extract", wish(), headers=headers).json()["job_id"]
    service.ended(first)
    assert service.stop() == 0
    with sqlite3.connect(service.bridge.data / "jobs.db") as db:
        db.execute("UPDATE job SET request_sha256 = 'of something else'")
        db.execute("PRAGMA user_version = 4")
    db.close()
    service.start()
    for same in (wish(), wish(queries=["orders", "plain"]), wish(queries_path="./q")):
        assert service.post("/extract", same, headers=headers).json()["job_id"] == first
    for other in ({"overwrite": True}, {"chunk_size": 5}, {"queries": ["plain"]}, {"destination": "other"},
                  {"config_path": "q"}, {"country": "Southland"}):
        assert service.post("/extract", wish(**other), headers=headers).status == 409, other


def test_list_of_jobs(service):
    made = [service.post("/extract", wish(destination=f"out{i}")).json()["job_id"] for i in range(5)]
    for job in made:
        service.ended(job)
    ids = [job["job_id"] for job in service.get("/jobs").json()]
    assert ids == made[::-1]
    assert [j["job_id"] for j in service.get("/jobs?limit=2&offset=1").json()] == made[::-1][1:3]
    assert service.get("/jobs?status_filter=failed").json() == []
    assert len(service.get("/jobs?status_filter=completed").json()) == 5
    for query in ("limit=0", "limit=1001", "limit=x", "offset=-1", "status_filter=done", "limit=", "limit=1.5"):
        reply = service.get(f"/jobs?{query}")
        assert reply.status == 422 and reply.detail[0]["loc"][0] == "query", query
    assert service.get(f"/jobs/{uuid.uuid4()}").status == 404
    assert service.get("/jobs/not-a-uuid").status == 404
    assert service.delete(f"/jobs/{made[0]}").status == 400
    assert service.delete(f"/jobs/{uuid.uuid4()}").status == 404


def test_cancel_stops_the_query(start, sandbox):
    """On the server too: it is asked to, on the query's own connection."""
    proxy = Proxy("127.0.0.1", int(sandbox.sqlserver["SQLSERVER_PORT"]))
    sent = threading.Event()
    proxy.hold = lambda packet: sent.set() if "WAITFOR".encode("utf-16-le") in packet else None
    try:
        service = start(settings={**sandbox.sqlserver, "SQLSERVER_PORT": str(proxy.port)})
        service.bridge.write("slow/slow.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
        made = service.post("/extract", wish(queries_path="slow")).json()["job_id"]
        assert sent.wait(120)
        running = service.get(f"/jobs/{made}").json()
        assert running["status"] == "running" and running["progress"] is not None and set(running["progress"]) >= {"rows", "bytes", "rows_per_second"}
        assert proxy.packets[ATTENTION] == 0
        assert service.delete(f"/jobs/{made}").status == 204
        job = service.ended(made)
        assert job["status"] == "cancelled" and job["results"][0]["status"] == "cancelled"
        assert proxy.packets[ATTENTION] == 1
        assert service.delete(f"/jobs/{made}").status == 400
    finally:
        proxy.stop()


def test_what_is_expected_of_a_running_job(start):
    """As many rows as last time, by the store or by the manifest that is replaced; nothing where neither knows."""
    service = start(env={"JOBS_PARALLEL_QUERIES": "1"})
    service.bridge.write("two/a.sql", "SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3")
    service.bridge.write("two/b.sql", "SELECT 1 AS a UNION ALL SELECT 2")
    done = service.post("/extract", wish(queries_path="two")).json()["job_id"]
    assert service.ended(done)["rows_extracted"] == 5
    service.bridge.run("extract", "-q", "two", "-c", "c", "--country", "Northland", "-d", "by-hand", check=True)
    service.bridge.write("two/b.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
    for destination, expected in (("out", 5), ("by-hand", 5), ("fresh", None)):
        made = service.post("/extract", wish(queries_path="two", destination=destination, overwrite=True)).json()["job_id"]

        def waits():
            job = service.get(f"/jobs/{made}").json()
            states = [query["status"] for query in job["results"]]
            return job if job["progress"] and job["progress"]["rows"] == 3 and states == ["completed", "running"] else None

        service.until(waits)
        service.until(lambda: waits()["progress"]["rows_expected"] == expected)
        assert (waits()["progress"]["remaining_seconds"] is None) == (expected is None)
        assert [job["rows_extracted"] for job in service.get("/jobs").json() if job["job_id"] in (made, done)] == [3, 5]
        assert service.delete(f"/jobs/{made}").status == 204
        assert service.ended(made)["rows_extracted"] == 3


# ---- events ----


def make_tables(service):
    # Its first look is over: with a long interval nothing is looked for any more unless it is asked for.
    service.until(lambda: service.get("/sync/poller/status").json()["polls"] > 0)
    service.bridge.sql("sqlserver", "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, name nvarchar(20))")
    service.bridge.sql("databricks", "CREATE TABLE main.default.source (id INT, name STRING)")
    service.bridge.sql("databricks", "INSERT INTO main.default.source VALUES (1, 'a'), (2, 'b')")


def settled(service, event_id):
    def look():
        found = service.get(f"/sync/events/{event_id}").json()
        return found if found["status"] in ("completed", "failed", "blocked") else None

    return service.until(look)


def test_events(service):
    make_tables(service)
    asked = event(rows_expected=2, metadata={"note": "x"})
    reply = service.post("/sync/events?process_immediately=true", asked)
    assert reply.status == 202, reply
    made = reply.json()
    assert made["status"] == "pending" and made["metadata"] == {"note": "x"} and made["primary_keys"] == []
    assert set(made) == {
        "event_id", "operation", "source_table", "target_table", "primary_keys", "priority", "status",
        "rows_expected", "rows_affected", "discrepancy", "warning", "error_message", "filter_conditions",
        "metadata", "created_at", "processed_at",
    }
    done = settled(service, asked["event_id"])
    assert done["status"] == "completed" and done["rows_affected"] == 2 and done["discrepancy"] == 0, done
    assert TIME.match(done["created_at"]) and TIME.match(done["processed_at"])
    assert service.post("/sync/events", asked).status == 409
    assert service.post(f"/sync/events/{asked['event_id']}/retry").status == 400
    assert service.delete(f"/sync/events/{asked['event_id']}").status == 400
    assert service.get("/sync/events/none").status == 404
    assert service.post("/sync/events/none/retry").status == 404
    assert service.delete("/sync/events/none").status == 404
    stats = service.get("/sync/stats").json()
    assert stats == {"total": 1, "by_status": {"completed": 1}, "by_operation": {"INSERT": 1}}
    # Whoever carried it out acted as the user who asked.
    ends = [line for line in service.audit() if line["event_type"] == "sync_completed"]
    assert ends and ends[0]["user_name"] == "admin"
    ledger = service.bridge.sql("sqlserver", "SELECT status, principal FROM dbo.bridge_ledger").out
    assert "admin" in ledger and "completed" in ledger


@pytest.mark.parametrize("operation", ["UPDATE", "DELETE"])
def test_keys_are_required(service, operation):
    service.until(lambda: service.get("/sync/poller/status").json()["running"])
    reply = service.post("/sync/events", event(operation=operation))
    assert reply.status == 400 and reply.detail == f"Primary keys required for {operation} operation"


@pytest.mark.parametrize("operation", ["INSERT", "UPDATE"])
def test_conditions_are_for_a_delete(service, operation):
    service.until(lambda: service.get("/sync/poller/status").json()["running"])
    reply = service.post("/sync/events", event(operation=operation, primary_keys=["id"], filter_conditions={"id": 1}))
    assert reply.status == 400 and reply.detail.startswith("filter_conditions are for a DELETE"), reply


def test_what_a_get_showed_may_be_sent(service):
    service.until(lambda: service.get("/sync/poller/status").json()["running"])
    assert service.post("/sync/events", event(rows_affected=3, processed_at=None)).status == 202


@pytest.mark.parametrize("raw, words", [(b"", "the body is empty"), (b'{"event_id": "a\\u0000b"}', "a text holds a NUL character (line 1, column ")])
def test_a_body_that_is_no_json(service, raw, words):
    reply = service.request("POST", "/sync/events", raw=raw, headers={"Content-Type": "application/json"})
    assert reply.status == 422 and reply.json()["detail"][0]["msg"].startswith("JSON decode error: " + words), reply


def test_a_misspelt_member_is_no_default(service):
    body = {"queries_path": "q", "config_path": "c", "country": "N", "destination": "d", "overwrit": True}
    reply = service.post("/extract", body)
    assert reply.status == 422 and reply.json()["detail"] == [
        {"loc": ["body", "overwrit"], "msg": "Did you mean 'overwrite'?", "type": "extra_forbidden"}], reply
    # What looks like nothing is somebody else's business, and so is what is there beside it.
    for more in ({"trace": 1}, {"overwrite": False}):
        assert service.post("/extract", {**body, **more}).status == (404 if "overwrite" in more else 422)
    assert service.post("/extract", {key: body[key] for key in body if key != "overwrit"} | {"trace": 1}).status == 404


@pytest.mark.parametrize("event_id", ["a%F2b", "%F2%80", "%", "ä/b", "x y", "..", "a?b#c"])
def test_an_event_is_found_by_whatever_id_it_has(start, event_id):
    service = start(env={"POLLER_ENABLED": "false"})
    service.bridge.run("init", check=True)
    body = {"event_id": event_id, "operation": "INSERT", "source_table": "main.default.source", "target_table": "dbo.Orders"}
    assert service.post("/sync/events", body).status == 202
    path = "/sync/events/" + urllib.parse.quote(event_id, safe="")
    assert service.get(path).json()["event_id"] == event_id
    assert service.delete(path).status == 204 and service.get(path).status == 404


def test_what_an_event_refuses(service):
    for changes in (
        {"operation": "MERGE"}, {"event_id": ""}, {"target_table": ""}, {"primary_keys": "id"},
        {"primary_keys": [1]}, {"priority": 1.5}, {"priority": 2**40}, {"filter_conditions": []},
        {"metadata": "x"}, {"rows_expected": -1},
    ):
        reply = service.post("/sync/events", event(**changes))
        assert reply.status == 422, (changes, reply)
        assert reply.detail[0]["loc"] == ["body", next(iter(changes))]


def test_digits_of_conditions_are_kept(service):
    """A number in filter_conditions reaches the table as it was typed; the event acts as its user."""
    make_tables(service)
    service.bridge.sql("sqlserver", "CREATE TABLE dbo.Prices (id int NOT NULL PRIMARY KEY, price decimal(38,2), code decimal(38,0))")
    service.bridge.sql("sqlserver", "INSERT INTO dbo.Prices VALUES (1, 12345678901234567890.10, 98765432109876543210), (2, 1, 1)")
    body = json.dumps(event(event_id="exact", operation="DELETE", target_table="dbo.Prices", source_table="",
                            primary_keys=["id"]))[:-1]
    body += ', "filter_conditions" : { "price" : 12345678901234567890.10, "code":98765432109876543210 } }'
    reply = service.post("/sync/events?process_immediately=true", raw=body.encode())
    assert reply.status == 202, reply
    done = settled(service, "exact")
    assert done["status"] == "completed" and done["rows_affected"] == 1, done
    assert [l["user_name"] for l in service.audit() if l["event_type"] == "sync_completed"] == ["admin"]


def test_a_long_message_comes_whole(service):
    make_tables(service)
    service.bridge.sql("sqlserver", "CREATE TABLE dbo.Long (code nvarchar(60) NOT NULL PRIMARY KEY, short nvarchar(3) NULL)")
    rows = " UNION ALL ".join(f"SELECT '{i:02}{'é' * 25}' AS code, 'too long, each of them' AS short" for i in range(30))
    service.bridge.sql("databricks", f"CREATE TABLE main.default.long AS {rows}")
    asked = event(source_table="main.default.long", target_table="dbo.Long", primary_keys=["code"])
    assert service.post("/sync/events?process_immediately=true", asked).status == 202
    message = settled(service, asked["event_id"])["error_message"]
    assert message.count("column 'short'") == 20 and "; and 10 more" in message and len(message.encode()) > 2048, message
    listed = [found for found in service.get("/sync/events").json() if found["event_id"] == asked["event_id"]]
    assert [found["error_message"] for found in listed] == [message]


def test_the_hash_of_map_columns(service):
    """With MAP columns the server writes the texts anew; the ledger's hash is of what it shows."""
    service.until(lambda: service.get("/sync/poller/status").json()["running"])
    service.bridge.sql("databricks", "CREATE SCHEMA IF NOT EXISTS main.maps")
    service.bridge.sql(
        "databricks",
        "CREATE TABLE main.maps.events (event_id STRING, operation STRING, source_table STRING, target_table STRING, "
        "primary_keys ARRAY<STRING>, priority INT, status STRING, rows_expected INT, rows_affected INT, "
        "discrepancy INT, warning STRING, error_message STRING, filter_conditions MAP<STRING,STRING>, "
        "metadata MAP<STRING,STRING>, created_at TIMESTAMP, processed_at TIMESTAMP)",
    )
    service.bridge.sql("sqlserver", "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, name nvarchar(20))")
    service.bridge.sql("sqlserver", "INSERT INTO dbo.Orders VALUES (1, N'ä'), (2, N'b')")
    service.stop()
    service.extra = {"EVENTS_TABLE": "main.maps.events"}
    service.start()
    service.until(lambda: service.get("/sync/poller/status").json()["running"])
    asked = event(operation="DELETE", source_table="", primary_keys=["id"], filter_conditions={"name": "ä"},
                  metadata={"n": 1.50, "quote": 'a"/\\\u2028', "list": None})
    reply = service.post("/sync/events?process_immediately=true", asked, token="writer")
    assert reply.status == 202, reply
    done = settled(service, asked["event_id"])
    assert done["status"] == "completed" and done["rows_affected"] == 1, done
    assert [l["user_name"] for l in service.audit() if l["event_type"] == "sync_completed"] == ["writer"]


def test_an_event_acts_as_its_user_also_after_a_retry(service):
    make_tables(service)
    rows = ", ".join(f"({i}, 'x')" for i in range(10, 20))
    service.bridge.sql("sqlserver", f"INSERT INTO dbo.Orders VALUES {rows}")
    asked = event(operation="DELETE", source_table="", primary_keys=["id"], filter_conditions={"name": "x"})
    assert service.post("/sync/events?process_immediately=true", asked, token="writer").status == 202
    blocked = settled(service, asked["event_id"])
    assert blocked["status"] == "blocked" and "would take 10 rows" in blocked["error_message"], blocked
    planned = service.bridge.run("events", "plan", asked["event_id"])
    assert planned.status == 1 and "would take 10 rows from dbo.Orders; the limit is 5" in planned.err, planned
    assert service.post(f"/sync/events/{asked['event_id']}/retry", token="admin").json()["status"] == "pending"
    again = settled(service, asked["event_id"])
    assert again["status"] == "blocked", "the limit is still that of who asked"
    acted = [l["user_name"] for l in service.audit() if l["event_type"] == "delete_blocked"]
    assert acted == ["writer", "writer"]


def test_an_event_of_a_user_who_is_gone_has_no_more_rights(service):
    """Outside strict mode an events principal that nobody wrote down may write everything; a user who was taken out may not."""
    make_tables(service)
    rows = ", ".join(f"({i}, 'x')" for i in range(10, 20))
    service.bridge.sql("sqlserver", f"INSERT INTO dbo.Orders VALUES {rows}")
    asked = event(operation="DELETE", source_table="", primary_keys=["id"], filter_conditions={"name": "x"})
    assert service.post("/sync/events?process_immediately=true", asked, token="writer").status == 202
    assert settled(service, asked["event_id"])["status"] == "blocked"
    service.set_users({name: rules for name, rules in USERS.items() if name != "writer"})
    service.until(lambda: service.get("/jobs", token="writer").status == 401)
    assert service.post(f"/sync/events/{asked['event_id']}/retry").json()["status"] == "pending"
    again = settled(service, asked["event_id"])
    assert again["status"] == "failed" and "There is no user 'writer' any more" in again["error_message"], again
    assert service.bridge.sql("sqlserver", "SELECT COUNT(*) FROM dbo.Orders WHERE name = 'x'").json()["rows"] == [[10]]


def test_a_dry_run_shows_no_rows_to_who_may_only_write(service):
    make_tables(service)
    service.bridge.sql("sqlserver", "INSERT INTO dbo.Orders VALUES (70, 'canary-4711')")
    service.bridge.sql("databricks", "CREATE TABLE main.default.renamed AS SELECT 70 AS id, 'other' AS name")
    said = {}
    for user in ("writer", "one_table"):
        deleted = event(operation="DELETE", source_table="", primary_keys=["id"], filter_conditions={"id": 70}, metadata={"dry_run": True})
        updated = event(operation="UPDATE", source_table="main.default.renamed", primary_keys=["id"], metadata={"dry_run": True})
        for asked in (deleted, updated):
            assert service.post("/sync/events?process_immediately=true", asked, token=user).status == 202
        for asked, verb in ((deleted, "deleted"), (updated, "updated")):
            done = settled(service, asked["event_id"])
            assert done["status"] == "completed" and f"1 row of dbo.Orders would be {verb}" in done["warning"], done
            said[user, verb] = json.dumps(done)
    for verb in ("deleted", "updated"):
        assert "canary-4711" in said["one_table", verb]
        assert "canary" not in said["writer", verb] and "this user may not read dbo.Orders" in said["writer", verb]


def test_delete_and_trigger(start):
    service = start(env={"POLLING_INTERVAL_SECONDS": "3600"})
    make_tables(service)
    asked = event(priority=3)
    assert service.post("/sync/events", asked).status == 202
    assert service.delete(f"/sync/events/{asked['event_id']}").status == 204
    assert service.get(f"/sync/events/{asked['event_id']}").status == 404
    assert service.post("/sync/events", asked).status == 409, "the id was used"
    second = event()
    assert service.post("/sync/events", second).status == 202
    assert service.post("/sync/poller/trigger").json() == {"success": True, "events_processed": 1, "finished": True}
    assert service.get(f"/sync/events/{second['event_id']}").json()["status"] == "completed"
    status = service.get("/sync/poller/status").json()
    assert status["enabled"] and status["running"] and status["events_completed"] == 1
    assert status["poll_interval_seconds"] == 3600 and status["max_events_per_poll"] == 100
    assert service.metric("bridge_events_total", '{status="completed"}') == 1


def test_one_of_many_wins(service):
    """The same id from many at a time: one event, every other 409."""
    make_tables(service)
    asked = event()
    replies = []

    def post():
        replies.append(service.post("/sync/events", asked).status)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [202] + [409] * 7
    assert service.get("/sync/stats").json()["total"] == 1


# ---- rights ----

LEVELS = [None, "nobody", "reader", "writer", "one_table", "reader_of_all", "admin"]


def expect(service, method, path, allowed, good, refused=403, body=None):
    for level in LEVELS:
        reply = service.request(method, path, body() if callable(body) else body, token=level)
        wanted = 401 if level is None else good if level in allowed else refused
        assert reply.status == wanted, (method, path, level, reply)
        if level is None:
            assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_at_every_level(start):
    service = start(env={"POLLING_INTERVAL_SECONDS": "3600"})
    make_tables(service)
    everybody = LEVELS[1:]
    numbers = iter(range(1000))

    def fresh(**changes):
        return lambda: wish(destination=f"out{next(numbers)}", **changes)

    expect(service, "POST", "/extract", ["reader_of_all", "admin"], 202, body=fresh(queries=["plain"]))
    expect(service, "POST", "/extract", ["reader", "one_table", "reader_of_all", "admin"], 202,
           body=fresh(queries=["orders"]))
    expect(service, "GET", "/jobs", everybody, 200)
    mine = service.post("/extract", fresh(queries=["orders"])(), token="reader").json()["job_id"]
    service.ended(mine)
    expect(service, "GET", f"/jobs/{mine}", ["reader", "reader_of_all", "admin"], 200, refused=404)
    assert mine in [j["job_id"] for j in service.get("/jobs", token="reader").json()]
    assert mine not in [j["job_id"] for j in service.get("/jobs", token="one_table").json()]
    assert service.delete(f"/jobs/{mine}", token="reader_of_all").status == 403
    assert service.delete(f"/jobs/{mine}", token="one_table").status == 404

    expect(service, "POST", "/sync/events", ["writer", "one_table", "admin"], 202, body=lambda: event())
    expect(service, "POST", "/sync/events", ["writer", "admin"], 202, body=lambda: event(target_table="dbo.Other"))
    expect(service, "POST", "/sync/events", ["admin"], 202, body=lambda: event(target_table="sales.Other"))
    expect(service, "GET", "/sync/events", everybody, 200)
    expect(service, "GET", "/sync/stats", everybody, 200)
    expect(service, "GET", "/sync/poller/status", everybody, 200)
    expect(service, "GET", "/me", everybody, 200)
    expect(service, "GET", "/audit", ["admin"], 200)
    counts = {u: service.get("/sync/stats", token=u).json()["total"] for u in everybody}
    assert counts == {"nobody": 0, "reader": 5, "writer": 5, "one_table": 3, "reader_of_all": 6, "admin": 6}
    listed = {u: len(service.get("/sync/events", token=u).json()) for u in everybody}
    assert listed == counts
    assert len(service.get("/sync/events?limit=2&offset=2", token="one_table").json()) == 1
    one = event(target_table="sales.Other")
    assert service.post("/sync/events", one).status == 202
    expect(service, "GET", f"/sync/events/{one['event_id']}", ["reader_of_all", "admin"], 200, refused=404)
    assert service.delete(f"/sync/events/{one['event_id']}", token="reader_of_all").status == 403
    assert service.post(f"/sync/events/{one['event_id']}/retry", token="reader_of_all").status == 403
    assert service.delete(f"/sync/events/{one['event_id']}", token="one_table").status == 404
    assert service.delete(f"/sync/events/{one['event_id']}").status == 204
    expect(service, "POST", "/sync/poller/trigger", ["writer", "one_table", "admin"], 200)
    denied = [l for l in service.audit() if l["event_type"] == "permission_denied"]
    assert {"nobody", "reader"} <= {l["user_name"] for l in denied}
    assert any(l["event_type"] == "auth_failure" for l in service.audit())


def test_no_permissions_file(start):
    service = start(users=None)
    assert "token new" in service.log()
    reply = service.get("/jobs")
    assert reply.status == 401 and "token new" in reply.detail
    service.set_users(USERS)
    service.until(lambda: service.get("/jobs").status == 200)


def test_authentication_off(start):
    service = start(users=None, env={"AUTH_ENABLED": "false"})
    assert service.get("/jobs", token=None).status == 200
    made = service.post("/extract", wish(), token=None)
    assert made.status == 202
    assert service.ended(made.json()["job_id"], token=None)["status"] == "completed"


def test_pages_of_others_may_do_nothing_without_authentication(start):
    """What a browser would send for a page of another origin, or of a name that somebody lets point here."""
    service = start(users=None, env={"AUTH_ENABLED": "false", "CORS_ALLOWED_ORIGINS": "https://app.example.com"})
    here = f"127.0.0.1:{service.port}"
    foreign = [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
               {"Origin": f"http://{here}", "Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example:1", "Host": "evil.example:1"}]
    made = service.post("/extract", wish(), token=None).json()["job_id"]
    for headers in foreign:
        for method, path, body in (("POST", "/extract", wish()), ("POST", "/sync/events", event()), ("POST", "/sync/poller/trigger", None),
                                   ("POST", "/sync/events/x/retry", None), ("DELETE", f"/jobs/{made}", None), ("DELETE", "/sync/events/x", None)):
            reply = service.request(method, path, body, token=None, headers=headers)
            assert reply.status == 403 and "AUTH_ENABLED" in reply.detail, (method, path, headers, reply)
        assert service.get("/jobs", token=None, headers=headers).status == 200
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = service.post("/extract", raw=json.dumps(wish()), token=None, headers={"Content-Type": kind} if kind else {})
        assert reply.status == 422 and reply.detail[0]["loc"] == ["header", "Content-Type"], reply
    assert len(service.get("/jobs", token=None).json()) == 1
    own = {"Origin": f"http://{here}", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json; charset=utf-8"}
    assert service.post("/extract", wish(destination="own"), token=None, headers=own).status == 202
    named = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}
    assert service.post("/extract", wish(destination="named"), token=None, headers=named).status == 202
    # With tokens none of it counts: no browser sends one by itself.
    guarded = start()
    headers = {**foreign[0], "Content-Type": "text/plain"}
    assert guarded.post("/extract", wish(), headers=headers).status == 202


def test_a_bad_permissions_file_does_not_start(bridge):
    bridge.write("config/permissions.yaml", "users:\n  - name: 1\n    tokenn: x\n")
    result = bridge.run("serve", "--host", "127.0.0.1", "--port", "0")
    assert result.status == 1 and "line" in result.err


def test_schemes_and_tokens(service):
    assert service.get("/jobs", token=("raw", f"bearer {token_of('admin')}")).status == 200
    for value in ("Basic abc", "Bearer", "Bearer ", "Bearer x y", token_of("admin"), "Bearer " + "a" * 5000):
        assert service.get("/jobs", token=("raw", value)).status in (401, 429), value


def test_failed_logins_are_slowed_down(start):
    service = start(env={"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"})

    def ask(token, source):
        headers = {"X-Forwarded-For": source, "Authorization": f"Bearer {token}"}
        return service.get("/jobs", token=None, headers=headers)

    good = token_of("admin")
    assert ask(good, "192.0.2.1").status == 200
    statuses = [ask(f"guess-{i}", "192.0.2.1") for i in range(12)]
    assert [r.status for r in statuses][:5] == [401] * 5
    slowed = [r for r in statuses if r.status == 429]
    assert slowed and int(slowed[0].headers["Retry-After"]) >= 1
    assert ask(good, "192.0.2.1").status == 200, "who was here before is not shut out"
    assert ask(good, "192.0.2.2").status == 200
    strangers = []

    def is_shut_out():
        """A good token right behind many wrong ones: within the wait, unless the machine stands still for a second."""
        strangers.append(f"198.51.100.{len(strangers) + 1}")
        for i in range(12):
            ask(f"guess-{i}", f"{strangers[-1]}, 10.1.2.3")
        return ask(good, strangers[-1]).status == 429

    assert any(is_shut_out() for _ in range(5))
    sources = {l["source_ip"] for l in service.audit() if l["event_type"] == "auth_failure"}
    assert sources == {"192.0.2.1", *strangers}


def test_forwarded_addresses_of_strangers_are_not_believed(service):
    service.get("/jobs", token=("raw", "Bearer wrong"), headers={"X-Forwarded-For": "192.0.2.9"})
    failures = [l for l in service.audit() if l["event_type"] == "auth_failure"]
    assert failures[-1]["source_ip"] == "127.0.0.1"


def test_hot_reload_under_load(service):
    """While the file changes, the one who stays is never refused, and the one who goes is never served again once
    he has been refused."""
    stop = threading.Event()
    stays, gone = [], []

    def ask(name, into):
        while not stop.is_set():
            into.append(service.get("/jobs", token=name).status)

    service.get("/jobs")
    threads = [threading.Thread(target=ask, args=("admin", stays)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(10):
        service.set_users({**USERS, f"extra{i}": []})
        time.sleep(0.05)
    leaver = threading.Thread(target=ask, args=("reader", gone))
    leaver.start()
    service.until(lambda: 200 in gone)
    service.set_users({name: rules for name, rules in USERS.items() if name != "reader"})
    service.until(lambda: 401 in gone)
    time.sleep(0.3)
    stop.set()
    for thread in [*threads, leaver]:
        thread.join()
    assert set(stays) == {200}
    assert 200 not in gone[gone.index(401):]


def test_strict_mode_needs_its_audit(start, sandbox, tmp_path):
    """Where no audit line can be written, nothing is done; an event waits until one can be."""
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "lines").symlink_to("/dev/full")
    settings = {**sandbox.sqlserver, **sandbox.databricks, "USE_DATABRICKS": "true", "SYNC_EVENTS_PRINCIPAL": "writer",
                "EVENTS_TABLE": "main.default.audited_events", "SYNC_LEDGER_TABLE": "dbo.audited_ledger"}
    bridge = Bridge(tmp_path / "before", settings)
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Audited (id int NOT NULL PRIMARY KEY)")
    bridge.sql("databricks", "INSERT INTO main.default.audited_events (event_id, operation, target_table, primary_keys, filter_conditions)"
               " VALUES ('waits', 'DELETE', 'dbo.Audited', array('id'), '{\"id\": 1}')")
    service = start(settings={**settings, "AUDIT_FILE": str(folder / "lines"), "POLLING_INTERVAL_SECONDS": "1"}, ready=False)
    for method, path, body in (("GET", "/jobs", None), ("POST", "/extract", wish()), ("POST", "/sync/events", event())):
        reply = service.request(method, path, body)
        assert reply.status == 503 and "audit" in reply.detail, reply
    assert service.get("/health/live", token=None).status == 200
    service.until(lambda: service.metric("bridge_poller_polls_total") >= 4)
    status = functools.partial(bridge.sql, "databricks", "SELECT status FROM main.default.audited_events")
    assert status().json()["rows"][0][0] in (None, "pending") and service.metric("bridge_events_total", '{status="failed"}') == 0
    (folder / "lines").unlink()
    service.until(lambda: status().json()["rows"] == [["completed"]])


# ---- paths ----


def test_paths_stay_inside(service, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.sql").write_text("SELECT 1 AS a")
    inside = service.bridge.folder
    (inside / "link").symlink_to(outside)
    (inside / "q" / "deep").mkdir()
    (inside / "inner").symlink_to(inside / "q")
    tricks = [str(outside), "link", "link/", "q/../../outside", "..", "/", "/etc", "./link/../link", "q/../link",
              "nowhere/../../outside", str(inside) + "x", "/proc/self/cwd/../outside", "q/deep/../../../outside"]
    for trick in tricks:
        for member in ("queries_path", "config_path", "destination"):
            reply = service.post("/extract", wish(**{member: trick}))
            assert reply.status in (400, 403, 404), (member, trick, reply)
    assert list(outside.iterdir()) == [outside / "x.sql"]
    for bad in ("a\u0000b", "\ud800"):
        raw = json.dumps(wish(queries_path=bad)).encode()
        assert service.post("/extract", raw=raw).status == 422
    assert service.post("/extract", wish(destination="/Volumes/main/default/../x")).status == 400
    for good in ("q", "./q", "q/", "inner", str(inside / "q"), "q/deep/.."):
        reply = service.post("/extract", wish(queries_path=good, destination=f"o/{uuid.uuid4()}"))
        assert reply.status == 202, (good, reply)
    assert service.post("/extract", wish(country="../c/Northland")).status in (400, 404)


def test_links_below_the_folders_stay_inside(start, tmp_path):
    """Files and result folders that are links: what they lead to counts, not where they lie; inside they are as good as
    any file (a ConfigMap's are links)."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.sql").write_text("no SQL but what canary-below-links says")
    (outside / "secret.yaml").write_text("country_code: canary-below-links\n")
    (outside / "_manifest.json").write_text('{"secret": "canary-below-links"}')
    service = start(env={"JOBS_WORKERS": "1"})
    inside = service.bridge.folder

    def link(name, target):
        (inside / name).parent.mkdir(parents=True, exist_ok=True)
        (inside / name).symlink_to(target)

    def refused(**changes):
        reply = service.post("/extract", wish(**changes))
        assert reply.status == 403 and "not inside" in reply.detail and "canary" not in reply.detail, reply
        assert str(outside) not in reply.detail
        last = [line for line in service.audit() if line["event_type"] != "auth_success"][-1]
        assert (last["event_type"], last["action"], last["user_name"]) == ("permission_denied", "extract", "admin")
        assert str(outside) not in json.dumps(last)

    def fails(**changes):
        job = service.ended(service.post("/extract", wish(**changes)).json()["job_id"])
        told = json.dumps(job)
        assert job["status"] == "failed" and "not inside" in told and "canary" not in told and str(outside) not in told, job
        assert job["rows_extracted"] == 0

    link("q1/leak.sql", outside / "secret.sql")
    refused(queries_path="q1")
    link("q2/far.sql", inside / "q2/near.sql")
    link("q2/near.sql", outside / "secret.sql")
    refused(queries_path="q2")
    for number, name in enumerate(("common_params.yaml", "Northland.yaml")):
        service.bridge.write(f"c{number}/Northland.yaml", "country_code: NL\n")
        (inside / f"c{number}" / name).unlink(missing_ok=True)
        link(f"c{number}/{name}", outside / "secret.yaml")
        refused(config_path=f"c{number}")
    for number, (name, target) in enumerate((
        ("Northland", outside), ("Northland", outside / "new"), ("Northland/plain", outside),
        ("Northland/plain/_manifest.json", outside / "_manifest.json"), ("Northland/plain/.bridge-lock", outside / "new"),
        ("Northland/plain/.bridge-spool", outside),
    )):
        link(f"o{number}/{name}", target)
        fails(destination=f"o{number}", queries=["plain"])
    # Inside all is well.
    link("q3/plain.sql", inside / "q/plain.sql")
    link("c3/Northland.yaml", "../c/Northland.yaml")
    (inside / "elsewhere").mkdir()
    link("o9/Northland", inside / "elsewhere")
    made = service.post("/extract", wish(queries_path="q3", config_path="c3", destination="o9")).json()["job_id"]
    assert service.ended(made)["status"] == "completed"
    assert service.get(f"/jobs/{made}/results/plain/manifest").json()["rows"] == 1
    (inside / "elsewhere/plain/_manifest.json").unlink()
    (inside / "elsewhere/plain/_manifest.json").symlink_to(outside / "_manifest.json")
    reply = service.get(f"/jobs/{made}/results/plain/manifest")
    assert reply.status == 403 and "canary" not in reply.detail
    # Links that come while the job waits.
    service.bridge.write("slow/slow.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
    service.bridge.write("later/plain.sql", "SELECT 1 AS a")
    first = service.post("/extract", wish(queries_path="slow")).json()["job_id"]
    service.until(lambda: service.get(f"/jobs/{first}").json()["status"] == "running")
    query = service.post("/extract", wish(queries_path="later", destination="later1")).json()["job_id"]
    result = service.post("/extract", wish(queries=["plain"], destination="later2")).json()["job_id"]
    (inside / "later/plain.sql").unlink()
    link("later/plain.sql", outside / "secret.sql")
    link("later2/Northland", outside)
    service.delete(f"/jobs/{first}")
    for waited in (query, result):
        told = json.dumps(service.ended(waited))
        assert '"status": "failed"' in told and "not inside" in told and "canary" not in told, told
    assert sorted(path.name for path in outside.iterdir()) == ["_manifest.json", "secret.sql", "secret.yaml"]
    assert (outside / "_manifest.json").read_text() == '{"secret": "canary-below-links"}'


def test_a_link_that_comes_later_is_seen(start, tmp_path):
    """The folder is swapped for a link while the job waits."""
    outside = tmp_path / "outside"
    outside.mkdir()
    service = start(env={"JOBS_WORKERS": "1"})
    service.bridge.write("slow/slow.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
    first = service.post("/extract", wish(queries_path="slow")).json()["job_id"]
    service.until(lambda: service.get(f"/jobs/{first}").json()["status"] == "running")
    target = service.bridge.folder / "target"
    target.mkdir()
    second = service.post("/extract", wish(destination="target")).json()["job_id"]
    target.rmdir()
    target.symlink_to(outside)
    service.delete(f"/jobs/{first}")
    job = service.ended(second)
    assert job["status"] == "failed" and "not inside" in job["error"], job
    assert list(outside.iterdir()) == []


def test_a_right_that_is_lost_while_the_job_waits(start):
    service = start(env={"JOBS_WORKERS": "1"})
    service.bridge.write("slow/slow.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
    first = service.post("/extract", wish(queries_path="slow")).json()["job_id"]
    service.until(lambda: service.get(f"/jobs/{first}").json()["status"] == "running")
    second = service.post("/extract", wish(queries=["orders"]), token="reader").json()["job_id"]
    service.set_users({name: rules for name, rules in USERS.items() if name != "reader"})
    service.until(lambda: service.get("/jobs", token="reader").status == 401)
    service.delete(f"/jobs/{first}")
    job = service.ended(second)
    assert job["status"] == "failed" and "reader" in job["error"], job


# ---- limits ----


def test_methods_and_unknown_paths(service):
    assert service.get("/nowhere").status == 404
    reply = service.request("PUT", "/jobs")
    assert reply.status == 405 and reply.headers["Allow"] == "GET"
    reply = service.request("OPTIONS", "/extract", token=None)
    assert reply.status == 405 and reply.headers["Allow"] == "POST"
    assert reply.headers["Access-Control-Allow-Origin"] is None
    assert service.request("TRACE", "/jobs").status == 405
    assert service.request("OPTIONS", "/nowhere").status == 404
    assert all("detail" in service.request(m, p).json() for m, p in (("PUT", "/jobs"), ("GET", "/nowhere")))


def test_large_bodies(service):
    reply = service.post("/extract", raw=b" " * (1024 * 1024 + 1))
    assert reply.status == 413 and "detail" in reply.json()
    assert service.post("/extract", raw=b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}").status == 422
    connection = service.connection()
    headers = {"Authorization": f"Bearer {token_of('admin')}", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/extract", iter([b" " * 65536] * 40), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert service.get("/jobs?x=" + "a" * 20000).status in (414, 431)
    assert service.get("/health/live", token=None).status == 200


def test_slow_clients_are_cut_off(start):
    """Connections that send byte by byte end, while others are served."""
    service = start(env={"HTTP_IDLE_SECONDS": "2", "HTTP_CONNECTIONS": "16"})
    slow = []
    for i in range(12):
        one = socket.create_connection(("127.0.0.1", service.port))
        one.sendall(b"GET /jobs HTTP/1.1\r\nHost: x\r\n" if i % 2 else
                    b"POST /extract HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        one.setblocking(False)
        slow.append(one)
    ended = set()

    def drip():
        assert service.get("/health/live", token=None).status == 200
        for one in slow:
            if one in ended:
                continue
            try:
                one.send(b"X")
                if one.recv(65536) == b"":
                    ended.add(one)
            except BlockingIOError:
                pass
            except OSError:
                ended.add(one)
        return len(ended) == len(slow)

    service.until(drip)
    for one in slow:
        one.close()


def test_tls(start, tmp_path):
    import ssl
    import subprocess

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )
    service = start(options=("--tls-certificate", str(certificate), "--tls-key", str(key)), ready=False)
    import http.client

    context = ssl.create_default_context(cafile=str(certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", service.port, context=context, timeout=120)
    connection.request("GET", "/health/live")
    reply = connection.getresponse()
    assert reply.status == 200 and reply.headers["Strict-Transport-Security"]
    connection.close()


# ---- sides that are down, ends, crashes ----


def test_starts_while_the_sides_are_down(start):
    service = start(
        settings={
            "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1", "SQLSERVER_USERNAME": "u",
            "SQLSERVER_PASSWORD": "canary-password-1", "DATABRICKS_HOST": "http://127.0.0.1:1",
            "DATABRICKS_TOKEN": "canary-token-1", "DATABRICKS_WAREHOUSE_ID": "w",
        },
        ready=False,
    )
    service.until(lambda: service.get("/health/startup", token=None).status == 200)
    ready = service.get("/health/ready", token=None)
    assert ready.status == 503 and ready.json()["status"] == "unhealthy"
    assert service.get("/health/live", token=None).status == 200
    for reply in (service.get("/sync/events"), service.post("/sync/events", event()), service.get("/sync/stats")):
        assert reply.status == 503 and reply.detail
    assert service.post("/sync/poller/trigger").status == 503
    status = service.get("/sync/poller/status").json()
    assert status["enabled"] and not status["running"]
    made = service.post("/extract", wish()).json()["job_id"]
    job = service.ended(made)
    assert job["status"] == "failed"
    everything = service.log() + json.dumps(job) + ready.body.decode() + json.dumps(service.audit())
    assert "canary" not in everything


def test_the_poller_starts_when_a_side_comes_up(start, make_sandbox):
    ports = ["--databricks-port", str(free_port()), "--sqlserver-port", str(free_port())]
    first = make_sandbox(*ports)
    settings = {**first.sqlserver, **first.databricks}
    Bridge(first.bridge.folder, settings).run("init", check=True)
    first.stop()
    service = start(settings=settings)
    assert not service.get("/sync/poller/status").json()["running"]
    make_sandbox(*ports, "--data-dir", str(first.bridge.data))
    service.until(lambda: service.get("/sync/poller/status").json()["running"])
    service.until(lambda: service.get("/health/ready", token=None).status == 200)
    service.stop()


def test_one_side_alone(start, sandbox):
    service = start(settings=sandbox.sqlserver)
    service.until(lambda: service.get("/health/ready", token=None).status == 200)
    ready = service.get("/health/ready", token=None).json()
    assert ready["components"]["databricks"]["status"] == "not_configured"
    made = service.post("/extract", wish()).json()["job_id"]
    assert service.ended(made)["status"] == "completed"
    assert service.get("/sync/poller/status").json()["enabled"] is False
    assert service.get("/sync/events").status == 503
    assert service.post("/extract", wish(destination="/Volumes/a/b/c")).status == 400


def refuses(service):
    try:
        service.connection().connect()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_ends_in_order(start):
    service = start(options=("--grace", "6", "--patience", "0"))
    service.bridge.write("slow/slow.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
    made = service.post("/extract", wish(queries_path="slow")).json()["job_id"]
    service.until(lambda: service.get(f"/jobs/{made}").json()["status"] == "running")
    kept = service.connection()
    kept.request("GET", "/health/live")
    before = kept.getresponse()
    assert before.headers["Connection"] != "close" and before.read()
    body = json.dumps(wish(destination="late")).encode()
    late = socket.create_connection(("127.0.0.1", service.port), timeout=120)
    late.sendall(f"POST /extract HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token_of('admin')}\r\n"
                 f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
    assert late.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"  # the head has been read
    late.sendall(body[:10])
    service.process.send_signal(signal.SIGTERM)
    service.until(lambda: service.get("/health/ready", token=None).status == 503)
    # A connection that was kept open is told that this was the last answer.
    kept.request("GET", "/health/live")
    last = kept.getresponse()
    assert last.status == 200 and last.headers["Connection"] == "close" and last.read()
    refused = service.post("/extract", wish())
    assert refused.status == 503 and refused.headers["Retry-After"] and refused.headers["Connection"] == "close"
    # What has begun to arrive is answered, though nobody is let in any more; and the answer is kept.
    service.until(lambda: refuses(service))
    late.sendall(body[10:])
    reply = http.client.HTTPResponse(late)
    reply.begin()
    assert reply.status == 202 and reply.headers["Connection"] == "close"
    accepted = json.loads(reply.read())["job_id"]
    late.close()
    assert service.process.wait(120) == 0
    service.process.stdout.close()
    # The job began again.
    service.options = ("--patience", "0")
    service.start()
    assert service.get(f"/jobs/{made}").json()["status"] in ("pending", "running")
    assert service.delete(f"/jobs/{made}").status == 204
    assert service.ended(accepted)["status"] == "completed"


def test_second_signal_ends_at_once(start):
    service = start(options=("--grace", "600"))
    service.process.send_signal(signal.SIGTERM)
    service.until(lambda: service.get("/health/ready", token=None).status == 503)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(120) == 128 + signal.SIGTERM


def test_two_services_on_one_folder(service):
    result = service.bridge.run("serve", "--host", "127.0.0.1", "--port", "0")
    assert result.status == 1 and "Another process uses the job store" in result.err


def check_many(service, made):
    """Every job is there, and one that is called completed has all its results, with the right numbers."""
    jobs = {job["job_id"]: job for job in service.get("/jobs?limit=1000").json()}
    assert set(jobs) == set(made)
    for i, job_id in enumerate(made):
        assert jobs[job_id]["status"] in ("pending", "running", "completed"), jobs[job_id]
        if jobs[job_id]["status"] != "completed":
            continue
        job = service.get(f"/jobs/{job_id}").json()
        assert [(r["query_name"], r["status"], r["rows_extracted"], r["files_created"], r["error"]) for r in job["results"]] == [
            (f"q{q}", "completed", q + 1, 1, None) for q in range(3)
        ]
        assert (job["queries_completed"], job["queries_failed"], job["error"]) == (3, 0, None)
        for q in range(3):
            place = service.bridge.folder / f"out{i}" / "Northland" / f"q{q}"
            manifest = json.loads((place / "_manifest.json").read_text())
            assert manifest["state"] == "complete" and manifest["rows"] == q + 1
            assert [f["name"] for f in manifest["files"]] == [f"q{q}.parquet"]
            assert (place / f"q{q}.parquet").stat().st_size == manifest["files"][0]["bytes"]
    return {job_id for job_id, job in jobs.items() if job["status"] == "completed"}


def test_kill_during_fifty_jobs(start):
    """kill -9 at any moment, twice, which leaves each job its third and last attempt."""
    seed = random.randrange(1 << 32)
    print("the moments are those of seed", seed)
    dice = random.Random(seed)
    service = start(env={"JOBS_WORKERS": "4", "JOBS_PER_SERVER": "0"})
    for q in range(3):
        service.bridge.write(
            f"many/q{q}.sql", "WAITFOR DELAY '00:00:00.020'; " + " UNION ALL ".join(f"SELECT {n} AS a" for n in range(q + 1))
        )
    made = []
    for i in range(50):
        reply = service.post("/extract", wish(queries_path="many", destination=f"out{i}"))
        assert reply.status == 202
        made.append(reply.json()["job_id"])
    for enough in (15, 25):
        service.until(lambda: service.metric("bridge_jobs", '{status="completed"}') >= enough)
        time.sleep(dice.uniform(0, 0.1))
        before = check_many(service, made)
        service.kill()
        service.start(ready=False)
        assert check_many(service, made) >= before
    for job_id in made:
        assert service.ended(job_id)["status"] == "completed"
    assert check_many(service, made) == set(made)


def test_a_result_that_is_there_already_is_told_with_its_numbers(service):
    """What a job finds that begins again after its query had ended and before that was written down."""
    for _ in range(2):
        made = service.post("/extract", wish(queries=["orders"])).json()["job_id"]
        [result] = service.ended(made)["results"]
        assert (result["status"], result["rows_extracted"], result["files_created"]) == ("completed", 2, 1)
    assert service.metric("bridge_rows_extracted_total") == 2


def test_a_job_that_ends_each_of_its_services_is_given_up(start):
    service = start()
    service.bridge.write("slow/slow.sql", "WAITFOR DELAY '00:10:00'; SELECT 1 AS a")
    made = service.post("/extract", wish(queries_path="slow", destination="slow")).json()["job_id"]
    for _ in range(3):
        service.until(lambda: service.get(f"/jobs/{made}").json()["results"][0]["status"] == "running")
        service.kill()
        service.start(ready=False)
    job = service.get(f"/jobs/{made}").json()
    assert (job["status"], job["error"]) == ("failed", "The service ended while the job was running")
    assert [r["status"] for r in job["results"]] == ["cancelled"]
    lines = [line for line in service.audit() if line["details"].get("job_id") == made]
    assert [line["event_type"] for line in lines] == ["extraction_started"] * 3 + ["extraction_failed"]
    assert (lines[3]["user_name"], lines[3]["source_ip"], lines[3]["details"]["error"]) == ("admin", "127.0.0.1", job["error"])
    assert not list((service.bridge.folder / "slow").rglob("*.parquet"))
    other = service.post("/extract", wish()).json()["job_id"]
    assert service.ended(other)["status"] == "completed"


# ---- documents ----


def test_openapi_matches_the_service(service):
    document = service.get("/openapi.json", token=None).json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            url = path.replace("{job_id}", str(uuid.uuid4())).replace("{event_id}", "none")
            status = service.request(method.upper(), url, token=None).status
            assert (status == 401) == ("security" in operation), (method, path, status)
            assert str(status) in operation["responses"], (method, path, status)


def test_metrics(service):
    service.get("/jobs")
    service.get("/nowhere")
    text = service.get("/metrics", token=None).body.decode()
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                 "process_start_time_seconds", "bridge_rows_extracted_total", "bridge_poller_running"):
        assert re.search(rf"^{name} [0-9.e+]+$", text, re.M), name
    assert 'http_requests_total{method="GET",route="/jobs",status="200"} 1' in text
    assert 'http_request_duration_seconds_count{method="GET",route="/jobs"} 1' in text
    assert 'bridge_jobs{status="pending"} 0' in text
    # Every sample belongs to a family that was announced.
    families = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    for line in text.splitlines():
        if not line.startswith("#"):
            name = re.match(r"[a-z_]+", line).group()
            assert name in families or re.sub(r"_(bucket|sum|count)$", "", name) in families, line


def test_metrics_can_ask_for_a_token(start):
    service = start(env={"METRICS_AUTH": "true"})
    assert service.get("/metrics", token=None).status == 401
    assert service.get("/metrics", token="nobody").status == 200
