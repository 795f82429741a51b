"""Checks of whole tables. Nothing here looks at data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dovetail.config import seconds
from dovetail.errors import DefinitionError, shorten
from dovetail.quality.checks._check import Check, Severity, bound_text, whole_check
from dovetail.spec import Dimension
from dovetail.types.arrow import declared_type


def row_count(minimum: int = 0, maximum: int | None = None, *, severity: Severity = "error") -> Check:
    """The table has at least ``minimum`` and at most ``maximum`` rows; None is no limit."""
    expected = f">= {minimum:,}" if maximum is None else f"{minimum:,} to {maximum:,}"
    params = {"minimum": minimum, "maximum": maximum}
    return whole_check("row_count", (), params, expected, "completeness", severity)


def min_rows(minimum: int, *, severity: Severity = "error") -> Check:
    """The table has at least ``minimum`` rows."""
    return row_count(minimum, severity=severity)


def columns_present(*columns: str, exact: bool = False, severity: Severity = "error") -> Check:
    """The table has these columns; with ``exact``, no others."""
    if not columns:
        raise DefinitionError("columns_present() names no column", fix="columns_present('a', 'b')")
    word = "exactly" if exact else "has"
    return whole_check(
        "column_exists", columns, {"exact": exact}, f"{word} {', '.join(columns)}", "conformity", severity
    )


def has_type(column: str, kind: Any, *, severity: Severity = "error") -> Check:
    """The column is of a type, or of one whose every value is one of it (int32 where int64 is wanted).

    Args:
        column: The column.
        kind: A Python type (``int``, ``str``, ``datetime.datetime``, ``list[float]``), the name of an Arrow type
            (``"int64"``, ``"timestamp[us, tz=UTC]"``), or a ``pyarrow.DataType``.
        severity: See :class:`~dovetail.spec.CheckInfo`.

    Raises:
        DefinitionError: ``kind`` is no type of a column.
    """
    try:
        declared_type(kind)
    except ValueError as error:
        raise DefinitionError(
            f"has_type({column!r}, {shorten(kind)}) names no type of a column", why=str(error), fix='such as "int64"'
        ) from None
    text = kind.__name__ if isinstance(kind, type) else str(kind)
    return whole_check("dtype", (column,), {"type": text, "declared": kind}, f"is {text}", "conformity", severity)


def schema(columns: Mapping[str, Any], *, exact: bool = False, severity: Severity = "error") -> list[Check]:
    """The checks of a table's columns: that they are there and of their types. For ``Suite("s", [*schema({...}), ...])``.

    Args:
        columns: Name -> type as in :func:`has_type`.
        exact: No other columns.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    found = [columns_present(*columns, exact=exact, severity=severity)]
    return found + [has_type(name, kind, severity=severity) for name, kind in columns.items() if kind is not Any]


def mean_between(column: str, minimum: float, maximum: float, *, severity: Severity = "error") -> Check:
    """The mean of the values that are not null lies between two bounds, both allowed. Without any value it is an error."""
    return _figure("mean", column, "mean", minimum, maximum, severity)


def stddev_between(column: str, minimum: float, maximum: float, *, severity: Severity = "error") -> Check:
    """The standard deviation of the sample (n - 1) lies between two bounds. With fewer than two values it is an error."""
    return _figure("stddev", column, "standard deviation", minimum, maximum, severity)


def quantile_between(
    column: str, quantile: float, minimum: float, maximum: float, *, severity: Severity = "error"
) -> Check:
    """A quantile lies between two bounds, both allowed; between two values it is interpolated linearly.

    Args:
        column: A column of numbers.
        quantile: From 0 to 1; 0.5 is the median.
        minimum: Lower bound.
        maximum: Upper bound.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    if isinstance(quantile, bool) or not isinstance(quantile, (int, float)) or not 0 <= quantile <= 1:
        raise DefinitionError(f"a quantile is a number from 0 to 1, not {shorten(quantile)}", fix="0.5 is the median")
    return _figure("quantile", column, f"quantile {quantile:g}", minimum, maximum, severity, quantile=float(quantile))


def sum_equals(column: str, expected: float | str, *, tolerance: float = 0.0, severity: Severity = "error") -> Check:
    """The sum of a column is that of another one, or a number: what was booked is what was paid.

    Args:
        column: A column of numbers; nulls count as nothing.
        expected: Another column, or the sum itself.
        tolerance: Largest difference that is allowed, in the unit of the column.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    non_negative("tolerance", tolerance)
    columns = (column, expected) if isinstance(expected, str) else (column,)
    if not isinstance(expected, str):
        _number("expected", expected)
    told = f"sum of {column} = " + (f"sum of {expected}" if isinstance(expected, str) else f"{expected:g}")
    told += f" +- {tolerance:g}" if tolerance else ""
    params = {"expected": expected, "tolerance": tolerance}
    return whole_check("sum", columns, params, told, "consistency", severity)


def fresh(column: str, within: float | str, *, severity: Severity = "error") -> Check:
    """The newest instant of a column is not older than this when the check is made. Without any value it is an error.

    Args:
        column: A column of timestamps or dates; timestamps without a zone count as UTC, a date as its beginning in UTC.
        within: Seconds, or text such as ``"90m"``, ``"1d"``.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    age = seconds(within, "within")
    told = within if isinstance(within, str) else f"{age:g} s"
    return whole_check("freshness", (column,), {"seconds": age}, f"newest within {told}", "timeliness", severity)


def _figure(
    kind: str, column: str, word: str, minimum: float, maximum: float, severity: Severity, **more: Any
) -> Check:
    for bound in (minimum, maximum):
        _number(word, bound)
    if minimum > maximum:
        raise DefinitionError(
            f"the {word} cannot lie between {minimum} and {maximum}", fix="give the lower bound first"
        )
    dimension: Dimension = "accuracy"
    params = {"minimum": minimum, "maximum": maximum, **more}
    told = f"{word} in [{bound_text(minimum)}, {bound_text(maximum)}]"
    return whole_check(kind, (column,), params, told, dimension, severity)


def non_negative(what: str, value: Any) -> None:
    """Refuse what is no number from 0."""
    _number(what, value)
    if value < 0:
        raise DefinitionError(f"a {what} is at least 0, not {value}")


def _number(what: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise DefinitionError(f"{what} is a number, not {shorten(value)}")
