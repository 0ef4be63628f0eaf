"""Two sandbox processes on one data folder: application locks, writers that wait for each other, the same tables."""

import signal
import threading

import mssql_python
import pytest
from conftest import Sandbox

PASSWORD = "sandbox-password"


@pytest.fixture
def two(tmp_path):
    first, second = Sandbox(tmp_path / "shared"), Sandbox(tmp_path / "shared")
    yield first, second
    first.stop()
    second.stop()


def connect(sandbox):
    port = sandbox.info["sqlserver"]["port"]
    text = f"Server=127.0.0.1,{port};UID=sa;PWD={PASSWORD};Encrypt=no"
    return mssql_python.connect(text, autocommit=True)


def value(connection, sql):
    return connection.cursor().execute(sql).fetchone()[0]


def get(connection, timeout=0, resource="job"):
    return value(
        connection,
        "SET NOCOUNT ON; DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'%s', @LockMode = 'Exclusive', "
        "@LockOwner = 'Session', @LockTimeout = %d; SELECT @r" % (resource, timeout),
    )


def release(connection):
    return value(
        connection,
        "SET NOCOUNT ON; DECLARE @r int; EXEC @r = sp_releaseapplock @Resource = N'job', @LockOwner = 'Session'; SELECT @r",
    )


def test_a_lock_keeps_the_other_process_out_until_it_is_released(two):
    first, second = connect(two[0]), connect(two[1])
    assert get(first) == 0
    assert get(second) == -1
    assert get(second, resource="other job") == 0
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(get(second, timeout=60000)))
    thread.start()
    assert release(first) == 0
    thread.join()
    assert waiting in ([0], [1])  # 1: it came too early and waited
    assert get(first) == -1


def test_a_killed_process_lets_go(two):
    first, second = connect(two[0]), connect(two[1])
    assert get(first) == 0
    assert get(second) == -1
    two[0].process.send_signal(signal.SIGKILL)
    two[0].process.wait()
    assert get(second, timeout=60000) in (0, 1)


def test_a_closed_connection_lets_go(two):
    import pytds  # without a pool that keeps closed connections

    port = two[0].info["sqlserver"]["port"]
    second = connect(two[1])
    with pytds.connect("127.0.0.1", "master", "sa", PASSWORD, port=port, autocommit=True) as first:
        first.cursor().execute("EXEC sp_getapplock N'job', 'Exclusive', 'Session', 0")
        assert get(second) == -1
    assert get(second, timeout=60000) in (0, 1)


def test_writers_of_two_processes_wait_for_each_other(two):
    connections = [connect(sandbox) for sandbox in two]
    connections[0].cursor().execute("CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)")
    connections[0].cursor().execute("INSERT INTO counters VALUES (1, 0)")
    rounds = 50

    def count_up(connection):
        for _ in range(rounds):
            connection.cursor().execute("UPDATE counters SET n += 1 WHERE id = 1")

    threads = [threading.Thread(target=count_up, args=(c,)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(connections[1], "SELECT n FROM counters") == 2 * rounds


def test_tables_that_one_process_makes_anew_are_seen_by_the_other(two):
    first, second = (connect(sandbox).cursor() for sandbox in two)
    for i in range(10):
        first.execute("DROP TABLE IF EXISTS anew; CREATE TABLE anew (c%d int)" % i)
        second.execute("INSERT INTO anew (c%d) VALUES (%d)" % (i, i))
        assert first.execute("SELECT c%d FROM anew" % i).fetchone()[0] == i
