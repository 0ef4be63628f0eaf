"""Bad input and bad luck: every row of docs/ERRORS.md is provoked, and says what the page says with the exit status it names."""

import fcntl
import re
import socket
import subprocess
import threading

import pytest

from conftest import ROOT, named
from tcp_proxy import TcpProxy

ROW = re.compile(r"^\| ([a-z0-9-]+) \| (.*?) \| `(.*?)` \| (\d) \| .* \|$")


def read_page():
    """id -> (message, exit status) of all rows of all tables."""
    rows = {}
    for line in (ROOT / "docs" / "ERRORS.md").read_text(encoding="utf-8").splitlines():
        match = ROW.match(line)
        if match:
            name, _, message, status = match.groups()
            assert name not in rows, f"{name} stands twice"
            rows[name] = (message.replace("\\|", "|"), int(status))
        else:
            assert not re.match(r"^\| [a-z0-9]+-", line), f"not a row: {line}"
    return rows


PAGE = read_page()
SCENARIOS = {}


def scenario(name):
    def add(function):
        assert name not in SCENARIOS, f"{name} is provoked twice"
        SCENARIOS[name] = function
        return function

    return add


class Case:
    """What a scenario works with: programs with settings of their own, in folders with a query and a country."""

    def __init__(self, request):
        self.request = request
        self.make_bridge = request.getfixturevalue("make_bridge")

    def bridge(self, settings=None, queries=None, north="database: {database}\n"):
        bridge = self.make_bridge(settings)
        for name, sql in (queries or {"one": "SELECT 1 AS a"}).items():
            bridge.write(f"queries/{name}.sql", sql)
        database = bridge.settings.get("SQLSERVER_DATABASE", "master")
        bridge.write("config/Northland.yaml", north.replace("{database}", database))
        return bridge

    @property
    def server(self):
        """Settings of a SQL Server that works: the one that is named, else the sandbox's."""
        return {**(named("SQLSERVER") or self.request.getfixturevalue("sandbox").sqlserver)}

    def broken_server(self, faults):
        """Settings of a sandbox that misbehaves."""
        make = self.request.getfixturevalue("make_sandbox")
        return make(env={"BRIDGE_SANDBOX_FAULTS": faults})

    def workspace(self, faults=None):
        """Settings of both sides of a sandbox."""
        sandbox = self.broken_server(faults) if faults else self.request.getfixturevalue("sandbox")
        return {**sandbox.sqlserver, **sandbox.databricks}


def extract(bridge, *options, country="Northland", destination="out", queries="queries", config="config", env=None):
    return bridge.run("extract", "-q", queries, "-c", config, "--country", country, "-d", destination, *options, env=env, timeout=300)


@pytest.fixture
def case(request):
    return Case(request)


def test_the_page_and_the_scenarios_name_the_same_rows():
    assert set(PAGE) == set(SCENARIOS)


@pytest.mark.parametrize("name", PAGE)
def test_the_message_is_the_one_of_the_page(case, name):
    message, status = PAGE[name]
    result = SCENARIOS[name](case)
    pattern = ".*?".join(re.escape(part) for part in message.split("…"))
    lines = re.compile(r"(^|\n)" + pattern + ("" if message.endswith("…") else r"\s*($|\n)"), re.S)
    assert lines.search(result.err), result
    assert result.status == status, result


# ---- command line ----


@scenario("command-unknown")
def command_unknown(case):
    return case.bridge().run("extrct")


@scenario("option-unknown")
def option_unknown(case):
    return case.bridge().run("extract", "--qurey", "one")


@scenario("option-missing")
def option_missing(case):
    return case.bridge().run("extract", "-q", "queries", "-c", "config", "-d", "out")


@scenario("option-value")
def option_value(case):
    return extract(case.bridge(), "--parallel", "0")


@scenario("option-choice")
def option_choice(case):
    return extract(case.bridge(), "--output", "xml")


# ---- query files and parameters ----


