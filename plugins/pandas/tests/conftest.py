"""A hub with the core and this plugin alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dovetail.store import ArtifactStore
from dovetail.testing import HubHarness
from dovetail.types import TypeEngine


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubHarness]:
    with HubHarness("dovetail_pandas.plugin", home=tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def types(hub: HubHarness) -> TypeEngine:
    return hub.types


@pytest.fixture
def store(hub: HubHarness) -> ArtifactStore:
    return hub.artifacts
