"""Hours of mixed load on one service, while its memory and open descriptors are written down: nothing may grow.

    BRIDGE_TEST_BUILD=build-release tests/system/soak.py [--minutes 60] [--pace 1] [--csv soak.csv] [--folder DIR]

`scripts/soak` builds the program and runs this. Load: probes, metrics and pages; jobs made, listed, failed and cancelled; events
made, listed, retried and taken away, which the poller carries out on a sandbox on loopback; wrong tokens from many addresses; slow
clients; connections that break off; users that come and go. Every answer is checked for its status. The job store holds as many
jobs from the start as fill SQLite's page caches, so that these don't pass for a leak while they fill.

The verdict (exit status 1 where it is bad) is over the time after the first quarter, the warm-up, comparing the medians of its
first and last third: memory of the service's own (RssAnon; the pages of programs and libraries come and go) grows by less than
1 MiB, all that is resident by less than 2 MiB, descriptors by fewer than 8. Once the load has stopped there are no more threads
than at rest after the first few requests; no answer was unexpected; every job and event has ended.
"""

import argparse
import collections
import csv
import http.client
import pathlib
import random
import shutil
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
import uuid

from conftest import Bridge, Sandbox
from service import Service, token_of
from stored_jobs import fill

USERS = {"admin": [("*", "read_write")], "reader": [("dbo.*", "read")], "writer": [("dbo.*", "write", 5)]}
IDLE_SECONDS = 5
AT_ONCE = 24  # requests of the first look that come at the same time
GROWTH = {"own_kib": 1024, "rss_kib": 2048, "descriptors": 8}  # from here on something grows
STORED = 5000  # jobs: a store of twice the 2 MB that a connection of SQLite's keeps of it
COLUMNS = ("seconds", "rss_kib", "own_kib", "descriptors", "threads", "sandbox_rss_kib", "requests", "unexpected", "jobs", "events")


class Load:
    """What all kinds of load share: the service, the counts, and when to stop."""

    def __init__(self, service, pace):
        self.service = service
        self.pace = pace
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.answers = collections.Counter()
        self.unexpected = collections.Counter()
        self.jobs, self.events = [], []

    def note(self, what, status, expected):
        with self.lock:
            self.answers[f"{what} {status}"] += 1
            if status not in expected:
                self.unexpected[f"{what} {status}"] += 1

    def ask(self, method, path, *expected, body=None, token="admin", headers=None, name=None):
        try:
            reply = self.service.request(method, path, body, token=token, headers=headers)
        except OSError as error:
            reply = None
            self.note(name or f"{method} {path}", type(error).__name__, expected)
        else:
            self.note(name or f"{method} {path}", reply.status, expected)
        return reply

    def every(self, seconds, act):
        """A thread that acts again and again until the end."""

        def run():
            random_ = random.Random()
            while not self.stop.wait(random_.uniform(0.5, 1.5) * seconds / self.pace):
                try:
                    act(random_)
                except Exception as error:  # a bug here must not silence the load
                    self.note(f"{act.__name__} {error!r}"[:200], "broken", ())

        thread = threading.Thread(target=run, name=act.__name__)
        thread.start()
        return thread


# ---- kinds of load ----


def probes(load):
    def act(random_):
        path = random_.choice(["/health/live", "/health/startup", "/health/ready", "/api/v1/health/live", "/metrics", "/"])
        load.ask("GET", path, 200, token=None)

    return act


def pages(load):
    def act(random_):
        path, status = random_.choice([("/docs", 200), ("/openapi.json", 200), ("/ui/", 200), ("/ui/app.js", 200), ("/ui/none", 404), ("/x", 404)])
        load.ask("GET", path, status, token=None)
        load.ask("GET", "/me", 200, token=random_.choice(["admin", "reader", "writer"]))
        load.ask("GET", "/audit", 200)

    return act


