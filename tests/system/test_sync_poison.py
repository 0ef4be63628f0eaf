"""A poisoned queue: each bad event fails alone and with its words, the good ones between them go through, and no text of
an event is ever run as SQL on either side.

Tables that nobody names in earnest, the canaries, stand on both sides; every hostile text tries to change or drop them.
"""

import json

import pytest
from sync_case import EVENTS, Sql, Sync, sync, text  # noqa: F401 (a fixture)
from tds_proxy import Proxy

CANARY = [[1, "alive"], [2, "alive"], [3, "alive"]]

# Ends of every kind of quoting, then a statement; and what templates, parameters and formats would react to.
BOBBY = [
    "'; DROP TABLE dbo.Canary; DROP TABLE main.default.canary; --",
    "\\'; DROP TABLE main.default.canary; --",
    "\"; DELETE FROM dbo.Canary; DELETE FROM main.default.canary; --",
    "`; DROP TABLE main.default.canary; --",
    "]; DROP TABLE dbo.Canary; --",
    "x]]; UPDATE dbo.Canary SET name = 'dead'; --",
    "') OR 1 = 1; UPDATE dbo.Canary SET name = 'dead' --",
    "1; UPDATE main.default.canary SET name = 'dead'",
    "*/ DROP TABLE dbo.Canary /*",
    "\nGO\nDROP TABLE dbo.Canary\nGO\n",
    ":fingerprints @p0 ? ${x} {{x}} %s %n %1$s",
]
NUMBERED = list(enumerate(BOBBY))


def j(value):
    return json.dumps(value)


# ---- the queue: (columns of the event, words of its message; None: it is completed with one row) ----


def insert(source, **columns):
    return {"operation": "INSERT", "source_table": source, "target_table": "dbo.Items", **columns}


def delete(conditions, **columns):
    return {"operation": "DELETE", "target_table": "dbo.Items", "primary_keys": ["id"],
            "filter_conditions": conditions if isinstance(conditions, str) else j(conditions), **columns}


def nulls():
    whole = insert("main.default.g0", primary_keys=["id"], rows_expected=1)
    words = {"event_id": "event_id is missing", "operation": "operation is missing", "source_table": "source_table is missing",
             "target_table": "target_table is missing"}
    for column, word in words.items():
        yield {**whole, column: None}, word
    yield {column: None for column in (*whole, "event_id", "status", "created_at")}, "event_id is missing"
    yield {"operation": "UPDATE", "source_table": "main.default.g0", "target_table": "dbo.Items"}, "Primary keys required"
    yield {"operation": "DELETE", "target_table": "dbo.Items"}, "Primary keys required"
    yield {"operation": "DELETE", "target_table": "dbo.Items", "primary_keys": ["id"]}, "without any condition"
    for blank in ("", "  ", "\t\n"):
        yield insert("main.default.g0", event_id=blank), "event_id is missing"
        yield insert("main.default.g0", operation=blank), "operation is missing"
        yield insert(blank), "source_table is missing"
        yield insert("main.default.g0", target_table=blank), "target_table is missing"


def bad_json():
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    for document in ("{", "}", "{nonsense", "[]", "[1, 2]", "null", "1", '"id"', '{"id": }', '{"id": 1,}', "{'id': 1}", '{"id": 01}',
                     '{"id": NaN}', '{"id": 1} {"id": 2}', '{"id": "\\u12"}', '{"id": "\\u0000"}', '{"id": "\\ud800"}',
                     '{"id": 1e400}', '{"id": -1e999999999}', '{"id": 1, "id": 2}', '{"id": "a\nb"}', "\ufeff{}", deep):
        yield delete(document), "filter_conditions: it is no JSON object"
        yield insert("main.default.g0", metadata=document), "metadata: it is no JSON object"
    yield delete('{"id": 123456789012345678901234567890}'), "out of the range of int"
    yield delete('{"id": {"a": 1}}'), "a single value is expected, not an object"
    yield delete('{"id": [[1]]}'), "a single value is expected, not a list"
    yield delete('{"id": []}'), "has 0 values"
    yield delete('{"": 1}'), "names no column"
    yield delete('{"id": 1, "ID": 2}'), "two conditions are on the column"
    yield delete("{}"), "without any condition"
    yield delete({"id": 1}, metadata='{"filter_conditions": "{"}'), "metadata.filter_conditions: it is no JSON object"
    for flag in ("identity_insert", "table_lock", "allow_cascade", "dry_run"):
        yield insert("main.default.g0", metadata=j({flag: "perhaps"})), f"metadata.{flag} must be true or false"
        yield insert("main.default.g0", metadata=j({flag: [True]})), f"metadata.{flag} must be true or false"
    yield insert("main.default.g0", metadata='{"mode": "merge"}'), "metadata.mode must be"
    yield insert("main.default.g0", metadata='{"bulk": 1}'), "metadata.bulk must be"
    yield insert("main.default.g0", metadata='{"mode": "upsert"}'), "Primary keys required for INSERT with mode upsert"


