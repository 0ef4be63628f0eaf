"""notebooks/sql_databricks_bridge.py on plain open-source Spark: the rows that it writes, in both forms of the events table,
whatever their texts hold; waiting with a faked progress. What needs Delta is in tests/clients/test_notebook_delta.py."""

import ast
import datetime
import decimal
import importlib.util
import inspect
import itertools
import json
import pathlib
import sys
import types
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = ROOT / "notebooks" / "sql_databricks_bridge.py"

COLUMNS = """event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys ARRAY<STRING>,
    priority INT, status STRING, rows_expected INT, rows_affected INT, discrepancy INT, warning STRING, error_message STRING,
    filter_conditions {form}, metadata {form}, created_at TIMESTAMP, processed_at TIMESTAMP"""
FORMS = {"json": "STRING", "map": "MAP<STRING, STRING>"}

HOSTILE = [
    "O'Hara's \"quoted\" \\ back\\\\slash \\' end\\",
    "`tick` ``two`` {braces} ${dollar} :name ? %s",
    "line one\nline two\r\n\ttab -- comment /* here */",
    "ñandú 東京 😀 \u202e \u0000 nul",
    "x'); DROP TABLE events; --",
]


@pytest.fixture(scope="module")
def bridge_module():
    spec = importlib.util.spec_from_file_location("sql_databricks_bridge", MODULE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def notebook(bridge_module, spark, monkeypatch):
    """The module with the tests' session."""
    monkeypatch.setattr(bridge_module, "SPARK", spark)
    return bridge_module


@pytest.fixture
def make_table(spark, tmp_path):
    """Makes parquet tables with given columns; all are dropped at the end."""
    made = []

    def make(columns):
        name = f"spark_catalog.default.events_{uuid.uuid4().hex}"
        spark.sql(f"CREATE TABLE {name} ({columns}) USING parquet LOCATION '{tmp_path / str(len(made))}'")
        made.append(name)
        return name

    yield make
    for name in made:
        spark.sql(f"DROP TABLE {name}")


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def events(make_table, form, notebook, monkeypatch):
    """An events table in one of both forms, as the module's default."""
    name = make_table(COLUMNS.format(form=FORMS[form]))
    monkeypatch.setattr(notebook, "EVENTS_TABLE", name)
    return name


def only_row(spark, table):
    rows = spark.table(table).collect()
    assert len(rows) == 1
    return rows[0].asDict()


def content(value):
    """What a filter or metadata column says, in either form."""
    return json.loads(value) if isinstance(value, str) else value


def test_only_pyspark_and_the_standard_library_are_imported():
    tree = ast.parse(MODULE.read_text(encoding="utf-8"), feature_version=(3, 9))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert names - set(sys.stdlib_module_names) == {"pyspark"}


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("sync_insert_to_sql", [("source_table",), ("target_table",), ("primary_keys",), ("rows_expected", None), ("priority", 5)]),
        ("sync_update_to_sql", [("source_table",), ("target_table",), ("primary_keys",), ("rows_expected", None), ("priority", 5)]),
        ("sync_delete_from_sql", [("target_table",), ("primary_keys",), ("filter_conditions",), ("priority", 5)]),
        ("check_event_status", [("event_id",)]),
        ("wait_for_event", [("event_id",), ("timeout_seconds", 300), ("poll_interval", 10)]),
    ],
)
def test_the_documented_parameters_come_first_with_their_defaults(notebook, name, parameters):
    found = [
        p for p in inspect.signature(getattr(notebook, name)).parameters.values() if p.kind is not p.KEYWORD_ONLY
    ]
    assert [p.name for p in found] == [expected[0] for expected in parameters]
    for parameter, expected in zip(found, parameters):
        assert len(expected) == 1 or parameter.default == expected[1], parameter


def test_insert_writes_one_pending_row(notebook, spark, events, capsys):
    event_id = notebook.sync_insert_to_sql("main.sales.new_orders", "dbo.Orders", ["order_id"], rows_expected=3)
    row = only_row(spark, events)
    assert row.pop("created_at") is not None
    assert row == {
        "event_id": event_id, "operation": "INSERT", "source_table": "main.sales.new_orders", "target_table": "dbo.Orders",
        "primary_keys": ["order_id"], "priority": 5, "status": "pending", "rows_expected": 3, "rows_affected": None,
        "discrepancy": None, "warning": None, "error_message": None, "filter_conditions": None, "metadata": None,
        "processed_at": None,
    }
    assert event_id.startswith("insert-")
    assert event_id in capsys.readouterr().out


