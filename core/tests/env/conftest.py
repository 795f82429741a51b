"""Real worker processes for the tests of ``dovetail.env``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dovetail.env import WorkerPool, pack

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(size=2) as pool:
        yield pool


@pytest.fixture
def packed(request: pytest.FixtureRequest) -> Callable[[Callable[..., Any]], bytes]:
    """Packs a function of the test's own module, which no worker can import."""
    return lambda target: pack(target, by_value=[request.module.__name__])


@pytest.fixture
def call(pool: WorkerPool, packed: Callable[[Callable[..., Any]], bytes]) -> Call:
    """``call(target, request, **options)`` in a worker."""
    return lambda target, request=None, **options: pool.call(packed(target), request or {}, **options)
