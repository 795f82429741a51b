"""What each action of a gate does with the value, the failing rows, and the counts."""

import pyarrow as pa
import pytest
from dovetail.errors import GateBlocked
from dovetail.quality import Gate, Suite, raise_for_decision
from dovetail.quality.checks import in_range, not_null, row_count, unique

SUITE = Suite("people", [not_null("name"), in_range("age", 0, 120), unique("id")])


def table(bad=1):
    ages = [200] * bad + [30] * (100 - bad)
    return pa.table({"id": range(100), "name": [f"n{i}" for i in range(100)], "age": ages})


def conserved(report):
    return report.rows_in == report.rows_clean + report.rows_quarantined + report.rows_dropped + report.rows_blocked


def test_data_that_pass_are_returned_by_reference(types):
    value = table(bad=0)
    result = Gate(SUITE).evaluate(value, types=types)
    assert result.value is value
    assert result.report.decision == "publish"
    assert [check.n_failed for check in result.report.checks] == [0, 0, 0, 0]


def test_block_returns_nothing_and_keeps_the_failing_rows(types):
    result = Gate(SUITE, on_fail="block").evaluate(table(), types=types)
    assert result.value is None
    assert result.report.decision == "block"
    assert result.quarantined["_dv_row"].to_pylist() == [0]
    assert conserved(result.report)
    with pytest.raises(GateBlocked, match="age in") as caught:
        raise_for_decision(result.report)
    assert caught.value.details["report"]["rows_blocked"] == 100


def test_warn_lets_everything_through(types):
    value = table()
    result = Gate(SUITE, on_fail="warn").evaluate(value, types=types)
    assert result.value is value
    assert result.report.decision == "publish_with_warnings"
    assert result.report.rows_failed == 1


def test_quarantine_splits_the_rows_and_says_why(types):
    value = table(bad=3)
    result = Gate(SUITE, on_fail="quarantine").evaluate(value, types=types, run_id="r1")
    assert result.value.equals(value.slice(3))
    assert result.report.decision == "publish_clean_quarantine_rest"
    assert conserved(result.report) and result.report.rows_quarantined == 3
    aside = result.quarantined
    assert aside.column_names == ["id", "name", "age", "_dv_checks", "_dv_run", "_dv_row", "_dv_at"]
    assert aside["_dv_checks"].to_pylist() == [["age.in_range([0, 120])"]] * 3
    assert aside["_dv_row"].to_pylist() == [0, 1, 2]
    assert aside["_dv_run"].to_pylist() == ["r1"] * 3
    assert aside.schema.field("_dv_at").type == pa.timestamp("us", tz="UTC")


def test_drop_takes_rows_away_and_keeps_none(types):
    result = Gate(SUITE, on_fail="drop").evaluate(table(bad=3), types=types)
    assert result.quarantined is None
    assert result.report.rows_dropped == 3 and conserved(result.report)
    assert "dropped" in result.report.reason


@pytest.mark.parametrize("action", ["quarantine", "drop"])
def test_too_many_bad_rows_block(types, action):
    assert Gate(SUITE, on_fail=action).evaluate(table(bad=5), types=types).report.rows_clean == 95
    report = Gate(SUITE, on_fail=action).evaluate(table(bad=6), types=types).report
    assert report.decision == "block" and "max_quarantined=5%" in report.reason


@pytest.mark.parametrize("action", ["quarantine", "drop"])
def test_what_no_row_is_to_blame_for_blocks(types, action):
    report = Gate([row_count(1000)], on_fail=action).evaluate(table(), types=types).report
    assert report.decision == "block" and "no single rows" in report.reason


@pytest.mark.parametrize("action", ["block", "warn", "quarantine", "drop"])
def test_what_cannot_be_evaluated_blocks(types, action):
    report = Gate([not_null("nmae")], on_fail=action).evaluate(table(), types=types).report
    assert report.decision == "block"
    assert report.checks[0].status == "error" and "nmae" in report.checks[0].message
