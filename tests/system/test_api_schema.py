"""Requests that another program makes up from /openapi.json: every answer is one that the document tells of."""

import os
import pathlib
import subprocess
import sys

import pytest
from conftest import package
from service import token_of
from test_api import FILES, USERS

# Who may nothing is refused whatever fits: that what fits is accepted, and what doesn't is not, is looked at as admin.
SHAPES = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"


@pytest.mark.parametrize("user, options", [
    ("admin", ["--max-examples", "20"]),
    ("nobody", ["--max-examples", "3", "--phases", "fuzzing", "--checks", SHAPES]),
    (None, ["--max-examples", "3", "--phases", "fuzzing", "--checks", SHAPES]),
])
def test_made_up_requests(make_service, user, options):
    package("schemathesis")
    service = make_service(users=USERS, files=FILES)
    url = f"http://127.0.0.1:{service.port}"
    token = ["-H", f"Authorization: Bearer {token_of(user)}"] if user else []
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli",
                "--config-file", str(pathlib.Path(__file__).with_name("schemathesis.toml")),
                "run", f"{url}/openapi.json", "--url", url, *token, *options,
                "--continue-on-failure", "--request-timeout", "120", "--generation-deterministic", "--generation-allow-x00", "false",
            ],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent)},
            cwd=service.bridge.folder, capture_output=True, text=True, timeout=540,
        )
    finally:
        status = service.stop()
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert status == 0
    assert "ERROR" not in service.log()
    assert user == "admin" or not {line["event_type"] for line in service.audit()} & {"extraction_started", "sync_started"}
