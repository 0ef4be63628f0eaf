"""What operators rely on: switches, health while a side sleeps or hangs, logs, retention, other origins."""

import json
import urllib.request

import pytest
from conftest import Bridge
from service import Service

USERS = {"admin": [("*", "read_write")], "writer": [("dbo.Orders", "write")], "reader": [("*", "read")], "nobody": []}


@pytest.fixture
def start(tmp_path):
    """Starts services of the test's own; all are stopped at the end."""
    started = []

    def make(settings=None, users=USERS, **kwargs):
        bridge = Bridge(tmp_path / f"serve{len(started)}", settings)
        bridge.write("q/plain.sql", "-- reads: dbo.Orders\nSELECT 1 AS a")
        bridge.write("c/Northland.yaml", "country_code: NL\n")
        started.append(Service(bridge, users, **kwargs))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            one.stop()


def wish(**changes):
    return {"queries_path": "q", "config_path": "c", "country": "Northland", "destination": "out", **changes}


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
