"""Figures and orders that are found piece by piece: each keeps what it needs of the pieces before."""

from __future__ import annotations

import math
import time
from typing import Any

from dovetail.quality._arrays import arrow_scalar, no_ordinals
from dovetail.quality.checks._check import Check
from dovetail.quality.checks._compute_whole import judge_figure, judge_sums
from dovetail.quality.checks._engine import evaluate_check
from dovetail.quality.checks._found import Found, Unevaluable, values_of
from dovetail.spec import CheckOutcome


class State:
    """What a check needs of the rows that it has seen.

    Args:
        check: The check.
        schema: Columns of the table.
    """

    def __init__(self, check: Check, schema: Any) -> None:
        self.check, self.schema = check, schema
        self._milliseconds = 0.0
        self.kinds = [_value_type(schema.field(name).type) for name in check.info.columns]

    @property
    def mergeable(self) -> bool:
        """False: columns of these types are looked at as a whole."""
        return all(map(_is_number, self.kinds))

    def feed(self, table: Any, start: int) -> None:
        """Look at the next rows, the first of which is the row ``start`` of the table."""
        began = time.perf_counter()
        self.add(table, start)
        self._milliseconds += (time.perf_counter() - began) * 1000

    def outcome(self) -> CheckOutcome:
        """What the rows came to."""
        try:
            found = self.found()
        except Unevaluable as error:
            return CheckOutcome(self.check.info, "error", message=str(error), duration_ms=self._milliseconds)
        if isinstance(found, CheckOutcome):
            found.duration_ms += self._milliseconds
            return found
        return CheckOutcome(
            self.check.info,
            "evaluated",
            found.evaluated,
            found.failed,
            found.rows,
            observed=found.observed,
            message=found.message,
            duration_ms=self._milliseconds,
        )

    def add(self, table: Any, start: int) -> None:
        """Look at the next rows."""
        raise NotImplementedError

    def found(self) -> Found | CheckOutcome:
        """What the rows came to."""
        raise NotImplementedError


class _Sum:
    """The sum of numbers: exact of integers, and of other numbers rounded once for each piece."""

    def __init__(self) -> None:
        self.whole, self.parts, self.count = 0, [], 0  # type: int, list[float], int

    def add(self, column: Any) -> None:
        import pyarrow.compute as pc

        told = pc.sum(column, min_count=0).as_py()
        self.count += len(column) - column.null_count
        if isinstance(told, int):
            self.whole += told
        else:
            self.parts.append(told)

    def value(self) -> int | float:
        return _added(self.parts) if self.parts else self.whole


class _Mean(State):
    def __init__(self, check: Check, schema: Any) -> None:
        super().__init__(check, schema)
        self._sum = _Sum()

    def add(self, table: Any, start: int) -> None:
        self._sum.add(values_of(table, self.check.info.columns[0]))

    def found(self) -> Found:
        count = self._sum.count
        return judge_figure(self.check, self._sum.value() / count if count else None)


class _Deviation(State):
    """Count, mean and squared distance of the pieces, put together pairwise (Chan, Golub and LeVeque 1979)."""

    def __init__(self, check: Check, schema: Any) -> None:
        super().__init__(check, schema)
        self._count, self._mean, self._square = 0, 0.0, 0.0

    def add(self, table: Any, start: int) -> None:
        import pyarrow.compute as pc

        column = values_of(table, self.check.info.columns[0])
        count = len(column) - column.null_count
        if not count:
            return
        mean, square = pc.mean(column).as_py(), pc.variance(column, ddof=0).as_py() * count
        apart, total = mean - self._mean, self._count + count
        self._mean += apart * count / total
        self._square += square + apart * apart * self._count * count / total
        self._count = total

    def found(self) -> Found:
        count = self._count
        return judge_figure(self.check, math.sqrt(self._square / (count - 1)) if count > 1 else None)


class _Sums(State):
    def __init__(self, check: Check, schema: Any) -> None:
        super().__init__(check, schema)
        self._sums = {name: _Sum() for name in check.info.columns}

    def add(self, table: Any, start: int) -> None:
        for name, each in self._sums.items():
            each.add(values_of(table, name))

    def found(self) -> Found:
        return judge_sums(self.check, [self._sums[name].value() for name in self.check.info.columns])


class _Freshness(State):
    """The newest instant of each piece; the newest of those is that of the table."""

    def __init__(self, check: Check, schema: Any) -> None:
        super().__init__(check, schema)
        self._newest: list[Any] = []

    @property
    def mergeable(self) -> bool:
        import pyarrow.types as t

        return all(t.is_timestamp(kind) or t.is_date(kind) for kind in self.kinds)

    def add(self, table: Any, start: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        name = self.check.info.columns[0]
        newest = pc.max(table.column(name))
        if newest.is_valid:
            self._newest.append(pa.table({name: pa.repeat(newest, 1)}))

    def found(self) -> CheckOutcome:
        import pyarrow as pa

        name = self.check.info.columns[0]
        none = pa.schema([pa.field(name, self.kinds[0])]).empty_table()
        return evaluate_check(self.check, pa.concat_tables([none, *self._newest]))


class _Order(State):
    """The last value there was is put before the next rows, so that the first of them has one to follow."""

    def __init__(self, check: Check, schema: Any) -> None:
        super().__init__(check, schema)
        self._last: Any = None
        self._evaluated, self._rows = 0, []  # type: int, list[Any]
        self._broken: CheckOutcome | None = None

    @property
    def mergeable(self) -> bool:
        return True

    def add(self, table: Any, start: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._broken is not None:
            return
        name = self.check.info.columns[0]
        column = values_of(table, name)
        before = 0 if self._last is None else 1
        if before:
            column = pa.chunked_array([*self._last.chunks, *column.chunks], column.type)
        told: Any = evaluate_check(self.check, pa.table({name: column}))
        if told.status != "evaluated":
            self._broken = told
            return
        self._evaluated += told.n_evaluated - before
        if told.n_failed:
            self._rows.append(pc.add(told.failed_rows.cast(pa.int64()), arrow_scalar(start - before)))
        there = column.drop_null()
        self._last = there.slice(len(there) - 1) if len(there) else None

    def found(self) -> Found | CheckOutcome:
        import pyarrow as pa

        if self._broken is not None:
            return self._broken
        rows = pa.concat_arrays(self._rows or [no_ordinals()])
        return Found(self._evaluated, len(rows), rows)


def _value_type(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_number(kind: Any) -> bool:
    import pyarrow.types as t

    return bool(t.is_integer(kind) or t.is_float32(kind) or t.is_float64(kind) or t.is_boolean(kind))


def _added(parts: list[float]) -> float:
    try:
        return math.fsum(parts)
    except (OverflowError, ValueError):  # beyond what a float holds, or infinities of both signs
        return sum(parts)


STATES: dict[str, type[State]] = {
    "mean": _Mean,
    "stddev": _Deviation,
    "sum": _Sums,
    "freshness": _Freshness,
    "monotonic": _Order,
}
"""Kinds whose pieces are put together, and how."""
