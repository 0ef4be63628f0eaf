"""Events of a Databricks table become changes in SQL Server: each operation, each refusal, the order, the words.

Everything runs on the sandbox's servers, through the program's own commands. Expected tables are written down here by
hand, never computed by the product.
"""

import json
import re
import subprocess
import threading

import pytest
from answering import Answering
from sync_case import EVENTS, Sql, sync, text  # noqa: F401 (a fixture)

THREE = "SELECT 1 AS id, 'one' AS name, CAST(1.50 AS DECIMAL(9,2)) AS price UNION ALL SELECT 2, 'two', NULL UNION ALL SELECT 3, 'drei', 3"


def test_an_insert_of_five_columns_is_applied(sync):
    event = sync.emit("INSERT", sync.source("three", THREE))
    sync.run()
    assert sync.items() == [(1, "one", "1.50"), (2, "two", None), (3, "drei", "3.00")]
    row = sync.event(event)
    assert (row["status"], row["rows_affected"], row["error_message"]) == ("completed", 3, None)
    assert row["processed_at"]


def test_update_delete_and_upsert(sync):
    sync.server("INSERT INTO dbo.Items (id, name, price) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
    update = sync.emit("UPDATE", sync.source("u", "SELECT 1 AS id, 'A' AS name UNION ALL SELECT 9, 'Z'"), rows_expected=2)
    sync.run()
    assert sync.items() == [(1, "A", "1.00"), (2, "b", "2.00"), (3, "c", "3.00")]
    row = sync.event(update)
    assert (row["status"], row["rows_affected"], row["discrepancy"]) == ("completed", 1, 1)
    assert "2 rows were expected, 1 were affected" in row["warning"]

    upsert = sync.emit(
        "INSERT", sync.source("up", "SELECT 2 AS id, 'B' AS name UNION ALL SELECT 4, 'd'"), metadata={"mode": "upsert"}
    )
    sync.run()
    assert sync.items() == [(1, "A", "1.00"), (2, "B", "2.00"), (3, "c", "3.00"), (4, "d", None)]
    assert sync.event(upsert)["rows_affected"] == 2

    by_filter = sync.emit("DELETE", "", filter_conditions={"id": [1, 99], "price": None})
    sync.run()
    assert sync.event(by_filter)["rows_affected"] == 0
    by_filter = sync.emit("DELETE", "", filter_conditions={"id": [1, 99], "price": 1.00})
    by_source = sync.emit("DELETE", sync.source("d", "SELECT 2 AS id, 'whatever' AS unused UNION ALL SELECT 2, 'x'"))
    sync.run()
    assert sync.items() == [(3, "c", "3.00"), (4, "d", None)]
    assert sync.event(by_filter)["rows_affected"] == 1
    assert sync.event(by_source)["rows_affected"] == 1


def test_null_in_conditions_is_null(sync):
    sync.server("INSERT INTO dbo.Items (id, name, price) VALUES (1, 'a', 1), (2, 'b', NULL), (3, 'c', 3)")
    sync.emit("DELETE", "", filter_conditions={"price": [None, 3]})
    sync.run()
    assert sync.items() == [(1, "a", "1.00")]


@pytest.mark.parametrize(
    "name, columns, message",
    [
        ("empty source", {"select": THREE + " LIMIT 0"}, "No data to insert"),
        ("unknown column", {"select": "SELECT 1 AS id, 'x' AS nmae"}, "has no column 'nmae' (is 'name' meant?)"),
        ("value too long", {"select": f"SELECT 1 AS id, '{'x' * 21}' AS name"},
         "id=1, column 'name': 21 characters, the column takes 20. Mend this value in the source"),
        ("NULL in a NOT NULL column", {"select": "SELECT 7 AS id, CAST(NULL AS STRING) AS name"}, "id=7, column 'name'"),
        ("no number", {"select": "SELECT 1 AS id, 'n' AS name, 'abc' AS price"}, "'abc'"),
        ("source missing", {"source": "main.default.nowhere"}, "TABLE_OR_VIEW_NOT_FOUND"),
        ("target missing", {"select": THREE, "target": "dbo.Nowhere"}, "dbo.Nowhere does not exist"),
        ("update without keys", {"operation": "UPDATE", "select": THREE, "keys": None}, "Primary keys required for UPDATE"),
        ("delete without keys", {"operation": "DELETE", "keys": None, "filter_conditions": {"id": 1}},
         "Primary keys required for DELETE"),
        ("delete without condition", {"operation": "DELETE"}, "without any condition is refused"),
        ("update of keys alone", {"operation": "UPDATE", "select": "SELECT 1 AS id"}, "nothing but the keys"),
        ("update with a NULL key", {"operation": "UPDATE", "select": "SELECT CAST(NULL AS INT) AS id, 'x' AS name"},
         "1 row of the source has NULL in a key column: id=NULL. Take it out of the source"),
        ("update with a key twice",
         {"operation": "UPDATE", "select": "SELECT 1 AS id, 'x' AS name UNION ALL SELECT 1, 'y'"}, "id=1 (2 times). Send one row for each key"),
        ("update, key not in the source", {"operation": "UPDATE", "select": "SELECT 'x' AS name"},
         "The source has no column 'id'"),
        ("condition on no column", {"operation": "DELETE", "filter_conditions": {"nmae": 1}}, "has no column 'nmae'"),
        ("condition that doesn't convert", {"operation": "DELETE", "filter_conditions": {"id": "one"}}, "'one'"),
        ("broken conditions", {"operation": "DELETE", "filter_conditions": "{nonsense"}, "no JSON object"),
    ],
)
def test_each_mistake_fails_with_its_words_and_changes_nothing(sync, name, columns, message):
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (100, 'kept')")
    columns = dict(columns)
    operation = columns.pop("operation", "INSERT")
    select = columns.pop("select", None)
    source = columns.pop("source", None) or (sync.source("s", select) if select else None)
    event = sync.emit(operation, source, **columns)
    sync.run(status=1)
    row = sync.event(event)
    assert row["status"] == "failed", row
    assert message in row["error_message"], row
    assert sync.items() == [(100, "kept", None)]


def test_rejected_rows_are_listed_by_key(sync):
    rows = " UNION ALL ".join(f"SELECT {i} AS id, {text('y' * (25 if i % 2 else 3))} AS name" for i in range(1, 61))
    event = sync.emit("INSERT", sync.source("bad", rows))
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    assert message.startswith("30 rows can't be taken; nothing was changed: id=1, column 'name'")
    assert "id=39, column 'name'" in message and "id=41," not in message and "and 10 more" in message


def test_rows_of_an_insert_without_keys_are_named_by_the_primary_key(sync):
    """Whether a value or a condition is at fault; where the source lacks a part of the key, by their place."""
    sync.server(
        "CREATE TABLE dbo.Other (code nvarchar(3) NULL CONSTRAINT CK_code CHECK (code <> 'z'), a int NOT NULL,"
        " b int NOT NULL DEFAULT 5, PRIMARY KEY (b, a))"
    )

    def told(select):
        event = sync.emit("INSERT", sync.source("s", select), target="dbo.Other", keys=None)
        sync.run(status=1)
        return sync.event(event)["error_message"]

    assert "nothing was changed: a=2, b=8, column 'code'" in told("SELECT 1 AS a, 7 AS b, 'x' AS code UNION ALL SELECT 2, 8, 'long'")
    assert "1 row of the source breaks the condition: a=2, b=8, code=z. " in told("SELECT 1 AS a, 7 AS b, 'x' AS code UNION ALL SELECT 2, 8, 'z'")
    sync.server("INSERT INTO dbo.Other (a, b) VALUES (2, 8)")
    assert "1 row of the source is there already: a=2, b=8. " in told("SELECT 1 AS a, 7 AS b UNION ALL SELECT 2, 8")
    assert "nothing was changed: row 2, column 'code'" in told("SELECT 1 AS a, 'x' AS code UNION ALL SELECT 2, 'long'")


def test_a_duplicate_key_names_the_rows_that_are_there(sync):
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (2, 'b'), (3, 'c')")
    event = sync.emit("INSERT", sync.source("three", THREE))
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    assert "2627" in message
    assert "2 rows of the source are there already: id=2; id=3" in message
    assert "upsert" in message


def test_rows_in_each_others_way_are_named(sync):
    """Nobody has those keys but the source, and more than once; a unique column's value likewise."""
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, code nvarchar(9) NULL CONSTRAINT UQ_code UNIQUE)")
    twice = sync.emit("INSERT", sync.source("a", "SELECT 7 AS id, 'a' AS code UNION ALL SELECT 7, 'b' UNION ALL SELECT 8, 'c'"),
                      target="dbo.Other", keys=None)
    nulls = sync.emit("INSERT", sync.source("n", "SELECT 1 AS id, CAST(NULL AS STRING) AS code UNION ALL SELECT 2, 'x' UNION ALL SELECT 3, 'X'"),
                      target="dbo.Other")
    sync.run(status=1)
    message = sync.event(twice)["error_message"]
    assert "2627" in message and message.endswith("1 value is more than once in the source: id=7 (2 times). Send one row for each")
    message = sync.event(nulls)["error_message"].lower()
    assert "1 value is more than once in the source: code=x (2 times). send one row for each" in message


