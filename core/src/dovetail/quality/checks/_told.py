"""The parameters of a check as text that is equal in every process."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def told(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Parameters by name; functions by their code."""
    return [(name, _by_code(value) if name == "function" else value) for name, value in sorted(params.items())]


def _by_code(function: Any) -> str:
    # How code is told apart is known to a floor above this one, which is there whenever a fingerprint is asked for.
    fingerprint: str = importlib.import_module("dovetail.graph").value_fingerprint(function)
    return fingerprint
