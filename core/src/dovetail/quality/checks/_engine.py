"""The native check engine: Arrow tables and ``pyarrow.compute``."""

from __future__ import annotations

import time
from typing import Any

from dovetail.quality.checks._check import Check, Suite
from dovetail.quality.checks._compute import EVALUATORS
from dovetail.quality.checks._found import Found, Unevaluable, no_column
from dovetail.quality.checks._told import told
from dovetail.spec import CheckEngine, CheckOutcome, SuiteInfo


class NativeEngine(CheckEngine):
    """Evaluates :class:`~dovetail.quality.checks.Suite`."""

    name = "native"

    def describe(self, suite: Suite) -> SuiteInfo:
        """Name and checks of the suite."""
        return SuiteInfo(suite.name, tuple(check.info for check in suite.checks))

    def frames(self, suite: Suite) -> tuple[str, ...]:
        """Arrow tables only."""
        return ("pyarrow.Table",)

    def fingerprint(self, suite: Suite) -> str:
        """Parameters in full: what people read of them may be shortened. Functions count by their code."""
        return repr([(check.info, told(check.params), check.nulls) for check in suite.checks])

    def evaluate(self, suite: Suite, value: Any) -> list[CheckOutcome]:
        """Evaluate every check on a ``pyarrow.Table``."""
        return [_evaluate(check, value) for check in suite.checks]

    def version(self) -> str:
        """Version of pyarrow."""
        import pyarrow

        return str(pyarrow.__version__)


def _evaluate(check: Check, table: Any) -> CheckOutcome:
    import pyarrow as pa

    started = time.perf_counter()
    info = check.info
    try:
        _require_columns(check, table)
        found: Found = EVALUATORS[info.kind](check, table)
    except (Unevaluable, pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        why = str(error) if isinstance(error, Unevaluable) else f"{type(error).__name__}: {error}"
        return CheckOutcome(info, "error", message=why, duration_ms=_since(started))
    return CheckOutcome(
        info,
        "evaluated",
        n_evaluated=found.evaluated,
        n_failed=found.failed,
        failed_rows=found.rows,
        n_keys=found.keys,
        observed=found.observed,
        message=found.message,
        duration_ms=_since(started),
    )


def _require_columns(check: Check, table: Any) -> None:
    if check.info.kind == "column_exists":
        return
    for column in check.info.columns:
        times = table.column_names.count(column)
        if times != 1:
            raise Unevaluable(
                no_column([column], table.column_names) if not times else f"{times} columns are named {column!r}"
            )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
