"""The workspace over Spark and Delta Lake, used by databricks-sdk unmodified, and its shapes against recorded ones."""

import io
import re
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.service.sql import (
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    Format,
    StatementParameterListItem,
    StatementState,
)

import recorded
import spark_dialect
from system_conftest import wait_until

LANDING = "/Volumes/main/default/landing"
EVENTS = "`000-sql-databricks-bridge`.`events`.bridge_events"
ENDED = (StatementState.SUCCEEDED, StatementState.FAILED, StatementState.CANCELED, StatementState.CLOSED)


@pytest.fixture(scope="module")
def client(spark_workspace):
    return WorkspaceClient(host=spark_workspace.address, token="spark-token", config_file="/dev/null")


@pytest.fixture
def options(spark_workspace):
    """The workspace's options, restored after the test."""
    before = dict(vars(spark_workspace.options))
    yield spark_workspace.options
    vars(spark_workspace.options).update(before)


def finish(client, answer):
    while answer.status.state not in ENDED:
        time.sleep(0.05)
        answer = client.statement_execution.get_statement(answer.statement_id)
    return answer


def run(client, text, **kwargs):
    kwargs.setdefault("wait_timeout", "50s")
    return finish(client, client.statement_execution.execute_statement(text, "spark", **kwargs))


def rows(client, text, **kwargs):
    answer = run(client, text, **kwargs)
    assert answer.status.state == StatementState.SUCCEEDED, answer.status
    return answer.result.data_array if answer.result else None


def parameter(name, value=None, type=None):
    return StatementParameterListItem(name=name, value=value, type=type)


@pytest.fixture(scope="module")
def events(client):
    rows(client, "CREATE SCHEMA IF NOT EXISTS `000-sql-databricks-bridge`.events")
    rows(client, f"""
        CREATE OR REPLACE TABLE {EVENTS} (
            event_id STRING NOT NULL, operation STRING, source_table STRING, target_table STRING, primary_keys ARRAY<STRING>,
            priority INT DEFAULT 5, status STRING DEFAULT 'pending', rows_expected INT, metadata MAP<STRING, STRING>,
            created_at TIMESTAMP DEFAULT current_timestamp())
        TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported', 'delta.enableDeletionVectors' = 'true')""")


def test_counts_of_changes(client):
    rows(client, "CREATE OR REPLACE TABLE main.default.people (id BIGINT, name STRING)")
    counts = run(client, "INSERT INTO main.default.people VALUES (1, 'Ada'), (2, NULL), (3, 'Cy')")
    assert [c.name for c in counts.manifest.schema.columns] == ["num_affected_rows", "num_inserted_rows"]
    assert counts.result.data_array == [["3", "3"]]
    assert rows(client, "INSERT INTO main.default.people SELECT 9, 'x' WHERE false") == [["0", "0"]]
    assert rows(client, "UPDATE main.default.people SET name = 'Bo' WHERE id = 2") == [["1"]]
    assert rows(client, "DELETE FROM main.default.people WHERE id = 1") == [["1"]]
    merged = run(client, """
        MERGE INTO main.default.people t USING (SELECT 2 AS id UNION ALL SELECT 4) s ON t.id = s.id
        WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)""")
    assert [c.name for c in merged.manifest.schema.columns] == [
        "num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"]
    assert merged.result.data_array == [["2", "0", "1", "1"]]
    assert rows(client, "CREATE TABLE main.default.people2 AS SELECT * FROM main.default.people") == [["2", "2"]]
    assert rows(client, "SELECT id, name FROM people2 ORDER BY id", catalog="main", schema="default") == [["3", "Cy"], ["4", None]]
    assert rows(client, "SELECT count(*) FROM main.default.people VERSION AS OF 1") == [["3"]]


def test_cells_as_text(client):
    answer = run(client, """
        SELECT TIMESTAMP'2021-06-15 12:34:56.789012', TIMESTAMP_NTZ'2021-06-15 12:34:56.789012', DATE'2021-06-15',
               CAST(1.5 AS DECIMAL(10,2)), 1e20D, true, X'0AFF', array(1, NULL), map('k', 'v'), named_struct('a', NULL), NULL""")
    assert answer.result.data_array == [[
        "2021-06-15T12:34:56.789Z", "2021-06-15T12:34:56.789", "2021-06-15", "1.50", "1.0E20", "true", "Cv8=",
        "[1,null]", '{"k":"v"}', '{"a":null}', None]]
    assert [c.type_text for c in answer.manifest.schema.columns] == [
        "TIMESTAMP", "TIMESTAMP_NTZ", "DATE", "DECIMAL(10,2)", "DOUBLE", "BOOLEAN", "BINARY", "ARRAY<INT>",
        "MAP<STRING, STRING>", "STRUCT<a: VOID>", "VOID"]


