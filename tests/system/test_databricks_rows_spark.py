"""The statements that read tables, carried out by Spark: every form that the select list asks for gives exact values.

Spark stands behind a small server that speaks as a workspace does: results inline as JSON, or a link to the Arrow
stream that Spark itself makes. The session's time zone is not UTC, as a workspace's need not be.
"""

import io
import json

import pyarrow as pa
import pytest
from answering import Answering
from test_databricks_rows import call

VIEW = r"""
SELECT 1 AS k, true AS b, CAST(-128 AS TINYINT) AS ti, CAST(-32768 AS SMALLINT) AS si, -2147483648 AS i,
  CAST('-9223372036854775808' AS BIGINT) AS l, 1.4E-45F AS f, 1.7976931348623157E308D AS d,
  CAST('-12345678901234567890.123456789012345678' AS DECIMAL(38,18)) AS n, CAST(1e-30 AS DECIMAL(38,30)) AS tiny,
  DATE'0001-01-01' AS day, TIMESTAMP'2024-02-29 23:59:59.123456Z' AS ts, TIMESTAMP_NTZ'9999-12-31 23:59:59.999999' AS ntz,
  'a"\\\u00e4\n' AS str, X'00FF80' AS bin, array(1, NULL) AS a, map('k', 1) AS m,
  named_struct('x', CAST(NULL AS INT), 't', TIMESTAMP'2024-02-29 23:59:59.123456Z') AS st, parse_json('{"a": 1.5}') AS v,
  INTERVAL '1 2:03:04.5' DAY TO SECOND AS iv, INTERVAL '1-2' YEAR TO MONTH AS ym, NULL AS nothing
UNION ALL
SELECT 2, false, 127, 32767, 2147483647, 9223372036854775807, CAST('NaN' AS FLOAT), CAST('-Infinity' AS DOUBLE), CAST(0 AS DECIMAL(38,18)),
  CAST(0 AS DECIMAL(38,30)),
  DATE'9999-12-31', TIMESTAMP'2024-11-03 08:30:00Z', TIMESTAMP_NTZ'2024-03-10 02:30:00', '', X'', array(), map(),
  NULL, NULL, INTERVAL '0' DAY, INTERVAL '0' MONTH, NULL
UNION ALL
SELECT 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL
"""

EXPECTED = [
    [
        "1", "true", "-128", "-32768", "-2147483648", "-9223372036854775808", "1.4013e-45", "1.7976931348623157e+308",
        "-12345678901234567890.123456789012345678", "0.000000000000000000000000000001", "0001-01-01",
        "2024-02-29 23:59:59.123456Z", "9999-12-31 23:59:59.999999", 'a"\\\u00e4\n', "0x00FF80", "[1,null]", '{"k":1}',
        '{"x":null,"t":"2024-02-29T23:59:59.123456Z"}', '{"a":1.5}', "INTERVAL '1 02:03:04.5' DAY TO SECOND",
        "INTERVAL '1-2' YEAR TO MONTH", None,
    ],
    [
        "2", "false", "127", "32767", "2147483647", "9223372036854775807", "NaN", "-Infinity", "0.000000000000000000",
        "0.000000000000000000000000000000", "9999-12-31", "2024-11-03 08:30:00.000000Z", "2024-03-10 02:30:00.000000", "",
        "0x", "[]", "{}", None, None, "INTERVAL '0 00:00:00' DAY TO SECOND", "INTERVAL '0-0' YEAR TO MONTH", None,
    ],
    ["3"] + [None] * 21,
]  # fmt: skip


class SparkWorkspace(Answering):
    def __init__(self, spark):
        self.spark = spark
        self.stream = b""
        super().__init__(self.answer)

    def answer(self, request):
        content = self.stream if request.command == "GET" else b"{}"
        if request.command == "POST":
            try:
                document = self.run(json.loads(request.body))
            except Exception as failure:  # whatever Spark says, the client shall hear it
                state = {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": str(failure)}}
                document = {"statement_id": "1", "status": state}
            content = json.dumps(document).encode()
        return 200, {"Content-Type": "application/json"}, content

    def run(self, request):
        frame = self.spark.sql(request["statement"])
        columns = [
            {"name": f.name, "type_text": f.dataType.simpleString().upper(), "position": i}
            for i, f in enumerate(frame.schema.fields)
        ]
        manifest = {"format": request["format"], "schema": {"columns": columns}, "truncated": False}
        if request["disposition"] == "EXTERNAL_LINKS":
            table = frame.toArrow()
            out = io.BytesIO()
            with pa.ipc.new_stream(out, table.schema) as writer:
                writer.write_table(table)
            self.stream = out.getvalue()
            count = table.num_rows
            link = {"chunk_index": 0, "row_offset": 0, "row_count": count, "external_link": self.url + "/storage"}
            result = {"external_links": [link]}
        else:
            rows = [[None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in r] for r in frame.collect()]
            count = len(rows)
            result = {"data_array": rows} if rows else {}
        manifest.update(total_chunk_count=min(count, 1), total_row_count=count)
        return {
            "statement_id": "01f00000-0000-1000-8000-000000000001",
            "status": {"state": "SUCCEEDED"},
            "manifest": manifest,
            "result": result,
        }


@pytest.fixture(scope="module")
def workspace(spark):
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/Los_Angeles")
    spark.sql(f"CREATE OR REPLACE TEMP VIEW kinds AS {VIEW}")
    server = SparkWorkspace(spark)
    yield server
    server.close()
    spark.catalog.dropTempView("kinds")
    spark.conf.set("spark.sql.session.timeZone", zone)


@pytest.mark.parametrize("way", ["inline", "links"])
def test_every_form_is_exact_in_spark(workspace, way):
    answer = call(workspace.url, "rows", "kinds", way, "k > 0", "k")
    for found, expected in zip(answer["rows"], EXPECTED, strict=True):
        assert found == expected


@pytest.mark.parametrize("way", ["inline", "links"])
def test_order_is_that_of_the_column_not_of_its_text(workspace, way):
    answer = call(workspace.url, "rows", "(SELECT d FROM VALUES (10.0D), (9.0D), (-1.0D) AS t(d))", way, "-", "d")
    assert [row[0] for row in answer["rows"]] == ["-1", "9", "10"]