@scenario("statement-empty")
def statement_empty(case):
    bridge = case.bridge()
    bridge.write("empty.sql", " ;\n")
    for side in ("sqlserver", "databricks"):
        result = bridge.run("sql", "--on", side, "")
        assert (result.status, result.err) == (2, "error: The statement is empty\n"), result
    return bridge.run("sql", "--on", "databricks", "-f", "empty.sql")


@scenario("statement-latin")
def statement_latin(case):
    bridge = case.bridge()
    (bridge.folder / "latin.sql").write_bytes(b"SELECT 1\n, 'caf\xe9'")
    assert bridge.run("sql", "--on", "sqlserver", "-f", "latin.sql").err == bridge.run("sql", "--on", "databricks", "-f", "latin.sql").err
    return bridge.run("sql", "--on", "sqlserver", "-f", "latin.sql")


@scenario("name-empty")
def name_empty(case):
    return case.bridge().run("token", "new", "--name", "")


@scenario("sandbox-strict")
def sandbox_strict(case):
    return case.bridge().run("sandbox", "--strict")


@scenario("queries-missing")
def queries_missing(case):
    return extract(case.bridge(), queries="nowhere")


@scenario("queries-file")
def queries_file(case):
    return extract(case.bridge(), queries="queries/one.sql")


@scenario("queries-empty")
def queries_empty(case):
    bridge = case.bridge()
    (bridge.folder / "queries/one.sql").rename(bridge.folder / "queries/one.txt")
    return extract(bridge)


@scenario("query-unknown")
def query_unknown(case):
    return extract(case.bridge(queries={"one": "SELECT 1 AS a", "two": "SELECT 2 AS a"}), "--query", "on")


@scenario("query-encoding")
def query_encoding(case):
    bridge = case.bridge()
    (bridge.folder / "queries/one.sql").write_bytes("SELECT 1 AS a\n-- caf\u00e9".encode("latin-1"))
    return extract(bridge)


@scenario("query-utf16")
def query_utf16(case):
    bridge = case.bridge()
    (bridge.folder / "queries/one.sql").write_bytes("SELECT 1 AS a".encode("utf-16"))
    return extract(bridge)


@scenario("query-empty")
def query_empty(case):
    return extract(case.bridge(queries={"one": "\n"}))


@scenario("query-name")
def query_name(case):
    return extract(case.bridge(queries={"_one": "SELECT 1 AS a"}))


@scenario("config-missing")
def config_missing(case):
    return extract(case.bridge(), config="nowhere")


@scenario("config-file")
def config_file(case):
    return extract(case.bridge(), config="config/Northland.yaml")


@scenario("country-suffix")
def country_suffix(case):
    bridge = case.bridge()
    bridge.write("config/Southland.yml", "")
    return extract(bridge, country="Southland")


@scenario("config-link")
def config_link(case):
    bridge = case.bridge()
    (bridge.folder / "config/common_params.yaml").symlink_to("nowhere.yaml")
    return extract(bridge)


@scenario("config-empty")
def config_empty(case):
    bridge = case.bridge()
    (bridge.folder / "config/Northland.yaml").unlink()
    return extract(bridge)


@scenario("country-unknown")
def country_unknown(case):
    bridge = case.bridge()
    bridge.write("config/Southland.yaml", "")
    return extract(bridge, country="Norhtland")


@scenario("yaml-broken")
def yaml_broken(case):
    return extract(case.bridge(north="a: 1\n  b: 2\n"))


@scenario("yaml-twice")
def yaml_twice(case):
    return extract(case.bridge(north="a: 1\nb: 2\na: 3\n"))


@scenario("yaml-anchor")
def yaml_anchor(case):
    return extract(case.bridge(north="a: &x 1\nb: *x\n"))


@scenario("parameter-missing")
def parameter_missing(case):
    return extract(case.bridge(queries={"one": "SELECT {y_column}, {x_column} FROM t"}))


@scenario("parameter-mistyped")
def parameter_mistyped(case):
    return extract(case.bridge(queries={"one": "SELECT * FROM {order_table}"}, north="tables: {orders_table: dbo.orders}\n"))