def test_a_missing_partner_names_the_rows(sync):
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'a')")
    sync.server("CREATE TABLE dbo.Lines (line int NOT NULL PRIMARY KEY, item int NULL CONSTRAINT FK_item REFERENCES dbo.Items(id))")
    event = sync.emit(
        "INSERT", sync.source("l", "SELECT 1 AS line, 1 AS item UNION ALL SELECT 2, 5 UNION ALL SELECT 3, NULL"),
        target="dbo.Lines", keys=("line",),
    )
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    assert "fk_item" in message.lower() and "1 row of the source is without a partner there: line=2, item=5. " in message


CITY, SHOP = "city " + "c" * 40, "shop " + "s" * 45


@pytest.mark.parametrize("kind", ["duplicate", "partner", "twice", "rejected", "check"])
def test_twenty_rows_with_long_keys_of_two_columns_are_shown(sync, kind):
    """30 rows are at fault: 20 are there, whole, and the others are counted."""
    columns = "city nvarchar(60) NOT NULL, shop nvarchar(60) NOT NULL"
    sync.server(f"CREATE TABLE dbo.Other ({columns}, short nvarchar(3) NULL, n int NULL CONSTRAINT CK_n CHECK (n < 5), PRIMARY KEY (city, shop))")
    names = [(f"{CITY}{i:02}", f"{SHOP}{i:02}") for i in range(30)]
    rows = " UNION ALL ".join(f"SELECT '{city}' AS city, '{shop}' AS shop" for city, shop in names)
    operation, target = "INSERT", "dbo.Other"
    if kind == "duplicate":
        sync.server("INSERT INTO dbo.Other (city, shop) VALUES " + ", ".join(f"('{city}', '{shop}')" for city, shop in names))
    elif kind == "partner":
        sync.server(f"CREATE TABLE dbo.Lines ({columns}, CONSTRAINT FK_shop FOREIGN KEY (city, shop) REFERENCES dbo.Other (city, shop))")
        target = "dbo.Lines"
    elif kind == "twice":
        rows, operation = f"SELECT *, 1 AS n FROM ({rows}) UNION ALL SELECT *, 2 FROM ({rows})", "UPDATE"
    elif kind == "rejected":
        rows = f"SELECT *, 'long' AS short FROM ({rows})"
    else:
        rows = f"SELECT *, 7 AS n FROM ({rows})"
    event = sync.emit(operation, sync.source("long", rows), target=target, keys=("city", "shop"))
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    end = {"twice": r" \(2 times\)", "rejected": r", column 'short': [^;]*?takes 3", "check": ", n=7"}.get(kind, "")
    entry = rf"city={CITY}(?P<n>\d\d), shop={SHOP}(?P=n){end}"
    count, listed, more = re.search(r"(\d+) (?:keys are|rows) (?:(?!city=).)*: (city=.*); and (\d+) more(?:\. |$)", message).groups()
    shown = listed.split("; ")
    assert all(re.fullmatch(entry, row) for row in shown), message
    assert len(shown) == len(set(shown)) == 20 and int(more) == 10 and int(count) == 30, message
    assert message in sync.bridge.run("events", "watch", event).err


def wide(sync, kind):
    """An event with 16 keys whose names have 128 characters and whose values have more than 60 bytes; 30 rows are at fault."""
    letters = 28 if "SQLSERVER_HOST" in sync.bridge.settings else 122  # Babelfish, which may be that server, cuts names at 63 bytes
    keys, column = [f"k{i:02}___" + "ñ" * letters for i in range(16)], "price_" + "ñ" * letters
    sync.server(f"CREATE TABLE dbo.Other ({', '.join(f'[{key}] nvarchar(90) NULL' for key in keys)}, [{column}] nvarchar(3) NULL)")
    values = {key: "concat(n, repeat('é', 80))" for key in keys} | {column: "'long'" if kind == "rejected" else "'x'"}
    if kind == "null":
        values[keys[15]] = "CAST(NULL AS STRING)"
    numbers = [f"SELECT '{i:02}' AS n" for i in range(30)] * (2 if kind == "twice" else 1)
    select = f"SELECT {', '.join(f'{value} AS `{name}`' for name, value in values.items())} FROM ({' UNION ALL '.join(numbers)})"
    return sync.emit("INSERT" if kind == "rejected" else "UPDATE", sync.source("wide", select), target="dbo.Other", keys=keys)