def jobs(load):
    def act(random_):
        kind = random_.choice(["many", "many", "many", "bad", "slow"])
        body = {"queries_path": kind, "config_path": "c", "country": "Northland", "destination": f"out/{random_.randrange(20)}", "overwrite": True}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        for _ in range(2):
            reply = load.ask("POST", "/extract", 202, body=body, headers=headers)
        if reply is None or reply.status != 202:
            return
        job = reply.json()["job_id"]
        load.jobs.append(job)
        load.ask("GET", "/jobs?limit=100", 200, name="GET /jobs")
        load.ask("GET", f"/jobs?status_filter=running&offset={random_.randrange(5)}", 200, name="GET /jobs?…")
        load.ask("GET", f"/jobs/{job}", 200, name="GET /jobs/{id}")
        load.ask("GET", f"/jobs/{job}", 404, token="writer", name="GET another's /jobs/{id}")
        if kind == "slow":
            load.ask("DELETE", f"/jobs/{job}", 204, name="DELETE /jobs/{id}")
        load.ask("POST", "/extract", 404, body={**body, "queries_path": "nowhere"}, name="POST /extract nowhere")
        load.ask("POST", "/extract", 422, body={"queries_path": 1}, name="POST /extract unfit")

    return act


def events(load):
    def act(random_):
        event = {"event_id": str(uuid.uuid4()), "operation": "INSERT", "source_table": "main.default.source", "target_table": "dbo.Orders",
                 "metadata": {"mode": "upsert"}, "primary_keys": ["id"], "rows_expected": random_.choice([None, 2, 3])}
        kind = random_.choice(["upsert", "update", "delete", "fail", "take away"])
        if kind == "update":
            event.update(operation="UPDATE", metadata={})
        elif kind == "delete":
            event.update(operation="DELETE", metadata={}, filter_conditions={"id": str(random_.randrange(4))})
        elif kind == "fail":
            event.update(source_table="main.default.missing")
        reply = load.ask("POST", "/sync/events", 202, body=event)
        if reply is None or reply.status != 202:
            return
        path = f"/sync/events/{event['event_id']}"
        load.ask("POST", "/sync/events", 409, body=event, name="POST /sync/events again")
        if kind == "take away":
            reply = load.ask("DELETE", path, 204, 400, 409, name="DELETE /sync/events/{id}")
            if reply is not None and reply.status == 204:
                return
        load.events.append(event["event_id"])
        load.ask("GET", path, 200, name="GET /sync/events/{id}")
        load.ask("GET", "/sync/events?limit=50", 200)
        load.ask("GET", "/sync/stats", 200)
        load.ask("GET", "/sync/poller/status", 200)
        load.ask("POST", f"/sync/events/{random_.choice(load.events)}/retry", 200, 400, name="POST /sync/events/{id}/retry")
        load.ask("POST", "/sync/events", 400, body={**event, "event_id": "k", "operation": "DELETE", "primary_keys": [], "filter_conditions": None},
                 name="POST /sync/events without keys")
        load.ask("POST", "/sync/events", 403, body={**event, "event_id": "r"}, token="reader", name="POST /sync/events as reader")

    return act


def strangers(load):
    """Wrong tokens, from as many addresses as loopback has."""

    def act(random_):
        address = f"127.{random_.randrange(1, 250)}.{random_.randrange(250)}.{random_.randrange(1, 250)}"
        for _ in range(random_.choice([1, 1, 8])):
            connection = http.client.HTTPConnection("127.0.0.1", load.service.port, timeout=60, source_address=(address, 0))
            try:
                connection.request("GET", "/jobs", headers={"Authorization": "Bearer " + random_.randbytes(12).hex()})
                load.note("GET /jobs with a wrong token", connection.getresponse().status, (401, 429))
            finally:
                connection.close()

    return act


def slow_clients(load):
    """A head or a body byte by byte: the service hangs up."""

    def act(random_):
        with socket.create_connection(("127.0.0.1", load.service.port), timeout=60) as one:
            one.sendall(random_.choice([b"GET /jobs HTTP/1.1\r\nHost: x\r\nX-Slow: ",
                                        b"POST /extract HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token_of("admin").encode() +
                                        b"\r\nContent-Length: 1000\r\n\r\n{"]))
            end = time.monotonic() + 6 * IDLE_SECONDS
            one.settimeout(0.5)
            while time.monotonic() < end and not load.stop.is_set():
                try:
                    one.send(b"x")
                    if one.recv(65536) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            else:
                if not load.stop.is_set():
                    load.note("a slow client", "still there", ())
                return
            load.note("a slow client", "cut off", ("cut off",))

    return act