@scenario("parameter-ambiguous")
def parameter_ambiguous(case):
    return extract(case.bridge(queries={"one": "SELECT * FROM {table}"}, north="orders: {table: o}\nreturns: {table: r}\n"))


# ---- settings ----


@scenario("setting-wrong")
def setting_wrong(case):
    settings = {"SQLSERVER_HOST": "h", "SQLSERVER_USERNAME": "u", "SQLSERVER_PASSWORD": "not-a-word", "SQLSERVER_PORT": "abc"}
    return extract(case.bridge(settings))


@scenario("setting-unknown")
def setting_unknown(case):
    settings = {"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1", "SQLSERVER_USERNAME": "u", "SQLSERVER_PASSWORD": "not-a-word", "SQLSERVER_HOTS": "x"}
    return extract(case.bridge(settings))


@scenario("setting-file")
def setting_file(case):
    bridge = case.bridge()
    bridge.write(".env", "LOG_LEVEL=INFO\nSQLSERVER_HOST\n")
    return extract(bridge)


@scenario("setting-side")
def setting_side(case):
    settings = {"SQLSERVER_HOST": "h", "SQLSERVER_USERNAME": "u", "SQLSERVER_PASSWORD": "not-a-word"}
    return extract(case.bridge(settings), destination="/Volumes/main/default/landing")


@scenario("setting-secret-file")
def setting_secret_file(case):
    return extract(case.bridge({"SQLSERVER_HOST": "h", "SQLSERVER_USERNAME": "u", "SQLSERVER_PASSWORD_FILE": "nowhere"}), "--sandbox")


@scenario("setting-strict")
def setting_strict(case):
    return extract(case.bridge({"ENVIRONMENT": "production", "SQLSERVER_PASSWORD": "changeme"}))


@scenario("setting-strict-sandbox")
def setting_strict_sandbox(case):
    settings = {"USE_DATABRICKS": "true", "SQLSERVER_HOST": "h", "SQLSERVER_USERNAME": "u", "SQLSERVER_PASSWORD": "not-a-word"}
    return extract(case.bridge(settings), "--sandbox")


# ---- destination ----


@scenario("destination-table")
def destination_table(case):
    return extract(case.bridge(), destination="main.sales")


@scenario("destination-volume")
def destination_volume(case):
    return extract(case.bridge(), destination="/Volumes/main")


@scenario("destination-unwritable")
def destination_unwritable(case):
    bridge = case.bridge(case.server)
    bridge.write("file", "")
    return extract(bridge, destination="file/out")


@scenario("result-other")
def result_other(case):
    bridge = case.bridge(case.server)
    assert extract(bridge).status == 0
    bridge.write("queries/one.sql", "SELECT 2 AS a")
    return extract(bridge)


@scenario("result-limited")
def result_limited(case):
    bridge = case.bridge(case.server)
    assert extract(bridge, "--limit", "1").status == 0
    return extract(bridge)


@scenario("result-foreign")
def result_foreign(case):
    bridge = case.bridge(case.server)
    bridge.write("out/Northland/one/one.parquet", "somebody else's")
    result = extract(bridge)
    assert (bridge.folder / "out/Northland/one/one.parquet").read_text() == "somebody else's"
    return result


@scenario("result-damaged")
def result_damaged(case):
    bridge = case.bridge(case.server)
    assert extract(bridge).status == 0
    (bridge.folder / "out/Northland/one/one.parquet").unlink()
    return extract(bridge)


@scenario("manifest-broken")
def manifest_broken(case):
    bridge = case.bridge(case.server)
    bridge.write("out/Northland/one/_manifest.json", "{")
    return extract(bridge, "--overwrite")


@scenario("result-locked")
def result_locked(case):
    bridge = case.bridge(case.server)
    lock = bridge.write("out/Northland/one/.bridge-lock", "")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        return extract(bridge)


@scenario("disk-full")
def disk_full(case):
    bridge = case.bridge(case.server)
    small = bridge.folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system can't be mounted here")
    try:
        return extract(bridge, "--spool-dir", "small")
    finally:
        subprocess.run(["umount", str(small)], check=True)


