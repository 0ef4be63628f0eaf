"""No secret anywhere: canaries of every kind are planted, every way to an error is taken, and all that the program
leaves behind is searched for them, raw and encoded."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import pathlib
import ssl
import subprocess
import uuid

import pytest
from canary import Hostile, aligned_base64, canary, echo, forms, leaks, refuse
from conftest import Bridge
from service import Service
from test_rotation import make_pair

SQL_PASSWORD = "sandbox-password"  # the sandbox takes no other one


@pytest.fixture
def hostile(sandbox):
    servers = []

    def make(answer=None):
        servers.append(Hostile(sandbox.info["databricks"]["port"], answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def produced(folder):
    """Every file below the folder: {name: bytes}."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file()}


def assert_clean(planted, *results):
    for result in results:
        found = leaks((result.out + result.err).encode(), planted)
        assert not found, (found, result)


def at_once(*calls):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda call: call(), calls))


def test_the_search_finds_every_form():
    """What this page rests on: each form is found, wherever it stands."""
    secret = canary("self", awkward=True)
    for name, pattern in forms(secret):
        assert leaks(b"x" + pattern + b"y", {"self": secret}), name
    for form in echo(secret).split(" | "):
        assert leaks(form.encode(), {"self": secret}), form
    assert not leaks(b"nothing", {"self": secret})
    assert len(set(aligned_base64(secret.encode()))) == 3


# ---- settings ----


