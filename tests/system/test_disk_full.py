"""A disk that fills up in the middle of a run, the real thing: the kernel says ENOSPC (or EFBIG) to the release program.

One clear error for the query that met it, nothing of it left behind, the earlier result as it was, and the other queries run.
"""

import os
import resource
import subprocess

import pytest

from conftest import wait_until

MIB = 1 << 20
DIGITS = "d(n) AS (SELECT n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v(n))"
# Doubles that no encoding makes smaller: 8 MB, and more than any of these disks holds.
SOME = f"WITH {DIGITS} SELECT SQRT(a.n + 10.0 * b.n + 100.0 * c.n + 1000.0 * e.n + 1e4 * f.n + 1e5 * g.n + 3e-7) AS x FROM d a, d b, d c, d e, d f, d g"
MUCH = f"WITH {DIGITS} SELECT SQRT(a.n + 10.0 * b.n + 100.0 * c.n + 1000.0 * e.n + 1e4 * f.n + 1e5 * g.n + 1e6 * h.n + 1e7 * i.n + 3e-7) AS x FROM d a, d b, d c, d e, d f, d g, d h, d i"


class Disk:
    """A file system of its own in memory. It can be made smaller while it is in use."""

    def __init__(self, folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")

    def used(self):
        state = os.statvfs(self.folder)
        return (state.f_blocks - state.f_bfree) * state.f_frsize

    def resize(self, size):
        done = subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], capture_output=True)
        return done.returncode == 0

    def shrink_to_what_is_used(self):
        wait_until(lambda: self.resize(self.used() + MIB), what="a smaller disk")

    def remove(self):
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def make_disk():
    disks = []

    def make(folder, size):
        disks.append(Disk(folder, size))
        return disks[-1]

    yield make
    for disk in disks:
        disk.remove()


@pytest.fixture
def work(make_bridge, sandbox):
    """A program with queries a, big and c and complete results of all three."""
    bridge = make_bridge({**sandbox.sqlserver, **sandbox.databricks})
    bridge.write("config/Northland.yaml", "code: NL\n")
    bridge.write("queries/a.sql", "SELECT 1 AS n")
    bridge.write("queries/big.sql", "SELECT 2 AS n")
    bridge.write("queries/c.sql", "SELECT 3 AS n")
    return bridge


def arguments(*options, destination="out"):
    common = ["extract", "-q", "queries", "-c", "config", "--country", "Northland", "-d", destination, "--overwrite"]
    return [*common, "--parallel", "1", *options]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def earlier_result(work, *options, **kwargs):
    result = work.run(*arguments(*options, **kwargs))
    assert result.status == 0, result


def holds_something(folder, pattern):
    """Files may go while they are looked at."""
    try:
        return any(path.stat().st_size > 0 for path in folder.glob(pattern))
    except FileNotFoundError:
        return False


def run_until_full(work, disk, spooled, *options, **kwargs):
    """Runs with a query that is too big, and makes the disk small once its spooled file grows."""
    work.write("queries/big.sql", MUCH)
    with (work.folder / "err").open("w+") as err:
        process = work.start(*arguments(*options, **kwargs), stdout=subprocess.DEVNULL, stderr=err)
        try:
            wait_until(lambda: holds_something(disk.folder, spooled), what="a spooled file")
            disk.shrink_to_what_is_used()
            status = process.wait(300)
        finally:
            process.kill()
            process.wait()
        err.seek(0)
        return status, err.read()


def check_that_only_big_failed(status, said, reason="No space left on device"):
    assert status == 1, said
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, said
    assert errors[0].startswith("error: Query 'big': ") and reason in errors[0], said
    assert "a: 1 row, " in said and "c: 1 row, " in said


def test_beside_the_result(work, make_disk):
    disk = make_disk(work.folder / "out/Northland/big", 600 * MIB)
    earlier_result(work)
    before = contents(disk.folder)
    status, said = run_until_full(work, disk, ".bridge-spool/*.parquet")
    check_that_only_big_failed(status, said)
    assert contents(disk.folder) == before
    assert not (disk.folder / ".bridge-spool").exists()


def test_in_a_spool_folder_on_the_way_into_a_volume(work, sandbox, make_disk):
    place = f"/Volumes/main/default/landing/{work.folder.parent.name}"
    disk = make_disk(work.folder / "spool", 600 * MIB)
    earlier_result(work, "--spool-dir", "spool", "--query", "a", "--query", "big", destination=place)
    folder = sandbox.volumes / place.removeprefix("/Volumes/")
    before = contents(folder / "Northland/big")
    assert before
    status, said = run_until_full(work, disk, "*-big/*.parquet", "--spool-dir", "spool", "--query", "a", "--query", "big", destination=place)
    assert status == 1
    assert "error: Query 'big': " in said and "No space left on device" in said, said
    assert contents(folder / "Northland/big") == before
    assert [path.name for path in disk.folder.iterdir()] == [".id"]


@pytest.mark.parametrize("room", ["some", "none"])
def test_at_the_destination(work, make_disk, room):
    disk = make_disk(work.folder / "out/Northland/big", 2 * MIB)
    earlier_result(work, "--spool-dir", "spool")
    if room == "none":  # not even for a manifest
        with (disk.folder / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError):
            while True:
                ballast.write(bytes(4096))
    before = contents(disk.folder)
    work.write("queries/big.sql", SOME)
    result = work.run(*arguments("--spool-dir", "spool"))
    check_that_only_big_failed(result.status, result.err)
    assert contents(disk.folder) == before
    assert [path.name for path in (work.folder / "spool").iterdir()] == [".id"]


def test_a_limit_of_the_files_size(work):
    """As ulimit -f sets it: the kernel says EFBIG, and would kill a program that doesn't expect it."""
    earlier_result(work)
    before = contents(work.folder / "out/Northland/big")
    work.write("queries/big.sql", SOME)
    with (work.folder / "err").open("w+") as err:
        process = work.start(
            *arguments(),
            stdout=subprocess.DEVNULL,
            stderr=err,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB)),
        )
        assert process.wait(300) == 1
        err.seek(0)
        check_that_only_big_failed(1, err.read(), "File too large")
    assert contents(work.folder / "out/Northland/big") == before
