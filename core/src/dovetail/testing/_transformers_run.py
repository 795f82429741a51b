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


class _Stage:
    """What the tasks act on. It is an object of dovetail's own, so that it is no part of the tasks' code for the cache."""

    def __init__(self) -> None:
        self.value: Any = None
        self.made = 0
        self.seen: list[Any] = []

    def make(self) -> Any:
        self.made += 1
        return self.value

    def read(self, value: Any) -> str:
        self.seen.append(value)
        return current_types().content_hash(value)


_stage = _Stage()


def _make(number: int) -> Any:
    return _stage.make()


def _read(value: Any, attempt: int) -> str:
    return _stage.read(value)


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

    for number, value in enumerate(suite._few(hub, 4)[-2:]):
        _stage.value, _stage.made, _stage.seen = value, 0, []
        digest = hub.types.content_hash(value)
        for attempt in (1, 2):
            found = hub.run(through, number=number, attempt=attempt).value
            if found != digest:
                fail(f"in run {attempt} the second task was given another {suite.type} than the first one made")
            suite._must_equal(value, _stage.seen[-1], f"what the second task was given in run {attempt}")
        if _stage.made != 1:
            fail("the second run did not find the value in the cache", why=f"the first task ran {_stage.made} times")
