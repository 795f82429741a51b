"""What a test function of the kit carries: the capabilities it needs, and why it replaces another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_REQUIRES = "__dovetail_requires__"
_OVERRIDES = "__dovetail_overrides__"


def requires(*capabilities: str) -> Callable[[F], F]:
    """Say that a test of a suite needs these capabilities: a subclass may state a gap for one of them.

    Args:
        capabilities: Names. ``"{kind}"`` in a name stands for the value of the test's parameter ``kind``, so that one
            parametrised test is several capabilities: ``@requires("check.{kind}")``.
    """

    def mark(function: F) -> F:
        setattr(function, _REQUIRES, (*capabilities, *required(function)))
        return function

    return mark


def overrides(*, reason: str) -> Callable[[F], F]:
    """Say that a test replaces one of the base suite, and why. Without it, a subclass that does so is refused.

    Args:
        reason: Why the test of the kit does not fit; shown in the report.

    Raises:
        TypeError: There is no reason.
    """
    if not isinstance(reason, str) or len(reason.split()) < 2:
        raise TypeError(f"@overrides needs a reason that a person can judge, not {reason!r}")

    def mark(function: F) -> F:
        setattr(function, _OVERRIDES, reason)
        return function

    return mark


def required(function: object) -> tuple[str, ...]:
    """The capabilities that a test function names."""
    return tuple(getattr(function, _REQUIRES, ()))


def override_reason(function: object) -> str | None:
    """Why a test function replaces another one; None if it does not say so."""
    found = getattr(function, _OVERRIDES, None)
    return found if isinstance(found, str) else None