# ---- SQL Server ----


@scenario("server-name")
def server_name(case):
    return extract(case.bridge({**case.server, "SQLSERVER_HOST": "nowhere.invalid"}))


@scenario("server-refused")
def server_refused(case):
    return extract(case.bridge({**case.server, "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1"}))


@scenario("server-login")
def server_login(case):
    return extract(case.bridge({**case.server, "SQLSERVER_PASSWORD": "not-the-password"}))


@scenario("server-database")
def server_database(case):
    return extract(case.bridge(case.server, north="database: nowhere_db\n"))


@scenario("server-certificate")
def server_certificate(case):
    sandbox = case.request.getfixturevalue("make_sandbox")("--tls")
    settings = {**sandbox.sqlserver, "SQLSERVER_ENCRYPT": "mandatory", "SQLSERVER_TRUST_SERVER_CERTIFICATE": "false"}
    return extract(case.bridge(settings))


def proxy(case, port, **options):
    """A proxy to a port of this machine, gone when the test ends."""
    made = TcpProxy("127.0.0.1", port, **options)
    case.request.addfinalizer(made.stop)
    return made


ELSEWHERE = "127.0.0.2"  # this machine too, by an address that no certificate of the sandbox names


@scenario("server-certificate-host")
def server_certificate_host(case):
    sandbox = case.request.getfixturevalue("make_sandbox")("--tls")
    settings = {**sandbox.sqlserver, "SQLSERVER_ENCRYPT": "mandatory", "SQLSERVER_TRUST_SERVER_CERTIFICATE": "false",
                "SQLSERVER_CA_FILE": sandbox.info["certificate"]}
    assert extract(case.bridge(settings)).status == 0
    elsewhere = proxy(case, settings["SQLSERVER_PORT"], listen=ELSEWHERE)
    return extract(case.bridge({**settings, "SQLSERVER_HOST": ELSEWHERE, "SQLSERVER_PORT": str(elsewhere.port)}))


class Listener:
    """Answers the first bytes of each connection with fixed ones and closes; None: takes them and says nothing."""

    def __init__(self, request, answer):
        self.answer = answer
        self.connections = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        request.addfinalizer(self.stop)

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            if self.answer is not None:
                connection.recv(4096)
                connection.sendall(self.answer)
                connection.close()

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for open_socket in (self.socket, *self.connections):
            open_socket.close()

    def settings(self, encrypt):
        """The time limit is for one who says nothing: whoever answers has as long as a slow machine takes."""
        return {
            "SQLSERVER_HOST": "127.0.0.1",
            "SQLSERVER_PORT": str(self.socket.getsockname()[1]),
            "SQLSERVER_USERNAME": "somebody",
            "SQLSERVER_PASSWORD": "not-the-password",
            "SQLSERVER_ENCRYPT": encrypt,
            "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "1" if self.answer is None else "120",
        }


@scenario("server-tds7-silent")
def server_tds7_silent(case):
    return extract(case.bridge(Listener(case.request, None).settings("strict")))


@scenario("server-silent")
def server_silent(case):
    return extract(case.bridge(Listener(case.request, None).settings("mandatory")))


@scenario("server-drops")
def server_drops(case):
    # With a full queue of connections that nobody accepts, the kernel drops what asks for another, as a firewall would.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        port = str(full.getsockname()[1])
        settings = {**case.server, "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": port, "SQLSERVER_CONNECT_TIMEOUT_SECONDS": "1"}
        result = extract(case.bridge(settings))
        for one in waiting:
            one.close()
    return result


@scenario("server-tds7-closes")
def server_tds7_closes(case):
    sandbox = case.request.getfixturevalue("sandbox")  # without TLS: it knows only 7.4
    return extract(case.bridge({**sandbox.sqlserver, "SQLSERVER_ENCRYPT": "strict"}))


@scenario("server-tds8")
def server_tds8(case):
    alert = b"\x15\x03\x03\x00\x02\x02\x46"  # fatal, protocol_version
    return extract(case.bridge(Listener(case.request, alert).settings("mandatory")))


