"""What evaluating a check gives, and how columns are looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.errors import nearest


class Unevaluable(Exception):
    """The check cannot be evaluated on this table; the text says why."""


@dataclass(slots=True)
class Found:
    """Counts of one check, and the ordinals of the failing rows if it is row-scoped."""

    evaluated: int
    failed: int
    rows: Any = None
    keys: int | None = None
    observed: Any = None
    message: str = ""


def no_column(missing: Sequence[str], there: Sequence[str]) -> str:
    """What to say of columns that are missing, each with the one that may be meant."""
    guesses = {name: nearest(name, there) for name in missing}
    return f"there is no column {', '.join(map(repr, missing))}" + "".join(
        f"; did you mean {guess!r}{f' for {name!r}' if len(missing) > 1 else ''}?"
        for name, guess in guesses.items()
        if guess
    )


def told_error(error: BaseException) -> str:
    """An exception as text; whatever its ``str`` may do."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def values_of(table: Any, name: str) -> Any:
    """A column with NaN as null and dictionaries decoded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        nan = pc.is_nan(column)
        if pc.any(nan).as_py():
            column = pc.if_else(nan, pa.nulls(1, column.type)[0], column)
    return column


def whole_bound(bound: float, lower: bool, closed: bool, limits: tuple[int, int]) -> bool | tuple[int, bool]:
    """The same bound for a column of integers, as an integer that its type holds: no rounding, no overflow.

    Args:
        bound: The bound.
        lower: It is the lower one.
        closed: It is allowed itself.
        limits: Least and greatest integer of the column's type.

    Returns:
        The bound and whether it is allowed itself; or a bool where all values are on one side: True if all lie beyond.
    """
    if isinstance(bound, float) and math.isinf(bound):
        return (bound > 0) == lower  # everything is below +inf, nothing below -inf
    if isinstance(bound, float) and not bound.is_integer():
        bound, closed = (math.ceil(bound) if lower else math.floor(bound)), True
    bound = int(bound)
    if not limits[0] <= bound <= limits[1]:
        return (bound > limits[1]) == lower
    return bound, closed
