"""The one way values become JSON text in the run store, and come back."""

from __future__ import annotations

import json
import json.encoder
import math
from collections.abc import Callable
from typing import Any

from dovetail.errors import StoreError, shorten

_strict = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _default(value: Any) -> str:
    # Facts for people (events, info, reports) must never cost a finished result: what JSON can't hold is kept as its repr.
    return shorten(value, 400)


def _lenient_encoder() -> Callable[[Any], str]:
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the C accelerator
        return json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_default).encode
    # JSONEncoder.encode builds this object anew on every call, which is more than half of the time for a small dict.
    encoder = make(None, _default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False)
    return lambda value: "".join(encoder(value, 0))


_lenient = _lenient_encoder()


def encode(value: Any) -> str:
    """Compact ASCII JSON of a fact for people. Never fails: NaN and infinities become strings, unknown objects their repr."""
    try:
        return _lenient(value)
    except (ValueError, TypeError, RecursionError):
        return _lenient(_tame(value))


def encode_exact(value: Any, what: str) -> str:
    """Compact ASCII JSON of a value that a later process must read back as it was, such as the handle of a remote job.

    Raises:
        StoreError: JSON can't hold the value.
    """
    try:
        return _strict(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{what} can't be stored as JSON: {shorten(value)}",
            why=str(error),
            fix="use only text, finite numbers, booleans, None, lists and dicts with text keys",
        ) from error


def decode(text: str | None) -> Any:
    """The value that :func:`encode` wrote; None for None.

    Raises:
        StoreError: The text is not JSON, so the store was damaged.
    """
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise StoreError(
            "the run store holds a value that is not JSON", why=str(error), fix="restore the store from a backup"
        ) from error


def _tame(value: Any, depth: int = 0) -> Any:
    if depth > 50:
        return shorten(value, 400)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _tame(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tame(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return shorten(value, 400)
