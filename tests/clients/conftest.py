"""The fixtures of tests/system serve these tests too."""

import importlib.util
import pathlib
import sys

import pytest

_path = pathlib.Path(__file__).resolve().parents[1] / "system" / "conftest.py"
sys.path.append(str(_path.parent))
_spec = importlib.util.spec_from_file_location("system_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
sys.modules["system_conftest"] = _module
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("__")})


@pytest.fixture(scope="session")
def spark_workspace(tmp_path_factory):
    """A workspace whose engine is Spark with Delta Lake (see spark_workspace.py); one a process."""
    import spark_workspace

    running = spark_workspace.Running(tmp_path_factory.mktemp("spark"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def spark(spark_workspace):
    """The session over the same tables, as a notebook would have it."""
    return spark_workspace.spark
