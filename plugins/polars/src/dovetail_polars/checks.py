"""Native checks on polars frames: all predicates in one pass, each computed once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import polars as pl
from dovetail.errors import DovetailError
from dovetail.quality.checks import Check
from dovetail.quality.checks.engines import FrameChecks, whole_bound
from dovetail.spec import CheckOutcome

from dovetail_polars._patterns import in_polars
from dovetail_polars.transformers import from_arrow

_INTS = {
    pl.Int8: (-(2**7), 2**7 - 1),
    pl.Int16: (-(2**15), 2**15 - 1),
    pl.Int32: (-(2**31), 2**31 - 1),
    pl.Int64: (-(2**63), 2**63 - 1),
    pl.UInt8: (0, 2**8 - 1),
    pl.UInt16: (0, 2**16 - 1),
    pl.UInt32: (0, 2**32 - 1),
    pl.UInt64: (0, 2**64 - 1),
}
_NO_ROWS = pl.Series([], dtype=pl.UInt32)
_FLOATS = (pl.Float32, pl.Float64)


class LeftToArrow(Exception):
    """Polars would count something else, or it is not sure."""


class PolarsChecks(FrameChecks):
    """Evaluates native suites on ``polars.DataFrame`` and on Arrow tables, whose memory it shares."""

    name: ClassVar[str] = "polars"

    def frames(self, suite: Any) -> tuple[str, ...]:
        """Frames of polars; Arrow tables at no cost."""
        return ("polars.DataFrame", "pyarrow.Table")

    def version(self) -> str:
        """Version of polars."""
        return pl.__version__

    def columns(self, value: Any) -> list[str]:
        """The names of the frame's columns."""
        return list(value.columns if isinstance(value, pl.DataFrame) else value.column_names)

    def rows(self, value: Any) -> int:
        """The number of the frame's rows."""
        return int(value.height if isinstance(value, pl.DataFrame) else value.num_rows)

    def to_arrow(self, value: Any, columns: Sequence[str]) -> Any:
        """These columns as an Arrow table."""
        if not isinstance(value, pl.DataFrame):
            return value.select(list(columns))
        return value.select(columns).to_arrow()

    def outcomes(self, checks: Sequence[Check], value: Any) -> list[CheckOutcome | None]:
        """Evaluate what polars surely counts as Arrow does."""
        if not isinstance(value, pl.DataFrame):
            try:
                value = _of_arrow(value, {column for check in checks for column in check.info.columns})
            except DovetailError:  # a column for which polars has no type
                return [None] * len(checks)
        plans = [_plan(check, value) for check in checks]
        started = time.perf_counter()
        try:
            found = _computed(plans, value)
            milliseconds = (time.perf_counter() - started) * 1000 / len(checks)
            return [_outcome(plan, found.get(n), value, milliseconds) for n, plan in enumerate(plans)]
        except Exception:  # polars raises panics, too; whatever it was, Arrow says what is wrong, check by check
            return [None] * len(checks)


def _computed(plans: Sequence[_Plan | None], frame: pl.DataFrame) -> dict[int, Any]:
    """What was asked for: the masks of rows in one pass, the figures in another one at the same time."""
    asked = [(n, plan.expression.alias(str(n)), plan.masks) for n, plan in enumerate(plans) if plan is not None]
    masks = [expression for _, expression, is_mask in asked if is_mask]
    figures = [expression for _, expression, is_mask in asked if not is_mask]
    made = pl.collect_all([frame.lazy().select(wanted) for wanted in (masks, figures) if wanted])
    columns = {name: frame.get_column(name) for frame in made for name in frame.columns}
    return {n: columns[str(n)] if is_mask else columns[str(n)][0] for n, _, is_mask in asked}


def _of_arrow(table: Any, columns: set[str]) -> pl.DataFrame:
    names = [name for name in table.column_names if name in columns]
    return from_arrow(table.select(names))


@dataclass(slots=True)
class _Plan:
    """How a check is computed, and what the result says: a mask of rows, or one figure."""

    check: Check
    expression: pl.Expr
    finish: Callable[[Check, Any, pl.DataFrame], CheckOutcome]
    masks: bool = False


def _plan(check: Check, frame: pl.DataFrame) -> _Plan | None:
    make = _PLANNERS.get(check.info.kind)
    if make is None:
        return None
    try:
        return make(check, frame)
    except LeftToArrow:
        return None


