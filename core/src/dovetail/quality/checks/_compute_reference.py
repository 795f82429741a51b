"""How checks against other data are computed, once that data was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail.quality.checks._check import Check
from dovetail.quality.checks._compute_whole import judge_sums
from dovetail.quality.checks._found import Found, Unevaluable, no_column, values_of

Failing = Callable[[Any, Check, int], Found]
Key = Callable[[list[Any]], Any]


def foreign_key(check: Check, table: Any, key_of: Key, failing: Failing) -> Found:
    """See :func:`dovetail.quality.checks.foreign_key`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    other, rows = _other(check), table.num_rows
    sides = []
    for name, theirs in zip(check.info.columns, check.params["reference"].columns, strict=True):
        sides.append(_alike(values_of(table, name), values_of(other, theirs), name))
    # One column over both tables: equal keys get equal numbers, however many columns make them.
    both = key_of([pa.chunked_array([*own.chunks, *there.chunks], own.type) for own, there in sides])
    own, there = both.slice(0, rows), both.slice(rows)
    there = there.combine_chunks() if isinstance(there, pa.ChunkedArray) else there
    missing = pc.invert(pc.is_in(own, value_set=there.drop_null()))
    if own.null_count:
        missing = pc.if_else(own.is_valid(), missing, None)
    return failing(missing, check, rows)


def _reconciliation(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    column, there = check.info.columns[0], check.params["reference"].columns[0]
    sums = [
        pc.sum(values_of(side, name), min_count=0).as_py() for side, name in ((table, column), (_other(check), there))
    ]
    return judge_sums(check, sums)


def _same_row_count(check: Check, table: Any) -> Found:
    rows, wanted = table.num_rows, _other(check).num_rows
    observed = {"rows": rows, "expected": wanted, "difference": rows - wanted}
    return Found(1, int(abs(rows - wanted) > check.params["tolerance"]), observed=observed)


REFERRING: dict[str, Callable[[Check, Any], Found]] = {
    "reconciliation": _reconciliation,
    "same_row_count": _same_row_count,
}
"""Evaluators of checks of the whole table against other data, by kind."""


def _other(check: Check) -> Any:
    """The other data, as it was found for this evaluation."""
    reference, found = check.params["reference"], check.params.get("found")
    if found is None or isinstance(found, str):
        raise Unevaluable(f"{reference.told()}: {found or 'it was not looked for'}")
    for name in reference.columns:
        times = found.column_names.count(name)
        if times != 1:
            why = no_column([name], found.column_names) if not times else f"{times} columns are named {name!r}"
            raise Unevaluable(f"{reference.told()}: {why}")
    return found


def _alike(own: Any, there: Any, name: str) -> tuple[Any, Any]:
    """Two columns in one type in which equal values are equal."""
    import pyarrow as pa

    common = _common(own.type, there.type)
    if common is None:
        raise Unevaluable(f"{name!r} is of type {own.type}, what it refers to of type {there.type}")
    try:
        return own.cast(common), there.cast(common)
    except pa.ArrowException as error:
        raise Unevaluable(f"{name!r} cannot be compared with what it refers to ({own.type}, {there.type})") from error


def _common(own: Any, there: Any) -> Any:
    import pyarrow as pa
    import pyarrow.types as t

    if own.equals(there):
        return own
    if t.is_null(own) or t.is_null(there):
        return there if t.is_null(own) else own
    if t.is_integer(own) and t.is_integer(there):
        return pa.decimal128(20, 0) if pa.uint64() in (own, there) else pa.int64()
    if t.is_timestamp(own) and t.is_timestamp(there) and bool(own.tz) == bool(there.tz):
        unit = max(own.unit, there.unit, key=("s", "ms", "us", "ns").index)
        return pa.timestamp(unit, "UTC" if own.tz else None)
    if t.is_decimal(own) and t.is_decimal(there):
        scale = max(own.scale, there.scale)
        whole = max(own.precision - own.scale, there.precision - there.scale)
        return pa.decimal256(min(whole + scale, 76), scale)
    for is_kind, common in (
        (lambda k: t.is_string(k) or t.is_large_string(k) or t.is_string_view(k), pa.large_string()),
        (t.is_floating, pa.float64()),
        (lambda k: t.is_binary(k) or t.is_large_binary(k) or t.is_fixed_size_binary(k), pa.large_binary()),
        (t.is_date, pa.date64()),
        (t.is_time, pa.time64("ns")),
    ):
        if is_kind(own) and is_kind(there):
            return common
    return None