def numbers():
    for number in ("1e308", "99999999999", "-2147483649", "1.5"):
        yield delete('{"id": %s}' % number), "condition on 'id'"
    for value in ("one", "1.5.5", "", "0x1", "1e", "٣", "--1", "1 OR 1=1"):
        yield delete({"id": value}), "condition on 'id'"
    yield delete({"changed": "2024-13-45"}), "condition on 'changed'"


def operations():
    for word in ("UPSERT", "DROP", "insert into", "INSERT;", "ＩＮＳＥＲＴ", "é" * 100, "x" + "é" * 100, "\x01", *BOBBY):
        yield insert("main.default.g0", operation=word), "only INSERT, UPDATE and DELETE are known"


def nul():
    """Cut at its NUL the text would be another event's, which has completed."""
    words = " holds a NUL character (U+0000), which no event takes"
    yield insert("main.default.g29", event_id="cut"), 1
    yield insert("main.default.g29", event_id="cut\x00here"), "event_id" + words
    yield insert("main.default.g29", event_id="cut", metadata="\x00"), "metadata" + words
    yield insert("main.default.g29\x00"), "source_table" + words
    yield insert("main.default.g0", target_table="dbo.Items\x00"), "target_table" + words
    yield insert("main.default.g0", operation="INSERT\x00"), "operation" + words


def too_long():
    x = Sql("repeat('x', 10000000)")
    yield insert("main.default.g0", metadata=x), "metadata is too long for an event"
    yield insert("main.default.g0", metadata=Sql("concat('{\"a\": \"', repeat('ü', 5000000), '\"}')")), "metadata is too long"
    yield delete(Sql("repeat('{', 10000000)")), "filter_conditions is too long"
    yield insert("main.default.g0", operation=x), "operation is too long"
    yield insert(x), "source_table is too long"
    yield insert("main.default.g0", target_table=x), "target_table is too long"
    yield insert("main.default.g0", event_id=Sql("repeat('i', 1000000)")), "event_id is too long"
    yield insert("main.default.g0", primary_keys=Sql("array(repeat('k', 1000000))")), "primary_keys is too long"
    yield insert("main.default.g0", target_table="dbo." + "t" * 2000), "a part of it is too long"
    yield insert("main.default." + "t" * 2000), "a part of it is too long"
    yield insert("main.default.g0", primary_keys=[f"key{i}" for i in range(300)]), "primary_keys has more than 64 names"
    yield delete({f"c{i}": i for i in range(100)}), "there are more than 64 conditions"
    yield delete({"id": list(range(1000, 6000))}), "has 5000 values; 1 to 1000 are taken"


def names():
    for word in ("a.b.c.d", "dbo..", ".Items", "[dbo", "dbo.[Items", "dbo.It'ems", 'dbo."Items', "dbo.Items; x", "[dbo][Items]",
                 "dbo.It\x07ems", "[]", "dbo.[]"):
        yield insert("main.default.g0", target_table=word), "is no name of a table"
    for word in ("a.b.c.d", "main.default.", "`main", "main.`default", "`main``default", "main.default.g0; x", "``", "a`b"):
        yield insert(word), "is no name of a table"
    yield insert("main.default.g0", target_table="dbo.Ítems"), "dbo.Ítems does not exist"
    yield insert("main.default.g0", target_table="dbo.[Items]]]"), "does not exist"
    yield insert("main.default.`g``0`"), "TABLE_OR_VIEW_NOT_FOUND"
    yield insert("main.default.😀"), ""
    update = {"operation": "UPDATE", "source_table": "main.default.g0", "target_table": "dbo.Items"}
    for key in ("", "nmae", "[id]", "id]", "i`d", "ïd", "😀", "id\x00"):
        yield {**update, "primary_keys": [key]}, "primary_keys holds an empty name" if key == "" else "no column"
    yield {**update, "primary_keys": ["id", "ID"]}, "primary_keys names 'ID' twice"


