"""Extractions over an earlier result that are killed (-9) at chosen calls, and what must be there afterwards.

tests/interop/killpoint.c, loaded before the program's libraries, writes each call on a file or socket into a log and
kills the process at the one that was chosen. Which phase a call belongs to is told by its path or HTTP request alone.
The log says what had been done, and so what the folder must hold; nothing here asks the program.
"""

import concurrent.futures
import dataclasses
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile

from conftest import BUILD, PROGRAM, Bridge, wait_until

KILLPOINT = BUILD / "tests/interop/killpoint.so"
ROWS = 2000
DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
# Wide enough that rows arrive in many pieces.
QUERY = f"""WITH d AS ({DIGITS})
SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n AS id, '{{mark}}' AS mark, REPLICATE('{{mark}} ', 100) AS filler
FROM d AS a CROSS JOIN d AS b CROSS JOIN d AS c CROSS JOIN d AS e WHERE e.n < 2
"""

SPOOLED = r"/(\.bridge-spool|spool/[^/ ]+)/[^/ ]+\.parquet"
ASIDE = r"/Land/numbers/\.bridge-[^/ ]+\.parquet\.tmp"  # a copy from a spool folder of another file system
DATA = r"/Land/numbers/[^/ ._][^/ ]*\.parquet"
MANIFEST = r"/Land/numbers/_manifest\.json"
# Extended regular expressions of POSIX and of Python alike: what a phase consists of.
PHASES = {
    "read": r"^sql recv",
    "spool": rf"^(open|write) .*{SPOOLED}$",
    "upload": rf"^(fsync|pread) .*{SPOOLED}$|^(open|write|fsync) .*{ASIDE}$|^rename .* -> .*{DATA}$"
              rf"|^(request|body|answer) PUT .*{DATA}",
    "manifest": rf"^(open|write|fsync|rename) .*{MANIFEST}|^fsync .*/Land/numbers$|^(request|body|answer) PUT .*{MANIFEST}",
    "delete": rf"^unlink .*{DATA}$|^(request|answer) DELETE .*{DATA}$",
}
# What a server answers before a file is begun is connecting and logging in.
FROM = {"read": rf"^open .*{SPOOLED}$"}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A run for so many files over a result of so many."""

    name: str
    old_files: int
    new_files: int
    apart: bool = False  # a spool folder on another file system than the result

    @property
    def keeps_name(self):
        return self.old_files == self.new_files == 1


VARIANTS = [Variant("one_over_one", 1, 1), Variant("four_over_four", 4, 4), Variant("one_over_eight", 8, 1), Variant("four_over_one", 1, 4)]


@dataclasses.dataclass(frozen=True)
class Rule:
    """The nth event that fits `at`, counted behind the first that fits `start`; half: half of its bytes still go out."""

    at: str
    nth: int = 1
    start: str = ""
    half: bool = False

    def env(self):
        return {"KILLPOINT_AT": self.at, "KILLPOINT_NTH": str(self.nth)} | (
            {"KILLPOINT_FROM": self.start} if self.start else {}) | ({"KILLPOINT_HALF": "1"} if self.half else {})


class Case:
    """A program with a result folder of its own, in a folder or a volume."""

    def __init__(self, top, settings, volumes=None, spool_folder=None):
        self.top = top
        self.bridge = Bridge(top / "work", settings)
        self.volumes = volumes
        name = "-".join(top.parts[-2:])
        self.destination = "out" if volumes is None else f"/Volumes/main/default/landing/{name}"
        root = self.bridge.folder / "out" if volumes is None else volumes / "main/default/landing" / name
        self.folder = root / "Land" / "numbers"
        self.spool_folder = spool_folder
        self.log = top / "events.log"
        self.bridge.write("queries/numbers.sql", QUERY)

    def command(self, files, mark):
        self.bridge.write("config/Land.yaml", f"mark: {mark}\n")
        chunk = 0 if files == 1 else ROWS // files
        spool = ["--spool-dir", self.spool_folder] if self.spool_folder else []
        return ["extract", "-q", "queries", "-c", "config", "--country", "Land", "-d", self.destination,
                "--chunk-size", chunk, "--overwrite", *spool]

    def run(self, files, mark):
        """A run to its end, as an operator would make it after the death of another."""
        return self.bridge.run(*self.command(files, mark))

    def start(self, files, mark, rule=None):
        """A run that writes its events down, and dies as the rule says."""
        self.log.unlink(missing_ok=True)
        env = {"LD_PRELOAD": str(KILLPOINT), "KILLPOINT_LOG": str(self.log)} | (rule.env() if rule else {})
        return self.bridge.start(*self.command(files, mark), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def events(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def reset(self, result):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(result, self.folder)

    def remove_spool(self):
        """Where it is outside of the test's own folder."""
        if self.spool_folder:
            shutil.rmtree(self.spool_folder.parent)

    def left_behind(self):
        """What is in the result folder and in the spool folder that a run that ended well does not leave."""
        spool = self.spool_folder or self.bridge.data / "spool"
        names = {path.name for path in self.folder.iterdir() if path.name[0] in "_."} - {"_manifest.json"}
        return names | ({path.name for path in spool.iterdir()} - {".id"} if spool.exists() else set())


