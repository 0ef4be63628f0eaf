"""A run with --overwrite over an earlier result is killed (-9) in every phase; what each kind of reader then sees is
what docs/EXTRACT.md promises, and the next run cleans up.

The calls at which runs die are chosen from the trace of a whole run over an earlier result (kills.py); others die at a
random moment, by a signal from outside. Every kill starts from the earlier result as it was.
"""

import collections
import dataclasses
import os
import signal
import subprocess

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from conftest import PROGRAM, named
from kills import DATA, KILLPOINT, MANIFEST, PHASES, ROWS, VARIANTS, Killing, Rule, states, views
from readers import files_by_manifest, visible_files

PLACES = ["folder", "volume"]
EACH = 10  # kills of a phase at a place


def marks(table):
    return dict(collections.Counter(table.column("mark").to_pylist()))


def marks_of_files(files):
    counts = collections.Counter()
    for file in files:
        counts.update(marks(pq.read_table(file)))
    return dict(counts)


def marks_of_folder(folder):
    return marks(pyarrow.dataset.dataset(str(folder), format="parquet").to_table(columns=["mark"]))


@pytest.fixture(scope="module")
def killing(request, tmp_path_factory):
    """killing(place, name): a Killing at a folder or a volume."""
    sandbox = request.getfixturevalue("sandbox")

    def make(place, name):
        settings = {**(named("SQLSERVER") or sandbox.sqlserver), **(sandbox.databricks if place == "volume" else {})}
        return Killing(tmp_path_factory.mktemp(f"{name}-{place}"), settings, sandbox if place == "volume" else None)

    return make


@pytest.fixture(scope="module")
def kills(killing):
    """kills(place): all kills at a place, made once."""
    made = {}

    def at(place):
        if place not in made:
            runs = killing(place, "kills")
            runs.choose(VARIANTS, EACH, rest=2, outside=3)
            made[place] = runs.carry_out()
        return made[place]

    return at


def check(kill):
    """What the readers see is what had been done when the run died, and a rerun leaves nothing else than its result."""
    assert kill.status == -signal.SIGKILL, kill
    possible = [views(state, kill.variant) for state in states(kill)]
    by_manifest = marks_of_files(files_by_manifest(kill.snapshot))
    by_file = marks_of_files(visible_files(kill.snapshot))
    assert marks_of_folder(kill.snapshot) == by_file, kill
    assert (by_manifest, by_file) in [({mark: ROWS}, rows) for mark, rows in possible], (kill, by_manifest, by_file, possible)
    assert kill.rerun.status == 0, (kill, kill.rerun)
    assert marks_of_files(visible_files(kill.rerun_files)) == {"again": ROWS}, kill
    assert set(visible_files(kill.rerun_files)) == set(files_by_manifest(kill.rerun_files)), kill
    assert not kill.left_behind, (kill, kill.left_behind)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("place", PLACES)
def test_readers_see_a_whole_result_after_a_kill_in_each_phase(kills, place, phase):
    those = [kill for kill in kills(place) if kill.phase == phase]
    assert len(those) >= 10
    for kill in those:
        assert kill.died_in == phase, kill
        check(kill)


@pytest.mark.parametrize("place", PLACES)
def test_readers_see_a_whole_result_after_a_kill_at_any_other_moment(kills, place):
    """While connecting, locking and cleaning up; and at random moments, by a signal from outside."""
    for phase in ("rest", "any"):
        those = [kill for kill in kills(place) if kill.phase == phase]
        assert len(those) >= 2 * len(VARIANTS)
        for kill in those:
            check(kill)


def test_a_copy_from_another_file_system_appears_whole(killing):
    """The spool folder is on another file system: files are copied beside the result and then renamed."""
    runs = killing("folder", "apart")
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(runs.top).st_dev:
        pytest.skip("/dev/shm is no other file system than that of the tests' folder")
    runs.choose([dataclasses.replace(VARIANTS[0], apart=True), dataclasses.replace(VARIANTS[1], apart=True)], EACH, phases=["upload"])
    made = runs.carry_out()
    assert len(made) >= 10 and any(".parquet.tmp" in kill.events[-1] for kill in made)
    for kill in made:
        assert kill.died_in == "upload", kill
        check(kill)


# One file is in place, and the next manifest is not; a file has been announced, and is not in place.
PUT = Rule(rf"^(open|request PUT) .*{MANIFEST}", start=rf"^(rename .* -> |answer PUT ).*{DATA}")
ANNOUNCED = Rule(PHASES["upload"])


