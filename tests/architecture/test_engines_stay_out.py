"""A plugin is light: its face and its hooks load on a machine that has none of the engines."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import pytest

ENGINES = [
    "daft",
    "dask",
    "duckdb",
    "duckdb_engine",
    "duckdb_sqlalchemy",
    "great_expectations",
    "ibis",
    "narwhals",
    "numpy",
    "pandas",
    "pandera",
    "polars",
    "pyflink",
    "pyspark",
    "ray",
    "vaex",
]
FLOORS = [
    "errors",
    "spec",
    "config",
    "plugins",
    "types",
    "quality",
    "graph",
    "store",
    "env",
    "engine",
    "hub",
    "cli",
    "testing",
]
HEAVY = ["pluggy", "stevedore", "sqlalchemy", "pydantic", "pyarrow", "rich", "jinja2", "pytest", "hypothesis"]

IMPORT_BLOCKED = """
import importlib, importlib.abc, json, sys

blocked, names = json.loads(sys.argv[1])

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r} (blocked by the test)", name=name)

sys.meta_path.insert(0, Blocked())
for name in names:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def import_without(blocked: list[str], names: list[str]) -> subprocess.CompletedProcess[str]:
    """Import modules, and every name of their faces, in a fresh interpreter in which some packages do not exist."""
    command = [sys.executable, "-c", IMPORT_BLOCKED, json.dumps([blocked, names])]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def plugin_packages(tooling: ModuleType) -> list[str]:
    """The import names of all plugins of this workspace."""
    return [package for member in tooling.distributions()[1:] for package in member.packages]


def test_the_blocking_blocks() -> None:
    assert "blocked by the test" in import_without(["json5", "tabnanny"], ["tabnanny"]).stderr


def test_every_plugin_is_importable_without_any_engine(tooling: ModuleType) -> None:
    packages = plugin_packages(tooling)
    assert packages
    for package in packages:
        done = import_without(ENGINES, [package, f"{package}.plugin"])
        assert done.returncode == 0, f"{package}: {done.stderr}"


def test_the_hooks_of_a_plugin_load_nothing_heavy(tooling: ModuleType) -> None:
    """They are imported when the catalogue is built, whether the plugin is used in this run or not."""
    for package in plugin_packages(tooling):
        allowed = {"pluggy"}  # its markers are how a hook is declared
        done = import_without([name for name in HEAVY if name not in allowed], [f"{package}.plugin"])
        assert done.returncode == 0, f"{package}.plugin: {done.stderr}"


def test_importing_core_loads_nothing_heavy_and_no_plugin(tooling: ModuleType) -> None:
    script = "import json, sys, dovetail; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "dovetail" in loaded
    assert not loaded & {*HEAVY, *ENGINES, *plugin_packages(tooling)}


@pytest.mark.parametrize("floor", FLOORS)
def test_the_face_of_a_floor_loads_nothing_heavy(floor: str) -> None:
    script = (
        f"import json, sys, dovetail.{floor}; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = set(json.loads(done.stdout)) & {*HEAVY, *ENGINES}
    assert not heavy, f"import dovetail.{floor} brings {sorted(heavy)}"


def test_the_help_of_the_command_loads_nothing_heavy_and_no_plugin(tooling: ModuleType) -> None:
    script = """
import json, sys
from dovetail.cli import main
sys.argv = ["dovetail", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("\\n" + json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *shown, loaded = done.stdout.splitlines()
    assert any("run" in line for line in shown)
    assert not set(json.loads(loaded)) & {*HEAVY, *ENGINES, *plugin_packages(tooling)}