def check_wide(message, kind):
    head, _, listed = message.partition(": k00")
    shown = ("k00" + listed).split("; ")
    advice = {"rejected": "Mend these values in the source", "null": "Take them out of the source", "twice": "Send one row for each key"}
    assert shown.pop() == f"and 10 more. {advice[kind]}", message
    head_is = {"rejected": "30 rows can't be taken; nothing was changed", "null": "30 rows of the source have NULL in a key column"}
    assert head == head_is.get(kind, "30 keys are more than once in the source, so it is not clear which row counts")
    end = {"rejected": r", column 'price_[^']+': 4 characters, the column takes 3", "null": "", "twice": r" \(2 times\)"}[kind]
    keys = [rf"k{i:02}[^=,]*=" + ("NULL" if kind == "null" and i == 15 else r"(?P<n>\d\d)…?é*…?é*…?" if i == 0 else r"(?P=n)[é…]*") for i in range(16)]
    numbers = [re.fullmatch(", ".join(keys) + end, row)["n"] for row in shown]
    assert len(shown) == len(set(numbers)) == 20, message


@pytest.mark.parametrize("kind", ["rejected", "twice", "null"])
def test_twenty_rows_are_shown_however_long_their_keys(sync, kind):
    """In the events table and, when that has to be told once more, by the ledger."""
    event = wide(sync, kind)
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    check_wide(message, kind)
    assert len(message.encode()) > 6000
    sync.server("UPDATE dbo.bridge_ledger SET reported = 0; DROP TABLE dbo.Other")
    sync.lake(f"UPDATE {EVENTS} SET status = 'processing', error_message = NULL")
    sync.run(status=1)
    assert sync.event(event)["error_message"] == message


def test_a_ledger_of_old_keeps_what_it_has_room_for(sync):
    sync.server("DROP TABLE dbo.bridge_ledger")
    old = sync.bridge.run("init", "--dry-run", check=True).out
    ddl = re.search(r"CREATE TABLE \[dbo\]\.\[bridge_ledger\] \(.*?\n\)", old, re.S)[0]
    sync.server(ddl.replace("nvarchar(max)", "nvarchar(4000)"))
    event = wide(sync, "rejected")
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    check_wide(message, "rejected")
    ((kept,),) = sync.server("SELECT error_message FROM dbo.bridge_ledger").json()["rows"]
    assert message.startswith(kept) and 3990 < len(kept.encode()) < 4000


def test_a_broken_condition_names_the_rows(sync):
    """Of an INSERT, an UPDATE that sets one of two columns, and an upsert; with `direct` only the constraint is named."""
    sync.server(
        "CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, low int NOT NULL DEFAULT 1, high int NOT NULL, note nvarchar(9) NULL,"
        " CONSTRAINT CK_item CHECK (low < high), CONSTRAINT CK_item_high CHECK (high < 100))"
    )
    sync.server("INSERT INTO dbo.Other (id, low, high) VALUES (1, 1, 50), (2, 7, 50), (3, 1, 9)")

    def told(operation, select, **columns):
        event = sync.emit(operation, sync.source("s", select), target="dbo.Other", **columns)
        sync.run(status=1)
        row = sync.event(event)
        assert row["status"] == "failed" and "error 547" in row["error_message"], row
        return row["error_message"]

    against = told("INSERT", "SELECT 8 AS id, 3 AS low, 3 AS high, 'n' AS note UNION ALL SELECT 9, 3, 4, 'n'")
    assert "1 row of the source breaks the condition: id=8, low=3, high=3. Mend these values" in against
    against = told("INSERT", "SELECT 8 AS id, 100 AS high UNION ALL SELECT 9, 101")
    assert "ck_item_high" in against.lower() and "2 rows of the source break the condition: id=8, high=100; id=9, high=101." in against
    against = told("UPDATE", "SELECT 1 AS id, 5 AS high UNION ALL SELECT 2, 6 UNION ALL SELECT 4, 0")
    assert "1 row of the source breaks the condition: id=2, high=6. " in against
    upsert = {"metadata": {"mode": "upsert"}}
    against = told("INSERT", "SELECT 3 AS id, 1 AS low, 8 AS high UNION ALL SELECT 4, 9, 9", **upsert)
    assert "1 row of the source breaks the condition: id=4, low=9, high=9. " in against
    against = told("INSERT", "SELECT 8 AS id, 1 AS low, 100 AS high", metadata={"bulk": "direct"})
    assert against.endswith("Without metadata.bulk 'direct' the rows would be named") and "id=8" not in against
    assert sync.server("SELECT id, low, high FROM dbo.Other ORDER BY id").json()["rows"] == [[1, 1, 50], [2, 7, 50], [3, 1, 9]]


