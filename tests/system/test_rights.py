"""Rights over HTTP: every route, at every level, with every kind of pattern, against a model of the rules that shares
nothing with the product; and the permissions file changing under load."""

import itertools
import os
import re
import threading
import time
import uuid

import pytest
from conftest import Bridge
from service import Service, permissions, token_of

READ, WRITE = {"read"}, {"write"}
LEVELS = {"read": READ, "write": WRITE, "read_write": READ | WRITE}

USERS = {
    "admin": [("*", "read_write")],
    "nothing": [],
    **{f"{level}_on_{i}": [(pattern, level)] for level in LEVELS for i, pattern in enumerate(
        ("*", "dbo.*", "Orders", "sales.dbo.*", "dbo.Orders", "[DBO].[orders]", "sales.*", "sales.dbo.Orders")[
            : 8 if level == "read_write" else 4])},
    "narrowed": [("*", "read_write"), ("dbo.Orders", "read")],
    "write_alone": [("*", "read_write"), ("dbo.Orders", "write")],
    "widened": [("dbo.*", "read"), ("dbo.Orders", "read_write")],
    "by_database": [("*", "read_write"), ("sales.dbo.Orders", "read")],
    "last_wins": [("dbo.Orders", "read_write"), ("dbo.orders", "read")],
    "star_twice": [("*", "read_write"), ("*", "read")],
}
TABLES = ["dbo.Orders", "dbo.Other", "sales.Lines", "sales.dbo.Orders"]


def parts(name):
    """(database, schema, table) of a name or pattern; None stands for any."""
    if name == "*":
        return None, None, None
    words = [word.strip("[]").lower() for word in name.split(".")]
    words = ["dbo", *words] if len(words) == 1 else words
    database = words[0] if len(words) == 3 else None
    return database, words[-2], None if words[-1] == "*" else words[-1]


def rights(user, name):
    """The accesses that a user has on a table: the most specific rule, less what a narrower one could take away."""
    database, schema, table = parts(name)
    found = []
    for place, (pattern, access) in enumerate(USERS[user]):
        d, s, t = parts(pattern)
        if s not in (None, schema) or t not in (None, table) or (d is not None and database not in (None, d)):
            continue
        weight = (s is not None) + 2 * (t is not None) + (d is not None) * 0.5
        found.append((weight, place, d is None or database is not None, LEVELS[access]))
    certain = [f for f in found if f[2]]
    if not certain:
        return set()
    best = max(certain)
    allowed = set(best[3])
    for weight, _, is_certain, access in found:
        if not is_certain and weight > best[0]:
            allowed &= access
    return allowed


def on_all(user):
    stars = [LEVELS[access] for pattern, access in USERS[user] if pattern == "*"]
    return stars[-1] if stars else set()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    bridge = Bridge(tmp_path_factory.mktemp("rights"), {"POLLING_INTERVAL_SECONDS": "3600", "HTTP_CONNECTIONS": "64"})
    bridge.write("q/star.sql", "SELECT 1 AS a")
    bridge.write("q/orders.sql", "-- reads: dbo.Orders\nSELECT 1 AS a")
    bridge.write("q/two.sql", "-- reads: Orders, [sales].[Lines]\nSELECT 1 AS a")
    bridge.write("c/N.yaml", "country_code: N\n")
    started = Service(bridge, USERS)
    started.until(lambda: started.get("/sync/poller/status").json()["polls"] > 0)  # the only look that is not asked for
    yield started
    assert started.stop() == 0


def event(target):
    return {"event_id": str(uuid.uuid4()), "operation": "INSERT", "source_table": "main.default.s", "target_table": target}


def posted(service, target):
    made = event(target)
    assert service.post("/sync/events", made).status == 202
    return made["event_id"]


def wish(query):
    return {"queries_path": "q", "config_path": "c", "country": "N", "destination": f"out/{uuid.uuid4()}", "queries": [query]}


# Routes that ask for no token, and those that ask for any.
OPEN = ["/", "/health/live", "/health/startup", "/health/ready", "/docs", "/openapi.json", "/metrics", "/ui/", "/ui/app.js"]
ANY = [("GET", "/jobs"), ("GET", "/sync/events"), ("GET", "/sync/stats"), ("GET", "/sync/poller/status"), ("GET", "/me")]


