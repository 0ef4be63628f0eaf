"""What one caller can't take from the others: rate, connections, memory, the audit's room."""

import functools
import socket
import threading

import pytest
from conftest import Bridge
from service import Service, token_of
from tcp_proxy import TcpProxy

USERS = {"admin": [("*", "read_write")], "other": [("*", "read_write")]}


@pytest.fixture
def start(make_service):
    return functools.partial(make_service, users=USERS)


def test_rate(start):
    """A user's, whatever addresses they come from; an address's without a user; probes are never counted."""
    service = start({"HTTP_REQUESTS_PER_MINUTE": "60", "TRUSTED_PROXIES": "127.0.0.1"}, ready=False)

    def ask(path, token, source):
        return service.get(path, token=token, headers={"X-Forwarded-For": source})

    replies = [ask("/me", "admin", f"192.0.2.{i % 3}") for i in range(30)]
    granted = [reply.status for reply in replies].count(200)
    assert 10 <= granted < 30 and {reply.status for reply in replies} == {200, 429}
    refused = next(reply for reply in replies if reply.status == 429)
    assert int(refused.headers["Retry-After"]) >= 1 and "requests" in refused.detail
    assert ask("/me", "other", "192.0.2.1").status == 200, "another user at the same address"
    for path, token in (("/", None), ("/nowhere", None), ("/jobs", None)):
        statuses = {ask(path, token, f"198.51.100.{len(path)}").status for _ in range(30)}
        assert 429 in statuses and len(statuses) == 2, (path, statuses)
    assert ask("/", None, "203.0.113.9").status == 200
    assert {ask("/health/live", None, "192.0.2.1").status for _ in range(100)} == {200}
    assert {ask("/health/ready", None, "192.0.2.1").status for _ in range(40)} <= {200, 503}


def test_connections_of_one_address(start):
    """One address with many open connections; another one is served."""
    service = start({"HTTP_CONNECTIONS": "16", "HTTP_CONNECTIONS_PER_ADDRESS": "4"})
    held = []
    try:
        for _ in range(12):
            one = socket.create_connection(("127.0.0.1", service.port), source_address=("127.0.0.2", 0))
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            held.append(one)
        for one in held[-6:]:  # those over the limit are closed without a word
            one.settimeout(120)
            try:
                assert one.recv(100) == b""
            except ConnectionResetError:
                pass
        for _ in range(20):
            assert service.get("/health/live", token=None).status == 200
        held[0].sendall(b"\r\n")  # and those within it are
        held[0].settimeout(120)
        assert held[0].recv(100).startswith(b"HTTP/1.1 200")
    finally:
        for one in held:
            one.close()


def test_more_slow_clients_than_connections(start):
    """Half-sent requests, silent connections and answers that nobody takes, more than there are connections and from one
    address that may have them all: each costs another one of theirs, and others are served."""
    service = start({"HTTP_CONNECTIONS": "16", "HTTP_IDLE_SECONDS": "3600"})
    pipelined = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    head = b"POST /extract HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    sent = [b"GET / HTTP/1.1\r\nHost: x\r\n", b"", head + b"\r\n",
            head + f"Authorization: Bearer {token_of('other')}\r\n\r\n{{".encode(), pipelined]
    held = []

    def served():
        try:
            statuses = [service.get(path, token=None).status for path in ("/health/live", "/health/startup", "/metrics")]
            return [*statuses, service.get("/jobs").status] == [200] * 4
        except ConnectionError:
            return False

    try:
        for what in sent:
            for _ in range(40):
                one = socket.socket()
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                one.bind(("127.0.0.2", 0))
                one.settimeout(120)
                one.connect(("127.0.0.1", service.port))
                held.append(one)
                try:
                    one.sendall(what)
                except OSError:
                    pass  # it had to go already
            # As long as whole requests are worked on, there may be no place.
            assert service.until(served) if what is pipelined else served(), what
    finally:
        for one in held:
            one.close()


