"""What is replaced while a service runs, as Kubernetes and logrotate do it: secrets from files, certificate and key,
the audit file."""

import base64
import functools
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from canary import Hostile
from conftest import Bridge


@pytest.fixture
def start(make_service):
    return functools.partial(make_service, users={"admin": [("*", "read_write")]})


class Volume:
    """A mounted secret of Kubernetes: names are links to ..data/name, and ..data is a link that is swapped."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.count = 0

    def put(self, **files):
        self.count += 1
        version = self.folder / f"..v{self.count}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_text(content)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        os.rename(fresh, self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")

    def __getitem__(self, name):
        return str(self.folder / name)


def make_pair(folder, name):
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         certificate, "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )
    return {"cert": certificate.read_text(), "key": key.read_text()}


def listeners(service):
    tasks = pathlib.Path(f"/proc/{service.process.pid}/task").glob("*/comm")
    return [task.read_text().strip() for task in tasks].count("MHD-listen")


def test_certificate_and_key(start, tmp_path):
    """New connections get the new certificate, none is refused meanwhile, and one that is open goes on."""
    first, second, third = (make_pair(tmp_path, name) for name in ("first", "second", "third"))
    volume = Volume(tmp_path / "tls")
    volume.put(cert=first["cert"], key=first["key"])
    # A connection that is kept waits for as long as the test takes.
    service = start({}, options=("--tls-certificate", volume["cert"], "--tls-key", volume["key"]), ready=False, env={"HTTP_IDLE_SECONDS": "3600"})
    context = ssl.create_default_context()
    for pair in (first, second, third):
        context.load_verify_locations(cadata=pair["cert"])
    context.check_hostname = False

    def connect():
        connection = http.client.HTTPSConnection("127.0.0.1", service.port, context=context, timeout=120)
        connection.connect()
        return connection

    def ask(connection, path="/health/live"):
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.read() and reply.status

    def shown():
        connection = connect()
        name = dict(part[0] for part in connection.sock.getpeercert()["subject"])["commonName"]
        assert ask(connection) == 200
        connection.close()
        return name

    assert shown() == "first"
    kept = connect()
    service.until(lambda: ask(kept, "/health/startup") == 200)  # both sides have answered: all that listens does
    stop, failures, asked = threading.Event(), [], []
    before = listeners(service)  # the stand-in for Databricks has some too

    def others():
        while not stop.is_set():
            try:
                asked.append(shown())
            except Exception as problem:
                failures.append(problem)

    threads = [threading.Thread(target=others) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        volume.put(cert=second["cert"], key=second["key"])
        service.until(lambda: "second" in asked)
        assert ask(kept) == 200
        # They don't belong together: told once, and the last good pair stays.
        volume.put(cert=third["cert"], key=second["key"])
        service.until(lambda: "the old certificate stays in use" in service.log())
        service.process.send_signal(signal.SIGHUP)
        service.until(lambda: "SIGHUP" in service.log())
        volume.put(cert=third["cert"], key=third["key"])
        service.process.send_signal(signal.SIGHUP)
        service.until(lambda: asked[-1] == "third")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    # For a moment both are served; then only the new one is.
    assert set(asked) == {"first", "second", "third"}
    assert service.log().count("served with the new certificate") == 2
    service.until(lambda: all(shown() == "third" for _ in range(5)))
    assert service.log().count("the old certificate stays in use") == 1
    assert ask(kept) == 200
    # What served an old certificate goes with its last connection.
    service.until(lambda: listeners(service) == before + 1)
    kept.close()
    service.until(lambda: listeners(service) == before)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls(start, tmp_path):
    """TLS 1.0 and 1.1 are refused, 1.2 and 1.3 are spoken: at the start, and after a new certificate."""
    pairs = [make_pair(tmp_path, name) for name in ("first", "second")]
    volume = Volume(tmp_path / "tls")
    volume.put(**pairs[0])
    service = start({}, options=("--tls-certificate", volume["cert"], "--tls-key", volume["key"]), ready=False)

    def spoken(version, pair):
        context = ssl.create_default_context(cadata=pair["cert"])
        context.check_hostname = False
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", service.port), timeout=120) as plain:
            with context.wrap_socket(plain) as one:
                return one.version()

    for pair in pairs:
        volume.put(**pair)
        service.until(lambda: pair is pairs[0] or "served with the new certificate" in service.log())
        assert spoken(ssl.TLSVersion.TLSv1_2, pair) == "TLSv1.2"
        assert spoken(ssl.TLSVersion.TLSv1_3, pair) == "TLSv1.3"
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                spoken(old, pair)


def test_the_sql_password(start, sandbox, tmp_path):
    volume = Volume(tmp_path / "secret")
    volume.put(password="an old password")
    settings = {**sandbox.sqlserver, "SQLSERVER_PASSWORD_FILE": volume["password"]}
    del settings["SQLSERVER_PASSWORD"]
    service = start(settings)
    service.bridge.write("q/a.sql", "SELECT 1 AS a")
    service.bridge.write("c/N.yaml", "x: y\n")

    def extract(place):
        made = service.post("/extract", {"queries_path": "q", "config_path": "c", "country": "N", "destination": place})
        return service.ended(made.json()["job_id"])["status"]

    assert extract("one") == "failed"
    volume.put(password="sandbox-password\n")
    service.until(lambda: "SQLSERVER_PASSWORD was read anew" in service.log())
    assert extract("two") == "completed"
    # Gone or empty: the last good one stays, and that is told once.
    volume.put(password="")
    service.until(lambda: "the last good secret stays in use: SQLSERVER_PASSWORD_FILE" in service.log())
    assert extract("three") == "completed"
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: "SIGHUP" in service.log())
    assert service.log().count("the last good secret stays") == 1
    assert "an old password" not in service.log() and "sandbox-password" not in service.log()


class Workspace(Hostile):
    """Takes one secret at a time, and forgets the tokens that an older one brought."""

    def __init__(self, port, login):
        self.secret = "sandbox-token-1"
        self.given = {}
        self.revoke_at = None  # a pattern of the body at which the token is another one from now on
        super().__init__(port, self.answer_oauth if login == "oauth" else self.answer_token)

    def refuse(self):
        return 401, {"Content-Type": "application/json"}, b'{"error_code": 401, "message": "refused"}'

    def answer_token(self, request):
        if self.revoke_at and re.search(self.revoke_at, request.body):
            self.revoke_at, self.secret = None, "sandbox-token-of-later"
        # A link to rows comes without a token.
        return None if request.headers.get("Authorization") in (None, f"Bearer {self.secret}") else self.refuse()

    def answer_oauth(self, request):
        _, _, value = request.headers.get("Authorization", "").partition(" ")
        if request.path.startswith("/.well-known"):
            return None
        if not (request.path.startswith("/oidc") and request.command == "POST"):
            return None if self.given.get(value) == self.secret else self.refuse()
        if base64.b64decode(value).decode().partition(":")[2] != self.secret:
            return 401, {"Content-Type": "application/json"}, b'{"error": "invalid_client"}'
        token = f"sandbox-token-of-{self.secret}"
        self.given[token] = self.secret
        body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
        return 200, {"Content-Type": "application/json"}, body.encode()


@pytest.fixture
def workspace(sandbox, request):
    server = Workspace(sandbox.info["databricks"]["port"], request.getfixturevalue("login"))
    yield server
    server.close()


@pytest.fixture
def workspace_settings(sandbox, workspace):
    settings = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": workspace.url, "EVENTS_TABLE": "main.rotation.events"}
    del settings["DATABRICKS_TOKEN"]
    return settings


def is_taken_up(service, workspace, put, numbers):
    for number in numbers:
        workspace.secret = f"sandbox-token-{number}"
        assert service.get("/sync/stats").status == 503
        put(workspace.secret)
        service.until(lambda: service.get("/sync/stats").status == 200)


@pytest.mark.parametrize("login", ["token", "oauth"])
def test_databricks_credentials(start, workspace, workspace_settings, tmp_path, login):
    volume = Volume(tmp_path / "secret")
    volume.put(secret=workspace.secret)
    settings = workspace_settings | ({"DATABRICKS_TOKEN_FILE": volume["secret"]} if login == "token" else {
        "DATABRICKS_CLIENT_ID": "me", "DATABRICKS_CLIENT_SECRET_FILE": volume["secret"]})
    Bridge(tmp_path / "init", settings).run("init", check=True)
    service = start(settings)
    assert service.get("/sync/stats").status == 200
    is_taken_up(service, workspace, lambda secret: volume.put(secret=secret + "\n"), (2, 3) if login == "token" else (2,))
    assert service.stop() == 0


@pytest.mark.parametrize("login", ["token", "oauth"])
def test_databricks_credentials_of_a_profile(start, workspace, workspace_settings, tmp_path, login):
    """What comes with another host or user, or can't be used, is told once and changes nothing."""
    volume = Volume(tmp_path / "secret")

    def put(secret, host=workspace.url, client_id="me", name="staging"):
        key = "token" if login == "token" else f"client_id = {client_id}\nclient_secret"
        volume.put(profiles=f"[DEFAULT]\ntoken = none\n[{name}]\nhost = {host}\n{key} = {secret}\n")

    def log_of(what):
        return service.log().count("the last good secret stays in use: " + what)

    put(workspace.secret)
    settings = workspace_settings | {"DATABRICKS_PROFILE": "staging", "DATABRICKS_CONFIG_FILE": volume["profiles"]}
    del settings["DATABRICKS_HOST"]
    Bridge(tmp_path / "init", settings).run("init", check=True)
    service = start(settings)
    assert service.get("/sync/stats").status == 200
    is_taken_up(service, workspace, put, (2, 3) if login == "token" else (2,))
    file = volume["profiles"]
    wrong = [
        ({"secret": "sandbox-token-4", "host": "https://elsewhere.example"}, f"{file} has another host for its profile now"),
        ({"secret": "sandbox-token-5", "name": "other"}, f'{file} has no profile "staging"'),
    ]
    if login == "token":
        wrong += [({"secret": ""}, f"the profile staging in {file} has no token"), ({"secret": "sandbox-token-6  # new"}, "The secret of the profile has a blank")]
    else:
        wrong.append(({"secret": "sandbox-token-6", "client_id": "you"}, f"{file} has another client_id for its profile now"))
    for number, (given, message) in enumerate(wrong, 7):
        put(**given)
        service.until(lambda: log_of(message) == 1)
        service.process.send_signal(signal.SIGHUP)
        assert service.get("/sync/stats").status == 200
        is_taken_up(service, workspace, put, [number])
    assert [log_of(message) for _, message in wrong] == [1] * len(wrong)
    assert "sandbox-token-" not in service.log()
    assert service.stop() == 0


