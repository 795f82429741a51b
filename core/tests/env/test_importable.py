"""What a worker cannot import by name travels by value; what it can, by name."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dovetail.errors
import pytest
from dovetail.env import WorkerPool, pack, worker_imports

CODE = """
from dataclasses import dataclass
import {name} as myself

@dataclass
class Row:
    x: int

def twice(x):
    return 2 * x

def work(request):
    return {{"x": myself.twice(Row(request["x"]).x), "module": __name__}}
"""

Load = Callable[[str, Path], types.ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Loads a file under a name, wherever it lies, as pytest does with ``--import-mode=importlib``."""

    def load(name: str, path: Path) -> types.ModuleType:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE.format(name=name))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        package = name.rpartition(".")[0]
        if package:
            monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
            monkeypatch.setattr(sys.modules[package], name.rpartition(".")[2], module, raising=False)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    yield load


def test_a_module_that_no_path_leads_to(pool: WorkerPool, load: Load, tmp_path: Path) -> None:
    module = load("checks_far_away.test_work", tmp_path / "test_work.py")
    assert not worker_imports(module.__name__)
    assert pool.call(pack(module.work), {"x": 21}) == {"x": 42, "module": module.__name__}


def test_a_module_that_another_one_hides(
    pool: WorkerPool, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "twofold.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "path")
    module = load("twofold", tmp_path / "elsewhere" / "twofold.py")
    assert not worker_imports("twofold")
    assert pool.call(pack(module.work), {"x": 21}) == {"x": 42, "module": "twofold"}


def test_a_module_without_a_file(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_of_text")
    monkeypatch.setitem(sys.modules, "made_of_text", module)
    exec(CODE.format(name="made_of_text"), vars(module))
    assert pool.call(pack(module.work), {"x": 21}) == {"x": 42, "module": "made_of_text"}


def test_a_module_beside_which_the_worker_stands_goes_by_name(
    pool: WorkerPool, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = load("findable_by_name", tmp_path / "findable_by_name.py")
    assert worker_imports("findable_by_name")
    (tmp_path / "findable_by_name.py").write_text("def work(request):\n    return {'by': 'name'}\n")
    assert pool.call(pack(module.work), {"x": 21}) == {"by": "name"}


@pytest.mark.parametrize("module", [json, dovetail.errors, pytest, sys, "collections.abc", "os.path", "not_loaded"])
def test_what_is_installed_or_not_loaded_goes_by_name(module: Any) -> None:
    assert worker_imports(module if isinstance(module, str) else module.__name__)


def test_a_test_module_calls_its_functions_in_workers(tmp_path: Path) -> None:
    """A suite of a plugin whose tasks stand in the test module itself."""
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_conformance.py").write_text(
        "from dataclasses import dataclass\n"
        "import dovetail as dt\n"
        "@dataclass\nclass Row:\n    x: int\n"
        "@dt.task\ndef twice(row: Row) -> Row:\n    return Row(2 * row.x)\n"
        "@dt.workflow\ndef wf(row: Row) -> Row:\n    return twice(row)\n"
        "def test_it(dovetail_hub):\n"
        "    assert dovetail_hub.run(wf, executor='processes', row=Row(1)).value == Row(2)\n"
    )
    # As the command pytest does it: the working directory is on no path.
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
