"""The native check engine: Arrow tables and ``pyarrow.compute``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.errors import listing
from dovetail.quality.checks._check import Check, Suite
from dovetail.quality.checks._compute import EVALUATORS
from dovetail.quality.checks._compute_whole import OF_OUTLINES
from dovetail.quality.checks._found import Found, Unevaluable, no_column, told_error
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
        return [evaluate_check(check, value) for check in suite.checks]

    def version(self) -> str:
        """Version of pyarrow."""
        import pyarrow

        return str(pyarrow.__version__)


class FrameChecks(NativeEngine):
    """Base of engines that evaluate native suites on a frame of their own; what they leave is evaluated in Arrow.

    Subclass it, implement :meth:`outcomes` and :meth:`to_arrow`, and declare it with ``native=("mine.Frame",)``. It must count
    exactly as the core does: ``CheckEngineSuite`` of the conformance kit tells.
    """

    def outcomes(self, checks: Sequence[Check], value: Any) -> list[CheckOutcome | None]:
        """What was found for each of these checks, all of whose columns are there; None for one that is left to Arrow."""
        raise NotImplementedError(f"{type(self).__name__} does not implement outcomes()")

    def to_arrow(self, value: Any, columns: Sequence[str]) -> Any:
        """A ``pyarrow.Table`` of these columns of the frame."""
        raise NotImplementedError(f"{type(self).__name__} does not implement to_arrow()")

    def columns(self, value: Any) -> list[str]:
        """The names of the frame's columns."""
        raise NotImplementedError(f"{type(self).__name__} does not implement columns()")

    def rows(self, value: Any) -> int:
        """The number of the frame's rows."""
        raise NotImplementedError(f"{type(self).__name__} does not implement rows()")

    def evaluate(self, suite: Suite, value: Any) -> list[CheckOutcome]:
        """Evaluate every check of the suite, where it can be done."""
        outline = Outline(self.columns(value), self.rows(value))
        found: dict[int, CheckOutcome] = {}
        for number, check in enumerate(suite.checks):
            if check.info.kind in OF_OUTLINES or lacking(check, outline.column_names):
                found[number] = evaluate_check(check, outline)
        asked = [number for number in range(len(suite.checks)) if number not in found]
        told = self.outcomes([suite.checks[number] for number in asked], value) if asked else []
        found |= {number: outcome for number, outcome in zip(asked, told, strict=True) if outcome is not None}
        left = [number for number in asked if number not in found]
        if left:
            wanted = {column for number in left for column in suite.checks[number].info.columns}
            table = self.to_arrow(value, [name for name in outline.column_names if name in wanted])
            found |= {number: evaluate_check(suite.checks[number], table) for number in left}
        return [found[number] for number in range(len(suite.checks))]


@dataclass(frozen=True, slots=True)
class Outline:
    """What some checks need of a table, without its columns."""

    column_names: list[str]
    num_rows: int


def evaluate_check(check: Check, table: Any) -> CheckOutcome:
    """One check on a ``pyarrow.Table``; what goes wrong is in the outcome."""
    import pyarrow as pa

    started = time.perf_counter()
    info = check.info
    try:
        lack = lacking(check, table.column_names)
        if lack is not None:
            raise Unevaluable(lack)
        found: Found = EVALUATORS[info.kind](check, table)
    except Unevaluable as error:
        return CheckOutcome(info, "error", message=str(error), duration_ms=_since(started))
    except Exception as error:  # whatever it is: this check has not been evaluated, and the others can be
        why = _in_our_words(check, table, error) if isinstance(error, pa.ArrowException) else told_error(error)
        return CheckOutcome(info, "error", message=why, duration_ms=_since(started))
    return outcome_of(check, found, _since(started))


def _in_our_words(check: Check, table: Any, error: Exception) -> str:
    """Arrow speaks of kernels; people have columns, types and patterns."""
    import pyarrow as pa

    if check.info.kind == "regex" and "regular expression" in str(error):
        reason = str(error).rpartition("regular expression: ")[2] or str(error)
        return f"{check.params['pattern']!r} is no pattern of RE2: {reason}"
    columns = [f"{name!r} ({table.schema.field(name).type})" for name in check.info.columns]
    of_types = isinstance(error, (pa.ArrowNotImplementedError, pa.ArrowTypeError))
    return f"cannot be asked of {listing(columns)}: {check.info.expected if of_types else error}"


def outcome_of(check: Check, found: Found, duration_ms: float = 0.0) -> CheckOutcome:
    """What was found as the outcome of a check."""
    return CheckOutcome(
        check.info,
        "evaluated",
        n_evaluated=found.evaluated,
        n_failed=found.failed,
        failed_rows=found.rows,
        n_keys=found.keys,
        observed=found.observed,
        message=found.message,
        duration_ms=duration_ms,
    )


def lacking(check: Check, names: Sequence[str]) -> str | None:
    """Why a check cannot be made for want of a column, or for two of one name; None if it can."""
    if check.info.kind == "column_exists":
        return None
    for column in check.info.columns:
        times = names.count(column)
        if times != 1:
            return no_column([column], names) if not times else f"{times} columns are named {column!r}"
    return None


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