def test_oversized_requests_beside_others(start):
    """Large heads, many headers, large bodies, chunks without end, pipelines: refused, while others are served and memory
    stays."""
    service = start({"HTTP_IDLE_SECONDS": "5"})
    authorization = f"Authorization: Bearer {token_of('admin')}\r\n".encode()
    head = b"POST /extract HTTP/1.1\r\nHost: x\r\n" + authorization
    attacks = {
        "long target": (b"GET /" + b"a" * 300000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (b"414", b"431", b"400")),
        "long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 300000 + b"\r\n\r\n", (b"431",)),
        "many headers": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50000 + b"\r\n", (b"431",)),
        "announced body": (head + b"Content-Length: 999999999999\r\n\r\n", (b"413",)),
        "absurd length": (head + b"Content-Length: 99999999999999999999999\r\n\r\n", (b"413", b"400")),
        "negative length": (head + b"Content-Length: -1\r\n\r\n", (b"400",)),
        "large body": (head + b"Content-Length: 3000000\r\n\r\n" + b" " * 3000000, (b"413",)),
        "chunks": (head + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b" " * 65536 + b"\r\n" + b"ffffffffffffffff\r\n",
                   (b"413", b"400")),
        "chunks nobody asked for": (b"GET /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 32 + b"0\r\n\r\n", (b"413",)),
        "a body nobody asked for": (b"DELETE /jobs/x HTTP/1.1\r\nHost: x\r\n" + authorization
                                    + b"Content-Length: 3000000\r\n\r\n" + b" " * 3000000, (b"413",)),
        "bad chunk": (head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (b"400",)),
        "no HTTP": (b"\x16\x03\x01" + b"\x00" * 5000 + b"\r\n\r\n", (b"400", b"")),
    }
    before = service.metric("process_resident_memory_bytes")
    wrong, told = [], set()

    def attack(name, request, answers):
        with socket.create_connection(("127.0.0.1", service.port), timeout=120) as one:
            try:
                one.sendall(request)
            except OSError:
                pass  # closed while we were at it
            try:
                reply = one.recv(65536)
            except ConnectionResetError:
                reply = b""
            status = reply.split(b" ")[1] if reply else b""
            # A connection that breaks is a refusal too; an answer has to say why.
            if status not in (*answers, b""):
                wrong.append((name, reply[:200]))
            told.update([name] if status else [])

    threads = [threading.Thread(target=attack, args=(name, *what)) for name, what in attacks.items() for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert service.get("/health/live", token=None).status == 200
        assert service.get("/jobs").status == 200
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    assert told >= {"chunks nobody asked for", "a body nobody asked for"}
    assert service.metric("process_resident_memory_bytes") - before < 64 << 20


def test_a_body_whose_end_is_in_doubt(start):
    """Where a proxy might have taken another length than the service, what follows is no request: 400, and the end."""
    service = start({"HTTP_IDLE_SECONDS": "3600"}, ready=False)
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    doubtful = {
        "two lengths": (b"Content-Length: 0\r\nContent-Length: 40\r\n", b""),
        "twice the same": (b"Content-Length: 0\r\nContent-Length: 0\r\n", b""),
        "a list": (b"Content-Length: 0, 40\r\n", b""),
        "length beside chunks": (b"Content-Length: 5\r\n" + chunked, b"0\r\n\r\n"),
        "chunks beside a length": (chunked + b"Content-Length: 40\r\n", b"0\r\n\r\n"),
        "two codings": (chunked + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"),
        "another coding": (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        "a blank in the name": (b"Content-Length : 40\r\n", b""),
    }
    for path in (b"/health/live", b"/nowhere", b"/%zz"):
        for name, (lines, body) in doubtful.items():
            with socket.create_connection(("127.0.0.1", service.port), timeout=120) as one:
                one.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n" + body + smuggled)
                reply = b""
                while got := one.recv(65536):
                    reply += got
            # libmicrohttpd, where it refuses a length by itself, may say its head twice.
            assert reply.startswith(b"HTTP/1.1 400 ") and reply.count(b"HTTP/1.1 ") == reply.count(b"HTTP/1.1 400 "), (path, name, reply)
            assert name == "a list" or reply.count(b"Connection: close\r\n") == 1, (path, name, reply)
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as one:
        for lines, body in ((chunked, b"2\r\nab\r\n0\r\n\r\n"), (b"content-length: 2\r\n", b"ab"), (b"", b"")):
            one.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n" + body)
            reply = b""
            while b'"}' not in reply:
                assert (got := one.recv(65536)), reply
                reply += got
            assert reply.startswith(b"HTTP/1.1 200 ")


def test_a_path_is_no_line_of_the_log(start):
    """However long a path is and whatever it holds, its line is short and has its own words only."""
    service = start({"LOG_FORMAT": "text"}, ready=False)
    forged = " 200 0.1 ms 10.0.0.1 admin id"
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as one:
        one.sendall(f"GET /plain{forged} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        while one.recv(65536):
            pass
    paths = ["/escaped" + forged.replace(" ", "%20"), "/wide%C2%A0%E2%80%A8200", "/long" + "%20a" * 4000, "/" + "b" * 16000]
    for path in [*paths, f"/x%73db_{'k' * 43}", "/a%2Fb%25"]:
        assert service.get(path, token=None).status == 404
    lines = service.until(lambda: [found := [x for x in service.log().splitlines() if " GET /" in x], len(found) >= 7][1] and found)
    words = [line[line.index(" GET ") + 1:].split() for line in lines]
    assert all(len(line.encode()) < 1024 and line.isascii() == ("…" not in line) for line in lines)
    assert all(len(w) == 8 and w[2] in ("404", "400") and w[5:7] == ["127.0.0.1", "-"] for w in words), words
    shown = [w[1] for w in words]
    assert "/escaped%20200%200.1%20ms%2010.0.0.1%20admin%20id" in shown and "/wide%C2%A0%E2%80%A8200" in shown
    assert "/a/b%25" in shown and not any("k" * 43 in path for path in shown)
    assert sum(path.endswith("…") for path in shown) == 2 and "/" + "b" * 255 + "…" in shown


def test_the_audit_is_not_flooded(start):
    """A user's logins from an address stand there once an interval; an address's first failures one by one, the others as
    a number, so that all are accounted for; decisions and what users do always."""
    service = start({"TRUSTED_PROXIES": "127.0.0.1"})
    for i in range(30):
        assert service.get("/me", headers={"X-Forwarded-For": f"192.0.2.{i % 2}"}).status == 200
        assert service.get("/jobs", token=None, headers={"X-Forwarded-For": f"198.51.100.{i % 2}"}).status == 401
    assert service.get("/jobs", token=None, headers={"X-Forwarded-For": "198.51.100.9"}).status == 401
    lines = service.audit()
    successes = [(line["user_name"], line["source_ip"]) for line in lines if line["event_type"] == "auth_success"]
    assert sorted(successes) == [("admin", "192.0.2.0"), ("admin", "192.0.2.1")]

    def failures():
        found = [line for line in service.audit() if line["event_type"] == "auth_failure"]
        return [(line["source_ip"], line["action"], line["details"].get("count", 1)) for line in found]

    singly = [(f"198.51.100.{i}", "GET", 1) for i in (0, 1) for _ in range(5)] + [("198.51.100.9", "GET", 1)]
    assert sorted(failures()) == singly
    assert service.stop() == 0
    assert sorted(failures()) == sorted(singly + [("198.51.100.0", "more", 10), ("198.51.100.1", "more", 10)])


def test_a_list_takes_few_statements_whoever_asks(tmp_path, make_sandbox):
    """A caller who may see three of two thousand events: the table isn't walked for them."""
    sandbox = make_sandbox()
    proxy = TcpProxy("127.0.0.1", sandbox.info["databricks"]["port"])
    bridge = Bridge(tmp_path / "few", {**sandbox.sqlserver, **sandbox.databricks, "POLLER_ENABLED": "false"})
    bridge.run("init", check=True)

    def insert(target, numbers):
        rows = ", ".join(f"('{target}-{n:04}', 'INSERT', 'a.b.c', '{target}', 'completed')" for n in numbers)
        bridge.sql("databricks", "INSERT INTO bridge.events.bridge_events "
                                 f"(event_id, operation, source_table, target_table, status) VALUES {rows}")

    for start in (0, 1000):
        insert("dbo.Others", range(start, start + 1000))
    for target in ("dbo.Orders", "[DBO].orders", "Orders"):
        insert(target, [1])
    users = {"admin": [("*", "read_write")], "orders": [("dbo.Orders", "read")], "nothing": []}
    bridge.settings["DATABRICKS_HOST"] = f"http://127.0.0.1:{proxy.port}"
    service = Service(bridge, users)
    try:
        def statements_sent():
            return proxy.sent.count(b"POST /api/2.0/sql/statements")

        def listed(path, token):
            before = statements_sent()
            found = [event["event_id"] for event in service.get(path, token=token).json()]
            return found, statements_sent() - before

        listed("/sync/events", "admin")  # the first one looks at the table's columns too
        wanted = ["dbo.Orders-0001", "[DBO].orders-0001", "Orders-0001"]
        ids, statements = listed("/sync/events?limit=1000", "orders")
        assert sorted(ids) == sorted(wanted) and statements == 2
        assert listed("/sync/events?limit=2&offset=1", "orders") == (ids[1:], 2)
        assert listed("/sync/events?status_filter=failed", "orders") == ([], 2)
        assert listed("/sync/events", "nothing") == ([], 1)
        everything, statements = listed("/sync/events?limit=1000", "admin")
        assert len(everything) == 1000 and statements == 4
        assert [event for event in everything if event in wanted] == [event for event in ids if event in everything]
    finally:
        service.stop()
        proxy.stop()


def test_a_proxy_that_adds_its_own_line(start):
    """The client's own X-Forwarded-For lines stand before it: they say nothing."""
    service = start({"TRUSTED_PROXIES": "127.0.0.1"})
    request = (
        "GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.7\r\n"
        f"Authorization: Bearer {token_of('admin')}\r\nX-Forwarded-For: 192.0.2.8\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as one:
        one.sendall(request.encode())
        assert one.recv(65536).startswith(b"HTTP/1.1 200")
    assert [line["source_ip"] for line in service.audit() if line["user_name"] == "admin"] == ["192.0.2.8"]


def test_each_login_on_request(start):
    service = start({"AUDIT_LOGIN_SECONDS": "0"})
    for _ in range(8):
        assert service.get("/me").status == 200
        assert service.get("/me", token=None).status == 401
    kinds = [line["event_type"] for line in service.audit()]
    assert kinds.count("auth_success") == kinds.count("auth_failure") == 8
