"""What the evaluation asks of a frame, for polars and pandas alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Level:
    """The key of a level of a pandas index, which no column can have."""

    position: int


class Unevaluable(Exception):
    """A check cannot be evaluated; the text says why."""


@dataclass(slots=True)
class Labels:
    """What one predicate found.

    Attributes:
        evaluated: Values or rows looked at.
        rows: Ordinals of the failing rows, ascending; None for a predicate over the whole column or table.
        failed: Number of failures, for a predicate without rows.
        keys: For uniqueness: keys that occur more than once.
        observed: For people.
        message: What is wrong, where the name of the check does not say it.
    """

    evaluated: int
    rows: Any = None
    failed: int = 0
    keys: int | None = None
    observed: Any = None
    message: str = ""


class Frame(Protocol):
    """A frame to look at. Nothing here changes the frame that it was made from."""

    rows: int
    names: Sequence[Hashable]

    def matching(self, component: Any) -> list[Hashable]:
        """Names of the columns that a component with a pattern stands for."""
        ...

    def index_keys(self, schema: Any) -> list[tuple[Hashable, Any, str]]:
        """Key, component and name of each level of the index that the schema describes."""
        ...

    def dtype(self, key: Hashable, dtype: Any) -> Labels:
        """Does the column have the type?"""
        ...

    def coerce(self, key: Hashable, dtype: Any) -> Labels:
        """Look at the column as this type from here on; values that do not convert fail."""
        ...

    def not_null(self, key: Hashable) -> Labels:
        """Rows with null or NaN, before any coercion."""
        ...

    def unique(self, keys: Sequence[Hashable]) -> Labels:
        """Rows of keys that occur more than once; rows with a null in the key are not evaluated."""
        ...

    def check(self, check: Any, key: Hashable | None) -> Labels:
        """Run a Pandera check on a column, or on the whole frame."""
        ...


def is_builtin(check: Any) -> bool:
    """True for the checks that Pandera brings: their answer for a null is known."""
    name = getattr(check._check_fn, "__name__", None)
    return bool(name) and type(check).is_builtin_check(name) and type(check._check_fn).__name__ == "Dispatcher"


def backend_of(check: Any, frame: Any) -> Any:
    """Pandera's backend of a check for a frame."""
    if is_builtin(check):
        # Pandera adds a library's functions to its built-in checks when that library is first validated; a check that was
        # made before still holds them by name, so it is looked up again, as Pandera itself does.
        check._check_fn = check.get_builtin_check_fn(check._check_fn.__name__)
    return check.get_backend(frame)(check)
