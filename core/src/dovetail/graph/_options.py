"""How a node is run: retries, timeout, cache and where."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from dovetail.errors import DefinitionError, nearest, shorten

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


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How the nodes of a task are run.

    Attributes:
        retries: How many times a failed attempt is repeated; a blocked gate is never retried. Default 0.
        retry_delay: Seconds before the first retry. Default 1.
        backoff: Factor from one delay to the next, at least 1. Default 2; delays are capped at 5 minutes and jittered by 10 %.
        timeout: Seconds that one attempt may take; it then runs in a process of its own, which is killed. Default none.
        cache: Reuse the outputs of an earlier node with the same code, configuration and inputs. Default False.
        cache_version: Part of the cache key, for changes that the code of the function does not show.
        executor: Name of the executor; None for the run's default.
    """

    retries: int = 0
    retry_delay: float = 1.0
    backoff: float = 2.0
    timeout: float | None = None
    cache: bool = False
    cache_version: str = ""
    executor: str | None = None

    def updated(self, changes: dict[str, Any]) -> TaskOptions:
        """A copy with some options changed; see the attributes.

        Raises:
            DefinitionError: An option is unknown or its value makes no sense.
        """
        known = [f.name for f in fields(self)]
        for name in changes:
            if name not in known:
                close = nearest(name, known)
                raise DefinitionError(
                    f"there is no task option {name!r}",
                    fix=f"did you mean {close!r}?" if close else f"options: {', '.join(known)}",
                )
        changed = dict(changes)
        if changed.get("timeout") is not None:
            changed["timeout"] = seconds(changed["timeout"], "timeout")
        if "retry_delay" in changed:
            delay = changed["retry_delay"]
            changed["retry_delay"] = 0.0 if delay == 0 else seconds(delay, "retry_delay")
        result = replace(self, **changed)
        if not isinstance(result.retries, int) or isinstance(result.retries, bool) or result.retries < 0:
            raise DefinitionError(f"retries must be a whole number from 0, not {result.retries!r}")
        if not result.backoff >= 1:
            raise DefinitionError(f"backoff must be at least 1, not {result.backoff!r}")
        return result

    def delay_before(self, attempt: int) -> float:
        """Seconds to wait before attempt number ``attempt`` (2 is the first retry), without jitter."""
        try:
            return min(self.retry_delay * self.backoff ** (attempt - 2), 300.0)
        except OverflowError:
            return 300.0 if self.retry_delay else 0.0
