"""The check engine: what a contract asks, evaluated on Arrow tables as dovetail's own checks are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from glob import escape
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from dovetail.errors import nearest
from dovetail.quality import Suite
from dovetail.quality.checks.engines import NativeEngine
from dovetail.spec import CheckEngine, CheckOutcome, SuiteInfo

from dovetail_contracts._shape import mismatches
from dovetail_contracts._sql import NoAnswer, answer
from dovetail_contracts._steps import Step, holds

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail_contracts._suite import ContractSuite

_NATIVE = NativeEngine()


class ContractEngine(CheckEngine):
    """Evaluates :class:`~dovetail_contracts.ContractSuite`."""

    name = "contracts"

    def describe(self, suite: ContractSuite) -> SuiteInfo:
        """Name and checks of the object."""
        return SuiteInfo(suite.name, tuple(step.info for step in suite.steps))

    def frames(self, suite: ContractSuite) -> tuple[str, ...]:
        """Arrow tables."""
        return ("pyarrow.Table",)

    def thresholds(self, suite: ContractSuite) -> Mapping[str, Any]:
        """What the rules tolerate. Rows within it are as the contract wants them, so they are no warning either."""
        limits = {escape(step.info.id): step.limit for step in suite.steps if step.limit is not None}
        return {pattern: {"warn": limit, "fail": limit} for pattern, limit in limits.items()}

    def fingerprint(self, suite: ContractSuite) -> str:
        """All that is asserted, the parameters of native checks in full."""
        native = [step.check for step in suite.steps if step.check is not None]
        told = [
            (step.info, step.limit, step.demands, step.percent, step.shape, step.query, step.unsupported)
            for step in suite.steps
        ]
        return repr((told, suite.allow_unsupported, _parameters(native)))

    def evaluate(self, suite: ContractSuite, value: pa.Table) -> list[CheckOutcome]:
        """Evaluate every step on a ``pyarrow.Table``."""
        outcomes = []
        for step in suite.steps:
            started = time.perf_counter()
            outcome = _evaluate(step, suite, value)
            outcome.duration_ms = (time.perf_counter() - started) * 1000
            outcomes.append(outcome)
        return outcomes

    def version(self) -> str:
        """Version of this distribution."""
        return _version()


@cache
def _version() -> str:
    return version("dovetail-contracts")


def _parameters(checks: list[Any]) -> str:
    """Parameters of native checks; the few functions among them are ours, and told by what they hold."""
    return repr(
        [
            (check.info.id, check.nulls, [(k, vars(v) if callable(v) else v) for k, v in sorted(check.params.items())])
            for check in checks
        ]
    )


def _evaluate(step: Step, suite: ContractSuite, table: pa.Table) -> CheckOutcome:
    if step.unsupported:
        status = "skipped" if suite.allow_unsupported else "error"
        return CheckOutcome(step.info, status, message=step.unsupported)  # type: ignore[arg-type]
    if step.shape is not None:
        return _typed(step, step.shape, table)
    if step.query:
        return _asked(step, suite, table)
    assert step.check is not None
    (found,) = _NATIVE.evaluate(Suite(suite.name, [step.check]), table)
    if found.status != "evaluated" or not step.demands:
        return replace(found, check=step.info)
    return _compared(step, found, table)


def _compared(step: Step, found: CheckOutcome, table: pa.Table) -> CheckOutcome:
    """The count of failing rows, or of rows, against what the rule demands."""
    count: int | Fraction = table.num_rows if step.info.kind == "row_count" else found.n_failed
    if step.percent:
        count = Fraction(100 * count, found.n_evaluated) if found.n_evaluated else Fraction(0)
    observed = float(count) if isinstance(count, Fraction) else count
    fine = holds(step.demands, count)
    return CheckOutcome(step.info, "evaluated", n_evaluated=1, n_failed=int(not fine), observed=observed)


def _typed(step: Step, shape: Mapping[str, Any], table: pa.Table) -> CheckOutcome:
    (column,) = step.info.columns
    times = table.column_names.count(column)
    if times != 1:
        close = nearest(column, table.column_names)
        guess = f"; did you mean {close!r}?" if close else ""
        why = f"{times} columns are named {column!r}" if times else f"there is no column {column!r}{guess}"
        return CheckOutcome(step.info, "error", message=why)
    found = table.schema.field(column).type
    wrong = list(mismatches(shape, found))
    message = "; ".join(wrong[:5])
    return CheckOutcome(
        step.info, "evaluated", n_evaluated=1, n_failed=int(bool(wrong)), observed=str(found), message=message
    )


def _asked(step: Step, suite: ContractSuite, table: pa.Table) -> CheckOutcome:
    column = step.info.columns[0] if step.info.columns else ""
    name = str(suite.element.get("physicalName") or suite.name)
    try:
        found = answer(step.query, table, name, column)
        fine = holds(step.demands, found)
    except NoAnswer as error:
        return CheckOutcome(step.info, "error", message=str(error))
    except TypeError as error:
        return CheckOutcome(step.info, "error", message=f"the answer cannot be compared: {error}")
    observed = found if isinstance(found, (bool, float)) else int(found) if found.denominator == 1 else float(found)
    return CheckOutcome(step.info, "evaluated", n_evaluated=1, n_failed=int(not fine), observed=observed)
