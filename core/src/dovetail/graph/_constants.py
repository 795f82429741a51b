"""Values as JSON that says of each what it is, so that it comes back as what it was. No value becomes code by it."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
import zoneinfo
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from dovetail.config import Secret, redact
from dovetail.errors import DefinitionError, nearest, shorten
from dovetail.graph._annotations import is_named_tuple
from dovetail.graph._published import PublishedDataset, dataset
from dovetail.graph._references import Importer, reference_to

_EXACT = 2**53
"""Larger integers lose digits where JSON numbers are doubles, so they are written as text."""

_DEPTH = 100


def write_value(value: Any, where: str) -> Any:
    """A value as JSON: plain where JSON has its kind, else an object with one key such as ``"$tuple"``.

    Args:
        value: A scalar, a container, an Enum member, a dataclass or a NamedTuple, to any depth.
        where: What the value belongs to, for the message.

    Raises:
        DefinitionError: It is anything else, or holds a secret.
    """
    return _write(value, where, 0)


def _write(value: Any, where: str, depth: int) -> Any:
    if depth > _DEPTH:
        raise _cannot(value, where, f"it is nested deeper than {_DEPTH} levels")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        if redact(value) != value:
            raise _cannot_secret(where)
        return value
    if (
        kind in (int, float, bytes)
        and redact(shown := value.decode("latin-1") if kind is bytes else repr(value)) != shown
    ):
        raise _cannot_secret(where)
    if kind is int:
        return value if abs(value) <= _EXACT else {"$int": str(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}

    def inner(item: Any) -> Any:
        return _write(item, where, depth + 1)

    if kind is list:
        return [inner(item) for item in value]
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {inner(key): inner(item) for key, item in value.items()}
        return {"$dict": [[inner(key), inner(item)] for key, item in value.items()]}
    if kind is tuple:
        return {"$tuple": [inner(item) for item in value]}
    if kind in (set, frozenset):
        return {f"${kind.__name__}": sorted((inner(item) for item in value), key=_sort_key)}
    writer = _WRITERS.get(kind)
    if writer is not None:
        tag, text = writer
        return {tag: text(value)}
    return _write_object(value, where, inner)


def _write_object(value: Any, where: str, inner: Callable[[Any], Any]) -> Any:
    kind = type(value)
    if isinstance(value, Secret):
        raise _cannot_secret(where)
    if isinstance(value, PurePath) and isinstance(value, Path):
        return {"$path": inner(str(value))}
    if isinstance(value, datetime.datetime) and kind is datetime.datetime:
        return _write_datetime(value, where)
    reference = reference_to(kind, kind.__module__, kind.__qualname__)
    if isinstance(value, enum.Enum):
        if reference is None or value.name not in kind.__members__:
            raise _cannot(value, where, f"it is no member of {kind.__qualname__}" if reference else _nowhere(kind))
        return {"$enum": f"{reference}.{value.name}"}
    fields = _fields_of(kind)
    if fields is None:
        raise _cannot(value, where, f"a {kind.__qualname__} is nothing that a document can hold")
    if reference is None:
        raise _cannot(value, where, _nowhere(kind))
    return {"$object": reference, "fields": {name: inner(getattr(value, name)) for name in fields}}


def _nowhere(kind: type) -> str:
    return f"{kind.__qualname__} cannot be imported by name for a document"


def _fields_of(kind: type) -> tuple[str, ...] | None:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind) if field.init)
    return tuple(kind._fields) if is_named_tuple(kind) else None  # type: ignore[attr-defined]


def _write_datetime(value: datetime.datetime, where: str) -> dict[str, Any]:
    zone = value.tzinfo
    if zone is None or type(zone) is datetime.timezone:
        return {"$datetime": value.isoformat()}
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return {"$datetime": value.replace(tzinfo=None).isoformat(), "zone": zone.key, "fold": value.fold}
    raise _cannot(value, where, f"its time zone is a {type(zone).__qualname__}")


def _sort_key(item: Any) -> str:
    return json.dumps(item, sort_keys=True)


def _cannot(value: Any, where: str, why: str) -> DefinitionError:
    return DefinitionError(
        f"{where} holds {shorten(value)}, which cannot be exported",
        why=why,
        fix="make it an input of the workflow, or let a task make or load it",
    )


def _cannot_secret(where: str) -> DefinitionError:
    return DefinitionError(
        f"{where} holds a secret, which is never exported",
        fix="name it in the configuration, and let the task read it from there",
    )


_WRITERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    complex: ("$complex", lambda v: [repr(v.real), repr(v.imag)]),
    bytes: ("$bytes", lambda v: base64.b64encode(v).decode("ascii")),
    datetime.date: ("$date", lambda v: v.isoformat()),
    datetime.time: ("$time", lambda v: v.isoformat()),
    datetime.timedelta: ("$timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
    decimal.Decimal: ("$decimal", str),
    uuid.UUID: ("$uuid", str),
    range: ("$range", lambda v: [v.start, v.stop, v.step]),
    PublishedDataset: ("$dataset", str),
}


def read_value(data: Any, path: str, importer: Importer) -> Any:
    """The value that :func:`write_value` wrote.

    Raises:
        DefinitionError: It is malformed, or names a class that cannot be imported; the message has the place.
    """
    if isinstance(data, list):
        return [read_value(item, f"{path}[{i}]", importer) for i, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    tag = next((key for key in data if key.startswith("$")), None)
    if tag is None:
        return {key: read_value(item, f"{path}.{key}", importer) for key, item in data.items()}
    try:
        return _read_tagged(tag, data, path, importer)
    except (
        ValueError,
        TypeError,
        ArithmeticError,
        LookupError,
        OSError,
    ) as error:  # OSError: a time zone may be a directory
        raise DefinitionError(
            f"{path}.{tag}: {shorten(data[tag])} is not what it says", why=f"{type(error).__name__}: {error}"
        ) from error


def _read_tagged(tag: str, data: dict[str, Any], path: str, importer: Importer) -> Any:
    content = data[tag]
    if tag in _CONTAINERS:
        return _CONTAINERS[tag](read_value(content, f"{path}.{tag}", importer))
    if tag == "$dict":
        return {
            read_value(key, f"{path}.$dict[{i}][0]", importer): read_value(item, f"{path}.$dict[{i}][1]", importer)
            for i, (key, item) in enumerate(content)
        }
    if tag == "$enum":
        reference, _, member = content.rpartition(".")
        kind = importer.load_class(reference, f"{path}.$enum")
        if not issubclass(kind, enum.Enum):
            raise TypeError(f"{reference} is no Enum")
        return kind[member]
    if tag == "$object":
        kind = importer.load_class(content, f"{path}.$object")
        return read_fields(kind, data["fields"], f"{path}.fields", importer)
    if tag == "$datetime":
        moment = datetime.datetime.fromisoformat(content)
        zone = data.get("zone")
        return moment if zone is None else moment.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=data.get("fold", 0))
    return _READERS[tag](content)


def read_fields(kind: type, data: dict[str, Any], path: str, importer: Importer) -> Any:
    """An object of a dataclass or NamedTuple from its fields.

    Raises:
        DefinitionError: The class is neither, has no such field, or refuses the values.
    """
    known = _fields_of(kind)
    if known is None:
        raise DefinitionError(f"{path}: {kind.__qualname__} is neither a dataclass nor a NamedTuple")
    for name in data:
        if name not in known:
            close = nearest(name, known)
            raise DefinitionError(
                f"{path}.{name}: {kind.__qualname__} has no field {name!r}",
                fix=f"did you mean {close!r}?" if close else f"fields: {', '.join(known)}",
            )
    values = {name: read_value(item, f"{path}.{name}", importer) for name, item in data.items()}
    try:
        return kind(**values)
    except Exception as error:
        raise DefinitionError(
            f"{path}: {kind.__qualname__} does not take these fields", why=f"{type(error).__name__}: {error}"
        ) from error


_CONTAINERS: dict[str, Callable[[Any], Any]] = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}
_READERS: dict[str, Callable[[Any], Any]] = {
    "$int": int,
    "$float": float,
    "$complex": lambda parts: complex(*(float(part) for part in parts)),
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$date": datetime.date.fromisoformat,
    "$time": datetime.time.fromisoformat,
    "$timedelta": lambda parts: datetime.timedelta(*parts),
    "$decimal": decimal.Decimal,
    "$uuid": uuid.UUID,
    "$path": Path,
    "$range": lambda parts: range(*parts),
    "$dataset": dataset,
}
