"""The content hash of plain values: equal values hash the same in every process; the annotation does not matter."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii
from pathlib import PurePath
from typing import Any

from dovetail.types._lazy import StoredLeaf, StoredMapping, StoredSequence
from dovetail.types._names import class_name, is_model, is_named_tuple
from dovetail.types._registry import Registry

_PREFIX = "dovetail-value-1\0"


_TEXT = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def hash_text(text: str) -> str:
    """SHA-256 in hex of a canonical text."""
    return hashlib.sha256((_PREFIX + text).encode("utf-8", "surrogatepass")).hexdigest()


class Hasher:
    """Hashes values.

    Args:
        registry: Knows the frames and files inside.
        fallback: Canonical JSON of a value of any other class; raises if it has none.
    """

    def __init__(self, registry: Registry, fallback: Callable[[Any], Any]) -> None:
        self._registry = registry
        self._fallback = fallback

    def hash(self, value: Any, known: Mapping[int, str] | None = None) -> str:
        """The content hash in hex; ``known`` maps ``id(leaf)`` to hashes that were computed already."""
        return hash_text(_TEXT(_form(value, self._registry, self._fallback, known or {})))


def scalar_hash(value: Any) -> str:
    """The same hash for an exact bool, int, float, str or None, without the detour."""
    cls = type(value)
    if cls is int:
        return hash_text(f'{{"i":"{hex(value)}"}}')
    if cls is float:
        return hash_text(f'{{"f":"{value!r}"}}')
    if cls is str:
        return hash_text(encode_basestring_ascii(value))
    return hash_text("null" if value is None else "true" if value else "false")


def _form(value: Any, registry: Registry, fallback: Callable[[Any], Any], known: Mapping[int, str]) -> Any:
    """JSON in which every kind of value has its own shape, so that 1, True, 1.0 and "1" differ."""
    cls = type(value)
    if value is None or cls is bool or cls is str:
        return value
    if cls is int:
        return {"i": hex(value)}
    if cls is float:
        return {"f": repr(value)}

    def inner(item: Any) -> Any:
        return _form(item, registry, fallback, known)

    if cls is list:
        kinds = set(map(type, value))
        if kinds == {int}:
            return {"i*": ",".join(map(hex, value))}  # a long list costs one pass in C
        if kinds == {float}:
            return {"f*": ",".join(map(repr, value))}
        return value if kinds == {str} else [inner(item) for item in value]
    if cls is dict:
        return {"dict": _sorted([inner(key), inner(item)] for key, item in value.items())}
    if cls is tuple:
        return {"tuple": [inner(item) for item in value]}
    if cls in (set, frozenset):
        return {cls.__name__: _sorted(inner(item) for item in value)}
    if cls is StoredMapping:
        return {"dict": _sorted([key, inner(value.reference(key))] for key in value)}
    if cls is StoredSequence:
        items = [inner(value.reference(i)) for i in range(len(value))]
        return {"tuple": items} if value.kind is tuple else items
    if cls is StoredLeaf:
        return {"leaf": value.artifact.content_hash}
    spec = registry.find_class(cls)
    if spec is not None and registry.is_leaf(spec):
        return {"leaf": known.get(id(value)) or registry.transformer(spec).content_hash(value)}
    return {class_name(cls): _object_form(value, cls, inner, fallback)}


def _object_form(value: Any, cls: type, inner: Callable[[Any], Any], fallback: Callable[[Any], Any]) -> Any:
    if isinstance(value, enum.Enum):
        return [value.name, None if value.name in type(value).__members__ else inner(value.value)]
    if is_model(cls):
        extra = value.__pydantic_extra__ or {}
        return _sorted([name, inner(item)] for name, item in {**value.__dict__, **extra}.items())
    if dataclasses.is_dataclass(cls):
        return _sorted([f.name, inner(getattr(value, f.name))] for f in dataclasses.fields(cls))
    if is_named_tuple(cls):
        return [[name, inner(getattr(value, name))] for name in value._fields]
    if isinstance(value, (bytes, bytearray)):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, dt.datetime):
        return [value.isoformat(), str(getattr(value.tzinfo, "key", "")), value.fold]
    if isinstance(value, (dt.date, dt.time)):
        return [value.isoformat(), getattr(value, "fold", 0)]
    if isinstance(value, dt.timedelta):
        return [value.days, value.seconds, value.microseconds]
    if isinstance(value, (decimal.Decimal, uuid.UUID, PurePath)):
        return str(value)
    if isinstance(value, complex):
        return [repr(value.real), repr(value.imag)]
    return fallback(value)


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=_TEXT)