def test_ids_differ(notebook, events):
    assert len({notebook.sync_update_to_sql("c.s.t", "dbo.T", "id") for _ in range(5)}) == 5


def test_no_row_expected_is_not_unknown(notebook, spark, events):
    notebook.sync_insert_to_sql("c.s.t", "dbo.T", [], rows_expected=0)
    assert only_row(spark, events)["rows_expected"] == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_arrive_as_they_are_and_are_never_sql(notebook, spark, events, monkeypatch, text):
    statements = []
    plain_sql = type(spark).sql
    monkeypatch.setattr(type(spark), "sql", lambda self, query, *a, **k: statements.append(query) or plain_sql(self, query, *a, **k))
    notebook.sync_delete_from_sql(
        text, [text], {text: text}, source_table=text, event_id=text, metadata={text: text}, priority=7
    )
    row = only_row(spark, events)
    for column in ("event_id", "source_table", "target_table"):
        assert row[column] == text
    assert row["primary_keys"] == [text]
    assert content(row["filter_conditions"]) == {text: text}
    assert content(row["metadata"]) == {text: text}
    assert notebook.check_event_status(text)["event_id"] == text
    assert statements and not any(text in statement for statement in statements)


def test_conditions_keep_their_types(notebook, spark, events, form):
    conditions = {
        "id": 9007199254740993, "price": decimal.Decimal("12.10"), "ratio": 0.5, "active": True, "closed_at": None,
        "day": datetime.date(2024, 2, 29), "at": datetime.datetime(2024, 2, 29, 13, 5, 7, 250),
        "token": uuid.UUID(int=1), "name": "true",
    }
    notebook.sync_delete_from_sql("dbo.T", "id", conditions)
    found = content(only_row(spark, events)["filter_conditions"])
    texts = {
        "price": "12.10", "closed_at": None, "day": "2024-02-29", "at": "2024-02-29 13:05:07.000250",
        "token": "00000000-0000-0000-0000-000000000001", "name": "true",
    }
    if form == "json":
        assert found == {**texts, "id": 9007199254740993, "ratio": 0.5, "active": True}
    else:
        assert found == {**texts, "id": "9007199254740993", "ratio": "0.5", "active": "1"}


def test_lists_of_values_work_in_both_forms(notebook, spark, events, form):
    notebook.sync_delete_from_sql("dbo.T", "id", {"id": range(1, 4), "name": ("a", None), "active": False})
    row = only_row(spark, events)
    lists = {"id": [1, 2, 3], "name": ["a", None]}
    if form == "json":
        assert content(row["filter_conditions"]) == {**lists, "active": False}
        assert row["metadata"] is None
    else:
        assert row["filter_conditions"] == {"active": "0"}
        assert json.loads(row["metadata"]["filter_conditions"]) == lists


def test_options_go_into_metadata_beside_the_authors_notes(notebook, spark, events, form):
    notebook.sync_upsert_to_sql(
        "c.s.t", "dbo.T", ["id"], identity_insert=True, table_lock=True, dry_run=True, metadata={"job": "nightly", "run": 7}
    )
    found = content(only_row(spark, events)["metadata"])
    flag, seven = (True, 7) if form == "json" else ("true", "7")
    assert found == {
        "job": "nightly", "run": seven, "mode": "upsert", "identity_insert": flag, "table_lock": flag, "dry_run": flag
    }


