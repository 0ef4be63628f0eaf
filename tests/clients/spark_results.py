"""Results of statements as the Statement Execution API shows them: manifest, text cells, Arrow streams, chunks."""

import json
import re

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T

SIMPLE = {
    T.BooleanType: ("BOOLEAN", "BOOLEAN"),
    T.ByteType: ("TINYINT", "BYTE"),
    T.ShortType: ("SMALLINT", "SHORT"),
    T.IntegerType: ("INT", "INT"),
    T.LongType: ("BIGINT", "LONG"),
    T.FloatType: ("FLOAT", "FLOAT"),
    T.DoubleType: ("DOUBLE", "DOUBLE"),
    T.StringType: ("STRING", "STRING"),
    T.CharType: ("STRING", "STRING"),
    T.VarcharType: ("STRING", "STRING"),
    T.BinaryType: ("BINARY", "BINARY"),
    T.DateType: ("DATE", "DATE"),
    T.TimestampType: ("TIMESTAMP", "TIMESTAMP"),
    T.TimestampNTZType: ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"),
    T.VariantType: ("VARIANT", "VARIANT"),
    T.NullType: ("VOID", "NULL"),
}
INTERVALS = (T.DayTimeIntervalType, T.YearMonthIntervalType)
NESTED = (T.ArrayType, T.MapType, T.StructType)


def type_text(kind):
    """INT, DECIMAL(10,2), ARRAY<INT>, MAP<STRING, STRING>, STRUCT<street: STRING>…"""
    if isinstance(kind, T.DecimalType):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, T.ArrayType):
        return f"ARRAY<{type_text(kind.elementType)}>"
    if isinstance(kind, T.MapType):
        return f"MAP<{type_text(kind.keyType)}, {type_text(kind.valueType)}>"
    if isinstance(kind, T.StructType):
        return f"STRUCT<{', '.join(f'{field.name}: {type_text(field.dataType)}' for field in kind)}>"
    if isinstance(kind, INTERVALS):
        return kind.simpleString().upper()
    return SIMPLE[type(kind)][0]


def type_name(kind):
    if isinstance(kind, T.DecimalType):
        return "DECIMAL"
    if isinstance(kind, NESTED):
        return type(kind).__name__.removesuffix("Type").upper()
    if isinstance(kind, INTERVALS):
        return "INTERVAL"
    return SIMPLE[type(kind)][1]


def column(name, kind, position):
    """A column as the manifest names it."""
    shown = {"name": name, "type_text": type_text(kind), "type_name": type_name(kind), "position": position}
    if isinstance(kind, T.DecimalType):
        shown |= {"type_precision": kind.precision, "type_scale": kind.scale}
    if isinstance(kind, INTERVALS):
        shown["type_interval_type"] = type_text(kind).removeprefix("INTERVAL ")
    return shown