@scenario("server-tds8-closes")
def server_tds8_closes(case):
    return extract(case.bridge(Listener(case.request, b"").settings("optional")))


@scenario("sql-error")
def sql_error(case):
    bridge = case.bridge(case.server, queries={"a": "SELECT 1 AS a", "b": "SELECT x FROM nowhere", "c": "SELECT 3 AS a"})
    result = extract(bridge)
    for name in "ac":
        assert (bridge.folder / f"out/Northland/{name}/{name}.parquet").exists()
        assert f"{name}: 1 row, " in result.err
    assert not (bridge.folder / "out/Northland/b/b.parquet").exists()
    return result


def failing_query(case, sql, *options):
    bridge = case.bridge(case.server, queries={"one": sql})
    result = extract(bridge, *options)
    assert sorted(path.name for path in (bridge.folder / "out").rglob("*.parquet")) == []
    return result


@scenario("sql-no-result")
def sql_no_result(case):
    return failing_query(case, "DECLARE @x int")


@scenario("sql-two-results")
def sql_two_results(case):
    return failing_query(case, "SELECT 1 AS a; SELECT 2 AS b")


@scenario("column-unnamed")
def column_unnamed(case):
    return failing_query(case, "SELECT 1 AS a, 2")


@scenario("column-twice")
def column_twice(case):
    return failing_query(case, "SELECT 1 AS a, 2 AS A")


@scenario("cell-too-large")
def cell_too_large(case):
    return failing_query(case, "SELECT REPLICATE(CAST('x' AS varchar(max)), 3000) AS a", "--max-cell", "1024")


MANY_ROWS = "SELECT a.n FROM (VALUES (1), (2), (3), (4), (5)) AS a(n) CROSS JOIN (VALUES (1), (2), (3), (4), (5)) AS b(n)"


def misbehaving_server(case, faults, settings=None):
    """An earlier result stays as it was, whatever the server does to the next run."""
    sandbox = case.broken_server(faults)
    bridge = case.bridge(sandbox.sqlserver)
    assert extract(bridge).status == 0
    before = {path: path.read_bytes() for path in (bridge.folder / "out").rglob("*") if path.is_file()}
    bridge.write("queries/one.sql", MANY_ROWS)
    result = extract(bridge, "--overwrite", env=settings)
    assert before == {path: path.read_bytes() for path in (bridge.folder / "out").rglob("*") if path.is_file()}
    return result


@scenario("server-closes")
def server_closes(case):
    return misbehaving_server(case, "tds.close_row=7")


@scenario("server-stalls")
def server_stalls(case):
    return misbehaving_server(case, "tds.stall_row=7", {"SQLSERVER_QUERY_TIMEOUT_SECONDS": "2"})


@scenario("server-lies")
def server_lies(case):
    return misbehaving_server(case, "tds.garbage_row=7")


@scenario("server-deadlock")
def server_deadlock(case):
    return misbehaving_server(case, "tds.error_row=7")


# ---- Databricks ----


def into_volume(case, settings, place="/Volumes/main/default/landing"):
    bridge = case.bridge(settings)
    return extract(bridge, destination=f"{place}/{bridge.folder.parent.name}")


@scenario("databricks-token")
def databricks_token(case):
    return into_volume(case, {**case.workspace(), "DATABRICKS_TOKEN": "another-token"})


@scenario("databricks-unauthorized")
def databricks_unauthorized(case):
    return into_volume(case, case.workspace("rest.status=401,match=/fs/"))


@scenario("databricks-refused")
def databricks_refused(case):
    return into_volume(case, {**case.workspace(), "DATABRICKS_HOST": "http://127.0.0.1:1"})


