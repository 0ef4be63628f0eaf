"""Ctrl-C: the server is told to stop the query, the earlier result stays, nothing is left in the spool folder."""

import signal
import subprocess
import threading

import pytest

from conftest import wait_until
from tds_proxy import ATTENTION, Proxy

DIGITS = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
MANY_ROWS = f"WITH d AS ({DIGITS}) SELECT t0.n FROM " + ", ".join(f"d AS t{n}" for n in range(8))


@pytest.fixture
def proxied(make_bridge, sqlserver):
    """A program with an earlier result of its one query, and the proxy through which it reaches the server."""
    proxy = Proxy(sqlserver["SQLSERVER_HOST"], int(sqlserver.get("SQLSERVER_PORT", "1433")))
    # Only where no more than the login is encrypted can the proxy see what is sent.
    settings = {**sqlserver, "SQLSERVER_HOST": "localhost", "SQLSERVER_PORT": str(proxy.port), "SQLSERVER_ENCRYPT": "optional"}
    bridge = make_bridge(settings)
    bridge.write("config/Northland.yaml", "code: NL\n")
    bridge.write("queries/long.sql", "SELECT 1 AS old")
    with start(bridge) as earlier:
        assert earlier.wait(120) == 0, earlier.stderr.read()
    assert proxy.packets[ATTENTION] == 0
    proxy.packets.clear()
    yield bridge, proxy
    proxy.stop()


def start(bridge, *options):
    return bridge.start(
        "extract", "-q", "queries", "-c", "config", "--country", "Northland", "-d", "out", "--spool-dir", "spool", "--overwrite", *options,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def result(bridge):
    return {path: path.read_bytes() for path in (bridge.folder / "out").rglob("*") if path.is_file() and path.name != ".bridge-lock"}


def start_waiting(bridge, proxy, seconds):
    """A run whose query has reached the proxy and keeps the server waiting."""
    sent = threading.Event()
    proxy.hold = lambda packet: sent.set() if "WAITFOR".encode("utf-16-le") in packet else None
    bridge.write("queries/long.sql", f"WAITFOR DELAY '00:00:{seconds:02}'; SELECT 1 AS a")
    process = start(bridge)
    assert sent.wait(120)
    return process


def spooled(bridge):
    return sorted(path.name for path in (bridge.folder / "spool").rglob("*"))


def check_cancelled(bridge, process, before):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "long: cancelled\n" in err
    assert "error: Query 'long': " in err and "Cancelled" in err
    assert "trying again" not in err
    assert out.splitlines()[2].split()[:2] == ["long", "cancelled"]
    assert result(bridge) == before
    assert spooled(bridge) == [".id"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_query_that_has_no_row_yet_is_stopped(proxied, number, request):
    bridge, proxy = proxied
    before = result(bridge)
    # Babelfish reads an attention only when the query has ended: short, so that this is within the program's patience.
    process = start_waiting(bridge, proxy, seconds=59 if request.node.callspec.params["sqlserver"] == "sandbox" else 4)
    process.send_signal(number)
    check_cancelled(bridge, process, before)
    assert proxy.packets[ATTENTION] == 1


def test_a_query_in_the_middle_of_its_rows_is_stopped(proxied):
    bridge, proxy = proxied
    before = result(bridge)
    bridge.write("queries/long.sql", MANY_ROWS)
    process = start(bridge, "--chunk-size", "2000")
    wait_until(lambda: any(name.endswith(".parquet") for name in spooled(bridge)), what="a spooled file")
    process.send_signal(signal.SIGINT)
    check_cancelled(bridge, process, before)
    assert proxy.packets[ATTENTION] == 1


def test_a_second_one_ends_the_program_at_once_whatever_the_server_does(proxied):
    bridge, proxy = proxied
    before = result(bridge)
    proxy.swallowed.add(ATTENTION)
    process = start_waiting(bridge, proxy, seconds=59)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: proxy.packets[ATTENTION] > 0, what="the attention")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT, err
    assert "cancelled" not in err
    assert result(bridge) == before