def cases(service, job, events):
    """(method, path, body, expected status by user); what a success uses up is made anew for each."""
    for method, path in ANY:
        yield method, path, None, lambda user: 200
    yield "GET", "/audit", None, lambda user: 200 if on_all(user) == READ | WRITE else 403
    sees = lambda user: "read" in on_all(user)
    yield "GET", f"/jobs/{job}", None, lambda user: 200 if sees(user) else 404
    yield "GET", f"/jobs/{job}/results/star/manifest", None, lambda user: 200 if sees(user) else 404
    yield "DELETE", f"/jobs/{job}", None, lambda user: 404 if not sees(user) else 400 if on_all(user) == READ | WRITE else 403
    reads = {"star": lambda u: "read" in on_all(u), "orders": lambda u: "read" in rights(u, "dbo.Orders"),
             "two": lambda u: "read" in rights(u, "dbo.Orders") and "read" in rights(u, "sales.Lines")}
    for query, may in reads.items():
        yield "POST", "/extract", lambda q=query: wish(q), lambda user, may=may: 202 if may(user) else 403
    for table in TABLES:
        may = lambda user, table=table: "write" in rights(user, table)
        seen = lambda user, table=table: bool(rights(user, table))
        yield "POST", "/sync/events", lambda t=table: event(t), lambda user, may=may: 202 if may(user) else 403
        yield "GET", f"/sync/events/{events[table]}", None, lambda user, seen=seen: 200 if seen(user) else 404
        yield ("POST", f"/sync/events/{events[table]}/retry", None,
               lambda user, may=may, seen=seen: 404 if not seen(user) else 400 if may(user) else 403)
        yield ("DELETE", lambda t=table: f"/sync/events/{posted(service, t)}", None,
               lambda user, may=may, seen=seen: 404 if not seen(user) else 204 if may(user) else 403)
    writes = lambda user: any("write" in LEVELS[access] for _, access in USERS[user])
    yield "POST", "/sync/poller/trigger", None, lambda user: 200 if writes(user) else 403  # last: it ends all events


def test_every_route_every_level_every_pattern(service):
    job = service.post("/extract", wish("star")).json()["job_id"]
    service.ended(job)
    events = {table: posted(service, table) for table in TABLES}
    prefixes = itertools.cycle(["", "/api/v1"])
    asked = set()
    wrong = []
    for path in OPEN:
        for token in (None, ("raw", "Bearer wrong-and-not-looked-at"), "nothing"):
            status = service.get(next(prefixes) + path, token=token).status
            wrong += [] if status in (200, 307) else [("GET", path, token, status)]
        asked.add(("GET", path))
    for method, path, body, expected in cases(service, job, events):
        for user in (None, *USERS):
            if user is not None and callable(path) and expected(user) == 404 and user != "nothing":
                continue  # an event of its own for each: one who sees nothing is enough
            target = path() if callable(path) else path
            reply = service.request(method, next(prefixes) + target, body() if body else None, token=user)
            want = 401 if user is None else expected(user)
            if reply.status != want:
                wrong.append((method, target, user, USERS.get(user), want, reply))
            asked.add((method, target))
    assert not wrong, wrong
    assert_whole(service, asked)


def assert_whole(service, asked):
    """Every route of the document was asked; a new one has to be added here."""
    document = service.get("/openapi.json", token=None).json()
    for path, operations in document["paths"].items():
        pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$")
        for method in operations:
            assert any(m == method.upper() and pattern.match(p) for m, p in asked), (method, path)


def test_head_is_get_without_the_body(service):
    """HEAD asks for the same right, and says as much as GET does."""
    event_id = posted(service, "dbo.Orders")
    paths = ["/jobs", "/sync/stats", "/me", "/audit", f"/sync/events/{event_id}", "/sync/events/none", "/health/live", "/nowhere"]
    for user in (None, "nothing", "admin", "read_on_2", "read_on_3"):
        for path in paths:
            get, head = service.get(path, token=user), service.request("HEAD", path, token=user)
            assert (head.status, head.body) == (get.status, b""), (user, path)
            assert head.headers["Content-Type"] == get.headers["Content-Type"]
    for path in ("/extract", "/sync/poller/trigger"):
        assert service.request("HEAD", path).status == 405


def test_a_running_job_is_stopped_by_whom_it_belongs_to(service):
    """Somebody else's can't be seen, or seen and not stopped, or both."""
    service.bridge.write("slow/slow.sql", "-- reads: dbo.Orders\nWAITFOR DELAY '00:05:00'; SELECT 1 AS a")

    def begin(user):
        made = service.post("/extract", {**wish("slow"), "queries_path": "slow"}, token=user).json()["job_id"]
        service.until(lambda: service.get(f"/jobs/{made}", token=user).json()["status"] == "running")
        return made

    job = begin("read_on_1")
    for user in USERS:
        if user == "read_on_1" or on_all(user) == READ | WRITE:
            continue
        reply = service.delete(f"/jobs/{job}", token=user)
        assert reply.status == (403 if "read" in on_all(user) else 404), (user, reply)
    assert service.get(f"/jobs/{job}", token="read_on_1").json()["status"] == "running"
    assert service.delete(f"/jobs/{job}", token="read_on_1").status == 204
    assert service.ended(job)["status"] == "cancelled"
    job = begin("read_on_1")
    assert service.delete(f"/jobs/{job}", token="admin").status == 204
    assert service.ended(job)["status"] == "cancelled"


