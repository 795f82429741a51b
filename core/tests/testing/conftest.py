"""Plugins in which something is broken, and a way to run one check of a suite on them."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dovetail.testing import HubHarness
from dovetail.testing._base import Suite, check_names

SOURCES = Path(__file__).parent / "mutants"


@pytest.fixture
def mutated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Makes the modules of a folder of ``mutants/`` importable, with the first ``old`` in one of them replaced by ``new``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(folder: str, old: str = "", new: str = "") -> None:
        sources = {file.name: file.read_text(encoding="utf-8") for file in (SOURCES / folder).glob("*.py")}
        assert any(old in source for source in sources.values()), f"{old!r} stands nowhere in {folder}"
        for name, source in sources.items():
            changed = source.replace(old, new, 1) if old else source
            (tmp_path / name).write_text(changed, encoding="utf-8")
        importlib.invalidate_caches()

    yield make
    for file in SOURCES.glob("*/*.py"):
        sys.modules.pop(file.stem, None)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[type[Suite], str], None]:
    """Runs one check of a suite as pytest would: ``test_size``, ``test_carries[int8]``, ``test_counts[unique-nulls]``."""

    def run(suite: type[Suite], test: str) -> None:
        name, _, cell = test.removesuffix("]").partition("[")
        check, _, shape = cell.partition("-")
        made: Any = suite()
        with HubHarness(suite.plugin, *suite.with_plugins, home=tmp_path / "hub") as hub:
            if hasattr(made, "_found"):
                made._found = made._transformer(hub)  # what the fixture of suites of tables does
            method = getattr(made, name)
            given = {"hub": hub, "tmp_path": tmp_path, "kind": cell, "check": check, "shape": shape}
            method(**{key: given[key] for key in inspect.signature(method).parameters})

    return run


@pytest.fixture
def checks_of() -> Callable[[type[Suite]], set[str]]:
    """Names of the checks of a suite."""
    return lambda suite: set(check_names(suite))
