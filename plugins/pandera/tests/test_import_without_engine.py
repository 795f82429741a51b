"""The hooks load, and say what to install, on a machine that has no Pandera."""

from __future__ import annotations

import subprocess
import sys

BLOCK = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pandera", "pandas", "polars", "numpy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])

sys.meta_path.insert(0, Blocked())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", BLOCK + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_hook_module_needs_no_engine() -> None:
    out = run(
        "from dovetail_pandera.plugin import dovetail_check_engines as hook\n"
        "import sys; print(hook()[0].name, sorted(set(sys.modules) & {'pyarrow', 'pydantic', 'jinja2', 'sqlalchemy'}))"
    )
    assert out == "pandera []\n"


def test_a_gate_says_what_to_install() -> None:
    out = run(
        "from dovetail.quality import Gate\n"
        "from dovetail.types import current_types\n"
        "from dovetail.errors import EngineUnavailable\n"
        "Schema = type('DataFrameSchema', (), {'__module__': 'pandera.api.polars.container', 'columns': {}})\n"
        "try:\n    Gate(Schema()).check(current_types())\n"
        "except EngineUnavailable as error:\n    print(error)\n"
    )
    assert "pip install 'dovetail-pandera[engine]'" in out


def test_a_gate_is_quiet() -> None:
    """Pandera warns on import when it is imported by its old name; the plugin never does that."""
    code = (
        "import polars as pl, pandera.polars as pa\n"
        "from dovetail.quality import Gate\n"
        "Gate(pa.DataFrameSchema({'a': pa.Column(int)}))(pl.DataFrame({'a': [1]}))\n"
    )
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pandera" not in done.stderr.lower(), done.stderr