@pytest.mark.parametrize("login", ["token"])
def test_an_event_waits_for_a_better_token(start, workspace, workspace_settings, tmp_path, login):
    """The token is revoked between the look at the events and the reading of one's source."""
    volume = Volume(tmp_path / "secret")
    volume.put(secret=workspace.secret)
    settings = workspace_settings | {"DATABRICKS_TOKEN_FILE": volume["secret"], "POLLING_INTERVAL_SECONDS": "1"}
    bridge = Bridge(tmp_path / "init", settings)
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Better (id int NOT NULL PRIMARY KEY)")
    bridge.sql("databricks", "CREATE TABLE main.rotation.numbers AS SELECT 7 AS id")
    workspace.revoke_at = rb'"statement": ?"SELECT.*numbers'
    service = start(settings)
    made = service.post("/sync/events", {
        "event_id": "rotated", "operation": "INSERT", "source_table": "main.rotation.numbers", "target_table": "dbo.Better"})
    assert made.status == 202, made
    service.until(lambda: service.get("/sync/events/rotated").status == 503)
    service.until(lambda: re.search("rotated.*HTTP 401", service.log()))
    volume.put(secret=workspace.secret)
    service.until(lambda: service.get("/sync/events/rotated").json().get("status") == "completed")
    assert service.stop() == 0


