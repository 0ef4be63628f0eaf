"""Changes in SQL Server, asked for from a Databricks notebook or job.

Each function writes or reads rows of the events table that the service sql-databricks-bridge works on:

    import sql_databricks_bridge as bridge

    bridge.EVENTS_TABLE = "bridge.events.bridge_events"  # the default
    event_id = bridge.sync_insert_to_sql("main.sales.new_orders", "dbo.Orders", ["order_id"])
    result = bridge.wait_for_event(event_id)

Needs PySpark alone: on a cluster, through Databricks Connect (pass spark=, or set SPARK), or open-source Spark with Delta
Lake. Values reach the table as literals of a one-row DataFrame; none of them ever becomes SQL text. Both forms of the table
are known by its columns: filter_conditions and metadata as MAP<STRING,STRING>, or as STRING that holds JSON.
"""

from __future__ import annotations

import datetime
import decimal
import json
import time
import uuid
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, MapType, StringType, StructType

__all__ = [
    "EVENTS_TABLE",
    "SPARK",
    "EventFailed",
    "check_event_status",
    "list_events",
    "retry_event",
    "sync_delete_from_sql",
    "sync_insert_to_sql",
    "sync_update_to_sql",
    "sync_upsert_to_sql",
    "wait_for_event",
]

EVENTS_TABLE = "bridge.events.bridge_events"
"""The events table of every call that names no other; backticks around a part with a hyphen are optional."""

SPARK: Optional[SparkSession] = None
"""The session of every call that gets none; None: the active one."""

ENDED = ("completed", "failed", "blocked")
MOST_KEYS = 64
MOST_CONDITIONS = 64
MOST_VALUES = 1000

_STATUS_COLUMNS = (
    "event_id",
    "operation",
    "status",
    "rows_expected",
    "rows_affected",
    "discrepancy",
    "warning",
    "error_message",
    "created_at",
    "processed_at",
)
_RESULT_COLUMNS = ("rows_affected", "discrepancy", "warning", "error_message", "processed_at")

Keys = Union[str, Sequence[str]]
Conditions = Mapping[str, Any]


class EventFailed(Exception):
    """An event that ended as failed or blocked. `status` holds what check_event_status() returns."""

    def __init__(self, status: Dict[str, Any]):
        super().__init__(f"Event {status['event_id']} is {status['status']}: {status['error_message']}")
        self.status = status


# ---- asking for changes


def sync_insert_to_sql(
    source_table: str,
    target_table: str,
    primary_keys: Optional[Keys] = None,
    rows_expected: Optional[int] = None,
    priority: int = 5,
    *,
    identity_insert: bool = False,
    bulk: Optional[str] = None,
    table_lock: bool = False,
    dry_run: bool = False,
    metadata: Optional[Mapping[str, Any]] = None,
    event_id: Optional[str] = None,
    events_table: Optional[str] = None,
    spark: Optional[SparkSession] = None,
) -> str:
    """Asks for all rows of a Databricks table to be inserted into a table of SQL Server.

    Args:
        source_table: catalog.schema.table in Databricks; its columns are found in the target by name.
        target_table: schema.table in SQL Server (or database.schema.table).
        primary_keys: columns by which messages name rows; INSERT needs none.
        rows_expected: what rows_affected should be; another number gives a warning. 0: an empty source is no failure.
        priority: place in the queue; the service says whether higher or lower numbers go first.
        identity_insert: keep the source's values of an identity column.
        bulk: "direct" loads the target itself, without a staging table: faster for very many rows.
        table_lock: lock the whole target during the change.
        dry_run: change nothing; the event's warning says what would have happened.
        metadata: notes of your own, kept with the event.
        event_id: an id of your own; made up where none is given.
        events_table: another one than EVENTS_TABLE.
        spark: another session than SPARK or the active one.

    Returns:
        The event's id.

    Raises:
        ValueError: the event could never be carried out, or its id is taken.
    """
    options = {"identity_insert": identity_insert, "bulk": bulk, "table_lock": table_lock, "dry_run": dry_run}
    return _create(
        "INSERT", "insert", source_table, target_table, primary_keys, rows_expected, priority,
        None, options, metadata, event_id, events_table, spark,
    )


