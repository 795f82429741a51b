"""The engine: cheap predicates together in one pass, what is dear apart, and only counts and failing rows come back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from dovetail.errors import DovetailError, TaskTimeout
from dovetail.quality.checks._check import Check
from dovetail.quality.checks._engine import FrameChecks, outcome_of
from dovetail.quality.checks._found import Unevaluable
from dovetail.quality.checks.sql._dialect import LeftToArrow
from dovetail.quality.checks.sql._figures import WHOLE
from dovetail.quality.checks.sql._plans import Plan, ordinals
from dovetail.quality.checks.sql._rows import ROWS
from dovetail.quality.checks.sql._source import Source
from dovetail.quality.checks.sql._text import Sql, joined, say
from dovetail.spec import CheckOutcome


class SqlChecks(FrameChecks):
    """Base of engines whose frames are rows in a database. Implement :meth:`source`, and what ``FrameChecks`` asks for."""

    def source(self, value: Any, columns: Sequence[str]) -> Source:
        """The rows of a frame, with these of its columns at least."""
        raise NotImplementedError(f"{type(self).__name__} does not implement source()")

    def outcomes(self, checks: Sequence[Check], value: Any) -> list[CheckOutcome | None]:
        """Evaluate in the database what it surely counts as Arrow does."""
        started = time.perf_counter()
        source = self.source(value, list(dict.fromkeys(name for check in checks for name in check.info.columns)))
        plans = {n: plan for n, check in enumerate(checks) if (plan := _plan(check, source)) is not None}
        numbers = _counted(source, plans)
        rows = self.rows(value)
        marked = _marked(source, {n: plan for n, plan in plans.items() if n in numbers and plan.fails(numbers[n])})
        found = {n: _told(plans[n], numbers[n], rows, marked.get(n)) for n in numbers}
        each = (time.perf_counter() - started) * 1000 / max(len(plans), 1)
        for outcome in found.values():
            if outcome is not None:
                outcome.duration_ms = each
        return [found.get(n) for n in range(len(checks))]


def _plan(check: Check, source: Source) -> Plan | None:
    make = ROWS.get(check.info.kind) or WHOLE.get(check.info.kind)
    try:
        return None if make is None else make(check, source)
    except LeftToArrow:
        return None


def _counted(source: Source, plans: dict[int, Plan]) -> dict[int, list[Any]]:
    """The aggregates of each plan, in one pass; without those whose guard finds something, and that the database refuses."""
    asked: list[Sql] = []
    places: dict[int, slice] = {}
    for n, plan in plans.items():
        wanted = (*plan.aggregates, *(say("count(case when ", guard, " then 1 end)") for guard in plan.guards))
        places[n] = slice(len(asked), len(asked) + len(wanted))
        asked += wanted
    if not asked:
        return {n: [] for n in plans}
    named = [say(each, f" as n{number}") for number, each in enumerate(asked)]
    try:
        answer = source.fetch(say("select ", joined(", ", named), " from ", source.table))
    except Exception as error:
        _reraise(error)
        if len(plans) == 1:
            return {}
        return {n: numbers for one in plans for n, numbers in _counted(source, {one: plans[one]}).items()}
    row = [column[0].as_py() for column in answer.columns]
    found = {}
    for n, plan in plans.items():
        told = row[places[n]]
        count = len(plan.aggregates)
        if not any(told[count:]):
            found[n] = told[:count]
    return found


def _marked(source: Source, plans: dict[int, Plan]) -> dict[int, Any]:
    """The ordinals of the rows that fail, of each plan, in one pass over those that fail any."""
    import pyarrow as pa
    import pyarrow.compute as pc

    marks = {n: plan.marks for n, plan in plans.items()}
    if not marks:
        return {}
    conditions = [say("(", mark, ")") for mark in marks.values() if mark is not None]
    flags = [say("case when ", each, f" then 1 else 0 end as f{number}") for number, each in enumerate(conditions)]
    row = f"{source.row} as r"
    asked = say("select ", joined(", ", [row, *flags]), " from ", source.table, " where ", joined(" or ", conditions))
    try:
        answer = source.fetch(asked)
    except Exception as error:
        _reraise(error)
        return {}
    return {
        n: ordinals(answer.filter(pc.equal(answer.column(number).cast(pa.int64()), pa.scalar(1, pa.int64()))))
        for number, n in enumerate(marks, start=1)
    }


def _told(plan: Plan, numbers: list[Any], rows: int, marked: Any) -> CheckOutcome | None:
    """What a plan makes of its numbers; None where it is left to Arrow after all."""
    if plan.fails(numbers) and (marked is None or len(marked) != int(numbers[0])):
        return None
    try:
        found = plan.found(numbers, rows, ordinals(None) if marked is None and plan.marks is not None else marked)
    except Unevaluable as error:
        return CheckOutcome(plan.check.info, "error", message=str(error))
    except LeftToArrow:
        return None
    except Exception as error:
        _reraise(error)
        return None
    return outcome_of(plan.check, found)


def _reraise(error: Exception) -> None:
    """Raise what another question would not mend: the database is gone, or time is up. Else Arrow says what is wrong."""
    if isinstance(error, DovetailError) and (error.kind == "platform" or isinstance(error, TaskTimeout)):
        raise error