@pytest.mark.parametrize(
    "call, options",
    [
        (lambda n: n.sync_insert_to_sql("c.s.t", "dbo.T", [], bulk="direct"), {"bulk": "direct"}),
        (lambda n: n.sync_delete_from_sql("dbo.T", "id", {"id": 1}, allow_cascade=True), {"allow_cascade": "true"}),
        (lambda n: n.sync_update_to_sql("c.s.t", "dbo.T", "id", dry_run=True), {"dry_run": "true"}),
        (lambda n: n.sync_update_to_sql("c.s.t", "dbo.T", "id", allow_cascade=True), {"allow_cascade": "true"}),
        (lambda n: n.sync_upsert_to_sql("c.s.t", "dbo.T", "id", allow_cascade=True), {"mode": "upsert", "allow_cascade": "true"}),
    ],
)
def test_each_option_has_its_word(notebook, spark, events, call, options):
    call(notebook)
    found = content(only_row(spark, events)["metadata"])
    assert {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()} == options


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda n: n.sync_update_to_sql("c.s.t", "dbo.T", []), "Primary keys required for UPDATE operation"),
        (lambda n: n.sync_delete_from_sql("dbo.T", [], {"id": 1}), "Primary keys required for DELETE operation"),
        (lambda n: n.sync_upsert_to_sql("c.s.t", "dbo.T", []), "Primary keys required for INSERT with mode upsert"),
        (lambda n: n.sync_delete_from_sql("dbo.T", "id", {}), "A DELETE needs filter_conditions or a source_table"),
        (lambda n: n.sync_insert_to_sql(" ", "dbo.T", []), "source_table is missing"),
        (lambda n: n.sync_insert_to_sql("c.s.t", "", []), "target_table is missing"),
        (lambda n: n.sync_insert_to_sql("c.s.t", "dbo.T", [f"k{i}" for i in range(65)]), "more than 64 names"),
        (lambda n: n.sync_delete_from_sql("dbo.T", "id", {f"c{i}": i for i in range(65)}), "more than 64 conditions"),
        (lambda n: n.sync_delete_from_sql("dbo.T", "id", {"id": []}), "must have 1 to 1000 values"),
        (lambda n: n.sync_delete_from_sql("dbo.T", "id", {"id": list(range(1001))}), "must have 1 to 1000 values"),
        (lambda n: n.sync_delete_from_sql("dbo.T", "id", {"x": float("nan")}), "no number that SQL Server has"),
    ],
)
def test_what_could_never_work_is_refused_before_anything_is_written(notebook, spark, events, call, message):
    with pytest.raises(ValueError, match=message):
        call(notebook)
    assert spark.table(events).count() == 0


def test_a_value_without_a_form_is_refused(notebook, spark, events):
    with pytest.raises(TypeError, match="bytes"):
        notebook.sync_delete_from_sql("dbo.T", "id", {"raw": b"\x00"})
    assert spark.table(events).count() == 0


def test_an_id_is_given_once(notebook, spark, events):
    assert notebook.sync_insert_to_sql("c.s.t", "dbo.T", [], event_id="prices-2024-02-29") == "prices-2024-02-29"
    with pytest.raises(ValueError, match="prices-2024-02-29 already"):
        notebook.sync_insert_to_sql("c.s.t", "dbo.T", [], event_id="prices-2024-02-29")
    assert spark.table(events).count() == 1


def test_a_table_of_five_columns_will_do(notebook, spark, make_table):
    table = make_table("event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys STRING")
    event_id = notebook.sync_update_to_sql("c.s.t", "dbo.T", ["a", "b"], events_table=table)
    assert only_row(spark, table) == {
        "event_id": event_id, "operation": "UPDATE", "source_table": "c.s.t", "target_table": "dbo.T", "primary_keys": '["a", "b"]'
    }
    assert notebook.check_event_status(event_id, events_table=table) == {
        **dict.fromkeys(notebook._STATUS_COLUMNS), "event_id": event_id, "operation": "UPDATE", "status": "pending"
    }


def test_a_column_that_is_missing_and_needed_is_named(notebook, spark, make_table):
    table = make_table("event_id STRING, operation STRING, target_table STRING, source_table STRING, status STRING, "
                       "primary_keys ARRAY<STRING>, priority BIGINT, created_at TIMESTAMP_NTZ")
    with pytest.raises(ValueError, match="no column filter_conditions"):
        notebook.sync_delete_from_sql("dbo.T", "id", {"id": 1}, events_table=table)
    notebook.sync_insert_to_sql("c.s.t", "dbo.T", [], events_table=table)
    assert only_row(spark, table)["priority"] == 5


def test_names_of_tables_are_read_with_and_without_backticks(notebook):
    quoted = "`000-sql-databricks-bridge`.`events`.`bridge_events`"
    for name in ("000-sql-databricks-bridge.events.bridge_events", "`000-sql-databricks-bridge`.`events`.bridge_events", quoted):
        assert notebook._quoted_table(name) == quoted
    assert notebook._quoted_table("`a``b.c`.t") == "`a``b.c`.`t`"
    for name in ("a..b", "", "`a", "`a`b", "a.", "`a`.", "``"):
        with pytest.raises(ValueError):
            notebook._quoted_table(name)


# ---- waiting


class Progress:
    """A view that plays the events table; each sleep moves the event to its next state."""

    def __init__(self, spark, notebook, monkeypatch, *states):
        self.spark, self.states, self.slept = spark, iter(states), []
        self.now = 0.0
        monkeypatch.setattr(notebook, "EVENTS_TABLE", "faked_events")
        monkeypatch.setattr(notebook, "time", types.SimpleNamespace(sleep=self.sleep, monotonic=lambda: self.now))
        self.show()

    def show(self):
        status = next(self.states)
        self.spark.sql(
            f"SELECT 'e1' AS event_id, 'INSERT' AS operation, {status} AS status, 3 AS rows_expected, 3 AS rows_affected, "
            "0 AS discrepancy, CAST(NULL AS STRING) AS warning, 'why' AS error_message, current_timestamp() AS created_at, "
            "current_timestamp() AS processed_at"
        ).createOrReplaceTempView("faked_events")

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        self.show()


