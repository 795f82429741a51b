"""How native checks are computed. Each predicate is evaluated once, into a mask of failing rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dovetail.errors import shorten
from dovetail.quality._arrays import arrow_array, arrow_scalar, no_ordinals, true_ordinals
from dovetail.quality.checks._check import Check
from dovetail.quality.checks._compute_expression import NoCondition, evaluate_expression, lengths
from dovetail.quality.checks._compute_reference import REFERRING, foreign_key
from dovetail.quality.checks._compute_whole import WHOLE
from dovetail.quality.checks._found import Found, Unevaluable, told_error, values_of, whole_bound


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

    column = values_of(table, check.info.columns[0])
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
        whole = whole_bound(bound, lower, closed, _int_limits(column.type))
        if isinstance(whole, bool):
            return pc.if_else(column.is_valid(), whole, None)
        bound, closed = whole
    _same_world(column, [bound])
    scalar = _scalar(bound, column.type)
    if lower:
        return pc.less(column, scalar) if closed else pc.less_equal(column, scalar)
    return pc.greater(column, scalar) if closed else pc.greater_equal(column, scalar)


def _int_limits(kind: Any) -> tuple[int, int]:
    import pyarrow as pa

    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1


def _same_world(column: Any, values: Sequence[Any]) -> None:
    """Arrow would take the number 5 for the fifth day of 1970; nobody who writes it means that."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type) and any(isinstance(value, (int, float)) for value in values):
        raise Unevaluable(f"the column is of type {column.type}, and a number is nothing of that")


def _scalar(value: Any, kind: Any) -> Any:
    """The value in the column's type where that holds it, else in its own."""
    import pyarrow as pa

    try:
        return arrow_scalar(value, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return arrow_scalar(value)


def _in_set(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    column = values_of(table, check.info.columns[0])
    _same_world(column, check.params["values"])
    values = arrow_array([v for v in check.params["values"] if v is not None], column.type)
    missing = pc.invert(pc.is_in(column, value_set=values))
    if column.null_count:
        missing = pc.if_else(column.is_valid(), missing, None)
    return _failing(missing, check, table.num_rows)


def _regex(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    column = values_of(table, check.info.columns[0])
    whole = rf"\A(?:{check.params['pattern']})\z"
    return _failing(pc.invert(pc.match_substring_regex(column, whole)), check, table.num_rows)


def _compare(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    left, right = (values_of(table, name) for name in check.info.columns)
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
    key = _key([values_of(table, name) for name in check.info.columns])
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

    if ascends(key):
        return no_ordinals(), 0
    # One pass tells whether there are doubles at all; only then a second one looks for them.
    if len(pc.unique(key)) - (key.null_count > 0) == valid:
        return no_ordinals(), 0
    counted = pc.value_counts(key.drop_null())
    repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return true_ordinals(pc.is_in(key, value_set=repeated)), len(repeated)


def ascends(key: Any) -> bool:
    """True if every value is greater than the one before: cheap to see, and common for keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if key.null_count or len(key) < 2 or not (pa.types.is_integer(key.type) or pa.types.is_temporal(key.type)):
        return False
    return bool(pc.all(pc.less(key[:-1], key[1:])).as_py())


def _length(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    found = lengths(values_of(table, check.info.columns[0]))
    low, high = check.params["minimum"], check.params["maximum"]
    bad = pc.less(found, arrow_scalar(low, found.type))
    if high is not None:
        bad = pc.or_(bad, pc.greater(found, arrow_scalar(min(high, 2**31 - 1), found.type)))
    return _failing(bad, check, table.num_rows)


def _monotonic(check: Check, table: Any) -> Found:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = values_of(table, check.info.columns[0])
    there = column.drop_null()
    if len(there) < 2:
        return Found(len(there), 0, no_ordinals())
    words = {
        (False, False): "less",
        (True, False): "less_equal",
        (False, True): "greater",
        (True, True): "greater_equal",
    }
    wrong = words[check.params["strict"], check.params["descending"]]
    later = true_ordinals(pc.call_function(wrong, [there[1:], there[:-1]])).cast(pa.int64())
    rows = pc.add(later, arrow_scalar(1))
    if column.null_count:
        rows = true_ordinals(column.is_valid()).take(rows)
    return Found(len(there), len(rows), rows)


def _expression(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    def column(name: str) -> Any:
        return values_of(table, name)

    try:
        fine = evaluate_expression(check.params["tree"], column, table.num_rows)
    except NoCondition as error:
        raise Unevaluable(str(error)) from None
    return _failing(pc.invert(fine), check, table.num_rows)


def _custom(check: Check, table: Any) -> Found:
    """What the user's function says. Whatever it raises makes the check an error, and errors block."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seen = table.select(list(check.info.columns))
    try:
        said = check.params["function"](seen)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit: a check that ends the process must not end it well
        raise Unevaluable(told_error(error)) from error
    if not check.info.row_scoped:
        if said is not True and said is not False and type(said).__name__ not in ("bool", "bool_"):
            raise Unevaluable(f"the function returned {shorten(said)}, not True or False")
        return Found(1, int(not said))
    try:
        mask = said if isinstance(said, (pa.Array, pa.ChunkedArray)) else pa.array(said)
    except Exception:
        raise Unevaluable(f"the function returned {shorten(said)}, not one truth for each row") from None
    if not pa.types.is_boolean(mask.type) or len(mask) != table.num_rows:
        raise Unevaluable(
            f"the function returned {len(mask):,} values of type {mask.type}, not one truth for each of {table.num_rows:,} rows"
        )
    return _failing(pc.invert(mask), check, table.num_rows)


EVALUATORS: dict[str, Callable[[Check, Any], Found]] = {
    "not_null": _not_null,
    "unique": _unique,
    "in_range": _in_range,
    "in_set": _in_set,
    "regex": _regex,
    "compare": _compare,
    "length": _length,
    "monotonic": _monotonic,
    "expression": _expression,
    "custom": _custom,
    "foreign_key": lambda check, table: foreign_key(check, table, _key, _failing),
    **REFERRING,
    **WHOLE,
}