def aborted(load):
    """Connections that break off: at once, within a head, a body, or before the answer has been read; with FIN or RST."""

    def act(random_):
        token = token_of("admin").encode()
        whole = b"GET /jobs?limit=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
        body = b"POST /sync/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\nContent-Length: 500\r\n\r\n{\"event_id\":"
        sent = random_.choice([b"", whole[: random_.randrange(len(whole))], whole, body, b"\x16\x03\x01\x02\x00", b"\r\n\r\n", random_.randbytes(300)])
        with socket.create_connection(("127.0.0.1", load.service.port), timeout=60) as one:
            if random_.random() < 0.5:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.sendall(sent)
            if random_.random() < 0.3:
                time.sleep(0.05)
        load.note("a connection that breaks off", "", ("",))

    return act


def kept_alive(load):
    """Many requests on one connection."""

    def act(random_):
        connection = load.service.connection()
        try:
            for _ in range(random_.randrange(1, 40)):
                connection.request("GET", "/jobs?limit=3", headers={"Authorization": f"Bearer {token_of('admin')}"})
                reply = connection.getresponse()
                reply.read()
                load.note("GET /jobs?limit=3, kept alive", reply.status, (200,))
        finally:
            connection.close()

    return act


def changing_users(load):
    def act(random_):
        load.service.set_users({**USERS, f"guest{random_.randrange(100)}": [("dbo.*", "read")]})

    return act


# Seconds between two acts of each kind, on average.
KINDS = [(0.5, probes), (5, pages), (2, jobs), (4, events), (3, strangers), (5, slow_clients), (0.5, aborted), (2, kept_alive), (20, changing_users)]


# ---- measuring ----


def status_of(pid):
    found = {"VmRSS": 0, "RssAnon": 0, "Threads": 0}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0])
    return found["VmRSS"], found["RssAnon"], len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())), found["Threads"]


def sample(load, service, sandbox, began):
    now = status_of(service.process.pid)
    with load.lock:
        requests, unexpected = sum(load.answers.values()), sum(load.unexpected.values())
    return (round(time.monotonic() - began, 1), *now, status_of(sandbox.process.pid)[0], requests, unexpected,
            len(load.jobs), len(load.events))


def slope_per_hour(rows, values):
    """By least squares."""
    x = [row[0] / 3600 for row in rows]
    return statistics.linear_regression(x, values).slope if len(set(x)) > 1 else 0.0


def still_open(load):
    """Jobs and events that have not ended."""
    jobs_ = {job["job_id"] for offset in range(0, len(load.jobs) + 1, 1000)
             for job in load.service.get(f"/jobs?limit=1000&offset={offset}").json() if job["status"] in ("pending", "running")}
    events_ = [event for status in ("pending", "processing") for event in load.service.get(f"/sync/events?status_filter={status}").json()]
    return len(jobs_), len(events_)


