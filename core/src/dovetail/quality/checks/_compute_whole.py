"""How checks of whole tables are computed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from dovetail.errors import listing
from dovetail.quality.checks._check import Check
from dovetail.quality.checks._found import Found, Unevaluable, no_column, values_of


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


def _dtype(check: Check, table: Any) -> Found:
    from dovetail.types.arrow import fits_type

    kind = table.schema.field(check.info.columns[0]).type
    return Found(1, int(not fits_type(kind, check.params["declared"])), observed=str(kind))


def _mean(column: Any, check: Check) -> Any:
    import pyarrow.compute as pc

    return pc.mean(column).as_py()


def _stddev(column: Any, check: Check) -> Any:
    import pyarrow.compute as pc

    return pc.stddev(column, ddof=1).as_py() if len(column) - column.null_count > 1 else None


def _quantile(column: Any, check: Check) -> Any:
    import pyarrow.compute as pc

    return pc.quantile(column, q=check.params["quantile"], interpolation="linear")[0].as_py()


_FIGURES: dict[str, tuple[Callable[[Any, Check], Any], str]] = {
    "mean": (_mean, "there is no value to take the mean of"),
    "stddev": (_stddev, "a standard deviation takes two values at least"),
    "quantile": (_quantile, "there is no value to take the quantile of"),
}


def _figure(check: Check, table: Any) -> Found:
    make, _ = _FIGURES[check.info.kind]
    return judge_figure(check, make(values_of(table, check.info.columns[0]), check))


def judge_figure(check: Check, figure: Any) -> Found:
    """What a mean, a standard deviation or a quantile says; None: there is none."""
    if figure is None:
        raise Unevaluable(_FIGURES[check.info.kind][1])
    fine = check.params["minimum"] <= figure <= check.params["maximum"]
    return Found(1, int(not fine), observed=float(figure))


def _sum(check: Check, table: Any) -> Found:
    import pyarrow.compute as pc

    return judge_sums(check, [pc.sum(values_of(table, name), min_count=0).as_py() for name in check.info.columns])


def judge_sums(check: Check, sums: list[Any]) -> Found:
    """What the sums of the one or two columns of a check say."""
    wanted = sums[1] if len(sums) > 1 else check.params["expected"]
    kinds = {type(sums[0]), type(wanted)}
    difference = sums[0] - wanted if len(kinds) == 1 or kinds <= {int, float} else float(sums[0]) - float(wanted)
    observed = {"sum": _plain(sums[0]), "expected": _plain(wanted), "difference": _plain(difference)}
    return Found(1, int(not abs(difference) <= check.params["tolerance"]), observed=observed)


def _plain(value: Any) -> int | float:
    return value if isinstance(value, (int, float)) else float(value)


def _freshness(check: Check, table: Any) -> Found:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column(check.info.columns[0])
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)  # nanoseconds have no Python value
    elif not pa.types.is_date(column.type):
        raise Unevaluable(f"the column is of type {column.type}, not of timestamps or dates")
    newest = pc.max(column).as_py()
    if newest is None:
        raise Unevaluable("there is no instant")
    if not isinstance(newest, datetime):
        assert isinstance(newest, date)
        newest = datetime.combine(newest, time(), UTC)
    newest = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
    age = (datetime.now(UTC) - newest).total_seconds()
    observed = {"newest": newest.astimezone(UTC).isoformat(), "age_seconds": round(age, 3)}
    return Found(1, int(age > check.params["seconds"]), observed=observed)


WHOLE: dict[str, Callable[[Check, Any], Found]] = {
    "row_count": _row_count,
    "column_exists": _columns_present,
    "dtype": _dtype,
    "mean": _figure,
    "stddev": _figure,
    "quantile": _figure,
    "sum": _sum,
    "freshness": _freshness,
}
"""Evaluators of checks that are not row-scoped, by kind."""

OF_OUTLINES = frozenset({"row_count", "column_exists", "same_row_count"})
"""Kinds that look at the names of columns and the number of rows alone."""
