"""Records that are typed as JSON: which keys they have, and what is wrong with those that were typed."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from dovetail.cli._text import one_line
from dovetail.config import redact
from dovetail.errors import DovetailError, ValueMismatch, nearest


def check_keys(data: Any, record: Any, flag: str, shown: str, *, strict: bool) -> None:
    """Refuse a key that the record does not have: it is a misspelt one, and would be lost without a word.

    Args:
        data: The JSON that was typed.
        record: A dataclass, NamedTuple, TypedDict or pydantic model; anything else is left alone.
        flag: For messages: ``--config``.
        shown: Name of the type, for messages.
        strict: Look at pydantic models as well, which may ignore keys on purpose.

    Raises:
        ValueMismatch: Names the key and the nearest field.
    """
    if not isinstance(data, dict) or not (strict or _plain(record)):
        return
    known = _keys(record)
    unknown = next((key for key in data if key not in known), None) if known else None
    if unknown is None:
        return
    close = nearest(unknown, known)
    raise ValueMismatch(
        f"{flag}: {shown} has no field {one_line(redact(unknown), 60)!r}",
        fix=f"did you mean {close!r}?" if close else f"its fields: {', '.join(known)}",
        flag=flag,
    )


def _plain(record: Any) -> bool:
    return dataclasses.is_dataclass(record) or typing.is_typeddict(record) or hasattr(record, "_fields")


def _keys(record: Any) -> list[str]:
    """The keys that may be typed, aliases as aliases; none where any key may, or nobody knows."""
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema

    if hasattr(record, "_fields"):
        return list(record._fields)
    try:
        schema = TypeAdapter(record).json_schema()
    except (PydanticUserError, PydanticInvalidForJsonSchema):
        # A TypedDict before Python 3.12, or a field of a type that only the type engine knows.
        if typing.is_typeddict(record):
            return list(record.__annotations__)
        return list(getattr(record, "__dataclass_fields__", ()))
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    return [] if schema.get("additionalProperties") else [*schema.get("properties", ())]


def fix_for(error: DovetailError, flag: str) -> str | None:
    """What to type instead."""
    if "expected" not in error.details:
        return error.fix
    if _missing(error):
        return f"add {str(error.details.get('path') or '').rpartition('.')[2]!r} to the JSON"
    return f"give {flag} another value"


def _missing(error: DovetailError) -> bool:
    return str(error.details.get("expected")).rstrip(".") == "Field required"


def why_not(error: DovetailError) -> str:
    """Why a value does not fit, in words."""
    expected = error.details.get("expected")
    if not isinstance(expected, str):
        return error.what
    place = str(error.details.get("path") or "")
    if _missing(error):
        outer, _, name = place.rpartition(".")
        return f"the field {name!r} is missing" + (f" at {outer}" if outer else "")
    first = expected[:1]
    said = (
        f"{first.lower()}{expected[1:]}" if first.isupper() and not expected[1:2].isupper() else f"expected {expected}"
    )
    return said + (f" at {place}" if place else "")
