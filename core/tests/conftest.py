"""What all tests of the core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dovetail.config import _secrets


@pytest.fixture(autouse=True)
def no_secret_outlives_its_test() -> Iterator[None]:
    """A process masks the secrets that it has seen for as long as it lives, in the words of later tests as well."""
    known, pattern = set(_secrets._known), _secrets._pattern
    yield
    _secrets._known, _secrets._pattern = known, pattern
