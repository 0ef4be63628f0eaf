"""A guide for authors that somebody else wrote for this table of events, run unmodified: Markdown with Python blocks.

BRIDGE_TEST_GUIDE names it. It defines sync_insert_to_sql, sync_update_to_sql, sync_delete_from_sql, check_event_status and
wait_for_event, each with an example behind "# Ejemplo de uso:", and a whole job with a main(). Delta tables on real Spark, the
sandbox's SQL Server, and `sync` running beside. Only the session's catalogs are ours: Spark has none with hyphens of its own.
"""

import contextlib
import io
import os
import pathlib
import re

import pytest

from system_conftest import Bridge, wait_until

GUIDE = os.environ.get("BRIDGE_TEST_GUIDE")
EVENTS = "`000-sql-databricks-bridge`.`events`.bridge_events"
EXAMPLE = "# Ejemplo de uso:"
HELPERS = ("sync_insert_to_sql", "sync_update_to_sql", "sync_delete_from_sql", "check_event_status", "wait_for_event")
COLUMNS = """event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys ARRAY<STRING>, priority INT,
    status STRING, rows_expected INT, rows_affected INT, discrepancy INT, warning STRING, error_message STRING,
    filter_conditions {form}, metadata {form}, created_at TIMESTAMP, processed_at TIMESTAMP"""

PAGE = pathlib.Path(GUIDE).read_text(encoding="utf-8") if GUIDE else ""
TARGET = re.search(r'target_table="([^"]+)"|$', PAGE)[1]
JOB_SOURCE = re.search(r"UPDATE (\S+)\s+SET sync_pending|$", PAGE)[1]  # of the whole job
HOME = re.search(r"CREATE OR REPLACE TABLE (\S+)\.\w+ AS|$", PAGE)[1]  # catalog and schema of the examples' tables

pytestmark = pytest.mark.skipif(not GUIDE, reason="BRIDGE_TEST_GUIDE names no guide")


class Notebook:
    """The guide's blocks as the cells of one notebook."""

    def __init__(self, page):
        self.blocks = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
        self.names = {"__name__": "__main__"}
        self.run(self.block("SparkSession.builder"))
        for helper in HELPERS:
            self.run(self.block(f"def {helper}(").split(EXAMPLE)[0])

    def block(self, text):
        return next(block for block in self.blocks if text in block)

    def run(self, text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, "the guide", "exec"), self.names)
        return printed.getvalue()

    def whole(self, text):
        """Runs the whole block with that text in it; returns what it prints."""
        return self.run(self.block(text))

    def wait(self, event_id=None):
        return self.names["wait_for_event"](event_id or self.names["event_id"], 600, 1)

    def __getattr__(self, name):
        return self.names[name]


class Desk:
    """A notebook, the tables that its cells speak of, and the service."""

    def __init__(self, bridge, spark):
        self.bridge, self.spark = bridge, spark
        bridge.run("init", "--test-table", check=True)
        bridge.sql("sqlserver", f"CREATE TABLE {TARGET} (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY,"
                                " username nvarchar(60) NOT NULL UNIQUE, is_user bit NOT NULL, is_admin bit NOT NULL)")
        self.start()
        self.notebook = Notebook(PAGE)

    def start(self, **settings):
        self.bridge.settings.update(settings)
        self.service = self.bridge.start("sync", stderr=open(self.bridge.folder / "sync.log", "a"))

    def stop(self):
        self.service.terminate()
        assert self.service.wait(120) == 0

    def source(self, name, select):
        self.spark.sql(f"CREATE OR REPLACE TABLE {HOME}.{name} AS {select}")
        return f"{HOME}.{name}".replace("`", "")

    def rows(self, sql=f"SELECT username, is_user, is_admin FROM {TARGET} ORDER BY username"):
        return self.bridge.sql("sqlserver", sql).json()["rows"]

    def users(self):
        return [row[0] for row in self.rows()]


@pytest.fixture
def desk(request, tmp_path, make_sandbox, spark_workspace, spark):
    for schema in (EVENTS.rpartition(".")[0], JOB_SOURCE.rpartition(".")[0], HOME):
        spark.sql(f"CREATE CATALOG IF NOT EXISTS {schema.partition('.')[0]}")
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for sql in (
        f"DROP TABLE IF EXISTS {EVENTS}",
        "DROP TABLE IF EXISTS `000-sql-databricks-bridge`.events.test_market_scope_data",
        "CREATE OR REPLACE TABLE mi_tabla_origen AS SELECT *, current_date() AS fecha_proceso, username = 'beto' AS necesita_actualizacion"
        " FROM VALUES ('ana', true, true), ('beto', true, false), ('uno', false, false), ('dos', false, false),"
        " ('usuario_a_eliminar', true, false) AS t(username, is_user, is_admin)",
        f"CREATE OR REPLACE TABLE {JOB_SOURCE} AS SELECT *, true AS sync_pending"
        " FROM VALUES ('carla', true, false), ('dario', true, true) AS t(username, is_user, is_admin)",
    ):
        spark.sql(sql)
    if getattr(request, "param", "STRING") != "STRING":
        spark.sql(f"CREATE TABLE {EVENTS} ({COLUMNS.format(form=request.param)})")
    settings = {**make_sandbox().sqlserver, **spark_workspace.settings, "EVENTS_TABLE": EVENTS,
                "SYNC_PRIORITY_ORDER": "lowest_first", "SYNC_MAX_DELETE_ROWS": "3", "POLLING_INTERVAL_SECONDS": "1"}
    one = Desk(Bridge(tmp_path / "work", settings), spark)
    yield one
    one.stop()


