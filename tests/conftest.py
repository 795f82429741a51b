"""What the tests of the repository share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent

collect_ignore = ["sample_plugin"]  # its tests run where it is installed: system/test_sample_plugin.py


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working tree."""
    return ROOT


@pytest.fixture(scope="session")
def tooling() -> ModuleType:
    """``scripts/tooling.py``, which knows the distributions of this workspace."""
    return load_script("tooling")


@pytest.fixture(scope="session")
def load(tooling: ModuleType) -> Callable[[str], ModuleType]:
    """``load("news")``: a script as a module. They import ``tooling`` by that name, so it comes first."""
    return load_script


def load_script(name: str) -> ModuleType:
    """A module of ``scripts/``, which is no package and not on the path."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up; wheels.py imports tooling by this name
    spec.loader.exec_module(module)
    return module
