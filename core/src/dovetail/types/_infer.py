"""The annotation that a value would have, for values that came without one."""

from __future__ import annotations

import math
from pathlib import Path, PurePath
from types import GenericAlias
from typing import Any, Union

from dovetail.types._lazy import LAZY
from dovetail.types._names import NoneType
from dovetail.types._registry import Registry


def is_json(value: Any) -> bool:
    """True if JSON holds the value as it is: exact types only, no NaN, no lone keys but text."""
    cls = type(value)
    if cls is float:
        return math.isfinite(value)
    if cls in (int, str, bool, NoneType):
        return True
    if cls is list:
        return all(is_json(item) for item in value)
    if cls is dict:
        return all(type(key) is str and is_json(item) for key, item in value.items())
    return False


def infer(value: Any, registry: Registry) -> Any:
    """The narrowest annotation that fits: ``dict[str, int | None]``, the declared type of a frame, or the class."""
    cls = type(value)
    spec = registry.find_class(cls)
    if registry.is_leaf(spec):
        return cls
    if isinstance(value, (list, set, frozenset)) and cls in (list, set, frozenset):
        return GenericAlias(cls, (_join(value, registry),))
    if cls is tuple:
        return GenericAlias(tuple, tuple(infer(item, registry) for item in value))
    if cls is dict:
        return GenericAlias(dict, (_join(value.keys(), registry), _join(value.values(), registry)))
    if isinstance(value, LAZY):
        return value.stored_type
    if isinstance(value, PurePath):
        return Path if isinstance(value, Path) else PurePath  # PosixPath and its like are made by these
    return cls


def _join(items: Any, registry: Registry) -> Any:
    kinds: dict[Any, None] = {}
    for item in items:
        kinds[infer(item, registry)] = None
    if not kinds:
        return Any
    return Union[tuple(kinds)]  # noqa: UP007 - the members are known only now
