"""Lengths of time as people write them."""

from __future__ import annotations

import math
import re

from dovetail.errors import DefinitionError, shorten

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def seconds(value: float | str, name: str = "duration") -> float:
    """A duration in seconds from a number of seconds, or text such as ``"90s"``, ``"5m"``, ``"1h30m"``.

    Raises:
        DefinitionError: It is neither, or not positive.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        total = float(value)
    else:
        text = str(value).strip()
        parts = _DURATION.findall(text)
        if not parts or _DURATION.sub("", text).strip():
            raise DefinitionError(
                f"{name} {value!r} is not a duration", fix='write seconds, or "500ms", "30s", "5m", "1h30m"'
            )
        total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 < total < math.inf:
        raise DefinitionError(f"{name} must be positive and finite, not {shorten(value)}")
    return total
