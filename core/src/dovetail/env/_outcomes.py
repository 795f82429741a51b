"""Errors on their way from a worker to the hub: text and JSON, rebuilt from a closed list of classes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from dovetail import errors
from dovetail.env._frames import MAX_DEPTH, BrokenProtocol, to_json
from dovetail.errors import DovetailError, PlatformError, TaskFailed, shorten, user_traceback

_MAX_MESSAGE = 10_000
_MAX_TRACEBACK = 32_000
_MAX_UNMASKED = 4_000_000
_REGISTRY: dict[str, type[DovetailError]] = {
    name: value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type) and issubclass(value, DovetailError)
}


def describe(error: BaseException, memory_limit: int | None = None) -> dict[str, Any]:
    """The JSON form of what a target raised: a :class:`DovetailError` as it is, all else as :class:`TaskFailed`."""
    if isinstance(error, DovetailError):
        described = error.to_dict()
        # A plugin's own subclass arrives as the nearest class of the tree, which keeps its kind.
        described["type"] = next(cls.__name__ for cls in type(error).__mro__ if cls in _REGISTRY.values())
        described["details"] = _masked(_jsonable(described["details"]))
        return {**described, **{part: _text(described[part]) for part in ("what", "who", "why", "fix")}}
    name = type(error).__name__
    message = _message(error)
    why = fix = None
    if isinstance(error, MemoryError):
        why = f"the worker's memory limit is {memory_limit:,} bytes" if memory_limit else "the worker ran out of memory"
        fix = "give the task less data at once, or raise the memory limit"
    return {
        "type": TaskFailed.__name__,
        "kind": TaskFailed.kind,
        "what": f"the task raised {name}: {message}" if message else f"the task raised {name}",
        "who": None,
        "why": why,
        "fix": fix,
        "details": {"type": name, "message": message, "traceback": _traceback(error)},
    }


def describe_as_json(error: BaseException, memory_limit: int | None = None) -> bytes:
    """The body of an ``ERROR`` frame: bounded, whatever the error holds."""
    described = describe(error, memory_limit)
    try:
        body = to_json(described, "error")
    except PlatformError as problem:
        described["details"] = {"left_out": problem.why or problem.what}
        body = to_json(described, "error")
    return body


def rebuild(described: Mapping[str, Any], job: str) -> DovetailError:
    """The error of a described one. Its class is looked up by name in the tree; an unknown one is a :class:`PlatformError`.

    Args:
        described: What :func:`describe` made, as it arrived.
        job: Takes the place of a missing ``who``.

    Raises:
        BrokenProtocol: Parts of it are missing or of the wrong type.
    """
    what, details = described.get("what"), described.get("details")
    parts = {part: described.get(part) for part in ("who", "why", "fix")}
    if not isinstance(what, str) or not isinstance(details, dict):
        raise BrokenProtocol(f"an error arrived as {shorten(dict(described))}")
    if not all(value is None or isinstance(value, str) for value in parts.values()):
        raise BrokenProtocol(f"an error arrived as {shorten(dict(described))}")
    name = described.get("type")
    error = _REGISTRY.get(name if isinstance(name, str) else "", PlatformError)(what)
    error.who, error.why, error.fix = parts["who"] or job or None, parts["why"], parts["fix"]
    error.details = details  # not as keywords: the names are the worker's
    return error


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as problem:  # a user's __str__ may do anything
        text = f"<its str() raised {type(problem).__name__}>"
    return _bounded(_masked(text), _MAX_MESSAGE)


def _traceback(error: BaseException) -> str:
    return _bounded(_masked(user_traceback(error, limit=_MAX_UNMASKED)), _MAX_TRACEBACK)


def _text(value: object) -> str | None:
    return None if value is None else _bounded(_masked(str(value)), _MAX_MESSAGE)


def _masked(value: Any) -> Any:
    """Without the secrets that this worker has resolved, of which the hub may know nothing. To be done before shortening."""
    config = sys.modules.get("dovetail.config")  # not loaded: no secret can have been resolved here
    return value if config is None else config.redact_data(value)


def _bounded(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"


def _jsonable(value: Any, depth: int = 0) -> Any:
    """Details are for programs, but nobody has checked them: what JSON cannot hold becomes its repr."""
    if depth > MAX_DEPTH - 10:
        return shorten(value)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(part, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_jsonable(part, depth + 1) for part in value]
    if value is None or type(value) in (str, bool, int):
        return value
    if type(value) is float and value - value == 0:  # neither infinite nor NaN
        return value
    return shorten(value, width=_MAX_MESSAGE)