def bobby():
    for _, words in NUMBERED:
        yield insert(words), ""
        yield insert("main.default.`" + words.replace("`", "``") + "`"), ""
        yield insert("main.default.g0", target_table=words), ""
        yield insert("main.default.g0", target_table="dbo.[" + words.replace("]", "]]") + "]"), ""
        yield {"operation": "UPDATE", "source_table": "main.default.g0", "target_table": "dbo.Items", "primary_keys": [words]}, "no column"
        yield delete({words: 1}), "has no column"
        yield delete({"id": words}), "condition on 'id'"
        yield delete({"id": [1, words]}), "condition on 'id'"
        yield insert("main.default.g0", metadata=words), "metadata: it is no JSON object"
        yield insert("main.default.g0", metadata=j({"mode": words})), "metadata.mode must be"
        # A value like any other: no row has it.
        yield delete({"name": words}, target_table="dbo.Log"), 0
        yield delete({"id": 1}, target_table="dbo.Log", metadata=j({"filter_conditions": {"name": words}})), 0


def good_events(sync):
    """Data that looks like poison and is none: it goes through, letter by letter."""
    sync.lake("CREATE TABLE main.default.odd (id INT, name STRING)")
    odd = [words[:20] for words in BOBBY] + ["\x01\x02\x7f", "😀é\u202e", "``[[]]''\"\"", "NULL", " ", ""]
    for number, name in enumerate(odd):
        sync.lake(f"INSERT INTO main.default.odd VALUES ({900000 + number}, {text(name)})")
    for number, words in NUMBERED:
        yield insert(f"main.default.g{number}", event_id=f"id {words}", metadata=j({"note": words, words: words})), 1
    yield insert("main.default.odd"), len(odd)
    for number, (id_, name) in enumerate([("Case", "case"), ("É", "é"), ("ß", "ss")]):
        yield insert(f"main.default.g{20 + 2 * number}", event_id=id_), 1
        yield insert(f"main.default.g{21 + 2 * number}", event_id=name), 1
    yield insert("main.default.g26", event_id="trailing"), 1
    yield insert("main.default.g27", event_id="trailing "), 1
    yield insert("main.default.g28", event_id="nul" + "é" * 300), 1
    for number in range(30, 40):
        yield insert(f"main.default.g{number}"), 1
    return odd


MAP = "MAP<STRING,STRING>"


def flat(document):
    """The pairs of a plain JSON object of single values; None: what else it is goes into no MAP of conditions."""
    try:
        pairs = json.loads(document)
    except (ValueError, RecursionError):
        return None
    plain = isinstance(pairs, dict) and 0 < len(pairs) < 50 and j(pairs) == document and not any(isinstance(v, (dict, list)) for v in pairs.values())
    return pairs if plain else None


def in_maps(cases):
    """The same events where conditions and metadata are MAPs: documents that no MAP holds go into metadata['filter_conditions'];
    metadata that is no JSON object can't be written there at all."""
    for event, words in cases:
        event = dict(event)
        conditions, metadata = event.get("filter_conditions"), event.get("metadata")
        if isinstance(metadata, Sql):
            event["metadata"] = {"note": metadata}
        elif metadata is not None:
            try:
                metadata = json.loads(metadata)
            except (ValueError, RecursionError):
                continue
            if not isinstance(metadata, dict) or words == "metadata: it is no JSON object":
                continue
            event["metadata"] = metadata
        if isinstance(conditions, Sql):
            event["filter_conditions"] = {"id": conditions}
        elif conditions is not None:
            pairs = None if str(words).startswith("filter_conditions: it is no") else flat(conditions)
            event["filter_conditions"] = pairs
            if pairs is None:
                event["metadata"] = {**event.get("metadata", {}), "filter_conditions": conditions}
        yield event, words


def map_texts():
    """What a MAP's texts can be and JSON's values can't."""
    for value in ("[1, 2]", "null", "NULL", "{}", '"1"'):
        yield delete({"id": value}), "condition on 'id'"
    yield delete({"id": 1, "ID": 1}), "two conditions are on the column"
    yield delete({"id": 1}, metadata=j({"filter_conditions": "[1]"})), "metadata.filter_conditions: it is no JSON object"
    yield delete({"name": "[1, 2]"}, target_table="dbo.Log"), 0
    yield delete({"name": None}, target_table="dbo.Log"), 0