def sync_upsert_to_sql(
    source_table: str,
    target_table: str,
    primary_keys: Keys,
    rows_expected: Optional[int] = None,
    priority: int = 5,
    *,
    identity_insert: bool = False,
    allow_cascade: bool = False,
    table_lock: bool = False,
    dry_run: bool = False,
    metadata: Optional[Mapping[str, Any]] = None,
    event_id: Optional[str] = None,
    events_table: Optional[str] = None,
    spark: Optional[SparkSession] = None,
) -> str:
    """Asks for rows that exist (by primary_keys) to be updated and for the others to be inserted.

    Arguments, result and exceptions are those of sync_insert_to_sql(); primary_keys must be given. allow_cascade is
    that of sync_update_to_sql().
    """
    if not _names(primary_keys):
        raise ValueError("Primary keys required for INSERT with mode upsert")
    options = {
        "mode": "upsert", "identity_insert": identity_insert, "allow_cascade": allow_cascade,
        "table_lock": table_lock, "dry_run": dry_run,
    }
    return _create(
        "INSERT", "upsert", source_table, target_table, primary_keys, rows_expected, priority,
        None, options, metadata, event_id, events_table, spark,
    )


def sync_update_to_sql(
    source_table: str,
    target_table: str,
    primary_keys: Keys,
    rows_expected: Optional[int] = None,
    priority: int = 5,
    *,
    allow_cascade: bool = False,
    table_lock: bool = False,
    dry_run: bool = False,
    metadata: Optional[Mapping[str, Any]] = None,
    event_id: Optional[str] = None,
    events_table: Optional[str] = None,
    spark: Optional[SparkSession] = None,
) -> str:
    """Asks for rows of SQL Server to be updated: those whose primary_keys equal a row of the source get its other columns.

    The source holds the key columns and the columns to change, nothing else. All rows are changed or none.
    allow_cascade: other tables may change too, through foreign keys with ON UPDATE CASCADE, SET NULL or SET DEFAULT to a
    column that is changed; the event's user needs the right to write them. Without it such an event fails.
    All other arguments, result and exceptions are those of sync_insert_to_sql(); primary_keys must be given.
    """
    options = {"allow_cascade": allow_cascade, "table_lock": table_lock, "dry_run": dry_run}
    return _create(
        "UPDATE", "update", source_table, target_table, primary_keys, rows_expected, priority,
        None, options, metadata, event_id, events_table, spark,
    )


def sync_delete_from_sql(
    target_table: str,
    primary_keys: Keys,
    filter_conditions: Optional[Conditions] = None,
    priority: int = 5,
    *,
    source_table: Optional[str] = None,
    rows_expected: Optional[int] = None,
    allow_cascade: bool = False,
    table_lock: bool = False,
    dry_run: bool = False,
    metadata: Optional[Mapping[str, Any]] = None,
    event_id: Optional[str] = None,
    events_table: Optional[str] = None,
    spark: Optional[SparkSession] = None,
) -> str:
    """Asks for rows of SQL Server to be deleted: by conditions, by the keys of a source table, or by both at once.

    Args:
        target_table: schema.table in SQL Server.
        primary_keys: key columns of the target; with a source_table those that are compared.
        filter_conditions: {column: value}, all of them must hold; None is IS NULL, a list is IN (at most 1,000 values).
        priority: place in the queue.
        source_table: catalog.schema.table whose keys name the rows to delete.
        rows_expected: what rows_affected should be.
        allow_cascade: other tables may change too, through foreign keys with ON DELETE: rows go with CASCADE, columns are
            set with SET NULL or SET DEFAULT. The event's user needs the right to write those tables. Without it such a
            DELETE fails, and so does one from a view, of which nobody can tell.

    All others, result and exceptions as in sync_insert_to_sql().
    """
    options = {"allow_cascade": allow_cascade, "table_lock": table_lock, "dry_run": dry_run}
    if not filter_conditions and not source_table:
        raise ValueError("A DELETE needs filter_conditions or a source_table")
    return _create(
        "DELETE", "delete", source_table or "", target_table, primary_keys, rows_expected, priority,
        filter_conditions, options, metadata, event_id, events_table, spark,
    )


