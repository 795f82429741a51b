"""Checks of rows. Nothing here looks at data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dovetail.errors import DefinitionError, shorten
from dovetail.quality.checks._check import (
    INCLUSIVE,
    OPERATORS,
    Check,
    Inclusive,
    Nulls,
    Operator,
    Severity,
    bound_text,
    one_of,
    row_check,
)


def not_null(column: str, *, severity: Severity = "error") -> Check:
    """No value of the column is null or NaN."""
    return row_check("not_null", (column,), {}, "not null", "completeness", severity)


def unique(*columns: str, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """No key occurs twice. Every row of a key that does is a failure; ``n_keys`` counts such keys.

    Args:
        columns: Columns that make the key.
        nulls: ``"ignore"``: rows with a null in the key are not evaluated. ``"fail"``: they fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    return row_check("unique", columns, {}, "unique", "uniqueness", severity, nulls)


def in_range(
    column: str,
    minimum: Any = None,
    maximum: Any = None,
    *,
    inclusive: Inclusive = "both",
    nulls: Nulls = "ignore",
    severity: Severity = "error",
) -> Check:
    """Every value lies between two bounds; a bound of None is open.

    Args:
        column: A column of numbers, dates, times or text.
        minimum: Lower bound, of the column's kind.
        maximum: Upper bound, of the column's kind.
        inclusive: Which bounds are allowed values themselves.
        nulls: Whether nulls are ignored or fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    if minimum is None and maximum is None:
        raise DefinitionError("in_range() has no bound", fix=f"in_range({column!r}, 0, 100)")
    one_of("inclusive", inclusive, INCLUSIVE)
    if minimum is not None and maximum is not None and type(minimum) is type(maximum) and minimum > maximum:
        raise DefinitionError(f"nothing lies between {minimum} and {maximum}", fix="give the lower bound first")
    left = "[" if inclusive in ("both", "left") else "("
    right = "]" if inclusive in ("both", "right") else ")"
    expected = f"{left}{bound_text(minimum)}, {bound_text(maximum)}{right}"
    params = {"minimum": minimum, "maximum": maximum, "inclusive": inclusive}
    return row_check("in_range", (column,), params, expected, "conformity", severity, nulls)


def in_set(column: str, values: Iterable[Any], *, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """Every value is one of ``values``."""
    allowed = tuple(sorted(values, key=repr) if isinstance(values, (set, frozenset)) else values)
    if not allowed or isinstance(values, str):
        raise DefinitionError(f"in_set() got {values!r} as values", fix=f"in_set({column!r}, ['a', 'b'])")
    return row_check(
        "in_set", (column,), {"values": allowed}, f"one of {shorten(list(allowed))}", "conformity", severity, nulls
    )


def matches(column: str, pattern: str, *, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """The whole of every text matches the regular expression (RE2 syntax: no backreferences, no lookaround)."""
    return row_check("regex", (column,), {"pattern": pattern}, f"matches {pattern}", "conformity", severity, nulls)


def compare(left: str, op: Operator, right: str, *, severity: Severity = "error") -> Check:
    """Two columns compare row by row: ``compare("start", "<=", "end")``. Rows with a null on either side are not evaluated."""
    one_of("op", op, OPERATORS)
    return row_check("compare", (left, right), {"op": op}, f"{left} {op} {right}", "consistency", severity)