def test_the_audit_file(start):
    """Renamed under load, with and without SIGHUP: every line is in one of the files, whole, and the service lives."""
    users = {"admin": [("*", "read_write")], "other": [("*", "read")]}
    service = start({"PERMISSIONS_HOT_RELOAD": "false", "AUDIT_LOGIN_SECONDS": "0"}, users=users)
    path = service.bridge.data / "audit.jsonl"
    asked = {"failures": 0}
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            assert service.get("/audit", token="other").status == 403  # a line each
            assert service.get("/jobs", token=("raw", "Basic x")).status == 401  # likewise
            asked["failures"] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    for number in range(1, 5):
        before = asked["failures"]
        service.until(lambda: asked["failures"] > before + 5)
        os.rename(path, path.with_suffix(f".{number}"))
        if number % 2 == 0:
            service.process.send_signal(signal.SIGHUP)
        service.until(path.exists)
    # What hot reload does not do, SIGHUP does.
    service.set_users({"admin": users["admin"], "other": users["other"], "new": []})
    assert service.get("/me", token="new").status == 401
    service.process.send_signal(signal.SIGHUP)
    stop.set()
    thread.join()
    service.until(lambda: service.get("/me", token="new").status == 200)  # tries too many are slowed down meanwhile
    lines = []
    for file in path.parent.glob("audit*"):
        lines += [json.loads(line) for line in file.read_text().splitlines()]
    failures = [line for line in lines if line["event_type"] == "auth_failure" and line["resource"] == "/jobs"]
    assert len(failures) == asked["failures"]
    assert len(list(path.parent.glob("audit*"))) == 5
