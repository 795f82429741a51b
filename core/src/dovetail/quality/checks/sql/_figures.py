"""Checks of whole tables as SQL.

Sums of floats depend on the order of the rows, by something in their last digits. A figure decides here only where a bound is
farther away than that; else Arrow decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from dovetail.quality.checks._check import Check
from dovetail.quality.checks._found import Found, Unevaluable
from dovetail.quality.checks.sql._dialect import Column, LeftToArrow
from dovetail.quality.checks.sql._plans import FigurePlan, Plan
from dovetail.quality.checks.sql._source import Source
from dovetail.quality.checks.sql._text import Sql, say

_EPSILON = 2.0**-52


def _numbers(check: Check, source: Source) -> tuple[Column, Sql]:
    column = source.columns[check.info.columns[0]]
    if column.family not in ("int", "float") or column.limits[1] >= 2**63:
        raise LeftToArrow
    return column, source.dialect.value(column)


def _mean(check: Check, source: Source) -> Plan:
    column, value = _numbers(check, source)
    aggregates = (say("count(", value, ")"), say("sum(", value, ")"), say("sum(abs(", value, "))"))

    def make(numbers: Sequence[Any], rows: int) -> Found:
        count = int(numbers[0])
        if not count:
            raise Unevaluable("there is no value to take the mean of")
        if column.family == "int":
            return _between(check, _whole(numbers[1]) / count, 0.0)
        return _between(check, _finite(numbers[1]) / count, _EPSILON * _finite(numbers[2]))

    return FigurePlan(check, source, aggregates if column.family == "float" else aggregates[:2], make=make)


def _stddev(check: Check, source: Source) -> Plan:
    _, value = _numbers(check, source)
    if source.dialect.stddev is None:
        raise LeftToArrow
    real = say("cast(", value, f" as {source.dialect.double})")
    aggregates = (
        say("count(", value, ")"),
        say(f"{source.dialect.stddev}(", real, ")"),
        say("max(abs(", real, "))"),
    )

    def make(numbers: Sequence[Any], rows: int) -> Found:
        count = int(numbers[0])
        if count < 2:
            raise Unevaluable("a standard deviation takes two values at least")
        deviation, largest = _finite(numbers[1]), _finite(numbers[2])
        if not deviation:
            raise LeftToArrow
        error = count * _EPSILON * (1 + (largest / deviation) ** 2)
        return _between(check, deviation, deviation * min(error, 1.0))

    return FigurePlan(check, source, aggregates, make=make)


def _quantile(check: Check, source: Source) -> Plan:
    _, value = _numbers(check, source)

    def make(numbers: Sequence[Any], rows: int) -> Found:
        count = int(numbers[0])
        if not count:
            raise Unevaluable("there is no value to take the quantile of")
        place = (count - 1) * check.params["quantile"]
        lower = int(place)
        asked = say("select ", value, " as v from ", source.table, " where ", value, " is not null order by ", value)
        column = source.fetch(say(asked, f" limit {1 if place == lower else 2} offset {lower}")).column(0)
        values = [float(number.as_py()) for number in column]
        share = place - lower
        return _between(check, share * values[1] + (1 - share) * values[0] if share else values[0], 0.0)

    return FigurePlan(check, source, (say("count(", value, ")"),), make=make)


def _sum(check: Check, source: Source) -> Plan:
    columns = [source.columns[name] for name in check.info.columns]
    if any(column.family != "int" or column.limits[1] >= 2**63 for column in columns):
        raise LeftToArrow
    expected, tolerance = check.params["expected"], check.params["tolerance"]

    def make(numbers: Sequence[Any], rows: int) -> Found:
        sums = [0 if number is None else _whole(number) for number in numbers]
        wanted = sums[1] if len(sums) > 1 else expected
        difference = sums[0] - wanted
        observed = {"sum": sums[0], "expected": wanted, "difference": difference}
        return Found(1, int(not abs(difference) <= tolerance), observed=observed)

    aggregates = tuple(say("sum(", source.dialect.value(column), ")") for column in columns)
    return FigurePlan(check, source, aggregates, make=make)


def _freshness(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    if column.family not in ("date", "moment", "instant"):
        raise LeftToArrow

    def make(numbers: Sequence[Any], rows: int) -> Found:
        newest = numbers[0]
        if newest is None:
            raise Unevaluable("there is no instant")
        if isinstance(newest, str):
            newest = datetime.fromisoformat(newest)
        if not isinstance(newest, datetime):
            if not isinstance(newest, date):
                raise LeftToArrow
            newest = datetime.combine(newest, time(), UTC)
        newest = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
        age = (datetime.now(UTC) - newest).total_seconds()
        observed = {"newest": newest.astimezone(UTC).isoformat(), "age_seconds": round(age, 3)}
        return Found(1, int(age > check.params["seconds"]), observed=observed)

    return FigurePlan(check, source, (say("max(", source.dialect.column(column), ")"),), make=make)


def _dtype(check: Check, source: Source) -> Plan:
    column = source.columns[check.info.columns[0]]
    if column.family not in source.dialect.settled or column.kind is None:
        raise LeftToArrow

    def make(numbers: Sequence[Any], rows: int) -> Found:
        from dovetail.types.arrow import fits_type

        return Found(1, int(not fits_type(column.kind, check.params["declared"])), observed=str(column.kind))

    return FigurePlan(check, source, (), make=make)


def _between(check: Check, figure: float, error: float) -> Found:
    low, high = check.params["minimum"], check.params["maximum"]
    if not math.isfinite(figure) or (error and min(abs(figure - low), abs(figure - high)) <= error):
        raise LeftToArrow
    return Found(1, int(not low <= figure <= high), observed=figure)


def _whole(number: Any) -> int:
    """A sum of integers; beyond 64 bits Arrow has its own way."""
    found = int(number)
    if found != number or not -(2**63) <= found < 2**63:
        raise LeftToArrow
    return found


def _finite(number: Any) -> float:
    if number is None or not math.isfinite(number):
        raise LeftToArrow
    return float(number)


WHOLE: dict[str, Callable[[Check, Source], Plan]] = {
    "mean": _mean,
    "stddev": _stddev,
    "quantile": _quantile,
    "sum": _sum,
    "freshness": _freshness,
    "dtype": _dtype,
}
"""Compilers by kind of check."""
