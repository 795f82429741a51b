"""Native checks on rows that come a piece at a time and lie in a file in the end: the same counts as on the whole table."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from dovetail.quality._arrays import arrow_scalar, no_ordinals
from dovetail.quality.checks._check import Check, Suite
from dovetail.quality.checks._compute_whole import OF_OUTLINES
from dovetail.quality.checks._engine import Outline, evaluate_check, lacking
from dovetail.quality.checks._stream_states import STATES, State
from dovetail.quality.checks._stream_unique import unique_in_parts
from dovetail.spec import CheckEngine, CheckOutcome
from dovetail.types.table_files import TableFile, release_memory

LOCAL = frozenset({"not_null", "in_range", "in_set", "regex", "compare", "length", "expression"})
"""Kinds for which a row alone decides."""


@dataclass(slots=True)
class _Rows:
    """What a check found in the pieces so far."""

    evaluated: int = 0
    failed: int = 0
    rows: list[Any] = field(default_factory=list)
    milliseconds: float = 0.0
    broken: CheckOutcome | None = None

    def add(self, outcome: CheckOutcome, start: int) -> None:
        """Count an outcome of a piece whose first row is the row ``start`` of the table."""
        import pyarrow.compute as pc

        self.milliseconds += outcome.duration_ms
        if outcome.status != "evaluated":
            self.broken = outcome
            return
        self.evaluated += outcome.n_evaluated
        self.failed += outcome.n_failed
        if outcome.failed_rows is not None and len(outcome.failed_rows):
            self.rows.append(pc.add(_ordinals(outcome.failed_rows), arrow_scalar(start)))

    def outcome(self, check: Check) -> CheckOutcome:
        """For the whole table."""
        import pyarrow as pa

        if self.broken is not None:
            return self.broken
        rows = pa.concat_arrays(self.rows or [no_ordinals()])
        return CheckOutcome(check.info, "evaluated", self.evaluated, self.failed, rows, duration_ms=self.milliseconds)


class StreamChecks:
    """One evaluation of a suite: every piece to :meth:`feed`, in order, then :meth:`finish`.

    Checks that look at one row at a time are evaluated by the engine piece by piece; sums, means and the like are merged; what
    needs a column as a whole reads that column from the file.

    Args:
        suite: The native suite.
        schema: Columns of the table (``pyarrow.Schema``).
        engine: Evaluates native suites on ``pyarrow.Table``.
    """

    def __init__(self, suite: Suite, schema: Any, engine: CheckEngine) -> None:
        self._suite, self._schema, self._engine = suite, schema, engine
        self._fed = 0
        self._asked = False
        self._local: dict[int, _Rows] = {}
        self._states: dict[int, State] = {}
        for number, check in enumerate(suite.checks):
            kind = check.info.kind
            if kind in OF_OUTLINES or lacking(check, schema.names):
                continue
            if kind in LOCAL:
                self._local[number] = _Rows()
            elif kind in STATES:
                state = STATES[kind](check, schema)
                if state.mergeable:
                    self._states[number] = state

    @property
    def columns(self) -> list[str]:
        """The columns that the pieces must have."""
        return self._of(*self._local, *self._states)

    def _of(self, *numbers: int) -> list[str]:
        wanted = {column for number in numbers for column in self._suite.checks[number].info.columns}
        return [name for name in self._schema.names if name in wanted]

    def feed(self, table: Any) -> None:
        """Look at the next rows."""
        asked = [number for number, found in self._local.items() if found.broken is None]
        if asked:
            piece = table.select(self._of(*asked))
            suite = Suite(self._suite.name, [self._suite.checks[number] for number in asked])
            outcomes = self._engine.evaluate(suite, piece)
            for number, outcome in zip(asked, outcomes, strict=True):
                self._local[number].add(outcome, self._fed)
        for state in self._states.values():
            state.feed(table, self._fed)
        self._fed += table.num_rows
        self._asked = True

    def finish(self, file: TableFile) -> list[CheckOutcome]:
        """The outcome of every check, in the order of the suite, once all rows were fed and lie in a file."""
        if not self._asked:
            self.feed(self._schema.empty_table())
        return [self._finished(number, check, file) for number, check in enumerate(self._suite.checks)]

    def _finished(self, number: int, check: Check, file: TableFile) -> CheckOutcome:
        try:
            return self._outcome(number, check, file)
        finally:
            release_memory()

    def _outcome(self, number: int, check: Check, file: TableFile) -> CheckOutcome:
        if number in self._local:
            return self._local[number].outcome(check)
        if number in self._states:
            return self._states[number].outcome()
        kind = check.info.kind
        if kind in OF_OUTLINES or lacking(check, self._schema.names):
            return evaluate_check(check, Outline(list(self._schema.names), file.num_rows))
        if kind == "dtype":
            return evaluate_check(check, self._schema.empty_table())
        if kind == "unique":
            started = time.perf_counter()
            outcome = unique_in_parts(check, file)
            outcome.duration_ms = (time.perf_counter() - started) * 1000
            return outcome
        return evaluate_check(check, file.read(self._of(number)))


def _ordinals(rows: Any) -> Any:
    import pyarrow as pa

    rows = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
    return rows if rows.type == pa.int64() else rows.cast(pa.int64())
