"""The fixtures of tests/system serve these tests too."""

import importlib.util
import pathlib
import sys

_path = pathlib.Path(__file__).resolve().parents[1] / "system" / "conftest.py"
_spec = importlib.util.spec_from_file_location("system_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
sys.modules["system_conftest"] = _module
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("__")})