def verdict(rows, before, after, load, ended):
    warm = [row for row in rows if row[0] >= rows[-1][0] / 4]
    third = max(len(warm) // 3, 1)
    print(f"requests: {sum(load.answers.values())}, jobs: {len(load.jobs)}, events: {len(load.events)}")
    bad = []
    for name, most in GROWTH.items():
        values = [row[COLUMNS.index(name)] for row in warm]
        first, last = (statistics.median(part) for part in (values[:third], values[-third:]))
        print(f"{name}: {first:.0f} after warm-up, {last:.0f} at the end; slope {slope_per_hour(warm, values):+.0f} an hour; highest {max(values)}")
        if last - first >= most:
            bad.append(f"{name} grew by {last - first:.0f}")
    print(f"descriptors: {before[2]} before, {after[2]} after; threads: {before[3]} before, {after[3]} after")
    if after[3] > before[3]:
        bad.append("threads are left")
    if ended != (0, 0):
        bad.append("jobs or events have not ended: %d, %d" % ended)
    bad += [f"unexpected: {what}, {count} times" for what, count in load.unexpected.most_common(20)]
    print("\n".join(["", *bad]) if bad else "nothing grows")
    return 1 if bad else 0


# ---- the run ----


def prepare(folder, sandbox):
    bridge = Bridge(folder / "serve", {**sandbox.sqlserver, **sandbox.databricks})
    for name, text in {
        "many/a.sql": "SELECT 1 AS a",
        "many/b.sql": "-- reads: dbo.Orders\nSELECT id, name FROM dbo.Orders",
        "many/c.sql": " UNION ALL ".join(f"SELECT {n} AS n, N'{'x' * n}' AS t" for n in range(50)),
        "bad/bad.sql": "SELECT nothing FROM dbo.nowhere",
        "slow/slow.sql": "WAITFOR DELAY '00:10:00'; SELECT 1 AS a",
        "c/common_params.yaml": "x: y\n",
        "c/Northland.yaml": "country_code: NL\n",
    }.items():
        bridge.write(name, text)
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, name nvarchar(20))")
    bridge.sql("databricks", "CREATE TABLE main.default.source (id INT, name STRING)")
    bridge.sql("databricks", "INSERT INTO main.default.source VALUES (1, 'a'), (2, 'b')")
    service = Service(bridge, USERS, env={"HTTP_IDLE_SECONDS": str(IDLE_SECONDS), "POLLING_INTERVAL_SECONDS": "2", "JOBS_PER_SERVER": "0"})
    service.stop()
    fill(bridge.data / "jobs.db", STORED)
    service.start()
    return service


def measure(options, load, sandbox, write):
    service, rows, began = load.service, [], time.monotonic()
    while time.monotonic() - began < options.minutes * 60:
        time.sleep(min(options.sample, options.minutes * 60))
        if service.process.poll() is not None:
            sys.exit(f"the service ended with {service.process.returncode}\n{service.log()[-4000:]}")
        rows.append(sample(load, service, sandbox, began))
        write(rows[-1])
    return rows


def first_look(load):
    """What is made once, and kept, is there before anything is measured: full caches, and what many requests at a time need."""
    for offset in range(0, STORED, 100):
        load.ask("GET", f"/jobs?limit=100&offset={offset}", 200, name="GET /jobs of the first look")
    together = threading.Barrier(AT_ONCE)

    def crowd():
        for path in ("/jobs?limit=100", "/sync/events?limit=50", "/sync/stats", "/audit"):
            together.wait()
            load.ask("GET", path, 200, name=f"GET {path}, many at a time")

    threads = [threading.Thread(target=crowd) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, kind in KINDS * 3:
        kind(load)(random.Random())


def soak(options, service, sandbox):
    load = Load(service, options.pace)
    first_look(load)
    time.sleep(IDLE_SECONDS + 2)
    before = status_of(service.process.pid)
    threads = [load.every(seconds, kind(load)) for seconds, kind in KINDS]
    try:
        with open(options.csv, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            rows = measure(options, load, sandbox, lambda row: (out.writerow(row), file.flush()))
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    end = time.monotonic() + 120
    while (ended := still_open(load)) != (0, 0) and time.monotonic() < end:
        time.sleep(1)
    time.sleep(IDLE_SECONDS + 2)
    return verdict(rows, before, status_of(service.process.pid), load, ended)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--pace", type=float, default=1, help="2: twice the load")
    parser.add_argument("--sample", type=float, default=5, help="seconds between two samples")
    parser.add_argument("--csv", default="soak.csv")
    parser.add_argument("--folder", help="kept; default: a temporary one")
    options = parser.parse_args()
    folder = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="soak-"))
    sandbox = Sandbox(folder / "sandbox")
    service = None
    try:
        service = prepare(folder, sandbox)
        service.until(lambda: service.get("/sync/poller/status").json()["running"])
        bad = soak(options, service, sandbox) | (service.stop() != 0)
    finally:
        if service is not None and service.process.poll() is None:
            service.kill()
        sandbox.stop()
    if not options.folder and not bad:
        shutil.rmtree(folder)
    return bad


if __name__ == "__main__":
    sys.exit(main())
