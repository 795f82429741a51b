"""The real catalogue: core, this plugin, and the transformers of the two libraries that it evaluates."""

from __future__ import annotations

import pytest
from dovetail.types import TypeEngine, current_types


@pytest.fixture
def types() -> TypeEngine:
    return current_types()