@dataclasses.dataclass
class Kill:
    variant: Variant
    phase: str  # as planned; "rest": between the phases, "any": at a random moment from outside
    status: int
    events: list
    snapshot: pathlib.Path  # the result folder as the run left it
    rerun: object
    rerun_files: pathlib.Path
    left_behind: set

    @property
    def died_in(self):
        """The phase that the last event belongs to."""
        return phase_of(self.events)

    def __repr__(self):
        return f"{self.variant.name}, {self.phase}: status {self.status}, last events {self.events[-3:]}, left in {self.snapshot}"


def phase_of(events):
    for phase, expression in PHASES.items():
        if events and re.search(expression, events[-1]):
            begun = phase not in FROM or any(re.search(FROM[phase], event) for event in events[:-1])
            return phase if begun else None
    return None


def count(events):
    """How many events of each phase a run has, by what its rules count."""
    counts = dict.fromkeys(PHASES, 0)
    for end in range(1, len(events) + 1):
        phase = phase_of(events[:end])
        if phase:
            counts[phase] += 1
    return counts


# ---- what must be there ----


def done(events, variant):
    """(number of files put in place, of manifests, of deleted files; the request that has no answer yet) behind events that were
    all carried out."""
    counts = {"put": 0, "manifest": 0, "delete": 0}
    asked = None
    moved = ASIDE if variant.apart else ""  # a rename to another file system fails
    kinds = [
        (rf"^rename .*{moved} -> .*{DATA}$|^answer PUT .*{DATA}", "put"),
        (rf"^rename .* -> .*{MANIFEST}$|^answer PUT .*{MANIFEST}\?", "manifest"),
        (rf"^unlink .*{DATA}$|^answer DELETE .*{DATA}$", "delete"),
    ]
    for event in events:
        word, _, target = event.partition(" ")
        if word == "request":
            asked = target
        if word == "answer":
            if target != asked:
                continue  # the rest of an answer
            asked = None
        for expression, kind in kinds:
            if re.search(expression, event):
                counts[kind] += 1
    return counts, asked


def states(kill):
    """What may have been done: one state, or two where a request was under way in another thread, or the kill came from outside."""
    events = kill.events
    last = events[-1] if events else ""
    asking = last.startswith(("request", "body"))
    counts, asked = done(events if asking or last.startswith("answer") else events[:-1], kill.variant)
    possible = [counts]
    own = asking and kill.phase != "any"  # it never went out whole
    if asked and not own:
        possible.append(done([*events, f"answer {asked}"], kill.variant)[0])
    if kill.phase == "any":
        possible.append(done(events, kill.variant)[0])
    return possible


