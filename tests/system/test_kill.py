"""A run with --overwrite over an earlier result is killed (-9) in every phase; what each kind of reader then sees is
what docs/EXTRACT.md promises, and the next run cleans up.

strace sends the signal at the n-th call of a kind, so that each phase is hit for sure; other moments are random.
"""

import random
import shutil
import signal
import subprocess
import time

import pyarrow.parquet as pq
import pytest

from conftest import PROGRAM, named
from readers import files_by_manifest, visible_files

DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
QUERY = f"""WITH d AS ({DIGITS})
SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n AS id, '{{mark}}' AS mark
FROM d AS a CROSS JOIN d AS b CROSS JOIN d AS c CROSS JOIN d AS e
"""
ROWS = 10_000

# phase -> the system calls that it is made of; the n-th one is where the run dies
PHASES = {
    "read": ["recvfrom"],
    "spool": ["write"],
    "upload": ["rename", "fsync", "pread64"],
    "manifest": ["rename", "fsync", "sendto"],
    "delete": ["unlink"],
}


@pytest.fixture(scope="module")
def strace():
    program = shutil.which("strace")
    assert program, "strace is not installed"
    return program


@pytest.fixture(params=["folder", "volume"])
def target(request, make_bridge):
    """(Bridge, destination as the program names it, result folder on disk)."""
    settings = {**(named("SQLSERVER") or request.getfixturevalue("sandbox").sqlserver)}
    if request.param == "volume":
        sandbox = request.getfixturevalue("sandbox")
        settings.update(sandbox.databricks)
    bridge = make_bridge(settings)
    bridge.write("queries/numbers.sql", QUERY)
    bridge.write("config/Land.yaml", "mark: old\n")
    if request.param == "folder":
        return bridge, "out", bridge.folder / "out" / "Land" / "numbers"
    place = f"/Volumes/main/default/landing/{bridge.folder.parent.name}"
    return bridge, place, sandbox.volumes / "main/default/landing" / bridge.folder.parent.name / "Land" / "numbers"


def arguments(destination, chunk):
    return ["extract", "-q", "queries", "-c", "config", "--country", "Land", "-d", destination, "--chunk-size", chunk, "--overwrite"]


def marks(files):
    """How many rows of each mark the files hold."""
    counts = {}
    for file in files:
        for mark in pq.read_table(file).column("mark").to_pylist():
            counts[mark] = counts.get(mark, 0) + 1
    return counts


def check_readers(folder, several):
    by_manifest = marks(files_by_manifest(folder))
    assert by_manifest in ({"old": ROWS}, {"new": ROWS}), by_manifest
    by_folder = marks(visible_files(folder))
    if several:
        # One of the results is whole; the other may be there in part.
        assert ROWS in by_folder.values(), by_folder
        assert set(by_folder) <= {"old", "new"} and max(by_folder.values()) == ROWS
    else:
        assert by_folder in ({"old": ROWS}, {"new": ROWS}), by_folder


def settle(bridge, destination, folder, chunk, mark):
    """A run to its end, as an operator would make it after the death of another; leaves nothing behind."""
    bridge.write("config/Land.yaml", f"mark: {mark}\n")
    bridge.run(*arguments(destination, chunk), check=True)
    assert marks(visible_files(folder)) == {mark: ROWS}
    named_files = {path.name for path in files_by_manifest(folder)}
    assert {path.name for path in folder.iterdir()} == named_files | {"_manifest.json"}


def traced(strace, bridge, destination, chunk, *options):
    """A run under strace; returns its exit status."""
    bridge.write("config/Land.yaml", "mark: new\n")
    return subprocess.run(
        [strace, "-f", "-qq", *options, str(PROGRAM), *map(str, arguments(destination, chunk))],
        cwd=bridge.folder, env=bridge.env(), capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
    ).returncode


def count_calls(strace, bridge, destination, chunk, call):
    """How often a whole run makes a system call."""
    log = bridge.folder / "strace.log"
    assert traced(strace, bridge, destination, chunk, "-o", log, "-e", f"trace={call}") == 0
    return sum(f" {call}(" in line for line in log.read_text().splitlines())


@pytest.mark.parametrize("chunk", [0, 2500], ids=["one_file", "four_files"])
@pytest.mark.parametrize("phase", PHASES)
def test_readers_see_a_whole_result_after_ten_kills_in_each_phase(target, strace, phase, chunk):
    bridge, destination, folder = target
    calls = [(call, when) for call in PHASES[phase] for when in range(count_calls(strace, bridge, destination, chunk, call))]
    assert calls, "the phase makes none of its system calls"
    settle(bridge, destination, folder, chunk, "old")
    seed = random.Random(f"{phase}-{chunk}")
    kills = 0
    for attempt in range(40):
        if kills == 10:
            break
        call, when = calls[attempt % len(calls)] if len(calls) <= 15 else seed.choice(calls)
        status = traced(strace, bridge, destination, chunk, "-o", "/dev/null", "-e", f"trace={call}",
                        "-e", f"inject={call}:signal=KILL:when={when + 1}")
        kills += status in (-signal.SIGKILL, 128 + signal.SIGKILL)
        check_readers(folder, several=chunk != 0)
        settle(bridge, destination, folder, chunk, "old")
    assert kills == 10


def test_a_container_that_starts_again_takes_over_the_lock_of_the_one_before(strace, sandbox, make_bridge):
    """The volume's lock names a process of a namespace that is gone: its spool folder tells that the run is dead."""
    apart = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces of process ids here")
    bridge = make_bridge({**sandbox.sqlserver, **sandbox.databricks})
    bridge.write("queries/numbers.sql", QUERY)
    bridge.write("config/Land.yaml", "mark: new\n")
    name = f"containers-{bridge.folder.parent.name}"
    folder = sandbox.volumes / "main/default/landing" / name / "Land" / "numbers"

    def run(*before, data="data"):
        return subprocess.run(
            [*apart, *before, str(PROGRAM), *arguments(f"/Volumes/main/default/landing/{name}", "0")], cwd=bridge.folder,
            env=bridge.env({"BRIDGE_DATA_DIR": str(bridge.folder / data)}), capture_output=True, text=True, timeout=120)

    for when in range(1, 60):
        killed = run(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e", f"inject=sendto:signal=KILL:when={when}")
        assert killed.returncode != 0, "the run never died holding its lock"
        if (folder / "_bridge_lock.json").exists():
            break
    elsewhere = run(data="other")
    assert elsewhere.returncode == 1 and "Another run (" in elsewhere.stderr, elsewhere
    again = run()
    assert again.returncode == 0, again
    assert marks(visible_files(folder)) == {"new": ROWS}
    assert not (folder / "_bridge_lock.json").exists()


def test_spark_reads_one_whole_file_after_kills_at_random_moments(target, spark):
    bridge, destination, folder = target
    settle(bridge, destination, folder, 0, "old")
    seed = random.Random(9)
    for _ in range(10):
        bridge.write("config/Land.yaml", "mark: new\n")
        process = bridge.start(*arguments(destination, 0), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seed.uniform(0, 0.3))
        process.kill()
        process.wait()
        counts = {row["mark"]: row["count"] for row in spark.read.parquet(str(folder)).groupBy("mark").count().collect()}
        assert counts in ({"old": ROWS}, {"new": ROWS})
        check_readers(folder, several=False)
    settle(bridge, destination, folder, 0, "old")
