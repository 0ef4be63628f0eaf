"""The files that operators start from (examples/kubernetes, examples/systemd) fit the program: settings, arguments, routes, libraries.
What the sync guides show in SQL and on the command line runs on the sandbox; all of it, with Spark: tests/clients/test_guide_code.py."""

import pathlib
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from conftest import PROGRAM

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def settings_of(bridge):
    return {row[0] for row in bridge.run("config", "show", "--output", "json", check=True).json()["rows"]}


def options_of(bridge):
    return set(re.findall(r"--[a-z-]+", bridge.run("serve", "--help", check=True).out))


def check_setting(name, known):
    assert name in known or name.removesuffix("_FILE") in known, name


def test_kubernetes(bridge):
    documents = {d["kind"]: d for d in yaml.safe_load_all((EXAMPLES / "kubernetes/bridge.yaml").read_text())}
    pod = documents["StatefulSet"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    known = settings_of(bridge)
    values = {}
    for variable in container["env"]:
        check_setting(variable["name"], known)
        values[variable["name"]] = variable["value"]
    arguments = container["args"]
    assert arguments[0] == "serve"
    assert {a for a in arguments if a.startswith("--")} <= options_of(bridge)
    # What the pod writes and reads is mounted.
    mounts = [m["mountPath"] for m in container["volumeMounts"]]
    for name, value in values.items():
        for path in value.split(":") if value.startswith("/") else []:
            assert any(pathlib.PurePath(path).is_relative_to(m) for m in mounts), (name, path)
    # Kubernetes' patience covers the program's own.
    patience = sum(int(arguments[arguments.index(name) + 1]) for name in ("--grace", "--patience"))
    assert pod["terminationGracePeriodSeconds"] >= patience + 60
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        assert f"`GET {path}`" in (EXAMPLES.parent / "docs/API.md").read_text(), path


def test_kubernetes_settings_start_in_strict_mode(make_bridge):
    """With its secrets in place the manifest's environment is complete: what is left to complain about is the network."""
    documents = list(yaml.safe_load_all((EXAMPLES / "kubernetes/bridge.yaml").read_text()))
    env = {v["name"]: v["value"] for v in documents[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    bridge = make_bridge({})
    for name in [name for name in env if name.endswith("_FILE") and name != "PERMISSIONS_FILE"]:
        env[name] = str(bridge.write(name, "a-secret-of-this-test\n"))
    shown = bridge.run("config", "show", "--output", "json", env=env)
    assert shown.status == 0, shown
    assert "a-secret-of-this-test" not in shown.out + shown.err
    result = bridge.run("test-connection", env={**env, "SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1",
                                                "DATABRICKS_HOST": "https://127.0.0.1:1", "BRIDGE_DATA_DIR": str(bridge.data)})
    assert result.status == 1
    assert "must be set" not in result.err and "placeholder" not in result.err, result


def test_systemd(bridge):
    lines = [line.split("=", 1) for line in (EXAMPLES / "systemd/sql-databricks-bridge.service").read_text().splitlines()
             if "=" in line and not line.startswith("#")]
    known = settings_of(bridge)
    for key, value in lines:
        if key == "Environment":
            check_setting(value.split("=")[0], known)
        if key == "ExecStart":
            words = value.split()
            assert words[1] == "serve" and {w for w in words if w.startswith("--")} <= options_of(bridge)


def test_image_has_the_libraries():
    """Every library that the program itself names comes with a package that the image installs."""
    if not shutil.which("readelf") or not shutil.which("dpkg-query"):
        pytest.skip("readelf and dpkg-query are not both here")
    needed = re.findall(r"NEEDED.*\[(.+)\]", subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True).stdout)
    assert "libcurl.so.4" in needed
    image = (EXAMPLES / "kubernetes/Dockerfile").read_text().split("FROM")[-1]
    installed = set(re.search(r"install -y --no-install-recommends (.*?)\\", image, re.S)[1].split()) | {"libc6"}
    for library in needed:
        if library.startswith(("libasan", "libubsan")):
            continue
        owner = subprocess.run(["dpkg-query", "--search", f"*/{library}"], capture_output=True, text=True)
        packages = {line.split(":")[0] for line in owner.stdout.splitlines()}
        assert packages & installed, (library, packages)


def statements(language, text):
    """Databricks' statements of a block: a semicolon at a line's end closes one; in Python, what spark.sql() is given as it stands."""
    if language == "python":
        return [long or short for long, short in re.findall(r'spark\.sql\((?:"""(.*?)"""|"(.*?)")\)', text, re.S)]
    return [part for part in re.split(r";[ ]*(?:\n|$)", text) if part.strip()]


@pytest.mark.parametrize(
    "page, events, ended",
    [
        ("SYNC_GUIDE.md", "bridge.events.bridge_events", {"delete-order-11": "completed", "moved-1": "completed", "later": "completed"}),
        ("GUIA_SINCRONIZACION.md", "`000-sql-databricks-bridge`.events.bridge_events", {}),
    ],
)
def test_the_guides_run_on_the_sandbox(make_bridge, page, events, ended):
    bridge = make_bridge({"EVENTS_TABLE": events})
    text = (EXAMPLES.parent / "docs" / page).read_text(encoding="utf-8")
    bridge.run("init", "--test-table", check=True)
    ran = 0
    for language, block in re.findall(r"^```(python|sql|bash)\n(.*?)^```$", text, re.M | re.S):
        if language == "bash":
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)[1:]
                if words[:2] == ["events", "emit"]:  # the others wait for a service, or start it
                    bridge.run(*(word for word in words if word != "--wait"), check=True)
        elif block.startswith("-- SQL Server"):
            bridge.sql("sqlserver", block.partition("\n")[2])
        else:
            for sql in statements(language, block):
                bridge.sql("databricks", sql)
                ran += 1
    assert ran > 4
    bridge.run("sync", "--once")  # 1 where the page has an event that fails
    rows = bridge.sql("databricks", f"SELECT event_id, status FROM {events}").json()["rows"]
    assert {status for _, status in rows} <= {"completed", "failed"}
    assert ended.items() <= {tuple(row) for row in rows}
