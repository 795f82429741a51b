"""Limits from history: median and MAD of earlier runs, and a gate that is still learning says so."""

from __future__ import annotations

from statistics import median
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality import Stable
from dovetail.quality.checks import in_range, mean_between
from dovetail.types import current_types
from hypothesis import given
from hypothesis import strategies as st

INF = float("inf")
CHECKS = [in_range("x", 0, 100), mean_between("x", -INF, INF)]


def verdict(values: list[float], history: Any, stable: Any, rows: int = 10) -> dict[str, Any]:
    """The checks against history, by the id of what they watch; and the decision."""
    gate = dt.Gate(CHECKS, on_fail="warn", stable=stable)
    table = pa.table({"x": pa.array(values * rows, pa.float64())})
    report = gate.evaluate(table, types=current_types(), history=history).report
    assert dt.Report.from_dict(report.to_dict()) == report
    return {"decision": report.decision} | {c.check_id: c for c in report.checks if c.kind == "stable"}


def test_fewer_runs_than_it_needs_are_learning_and_amber() -> None:
    found = verdict([5.0], lambda check: [10.0] * 3, {"gate.min_rows": 4})
    check = found["stable(gate.min_rows)"]
    assert (check.status, check.message, found["decision"]) == ("skipped", "learning (3 of 7)", "publish_with_warnings")
    assert check.history == {"points": 3, "previous": 10.0}


def test_in_process_there_is_no_history() -> None:
    check = verdict([5.0], None, {"gate.min_rows": 4})["stable(gate.min_rows)"]
    assert (check.status, check.message) == ("skipped", "no history: the gate is evaluated outside of a run")


@pytest.mark.parametrize(("rows", "status"), [(10, "pass"), (14, "pass"), (15, "warn"), (6, "pass"), (5, "warn")])
def test_median_and_mad(rows: int, status: str) -> None:
    earlier = [9.0, 11.0, 10.0, 9.0, 11.0, 10.0, 500.0]  # median 10, MAD 1; one outlier moves neither
    check = verdict([5.0], lambda check: earlier, {"gate.min_rows": 4}, rows)["stable(gate.min_rows)"]
    assert (check.status, check.observed, check.n_failed) == (status, rows, int(status == "warn"))
    assert check.expected == "10 +- 4"
    assert check.history == {
        "points": 7,
        "previous": 9.0,
        "delta": rows - 9.0,
        "median": 10.0,
        "mad": 1.0,
        "score": abs(rows - 10.0),
    }


def test_the_share_that_failed_and_what_aggregates_observed() -> None:
    asked: list[str] = []

    def history(check: str) -> list[float]:
        asked.append(check)
        return [0.0] * 7

    found = verdict([5.0, 500.0], history, {"x.*": Stable(k=3, at_least=0.6)})
    assert asked == ["x.in_range([0, 100])", "x.mean(mean in [-inf, inf])"]
    share, mean = found[f"stable({asked[0]})"], found[f"stable({asked[1]})"]
    assert (share.status, share.observed, mean.status, mean.observed) == ("pass", 0.5, "warn", 252.5)


def test_it_blocks_only_where_that_is_asked_for() -> None:
    strict = Stable(severity="error")
    gate = dt.Gate(CHECKS, stable={"gate.min_rows": strict})
    table = pa.table({"x": [1.0] * 10})
    assert gate.evaluate(table, types=current_types(), history=lambda check: [10.0] * 9).report.decision == "publish"
    assert gate.evaluate(table, types=current_types(), history=lambda check: [90.0] * 9).report.decision == "block"


def test_a_check_that_could_not_be_evaluated_has_no_value() -> None:
    gate = dt.Gate([mean_between("y", 0, 1)], stable={"y.*": 4})
    report = gate.evaluate(pa.table({"x": [1.0]}), types=current_types(), history=lambda check: [0.5] * 9).report
    assert [check.status for check in report.checks if check.kind == "stable"] == ["skipped"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=7, max_size=30), st.floats(0.5, 10), st.integers(1, 50))
def test_it_warns_exactly_outside(earlier: list[float], k: float, rows: int) -> None:
    middle = median(earlier)
    mad = median(abs(point - middle) for point in earlier)
    check = verdict([5.0], lambda check: earlier, {"gate.min_rows": k}, rows)["stable(gate.min_rows)"]
    away = abs(rows - middle) - k * mad
    if abs(away) > 1e-6 * (1 + abs(middle)):  # where rounding decides, either is right
        assert check.status == ("warn" if away > 0 else "pass")


@pytest.mark.parametrize(
    "stable", [{"x": 0}, {"x": -1}, {"x": "4"}, {"x": True}, {"x": INF}, ["x"], {"x": None}], ids=repr
)
def test_limits_that_make_no_sense(stable: Any) -> None:
    with pytest.raises(DefinitionError):
        dt.Gate(CHECKS, stable=stable)
    for options in ({"minimum": 1}, {"minimum": 2.5}, {"at_least": -1}, {"severity": "fatal"}):
        with pytest.raises(DefinitionError):
            Stable(**options)


def test_it_is_part_of_the_gate() -> None:
    gate = dt.Gate(CHECKS, stable={"x.*": 4})
    assert gate.fingerprint() != dt.Gate(CHECKS).fingerprint()
    assert gate.with_options(on_fail="warn").policy.stable == gate.policy.stable


def test_a_whole_number_stays_one() -> None:
    found = verdict([5.0], lambda check: [10.0] * 7, {"gate.min_rows": 4})["stable(gate.min_rows)"]
    assert repr(found.observed) == "10"