def test_a_value_that_another_row_has_is_named_by_its_key(sync):
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, code nvarchar(9) NOT NULL CONSTRAINT UQ_code UNIQUE)")
    sync.server("INSERT INTO dbo.Other (id, code) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    event = sync.emit("UPDATE", sync.source("s", "SELECT 1 AS id, 'a' AS code UNION ALL SELECT 2, 'c'"), target="dbo.Other")
    sync.run(status=1)
    message = sync.event(event)["error_message"]
    assert "1 row of the source is there already, in another row: id=2, code=c. Mend these values in the source" in message


def test_identity_columns_are_explained_and_kept_on_wish(sync):
    sync.server("CREATE TABLE dbo.Auto (id int IDENTITY(10,1) PRIMARY KEY, name nvarchar(20))")
    source = sync.source("a", "SELECT 1 AS id, 'x' AS name")
    failed = sync.emit("INSERT", source, target="dbo.Auto")
    kept = sync.emit("INSERT", source, target="dbo.Auto", metadata={"identity_insert": True})
    made = sync.emit("INSERT", sync.source("b", "SELECT 'y' AS name"), target="dbo.Auto")
    sync.run(status=1)
    row = sync.event(failed)
    assert row["status"] == "failed" and "Cannot insert explicit value for identity column 'id'" in row["error_message"]
    assert sync.event(kept)["status"] == "completed" and sync.event(made)["status"] == "completed"
    (kept_id, kept_name), (made_id, made_name) = sync.server("SELECT id, name FROM dbo.Auto ORDER BY id").json()["rows"]
    assert (kept_id, kept_name, made_name) == (1, "x", "y") and made_id >= 10


def test_an_upsert_keeps_identity_values_of_its_keys_alone(sync):
    sync.server("CREATE TABLE dbo.Auto (id int IDENTITY(10,1) PRIMARY KEY, name nvarchar(20) NOT NULL UNIQUE)")
    options = {"mode": "upsert", "identity_insert": True}
    source = sync.source("a", "SELECT 1 AS id, 'x' AS name")
    by_name = sync.emit("INSERT", source, target="dbo.Auto", keys=("name",), metadata=options)
    by_id = sync.emit("INSERT", source, target="dbo.Auto", metadata=options)
    sync.run(status=1)
    assert sync.event(by_name)["error_message"] == (
        "Cannot update identity column 'id' of dbo.Auto: leave it out of the source, or name it in primary_keys"
    )
    assert sync.event(by_id)["status"] == "completed"
    again = sync.emit("INSERT", sync.source("b", "SELECT 1 AS id, 'y' AS name UNION ALL SELECT 2, 'z'"), target="dbo.Auto", metadata=options)
    sync.run()
    assert sync.event(again)["rows_affected"] == 2
    assert sync.server("SELECT id, name FROM dbo.Auto ORDER BY id").json()["rows"] == [[1, "y"], [2, "z"]]


def test_a_delete_over_the_limit_is_blocked_with_both_numbers(sync):
    sync.server("INSERT INTO dbo.Items (id, name) VALUES " + ", ".join(f"({i}, 'n')" for i in range(1, 31)))
    event = sync.emit("DELETE", "", filter_conditions={"name": "n"})
    sync.run(status=1, env={"SYNC_MAX_DELETE_ROWS": "10"})
    row = sync.event(event)
    assert row["status"] == "blocked"
    assert "would take 30 rows" in row["error_message"] and "the limit is 10" in row["error_message"]
    assert len(sync.items()) == 30
    sync.bridge.run("events", "retry", event, check=True)
    sync.run(status=0, env={"SYNC_MAX_DELETE_ROWS": "30"})
    assert sync.event(event)["status"] == "completed" and sync.items() == []


def test_clients_that_do_not_know_blocked_see_failed(sync):
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'n'), (2, 'n')")
    event = sync.emit("DELETE", "", filter_conditions={"name": "n"})
    sync.run(status=1, env={"SYNC_MAX_DELETE_ROWS": "1", "SYNC_BLOCKED_STATUS": "failed"})
    assert sync.event(event)["status"] == "failed"


def test_rights_of_the_permissions_file(sync):
    sync.bridge.write(
        "config/permissions.yaml",
        "users:\n  - name: databricks\n    token_sha256: \"" + "ab" * 32 + "\"\n    permissions:\n"
        "      - table: dbo.Items\n        access: read_write\n        max_delete_rows: 1\n",
    )
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY)")
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'n'), (2, 'n')")
    blocked = sync.emit("DELETE", "", filter_conditions={"name": "n"})
    refused = sync.emit("INSERT", sync.source("o", "SELECT 1 AS id"), target="dbo.Other", metadata={"principal": "admin"})
    sync.run(status=1)
    assert sync.event(blocked)["status"] == "blocked"
    row = sync.event(refused)
    assert row["status"] == "failed" and "may not write dbo.Other" in row["error_message"]
    audit = [json.loads(line) for line in (sync.bridge.data / "audit.jsonl").read_text().splitlines()]
    assert {"sync_started", "delete_blocked", "sync_failed"} <= {line["event_type"] for line in audit}
    assert all(line["user_name"] == "databricks" for line in audit)


def test_cascades_need_a_word(sync):
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'a')")
    sync.server(
        "CREATE TABLE dbo.Lines (line int NOT NULL PRIMARY KEY, item int NOT NULL CONSTRAINT FK_item REFERENCES dbo.Items(id) ON DELETE CASCADE)"
    )
    sync.server("INSERT INTO dbo.Lines VALUES (1, 1), (2, 1)")
    refused = sync.emit("DELETE", "", filter_conditions={"id": 1})
    sync.run(status=1)
    assert "fk_item on dbo.lines" in sync.event(refused)["error_message"].lower()
    rights = "      - table: dbo.Items\n        access: write\n"
    sync.bridge.write("config/permissions.yaml", f"users:\n  - name: databricks\n    token_sha256: \"{'ab' * 32}\"\n    permissions:\n{rights}")
    denied = sync.emit("DELETE", "", filter_conditions={"id": 1}, metadata={"allow_cascade": "true"})
    sync.run(status=1)
    said = sync.event(denied)["error_message"].lower()
    assert "the change of dbo.items would change dbo.lines too: the user 'databricks' may not write dbo.lines" in said, said
    assert len(sync.items()) == 1 and sync.server("SELECT COUNT(*) FROM dbo.Lines").json()["rows"] == [[2]]
    (sync.bridge.folder / "config/permissions.yaml").unlink()
    if "SQLSERVER_HOST" in sync.bridge.settings:  # the sandbox changes nothing through a view
        sync.server("DROP VIEW IF EXISTS dbo.Through")
        sync.server("CREATE VIEW dbo.Through AS SELECT id, name FROM dbo.Items")
        refused = sync.emit("DELETE", "", target="dbo.Through", filter_conditions={"id": 1})
        sync.run(status=1)
        assert "dbo.Through is a view" in sync.event(refused)["error_message"]
        sync.server("DROP VIEW dbo.Through")
    sync.emit("DELETE", "", filter_conditions={"id": 1}, metadata={"allow_cascade": "true"})
    sync.run()
    assert sync.items() == [] and sync.server("SELECT COUNT(*) FROM dbo.Lines").json()["rows"] == [[0]]


def test_an_update_that_reaches_other_tables_needs_a_word(sync):
    if "SQLSERVER_HOST" not in sync.bridge.settings:
        pytest.skip("the sandbox knows no ON UPDATE CASCADE; test_cascade.c has its own server")
    sync.server("CREATE TABLE dbo.Auto (id int NOT NULL PRIMARY KEY, code varchar(10) NOT NULL UNIQUE, name varchar(10) NULL)")
    sync.server("CREATE TABLE dbo.Parts (id int NOT NULL PRIMARY KEY, code varchar(10) NULL CONSTRAINT FK_code REFERENCES dbo.Auto(code) ON UPDATE CASCADE)")
    sync.server("INSERT INTO dbo.Auto VALUES (1, 'a', 'n'); INSERT INTO dbo.Parts VALUES (1, 'a')")
    source = sync.source("u", "SELECT 1 AS id, 'b' AS code")
    refused = sync.emit("UPDATE", source, target="dbo.Auto")
    harmless = sync.emit("UPDATE", sync.source("n", "SELECT 1 AS id, 'N' AS name"), target="dbo.Auto")
    sync.run(status=1)
    assert "updating dbo.auto would change other tables too, through fk_code on dbo.parts" in sync.event(refused)["error_message"].lower()
    assert sync.event(harmless)["status"] == "completed"
    rights = "      - table: dbo.Auto\n        access: read_write\n"
    sync.bridge.write("config/permissions.yaml", f"users:\n  - name: databricks\n    token_sha256: \"{'ab' * 32}\"\n    permissions:\n{rights}")
    twice = sync.source("t", "SELECT 1 AS id, 'b' AS code UNION ALL SELECT 1, 'c'")  # what the keys would fail with comes later
    denied = [
        sync.emit("UPDATE", twice, target="dbo.Auto", metadata={"allow_cascade": True}),
        sync.emit("INSERT", twice, target="dbo.Auto", metadata={"mode": "upsert", "allow_cascade": True}),
    ]
    sync.run(status=1)
    for event in denied:
        said = sync.event(event)["error_message"].lower()
        assert "the change of dbo.auto would change dbo.parts too: the user 'databricks' may not write dbo.parts" in said, said
    (sync.bridge.folder / "config/permissions.yaml").unlink()
    planned = sync.emit("UPDATE", source, target="dbo.Auto", metadata={"allow_cascade": True})
    assert "foreign keys that would carry it on: fk_code on dbo.parts" in sync.bridge.run("events", "plan", planned, check=True).out.lower()
    sync.run()
    assert sync.server("SELECT code FROM dbo.Parts").json()["rows"] == [["b"]]


