"""Further checks of rows: lengths, order, expressions, and functions of one's own. Nothing here looks at data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail.errors import DefinitionError, shorten
from dovetail.quality.checks._check import Check, Nulls, Severity, row_check, whole_check
from dovetail.quality.checks._expression import columns_of, parse_expression


def length(
    column: str, minimum: int = 0, maximum: int | None = None, *, nulls: Nulls = "ignore", severity: Severity = "error"
) -> Check:
    """Every text has between ``minimum`` and ``maximum`` characters (code points), every list so many members, every
    binary value so many bytes.

    Args:
        column: A column of text, binary values or lists.
        minimum: Least length.
        maximum: Greatest length; None: any.
        nulls: Whether nulls are ignored or fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    for bound in (minimum, maximum):
        if bound is not None and (type(bound) is not int or bound < 0):
            raise DefinitionError(f"a length is a whole number from 0, not {shorten(bound)}")
    if maximum is not None and maximum < minimum:
        raise DefinitionError(f"no length is between {minimum} and {maximum}", fix="give the least length first")
    expected = f"length >= {minimum:,}" if maximum is None else f"length {minimum:,} to {maximum:,}"
    params = {"minimum": minimum, "maximum": maximum}
    return row_check("length", (column,), params, expected, "conformity", severity, nulls)


def monotonic(column: str, *, strict: bool = False, descending: bool = False, severity: Severity = "error") -> Check:
    """The values ascend in the order of the rows. A row fails if its value is below that of the last row that has one.

    Args:
        column: A column of numbers, dates, times or text.
        strict: A value must not be equal to the one before either.
        descending: They descend instead.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    expected = ("strictly " if strict else "") + ("descending" if descending else "ascending")
    params = {"strict": strict, "descending": descending}
    return row_check("monotonic", (column,), params, expected, "consistency", severity)


def expression(text: str, *, nulls: Nulls = "ignore", severity: Severity = "error") -> Check:
    """A condition over the columns of a row holds: ``expression("arr_time >= dep_time and air_time / distance < 1")``.

    The text is read, never executed. It holds columns by name (any name as ``col("a name")``), constants,
    ``date("2026-01-31")``, ``timestamp("2026-01-31T12:00:00+00:00")``, ``+ - * /`` (null where the divisor is 0), comparisons,
    ``and``, ``or``, ``not``, ``in (...)``, ``is_null(x)``, ``coalesce(x, y)``, ``abs``, ``length``, ``lower``, ``upper``. A null
    makes what it stands in null, unless the other side of an ``and`` or ``or`` settles it; a row whose condition is null is not
    evaluated.

    Args:
        text: The condition.
        nulls: ``"fail"``: rows whose condition is null fail.
        severity: See :class:`~dovetail.spec.CheckInfo`.

    Raises:
        DefinitionError: It is no such condition, or names no column.
    """
    tree = parse_expression(text)
    columns = columns_of(tree)
    if not columns:
        raise DefinitionError(
            f"the expression {shorten(text)} names no column", fix='expression("dep_time <= arr_time")'
        )
    return row_check("expression", columns, {"tree": tree}, " ".join(text.split()), "consistency", severity, nulls)


def custom(
    function: Callable[[Any], Any],
    *columns: str,
    name: str | None = None,
    row_scoped: bool = True,
    severity: Severity = "error",
) -> Check:
    """A function of your own decides.

    Args:
        function: Takes a ``pyarrow.Table`` of the columns. For rows it returns a mask (an Arrow array, or anything that Arrow
            makes one of): True is fine, False fails, null was not evaluated. Otherwise it returns True or False.
        columns: Columns that it reads, at least one.
        name: For people, and part of the check's id; default is the function's name.
        row_scoped: Single rows can fail it.
        severity: See :class:`~dovetail.spec.CheckInfo`.
    """
    if not callable(function):
        raise DefinitionError(f"custom() takes a function, not {shorten(function)}", fix="custom(my_check, 'a', 'b')")
    if not columns:
        raise DefinitionError("custom() names no column", fix="custom(my_check, 'a', 'b')")
    told = str(name or getattr(function, "__name__", type(function).__name__))
    make = row_check if row_scoped else whole_check
    return make("custom", columns, {"function": function}, told, "accuracy", severity)