def literal(value):
    if isinstance(value, dict):
        texts = [v if v is None or isinstance(v, str) else j(v) for v in value.values()]
        return "map(" + ", ".join(literal(part) for pair in zip(value, texts) for part in pair) + ")"
    if isinstance(value, (Sql, int)):
        return str(value)
    if isinstance(value, list):
        return "array(" + ", ".join(map(literal, value)) + ")" if len(value) < 9 else f"from_json({text(j(value))}, 'ARRAY<STRING>')"
    # No argument of a program holds a NUL.
    return "CAST(NULL AS STRING)" if value is None else text(value).replace("\x00", "\\u0000")


def put(sync, cases, maps=False):
    """Writes the cases as events, in order; their number, which is their priority, finds them again."""
    columns = ["event_id", "operation", "source_table", "target_table", "primary_keys", "rows_expected", "filter_conditions", "metadata"]
    rows, size = [], 0

    def flush():
        if rows:
            sync.lake(f"INSERT INTO {EVENTS} ({', '.join(columns)}, priority, status, created_at) VALUES " + ", ".join(rows))

    for number, (event, _) in enumerate(cases):
        values = {"event_id": f"event {number}", **event}
        row = ", ".join(
            "CAST(NULL AS ARRAY<STRING>)" if name == "primary_keys" and values.get(name) is None
            else "CAST(NULL AS INT)" if name == "rows_expected" and values.get(name) is None
            else f"CAST(NULL AS {MAP})" if maps and name in ("filter_conditions", "metadata") and values.get(name) is None
            else literal(values.get(name))
            for name in columns
        )
        status = text(values.get("status", "pending"))
        created = "NULL" if "created_at" in values else f"timestamp_micros({1_700_000_000_000_000 + number})"
        row = f"({row}, {-number}, {status}, {created})"
        if size + len(row.encode()) > 60_000:
            flush()
            rows, size = [], 0
        rows.append(row)
        size += len(row.encode())
    flush()


def outcomes(sync):
    found = sync.lake(f"SELECT CAST(priority AS STRING), status, CAST(rows_affected AS STRING), error_message FROM {EVENTS}").json()
    return {-int(row[0]): row[1:] for row in found["rows"]}


def set_up(sync):
    sync.server("DROP TABLE IF EXISTS dbo.Canary")
    sync.server("CREATE TABLE dbo.Canary (id int NOT NULL PRIMARY KEY, name nvarchar(20) NOT NULL)")
    sync.server("INSERT INTO dbo.Canary VALUES (1, 'alive'), (2, 'alive'), (3, 'alive')")
    sync.server("CREATE TABLE dbo.Log (id int NOT NULL PRIMARY KEY, name nvarchar(max) NULL)")
    sync.server("INSERT INTO dbo.Log VALUES (1, 'kept')")
    sync.source("canary", "SELECT 1 AS id, 'alive' AS name UNION ALL SELECT 2, 'alive' UNION ALL SELECT 3, 'alive'")
    for number in range(40):
        sync.source(f"g{number}", f"SELECT {1000 + number} AS id, 'good {number}' AS name")


def use_maps(sync):
    sync.lake(f"DROP TABLE {EVENTS}")
    sync.lake(
        f"CREATE TABLE {EVENTS} (event_id STRING, operation STRING, source_table STRING, target_table STRING, primary_keys ARRAY<STRING>,"
        f" priority INT, status STRING, rows_expected INT, rows_affected INT, error_message STRING, filter_conditions {MAP}, metadata {MAP},"
        " created_at TIMESTAMP)"
    )


def canaries(sync):
    select = "SELECT id, name FROM {} ORDER BY id"
    return [sync.server(select.format("dbo.Canary")).json()["rows"], sync.lake(select.format("main.default.canary")).json()["rows"]]


def check(sync, cases):
    found = outcomes(sync)
    wrong = []
    for number, (event, words) in enumerate(cases):
        status, rows, message = found[number]
        well = (status, rows) == ("completed", str(words)) if isinstance(words, int) else (
            status == "failed" and rows == "0" and message and words in message
        )
        if not well:
            wrong.append((number, {k: str(v)[:100] for k, v in event.items()}, words, status, rows, (message or "")[:300]))
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(map(str, wrong[:20]))
    assert len(found) == len(cases)