def test_what_the_server_computes_of_a_column_is_changed_with_it(sync):
    if "SQLSERVER_HOST" not in sync.bridge.settings:
        pytest.skip("the sandbox knows no ON UPDATE CASCADE; test_cascade.c has its own server")
    sync.server("CREATE TABLE dbo.Auto (id int NOT NULL PRIMARY KEY, n int NOT NULL, name varchar(10) NULL, twice AS (n * 2) PERSISTED UNIQUE)")
    sync.server("CREATE TABLE dbo.Parts (id int NOT NULL PRIMARY KEY, twice int NULL CONSTRAINT FK_twice REFERENCES dbo.Auto(twice) ON UPDATE CASCADE)")
    sync.server("INSERT INTO dbo.Auto (id, n) VALUES (1, 1); INSERT INTO dbo.Parts VALUES (1, 2)")
    event = sync.emit("UPDATE", sync.source("u", "SELECT 1 AS id, 5 AS n"), target="dbo.Auto")
    sync.run(status=1)
    assert "updating dbo.auto would change other tables too, through fk_twice on dbo.parts" in sync.event(event)["error_message"].lower()
    assert sync.server("SELECT twice FROM dbo.Parts").json()["rows"] == [[2]]


@pytest.mark.parametrize(
    "order, expected",
    [("highest_first", ["9", "5", "none", "0"]), ("lowest_first", ["none", "0", "5", "9"])],
)
def test_events_go_in_their_order(sync, order, expected):
    """By priority, where a missing one is 0; then the older one first."""
    sync.server("CREATE TABLE dbo.Log (n int IDENTITY PRIMARY KEY, what nvarchar(10))")
    for i, priority in enumerate(["5", "9", "0", "none"]):
        created = "2024-01-01 00:00:01" if priority == "none" else "2024-01-01 00:00:02"
        sync.emit(
            "INSERT", sync.source(f"s{i}", f"SELECT '{priority}' AS what"), target="dbo.Log", keys=(),
            created_at=Sql(f"TIMESTAMP'{created}'"), **({} if priority == "none" else {"priority": int(priority)}),
        )
    sync.run(env={"SYNC_PRIORITY_ORDER": order})
    assert [row[0] for row in sync.server("SELECT what FROM dbo.Log ORDER BY n").json()["rows"]] == expected


def test_an_unknown_time_is_the_oldest_and_ids_break_the_tie(sync):
    """A column that is left out is filled by the table's default: such an event is the youngest."""
    sync.server("CREATE TABLE dbo.Log (n int IDENTITY PRIMARY KEY, what nvarchar(20))")
    past = Sql("TIMESTAMP'2024-01-01 00:00:01'")
    times = {"b null": Sql("NULL"), "young": None, "c past": past, "a past": past, "B past": past, "a null": Sql("NULL")}
    for i, (event_id, created) in enumerate(times.items()):
        source = sync.source(f"s{i}", f"SELECT '{event_id}' AS what")
        sync.emit("INSERT", source, target="dbo.Log", keys=(), event_id=event_id, **({} if created is None else {"created_at": created}))
    sync.run()
    order = [row[0] for row in sync.server("SELECT what FROM dbo.Log ORDER BY n").json()["rows"]]
    assert order == ["a null", "b null", "B past", "a past", "c past", "young"]


def test_once_means_all_even_where_a_list_holds_few(sync):
    """A list is full of rows whose outcomes are not written yet: the others still get their turn."""
    events = [sync.emit("INSERT", sync.source(f"n{i}", f"SELECT {i} AS id, 'n' AS name")) for i in range(5)]
    sync.run(env={"MAX_EVENTS_PER_POLL": "2"})
    assert [sync.event(event)["status"] for event in events] == ["completed"] * 5


def test_the_ledger_answers_for_what_was_done(sync):
    source = sync.source("three", THREE)
    event = sync.emit("INSERT", source, event_id="same")
    sync.run()
    # The display is set back, as after a crash before it was written: nothing is applied again.
    sync.lake(f"UPDATE {EVENTS} SET status = 'processing', rows_affected = NULL WHERE event_id = 'same'")
    result = sync.run()
    assert result.json()["rows"][0][4] == 1, result
    assert sync.event(event)["status"] == "completed" and sync.event(event)["rows_affected"] == 3
    assert len(sync.items()) == 3
    # The same id with other content is another matter.
    sync.lake(f"DELETE FROM {EVENTS}")
    sync.emit("DELETE", "", event_id="same", filter_conditions={"id": 1})
    sync.run(status=1)
    assert "used before" in sync.event("same")["error_message"]
    assert len(sync.items()) == 3


def test_the_ledger_forgets_what_was_reported_long_ago(sync):
    sync.emit("INSERT", sync.source("three", THREE), event_id="old")
    sync.emit("DELETE", "", event_id="new", filter_conditions={"id": 1}, priority=-1)
    sync.run()
    sync.server("UPDATE dbo.bridge_ledger SET changed_at = '2020-01-01' WHERE event_id = 'old'")
    assert sync.server("SELECT COUNT(*) FROM dbo.bridge_ledger WHERE reported = 1").json()["rows"] == [[2]]
    sync.run(env={"SYNC_LEDGER_DAYS": "0"})
    assert sync.server("SELECT COUNT(*) FROM dbo.bridge_ledger").json()["rows"] == [[2]]
    sync.run(env={"SYNC_LEDGER_DAYS": "30"})
    assert sync.server("SELECT event_id FROM dbo.bridge_ledger").json()["rows"] == [["new"]]


