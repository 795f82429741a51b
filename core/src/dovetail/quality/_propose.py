"""A suite proposed from the look of some data: what holds for every row now, for somebody to go over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dovetail.errors import DataError
from dovetail.quality._arrays import true_ordinals

if TYPE_CHECKING:
    import pyarrow as pa

_FEW = 12
"""Values of which a set is made."""
_OFTEN = 10
"""How often each of them occurs on average at least."""
_ROWS_OF_A_KEY = 20
"""Rows from which on it means something that no value occurs twice."""


def propose(table: pa.Table) -> list[dict[str, Any]]:
    """Checks that the table passes, as entries of a document.

    Columns and their types; what is never null; what is unique; sets of few values; the range of numbers, rounded outwards to two
    digits; at least half as many rows. Columns without a name, and several of one name, are left out: no check can mean them.

    Args:
        table: The data.

    Raises:
        DataError: It has no rows, or no columns: nothing can be learnt from it.
    """
    if not table.num_rows or not table.num_columns:
        raise DataError(
            f"nothing can be learnt from a table of {table.num_rows} rows and {table.num_columns} columns",
            fix="give data as they should be",
        )
    names = [name for name in table.column_names if name and table.column_names.count(name) == 1]
    found: list[dict[str, Any]] = [
        {"check": "row_count", "minimum": max(1, table.num_rows // 2)},
        {"check": "columns_present", "columns": names},
    ]
    for name in names:
        found.extend(_of_column(name, table.column(name)))
    return found


def _of_column(name: str, column: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = column.type.value_type if t.is_dictionary(column.type) else column.type
    column = column.cast(kind) if kind != column.type else column
    if _named(kind):
        yield {"check": "has_type", "column": name, "kind": str(kind)}
    whole = not len(true_ordinals(column.is_null(nan_is_null=True)))
    if whole:
        yield {"check": "not_null", "column": name}
    if t.is_nested(kind) or t.is_null(kind) or isinstance(kind, pa.BaseExtensionType):
        return
    text = t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind)
    if not (text or t.is_integer(kind) or t.is_floating(kind)):
        return
    values = pc.unique(column.drop_null())
    rows = len(column) - column.null_count
    if whole and not t.is_floating(kind) and rows == len(values) >= _ROWS_OF_A_KEY:
        yield {"check": "unique", "columns": [name]}
    elif text and 0 < len(values) <= _FEW and rows >= _OFTEN * len(values):
        yield {"check": "in_set", "column": name, "values": sorted(values.to_pylist())}
    elif not text:
        yield from _range(name, column)


def _range(name: str, column: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    import pyarrow.compute as pc
    import pyarrow.types as t

    if t.is_floating(column.type):
        if pc.any(pc.is_inf(column)).as_py():
            return  # a range up to infinity says nothing
        column = column.filter(pc.is_finite(column))
    low, high = (bound.as_py() for bound in pc.min_max(column).values())
    if low is None:
        return
    if t.is_integer(column.type) and low >= 0 and high <= 1:
        yield {"check": "in_set", "column": name, "values": sorted({low, high})}
        return
    yield {
        "check": "in_range",
        "column": name,
        "minimum": _outwards(low, math.floor),
        "maximum": _outwards(high, math.ceil),
    }


def _outwards(bound: float, rounding: Any) -> int | float:
    """A bound with two digits that mean something, further out than the value."""
    if bound == 0:
        return bound
    unit = math.floor(math.log10(abs(bound))) - 1
    if isinstance(bound, int):
        step = 10 ** max(unit, 0)
        return int(bound // step * step if rounding is math.floor else -(-bound // step) * step)
    if not -300 < unit < 300:
        return bound
    rounded = float(f"{rounding(bound / 10.0**unit)}e{unit}")
    fits = rounded <= bound if rounding is math.floor else rounded >= bound
    return rounded if fits else bound


def _named(kind: pa.DataType) -> bool:
    from dovetail.types.arrow import declared_type

    try:
        declared_type(str(kind))
    except ValueError:
        return False
    return True
