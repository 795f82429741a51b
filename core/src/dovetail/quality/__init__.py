"""Quality gates: suites of checks that decide, before data is published, what may pass.

An engine evaluates and counts; what follows from the counts is decided here, in one pure function, for every engine alike.
"""

from dovetail.quality._evaluate import GateResult
from dovetail.quality._gate import Gate, collect_reports
from dovetail.quality._policy import (
    Decision,
    Finding,
    Limit,
    OnFail,
    Policy,
    Status,
    Thresholds,
    Verdict,
    check_status,
    decide,
)
from dovetail.quality._report import CheckReport, Report, raise_for_decision
from dovetail.quality.checks import Check, Suite

__all__ = [
    "Gate",
    "GateResult",
    "Suite",
    "Check",
    "collect_reports",
    # the record
    "Report",
    "CheckReport",
    "raise_for_decision",
    # the decision
    "Policy",
    "OnFail",
    "Limit",
    "Thresholds",
    "Status",
    "Decision",
    "Finding",
    "Verdict",
    "check_status",
    "decide",
]