def test_two_rows_with_one_id(sync):
    one = sync.source("one", "SELECT 1 AS id, 'a' AS name")
    two = sync.source("two", "SELECT 2 AS id, 'b' AS name")
    sync.emit("INSERT", one, event_id="twin", priority=9)
    sync.emit("INSERT", two, event_id="twin", priority=1)
    sync.run(status=1)
    rows = sync.lake(f"SELECT source_table, status FROM {EVENTS} ORDER BY source_table").json()["rows"]
    assert rows == [[one, "completed"], [two, "failed"]]
    assert sync.items() == [(1, "a", None)]


def test_retry_runs_a_failed_event_again(sync):
    event = sync.emit("INSERT", sync.source("s", THREE + " LIMIT 0"))
    sync.run(status=1)
    assert sync.bridge.run("events", "retry", "nobody").status == 1
    sync.source("s", THREE)
    sync.bridge.run("events", "retry", event, check=True)
    assert sync.event(event)["error_message"] is None
    sync.run()
    assert sync.event(event)["status"] == "completed" and len(sync.items()) == 3
    again = sync.bridge.run("events", "retry", event)
    assert again.status == 1 and "only failed and blocked" in again.err


def test_a_cancelled_event_is_never_applied(sync):
    event = sync.emit("INSERT", sync.source("three", THREE))
    sync.bridge.run("events", "cancel", event, check=True)
    sync.run()
    assert sync.items() == []
    assert sync.bridge.run("events", "show", event).status == 1
    assert sync.bridge.run("events", "cancel", event).status == 1


def test_a_dry_run_changes_nothing_and_says_what_it_would(sync):
    sync.server("INSERT INTO dbo.Items (id, name, price) VALUES (1, 'a', 1), (2, 'b', 2)")
    source = sync.source("u", "SELECT 1 AS id, 'A' AS name UNION ALL SELECT 2, 'b'")
    event = sync.emit("UPDATE", source, metadata={"dry_run": True})
    plan = sync.emit("UPDATE", source, priority=-1)
    said = sync.bridge.run("events", "plan", plan, check=True).out
    assert "2 rows of dbo.Items would be updated" in said and "id=1: name a -> A" in said
    assert sync.event(plan)["status"] == "pending"
    sync.bridge.run("events", "cancel", plan, check=True)
    sync.run()
    row = sync.event(event)
    assert (row["status"], row["rows_affected"]) == ("completed", 0)
    assert "Dry run, nothing was changed: 2 rows of dbo.Items would be updated" in row["warning"]
    assert sync.items() == [(1, "a", "1.00"), (2, "b", "2.00")]


def dry(sync, operation, source, **columns):
    metadata = {**columns.pop("metadata", {}), "dry_run": True}
    event = sync.emit(operation, source, metadata=metadata, **columns)
    sync.run()
    row = sync.event(event)
    assert (row["status"], row["rows_affected"]) == ("completed", 0), row
    return row["warning"]


def test_a_plan_says_what_each_operation_would_do(sync):
    """Also of an event whose change would fail; none of them is touched."""
    sync.server("INSERT INTO dbo.Items (id, name, price) VALUES (1, 'a', 1), (2, 'b', 2)")
    sync.server("CREATE TABLE dbo.Lines (line int NOT NULL PRIMARY KEY, item int NOT NULL CONSTRAINT FK_item REFERENCES dbo.Items(id) ON DELETE CASCADE)")
    sync.server("CREATE TABLE dbo.Parts (id int NOT NULL PRIMARY KEY, line int NULL CONSTRAINT FK_line REFERENCES dbo.Lines(line) ON DELETE SET NULL)")
    sync.server("INSERT INTO dbo.Lines VALUES (1, 1); INSERT INTO dbo.Parts VALUES (1, 1)")
    new = sync.source("new", "SELECT 3 AS id, 'c' AS name")
    both = sync.source("both", "SELECT 1 AS id, 'A' AS name UNION ALL SELECT 3, 'c'")
    nothing = "Dry run, nothing was changed: "
    plans = [
        (sync.emit("INSERT", new), f"{nothing}1 row of dbo.Items would be inserted. Triggers that would fire: none. First rows: id=3, name=c"),
        (
            sync.emit("INSERT", both, metadata={"mode": "upsert"}),
            f"{nothing}1 row of dbo.Items would be updated and 1 inserted. Triggers that would fire: none. First rows: id=1: name a -> A; new: id=3, name=c",
        ),
        (
            sync.emit("DELETE", "", filter_conditions={"id": [1, 9]}, metadata={"allow_cascade": True}),
            f"{nothing}1 row of dbo.Items would be deleted. Triggers that would fire: none. Foreign keys that would carry it on: "
            "FK_item on dbo.Lines; FK_line on dbo.Parts. First rows: id=1, name=a, price=1.00, changed=NULL",
        ),
    ]
    for event, said in plans:
        assert sync.bridge.run("events", "plan", event, check=True).out.lower() == f"{event}: {said}\n".lower()
    refused = sync.emit("DELETE", "", filter_conditions={"id": 1})
    assert (
        "Deleting from dbo.Items would change other tables too, through fk_item on dbo.Lines; fk_line on dbo.Parts; set metadata.allow_cascade".lower()
        in sync.bridge.run("events", "plan", refused).err.lower()
    )
    assert sync.items() == [(1, "a", "1.00"), (2, "b", "2.00")]
    assert sync.server("SELECT line FROM dbo.Parts").json()["rows"] == [[1]]
    assert {sync.event(event)["status"] for event, _ in plans} == {"pending"}


