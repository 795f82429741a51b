"""The decision is a pure function of findings and policy. This is its truth table, and its laws."""

from __future__ import annotations

import pytest
from dovetail.quality import Finding, Limit, Policy, Thresholds, check_status, decide
from hypothesis import given
from hypothesis import strategies as st

ACTIONS = ["block", "warn", "drop", "quarantine"]
CLEAN = "publish_clean_quarantine_rest"
WARNED = "publish_with_warnings"

TABLE = [
    # findings as (status, row-scoped)     block      warn     drop     quarantine
    ([], ("publish", "publish", "publish", "publish")),
    ([("pass", True)], ("publish", "publish", "publish", "publish")),
    ([("warn", True)], (WARNED, WARNED, WARNED, WARNED)),
    ([("skipped", True)], (WARNED, WARNED, WARNED, WARNED)),
    ([("fail", True)], ("block", WARNED, CLEAN, CLEAN)),
    ([("fail", False)], ("block", WARNED, "block", "block")),
    ([("fail", True), ("fail", False)], ("block", WARNED, "block", "block")),
    ([("fail", True), ("warn", False)], ("block", WARNED, CLEAN, CLEAN)),
    ([("error", True)], ("block", "block", "block", "block")),
    ([("error", False), ("pass", True)], ("block", "block", "block", "block")),
    ([("error", False), ("fail", True)], ("block", "block", "block", "block")),
]


@pytest.mark.parametrize(("statuses", "expected"), TABLE)
def test_truth_table(statuses: list, expected: tuple) -> None:
    findings = [Finding(f"check {n}", status, scoped) for n, (status, scoped) in enumerate(statuses)]
    found = tuple(decide(findings, Policy(on_fail=action), 100, 1).decision for action in ACTIONS)
    assert found == expected


@pytest.mark.parametrize(
    ("limit", "removed", "decision"),
    [
        (Limit(0.05), 5, CLEAN),
        (Limit(0.05), 6, "block"),
        (Limit(5), 5, CLEAN),
        (Limit(5), 6, "block"),
        (Limit(0), 1, "block"),
        (Limit(1.0), 99, CLEAN),
        (Limit(0.29), 29, CLEAN),  # 0.29 * 100 is less than 29 in floating point
    ],
)
def test_most_rows_that_may_be_taken_away(limit: Limit, removed: int, decision: str) -> None:
    policy = Policy(on_fail="quarantine", max_quarantined=limit)
    assert decide([Finding("a", "fail")], policy, 100, removed).decision == decision


def test_rows_must_be_left() -> None:
    everything = Policy(on_fail="drop", max_quarantined=Limit(1.0))
    verdict = decide([Finding("a", "fail")], everything, 100, 100)
    assert verdict.decision == "block" and "min_rows=1" in verdict.reason
    none_needed = Policy(on_fail="drop", max_quarantined=Limit(1.0), min_rows=0)
    assert decide([Finding("a", "fail")], none_needed, 100, 100).decision == CLEAN


def test_reasons_name_the_checks() -> None:
    many = [Finding(f"check {n}", "fail") for n in range(9)]
    reason = decide(many, Policy(), 10, 0).reason
    assert "check 0" in reason and "and 3 more" in reason


@pytest.mark.parametrize(
    ("failed", "evaluated", "thresholds", "status"),
    [
        (0, 100, Thresholds(), "pass"),
        (1, 100, Thresholds(), "fail"),
        (1, 100, Thresholds(fail=Limit(1)), "warn"),
        (1, 100, Thresholds(fail=Limit(0.01)), "warn"),
        (2, 100, Thresholds(fail=Limit(0.01)), "fail"),
        (1, 100, Thresholds(warn=Limit(1), fail=Limit(2)), "pass"),
        (0, 0, Thresholds(fail=Limit(0.5)), "pass"),
    ],
)
def test_status_after_thresholds(failed: int, evaluated: int, thresholds: Thresholds, status: str) -> None:
    facts = {"failed": failed, "evaluated": evaluated, "warning_only": False, "thresholds": thresholds}
    assert check_status("evaluated", row_scoped=True, **facts) == status


def test_thresholds_count_rows_so_a_table_check_has_none() -> None:
    facts = {"failed": 1, "evaluated": 1, "warning_only": False, "thresholds": Thresholds(fail=Limit(10))}
    assert check_status("evaluated", row_scoped=False, **facts) == "fail"


def test_a_check_of_severity_warning_never_fails() -> None:
    facts = {"failed": 9, "evaluated": 9, "warning_only": True, "thresholds": Thresholds()}
    assert check_status("evaluated", row_scoped=True, **facts) == "warn"


@pytest.mark.parametrize("status", ["error", "junk", ""])
def test_what_was_not_evaluated_is_an_error(status: str) -> None:
    facts = {"failed": 0, "evaluated": 0, "row_scoped": True, "warning_only": True, "thresholds": Thresholds()}
    assert check_status(status, **facts) == "error"


RANK = {"publish": 0, WARNED: 1, CLEAN: 1, "block": 2}
statuses = st.sampled_from(["pass", "warn", "fail", "error", "skipped"])
findings = st.lists(st.builds(Finding, st.just("check"), statuses, st.booleans()), max_size=6)
actions = st.sampled_from(ACTIONS)


@given(findings, actions, st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_law_a_wider_limit_never_blocks_more(found: list, action, removed: int, narrow: int, more: int) -> None:
    tight = Policy(on_fail=action, max_quarantined=Limit(narrow))
    loose = Policy(on_fail=action, max_quarantined=Limit(narrow + more))
    assert RANK[decide(found, loose, 100, removed).decision] <= RANK[decide(found, tight, 100, removed).decision]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_law_status_is_monotone_in_failures_and_limits(failed: int, extra: int, limit: int, wider: int) -> None:
    order = ["pass", "warn", "fail"]

    def rank(n: int, at: int) -> int:
        facts = {"evaluated": 200, "row_scoped": True, "warning_only": False}
        return order.index(check_status("evaluated", failed=n, thresholds=Thresholds(Limit(0), Limit(at)), **facts))

    assert rank(failed, limit) <= rank(failed + extra, limit)
    assert rank(failed, limit + wider) <= rank(failed, limit)


@given(findings, actions, st.integers(0, 100))
def test_law_an_error_blocks_whatever_else_was_found(found: list, action, removed: int) -> None:
    verdict = decide([*found, Finding("broken", "error")], Policy(on_fail=action), 100, removed)
    assert verdict.decision == "block" and verdict.reason