def test_parameters(client, events):
    text = "SELECT :i + 1, :s, :d, :t, :n IS NULL, typeof(:n)"
    given = [
        parameter("i", "41", "INT"),
        parameter("s", "it's :i"),
        parameter("d", "12.345", "DECIMAL(10,2)"),
        parameter("t", "2021-06-15 12:34:56", "TIMESTAMP"),
        parameter("n", None, "BIGINT"),
    ]
    assert rows(client, text, parameters=given) == [["42", "it's :i", "12.35", "2021-06-15T12:34:56.000Z", "true", "bigint"]]
    named = "SELECT count(*) FROM IDENTIFIER(:t) WHERE event_id = :e"
    assert rows(client, named, parameters=[parameter("t", EVENTS), parameter("e", "none")]) == [["0"]]
    wrong = run(client, "SELECT :i", parameters=[parameter("i", "x", "INT")])
    assert "[CAST_INVALID_INPUT]" in wrong.status.error.message
    unbound = run(client, "SELECT :nothing")
    assert "[UNBOUND_SQL_PARAMETER]" in unbound.status.error.message
    with pytest.raises(errors.BadRequest):
        run(client, "SELECT 1", parameters=[parameter(f"p{i}", "1") for i in range(257)])


@pytest.mark.parametrize("text,condition,state", [
    ("INSER INTO t", "PARSE_SYNTAX_ERROR", "42601"),
    ("SELECT * FROM main.default.nothing", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    ("SELECT * FROM main.nothing.t", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    ("SELECT CAST(s AS INT) FROM VALUES ('1'), ('x') AS t(s)", "CAST_INVALID_INPUT", "22018"),
    (f"INSERT INTO {EVENTS} (event_id) VALUES (NULL)", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502"),
    (f"MERGE INTO {EVENTS} t USING (SELECT 'twice' AS e UNION ALL SELECT 'twice') s ON t.event_id = s.e "
     "WHEN MATCHED THEN UPDATE SET t.status = 'x'", "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE", "21506"),
])
def test_failures_name_condition_and_sqlstate(client, events, text, condition, state):
    rows(client, f"INSERT INTO {EVENTS} (event_id) VALUES ('twice')")
    failed = run(client, text)
    assert failed.status.state == StatementState.FAILED
    assert failed.status.error.error_code.value == "BAD_REQUEST"
    assert re.match(rf"\s*\[{condition}(\.\w+)?\]", failed.status.error.message), failed.status.error.message
    assert f"SQLSTATE: {state}" in failed.status.error.message


def test_pending_polling_and_cancel(client, spark, options):
    options.slow_every, options.slow_seconds = 1, 2
    answer = client.statement_execution.execute_statement("SELECT 1", "spark", wait_timeout="0s")
    assert answer.status.state == StatementState.PENDING
    assert finish(client, answer).result.data_array == [["1"]]
    options.slow_seconds = 600
    slow = client.statement_execution.execute_statement("SELECT 1", "spark", wait_timeout="50s")
    assert slow.status.state == StatementState.PENDING
    client.statement_execution.cancel_execution(slow.statement_id)
    assert client.statement_execution.get_statement(slow.statement_id).status.state == StatementState.CANCELED
    options.slow_every = 0
    running = client.statement_execution.execute_statement(
        "SELECT sum(a.id * b.id) FROM range(10000000) a CROSS JOIN range(10000000) b", "spark", wait_timeout="5s",
        on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CANCEL)
    assert running.status.state == StatementState.CANCELED
    wait_until(lambda: not spark.sparkContext.statusTracker().getActiveJobsIds(), what="the end of the canceled statement's jobs")
    with pytest.raises(errors.NotFound):
        client.statement_execution.get_statement("no-such-statement")


def test_inline_chunks_and_limits(client, options):
    options.chunk_rows = 4
    answer = run(client, "SELECT id FROM range(10) ORDER BY id")
    found, chunk = list(answer.result.data_array), answer.result
    while chunk.next_chunk_index is not None:
        chunk = client.statement_execution.get_statement_result_chunk_n(answer.statement_id, chunk.next_chunk_index)
        found += chunk.data_array
    assert found == [[str(i)] for i in range(10)]
    assert [(c.chunk_index, c.row_offset, c.row_count) for c in answer.manifest.chunks] == [(0, 0, 4), (1, 4, 4), (2, 8, 2)]
    limited = run(client, "SELECT id FROM range(10)", row_limit=3)
    assert limited.manifest.total_row_count == 3 and limited.manifest.truncated
    whole = run(client, "SELECT id FROM range(3)", row_limit=3)
    assert whole.manifest.total_row_count == 3 and not whole.manifest.truncated
    some = run(client, "SELECT id FROM range(1000)", byte_limit=1000)
    assert some.manifest.truncated and 0 < some.manifest.total_row_count < 1000
    options.inline_limit = 100
    assert "Inline byte limit exceeded" in run(client, "SELECT id FROM range(1000)").status.error.message


def links(client, answer):
    """Every link of an answer's chunks."""
    chunk = answer.result
    while True:
        yield from chunk.external_links
        link = chunk.external_links[-1]
        if link.next_chunk_index is None:
            return
        chunk = client.statement_execution.get_statement_result_chunk_n(answer.statement_id, link.next_chunk_index)


def external(client, text, form=Format.ARROW_STREAM):
    return run(client, text, disposition=Disposition.EXTERNAL_LINKS, format=form)


def test_external_links(client, options):
    options.chunk_rows = 300
    text = "SELECT id, CAST(id AS STRING) AS s, TIMESTAMP'2021-06-15 12:34:56.789012' AS t, array(id) AS a FROM range(1000) ORDER BY id"
    answer = external(client, text)
    found = list(links(client, answer))
    assert [link.chunk_index for link in found] == [0, 1, 2, 3]
    bodies = [requests.get(link.external_link, timeout=120) for link in found]
    table = pa.concat_tables([pa.ipc.open_stream(body.content).read_all() for body in bodies])
    assert table["id"].to_pylist() == list(range(1000))
    assert table.schema.field("t").type == pa.timestamp("us", "UTC")
    assert table["t"][0].value == 1623760496789012
    assert table["a"][7].as_py() == [7]
    assert [link.byte_count for link in found] == [len(body.content) for body in bodies]
    options.links_per_reply = 3
    again = external(client, text)
    assert len(again.result.external_links) == 3
    assert [link.chunk_index for link in links(client, again)] == [0, 1, 2, 3]
    lines = external(client, text, Format.JSON_ARRAY)
    assert requests.get(lines.result.external_links[0].external_link, timeout=120).json()[1][:2] == ["1", "1"]


def test_links_refuse_a_token_and_expire(client, options):
    link = external(client, "SELECT 1").result.external_links[0]
    refused = requests.get(link.external_link, headers={"Authorization": "Bearer spark-token"}, timeout=120)
    assert refused.status_code == 400
    options.link_seconds = 0
    answer = external(client, "SELECT 1")
    expired = requests.get(answer.result.external_links[0].external_link, timeout=120)
    assert expired.status_code == 403 and "Request has expired" in expired.text
    options.link_seconds = 900
    again = client.statement_execution.get_statement_result_chunk_n(answer.statement_id, 0)
    assert requests.get(again.external_links[0].external_link, timeout=120).status_code == 200


def test_writers_in_conflict(client):
    rows(client, "CREATE OR REPLACE TABLE main.default.counter (id INT, v INT)")
    rows(client, "INSERT INTO main.default.counter VALUES (1, 0)")
    done, conflicts = 0, []
    for _ in range(10):
        started = [
            client.statement_execution.execute_statement("UPDATE main.default.counter SET v = v + 1", "spark", wait_timeout="0s")
            for _ in range(4)
        ]
        for answer in [finish(client, one) for one in started]:
            done += answer.status.state == StatementState.SUCCEEDED
            if answer.status.error:
                conflicts.append(answer.status.error.message)
        if conflicts:
            break
    assert conflicts and all(re.match(r"\[DELTA_CONCURRENT_", text) and "SQLSTATE: 2D521" in text for text in conflicts), conflicts
    assert rows(client, "SELECT v FROM main.default.counter") == [[str(done)]]


def parquet(**columns):
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    return io.BytesIO(body.getvalue())


def test_files_and_loading(client):
    folder = f"{LANDING}/a folder"
    client.files.create_directory(folder)
    client.files.upload(f"{folder}/one.parquet", parquet(id=[1, 2], name=["a", None]), overwrite=True)
    with pytest.raises(errors.AlreadyExists):
        client.files.upload(f"{folder}/one.parquet", parquet(id=[1]), overwrite=False)
    assert [(e.name, e.is_directory) for e in client.files.list_directory_contents(folder)] == [("one.parquet", False)]
    assert client.files.download(f"{folder}/one.parquet").contents.read()[:4] == b"PAR1"
    assert rows(client, f"SELECT id FROM parquet.`{folder}/one.parquet` ORDER BY id") == [["1"], ["2"]]
    read = f"SELECT * FROM read_files('{folder}', format => 'parquet'%s) ORDER BY id"
    assert rows(client, read % "") == [["1", "a", None], ["2", None, None]]
    assert rows(client, read % ", schema => 'id BIGINT'") == [["1"], ["2"]]
    assert rows(client, "SELECT count(*) FROM read_files(:p, format => 'parquet')", parameters=[parameter("p", folder)]) == [["2"]]
    rows(client, "CREATE OR REPLACE TABLE main.default.copied (name STRING, id BIGINT)")
    copy = f"COPY INTO main.default.copied FROM '{folder}' FILEFORMAT = PARQUET"
    assert rows(client, copy) == [["2", "2", "0"]]
    assert rows(client, copy) == [["0", "0", "0"]]
    assert rows(client, copy + " COPY_OPTIONS ('force' = 'true')") == [["2", "2", "0"]]
    assert rows(client, "SELECT * FROM main.default.copied WHERE id = 1") == [["a", "1"], ["a", "1"]]
    client.files.delete(f"{folder}/one.parquet")
    client.files.delete_directory(folder)
    with pytest.raises(errors.NotFound):
        client.files.get_directory_metadata(folder)


def test_lookups_and_tokens(spark_workspace, client, events):
    assert client.current_user.me().user_name
    assert client.warehouses.get("spark").state.value == "RUNNING"
    assert client.catalogs.get("000-sql-databricks-bridge").name
    assert client.schemas.get("000-sql-databricks-bridge.events").full_name
    table = client.tables.get("000-sql-databricks-bridge.events.bridge_events")
    assert [c.type_text for c in table.columns][4:6] == ["ARRAY<STRING>", "INT"]
    assert not client.tables.exists("main.default.nothing").table_exists
    assert client.volumes.read("main.default.landing").name == "landing"
    assert "bridge_events" in [t.name for t in client.tables.list("000-sql-databricks-bridge", "events")]
    with pytest.raises(errors.NotFound):
        client.schemas.get("main.nothing")
    me = spark_workspace.address + "/api/2.0/preview/scim/v2/Me"
    assert requests.get(me, timeout=120).json()["error_code"] == 401
    assert requests.get(me, headers={"Authorization": "Bearer wrong"}, timeout=120).json()["error_code"] == 403


def test_catalogs_schemas_volumes_and_views(client):
    for name in ("mi-catalog", "_x"):
        rows(client, f"CREATE CATALOG IF NOT EXISTS `{name}`")
        rows(client, f"CREATE SCHEMA `{name}`.`mi-schema`")
        rows(client, f"CREATE TABLE `{name}`.`mi-schema`.`a-b c` AS SELECT 1 AS a")
        assert rows(client, f"SELECT `a-b c`.a FROM `{name}`.`mi-schema`.`a-b c` /* `x`.`y`.z */ -- 'w'") == [["1"]]
        assert rows(client, f"SHOW TABLES IN `{name}`.`mi-schema`")[0][1] == "a-b c"
        assert rows(client, f"SHOW SCHEMAS IN `{name}`") == [["default"], ["`mi-schema`"]]
        assert client.schemas.get(f"{name}.mi-schema").name == "mi-schema"
        assert client.tables.get(f"{name}.mi-schema.a-b c").columns[0].name == "a"
    rows(client, "CREATE VIEW `mi-catalog`.`mi-schema`.v AS SELECT a + 1 AS b FROM `a-b c`", catalog="mi-catalog", schema="mi-schema")
    assert rows(client, "SELECT * FROM `mi-catalog`.`mi-schema`.v") == [["2"]]
    rows(client, "CREATE TABLE `mi-catalog`.`mi-schema`.keyed (id INT PRIMARY KEY, name VARCHAR(5))")
    rows(client, "ALTER TABLE `mi-catalog`.`mi-schema`.keyed RENAME TO `mi-catalog`.`mi-schema`.renamed")
    assert rows(client, "INSERT INTO `mi-catalog`.`mi-schema`.renamed VALUES (1, 'x'), (1, 'y')") == [["2", "2"]]
    rows(client, "CREATE VOLUME `mi-catalog`.`mi-schema`.files")
    assert client.volumes.read("mi-catalog.mi-schema.files").name == "files"
    rows(client, "GRANT SELECT ON CATALOG `mi-catalog` TO `someone@example.com`")


def test_a_notebook_shares_the_tables(client, spark, events):
    """What a notebook writes: its session is the workspace's."""
    from pyspark.sql import SparkSession

    assert SparkSession.builder.getOrCreate() is spark
    assert SparkSession.active() is spark
    expected = None
    spark.sql(f"""
        INSERT INTO {EVENTS}
        (event_id, operation, source_table, target_table, primary_keys, priority, status, rows_expected, created_at)
        VALUES ('note-1', 'DELETE', '', 'dbo.People', ARRAY('id', 'name'), 3, 'pending', {expected or 'NULL'},
                current_timestamp())
    """)
    found = "SELECT primary_keys, status, rows_expected FROM %s WHERE event_id = 'note-1'" % EVENTS
    assert rows(client, found) == [['["id","name"]', "pending", None]]
    assert rows(client, f"UPDATE {EVENTS} SET status = 'completed', rows_expected = 2 WHERE event_id = 'note-1'") == [["1"]]
    row = spark.sql(found).collect()[0]
    assert (row["status"], row["rows_expected"], row[0]) == ("completed", 2, ["id", "name"])
    spark.createDataFrame([(1, "x")], "id INT, name STRING").write.mode("overwrite").saveAsTable("main.default.from_notebook")
    assert rows(client, "SELECT * FROM main.default.from_notebook") == [["1", "x"]]
    assert spark.table(EVENTS).where("event_id = 'note-1'").count() == 1


# ---- against recorded answers of a workspace


@pytest.mark.parametrize("pattern,form,disposition,text", recorded.STATEMENTS)
def test_shapes_are_those_recorded(spark_workspace, client, pattern, form, disposition, text):
    rows(client, "CREATE TABLE IF NOT EXISTS main.default.shapes (id INT)")
    wanted = recorded.statement_answer(pattern, form)
    body = {"statement": text, "warehouse_id": "spark", "wait_timeout": "50s", "disposition": disposition}
    answer = requests.post(
        spark_workspace.address + "/api/2.0/sql/statements/", json=body | ({"format": form} if form else {}),
        headers={"Authorization": "Bearer spark-token"}, timeout=120)
    assert answer.status_code == 200
    assert recorded.shape(answer.json()) == recorded.shape(wanted)


# ---- the rewriting of statements, without Spark


def test_read_files_is_found_outside_texts_and_comments():
    text = "SELECT 'read_files(1)', /* read_files( /* ' */ */ a FROM read_files(:p, format => 'csv', `x.y` => 'it\\'s') -- read_files("
    seen = []
    out = spark_dialect.replace_read_files(text, {"p": "/Volumes/a"}.get, lambda *a: seen.append(a) or "V")
    assert seen == [("/Volumes/a", {"format": "csv", "x.y": "it's"})]
    assert out == "SELECT 'read_files(1)', /* read_files( /* ' */ */ a FROM V -- read_files("


def test_copy_into_is_taken_apart():
    copy = spark_dialect.parse_copy_into(
        "COPY INTO `a-b`.s.t FROM (SELECT id + 1 AS id FROM '/Volumes/x' WHERE id > 0) FILEFORMAT = PARQUET FILES = ('a', 'b') "
        "FORMAT_OPTIONS ('mergeSchema' = 'true') COPY_OPTIONS ('force' = 'true')")
    assert copy.target == ["a-b", "s", "t"] and copy.path == "/Volumes/x" and copy.format == "parquet"
    assert copy.query == ("SELECT id + 1 AS id FROM ", " WHERE id > 0") and copy.files == ["a", "b"]
    assert copy.format_options == {"mergeSchema": "true"} and copy.copy_options == {"force": "true"}
    assert spark_dialect.parse_copy_into("SELECT 'COPY INTO'") is None