# ---- looking


def check_event_status(
    event_id: str, *, events_table: Optional[str] = None, spark: Optional[SparkSession] = None
) -> Optional[Dict[str, Any]]:
    """The state of an event, or None where there is no such event.

    Keys: event_id, operation, status, rows_expected, rows_affected, discrepancy, warning, error_message, created_at,
    processed_at.
    """
    frame = _table(events_table, spark)
    rows = _newest_first(frame.where(F.col("event_id") == F.lit(event_id))).limit(1).collect()
    if not rows:
        return None
    found = {name.lower(): value for name, value in rows[0].asDict().items()}
    status = {name: found.get(name) for name in _STATUS_COLUMNS}
    status["status"] = _status_word(status["status"])
    return status


def wait_for_event(
    event_id: str,
    timeout_seconds: float = 300,
    poll_interval: float = 10,
    *,
    raise_on_failure: bool = False,
    quiet: bool = False,
    events_table: Optional[str] = None,
    spark: Optional[SparkSession] = None,
) -> Dict[str, Any]:
    """Waits until an event has ended: completed, failed or blocked.

    Args:
        event_id: what one of the sync_… functions returned.
        timeout_seconds: the longest wait.
        poll_interval: seconds between two looks.
        raise_on_failure: raise EventFailed instead of returning the state of a failed or blocked event.
        quiet: print nothing while waiting.

    Returns:
        What check_event_status() returns at the end.

    Raises:
        TimeoutError: the event has not ended in time; it may still do so.
        ValueError: there is no such event.
        EventFailed: see raise_on_failure.
    """
    start = time.monotonic()
    while True:
        status = check_event_status(event_id, events_table=events_table, spark=spark)
        if status is None:
            raise ValueError(f"There is no event {event_id}")
        if status["status"] in ENDED:
            if raise_on_failure and status["status"] != "completed":
                raise EventFailed(status)
            return status
        elapsed = time.monotonic() - start
        if elapsed >= timeout_seconds:
            raise TimeoutError(
                f"Event {event_id} is still {status['status']} after {timeout_seconds} s; does the service run?"
            )
        if not quiet:
            print(f"[{int(elapsed)}s] waiting, status: {status['status']}")
        time.sleep(max(0.0, min(poll_interval, timeout_seconds - elapsed)))


def _status_word(status: Optional[str]) -> str:
    """The word as the service reads it: a CHAR column fills it up with blanks, and a row without one is pending."""
    return (status or "").strip().lower() or "pending"


def list_events(
    status: Optional[str] = None,
    operation: Optional[str] = None,
    limit: int = 100,
    *,
    events_table: Optional[str] = None,
    spark: Optional[SparkSession] = None,
) -> List[Dict[str, Any]]:
    """The newest events with all their columns; of one status or operation where these are given."""
    frame = _table(events_table, spark)
    if status is not None:
        word = F.trim(F.lower(F.coalesce(F.col("status"), F.lit(""))))
        frame = frame.where(F.when(word == F.lit(""), F.lit("pending")).otherwise(word) == F.lit(_status_word(status)))
    if operation is not None:
        frame = frame.where(F.upper(F.col("operation")) == F.lit(operation.upper()))
    return [row.asDict() for row in _newest_first(frame).limit(limit).collect()]