def _outcome(plan: _Plan | None, value: Any, frame: pl.DataFrame, milliseconds: float) -> CheckOutcome | None:
    if plan is None:
        return None
    outcome = plan.finish(plan.check, value, frame)
    outcome.duration_ms = milliseconds
    return outcome


def _values(frame: pl.DataFrame, name: str) -> tuple[pl.Expr, Any]:
    """A column with NaN as null and categories as text, and the type that it then has."""
    kind = frame.schema[name]
    column = pl.col(name)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        return column.cast(pl.String), pl.String()
    if kind in _FLOATS:
        return column.fill_nan(None), kind
    return column, kind


# -- rows ----------------------------------------------------------------------------------------------


def _failing(check: Check, bad: pl.Expr) -> _Plan:
    """A mask: True fails, null was not evaluated."""
    return _Plan(check, bad.fill_null(True) if check.nulls == "fail" else bad, _rows_said, masks=True)


def _rows_said(check: Check, bad: pl.Series, frame: pl.DataFrame) -> CheckOutcome:
    rows = bad.arg_true() if bad.any() else _NO_ROWS
    return _of_rows(check, frame.height - bad.null_count(), rows)


def _of_rows(check: Check, evaluated: int, rows: pl.Series, keys: int | None = None) -> CheckOutcome:
    ordinals = rows.cast(pl.Int64).to_arrow()
    return CheckOutcome(check.info, "evaluated", evaluated, len(rows), ordinals, keys)


def _not_null(check: Check, frame: pl.DataFrame) -> _Plan:
    column, _ = _values(frame, check.info.columns[0])
    return _failing(check, column.is_null())


def _in_range(check: Check, frame: pl.DataFrame) -> _Plan:
    column, kind = _values(frame, check.info.columns[0])
    inclusive = check.params["inclusive"]
    bad: pl.Expr | None = None
    for bound, lower, closed in (
        (check.params["minimum"], True, inclusive in ("both", "left")),
        (check.params["maximum"], False, inclusive in ("both", "right")),
    ):
        if bound is not None:
            beyond = _beyond(column, kind, bound, lower, closed)
            bad = beyond if bad is None else bad | beyond
    if bad is None:
        raise LeftToArrow
    return _failing(check, bad)


def _beyond(column: pl.Expr, kind: Any, bound: Any, lower: bool, closed: bool) -> pl.Expr:
    if type(kind) in _INTS and type(bound) in (int, float):
        whole = whole_bound(bound, lower, closed, _INTS[type(kind)])
        if isinstance(whole, bool):
            return pl.when(column.is_not_null()).then(whole)
        bound, closed = whole
    literal = _literal(bound, kind)
    if lower:
        return column < literal if closed else column <= literal
    return column > literal if closed else column >= literal


def _literal(value: Any, kind: Any) -> pl.Expr:
    """A constant of exactly a column's type."""
    if type(kind) in _INTS and type(value) is int:
        return pl.lit(value, dtype=kind)
    if kind == pl.Float64 and (type(value) is float or (type(value) is int and abs(value) <= 2**53)):
        return pl.lit(float(value), dtype=kind)
    if kind == pl.String and type(value) is str:
        return pl.lit(value, dtype=kind)
    if kind == pl.Date and type(value) is date:
        return pl.lit(value, dtype=kind)
    if isinstance(kind, pl.Datetime) and type(value) is datetime and kind.time_unit in ("us", "ns"):
        if kind.time_zone is None and value.tzinfo is None:
            return pl.lit(value, dtype=kind)
        if kind.time_zone is not None and value.tzinfo is not None:
            plain = value.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
            instant = pl.lit(plain, dtype=pl.Datetime(kind.time_unit)).dt.replace_time_zone("UTC")
            return instant.dt.convert_time_zone(kind.time_zone)
    raise LeftToArrow


def _in_set(check: Check, frame: pl.DataFrame) -> _Plan:
    column, kind = _values(frame, check.info.columns[0])
    values = [value for value in check.params["values"] if value is not None]
    if type(kind) in _INTS and all(type(value) is int for value in values):
        low, high = _INTS[type(kind)]
        if not all(low <= value <= high for value in values):
            raise LeftToArrow
    elif kind != pl.String or not all(type(value) is str for value in values):
        raise LeftToArrow
    return _failing(check, ~column.is_in(pl.Series(values, dtype=kind).implode()))


