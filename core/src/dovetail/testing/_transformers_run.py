"""A value on its way through a durable run: made by one task, stored, read by the next, found again by a second run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail.graph import task, workflow
from dovetail.spec import TypeRef
from dovetail.testing._base import fail
from dovetail.types import current_types

if TYPE_CHECKING:
    from dovetail.testing._harness import HubHarness
    from dovetail.testing._transformers import TransformerSuite

_stock: list[Any] = []
_made: list[int] = []
_seen: list[Any] = []


def _make(number: int) -> Any:
    _made.append(number)
    return _stock[number]


def _read(value: Any, attempt: int) -> str:
    _seen.append(value)
    return current_types().content_hash(value)


def check_durable_run(suite: TransformerSuite, hub: HubHarness) -> None:
    """Run task A -> task B twice: the second time A comes from the cache, and B is given what the store kept."""
    ref: Any = TypeRef(suite.type)
    _make.__annotations__ = {"number": int, "return": ref}
    _read.__annotations__ = {"value": ref, "attempt": int, "return": str}
    make: Any = task(cache=True)(_make)
    read: Any = task(_read)

    @workflow
    def through(number: int, attempt: int) -> str:
        return read(make(number), attempt)  # type: ignore[no-any-return]

    for value in suite.few(hub, 4)[-2:]:
        _stock[:], _made[:], _seen[:] = [value], [], []
        digest = hub.types.content_hash(value)
        number = 0
        try:
            for attempt in (1, 2):
                found = hub.run(through, number=number, attempt=attempt).value
                if found != digest:
                    fail(f"in run {attempt} the second task was given another {suite.type} than the first one made")
                suite.must_equal(value, _seen[-1], f"what the second task was given in run {attempt}")
            if len(_made) != 1:
                fail("the second run did not find the value in the cache", why=f"the first task ran {len(_made)} times")
        finally:
            _stock[:], _made[:], _seen[:] = [], [], []
