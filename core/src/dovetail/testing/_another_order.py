"""Copies that mean the same and hold the entries of their dicts and sets in another order."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

_SPARE = 512
"""So many entries are added to a set and taken out again: its table stays large, and goes by another order."""


def in_another_order(value: Any, equal: Callable[[Any, Any], bool]) -> Any:
    """A deep copy in which dicts and sets were filled in another order, at any depth, also inside objects.

    Only what was copied is touched: what ``copy.deepcopy`` shares (functions, classes) or leaves to a ``__deepcopy__`` stays.
    Where the order is a part of what the value means, which ``equal`` tells, it is a plain deep copy.
    """
    memo: dict[int, Any] = {}
    made = copy.deepcopy(value, memo)
    kept_alive = id(memo)  # where deepcopy keeps the originals
    own = {id(item) for key, item in memo.items() if key != kept_alive}
    made = _reordered(made, own)
    return made if equal(value, made) else copy.deepcopy(value)


def _reordered(value: Any, own: set[int]) -> Any:
    """The value in another order: itself, changed in place, or another one where it cannot be changed."""
    if isinstance(value, frozenset):  # deepcopy copies none whose items cannot change, so it is made anew
        return frozenset(reversed(list(value))) if type(value) is frozenset else value
    if type(value) is tuple:
        items = tuple(_reordered(item, own) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if id(value) not in own:
        return value
    own.discard(id(value))  # once is enough, and what holds itself comes to an end
    if isinstance(value, dict):
        entries = [(key, _reordered(item, own)) for key, item in value.items()]
        if not isinstance(value, OrderedDict):  # of which the order is a part of what it means
            entries.reverse()
            dict.clear(value)
        for key, item in entries:
            dict.__setitem__(value, key, item)
    elif isinstance(value, set):
        items_reversed, spare = list(value)[::-1], [object() for _ in range(_SPARE)]
        set.clear(value)
        set.update(value, spare)
        set.update(value, items_reversed)
        for item in spare:
            set.discard(value, item)  # which, unlike difference_update(), leaves the table as large as it is
    elif isinstance(value, list):
        value[:] = [_reordered(item, own) for item in value]
    for name, item in _attributes(value):
        new = _reordered(item, own)
        if new is not item:
            object.__setattr__(value, name, new)
    return value


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of the attributes of an object: of its ``__dict__`` and its slots."""
    yield from list(getattr(value, "__dict__", {}).items())
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            mangled = (
                f"_{cls.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            )
            if name not in ("__dict__", "__weakref__") and hasattr(value, mangled):
                yield mangled, getattr(value, mangled)
