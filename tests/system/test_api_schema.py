"""Requests that another program makes up from /openapi.json: every answer is one that the document tells of."""

import pathlib
import subprocess
import sys

import pytest
from service import Service, token_of
from test_api import USERS, folders


def test_made_up_requests(bridge):
    pytest.importorskip("schemathesis")
    folders(bridge)
    service = Service(bridge, USERS)
    url = f"http://127.0.0.1:{service.port}"
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli",
                "--config-file", str(pathlib.Path(__file__).with_name("schemathesis.toml")),
                "run", f"{url}/openapi.json", "--url", url, "-H", f"Authorization: Bearer {token_of('admin')}",
                "--max-examples", "20", "--continue-on-failure", "--generation-deterministic", "--generation-allow-x00", "false",
            ],
            cwd=bridge.folder, capture_output=True, text=True, timeout=540,
        )
    finally:
        status = service.stop()
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert status == 0
    assert "ERROR" not in service.log()