def test_settings(make_bridge, tmp_path):
    """Of the environment, .env, files and the profile; right, wrong and misplaced."""
    planted = {kind: canary(kind, awkward=kind in ("sqlpw", "file")) for kind in
               ("sqlpw", "pat", "other", "oauth", "file", "url", "constr", "query", "profile", "line")}
    (tmp_path / "secret").write_text(planted["file"] + "\n")
    profile = tmp_path / "profile"
    profile.write_text(f"[DEFAULT]\nhost = https://w.invalid\ntoken = {planted['profile']}\n{planted['line']}\n")
    good = {"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1", "SQLSERVER_USERNAME": "sa",
            "SQLSERVER_PASSWORD": planted["sqlpw"], "DATABRICKS_HOST": "http://127.0.0.1:1",
            "DATABRICKS_TOKEN": planted["pat"], "DATABRICKS_WAREHOUSE_ID": "w"}
    variants = [
        {},
        {"DATABRICKS_ACCESS_TOKEN": planted["other"]},  # says another thing than DATABRICKS_TOKEN
        {"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": "me", "DATABRICKS_CLIENT_SECRET": planted["oauth"]},
        {"SQLSERVER_PASSWORD": "", "SQLSERVER_PASSWORD_FILE": str(tmp_path / "secret")},
        {"SQLSERVER_PASSWORD_FILE": str(tmp_path / "secret")},
        {"DATABRICKS_HOST": f"https://me:{planted['url']}@w.invalid/"},
        {"DATABRICKS_HOST": f"ftp://{planted['url']}@w.invalid/"},
        {"DATABRICKS_HOST": f"https://w.invalid/?access_token={planted['query']}"},
        {"SQLSERVER_HOST": f"Server=tcp:db,1433;User ID=sa;Password={planted['constr']};Encrypt=yes"},
        {"SQLSERVER_HOST": f"DRIVER={{x}};PWD={{{planted['constr']}}}"},
        {"DATABRICKS_TOKEN": "", "DATABRICKS_HOST": "", "DATABRICKS_PROFILE": "DEFAULT",
         "DATABRICKS_CONFIG_FILE": str(profile)},
        {"ENVIRONMENT": "production", "SQLSERVER_PASSWORT": planted["sqlpw"], "DATABRICKS_TOKENS": planted["pat"]},
        {"DATABRICKS_TOKEN": planted["pat"] + "\n" + planted["other"]},
    ]
    commands = (["config", "show"], ["config", "show", "--output", "json"], ["test-connection", "--side", "sqlserver"],
                ["sync", "--once", "--sandbox", "databricks"])

    def call(change, command):
        bridge = make_bridge({**good, "LOG_LEVEL": "DEBUG", "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "2", **change})
        return lambda: bridge.run(*command)

    results = at_once(*[call(change, command) for change in variants for command in commands])
    assert_clean(planted, *results)
    assert any("***" in result.err for result in results), "a misplaced password is masked, not lost"

    broken = make_bridge()
    for text in (f"SQLSERVER_PASSWORD {planted['sqlpw']}\n", f"SQLSERVER_PASSWORD='{planted['sqlpw']}\n",
                 f"DATABRICKS_TOKEN=\"{planted['pat']}\nX=1\n", f"SQLSERVER_PASSWORD={planted['sqlpw']}\n{planted['pat']}\n"):
        broken.write(".env", text)
        assert_clean(planted, broken.run("config", "show"), broken.run("extract", "--help"))


def test_command_lines(make_bridge):
    """A secret of the settings that is typed where it doesn't belong is not repeated; --help knows none."""
    planted = {"sqlpw": canary("sqlpw"), "pat": canary("pat")}
    bridge = make_bridge({"SQLSERVER_PASSWORD": planted["sqlpw"], "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1",
                          "SQLSERVER_USERNAME": "sa"})
    bridge.write(".env", f"DATABRICKS_TOKEN={planted['pat']}\n")
    lines = [[planted["sqlpw"]], ["extract", planted["pat"]], ["extract", f"--{planted['sqlpw']}"],
             ["extract", f"--password={planted['sqlpw']}"], ["extract", "--chunk-size", planted["pat"]],
             ["sql", "--on", planted["pat"], "SELECT 1"], ["serve", "--port", planted["sqlpw"]],
             ["events", planted["pat"]], ["help", planted["pat"]],
             ["list-queries", "-q", planted["pat"]], ["show-params", "-c", planted["pat"], "--country", planted["pat"]],
             ["extract", "-q", planted["pat"], "-c", ".", "--country", "x", "-d", planted["pat"]],
             ["sql", "--on", "sqlserver", f"SELECT '{planted['sqlpw']}'"], ["help"], ["man"],
             *[[*name.split(), "--help"] for name in ("extract", "serve", "sync", "sql", "token new", "config show")]]
    assert_clean(planted, *at_once(*[lambda line=line: bridge.run(*line) for line in lines]))


# ---- servers that repeat what they were sent ----


def test_a_workspace_that_repeats_credentials(make_bridge, hostile, sandbox):
    planted = {"pat": "sandbox-token-" + canary("pat"), "oauth": "sandbox-token-" + canary("oauth"), "sqlpw": SQL_PASSWORD}
    logins = ({"DATABRICKS_TOKEN": planted["pat"]},
              {"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": "me", "DATABRICKS_CLIENT_SECRET": planted["oauth"]})
    answers = [(refuse(status, shape), login) for status, shape in
               ((401, "json"), (403, "plain"), (400, "html"), (404, "broken"), (302, "redirect"), (200, "statement"))
               for login in logins]
    answers += [(refuse(401, "oauth"), logins[1]), (refuse(400, "oauth"), logins[1])]
    commands = (["test-connection", "-v"], ["extract", "-q", "q", "-c", "c", "--country", "N", "-d", "/Volumes/main/default/landing"],
                ["sql", "--on", "databricks", "SELECT 1"], ["sync", "--once"], ["events", "list"])
    calls, bridges = [], []
    for number, (answer, login) in enumerate(answers):
        settings = {**sandbox.sqlserver, **sandbox.databricks, **login, "DATABRICKS_HOST": hostile(answer).url,
                    "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json" if number % 2 else "text"}
        bridge = make_bridge(settings)
        bridge.write("q/one.sql", "SELECT 1 AS a")
        bridge.write("c/N.yaml", "x: y\n")
        bridges.append(bridge)
        # Not every shape with every command: they take turns, and each meets each kind of login.
        calls += [lambda b=bridge, c=command: b.run(*c) for i, command in enumerate(commands) if (i + number // 2) % 2 == 0]
    results = at_once(*calls)
    assert_clean(planted, *results)
    assert any("you sent" in result.out + result.err for result in results), "the server's words are shown"
    for bridge in bridges:
        for name, content in produced(bridge.folder).items():
            assert not leaks(content, planted), (name, leaks(content, planted))


def test_sql_errors_that_repeat_credentials(make_bridge, sandbox):
    """Wrong logins, and statements whose errors quote the password and the token."""
    planted = {"sqlpw": SQL_PASSWORD, "pat": "sandbox-token-" + canary("pat"), "wrong": canary("wrong", awkward=True)}
    settings = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_TOKEN": planted["pat"], "LOG_LEVEL": "DEBUG"}
    wrong = make_bridge({**settings, "SQLSERVER_PASSWORD": planted["wrong"]})
    bridge = make_bridge(settings)
    bridge.write("c/N.yaml", f"table: {SQL_PASSWORD}\n")
    for number, secret in enumerate((SQL_PASSWORD, planted["pat"], SQL_PASSWORD.encode().hex())):
        bridge.write(f"q/table{number}.sql", f"SELECT * FROM dbo.[{secret}]")
        bridge.write(f"q/cast{number}.sql", f"SELECT CAST('{secret}' AS int) AS a")
        bridge.write(f"q/syntax{number}.sql", f"SELECT '{secret}' FRM x {secret}")
        bridge.write(f"q/throw{number}.sql", f"THROW 50000, 'pwd={secret};', 1")
    bridge.write("q/parameter.sql", "SELECT * FROM dbo.[{table}]")
    results = at_once(
        lambda: wrong.run("test-connection"), lambda: wrong.run("sql", "--on", "sqlserver", "SELECT 1"),
        lambda: bridge.run("extract", "-v", "-q", "q", "-c", "c", "--country", "N", "-d", "out"),
        lambda: bridge.run("extract", "-q", "q", "-c", "c", "--country", "N", "-d", "out2", "--output", "json"),
        lambda: bridge.run("sql", "--on", "databricks", f"SELECT * FROM main.default.`{planted['pat']}`"),
        lambda: bridge.run("sql", "--on", "sqlserver", f"SELECT CAST('{SQL_PASSWORD}' AS int)"),
    )
    assert all(result.status == 1 for result in results)
    assert_clean(planted, *results)
    for name, content in produced(bridge.data).items():
        assert not leaks(content, planted), name


@pytest.fixture(scope="module")
def linked(sandbox, tmp_path_factory):
    """A table that is large enough for links."""
    bridge = Bridge(tmp_path_factory.mktemp("linked"), {**sandbox.sqlserver, **sandbox.databricks})
    bridge.sql("databricks", "CREATE TABLE main.default.ten AS SELECT * FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v(n)")
    bridge.sql("databricks", "CREATE TABLE main.default.linked AS SELECT a.n + 10 * b.n + 100 * c.n AS id, repeat('x', 30000) AS text "
               "FROM main.default.ten a CROSS JOIN main.default.ten b CROSS JOIN main.default.ten c")
    return "main.default.linked"


def answer_of_storage(server, request, signatures):
    """Repeats the address it was asked for, signature and all, which it notes."""
    signature = request.path.partition("signature=")[2]
    assert len(signature) > 20
    signatures[f"link{len(signatures)}"] = signature
    words = echo(signature) if len(signatures) % 2 else echo(request.path, server.url + request.path)
    body = f"<Error><Code>{signature}</Code><Message>{words}</Message></Error>".encode()
    if len(signatures) < 4:
        return 404, {"Content-Type": "application/xml"}, body
    return 302, {"Content-Type": "application/xml", "Location": server.url + request.path}, body  # is not tried again


def test_presigned_links(make_bridge, hostile, sandbox, linked):
    server = hostile()
    signatures = {}
    server.answer = lambda request: (
        answer_of_storage(server, request, signatures) if request.path.startswith("/storage") else None)
    bridge = make_bridge({**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": server.url, "LOG_LEVEL": "DEBUG",
                          "EVENTS_TABLE": "main.default.link_events", "SYNC_LEDGER_TABLE": "dbo.link_ledger",
                          "SYNC_EVENTS_PRINCIPAL": "x"})
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Linked (id int NOT NULL PRIMARY KEY, text nvarchar(max))")
    bridge.run("events", "emit", "--event-id", "linked", "--operation", "INSERT", "--source", linked,
               "--target", "dbo.Linked", check=True)
    result = bridge.run("sync", "--once", "-v")
    shown = bridge.run("events", "show", "linked", "--output", "json")
    assert signatures, (result, shown)
    assert_clean(signatures, result, shown)
    for name, content in produced(bridge.folder).items():
        assert not leaks(content, signatures), name


# ---- the service ----


def write_permissions(bridge, text):
    path = bridge.folder / "config" / "permissions.yaml"
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(path)


def user(name, line, rules='[{table: "*", access: read_write}]'):
    return f'  - name: "{name}"\n    {line}\n    permissions: {rules}\n'


def test_permissions_files(make_bridge):
    """Broken in every place, with a token in each."""
    planted = {"token": canary("token", awkward=True), "second": canary("second")}
    quoted = json.dumps(planted["token"], ensure_ascii=False)
    good = user("a", f"token: {quoted}")
    broken = [
        good + user("b", f"token: {quoted}"), good + user("a", f"token: {planted['second']}"),
        good + user("b", f"token_sha256: {planted['second']}"), good + user("b", f"tokken: {planted['second']}"),
        good + user("b", f"token: [{planted['second']}]"), good + user("b", f"token: {{x: {planted['second']}}}"),
        good + user("b", f"token: &x {planted['second']}"), good + user("b", f"token: {planted['second']} : y"),
        good + user("b", f"token: '{planted['second']}"), good + user("b", f"token {planted['second']}"),
        good + user("b", f"token: !!int {planted['second']}"), good + f"  - token: {planted['second']}\n",
        good + user("b", f"token: {planted['second']}\n    token: {planted['second']}"),
        good + user("b", f"token: {planted['second']}\n    token_sha256: {'0' * 64}"),
    ]

    def call(text):
        bridge = make_bridge({"LOG_LEVEL": "DEBUG"})
        write_permissions(bridge, "users:\n" + text)
        return lambda: bridge.run("serve", "--host", "127.0.0.1", "--port", "0")

    results = at_once(*[call(text) for text in broken])
    assert all(result.status == 1 and "line" in result.err for result in results), results
    assert_clean(planted, *results)


def assert_silent(planted, replies):
    for reply in replies:
        found = leaks(bytes(reply.headers) + reply.body, planted)
        assert not found, (found, reply)


def ask(service, planted, kinds):
    """Every route that takes something, with a token in the path, the query, headers and the body."""
    replies = []
    for kind in kinds:
        secret = planted[kind]
        asking = ("raw", f"Bearer {secret}")
        wish = {"queries_path": secret, "config_path": "c", "country": "N", "destination": "out"}
        event = {"event_id": str(uuid.uuid4()), "operation": "INSERT", "source_table": f"main.default.`{secret}`",
                 "target_table": f"dbo.[{secret}]"}
        for token in (asking, ("raw", f"Basic {secret}"), ("raw", secret)):
            replies += [
                service.get(f"/jobs/{secret}", token=token), service.get(f"/jobs?limit={secret}", token=token),
                service.get(f"/jobs?token={secret}", token=token), service.get(f"/{secret}", token=token),
                service.get("/me", token=token, headers={"X-Request-Id": secret, "Cookie": f"t={secret}"}),
                service.delete(f"/jobs/{secret}", token=token), service.get(f"/sync/events/{secret}", token=token),
                service.get(f"/sync/events?status_filter={secret}", token=token), service.get(f"/ui/{secret}", token=token),
                service.request("PUT", f"/jobs?x={secret}", token=token),
                service.request("GET", "/health/live", token=token),
                service.post("/extract", wish, token=token), service.post("/extract", {**wish, "queries_path": "q", "country": secret}, token=token),
                service.post("/extract", {**wish, "queries_path": "q", "queries": [secret]}, token=token),
                service.post("/extract", {**wish, "queries_path": "q", "overwrite": secret, "chunk_size": secret}, token=token),
                service.post("/extract", raw=f'{{"{secret}": {secret}'.encode(), token=token),
                service.post("/extract", raw=secret.encode() * 40000, token=token),
                service.post("/sync/events", {**event, "operation": secret, "primary_keys": secret}, token=token),
            ]
        replies.append(service.post("/extract", {**wish, "queries_path": "q"}, token=asking, headers={"Idempotency-Key": secret}))
    return replies


def test_the_service(make_bridge, hostile, sandbox, tmp_path):
    """Requests that carry secrets to wrong places, sides that repeat them, a crash, and all that is left on disk."""
    made = make_bridge().run("token", "new", "--name", "hashed", check=True)
    planted = {
        "hashed": next(word for line in made.out.splitlines() for word in line.split() if word.startswith("sdb_")),
        "own": canary("own"), "plain": canary("plain", awkward=False), "sqlpw": SQL_PASSWORD,
        "pat": "sandbox-token-" + canary("pat"), "never": canary("never", awkward=True),
    }
    server = hostile()
    server.answer = lambda request: refuse(400, "statement")(request) if b"repeat_it" in request.body else None
    settings = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": server.url, "DATABRICKS_TOKEN": planted["pat"],
                "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "DEBUG": "true", "EVENTS_TABLE": "main.default.secret_events",
                "SYNC_LEDGER_TABLE": "dbo.secret_ledger", "POLLING_INTERVAL_SECONDS": "1"}
    bridge = make_bridge(settings)
    users = "users:\n" + user("plain", f"token: {planted['plain']}") + "".join(
        user(name, f"token_sha256: {hashlib.sha256(planted[name].encode()).hexdigest()}") for name in ("hashed", "own"))
    write_permissions(bridge, users)
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Here (id int NOT NULL PRIMARY KEY)")
    bridge.write("c/N.yaml", "x: y\n")
    bridge.write("q/cast.sql", f"SELECT CAST('{SQL_PASSWORD}' AS int) AS a")
    bridge.write("q/throw.sql", f"THROW 50000, 'the password is {SQL_PASSWORD}', 1")
    bridge.write("q/good.sql", f"SELECT 1 AS a -- {SQL_PASSWORD}")
    service = Service(bridge, options=("--verbose",))
    try:
        replies = ask(service, planted, ("plain", "hashed", "own", "pat", "sqlpw"))
        token = ("raw", f"Bearer {planted['own']}")
        for name, secret in (("nowhere", SQL_PASSWORD), ("repeat_it", planted["pat"]), ("hex", SQL_PASSWORD.encode().hex())):
            event = {"event_id": name, "operation": "INSERT", "source_table": f"main.default.`{name}{secret}`",
                     "target_table": "dbo.Here", "metadata": {"note": "n"}}
            reply = service.post("/sync/events?process_immediately=true", event, token=token)
            replies += [reply] if reply.status >= 400 else []  # its own fields are the caller's
        job = service.get("/jobs", token=token).json()[0]["job_id"]
        service.ended(job, token=token)
        service.until(lambda: all(event["status"] == "failed" for event in service.get("/sync/events", token=token).json()))
        write_permissions(bridge, users + user("broken", f"token: [{planted['never']}]"))
        service.until(lambda: "last good permissions" in service.log())
        shown = [service.get(path, token=token) for path in (
            "/jobs", f"/jobs/{job}", "/sync/stats", "/sync/poller/status", "/me", "/audit", "/metrics", "/openapi.json", "/docs",
            "/ui", "/ui/app.js", "/", "/health/ready", "/api/v1/jobs")]
        errors = [event["error_message"] for event in service.get("/sync/events", token=token).json()]
        assert any("***" in text for text in errors), errors
        service.kill()
        write_permissions(bridge, users)
        service.start()
    finally:
        service.stop()
    assert_silent(planted, replies + shown)
    assert not leaks(json.dumps(errors).encode(), planted), errors
    left = produced(bridge.data) | {"serve.log": service.log().encode()} | produced(bridge.folder / "out")
    assert {"serve.log", "jobs.db", "audit.jsonl"} <= set(left) and any("_manifest" in name for name in left), list(left)
    for name, content in left.items():
        assert not leaks(content, planted), (name, leaks(content, planted))


def test_keys_of_the_certificate(make_bridge, tmp_path):
    """Key files that can't be used: their content stays theirs."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:abcdef", "-keyout", tmp_path / "locked.pem",
                    "-out", tmp_path / "certificate.pem", "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    subprocess.run(["openssl", "genrsa", "-out", tmp_path / "other.pem", "2048"], check=True, capture_output=True)
    lines = (tmp_path / "other.pem").read_text().splitlines()
    (tmp_path / "broken.pem").write_text("\n".join(lines[:5] + lines[7:]))
    planted = {f"line{i}": line for i, line in enumerate(lines[1:-2])}
    planted |= {f"locked{i}": line for i, line in enumerate((tmp_path / "locked.pem").read_text().splitlines()[1:-2])}
    bridge = make_bridge({"LOG_LEVEL": "DEBUG"})
    for key in ("locked.pem", "other.pem", "broken.pem", "nowhere.pem"):
        result = bridge.run("serve", "--host", "127.0.0.1", "--port", "0", "--tls-certificate", tmp_path / "certificate.pem",
                            "--tls-key", tmp_path / key)
        assert result.status == 1, (key, result)
        assert_clean(planted, result)


class Shown(Service):
    """Over HTTPS, with its stdout in a file."""

    def __init__(self, bridge, certificates, **kwargs):
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        for certificate in certificates:
            self.context.load_verify_locations(cadata=certificate)
        super().__init__(bridge, **kwargs)

    def start(self, ready=True):
        self.log_path, self.out_path = self.bridge.folder / "serve.log", self.bridge.folder / "serve.out"
        with open(self.log_path, "w") as log, open(self.out_path, "w") as out:
            self.process = self.bridge.start("serve", "--host", "127.0.0.1", "--port", "0", "--output", "json", "--grace", "0",
                                             *self.options, env=self.extra, stdout=out, stderr=log)
        self.process.stdout = open(self.out_path)
        line = self.until(lambda: next((line for line in self.out_path.read_text().splitlines() if '"url":"https' in line), None))
        self.port = json.loads(line)["port"]
        self.until(lambda: self.get("/health/startup", token=None).status == 200)

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=120)


def replace(path, text):
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


def test_what_rotates_and_what_servers_hand_out(make_bridge, hostile, sandbox, linked, tmp_path):
    """Client secrets and the tokens that they bring, before and after they are replaced, signatures of links and private keys,
    in a service that speaks TLS, logs text and audits to stdout."""
    secrets = {name: "sandbox-token-" + canary(name) for name in ("first", "second", "refused")}
    planted = {"own": canary("own"), "sqlpw": SQL_PASSWORD, **secrets}
    current, seen = {"secret": "first"}, {SQL_PASSWORD}
    server = hostile()

    def repeat(status, shape="json"):
        """All credentials that were ever sent, whoever asks now."""
        words = echo(*seen)
        document = {"error_code": "BAD_REQUEST", "message": words, "error": "invalid_client", "error_description": words}
        if shape == "statement":
            document = {"statement_id": "1", "status": {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": words}}}
        return status, {"Content-Type": "application/json"}, json.dumps(document).encode()

    def answer(request):
        value = request.headers.get("Authorization", "").partition(" ")[2]
        if request.path.startswith("/.well-known"):
            return None
        if request.path.startswith("/storage"):
            return answer_of_storage(server, request, planted)
        if request.path.startswith("/oidc"):
            secret = base64.b64decode(value).decode().partition(":")[2]
            seen.add(secret)
            if secret != secrets.get(current["secret"]):
                return repeat(401)
            token = planted.setdefault(f"access-{current['secret']}", "sandbox-token-" + canary("access"))
            return 200, {"Content-Type": "application/json"}, json.dumps(
                {"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode()
        seen.add(value)
        if value != planted.get(f"access-{current['secret']}"):
            return repeat(401)
        return repeat(200, "statement") if b"repeat_it" in request.body else None

    server.answer = answer
    pairs = {name: make_pair(tmp_path, name) for name in ("one", "two", "three")}
    for name, pair in pairs.items():
        planted |= {f"{name}{i}": line for i, line in enumerate(pair["key"].splitlines()[1:-2])}
    files = {name: tmp_path / name for name in ("secret", "served.key", "served.crt")}
    for name, text in (("secret", secrets["first"]), ("served.key", pairs["one"]["key"]), ("served.crt", pairs["one"]["cert"])):
        replace(files[name], text)
    settings = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": server.url, "DATABRICKS_CLIENT_ID": "me",
                "DATABRICKS_CLIENT_SECRET_FILE": str(files["secret"]), "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "text", "DEBUG": "true",
                "AUDIT_FILE": "-", "EVENTS_TABLE": "main.default.rotated_events", "SYNC_LEDGER_TABLE": "dbo.rotated_ledger",
                "POLLING_INTERVAL_SECONDS": "1"}
    del settings["DATABRICKS_TOKEN"]
    bridge = make_bridge(settings)
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Rotated (id int NOT NULL PRIMARY KEY, text nvarchar(max))")
    bridge.write("c/N.yaml", "x: y\n")
    bridge.write("q/good.sql", f"SELECT 1 AS a -- {SQL_PASSWORD}")
    write_permissions(bridge, "users:\n" + user("own", f"token_sha256: {hashlib.sha256(planted['own'].encode()).hexdigest()}"))
    token = ("raw", f"Bearer {planted['own']}")
    service = Shown(bridge, [pair["cert"] for pair in pairs.values()], options=(
        "--verbose", "--tls-certificate", str(files["served.crt"]), "--tls-key", str(files["served.key"])))
    replies = []

    def fails(event_id, source):
        event = {"event_id": event_id, "operation": "INSERT", "source_table": source, "target_table": "dbo.Rotated"}
        assert service.post("/sync/events?process_immediately=true", event, token=token).status == 202

        def look():
            reply = service.get(f"/sync/events/{event_id}", token=token)
            return reply if reply.status == 200 and reply.json()["status"] == "failed" else None

        replies.append(service.until(look))
        assert "***" in replies[-1].json()["error_message"]

    try:
        fails("linked", linked)
        assert any(name.startswith("link") for name in planted)
        replace(files["secret"], secrets["second"])
        service.until(lambda: "DATABRICKS_CLIENT_SECRET was read anew" in service.log())
        current["secret"] = "second"
        service.until(lambda: service.get("/sync/stats", token=token).status == 200)
        reply = service.get("/sync/events/repeat_it", token=token)
        assert reply.status == 503 and "***" in reply.detail, reply
        replies.append(reply)
        for name in ("two", "three"):
            replace(files["served.key"], pairs[name]["key"])  # of three only the key, which doesn't fit
            if name == "two":
                replace(files["served.crt"], pairs["two"]["cert"])
        service.until(lambda: "the old certificate stays" in service.log())
        replace(files["secret"], secrets["refused"])
        service.until(lambda: service.log().count("DATABRICKS_CLIENT_SECRET was read anew") == 2)
        current["secret"] = "none"
        replies.append(service.get("/sync/stats", token=token))
        assert replies[-1].status == 503 and "***" in replies[-1].detail
        replies += ask(service, planted, ["own", "first"])
        replies += [service.get(path, token=token) for path in ("/jobs", "/sync/poller/status", "/me", "/metrics", "/", "/health/ready")]
        audit = service.get("/audit", token=token)
        assert audit.status == 404, audit  # not in a file
    finally:
        service.stop()
    assert_silent(planted, replies)
    lines = service.out_path.read_text().splitlines()
    assert {"auth_success", "auth_failure", "sync_failed"} <= {json.loads(line).get("event_type") for line in lines}
    left = produced(bridge.data) | {name: (bridge.folder / name).read_bytes() for name in ("serve.log", "serve.out")}
    assert "jobs.db" in left and b"***" in left["serve.log"]
    for name, content in left.items():
        assert not leaks(content, planted), (name, leaks(content, planted))
