"""The parameters of a check as text that is equal in every process."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from dovetail.quality.checks._reference import Reference


def told(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Parameters by name; functions by their code, other data by its content. What was found of that does not count."""
    return [(name, _told(name, value)) for name, value in sorted(params.items()) if name != "found"]


def _told(name: str, value: Any) -> Any:
    if isinstance(value, Reference):
        return value.identity()
    return _by_code(value) if name == "function" else value


def _by_code(function: Any) -> str:
    # How code is told apart is known to a floor above this one, which is there whenever a fingerprint is asked for.
    fingerprint: str = importlib.import_module("dovetail.graph").value_fingerprint(function)
    return fingerprint