def test_a_dry_upsert_tells_updates_from_inserts(sync):
    sync.server("INSERT INTO dbo.Items (id, name, price) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
    before = sync.items()
    source = sync.source("u", "SELECT 1 AS id, 'A' AS name, 1 AS price UNION ALL SELECT 3, 'c', NULL UNION ALL SELECT 9, 'z', 9")
    said = dry(sync, "INSERT", source, metadata={"mode": "upsert"})
    assert "2 rows of dbo.Items would be updated and 1 inserted. Triggers that would fire: none. First rows: " in said
    assert set(said.partition("First rows: ")[2].split("; ")) == {"id=1: name a -> A", "id=3: price 3.00 -> NULL", "new: id=9, name=z, price=9.00"}
    assert sync.items() == before


def test_a_dry_run_of_rows_too_long_to_be_shown_says_so(sync):
    """Five rows of a mebibyte are more than a question's answer may have; the event itself has no such limit."""
    sync.server("CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY, body nvarchar(max) NOT NULL)")
    source = sync.source("long", "SELECT CAST(id AS INT) AS id, repeat('x', 1048576) AS body FROM range(5)")
    unseen = "{} rows of dbo.Other would be {}. Triggers that would fire: none{}. First rows are not shown: they are too long"
    said = dry(sync, "INSERT", source, target="dbo.Other")
    assert unseen.format(5, "inserted", "") in said
    inserted = sync.emit("INSERT", source, target="dbo.Other")
    sync.run()
    assert sync.event(inserted)["rows_affected"] == 5
    said = dry(sync, "DELETE", "", target="dbo.Other", filter_conditions={"id": [0, 1, 2, 3, 4]})
    assert unseen.format(5, "deleted", ". Foreign keys that would carry it on: none") in said
    assert sync.server("SELECT COUNT(*) FROM dbo.Other").json()["rows"] == [[5]]


def test_a_dry_direct_load_shows_its_first_rows(sync):
    rows = " UNION ALL ".join(f"SELECT {i} AS id, 'n{i}' AS name" for i in range(7))
    said = dry(sync, "INSERT", sync.source("d", rows), metadata={"bulk": "direct"})
    assert "7 rows of dbo.Items would be inserted" in said
    assert said.partition("First rows: ")[2].split("; ") == [f"id={i}, name=n{i}" for i in range(5)]
    assert sync.items() == []


def test_a_dry_run_names_what_else_would_change(sync):
    """The sandbox has no triggers; a server that has them names those of the operation alone."""
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'a'), (2, 'b')")
    sync.server("CREATE TABLE dbo.Lines (line int NOT NULL PRIMARY KEY, item int NOT NULL CONSTRAINT FK_item REFERENCES dbo.Items(id) ON DELETE CASCADE)")
    sync.server("INSERT INTO dbo.Lines VALUES (1, 1), (2, 1)")
    fired = {"insert": "none", "update": "none", "delete": "none"}
    if "SQLSERVER_HOST" in sync.bridge.settings:
        sync.server("CREATE TABLE dbo.Log (what nvarchar(10))")
        for word in fired:
            fired[word] = f"on_{word}"
            sync.server(f"CREATE TRIGGER dbo.on_{word} ON dbo.Items AFTER {word.upper()} AS INSERT INTO dbo.Log VALUES ('{word}')")
    said = dry(sync, "DELETE", "", filter_conditions={"id": 1}, metadata={"allow_cascade": True}).lower()
    assert f"triggers that would fire: {fired['delete']}. foreign keys that would carry it on: fk_item on dbo.lines. first rows: id=1, name=a" in said
    source = sync.source("u", "SELECT 1 AS id, 'A' AS name UNION ALL SELECT 3, 'c'")
    said = dry(sync, "UPDATE", source)
    assert f"1 row of dbo.Items would be updated. Triggers that would fire: {fired['update']}. First" in said
    said = dry(sync, "INSERT", source, metadata={"mode": "upsert"})
    both = "none" if fired["insert"] == "none" else "on_insert; on_update"
    assert f"1 row of dbo.Items would be updated and 1 inserted. Triggers that would fire: {both}. First" in said
    assert sync.items() == [(1, "a", None), (2, "b", None)]
    assert sync.server("SELECT COUNT(*) FROM dbo.Lines").json()["rows"] == [[2]]
    if "SQLSERVER_HOST" in sync.bridge.settings:
        assert sync.server("SELECT COUNT(*) FROM dbo.Log").json()["rows"] == [[0]]


def test_bulk_direct(sync):
    event = sync.emit("INSERT", sync.source("three", THREE), metadata={"bulk": "direct"})
    sync.run()
    assert sync.event(event)["rows_affected"] == 3 and len(sync.items()) == 3
    event = sync.emit("INSERT", sync.source("three", THREE), metadata={"bulk": "direct"})
    sync.run(status=1)
    assert sync.event(event)["status"] == "failed" and len(sync.items()) == 3
    empty = sync.emit("INSERT", sync.source("none", THREE + " LIMIT 0"), metadata={"bulk": "direct"})
    sync.run(status=1)
    assert sync.event(empty)["error_message"] == "No data to insert"


def test_an_empty_source_may_be_fine(sync):
    source = sync.source("none", THREE + " LIMIT 0")
    expected = sync.emit("INSERT", source, rows_expected=0)
    sync.run()
    assert sync.event(expected)["status"] == "completed"
    event = sync.emit("INSERT", source)
    sync.run(env={"SYNC_EMPTY_SOURCE": "completed"})
    assert sync.event(event)["status"] == "completed"


def test_names_with_hyphens_with_and_without_backticks(sync):
    sync.lake("CREATE CATALOG IF NOT EXISTS `my-catalog`")
    sync.lake("CREATE SCHEMA IF NOT EXISTS `my-catalog`.`my-schema`")
    sync.lake("CREATE TABLE `my-catalog`.`my-schema`.`new-rows` AS SELECT 1 AS id, 'a' AS name")
    sync.emit("INSERT", "my-catalog.my-schema.new-rows")
    sync.run()
    sync.server("DELETE FROM dbo.Items")
    database = sync.server("SELECT DB_NAME()").json()["rows"][0][0]
    sync.emit("INSERT", "`my-catalog`.`my-schema`.`new-rows`", target=f"[{database}].[dbo].[Items]")
    sync.run()
    assert sync.items() == [(1, "a", None)]


def test_the_other_events_table_and_schema(make_bridge):
    """The guide's names, and filter_conditions and metadata as MAP."""
    bridge = make_bridge({"EVENTS_TABLE": "`000-sql-databricks-bridge`.`events`.bridge_events"})
    table = "`000-sql-databricks-bridge`.`events`.bridge_events"
    bridge.sql("databricks", "CREATE CATALOG IF NOT EXISTS `000-sql-databricks-bridge`")
    bridge.sql("databricks", "CREATE SCHEMA IF NOT EXISTS `000-sql-databricks-bridge`.`events`")
    bridge.sql(
        "databricks",
        f"CREATE TABLE {table} (event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys"
        " ARRAY<STRING>, priority INT DEFAULT 0, status STRING DEFAULT 'pending', rows_expected INT, rows_affected INT,"
        " discrepancy INT, warning STRING, error_message STRING, filter_conditions MAP<STRING,STRING>, metadata"
        " MAP<STRING,STRING>, created_at TIMESTAMP, processed_at TIMESTAMP) TBLPROPERTIES"
        " ('delta.feature.allowColumnDefaults' = 'supported')",
    )
    bridge.run("init", check=True)
    bridge.sql("sqlserver", "CREATE TABLE dbo.Users (id int PRIMARY KEY, admin bit, name nvarchar(20))")
    bridge.sql("sqlserver", "INSERT INTO dbo.Users VALUES (1, 0, 'a'), (2, 1, 'b'), (3, 0, NULL)")
    bridge.sql(
        "databricks",
        f"INSERT INTO {table} (event_id, operation, source_table, target_table, primary_keys, filter_conditions, metadata)"
        " VALUES ('e', 'DELETE', '', 'dbo.Users', array('id'), map('admin', '0', 'name', CAST(NULL AS STRING)), map('job', 'x'))",
    )
    assert bridge.run("sync", "--once").status == 0
    assert bridge.sql("sqlserver", "SELECT id FROM dbo.Users ORDER BY id").json()["rows"] == [[1], [2]]
    assert bridge.run("events", "show", "e", "--output", "json").json()["rows"][6] == ["status", "completed"]


