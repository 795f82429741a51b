"""Gaps: what a plugin does not do, said aloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GapKind = Literal["notimpl", "notyet", "never"]
Raises = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A capability that a plugin does not have. Made by :func:`notimpl`, :func:`notyet` or :func:`never`.

    Attributes:
        kind: ``"notimpl"``, ``"notyet"`` or ``"never"``.
        reason: Why, for the person who reads the report.
        raises: How the capability's tests must fail.
        runs: False: the tests are not run, because they would hang or do harm; they are shown as skipped.
    """

    kind: GapKind
    reason: str
    raises: tuple[type[BaseException], ...]
    runs: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str) or len(self.reason.split()) < 2:
            raise TypeError(
                f"a gap needs a reason of two words or more, that a person can act on, not {self.reason!r}; "
                f'write {self.kind}("the driver has no cancel call", raises=...)'
            )
        for kind in self.raises:
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                raise TypeError(f"raises= names exception classes, not {kind!r}")
            if kind in (BaseException, Exception):
                raise TypeError(f"raises={kind.__name__} would take any defect for the gap; name the exception")


def notimpl(reason: str, *, raises: Raises = AssertionError, runs: bool = True) -> Gap:
    """A gap of the plugin: the engine can do it, and the plugin does not use that yet.

    Args:
        reason: Why; mandatory.
        raises: How the capability's tests must fail. The default is what a check of the kit raises.
        runs: False where running would hang or do harm: the tests are skipped and shown with the reason.

    Raises:
        TypeError: The reason is missing, or ``raises`` names no exception or one that takes everything.
    """
    return Gap("notimpl", reason, _classes(raises), runs)


def notyet(reason: str, *, raises: Raises = AssertionError, runs: bool = True) -> Gap:
    """A gap of the engine: it cannot do it in the versions that the plugin takes. Arguments as for :func:`notimpl`."""
    return Gap("notyet", reason, _classes(raises), runs)


def never(reason: str, *, raises: Raises = AssertionError, runs: bool = True) -> Gap:
    """No gap at all, but something that makes no sense here. Arguments as for :func:`notimpl`."""
    return Gap("never", reason, _classes(raises), runs)


def _classes(raises: Raises) -> tuple[type[BaseException], ...]:
    return raises if isinstance(raises, tuple) else (raises,)
