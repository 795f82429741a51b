"""The one home of everything that is on its way out: what, since when, until when, and what to write instead.

``docs/explanation/deprecation-policy.md`` says what is promised; the table there is written from the one here.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from dovetail.errors._words import nearest

PAGE = "docs/explanation/deprecation-policy.md"

RELEASES = 2
"""Minor releases for which what is deprecated goes on working, at least."""


class DovetailDeprecationWarning(FutureWarning):
    """Something that you wrote will stop working in a later release.

    A ``FutureWarning``, because Python hides ``DeprecationWarning`` everywhere but in ``__main__``, and a pipeline file is a
    module.
    """


class DovetailPendingDeprecationWarning(PendingDeprecationWarning):
    """As above, but not yet for everyone: Python hides it, pytest and ``python -W default`` show it. For plugin authors."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """One thing that is on its way out.

    Attributes:
        what: As a user writes it: ``"dt.task(retry=...)"``.
        instead: What to type: ``"write dt.task(retries=...)"``.
        since: Version of dovetail that began to warn: ``"0.2"``.
        removed_in: Version that will not have it any more: ``"0.4"``.
        why: The reason, in a few words.
        api: For hooks, their arguments and declarations: the hook API version that still has it; else None.
        pending: Warn with :class:`DovetailPendingDeprecationWarning`.

    Raises:
        ValueError: A version is malformed, a text is empty, or it goes sooner than two minor releases after the first warning.
    """

    what: str
    instead: str
    since: str
    removed_in: str
    why: str
    api: int | None = None
    pending: bool = False

    def __post_init__(self) -> None:
        if not all(text.strip() for text in (self.what, self.instead, self.why)):
            raise ValueError(f"the deprecation of {self.what!r} says too little: what, instead and why are needed")
        first, last = version_tuple(self.since), version_tuple(self.removed_in)
        if last[0] < first[0] or (last[0] == first[0] and last[1] - first[1] < RELEASES):
            raise ValueError(
                f"{self.what} must live for {RELEASES} minor releases, not from {self.since} to {self.removed_in}"
            )

    def __str__(self) -> str:
        return (
            f"{self.what} is deprecated since dovetail {self.since} and will be gone in {self.removed_in}\n"
            f"  why: {self.why}\n  fix: {self.instead}\n  see: {PAGE}"
        )

    def warning(self) -> Warning:
        """The warning; also what pluggy's ``hookspec(warn_on_impl=...)`` and ``warn_on_impl_args`` take."""
        return (DovetailPendingDeprecationWarning if self.pending else DovetailDeprecationWarning)(str(self))

    def is_overdue(self, version: str) -> bool:
        """Whether this version of dovetail should not have it any more."""
        return version_tuple(version) >= version_tuple(self.removed_in)


DEPRECATIONS: Mapping[str, Deprecation] = {}
"""Short name -> entry. The name is what :func:`deprecated` is called with."""

_PASSED_OVER = ("dovetail", "importlib", "pluggy", "functools", "contextlib")
"""Packages whose frames are never the line that has to change."""


def deprecated(name: str, entries: Mapping[str, Deprecation] | None = None) -> None:
    """Warn that something of :data:`DEPRECATIONS` was used, at the line outside of dovetail that used it.

    Args:
        name: Short name of the entry.
        entries: Where to look it up. Default: :data:`DEPRECATIONS`.

    Raises:
        LookupError: There is no such entry.
    """
    known = DEPRECATIONS if entries is None else entries
    if name not in known:
        close = nearest(name, known)
        raise LookupError(f"no deprecation is called {name!r}" + (f"; did you mean {close!r}?" if close else ""))
    warnings.warn(known[name].warning(), stacklevel=_level_of_the_caller())


def _level_of_the_caller() -> int:
    """The ``stacklevel``, counted from :func:`deprecated`, of the first frame that is somebody else's."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_passed_over(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_passed_over(module: str) -> bool:
    return module.partition(".")[0] in _PASSED_OVER


def version_tuple(version: str) -> tuple[int, int]:
    """Major and minor of ``"0.4"`` or ``"0.4.1"``.

    Raises:
        ValueError: It is no such version.
    """
    numbers = [int(part) for part in version.split(".") if part.isdecimal()]
    if len(numbers) < 2:
        raise ValueError(f"{version!r} is no version")
    return numbers[0], numbers[1]


for _class in (Deprecation, DovetailDeprecationWarning, DovetailPendingDeprecationWarning):
    _class.__module__ = "dovetail.errors"  # the public name, which warnings and pickles show
