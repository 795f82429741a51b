"""How native checks are computed. Each predicate is evaluated once, into a mask of failing rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.errors import listing, nearest
from dovetail.quality._arrays import arrow_array, arrow_scalar, no_ordinals, true_ordinals
from dovetail.quality.checks._define import Check


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


def _column(table: Any, name: str) -> Any:
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


def _failing(bad: Any, check: Check, rows: int) -> Found:
    """What a mask says: True fails, null was not evaluated because an operand was null."""
    import pyarrow.compute as pc

    evaluated = rows
    if check.nulls == "fail":
        bad = pc.fill_null(bad, arrow_scalar(True))
    else:
        evaluated = rows - bad.null_count
    ordinals = true_ordinals(bad)
    return Found(evaluated, len(ordinals), ordinals)


def _not_null(check: Check, table: Any) -> Found:
    column = table.column(check.info.columns[0])
    bad = true_ordinals(column.is_null(nan_is_null=True))
    return Found(table.num_rows, len(bad), bad)


def _in_range(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    column = _column(table, check.info.columns[0])
    inclusive = check.params["inclusive"]
    bad = None
    for bound, lower, closed in (
        (check.params["minimum"], True, inclusive in ("both", "left")),
        (check.params["maximum"], False, inclusive in ("both", "right")),
    ):
        if bound is not None:
            beyond = _beyond(column, bound, lower, closed)
            bad = beyond if bad is None else pc.or_(bad, beyond)
    return _failing(bad, check, table.num_rows)


def _beyond(column: Any, bound: Any, lower: bool, closed: bool) -> Any:
    """Mask of values on the wrong side of one bound; null where the value is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(column.type) and isinstance(bound, (int, float)):
        if isinstance(bound, float) and math.isinf(bound):
            outside = (bound > 0) == lower  # everything is below +inf, nothing below -inf
            return pc.if_else(column.is_valid(), outside, None)
        # The same comparison with an int bound that the column's type can hold: no rounding, no overflow.
        if isinstance(bound, float) and not bound.is_integer():
            bound, closed = (math.ceil(bound) if lower else math.floor(bound)), True
        bound = int(bound)
        low, high = _int_limits(column.type)
        if not low <= bound <= high:
            outside = (bound > high) == lower
            return pc.if_else(column.is_valid(), outside, None)
    scalar = _scalar(bound, column.type)
    if lower:
        return pc.less(column, scalar) if closed else pc.less_equal(column, scalar)
    return pc.greater(column, scalar) if closed else pc.greater_equal(column, scalar)


def _int_limits(kind: Any) -> tuple[int, int]:
    import pyarrow as pa

    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1


def _scalar(value: Any, kind: Any) -> Any:
    """The value in the column's type where that holds it, else in its own."""
    import pyarrow as pa

    try:
        return arrow_scalar(value, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return arrow_scalar(value)


def _in_set(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    column = _column(table, check.info.columns[0])
    values = arrow_array([v for v in check.params["values"] if v is not None], column.type)
    missing = pc.invert(pc.is_in(column, value_set=values))
    if column.null_count:
        missing = pc.if_else(column.is_valid(), missing, None)
    return _failing(missing, check, table.num_rows)


def _regex(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    column = _column(table, check.info.columns[0])
    whole = rf"\A(?:{check.params['pattern']})\z"
    return _failing(pc.invert(pc.match_substring_regex(column, whole)), check, table.num_rows)


def _compare(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    left, right = (_column(table, name) for name in check.info.columns)
    opposite = {
        "<": pc.greater_equal,
        "<=": pc.greater,
        "==": pc.not_equal,
        "!=": pc.equal,
        ">=": pc.less,
        ">": pc.less_equal,
    }
    return _failing(opposite[check.params["op"]](left, right), check, table.num_rows)


def _unique(check: Check, table: Any) -> Found:
    import pyarrow as pa

    rows = table.num_rows
    key = _key([_column(table, name) for name in check.info.columns])
    valid = rows - key.null_count
    doubled, keys = _doubled(key, valid)
    if check.nulls == "fail" and valid < rows:
        nulls = true_ordinals(key.is_null()).cast(pa.int64())
        both = pa.concat_arrays([doubled.cast(pa.int64()), nulls])
        return Found(rows, len(both), both.sort(), keys)
    return Found(valid, len(doubled), doubled, keys)


def _key(columns: list[Any]) -> Any:
    """One column that is equal where all columns are equal, and null where any of them is null."""
    import pyarrow.compute as pc

    if len(columns) == 1:
        return columns[0]
    key, size = _codes(columns[0])
    for column in columns[1:]:
        codes, count = _codes(column)
        if size * count >= 2**62:  # number the keys anew; there are no more of them than rows
            key, size = _codes(key)
        key = pc.add(pc.multiply(key, arrow_scalar(max(count, 1))), codes)
        size *= max(count, 1)
    return key


def _codes(column: Any) -> tuple[Any, int]:
    """The values of a column as numbers from 0, and how many there are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(column.combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):  # too much text for one chunk
        chunks = encoded.unify_dictionaries().chunks
        codes = pa.chunked_array([chunk.indices for chunk in chunks], pa.int32())
        return codes.cast(pa.int64()), len(chunks[0].dictionary)
    return encoded.indices.cast(pa.int64()), len(encoded.dictionary)


def _doubled(key: Any, valid: int) -> tuple[Any, int]:
    """Ordinals of values that occur more than once, and how many such values there are."""
    import pyarrow.compute as pc

    if _ascends(key):
        return no_ordinals(), 0
    # One pass tells whether there are doubles at all; only then a second one looks for them.
    if len(pc.unique(key)) - (key.null_count > 0) == valid:
        return no_ordinals(), 0
    counted = pc.value_counts(key.drop_null())
    repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return true_ordinals(pc.is_in(key, value_set=repeated)), len(repeated)


def _ascends(key: Any) -> bool:
    """True if every value is greater than the one before: cheap to see, and common for keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if key.null_count or len(key) < 2 or not (pa.types.is_integer(key.type) or pa.types.is_temporal(key.type)):
        return False
    return bool(pc.all(pc.less(key[:-1], key[1:])).as_py())


def _row_count(check: Check, table: Any) -> Found:
    low, high = check.params["minimum"], check.params["maximum"]
    fine = table.num_rows >= low and (high is None or table.num_rows <= high)
    return Found(1, int(not fine), observed=table.num_rows)


def _columns_present(check: Check, table: Any) -> Found:
    wanted, there = check.info.columns, table.column_names
    missing = [name for name in wanted if name not in there]
    extra = [name for name in there if name not in wanted] if check.params["exact"] else []
    observed = {"missing": missing, "extra": extra} if missing or extra else None
    message = no_column(missing, there) if missing else f"not expected: {listing(extra)}" if extra else ""
    return Found(1, int(bool(missing or extra)), observed=observed, message=message)


def _mean(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    mean = pc.mean(_column(table, check.info.columns[0])).as_py()
    if mean is None:
        raise Unevaluable("there is no value to take the mean of")
    fine = check.params["minimum"] <= mean <= check.params["maximum"]
    return Found(1, int(not fine), observed=float(mean))


EVALUATORS: dict[str, Callable[[Check, Any], Found]] = {
    "not_null": _not_null,
    "unique": _unique,
    "in_range": _in_range,
    "in_set": _in_set,
    "regex": _regex,
    "compare": _compare,
    "row_count": _row_count,
    "column_exists": _columns_present,
    "mean": _mean,
}