@pytest.mark.parametrize("words", [["sync"], ["sync", "--once"]], ids=" ".join)
def test_sync_can_be_stopped_while_databricks_keeps_it_waiting(bridge, words):
    """The statement that looks at the events table runs and runs, as where a warehouse starts up."""
    asked = threading.Event()
    cancelled = threading.Event()

    def respond(request):
        if request.command == "GET":
            asked.set()
        if request.path.endswith("/cancel"):
            cancelled.set()
        return 200, {}, json.dumps({"statement_id": "s", "status": {"state": "RUNNING"}}).encode()

    workspace = Answering(respond)
    settings = {"DATABRICKS_HOST": workspace.url, "DATABRICKS_TOKEN": "t", "DATABRICKS_WAREHOUSE_ID": "w"}
    process = bridge.start(*words, "--sandbox", "sqlserver", env=settings, stderr=subprocess.PIPE)
    try:
        assert asked.wait(120)
        process.terminate()
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
        workspace.close()
    # The service ends as it always does; an errand is left undone.
    assert (process.returncode, ": Cancelled" in err, "stopping" in err) == ((1, True, False) if "--once" in words else (0, False, True)), err
    assert cancelled.is_set(), err


def test_the_command_line_of_events(sync):
    source = sync.source("three", THREE)
    emitted = sync.bridge.run(
        "events", "emit", "--operation", "INSERT", "--source", source, "--target", "dbo.Items", "--key", "id",
        "--rows-expected", "3", "--event-id", "by-hand", "--metadata", '{"job": "by hand"}',
    )
    assert emitted.status == 0 and emitted.out == "by-hand: pending\n", emitted
    twice = sync.bridge.run("events", "emit", "--operation", "INSERT", "--source", source, "--target", "dbo.Items", "--event-id", "by-hand")
    assert twice.status == 1 and "already" in twice.err
    wrong = sync.bridge.run("events", "emit", "--operation", "UPDATE", "--source", source, "--target", "dbo.Items")
    assert wrong.status == 1 and "Primary keys required for UPDATE operation" in wrong.err
    shown = sync.event("by-hand")
    assert (shown["rows_expected"], shown["rows_affected"], shown["event_id"]) == (3, None, "by-hand")
    listed = sync.bridge.run("events", "list", "--status", "pending", "--output", "json", check=True).json()
    assert [row[0] for row in listed["rows"]] == ["by-hand"] and listed["sandbox"] == ["databricks"]
    assert sync.event("by-hand")["priority"] == 0
    waiting = sync.bridge.run("events", "watch", "by-hand", "--timeout", "1", "--interval", "1")
    assert waiting.status == 1 and "still pending" in waiting.err
    sync.run()
    assert sync.bridge.run("events", "watch", "by-hand").status == 0
    assert sync.bridge.run("events", "show", "nobody").status == 1


def test_what_a_command_did_to_an_event_is_json_where_that_is_asked_for(sync):
    """One document each, shaped as every other result and with the mark of the sandbox."""
    source = sync.source("three", THREE)

    def told(*words, column="status"):
        answer = sync.bridge.run("events", *words, "--output", "json", check=True).json()
        assert [entry["name"] for entry in answer["columns"]] == ["event_id", column], answer
        assert "databricks" in answer["sandbox"], answer
        ((event_id, what),) = answer["rows"]
        return event_id, what

    insert = ("emit", "--operation", "INSERT", "--source", source, "--target")
    assert told(*insert, "dbo.Items", "--event-id", "good") == ("good", "pending")
    made, status = told(*insert, "dbo.Items")
    assert len(made) == 36 and status == "pending"
    assert told("cancel", made) == (made, "cancelled")
    event_id, plan = told("plan", "good", column="plan")
    assert event_id == "good" and sync.bridge.run("events", "plan", "good", check=True).out == f"good: {plan}\n"
    assert told(*insert, "dbo.Nowhere", "--event-id", "bad") == ("bad", "pending")
    sync.run(status=1)
    assert told("retry", "bad") == ("bad", "pending")
    ended = sync.bridge.run("events", *insert, "dbo.Nowhere", "--event-id", "good", "--output", "json")
    assert ended.status == 1 and ended.out == "", ended


def test_init_may_run_in_several_places_at_once(bridge):
    several = [bridge.start("init", stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for process in several:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0 and "ledger dbo.bridge_ledger" in out, (out, err)
    assert bridge.run("sync", "--once").status == 0


def test_only_what_asks_for_rights_reads_the_permissions(sync):
    """A file that can't be used stops what would carry out events, and what says what they would do; not a look at them."""
    source = sync.source("three", THREE)
    sync.bridge.write("config/permissions.yaml", "users: 1\n")
    emit = ("events", "emit", "--operation", "INSERT", "--source", source, "--target", "dbo.Items", "--event-id", "e")
    for words in (emit, ("events", "list"), ("events", "show", "e"), ("events", "cancel", "e"), ("init",)):
        assert sync.bridge.run(*words).status == 0, words
    assert sync.bridge.run(*emit).status == 0
    for words in (("events", "plan", "e"), ("sync", "--once")):
        result = sync.bridge.run(*words)
        assert result.status == 1 and "config/permissions.yaml, line 1" in result.err, result


def test_init_shows_what_it_would_run_and_may_run_twice(bridge):
    shown = bridge.run("init", "--dry-run", "--test-table", check=True)
    assert "CREATE TABLE IF NOT EXISTS `bridge`.`events`.`bridge_events`" in shown.out
    assert "CREATE TABLE [dbo].[bridge_ledger]" in shown.out
    told = bridge.run("init", "--dry-run", "--test-table", "--output", "json", check=True).json()
    assert [column["name"] for column in told["columns"]] == ["side", "what", "statement"]
    assert told["sandbox"] == ["sqlserver", "databricks"]
    assert "".join(f"-- {side}: {what}\n{statement};\n\n" for side, what, statement in told["rows"]) == shown.out
    missing = bridge.run("sync", "--once")
    assert missing.status == 1 and "init" in missing.err
    made = bridge.run("init", "--test-table", check=True).out
    assert re.search(r"bridge_ledger +made$", made, re.M) and "was there already" not in made, made
    again = bridge.run("init", "--test-table", check=True).out
    assert re.search(r"bridge_ledger +was there already$", again, re.M) and " made" not in again, again
    assert bridge.run("sync", "--once").status == 0
