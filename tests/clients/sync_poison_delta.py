"""The poisoned queue of tests/system/test_sync_poison.py with Spark and Delta Lake as the workspace, by hand:

    BRIDGE_TEST_BUILD=$PWD/build-release build-venv/bin/python -m pytest tests/clients/sync_poison_delta.py

SQL Server is the sandbox. Takes half an hour on two busy cores: not for CI.
"""

import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import test_sync_poison as poison
from sync_case import Sync
from system_conftest import Bridge


class Patient(Sync):
    """Its events take longer than one command may elsewhere."""

    def run(self, status=0):
        result = self.bridge.run("sync", "--once", "--output", "json", timeout=3600)
        assert result.status == status, result


@pytest.fixture
def sync(make_sandbox, spark_workspace, tmp_path):
    sandbox = make_sandbox()
    bridge = Bridge(tmp_path / "bridge", {**sandbox.sqlserver, **spark_workspace.settings})
    case = Patient(bridge)
    yield case
    case.lake(f"DROP TABLE IF EXISTS {poison.EVENTS}")
    case.lake("DROP TABLE IF EXISTS main.default.odd")


@pytest.mark.parametrize("objects", ["STRING", poison.MAP])
def test_each_poisoned_event_fails_alone(sync, objects):
    poison.test_each_poisoned_event_fails_alone(sync, objects)


def test_one_id_twice(sync):
    poison.test_one_id_twice(sync)
