"""Recorded answers of a real workspace (the folder that BRIDGE_TEST_RECORDINGS names), and the shape of an answer."""

import json
import os
import pathlib

import pytest

# What a recorded statement holds, its format and disposition, and a statement of the same kind on the table main.default.shapes.
STATEMENTS = [
    ("SELECT NULL", "JSON_ARRAY", "INLINE", "SELECT NULL"),
    ("string_edge_cases", "JSON_ARRAY", "INLINE", "SELECT 1 AS id, 'x' AS test_string UNION ALL SELECT 2, NULL"),
    ("SELECT NULL", "ARROW_STREAM", "EXTERNAL_LINKS", "SELECT NULL"),
    ("DROP TABLE IF EXISTS", "ARROW_STREAM", "EXTERNAL_LINKS", "DROP TABLE IF EXISTS main.default.nothing"),
    ("INSERT INTO", "ARROW_STREAM", "EXTERNAL_LINKS", "INSERT INTO main.default.shapes VALUES (1)"),
    ("UPDATE ", "ARROW_STREAM", "EXTERNAL_LINKS", "UPDATE main.default.shapes SET id = 2"),
    ("INSER INTO", None, "INLINE", "INSER INTO t"),
]


def shape(value):
    """Keys and types without values; the shapes of a list's items once each."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [s for i, s in enumerate(map(shape, value)) if s not in list(map(shape, value))[:i]]
    return type(value).__name__


def exchanges(method, path):
    """[(request's patterns as text, response)] of what was recorded for paths that begin so; skips where nothing is recorded."""
    folder = os.environ.get("BRIDGE_TEST_RECORDINGS")
    if not folder:
        pytest.skip("BRIDGE_TEST_RECORDINGS names no folder")
    found = []
    for line in (pathlib.Path(folder) / "databricks_statements.jsonl").read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        request = exchange["request"]
        if request["method"] == method and request["path"].startswith(path):
            found.append((json.dumps(request["body_patterns"]), exchange["response"]))
    assert found, (method, path)
    return found


def statement_answer(pattern, form):
    """The recorded answer to a statement that holds a text, in a format (None: any)."""
    for request, response in exchanges("POST", "/api/2.0/sql/statements/"):
        answer = json.loads(response["text"])
        if pattern in request and (form is None or answer.get("manifest", {}).get("format") == form):
            answer.get("manifest", {}).pop("result_compression", None)  # only where the driver asked for it
            return answer
    raise AssertionError(f"nothing recorded for {pattern}, {form}")