def retry_event(
    event_id: str, *, events_table: Optional[str] = None, spark: Optional[SparkSession] = None
) -> None:
    """Puts a failed or blocked event back into the queue. The table must be a Delta table.

    Raises:
        ValueError: there is no such event, or it is neither failed nor blocked.
    """
    status = check_event_status(event_id, events_table=events_table, spark=spark)
    if status is None:
        raise ValueError(f"There is no event {event_id}")
    if status["status"] not in ("failed", "blocked"):
        raise ValueError(f"Event {event_id} is {status['status']}; only failed and blocked events can be retried")
    schema = _table(events_table, spark).schema
    names = {field.name.lower() for field in schema.fields}
    changes = ["t.status = 'pending'"] + [f"t.{name} = NULL" for name in _RESULT_COLUMNS if name in names]
    values = {"event_id": F.lit(event_id)}
    _run_with_row(
        values,
        lambda view: f"MERGE INTO {_quoted_table(events_table)} AS t USING {view} AS r ON t.event_id = r.event_id "
        f"WHEN MATCHED AND lower(trim(t.status)) IN ('failed', 'blocked') THEN UPDATE SET {', '.join(changes)}",
        spark,
    )


# ---- one new row


def _create(
    operation: str,
    prefix: str,
    source_table: str,
    target_table: str,
    primary_keys: Optional[Keys],
    rows_expected: Optional[int],
    priority: int,
    conditions: Optional[Conditions],
    options: Mapping[str, Any],
    notes: Optional[Mapping[str, Any]],
    event_id: Optional[str],
    events_table: Optional[str],
    spark: Optional[SparkSession],
) -> str:
    keys = _names(primary_keys)
    _check(operation, source_table, target_table, keys, conditions)
    if event_id is None:
        event_id = f"{prefix}-{uuid.uuid4().hex}"
    elif check_event_status(event_id, events_table=events_table, spark=spark) is not None:
        raise ValueError(f"There is an event {event_id} already")
    schema = _table(events_table, spark).schema
    metadata = {**(notes or {}), **{name: value for name, value in options.items() if value}}
    values: Dict[str, Any] = {
        "event_id": event_id,
        "operation": operation,
        "source_table": source_table,
        "target_table": target_table,
        "primary_keys": keys,
        "priority": priority,
        "status": "pending",
        "rows_expected": rows_expected,
        "filter_conditions": {name: _plain(value) for name, value in (conditions or {}).items()},
        "metadata": {name: _plain(value) for name, value in metadata.items()},
    }
    if isinstance(_type_of(schema, "filter_conditions"), MapType):
        _lists_into_metadata(values)
    row = _row(schema, values)
    columns = ", ".join(row)
    table = _quoted_table(events_table)
    _run_with_row(row, lambda view: f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {view}", spark)
    print(f"[{operation}] event created: {event_id}")
    return event_id


def _names(keys: Optional[Keys]) -> List[str]:
    """A single name counts as a list of one."""
    if keys is None:
        return []
    return [keys] if isinstance(keys, str) else [str(key) for key in keys]


def _check(
    operation: str, source_table: str, target_table: str, keys: Sequence[str], conditions: Optional[Conditions]
) -> None:
    """Refuses what the service would refuse, before anything is written."""
    if not target_table.strip():
        raise ValueError("target_table is missing")
    if operation != "DELETE" and not source_table.strip():
        raise ValueError("source_table is missing")
    if operation != "INSERT" and not keys:
        raise ValueError(f"Primary keys required for {operation} operation")
    if len(keys) > MOST_KEYS:
        raise ValueError(f"primary_keys has more than {MOST_KEYS} names")
    if conditions and len(conditions) > MOST_CONDITIONS:
        raise ValueError(f"There are more than {MOST_CONDITIONS} conditions")
    for column, value in (conditions or {}).items():
        if _is_list(value) and not 1 <= len(list(value)) <= MOST_VALUES:
            raise ValueError(f"The list of the condition on '{column}' must have 1 to {MOST_VALUES} values")


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset, range))