def test_every_example(desk):
    n = desk.notebook
    assert "Registros a sincronizar: 5" in n.whole("def sync_insert_to_sql(")
    assert n.wait()["status"] == "completed"
    assert desk.users() == ["ana", "beto", "dos", "uno", "usuario_a_eliminar"]
    desk.spark.sql("UPDATE mi_tabla_origen SET is_admin = true WHERE username = 'beto'")
    n.whole("def sync_update_to_sql(")
    assert n.wait()["rows_affected"] == 1
    assert ["beto", True, True] in desk.rows()
    n.whole("def sync_delete_from_sql(")
    assert n.wait()["rows_affected"] == 2
    assert desk.users() == ["ana", "beto"]
    printed = n.whole("def check_event_status(")
    assert "Estado: completed" in printed and "Filas afectadas: 2" in printed and "Error" not in printed
    assert "Sincronización exitosa!\n  Filas afectadas: 2\n" in n.whole("def wait_for_event(")
    assert "Sincronización completada: 2 filas" in n.whole("def main():")
    assert desk.users() == ["ana", "beto", "carla", "dario"]
    assert "No hay datos para sincronizar" in n.whole("def main():")


@pytest.mark.parametrize("desk", ["STRING", "MAP<STRING, STRING>"], indirect=True)
def test_what_its_last_sections_promise(desk):
    n = desk.notebook
    target, keys = TARGET, ["username"]
    plain = desk.source("plain", "SELECT * FROM VALUES ('ana', true, false), ('eva', true, false) AS t(username, is_user, is_admin)")
    done = n.wait(n.sync_insert_to_sql(plain, target, keys))
    assert (done["status"], done["rows_affected"]) == ("completed", 2)
    desk.source("quoted", "SELECT 'fito' AS username, true AS is_user, false AS is_admin")
    assert n.wait(n.sync_insert_to_sql(f"{HOME}.quoted", target, keys, rows_expected=1))["status"] == "completed"
    empty = n.wait(n.sync_insert_to_sql(desk.source("nothing", "SELECT 'x' AS username WHERE false"), target, keys))
    assert empty["status"] == "failed" and "No data to insert" in empty["error_message"]
    with_id = desk.source("with_id", "SELECT 7 AS id, 'gil' AS username, true AS is_user, true AS is_admin")
    refused = n.wait(n.sync_insert_to_sql(with_id, target, keys))
    assert refused["status"] == "failed" and "Cannot insert explicit value for identity column" in refused["error_message"]
    changes = desk.source("changes", "SELECT * FROM VALUES ('ana', false), ('nadie', true) AS t(username, is_admin)")
    partly = n.wait(n.sync_update_to_sql(changes, target, keys, rows_expected=2))
    assert (partly["status"], partly["rows_affected"], partly["discrepancy"]) == ("completed", 1, 1) and partly["warning"]
    assert desk.users() == ["ana", "eva", "fito"]


def test_priorities_and_the_limit_of_deletes(desk):
    n = desk.notebook
    desk.bridge.sql("sqlserver", "CREATE TABLE dbo.Numbered (id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, n int NOT NULL)")
    desk.stop()  # so that one poll sees all three
    events = [n.sync_insert_to_sql(desk.source(f"p{number}", f"SELECT {number} AS n"), "dbo.Numbered", ["n"], priority=number)
              for number in (5, 1, 3)]
    desk.start()
    assert [n.wait(event_id)["status"] for event_id in events] == ["completed"] * 3
    assert desk.rows("SELECT n FROM dbo.Numbered ORDER BY id") == [[1], [3], [5]]
    many = desk.source("many", "SELECT concat('u', id) AS username, true AS is_user, false AS is_admin FROM range(4)")
    assert n.wait(n.sync_insert_to_sql(many, TARGET, ["username"]))["rows_affected"] == 4
    event_id = n.sync_delete_from_sql(TARGET, ["is_user"], {"is_user": 1})
    found = wait_until(lambda: next((s for s in [n.check_event_status(event_id)] if s["status"] not in ("pending", "processing")), None),
                       600, "the end of the DELETE")
    assert found["status"] == "blocked" and "4" in found["error_message"] and "3" in found["error_message"]
    assert len(desk.users()) == 4
    desk.stop()
    desk.start(SYNC_BLOCKED_STATUS="failed")  # the guide's wait_for_event() waits for two ends alone
    refused = n.wait(n.sync_delete_from_sql(TARGET, ["is_user"], {"is_user": 1}))
    assert refused["status"] == "failed" and "the limit is 3" in refused["error_message"]
    assert len(desk.users()) == 4