def _regex(check: Check, frame: pl.DataFrame) -> _Plan:
    column, kind = _values(frame, check.info.columns[0])
    pattern = in_polars(check.params["pattern"])
    if kind != pl.String or pattern is None:
        raise LeftToArrow
    return _failing(check, ~column.str.contains(pattern))


def _length(check: Check, frame: pl.DataFrame) -> _Plan:
    column, kind = _values(frame, check.info.columns[0])
    if kind == pl.String:
        size = column.str.len_chars()
    elif isinstance(kind, pl.List):
        size = column.list.len()
    else:
        raise LeftToArrow
    low, high = check.params["minimum"], check.params["maximum"]
    bad = size.cast(pl.Int64) < min(low, 2**62)
    return _failing(check, bad if high is None else bad | (size.cast(pl.Int64) > min(high, 2**62)))


def _compare(check: Check, frame: pl.DataFrame) -> _Plan:
    (left, left_kind), (right, right_kind) = (_values(frame, name) for name in check.info.columns)
    if left_kind != right_kind or left_kind.is_nested() or left_kind.is_decimal():
        raise LeftToArrow
    opposite: dict[str, Callable[[Any, Any], pl.Expr]] = {
        "<": lambda a, b: a >= b,
        "<=": lambda a, b: a > b,
        "==": lambda a, b: a != b,
        "!=": lambda a, b: a == b,
        ">=": lambda a, b: a < b,
        ">": lambda a, b: a <= b,
    }
    return _failing(check, opposite[check.params["op"]](left, right))


def _unique(check: Check, frame: pl.DataFrame) -> _Plan:
    columns = [_values(frame, name) for name in check.info.columns]
    # Of floats, Arrow and polars do not agree whether 0.0 and -0.0 are one key.
    if any(kind.is_nested() or kind.is_float() or kind in (pl.Object, pl.Null) for _, kind in columns):
        raise LeftToArrow
    keys = [column for column, _ in columns]
    if len(columns) == 1 and (type(columns[0][1]) in _INTS or columns[0][1].is_temporal()):
        return _Plan(check, keys[0].map_batches(_doubled, return_dtype=pl.Boolean), _keys_said, masks=True)
    there = pl.all_horizontal([key.is_not_null() for key in keys])
    key = keys[0] if len(keys) == 1 else pl.struct(keys)
    # Null where the key has a null, as any mask: such rows are not evaluated.
    return _Plan(check, pl.when(there).then(key.is_duplicated()), _keys_said, masks=True)


def _doubled(key: pl.Series) -> pl.Series:
    """A mask of values that occur twice, null for nulls. Numbers are put in order, which is faster than hashing all of them."""
    ordered = key.drop_nulls().sort()
    later = ordered.slice(1)
    repeated = later.filter(later == ordered.slice(0, len(later))).unique()
    return key.is_in(repeated.implode())


def _keys_said(check: Check, doubled: pl.Series, frame: pl.DataFrame) -> CheckOutcome:
    evaluated, count = frame.height - doubled.null_count(), 0
    if doubled.any():
        count = frame.lazy().select(check.info.columns).filter(doubled).collect().n_unique()
    if check.nulls == "fail":
        evaluated, doubled = frame.height, doubled.fill_null(True)
    return _of_rows(check, evaluated, doubled.arg_true() if doubled.any() else _NO_ROWS, count)


# -- figures -------------------------------------------------------------------------------------------


def _mean(check: Check, frame: pl.DataFrame) -> _Plan:
    column, kind = _values(frame, check.info.columns[0])
    if kind != pl.Float64 and type(kind) not in _INTS:
        raise LeftToArrow

    def finish(check: Check, mean: float | None, frame: pl.DataFrame) -> CheckOutcome:
        if mean is None:
            return CheckOutcome(check.info, "error", message="there is no value to take the mean of")
        fine = check.params["minimum"] <= mean <= check.params["maximum"]
        return CheckOutcome(check.info, "evaluated", 1, int(not fine), observed=float(mean))

    return _Plan(check, column.mean(), finish)


_PLANNERS: dict[str, Callable[[Check, pl.DataFrame], _Plan]] = {
    "not_null": _not_null,
    "unique": _unique,
    "in_range": _in_range,
    "in_set": _in_set,
    "regex": _regex,
    "length": _length,
    "compare": _compare,
    "mean": _mean,
}