def _plain(value: Any) -> Any:
    """A value as JSON takes it, exact: decimals, dates, times and UUIDs as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{value} is no number that SQL Server has")
        return value
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if _is_list(value):
        return [_plain(inner) for inner in value]
    raise TypeError(f"A value of type {type(value).__name__} can't be written into an event")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _lists_into_metadata(values: Dict[str, Any]) -> None:
    """A MAP holds texts alone: conditions with a list go, as JSON, where the service looks for them too."""
    conditions = values["filter_conditions"]
    lists = {name: value for name, value in conditions.items() if isinstance(value, list)}
    if lists:
        values["metadata"]["filter_conditions"] = _json(lists)
    values["filter_conditions"] = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in conditions.items()
        if name not in lists
    }


def _type_of(schema: StructType, column: str) -> Optional[DataType]:
    for field in schema.fields:
        if field.name.lower() == column:
            return field.dataType
    return None


def _row(schema: StructType, values: Mapping[str, Any]) -> Dict[str, Column]:
    """A literal of the table's own type for each column that the table has. Without columns for them every event is pending
    and of the same priority."""
    row: Dict[str, Column] = {}
    for name, value in values.items():
        kind = _type_of(schema, name)
        if kind is not None:
            row[name] = _literal(value, kind)
        elif name not in ("status", "priority") and value not in (None, "", [], {}):
            raise ValueError(f"The events table has no column {name}")
    created = _type_of(schema, "created_at")
    if created is not None:
        row["created_at"] = F.current_timestamp().cast(created)
    return row


def _literal(value: Any, kind: DataType) -> Column:
    if isinstance(value, list) and isinstance(kind, ArrayType):
        return F.array(*[F.lit(item) for item in value]).cast(kind)
    if isinstance(value, dict) and isinstance(kind, MapType):
        return _map_literal(value, kind)
    if isinstance(value, (list, dict)):
        return F.lit(_json(value) if value else None).cast(StringType())
    return F.lit(value).cast(kind)


def _map_literal(value: Mapping[str, Any], kind: MapType) -> Column:
    if not value:
        return F.lit(None).cast(kind)
    cells: List[Column] = []
    for name, inner in value.items():
        text = inner if inner is None or isinstance(inner, str) else _json(inner)
        cells += [F.lit(name), F.lit(text).cast(StringType())]
    return F.create_map(*cells).cast(kind)


# ---- the table and the session


def _session(spark: Optional[SparkSession]) -> SparkSession:
    session = spark or SPARK or SparkSession.getActiveSession()
    return session if session is not None else SparkSession.builder.getOrCreate()


def _name_parts(name: str) -> List[str]:
    """The parts of a table's name, with or without backticks."""
    parts: List[str] = []
    at, text = 0, name.strip()
    while True:
        if text[at : at + 1] == "`":
            end = at + 1
            while text[end : end + 1] != "`" or text[end + 1 : end + 2] == "`":
                if end >= len(text):
                    raise ValueError(f"A backtick is not closed in the name {name!r}")
                end += 2 if text[end] == "`" else 1
            parts.append(text[at + 1 : end].replace("``", "`"))
            at = end + 1
        else:
            end = text.find(".", at)
            end = len(text) if end < 0 else end
            parts.append(text[at:end].strip())
            at = end
        if not parts[-1] or (at < len(text) and text[at] != "."):
            raise ValueError(f"{name!r} is no name of a table")
        if at >= len(text):
            return parts
        at += 1


def _quoted_table(name: Optional[str]) -> str:
    parts = _name_parts(EVENTS_TABLE if name is None else name)
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def _table(name: Optional[str], spark: Optional[SparkSession]) -> DataFrame:
    return _session(spark).table(_quoted_table(name))


def _newest_first(frame: DataFrame) -> DataFrame:
    names: Iterable[str] = (name.lower() for name in frame.columns)
    return frame.orderBy(F.col("created_at").desc_nulls_last()) if "created_at" in names else frame


def _run_with_row(
    row: Mapping[str, Column], statement: Callable[[str], str], spark: Optional[SparkSession]
) -> None:
    """Runs the statement made for the name of a view that holds the row: so no value is part of its text."""
    session = _session(spark)
    view = f"bridge_event_{uuid.uuid4().hex}"
    frame = session.range(1).select(*[column.alias(name) for name, column in row.items()])
    frame.createOrReplaceTempView(view)
    try:
        session.sql(statement(view)).collect()
    finally:
        session.catalog.dropTempView(view)
