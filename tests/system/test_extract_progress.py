"""What a run shows while it works, on a terminal and elsewhere, and how many queries it works on at a time."""

import itertools
import json
import os
import re
import subprocess
import threading

import pytest

from tds_proxy import Proxy

DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
THOUSAND = f"WITH d AS ({DIGITS}) SELECT a.n FROM d AS a CROSS JOIN d AS b CROSS JOIN d AS c"
HALF_A_MILLION = "SELECT a.n + b.n AS n FROM {0} AS a CROSS JOIN {0} AS b CROSS JOIN {0} AS c CROSS JOIN {0} AS d CROSS JOIN {0} AS e".format(
    f"({' UNION ALL '.join(f'SELECT {n} AS n' for n in range(14))})"
)
SIZE = r"\d+(?:\.\d)? [kMG]?B"


@pytest.fixture
def work(make_bridge, sqlserver):
    bridge = make_bridge(sqlserver)
    bridge.write("config/Northland.yaml", "code: NL\n")
    return bridge


def start(bridge, *options, **kwargs):
    return bridge.start("extract", "-q", "queries", "-c", "config", "--country", "Northland", "-d", "out", *options, stdout=subprocess.DEVNULL, **kwargs)


def on_a_terminal(bridge, *options):
    """Everything that a run writes to its terminal."""
    try:
        terminal, stderr = os.openpty()
    except OSError as error:
        pytest.skip(f"no terminals here (is /dev/pts mounted?): {error}")
    process = start(bridge, *options, stderr=stderr)
    os.close(stderr)
    written = b""
    try:
        while piece := os.read(terminal, 65536):
            written += piece
    except OSError:  # so does the last writer's end show on a pseudo-terminal
        pass
    os.close(terminal)
    assert process.wait(300) == 0, written
    return written.decode()


def screen(written):
    """The lines left on the terminal: \\r goes to the line's begin, ESC [ K erases what is behind."""
    lines = [""]
    column = 0
    for part in re.findall(r"\r|\n|\x1b\[K|[^\r\n\x1b]+", written):
        if part == "\n":
            lines.append("")
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:column]
        elif part != "\r":
            lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part):]
        column = 0 if part in "\r\n" else len(lines[-1]) if part == "\x1b[K" else column + len(part)
    return lines


def test_a_terminal_shows_a_bar_that_is_gone_in_the_end(work):
    work.write("queries/a_short.sql", THOUSAND)
    work.write("queries/b_long.sql", HALF_A_MILLION)
    written = on_a_terminal(work, "--parallel", "1", "--chunk-size", "50000")
    bars = re.findall(rf"\r\[([#.]{{20}})\] (\d)/2 queries  (\d+) rows  ({SIZE})  (\d+) rows/s\x1b\[K", written)
    later = [bar for bar in bars if bar[:2] == ("##########..........", "1")]
    assert later, written
    rows = [int(bar[2]) for bar in bars]
    assert rows == sorted(rows) and rows[-1] > 1000
    assert int(later[-1][4]) > 0 and later[-1][3] != "0 B"
    left = screen(written)
    assert re.fullmatch(rf"a_short: 1000 rows, {SIZE}, 1 file, \d+\.\d s", left[0]), left
    assert re.fullmatch(rf"b_long: 537824 rows, {SIZE}, 11 files, \d+\.\d s", left[1]), left
    assert left[2:] == [""]


class Held:
    """A run with one quick query and six that wait at the proxy until the gate opens."""

    def __init__(self, bridge, *options):
        self.proxy = Proxy(bridge.settings["SQLSERVER_HOST"], int(bridge.settings.get("SQLSERVER_PORT", "1433")))
        self.proxy.hold = self.pass_or_wait
        self.waiting = threading.Semaphore(0)
        self.opened = threading.Event()
        # Only where no more than the login is encrypted can the proxy see what is sent.
        bridge.settings.update(SQLSERVER_HOST="localhost", SQLSERVER_PORT=str(self.proxy.port), SQLSERVER_ENCRYPT="optional")
        bridge.write("config/Northland.yaml", "code: NL\n")
        bridge.write("queries/a.sql", THOUSAND)
        for name in "bcdefg":
            bridge.write(f"queries/{name}.sql", "SELECT 'HOLD' AS a")
        self.process = start(bridge, *options, stderr=subprocess.PIPE)

    def pass_or_wait(self, packet):
        if "HOLD".encode("utf-16-le") in packet:
            self.waiting.release()
            self.opened.wait(300)

    def wait_for(self, queries):
        for _ in range(queries):
            assert self.waiting.acquire(timeout=120)

    def end(self):
        self.opened.set()
        rest = self.process.communicate(timeout=120)[1]
        self.proxy.stop()
        assert self.process.returncode == 0, rest
        return rest


def test_four_queries_run_at_a_time_or_as_many_as_asked_for_and_lines_tell_of_them(make_bridge, sqlserver):
    runs = {4: Held(make_bridge(sqlserver)), 2: Held(make_bridge(sqlserver), "--parallel", "2")}
    try:
        for queries, run in runs.items():
            run.wait_for(queries)
            # Where the first query takes its time, lines tell of none before.
            ended = itertools.dropwhile(lambda line: line.startswith("0 of 7 queries"), iter(run.process.stderr.readline, ""))
            lines = [next(ended), next(ended)]
            assert re.fullmatch(rf"a: 1000 rows, {SIZE}, 1 file, \d+\.\d s\n", lines[0]), lines
            line = re.fullmatch(rf"1 of 7 queries, 1000 rows, ({SIZE}), (\d+) rows/s\n", lines[1])
            assert line and line[1] != "0 B" and int(line[2]) > 0, lines
            # The second line comes after seconds: as long another query would have had to turn up.
            assert not run.waiting.acquire(blocking=False), f"more than {queries} queries at a time"
    finally:
        for run in runs.values():
            rest = run.end()
    assert "\r" not in rest and "\x1b" not in rest


def test_where_the_log_is_json_every_line_is(work):
    work.settings["LOG_FORMAT"] = "json"
    work.write("queries/bad.sql", "SELECT 1/0 AS a")
    work.write("queries/good.sql", THOUSAND)
    process = start(work, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    messages = [json.loads(line)["message"] for line in err.splitlines()]
    assert "bad: failed" in messages
    assert any(re.fullmatch(rf"good: 1000 rows, {SIZE}, 1 file, .* s", message) for message in messages), messages
    (work.folder / "queries/bad.sql").unlink()
    for line in on_a_terminal(work, "--overwrite").splitlines():
        json.loads(line)