def views(state, variant):
    """(mark that the manifest's reader sees, rows of each mark in the folder) in a state."""
    switched = state["manifest"] == variant.new_files + 1
    if variant.keeps_name:
        mark = "new" if state["put"] else "old"
        return mark, {mark: ROWS}
    rows = {"old": ROWS - state["delete"] * ROWS // variant.old_files, "new": state["put"] * ROWS // variant.new_files}
    return "new" if switched else "old", {mark: n for mark, n in rows.items() if n}


# ---- making it so ----


def wait_for_server(port):
    """Until the server has noticed that clients died: it closes a connection once it has done what was asked."""
    def quiet():
        lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return not any(fields[1].endswith(f":{port:04X}") and fields[3] == "08" for fields in lines)  # CLOSE_WAIT

    wait_until(quiet, what="the end of the dead client's connections")


class Killing:
    """Kills runs at one kind of place, several at a time, each over an earlier result of its own."""

    def __init__(self, top, settings, sandbox=None):
        self.top = top
        self.settings = settings
        self.sandbox = sandbox
        self.seed = random.Random(top.name)
        self.old = {}  # files -> folder
        self.plan = []  # (Variant, phase, Rule or number of events[, what happens to the folder right afterwards])
        self.number = 0

    def case(self, apart=False):
        self.number += 1
        top = self.top / f"run{self.number}"
        top.mkdir(parents=True)
        other = pathlib.Path(tempfile.mkdtemp(prefix="bridge-kill-", dir="/dev/shm")) / "spool" if apart else None
        return Case(top, self.settings, self.sandbox and self.sandbox.volumes, other)

    def make_old(self, files):
        if files not in self.old:
            case = self.case()
            result = case.run(files, "old")
            assert result.status == 0, result
            self.old[files] = case.folder
        return self.old[files]

    def trace(self, variant):
        """The events of a whole run."""
        case = self.case(variant.apart)
        case.reset(self.make_old(variant.old_files))
        assert case.start(variant.new_files, "new").wait() == 0
        case.remove_spool()
        return case.events()

    def choose(self, variants, each, rest=0, outside=0, phases=PHASES):
        """Plans `each` kills of every phase, spread over the variants that have it, and for each variant some at other calls and
        some from outside."""
        traces = {variant: self.trace(variant) for variant in variants}
        counts = {variant: count(events) for variant, events in traces.items()}
        for phase in phases:
            calls = [(variant, n + 1) for variant in variants for n in range(counts[variant][phase])]
            # The first call of each variant, and others at random.
            chosen = [call for call in calls if call[1] == 1]
            others = [call for call in calls if call[1] > 1]
            chosen += self.seed.sample(others, min(len(others), max(0, each - len(chosen))))
            for i, (variant, nth) in enumerate(chosen):
                self.plan.append((variant, phase, Rule(PHASES[phase], nth, FROM.get(phase, ""), half=i % 2 == 1)))
        for variant, events in traces.items():
            between = [end for end in range(1, len(events) + 1) if phase_of(events[:end]) is None]
            for nth in self.seed.sample(between, min(len(between), rest)):
                self.plan.append((variant, "rest", Rule(".", nth)))
            self.plan += [(variant, "any", self.seed.randint(1, len(events))) for _ in range(outside)]

    def kill(self, case, variant, how):
        """By a rule, or from outside once so many events are in the log. Until it lands: fewer pieces of an answer may arrive than
        did in the trace, and a run may end before the signal."""
        for _ in range(8):
            case.reset(self.old[variant.old_files])
            process = case.start(variant.new_files, "new", how if isinstance(how, Rule) else None)
            if isinstance(how, int):
                while process.poll() is None and len(case.events()) < how:
                    pass
                process.kill()
            status = process.wait()
            if status == -signal.SIGKILL:
                break
            how = max(1, how // 2) if isinstance(how, int) else dataclasses.replace(how, nth=max(1, how.nth // 2))
        self.settle()
        return status

    def settle(self):
        if self.sandbox:
            wait_for_server(self.sandbox.info["databricks"]["port"])

    def experiment(self, case, variant, phase, how, tear=None):
        status = self.kill(case, variant, how)
        events = case.events()
        if tear:
            tear(case.folder)
        snapshot = case.top / "snapshot"
        shutil.copytree(case.folder, snapshot)
        rerun = case.run(variant.new_files, "again")
        left = case.left_behind()
        case.remove_spool()
        return Kill(variant, phase, status, events, snapshot, rerun, case.folder, left)

    def carry_out(self):
        cases = [self.case(planned[0].apart) for planned in self.plan]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            runs = [pool.submit(self.experiment, case, *planned) for case, planned in zip(cases, self.plan)]
            return [run.result() for run in runs]