@pytest.mark.parametrize("database", ["sales", "Sales", "other", None])
def test_the_countrys_database_counts(service, database):
    """What a query reads is meant in the country's database, or in the settings' where it names none."""
    lines = "country_code: D\n" + (f"database: {database}\n" if database else "")
    service.bridge.write("d/D.yaml", lines)
    own = database or "master"
    for query, table in (("orders", "dbo.Orders"), ("far", "sales.dbo.Orders")):
        if query == "far":
            service.bridge.write("q/far.sql", "-- reads: sales.dbo.Orders\nSELECT 1 AS a")
        name = table if table.count(".") == 2 else f"{own}.{table}"
        for user in USERS:
            reply = service.post("/extract", {**wish(query), "config_path": "d", "country": "D"}, token=user)
            assert reply.status == (202 if "read" in rights(user, name) else 403), (database, query, user, reply)
    (service.bridge.folder / "q/far.sql").unlink()


def test_lists_show_what_may_be_seen(service):
    for table in TABLES:
        posted(service, table)
    everything = service.get("/sync/events?limit=1000").json()
    for user in USERS:
        visible = [e["event_id"] for e in everything if rights(user, e["target_table"])]
        assert [e["event_id"] for e in service.get("/sync/events?limit=1000", token=user).json()] == visible, user
        assert service.get("/sync/stats", token=user).json()["total"] == len(visible), user
        me = service.get("/me", token=user).json()
        assert me["name"] == user and len(me["permissions"]) == len(USERS[user])
        assert me["administers"] == (on_all(user) == READ | WRITE) and me["reads_all"] == ("read" in on_all(user))


# ---- the file changes under load ----


def write_in_place(path, text):
    """As an editor that keeps the file does: cut to nothing, then filled."""
    with open(path, "w") as file:
        file.write(text)


def write_renamed(path, text):
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    os.rename(fresh, path)


@pytest.mark.parametrize("write", [write_in_place, write_renamed])
def test_reload_under_load(tmp_path, write):
    """Many clients at work while the file changes again and again, with broken ones between: who stays is never refused;
    a token is never honoured again once a request has shown that it is gone; a broken file changes nothing."""
    bridge = Bridge(tmp_path / "work", {"TRUSTED_PROXIES": "127.0.0.1"})
    numbers = itertools.count()
    stays = {"stays": [("*", "read")]}
    service = Service(bridge, {**stays, "comes0": []})
    path = bridge.folder / "config" / "permissions.yaml"
    stop = threading.Event()
    refused, wrong, counts = {}, [], {"asked": 0, "round": 0}

    def headers(name):
        """Each from an address of its own: failures are slowed down by address."""
        number = next(numbers)
        return {"Authorization": f"Bearer {token_of(name)}", "X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}

    def status_of(name):
        return service.get("/me", token=None, headers=headers(name)).status

    def ask(number):
        connection = service.connection()
        while not stop.is_set():
            current = counts["round"]
            for name in ("stays", f"comes{current}", f"comes{current - 1}"):
                # What was true before the request began must be true of its answer.
                gone = name in refused
                connection.request("GET", "/me", headers=headers(name))
                reply = connection.getresponse()
                reply.read()
                counts["asked"] += 1
                if name == "stays" and reply.status != 200:
                    wrong.append((number, name, reply.status))
                elif name != "stays" and gone and reply.status == 200:
                    wrong.append((number, name, "honoured after its removal"))
        connection.close()

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
    try:
        for thread in threads:
            thread.start()
        for i in range(1, 9):
            write(path, "users:\n  - name: broken\n" if i % 2 else permissions(stays)[:-40])
            if i == 1:  # this one is seen for sure; the others are, or are written over before
                service.until(lambda: "last good permissions" in service.log())
            time.sleep(0.05)
            write(path, permissions({**stays, f"comes{i}": []}))
            # The one before is gone from the moment on that this is seen.
            service.until(lambda: status_of(f"comes{i}") == 200)
            refused[f"comes{i - 1}"] = True
            assert status_of(f"comes{i - 1}") == 401
            counts["round"] = i
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        service.stop()
    assert not wrong, wrong[:5]
    assert counts["asked"] > 100
    assert "last good permissions" in service.log()


def test_a_service_without_users_says_how_to_make_one_and_where(make_service):
    service = make_service({"PERMISSIONS_FILE": "rights/nowhere.yaml"}, users=None)
    log = service.log()
    assert "'sql-databricks-bridge token new' makes one" in log and "looked for rights/nowhere.yaml" in log, log
    assert service.get("/jobs", token=("raw", "Bearer nobody")).status == 401
