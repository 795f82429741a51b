"""From what an engine says to what a gate believes: outcomes are verified, then measured against thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dovetail.config import redact
from dovetail.errors import DovetailError, shorten
from dovetail.quality import _rows
from dovetail.quality._policy import Policy, check_status
from dovetail.quality._report import CheckReport
from dovetail.quality._stable import History, stable_outcomes
from dovetail.quality.checks._found import told_error
from dovetail.spec import CheckInfo, CheckOutcome

_LEFT_OUT = "the engine left it out"


@dataclass(slots=True)
class Judged:
    """The record of a check and the ordinals of its failing rows (int64 Arrow array, ascending)."""

    report: CheckReport
    rows: Any


def suite_error(gate: str, error: BaseException) -> CheckOutcome:
    """One outcome for a suite that could not be evaluated at all."""
    text = error.what if isinstance(error, DovetailError) else told_error(error)
    check = CheckInfo(id="suite", name=f"suite of gate {gate}", kind="suite", row_scoped=False)
    return CheckOutcome(check, "error", message=_short(text))


def judge(outcomes: Any, policy: Policy, rows: int, suite: str, asked: Sequence[CheckInfo] = ()) -> list[Judged]:
    """Verify outcomes, apply thresholds, and add the gate's own check of ``min_rows``.

    An engine that contradicts itself (a count that is not the number of its rows, a row that does not exist) has not
    evaluated anything: its outcome becomes an error, and errors block. So does a check that was asked for and left out.
    """
    if not isinstance(outcomes, (list, tuple)) or not outcomes:
        found: Sequence[Any] = [_junk(f"the suite {suite} came back with no check", outcomes)]
    else:
        found = outcomes
    answered = {getattr(getattr(outcome, "check", None), "id", None) for outcome in found}
    silent = [CheckOutcome(check, "error", message=_LEFT_OUT) for check in asked if check.id not in answered]
    judged = [_judge_one(outcome, policy, rows) for outcome in (*found, *silent)]
    if policy.min_rows:
        judged.append(_judge_one(_min_rows(policy.min_rows, rows), policy, rows))
    return judged


def judge_stable(judged: Sequence[Judged], policy: Policy, history: History | None) -> list[Judged]:
    """The checks of a gate once more, against their own history, where the policy says so."""
    found = []
    for outcome, told in stable_outcomes([each.report for each in judged], policy.stable, history):
        each = _judge_one(outcome, policy, 0)
        each.report.history = told
        found.append(each)
    return found


def _judge_one(outcome: Any, policy: Policy, rows: int) -> Judged:
    labels, doubt = _verify(outcome, rows)
    if doubt:
        outcome = _distrusted(outcome, doubt)
    check = outcome.check
    thresholds = policy.thresholds_of(check.id)
    status = check_status(
        outcome.status,
        failed=outcome.n_failed,
        evaluated=outcome.n_evaluated,
        row_scoped=check.row_scoped,
        warning_only=check.severity == "warning",
        thresholds=thresholds,
    )
    report = CheckReport(
        check_id=check.id,
        name=check.name,
        kind=check.kind,
        columns=list(check.columns),
        status=status,
        severity=check.severity,
        row_scoped=check.row_scoped,
        dimension=check.dimension,
        n_evaluated=outcome.n_evaluated,
        n_failed=outcome.n_failed,
        fraction=outcome.n_failed / outcome.n_evaluated if outcome.n_evaluated else 0.0,
        n_keys=outcome.n_keys,
        expected=check.expected,
        observed=_plain(outcome.observed),
        thresholds=thresholds.to_dict() if check.row_scoped else {},
        message=_short(outcome.message),
        duration_ms=round(float(outcome.duration_ms), 3),
    )
    return Judged(report, labels)


def _verify(outcome: Any, rows: int) -> tuple[Any, str]:
    """The failing rows as Arrow array, and what is wrong with the outcome ("" if nothing is)."""
    nothing = _rows.ordinals([])
    if not isinstance(outcome, CheckOutcome) or not isinstance(outcome.check, CheckInfo):
        return nothing, f"the engine returned {shorten(outcome)} for a check"
    if outcome.status not in ("evaluated", "error", "skipped"):
        return nothing, f"the engine returned the unknown status {outcome.status!r}"
    if outcome.status != "evaluated":
        return nothing, "" if outcome.message else f"{outcome.status}, and the engine does not say why"
    failed, evaluated = outcome.n_failed, outcome.n_evaluated
    if not (type(failed) is int and type(evaluated) is int and 0 <= failed <= evaluated):
        return nothing, f"the engine counts {failed!r} failures of {evaluated!r} evaluated"
    if not outcome.check.row_scoped:
        return nothing, "" if evaluated else "the engine has not looked at anything"
    if evaluated > rows:
        return nothing, f"the engine evaluated {evaluated:,} of {rows:,} rows"
    try:
        labels = _rows.ordinals(outcome.failed_rows if outcome.failed_rows is not None else [])
    except Exception as error:  # a plugin's object may raise anything when it is read
        return nothing, f"the failing rows cannot be read: {error}"
    if len(labels) != failed:
        return nothing, f"the engine counts {failed:,} failures but names {len(labels):,} rows"
    if not _rows.strictly_ascending_below(labels, rows):
        return nothing, f"the failing rows are not ascending ordinals below {rows:,}"
    return labels, ""


def _distrusted(outcome: Any, doubt: str) -> CheckOutcome:
    if isinstance(outcome, CheckOutcome) and isinstance(outcome.check, CheckInfo):
        return CheckOutcome(replace(outcome.check, severity="error"), "error", message=doubt)
    return _junk(doubt, outcome)


def _junk(message: str, outcome: Any) -> CheckOutcome:
    check = CheckInfo(id="suite", name="suite", kind="suite", row_scoped=False)
    return CheckOutcome(check, "error", message=f"{message}: {shorten(outcome)}" if outcome else message)


def _min_rows(minimum: int, rows: int) -> CheckOutcome:
    check = CheckInfo(
        id="gate.min_rows",
        name=f"at least {minimum:,} row{'s' * (minimum != 1)}",
        kind="row_count",
        row_scoped=False,
        dimension="completeness",
        expected=f">= {minimum:,}",
    )
    return CheckOutcome(check, "evaluated", n_evaluated=1, n_failed=int(rows < minimum), observed=rows)


def _plain(value: Any) -> Any:
    """A JSON-able form of an observed value."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return shorten(value)


def _short(text: str, width: int = 500) -> str:
    text = redact(str(text)) if text else ""
    return text if len(text) <= width else text[: width - 3] + "..."
