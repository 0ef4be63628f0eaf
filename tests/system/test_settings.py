"""Every row of the table of docs/SETTINGS.md: which settings lead to the sandbox, to the servers, or to a refusal that
lists every problem at once."""

import re
import subprocess

import pytest
from conftest import CLEAN_ENV, ROOT

COMMANDS = {
    "both": ["init", "--dry-run"],
    "sqlserver": ["extract", "-q", "q", "-c", "c", "--country", "N", "-d", "out", "--plan"],
    "databricks": ["sql", "--on", "databricks", "SELECT 1"],
    "none": ["config", "show", "--output", "json"],
    "serve": ["serve", "--host", "127.0.0.1", "--port", "0"],
}
SIDES = {
    "S": {"SQLSERVER_HOST": "127.0.0.1", "SQLSERVER_PORT": "1", "SQLSERVER_USERNAME": "sa", "SQLSERVER_PASSWORD": "pw-of-sa"},
    "D": {"DATABRICKS_HOST": "https://w.invalid", "DATABRICKS_TOKEN": "dapi-1"},
}
PROFILES = """[DEFAULT]
host = https://p.invalid
token = dapi-of-profile

[half]
host = https://p.invalid

[whole]
host = https://p.invalid
token = dapi-of-profile
warehouse_id = abc

[sample]
host = https://p.invalid
token = <your-token>
"""


def rows():
    text = (ROOT / "docs" / "SETTINGS.md").read_text()
    table = text.split("## What comes of which settings", 1)[1]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")][2:]
    assert len(found) > 70
    return found


def prepare(bridge, cell):
    """The files of a row; gives its environment and the words of its command line."""
    bridge.write("q/a.sql", "SELECT 1 AS a")
    bridge.write("c/N.yaml", "x: y\n")
    bridge.write("secret", "from-a-file\n")
    bridge.write("empty", "")
    bridge.write("profiles", PROFILES)
    env, words = {}, []
    for side in re.findall(r"(?:^| )([SD])(?= |$)", re.sub(r"`[^`]*`", "", cell)):
        env.update(SIDES[side])
    for item in re.findall("`([^`]*)`", cell):
        if item.startswith("--"):
            words += item.split()
        elif item.startswith(".env: "):
            bridge.write(".env", item[6:] + "\n")
        else:
            name, value = item.split("=", 1)
            env[name] = value
    return env, words


class Started:
    """A service that began to serve: ended at once, with what it had said by then."""

    def __init__(self, process, log):
        self.out = process.stdout.readline()
        if self.out:
            process.kill()
        self.status = process.wait(60)
        process.stdout.close()
        self.err = log.read_text()
        self.status = 0 if self.out.startswith("Serving at http://127.0.0.1:") else self.status


def run(bridge, needed, words, env):
    if needed != "serve":
        return bridge.run(*COMMANDS[needed], *words, env=env)
    log = bridge.folder / "log"
    with open(log, "w") as stderr:
        return Started(bridge.start(*COMMANDS[needed], *words, env=env, stdout=subprocess.PIPE, stderr=stderr), log)


@pytest.mark.parametrize("cell, needed, outcome", rows())
def test_row(bridge, cell, needed, outcome):
    bridge.settings = {}  # not even BRIDGE_DATA_DIR
    assert not any(name in CLEAN_ENV for name in ("ENVIRONMENT", "DATABRICKS_HOST"))
    env, words = prepare(bridge, cell)
    result = run(bridge, needed, words, env)
    main, _, warnings = outcome.partition(", warning: ")
    kind, _, rest = main.partition(": ")
    lines = re.findall("`([^`]*)`", rest)
    assert re.findall("^warning: (.*)$", result.err, re.M) == re.findall("`([^`]*)`", warnings)
    stands_in = re.findall("embedded sandbox stands in for (.*);", result.err)
    assert stands_in == ([rest] if kind == "sandbox" else [])
    if kind == "refused":
        assert result.status == 1 and result.out == ""
        told = result.err.split("error: ", 1)[1].splitlines()
        assert (told if len(lines) == 1 and len(told) == 1 else [t for t in told[1:] if not t.startswith(("Set it in", "Only the poller"))]) == lines
    elif kind == "counts":
        name, value, origin = re.fullmatch(r"(\S+) = (.*) \((.*)\)", lines[0]).groups()
        assert [name, value, origin] in result.json()["rows"]
    else:
        assert kind in ("sandbox", "as configured")
        # Nobody listens at S: getting as far as that is what a row about SQL Server alone shows.
        assert result.status == 0 or "127.0.0.1:1: Can't connect" in result.err