@pytest.mark.parametrize("objects", ["STRING", MAP])
def test_each_poisoned_event_fails_alone(sync, objects):
    set_up(sync)
    poison = [case for kind in (nulls, nul, bad_json, numbers, operations, too_long, names, bobby) for case in kind()]
    good = list(good_events(sync))
    assert len(poison) > 250 and len(good) > 30
    if objects == MAP:  # the cases that differ there
        use_maps(sync)
        poison = [case for case in in_maps([*poison, *map_texts()]) if case[0].get("metadata") or case[0].get("filter_conditions")]
        good = list(in_maps(good[:12]))
        assert len(poison) > 100
    # A good one after every so many bad ones, in the queue's own order.
    every = len(poison) // len(good)
    cases = []
    for number, case in enumerate(poison):
        cases.append(case)
        if number % every == 0 and good:
            cases.append(good.pop(0))
    cases += good
    put(sync, cases, objects == MAP)
    sync.run(status=1)
    check(sync, cases)
    assert canaries(sync) == [CANARY, CANARY]
    assert sync.server("SELECT id, name FROM dbo.Log").json()["rows"] == [[1, "kept"]]
    names_there = sync.server("SELECT name FROM dbo.Items WHERE id >= 900000 ORDER BY id").json()["rows"]
    assert [row[0] for row in names_there] == [
        row[0] for row in sync.lake("SELECT name FROM main.default.odd ORDER BY id").json()["rows"]
    ]
    # The queue goes on.
    sync.source("after", "SELECT 77 AS id, 'after' AS name")
    event = sync.emit("INSERT", "main.default.after")
    sync.run()
    assert sync.event(event)["status"] == "completed"


def test_words_in_results_and_statuses(sync):
    """What stands in a row's results is written over; a row with a status of its author's own is left as it is."""
    set_up(sync)
    columns = "event_id, operation, source_table, target_table, status, warning, error_message"
    rows = []
    for number, words in NUMBERED:
        w = text(words)
        rows.append(f"('good {number}', 'INSERT', 'main.default.g{number}', 'dbo.Items', 'pending', {w}, {w})")
        rows.append(f"('bad {number}', 'INSERT', 'main.default.nowhere', 'dbo.Items', 'processing', {w}, {w})")
        rows.append(f"('aside {number}', 'INSERT', 'main.default.g{20 + number}', 'dbo.Items', {w}, {w}, {w})")
    sync.lake(f"INSERT INTO {EVENTS} ({columns}) VALUES " + ", ".join(rows))
    sync.run(status=1)
    found = {row[0]: row[1:] for row in sync.lake(f"SELECT event_id, status, warning, error_message FROM {EVENTS}").json()["rows"]}
    for number, words in NUMBERED:
        assert found[f"good {number}"] == ["completed", None, None]
        status, warning, message = found[f"bad {number}"]
        assert (status, warning) == ("failed", None) and "TABLE_OR_VIEW_NOT_FOUND" in message
        assert found[f"aside {number}"] == [words] * 3
    assert [row[0] for row in sync.items()] == [1000 + number for number, _ in NUMBERED]
    assert canaries(sync) == [CANARY, CANARY]


def test_one_id_twice(sync):
    """Other content: one is carried out. The same content: both rows show the one result. A twin row: likewise;
    a twin of a row that has failed is a retry."""
    set_up(sync)
    other = [insert("main.default.g1", event_id="other"), insert("main.default.g2", event_id="other")]
    same = [insert("main.default.g3", event_id="same")] * 2
    put(sync, [(event, None) for event in other + same])
    twin = (f"INSERT INTO {EVENTS} (event_id, operation, source_table, target_table, priority, created_at) VALUES "
            "('twin', 'INSERT', 'main.default.g4', 'dbo.Items', -4, timestamp_micros(1700000000000000))")
    sync.lake(twin)
    sync.lake(twin)
    sync.run(status=1)
    rows = sync.lake(f"SELECT event_id, status, CAST(rows_affected AS STRING), error_message FROM {EVENTS}").json()["rows"]
    found = sorted((row[0], row[1], row[2]) for row in rows)
    assert found == [("other", "completed", "1"), ("other", "failed", "0"), ("same", "completed", "1"), ("same", "completed", "1"),
                     ("twin", "completed", "1"), ("twin", "completed", "1")]
    assert [row[3] for row in rows if row[1] == "failed"][0].startswith("The event_id was used before by an event with other content")
    assert [row[0] for row in sync.items()] == [1001, 1003, 1004]
    late = (f"INSERT INTO {EVENTS} (event_id, operation, source_table, target_table, created_at) VALUES"
            " ('late', 'INSERT', 'main.default.late', 'dbo.Items', NULL)")
    sync.lake(late)
    sync.run(status=1)
    sync.source("late", "SELECT 1005 AS id, 'late' AS name")
    sync.lake(late)  # once more, after the first one has failed
    sync.run()
    rows = sync.lake(f"SELECT status FROM {EVENTS} WHERE event_id = 'late'").json()["rows"]
    assert sorted(row[0] for row in rows) == ["completed", "failed"]
    assert [row[0] for row in sync.items()] == [1001, 1003, 1004, 1005]