@pytest.mark.parametrize("place", PLACES)
def test_runs_that_die_one_after_another_leave_one_whole_result(killing, place):
    runs = killing(place, "chain")
    case = runs.case()
    case.reset(runs.make_old(1))
    stands = "old"
    chain = [(1, PUT, 1), (1, ANNOUNCED, 1), (4, PUT, 2), (1, ANNOUNCED, 1), (4, ANNOUNCED, 1), (1, PUT, 1), (1, ANNOUNCED, 1)]
    for n, (files, rule, visible) in enumerate(chain):
        assert case.start(files, f"new{n}", rule).wait() == -signal.SIGKILL
        runs.settle()
        if files == 1 and rule is PUT:  # it has taken the old one's name
            stands = f"new{n}"
        assert marks_of_files(files_by_manifest(case.folder)) == {stands: ROWS}, n
        assert len(visible_files(case.folder)) == visible, n  # no more than one dead run's files
    assert case.run(4, "again").status == 0
    assert marks_of_files(files_by_manifest(case.folder)) == marks_of_folder(case.folder) == {"again": ROWS}
    assert not case.left_behind()


def torn(name, how):
    """A volume that does not replace a file at once leaves half of it, or none."""
    def tear(folder):
        for path in folder.glob(name):
            if how == "gone":
                path.unlink()
            else:
                os.truncate(path, path.stat().st_size // 2)

    return tear


@pytest.mark.parametrize("how", ["half", "gone"])
def test_a_volume_that_does_not_replace_files_at_once_loses_no_manifest(killing, how):
    """A run dies in the middle of a PUT, and the file that it would have replaced is torn."""
    runs = killing("volume", f"torn-{how}")
    one, four = VARIANTS[0], VARIANTS[1]
    planned = [
        (one, rf"^body PUT .*{MANIFEST}\.next", 1, "_manifest.json.next", "old"),
        (one, rf"^body PUT .*{MANIFEST}\?", 1, "_manifest.json", "old"),
        (one, rf"^body PUT .*{MANIFEST}\?", 2, "_manifest.json", "new"),
        (four, rf"^body PUT .*{MANIFEST}\?", 3, "_manifest.json", "old"),
        (four, rf"^body PUT .*{MANIFEST}\?", 5, "_manifest.json", "new"),
        (one, rf"^body PUT .*{DATA}", 1, "numbers.parquet", None),
    ]
    for variant, at, nth, name, _ in planned:
        runs.make_old(variant.old_files)
        runs.plan.append((variant, "torn", Rule(at, nth, half=True), torn(name, how)))
    for kill, (_, _, _, _, mark) in zip(runs.carry_out(), planned):
        assert kill.status == -signal.SIGKILL and kill.events[-1].startswith("body PUT"), kill
        if mark is None:  # the one loss that docs/EXTRACT.md names
            with pytest.raises(AssertionError, match="no whole result"):
                files_by_manifest(kill.snapshot)
        else:
            assert marks_of_files(files_by_manifest(kill.snapshot)) == {mark: ROWS}, kill
        assert kill.rerun.status == 0, (kill, kill.rerun)
        assert marks_of_folder(kill.rerun_files) == {"again": ROWS} and not kill.left_behind, kill


def test_spark_sees_the_same_after_every_kill(kills, spark):
    from pyspark.sql import functions

    those = [kill for place in PLACES for kill in kills(place)]
    spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.threshold", len(those))  # a job for listing takes longer
    folder = functions.regexp_extract(functions.input_file_name(), "^file:/+(/.*)/[^/]*$", 1)

    def seen(*folders):
        frame = spark.read.parquet(*map(str, folders))
        counts = {str(path): {} for path in folders}
        for row in frame.groupBy(folder.alias("folder"), "mark").count().collect():
            counts[row["folder"]][row["mark"]] = row["count"]
        return counts

    together = seen(*(kill.snapshot for kill in those))
    for kill in those:
        rows = together[str(kill.snapshot)]
        assert rows in [rows for _, rows in (views(state, kill.variant) for state in states(kill))], (kill, rows)
    for path in {kill.phase: kill.snapshot for kill in those if kill.phase in PHASES}.values():  # as a user reads it
        assert seen(path) == {str(path): together[str(path)]}


def test_a_container_that_starts_again_takes_over_the_lock_of_the_one_before(killing):
    """The volume's lock names a process of a namespace that is gone: its spool folder tells that the run is dead."""
    # The program is not the first process of its namespace: that one can't kill itself.
    apart = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", '"$@"; exit $?', "sh"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces of process ids here")
    case = killing("volume", "containers").case()

    def run(data="data", rule=None):
        env = {"BRIDGE_DATA_DIR": str(case.bridge.folder / data)}
        if rule:
            env |= {"LD_PRELOAD": str(KILLPOINT), "KILLPOINT_LOG": str(case.log), **rule.env()}
        return subprocess.run([*apart, str(PROGRAM), *map(str, case.command(1, "new"))], cwd=case.bridge.folder,
                              env=case.bridge.env(env), capture_output=True, text=True, timeout=120)

    assert run(rule=Rule(rf"^request PUT .*{MANIFEST}")).returncode == 128 + signal.SIGKILL
    assert (case.folder / "_bridge_lock.json").exists()
    elsewhere = run(data="other")
    assert elsewhere.returncode == 1 and "Another run (" in elsewhere.stderr, elsewhere
    again = run()
    assert again.returncode == 0, again
    assert marks_of_files(visible_files(case.folder)) == {"new": ROWS}
    assert not (case.folder / "_bridge_lock.json").exists()