@pytest.mark.parametrize("end", ["completed", "failed", "blocked"])
def test_waiting_ends_with_the_event(notebook, spark, monkeypatch, capsys, end):
    progress = Progress(spark, notebook, monkeypatch, "NULL", "'pending'", "'processing'", f"'{end}'")
    status = notebook.wait_for_event("e1")
    assert status["status"] == end and list(status) == list(notebook._STATUS_COLUMNS)
    assert progress.slept == [10, 10, 10]
    assert capsys.readouterr().out.splitlines() == [
        "[0s] waiting, status: pending", "[10s] waiting, status: pending", "[20s] waiting, status: processing"
    ]


def test_waiting_gives_up_in_time(notebook, spark, monkeypatch):
    progress = Progress(spark, notebook, monkeypatch, *itertools.repeat("'pending'", 10))
    with pytest.raises(TimeoutError, match="e1 is still pending after 25 s"):
        notebook.wait_for_event("e1", timeout_seconds=25, poll_interval=10, quiet=True)
    assert progress.slept == [10, 10, 5]


def test_an_event_that_ends_with_the_time_counts(notebook, spark, monkeypatch):
    Progress(spark, notebook, monkeypatch, "'pending'", "'completed'")
    assert notebook.wait_for_event("e1", timeout_seconds=5)["status"] == "completed"


@pytest.mark.parametrize("end", ["failed", "blocked"])
def test_a_failure_is_raised_where_that_is_wanted(notebook, spark, monkeypatch, end):
    Progress(spark, notebook, monkeypatch, f"'{end}'")
    with pytest.raises(notebook.EventFailed, match=f"Event e1 is {end}: why") as caught:
        notebook.wait_for_event("e1", raise_on_failure=True)
    assert caught.value.status["rows_affected"] == 3


def test_an_event_that_is_not_there(notebook, events):
    assert notebook.check_event_status("nobody") is None
    for call in (notebook.wait_for_event, notebook.retry_event):
        with pytest.raises(ValueError, match="There is no event nobody"):
            call("nobody")


def test_only_failed_and_blocked_events_are_retried(notebook, events):
    event_id = notebook.sync_insert_to_sql("c.s.t", "dbo.T", [])
    with pytest.raises(ValueError, match="is pending; only failed and blocked events"):
        notebook.retry_event(event_id)


def test_lists_show_the_newest_first(notebook, spark, events):
    spark.sql(
        f"INSERT INTO {events} (event_id, operation, status, created_at) VALUES ('old', 'INSERT', 'failed', TIMESTAMP '2024-01-01'), "
        "('new', 'delete', NULL, TIMESTAMP '2024-01-03'), ('mid', 'INSERT', 'completed', TIMESTAMP '2024-01-02'), ('none', 'INSERT', 'pending', NULL)"
    )
    ids = lambda **options: [event["event_id"] for event in notebook.list_events(**options)]
    assert ids() == ["new", "mid", "old", "none"]
    assert ids(limit=2) == ["new", "mid"]
    assert ids(status="pending") == ["new", "none"]
    assert ids(operation="DELETE") == ["new"]
    assert ids(status="failed", operation="insert") == ["old"]
    assert set(notebook.list_events(limit=1)[0]) == set(spark.table(events).columns)


def test_a_status_is_read_without_its_case_and_blanks(notebook, spark, make_table):
    """As the service reads it, on a table whose CHAR column is full of blanks."""
    table = make_table("event_id STRING, operation STRING, target_table STRING, source_table STRING, status CHAR(12)")
    spark.sql(f"INSERT INTO {table} VALUES ('done', '', '', '', 'Completed'), ('late', '', '', '', ' PENDING'), ('none', '', '', '', '')")
    assert spark.sql(f"SELECT max(length(status)) FROM {table}").first()[0] == 12
    assert notebook.wait_for_event("done", timeout_seconds=0, events_table=table)["status"] == "completed"
    assert notebook.check_event_status("none", events_table=table)["status"] == "pending"
    ids = [event["event_id"] for event in notebook.list_events("Pending", events_table=table)]
    assert sorted(ids) == ["late", "none"]


def test_no_view_is_left_behind(notebook, spark, events):
    notebook.sync_insert_to_sql("c.s.t", "dbo.T", [])
    assert not [view.name for view in spark.catalog.listTables() if view.name.startswith("bridge_event_")]
