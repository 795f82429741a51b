"""One hub with every frame plugin whose engine is installed here, shared by all tests of the suite."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from dovetail.config import Settings
from dovetail.plugins import list_plugins
from dovetail.testing import HubHarness
from dovetail.testing._pairs import PairTable


@pytest.fixture(scope="session")
def table(repository: Path) -> Iterator[PairTable]:
    """Pairs of every frame of this environment, with the values that only one library has."""
    base = Settings(project_root=repository, home=repository / ".dovetail")
    modules = [listing.module for listing in list_plugins(base) if listing.distribution != "dovetail"]
    with HubHarness(*modules) as hub:
        known = hub.catalogue.transformers()
        pairs = PairTable(hub.types, {name: own for name, own in _own().own_values().items() if name in known})
        yield pairs
        pairs.forget()


def _own() -> ModuleType:
    name = "dovetail_pairs_own_values"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("own_values.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
