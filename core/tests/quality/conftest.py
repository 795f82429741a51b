"""The real catalogue and type engine; nothing here needs more than Arrow."""

from __future__ import annotations

import pytest

from dovetail.types import TypeEngine, current_types


@pytest.fixture
def types() -> TypeEngine:
    return current_types()
