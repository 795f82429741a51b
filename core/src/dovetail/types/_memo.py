"""A cache of things that are built from other things of the same cache, in circles too, and from several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class Memo(Generic[_T]):
    """Builds each thing once.

    Args:
        build: Makes the thing for a key; may ask the memo for others, or for itself.
        forward: Makes a stand-in from a list that will hold the thing as its only member when it is used.
    """

    def __init__(self, build: Callable[[Any], _T], forward: Callable[[list[_T]], _T]) -> None:
        self._build = build
        self._forward = forward
        self._done: dict[Any, _T] = {}
        self._pending: dict[Any, _T] = {}
        self._lock = threading.RLock()

    def get(self, key: Any) -> _T:
        """The thing for a key. Raises what building raises; nothing is kept then."""
        try:
            return self._done[key]
        except KeyError:
            pass
        with self._lock:
            found = self._done.get(key) or self._pending.get(key)
            if found is not None:
                return found
            outermost = not self._pending
            cell: list[_T] = []
            self._pending[key] = self._forward(cell)
            try:
                made = self._build(key)
            except BaseException:
                if outermost:
                    self._pending.clear()
                raise
            cell.append(made)
            self._pending[key] = made
            if outermost:  # others see nothing half-made: all that was built on the way is published at once
                self._done.update(self._pending)
                self._pending.clear()
            return made