def workspace_with_tls(case):
    """(settings of both sides, the certificate, the workspace's port): nobody that the program knows has signed the certificate."""
    sandbox = case.request.getfixturevalue("make_sandbox")("--tls")
    port = sandbox.info["databricks"]["port"]
    return {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": f"https://127.0.0.1:{port}"}, sandbox.info["certificate"], port


@scenario("databricks-certificate")
def databricks_certificate(case):
    settings, certificate, _ = workspace_with_tls(case)
    assert into_volume(case, {**settings, "DATABRICKS_CA_FILE": certificate}).status == 0
    return into_volume(case, settings)


@scenario("databricks-certificate-host")
def databricks_certificate_host(case):
    settings, certificate, port = workspace_with_tls(case)
    elsewhere = proxy(case, port, listen=ELSEWHERE)
    return into_volume(case, {**settings, "DATABRICKS_CA_FILE": certificate, "DATABRICKS_HOST": f"https://{ELSEWHERE}:{elsewhere.port}"})


@scenario("databricks-forbidden")
def databricks_forbidden(case):
    return into_volume(case, case.workspace("rest.status=403,match=/fs/"))


@scenario("databricks-volume")
def databricks_volume(case):
    return into_volume(case, case.workspace(), "/Volumes/main/default/nowhere")


def into_watched_volume(case, faults):
    """(the result, the proxy that saw the requests and the answers)."""
    settings = case.workspace(faults)
    watched = proxy(case, settings["DATABRICKS_HOST"].rsplit(":", 1)[1])
    return into_volume(case, {**settings, "DATABRICKS_HOST": f"http://127.0.0.1:{watched.port}"}), watched


def refused_twice(case, status):
    result, watched = into_watched_volume(case, f"rest.status={status},retry_after=1,times=2,match=/fs/files,method=PUT")
    assert watched.answered.count(f"HTTP/1.1 {status} ".encode()) == 2
    return result


@scenario("databricks-busy")
def databricks_busy(case):
    return refused_twice(case, 429)


@scenario("databricks-unavailable")
def databricks_unavailable(case):
    return refused_twice(case, 503)


@scenario("databricks-fails")
def databricks_fails(case):
    result, watched = into_watched_volume(case, "rest.status=500,match=/fs/files,method=PUT")
    assert watched.answered.count(b"HTTP/1.1 500 ") >= 4
    return result


@scenario("databricks-cut")
def databricks_cut(case):
    result, watched = into_watched_volume(case, "rest.cut_upload=100,times=1,match=one.parquet")
    uploads = re.findall(rb"PUT (\S*one\.parquet\S*) HTTP", watched.sent)
    assert len(uploads) == 2 and uploads[0] == uploads[1], uploads
    return result


@scenario("databricks-profile")
def databricks_profile(case):
    bridge = case.bridge({**case.server, "DATABRICKS_PROFILE": "nobody", "DATABRICKS_CONFIG_FILE": "profiles"})
    bridge.write("profiles", "[DEFAULT]\nhost = https://workspace.example\n")
    return extract(bridge, destination="/Volumes/main/default/landing")


@scenario("server-with-port")
def server_with_port(case):
    return extract(case.bridge({**case.server, "SQLSERVER_HOST": "db.example:1433"}))


@scenario("databricks-warehouse")
def databricks_warehouse(case):
    bridge = case.bridge({"DATABRICKS_HOST": "http://127.0.0.1:1", "DATABRICKS_TOKEN": "t"})
    for words in (("sql", "--on", "databricks", "SELECT 1"), ("sync", "--sandbox", "sqlserver"), ("init", "--sandbox", "sqlserver")):
        assert "error: No Databricks SQL warehouse is named" in bridge.run(*words).err, words
    return bridge.run("events", "list")


@scenario("databricks-copied")
def databricks_copied(case):
    settings = {**case.server, "DATABRICKS_HOST": "https://workspace.example/?o=123", "DATABRICKS_TOKEN": "not-a-word"}
    return extract(case.bridge(settings), destination="/Volumes/main/default/landing")


@scenario("databricks-plain")
def databricks_plain(case):
    settings = {**case.server, "DATABRICKS_HOST": "http://workspace.example", "DATABRICKS_TOKEN": "not-a-word"}
    return extract(case.bridge(settings), destination="/Volumes/main/default/landing")


# ---- events


def with_events(case, *events, **settings):
    """A program on the embedded servers whose events table holds DELETE events on a table that is not there."""
    bridge = case.bridge(settings)
    bridge.run("init", check=True)
    for event in events:
        emit(bridge, "--event-id", event, "--filter", '{"id": 1}', check=True)
    return bridge


def emit(bridge, *options, operation="DELETE", keys=("--key", "id"), **kwargs):
    return bridge.run("events", "emit", "--operation", operation, "--target", "dbo.Nowhere", *keys, *options, **kwargs)


@scenario("events-no-table")
def events_no_table(case):
    return case.bridge().run("sync", "--once")


@scenario("events-table-name")
def events_table_name(case):
    return case.bridge({"EVENTS_TABLE": "bridge..events"}).run("sync", "--once")


@scenario("events-no-ledger")
def events_no_ledger(case):
    return with_events(case).run("sync", "--once", env={"SYNC_LEDGER_TABLE": "dbo.other"})


@scenario("events-wrong-table")
def events_wrong_table(case):
    bridge = case.bridge({"EVENTS_TABLE": "main.default.other"})
    bridge.sql("databricks", "CREATE TABLE main.default.other (i INT)")
    return bridge.run("init")


@scenario("events-wrong-ledger")
def events_wrong_ledger(case):
    bridge = case.bridge({"SYNC_LEDGER_TABLE": "dbo.other"})
    bridge.sql("sqlserver", "CREATE TABLE dbo.other (i int)")
    return bridge.run("init")


@scenario("events-no-schema")
def events_no_schema(case):
    return case.bridge({"SYNC_LEDGER_TABLE": "nowhere.ledger"}).run("init")


@scenario("serve-events-table")
def serve_events_table(case):
    return case.bridge({"EVENTS_TABLE": "bridge..events"}).run("serve", "--port", 0, "--host", "127.0.0.1")


@scenario("events-emit-filter")
def events_emit_filter(case):
    options = ("--source", "main.default.s", "--filter", '{"id": 1}')
    return emit(with_events(case), *options, operation="UPDATE")


@scenario("events-emit-keys")
def events_emit_keys(case):
    return emit(with_events(case), "--source", "main.default.t", operation="UPDATE", keys=())


@scenario("events-emit-json")
def events_emit_json(case):
    return emit(with_events(case), "--filter", '{"id":')


@scenario("events-emit-source")
def events_emit_source(case):
    return emit(with_events(case), operation="INSERT")


@scenario("events-emit-range")
def events_emit_range(case):
    return emit(case.bridge(), "--filter", '{"id": 1}', "--rows-expected", "-1")


@scenario("events-emit-number")
def events_emit_number(case):
    return emit(with_events(case), "--filter", '{"id": 1}', "--priority", "high")


@scenario("events-exists")
def events_exists(case):
    return emit(with_events(case, "e1"), "--filter", '{"id": 1}', "--event-id", "e1")


@scenario("events-unknown")
def events_unknown(case):
    return with_events(case).run("events", "show", "e1")


@scenario("events-retry")
def events_retry(case):
    return with_events(case, "e1").run("events", "retry", "e1")


@scenario("events-cancel")
def events_cancel(case):
    bridge = with_events(case, "e1")
    bridge.run("sync", "--once")
    return bridge.run("events", "cancel", "e1")


@scenario("events-watch")
def events_watch(case):
    return with_events(case, "e1").run("events", "watch", "e1", "--timeout", 1, "--interval", 1)


@scenario("events-failed")
def events_failed(case):
    bridge = with_events(case, "e1")
    bridge.run("sync", "--once")
    return bridge.run("events", "watch", "e1")


@scenario("events-audit")
def events_audit(case):
    names = {"EVENTS_TABLE": "main.default.unaudited", "SYNC_LEDGER_TABLE": "dbo.unaudited"}
    bridge = with_events(case, "e1", **case.workspace(), **names)
    return bridge.run("sync", "--once", env={"USE_DATABRICKS": "true", "AUDIT_FILE": "/dev/full"})


@scenario("events-plan")
def events_plan(case):
    return with_events(case, "e1").run("events", "plan", "e1")
