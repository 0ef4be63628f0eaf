"""The examples of both sync guides, run as they stand: docs/SYNC_GUIDE.md and docs/GUIA_SINCRONIZACION.md.

Blocks run from top to bottom: Python as the cells of one notebook, SQL in Databricks or (from `-- SQL Server` on) in SQL
Server, command lines in a shell's place. A `text` block right behind another is what that one prints; … stands for anything.
`sync` runs beside them, from where the page starts it.
"""

import contextlib
import dataclasses
import io
import re
import shlex
import sys

import pytest

from system_conftest import ROOT, Bridge, wait_until

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PROGRAM = "sql-databricks-bridge"
HYPHENS = "`000-sql-databricks-bridge`.events."
RUNNABLE = ("python", "sql", "bash")


@dataclasses.dataclass
class Block:
    line: int
    language: str
    text: str
    expected: str = None


def read_blocks(path):
    """The page's blocks; a text block that only blank lines part from a runnable one is its output."""
    page = path.read_text(encoding="utf-8")
    blocks, end = [], 0
    for match in FENCE.finditer(page):
        language, text = match.groups()
        follows = blocks and blocks[-1].language in RUNNABLE and not page[end : match.start()].strip()
        if language == "text" and follows:
            blocks[-1].expected = text
        else:
            blocks.append(Block(page.count("\n", 0, match.start()) + 1, language, text))
        end = match.end()
    return blocks


def statements(text):
    """The statements of a block; a semicolon at a line's end closes one."""
    return [part.strip() for part in re.split(r";[ ]*(?:\n|$)", text) if part.strip()]


def check_output(block, printed):
    """Lines in square brackets tell of ids and of waiting; they differ from run to run."""
    if block.expected is None:
        return
    lines = [line for line in printed.splitlines() if not line.startswith("[")]
    pattern = re.escape(block.expected.rstrip("\n")).replace("…", ".*")
    assert re.fullmatch(pattern, "\n".join(lines), re.S), f"line {block.line} prints\n{printed}"


class Reader:
    """Somebody who goes through a page."""

    def __init__(self, bridge, spark):
        self.bridge = bridge
        self.spark = spark
        self.names = {"spark": spark, "__name__": "__main__"}
        self.service = None

    def python(self, block):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, f"line {block.line}", "exec"), self.names)
        return printed.getvalue()

    def sql(self, block):
        first, _, rest = block.text.partition("\n")
        if first == "-- SQL Server":
            return self.bridge.sql("sqlserver", rest).out
        for statement in statements(block.text):
            self.spark.sql(statement)
        return ""

    def bash(self, block):
        printed = ""
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["export"]:
                self.bridge.settings.update([words[1].split("=", 1)])
            elif words == [PROGRAM, "sync"]:
                self.start()
            elif words:
                assert words[0] == PROGRAM, line
                printed += self.bridge.run(*words[1:], check=True).out
        return printed

    def start(self):
        self.service = self.bridge.start("sync", stderr=open(self.bridge.folder / "sync.log", "w"))

    def stop(self):
        if self.service:
            self.service.terminate()
            self.service.wait(120)

    def read(self, blocks):
        for block in blocks:
            if block.language == "yaml":  # the operator's file is there before the service
                self.bridge.write("config/permissions.yaml", block.text)
        for block in blocks:
            if block.language in RUNNABLE:
                check_output(block, getattr(self, block.language)(block))


@pytest.fixture
def reader(tmp_path, make_sandbox, spark_workspace, spark, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "notebooks")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for table in ("bridge.events.bridge_events", HYPHENS + "bridge_events", HYPHENS + "test_market_scope_data"):
        spark.sql(f"DROP TABLE IF EXISTS {table}")
    settings = {**make_sandbox().sqlserver, **spark_workspace.settings, "POLLING_INTERVAL_SECONDS": "3"}
    one = Reader(Bridge(tmp_path / "work", settings), spark)
    yield one
    one.stop()
    sys.modules.pop("sql_databricks_bridge", None)


def rows(bridge, query):
    return bridge.sql("sqlserver", query).json()["rows"]


def statuses(spark, table):
    """How many events ended how; all have ended."""

    def ended():
        found = {row[0]: row[1] for row in spark.sql(f"SELECT status, count(*) FROM {table} GROUP BY status").collect()}
        return None if {"pending", "processing"} & set(found) else found

    return wait_until(ended, 600, "the end of all events")


def test_every_example_of_the_english_guide(reader, spark):
    reader.read(read_blocks(ROOT / "docs" / "SYNC_GUIDE.md"))
    assert statuses(spark, "bridge.events.bridge_events") == {"completed": 14, "failed": 1, "blocked": 1}
    assert rows(reader.bridge, "SELECT customer_id, name, city FROM dbo.Customers ORDER BY customer_id") == [
        [1, "Ann", "Lund"], [2, "Bo", "Bergen"]
    ]
    assert rows(reader.bridge, "SELECT order_id, customer_id, CAST(amount AS varchar(20)) AS amount FROM dbo.Orders ORDER BY order_id") == [
        [10, 1, "12.10"], [20, 2, "99.90"]
    ]
    assert rows(reader.bridge, "SELECT body FROM dbo.Notes ORDER BY body") == [["first"], ["kept"], ["second"]]
    assert rows(reader.bridge, "SELECT COUNT(*) AS visits FROM dbo.Visits") == [[150]]


def test_every_example_of_the_spanish_guide(reader, spark):
    reader.read(read_blocks(ROOT / "docs" / "GUIA_SINCRONIZACION.md"))
    assert statuses(spark, HYPHENS + "bridge_events") == {"completed": 11}
    assert rows(reader.bridge, "SELECT username, is_user, is_admin FROM dbo.AccesoUsuarios ORDER BY username") == [
        ["ana", True, True], ["beto", True, True], ["carla", True, False], ["user_9", True, False]
    ]