def text_cell(cell, kind):
    """The expression that gives a cell's text."""
    if isinstance(kind, T.TimestampType):
        return F.date_format(cell, "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
    if isinstance(kind, T.TimestampNTZType):
        return F.date_format(cell, "yyyy-MM-dd'T'HH:mm:ss.SSS")
    if isinstance(kind, T.BinaryType):
        return F.base64(cell)
    if isinstance(kind, (*NESTED, T.VariantType)):
        return F.to_json(cell, {"ignoreNullFields": "false"})
    return cell.cast("string")


def arrow_cell(cell, kind):
    """The expression that gives a cell in a type that Arrow has."""
    if isinstance(kind, T.VariantType):
        return F.to_json(cell)
    if isinstance(kind, T.YearMonthIntervalType):
        return cell.cast("string")
    return cell


def collect(frame, cell, row_limit):
    """(Arrow table, truncated) of a frame whose cells went through an expression."""
    kinds = [field.dataType for field in frame.schema]
    names = [f"c{i}" for i in range(len(kinds))]
    renamed = frame.toDF(*names)
    chosen = renamed.select([cell(F.col(n), k).alias(n) for n, k in zip(names, kinds)])
    if row_limit is not None:
        chosen = chosen.limit(row_limit + 1)
    table = chosen.toArrow()
    truncated = row_limit is not None and table.num_rows > row_limit
    return (table.slice(0, row_limit) if truncated else table), truncated


class Result:
    """What a statement gave: its columns, and its rows cut into chunks."""

    def __init__(self, columns, table, truncated=False):
        self.columns = columns  # [(name, Spark's type)]
        self.table = table  # Arrow; of text for INLINE and JSON_ARRAY
        self.truncated = truncated
        self.chunks = []  # [(row offset, Arrow table)]

    @classmethod
    def of_frame(cls, frame, as_text, row_limit):
        columns = [(field.name, field.dataType) for field in frame.schema]
        if not columns:
            return cls([], pa.table({}))
        table, truncated = collect(frame, text_cell if as_text else arrow_cell, row_limit)
        return cls(columns, table, truncated)

    @classmethod
    def of_counts(cls, as_text, **counts):
        values = [pa.array([str(v)]) if as_text else pa.array([v], pa.int64()) for v in counts.values()]
        table = pa.table(values, names=[f"c{i}" for i in range(len(values))])
        return cls([(name, T.LongType()) for name in counts], table)

    def limit_bytes(self, limit):
        """Keeps the first rows, as many as a number of bytes holds."""
        if limit is None or self.table.nbytes <= limit or self.table.num_rows == 0:
            return
        keep = limit * self.table.num_rows // self.table.nbytes
        self.table, self.truncated = self.table.slice(0, keep), True

    def cut(self, rows):
        self.chunks = [(at, self.table.slice(at, rows)) for at in range(0, self.table.num_rows, rows)]

    def manifest(self, form, external):
        """The manifest; sizes only where the rows lie elsewhere, no list of chunks where there are no rows."""
        schema = {"column_count": len(self.columns)}
        if self.columns:
            schema["columns"] = [column(name, kind, i) for i, (name, kind) in enumerate(self.columns)]
        shown = {"format": form, "schema": schema, "total_chunk_count": len(self.chunks)}
        if self.chunks:
            shown["chunks"] = [self.place(i, external) for i in range(len(self.chunks))]
        shown["total_row_count"] = self.table.num_rows
        if external:
            shown["total_byte_count"] = sum(table.nbytes for _, table in self.chunks)
        shown["truncated"] = self.truncated
        return shown

    def place(self, i, external):
        offset, table = self.chunks[i]
        shown = {"chunk_index": i, "row_offset": offset, "row_count": table.num_rows}
        if external:
            shown["byte_count"] = table.nbytes
        return shown

    def rows(self, i):
        """A chunk's rows of text."""
        table = self.chunks[i][1]
        columns = [column.to_pylist() for column in table.columns]
        return [list(row) for row in zip(*columns)]

    def body(self, i, form):
        """A chunk as the bytes behind a link."""
        if form == "JSON_ARRAY":
            return json.dumps(self.rows(i), ensure_ascii=False).encode()
        table = self.chunks[i][1].rename_columns([name for name, _ in self.columns])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()


PLAN = re.compile(r";\n(?='?[A-Z]).*", re.DOTALL)


def causes(error):
    """The Java exceptions behind a Python one, outermost first."""
    found = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    while found is not None:
        yield found
        following = found.getCause()
        found = following if following is not None and not following.equals(found) else None


def condition_of(cause):
    """The name of an exception's condition; None where it has none."""
    interface = cause.getClass().getClassLoader()
    throwable = interface and interface.loadClass("org.apache.spark.SparkThrowable")
    return cause.getCondition() if throwable and throwable.isInstance(cause) else None


def failure_text(error):
    """[CONDITION] text SQLSTATE: xxxxx of the innermost cause that names a condition."""
    best = None
    for cause in causes(error):
        condition = condition_of(cause)
        if condition and not condition.startswith("_LEGACY"):
            best = cause
    if best is None:
        return str(error)
    text = PLAN.sub("", best.getMessage())
    state = best.getSqlState()
    if "SQLSTATE:" not in text and state:
        text = f"{text.rstrip()} SQLSTATE: {state}"
    return text