@pytest.mark.parametrize("keys", ['["id"]', "id", "[id]", " 'id' ", '"id"', "['id']", "`id`"])
def test_lists_as_text(sync, keys):
    """An events table whose primary_keys is a STRING, as people make them."""
    sync.server("INSERT INTO dbo.Items (id, name) VALUES (1, 'a'), (2, 'b')")
    sync.lake("CREATE OR REPLACE TABLE main.default.events_as_text (event_id STRING, operation STRING, source_table STRING,"
              " target_table STRING, primary_keys STRING, priority INT, status STRING, rows_affected BIGINT, error_message STRING,"
              " filter_conditions STRING, metadata STRING, created_at TIMESTAMP)")
    source = sync.source("u", "SELECT 1 AS id, 'A' AS name")
    bad = ['["id", 1]', '["id"', "id,,id", "[id; DROP TABLE dbo.Items]", "id, ID", "[[\"id\"]]", ",".join(f"k{i}" for i in range(300))]
    sync.lake("INSERT INTO main.default.events_as_text (event_id, operation, source_table, target_table, primary_keys, status) VALUES "
              + ", ".join(f"({text(str(i))}, 'UPDATE', '{source}', 'dbo.Items', {text(k)}, NULL)" for i, k in enumerate([keys, *bad])))
    sync.run(status=1, env={"EVENTS_TABLE": "main.default.events_as_text"})
    rows = sync.lake("SELECT event_id, status, error_message FROM main.default.events_as_text ORDER BY event_id").json()["rows"]
    assert [row[1] for row in rows] == ["completed"] + ["failed"] * len(bad), rows
    for (_, _, message), words in zip(rows[1:], ["is no name of a column", "column", "an empty name", "no column", "twice",
                                                 "is no name of a column", "more than 64 names"]):
        assert words in message
    assert sync.items() == [(1, "A", None), (2, "b", None)]


def test_an_event_that_breaks_each_session_fails_alone(make_sandbox, make_bridge):
    """A connection that is lost whenever the event's change is committed, while others hold: three attempts, then the ledger is
    asked once more; the next event of the table goes through, and the first one too once the cause is gone."""
    sandbox = make_sandbox()
    proxy = Proxy("127.0.0.1", sandbox.info["sqlserver"]["port"])
    sync = Sync(make_bridge({**sandbox.sqlserver, **sandbox.databricks, "SQLSERVER_PORT": str(proxy.port)}))
    first = sync.emit("INSERT", sync.source("a", "SELECT 1 AS id, 'a' AS name"), priority=9)
    second = sync.emit("INSERT", sync.source("b", "SELECT 2 AS id, 'b' AS name"))
    left = [3]

    def cut(packet):
        if left[0] > 0 and Proxy.is_commit(packet):
            left[0] -= 1
            raise OSError("cut")

    proxy.hold = cut
    sync.run(status=1)
    row = sync.event(first)
    assert row["status"] == "failed" and row["rows_affected"] == 0, row
    assert row["error_message"].startswith("The connection to SQL Server was lost in each of 3 attempts, and nothing was changed: "), row
    assert left == [0] and sync.event(second)["status"] == "completed"
    assert sync.items() == [(2, "b", None)]
    sync.bridge.run("events", "retry", first, check=True)
    left[0] = 2
    sync.run()
    assert left == [0] and sync.event(first)["status"] == "completed"
    assert sync.items() == [(1, "a", None), (2, "b", None)]
    proxy.stop()
