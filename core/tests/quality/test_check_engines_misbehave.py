"""A check engine that raises, lies or returns junk has evaluated nothing: the gate blocks, whatever its action."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from dovetail.errors import EngineUnavailable, PluginError
from dovetail.plugins import current_catalogue
from dovetail.quality import Gate
from dovetail.quality._lookup import find_spec, load_engine
from dovetail.spec import CheckInfo, CheckOutcome
from dovetail.types import current_types

TABLE = pa.table({"a": range(10)})


def report_of(suite, action="warn"):
    result = Gate(suite, on_fail=action).evaluate(TABLE, types=current_types())
    assert result.value is None or result.report.decision != "block"
    return result.report


@pytest.mark.parametrize("action", ["block", "warn", "drop", "quarantine"])
def test_it_raises(scripted, action) -> None:
    report = report_of(scripted(RuntimeError("boom")), action)
    assert report.decision == "block"
    assert report.checks[0].status == "error" and "RuntimeError: boom" in report.checks[0].message


@pytest.mark.parametrize("junk", [None, [], "fine", 3, {"a": 1}, [None], ["pass"], [object()]])
def test_it_returns_junk(scripted, junk) -> None:
    assert report_of(scripted(junk)).decision == "block"


LIES = {
    "more failures than rows named": {"rows": [1, 2], "failed": 3},
    "fewer failures than rows named": {"rows": [1, 2], "failed": 1},
    "a row that does not exist": {"rows": [10]},
    "a negative row": {"rows": [-1]},
    "a row twice": {"rows": [1, 1]},
    "rows not in order": {"rows": [2, 1]},
    "rows that are no numbers": {"rows": ["a"]},
    "rows that are no integers": {"rows": [1.5]},
    "more failed than evaluated": {"rows": [1, 2], "evaluated": 1},
    "a negative count": {"rows": [], "failed": -1},
    "a count that is no number": {"rows": [], "failed": True},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_it_contradicts_itself(scripted, outcome, lie) -> None:
    report = report_of(scripted([outcome(**lie)]))
    assert report.decision == "block"
    assert report.checks[0].status == "error" and report.checks[0].message


def test_a_lie_blocks_even_where_the_check_only_warns(scripted, outcome) -> None:
    report = report_of(scripted([outcome([1, 1], severity="warning")]))
    assert report.decision == "block"


def test_an_error_or_a_skip_needs_a_reason(scripted) -> None:
    check = CheckInfo("a", "a")
    silent = report_of(scripted([CheckOutcome(check, "skipped")]))
    assert silent.decision == "block"
    told = report_of(scripted([CheckOutcome(check, "skipped", message="learning")]))
    assert told.decision == "publish_with_warnings"
    assert told.checks[0].status == "skipped" and told.checks[0].message == "learning"


def test_a_missing_library_is_no_matter_of_the_data(scripted) -> None:
    with pytest.raises(EngineUnavailable):
        report_of(scripted(EngineUnavailable("no such library")))


def test_a_frame_that_cannot_be_made_from_the_value_blocks(scripted, outcome) -> None:
    report = report_of(scripted([outcome([])], frames=("datetime.date",)))
    assert report.decision == "block" and report.checks[0].status == "error"


def test_its_rows_may_be_any_sequence(scripted, outcome) -> None:
    for rows in ((1, 2), range(1, 3), pa.array([1, 2], pa.uint64()), pa.chunked_array([[1], [2]])):
        result = Gate(scripted([outcome(rows)]), on_fail="drop", max_quarantined="50%").evaluate(
            TABLE, types=current_types()
        )
        assert result.value["a"].to_pylist() == [0, 3, 4, 5, 6, 7, 8, 9]


def test_engines_come_from_the_catalogue_of_the_type_engine_in_threads_too(scripted, outcome) -> None:
    types = current_types()
    gate = Gate(scripted([outcome([])]))
    with ThreadPoolExecutor(1) as pool:  # a new thread does not see the catalogue that is in use here
        assert pool.submit(gate.evaluate, TABLE, types=types).result().report.decision == "publish"


def test_an_engine_that_cannot_describe_its_suite_is_named(scripted, outcome, monkeypatch) -> None:
    gate = Gate(scripted([outcome([])]))
    engine = type(load_engine(find_spec(gate.suite, current_catalogue()), current_catalogue()))
    monkeypatch.setattr(engine, "version", lambda self: 1 / 0)
    assert gate.evaluate(TABLE, types=current_types()).report.engine == {"name": "scripted", "version": ""}
    monkeypatch.setattr(engine, "describe", lambda self, suite: 1 / 0)
    with pytest.raises(PluginError, match="scripted"):
        gate.evaluate(TABLE, types=current_types())
