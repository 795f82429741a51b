"""What is asked of the database for one check, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.quality.checks._check import Check
from dovetail.quality.checks._found import Found
from dovetail.quality.checks.sql._dialect import LeftToArrow
from dovetail.quality.checks.sql._source import Source
from dovetail.quality.checks.sql._text import Sql, joined, say


@dataclass(slots=True)
class Plan:
    """One check, compiled.

    Attributes:
        check: The check.
        source: The rows.
        aggregates: Asked for in one pass together with those of all other plans.
        guards: Conditions on rows; where one holds for any row, the check is left to Arrow.
    """

    check: Check
    source: Source
    aggregates: tuple[Sql, ...]
    guards: tuple[Sql, ...] = ()

    @property
    def marks(self) -> Sql | None:
        """True for failing rows, where they can be asked for in one pass together with those of all other plans."""
        return None

    def fails(self, numbers: Sequence[Any]) -> bool:
        """Whether there are rows to ask for, by the aggregates."""
        return False

    def found(self, numbers: Sequence[Any], rows: int, marked: Any) -> Found:
        """What came of it.

        Args:
            numbers: The aggregates.
            rows: Number of all rows.
            marked: Ordinals of the rows that are marked, if there are any.

        Raises:
            LeftToArrow: The numbers do not settle it.
        """
        raise NotImplementedError


@dataclass(slots=True)
class RowsPlan(Plan):
    """Each row for itself. The aggregates are the rows that fail, and those that are evaluated."""

    bad: Sql | None = None

    @property
    def marks(self) -> Sql | None:
        """The failing rows."""
        return self.bad

    def fails(self, numbers: Sequence[Any]) -> bool:
        """If the count says so."""
        return bool(numbers[0])

    def found(self, numbers: Sequence[Any], rows: int, marked: Any) -> Found:
        """The counts and the rows."""
        return Found(int(numbers[1]), int(numbers[0]), marked)


@dataclass(slots=True)
class KeysPlan(Plan):
    """Keys that occur more than once. The aggregate is the number of rows that have a key."""

    keys: tuple[Sql, ...] = ()

    def found(self, numbers: Sequence[Any], rows: int, marked: Any) -> Found:
        """First how many, which groups alone tell; then which rows, if there are any."""
        there = int(numbers[0])
        lacking = joined(" or ", [say(key, " is null") for key in self.keys])
        present = joined(" and ", [say(key, " is not null") for key in self.keys])
        count = self._doubled(there, present)
        failing = self.check.nulls == "fail"
        if not count and not (failing and there < rows):
            return Found(rows if failing else there, 0, ordinals(None), count)
        row = self.source.row
        # a row whose key lacks something has a count as well, which does not matter
        keys = joined(", ", self.keys)
        inner = say(f"select {row} as r, count(*) over (partition by ", keys, ") as n, case when ")
        inner = say(inner, lacking, " then 1 else 0 end as l from ", self.source.table)
        which = "l = 1 or n > 1" if failing else "l = 0 and n > 1"
        labels = ordinals(self.source.fetch(say("select r from (", inner, f") q where {which}")))
        return Found(rows if failing else there, len(labels), labels, count)

    def _doubled(self, there: int, present: Sql) -> int:
        """How many keys occur more than once."""
        table, keys = self.source.table, joined(", ", self.keys)
        if len(self.keys) == 1 and self.source.dialect.sorts_faster:
            distinct = self.source.fetch(say("select count(distinct ", keys, ") as n from ", table))
            if int(distinct.column(0)[0].as_py()) == there:
                return 0
        groups = say("select count(*) as n from ", table, " where ", present, " group by ", keys)
        counted = self.source.fetch(say("select count(*) as k from (", groups, " having count(*) > 1) d"))
        return int(counted.column(0)[0].as_py())


@dataclass(slots=True)
class OrderPlan(Plan):
    """Values beside the ones before. The aggregate is the number of values."""

    value: Sql | None = None
    wrong: str = "<"

    def found(self, numbers: Sequence[Any], rows: int, marked: Any) -> Found:
        """The rows whose value is on the wrong side of the one before."""
        assert self.value is not None
        row = self.source.row
        inner = say(f"select {row} as r, ", self.value, " as v, lag(", self.value, f") over (order by {row}) as p")
        inner = say(inner, " from ", self.source.table, " where ", self.value, " is not null")
        labels = ordinals(self.source.fetch(say("select r from (", inner, f") q where v {self.wrong} p")))
        return Found(int(numbers[0]), len(labels), labels)


@dataclass(slots=True)
class FigurePlan(Plan):
    """Something of the whole table, made of its aggregates."""

    make: Callable[[Sequence[Any], int], Found] | None = None

    def found(self, numbers: Sequence[Any], rows: int, marked: Any) -> Found:
        """What is made of the aggregates."""
        assert self.make is not None
        return self.make(numbers, rows)


def row_plan(check: Check, source: Source, bad: Sql, evaluated: Sql | None, *guards: Sql | None) -> RowsPlan:
    """A plan of a condition that is true where a row fails, and null where it is not evaluated.

    Args:
        check: The check.
        source: The rows.
        bad: The condition.
        evaluated: Null where the condition is, if that is cheaper to tell.
        guards: See :class:`Plan`.
    """
    if check.nulls == "fail":
        bad, evaluated = say("coalesce(", bad, ", 1 = 1)"), say("1")
    failed = say("count(case when ", bad, " then 1 end)")
    aggregates = (failed, say("count(", evaluated if evaluated is not None else bad, ")"))
    return RowsPlan(check, source, aggregates, tuple(g for g in guards if g is not None), bad=bad)


def ordinals(table: Any) -> Any:
    """The first column of an answer as ascending ordinals."""
    import pyarrow as pa

    from dovetail.quality._arrays import no_ordinals

    if table is None or not table.num_rows:
        return no_ordinals()
    found = table.column(0).cast(pa.int64()).combine_chunks()
    found = pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
    if found.null_count:
        raise LeftToArrow
    return found.sort()
