"""What native checks count, case by case."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from dovetail.errors import ConversionError, GateBlocked
from dovetail.quality import Gate
from dovetail.quality.checks import (
    columns_present,
    compare,
    in_range,
    in_set,
    matches,
    mean_between,
    min_rows,
    not_null,
    row_count,
    unique,
)
from dovetail.types import current_types

NAN = float("nan")


def look(check, **columns):
    """(rows that fail, number evaluated) of one check on one table; rows is a count for checks of the whole table."""
    table = pa.table(
        {name: v if isinstance(v, (pa.Array, pa.ChunkedArray)) else pa.array(v) for name, v in columns.items()}
    )
    result = Gate([check], min_rows=0).evaluate(table, types=current_types())
    found = result.report.checks[0]
    assert found.status != "error", found.message
    rows = result.quarantined["_dv_row"].to_pylist() if result.quarantined is not None else []
    return (rows if found.row_scoped else found.n_failed, found.n_evaluated)


def trouble(check, **columns):
    report = Gate([check], min_rows=0, on_fail="warn").evaluate(pa.table(columns), types=current_types()).report
    assert report.decision == "block" and report.checks[0].status == "error"
    return report.checks[0].message


def test_not_null_counts_nan() -> None:
    assert look(not_null("a"), a=[1.0, None, NAN]) == ([1, 2], 3)
    assert look(not_null("a"), a=pa.nulls(2)) == ([0, 1], 2)


def test_unique_counts_every_row_of_a_key_and_ignores_nulls() -> None:
    assert look(unique("a"), a=[1, 1, 2, None, None, 3]) == ([0, 1], 4)
    assert look(unique("a"), a=[NAN, NAN, 1.0]) == ([], 1)
    assert look(unique("a", nulls="fail"), a=[1, 1, 2, None]) == ([0, 1, 3], 4)
    report = Gate([unique("a")]).evaluate(pa.table({"a": [1, 1, 1, 2, 2]}), types=current_types()).report
    assert report.checks[0].n_failed == 5 and report.checks[0].n_keys == 2


def test_unique_over_several_columns() -> None:
    assert look(unique("a", "b"), a=[1, 1, 1, None], b=["x", "x", "y", "x"]) == ([0, 1], 3)
    assert look(unique("a", "b"), a=[1, 1], b=["x", None]) == ([], 1)
    assert look(unique("a", "b", nulls="fail"), a=[1, 1], b=["x", None]) == ([1], 2)


@pytest.mark.parametrize(
    ("inclusive", "rows"), [("both", [0, 4]), ("left", [0, 3, 4]), ("right", [0, 1, 4]), ("neither", [0, 1, 3, 4])]
)
def test_in_range_bounds(inclusive, rows) -> None:
    assert look(in_range("a", 0, 2, inclusive=inclusive), a=[-1, 0, 1, 2, 3]) == (rows, 5)


HUGE = 2**53 + 1


@pytest.mark.parametrize(
    ("check", "column", "rows"),
    [
        (in_range("a", 0), pa.array([-1, None, 5]), [0]),
        (in_range("a", None, 0.5), pa.array([0, 1]), [1]),
        (in_range("a", 0.5, inclusive="neither"), pa.array([0, 1]), [0]),
        (in_range("a", 1.0, inclusive="neither"), pa.array([1, 2]), [0]),
        (in_range("a", HUGE), pa.array([HUGE - 1, HUGE]), [0]),
        (in_range("a", 0, 1500), pa.array([-1, 100], pa.int8()), [0]),
        (in_range("a", 300), pa.array([1, None], pa.int8()), [0]),
        (in_range("a", -300), pa.array([1, None], pa.int8()), []),
        (in_range("a", -1, 2**64), pa.array([2**64 - 1], pa.uint64()), []),
        (in_range("a", None, -1), pa.array([0, None], pa.uint8()), [0]),
        (in_range("a", float("-inf"), float("inf")), pa.array([1, None]), []),
        (in_range("a", float("inf")), pa.array([1, None]), [0]),
        (in_range("a", 0.0, 1.0), pa.array([0.5, NAN, float("inf")]), [2]),
        (in_range("a", 0, 1), pa.array([Decimal("0.5"), Decimal("1.5")]), [1]),
        (in_range("a", dt.date(2020, 1, 1)), pa.array([dt.date(2019, 1, 1), dt.date(2021, 1, 1)]), [0]),
        (in_range("a", "b", "d"), pa.array(["a", "c", "é"]), [0, 2]),
    ],
)
def test_in_range_of_many_types(check, column, rows) -> None:
    assert look(check, a=column)[0] == rows


def test_in_range_of_times_in_other_zones() -> None:
    berlin = (
        pa.array([dt.datetime(2020, 1, 1, 0, 30), None])
        .cast(pa.timestamp("us"))
        .cast(pa.timestamp("us", "Europe/Berlin"))
    )
    from_one = dt.datetime(2020, 1, 1, 1, 0, tzinfo=dt.UTC)
    assert look(in_range("a", from_one), a=berlin) == ([0], 1)


def test_in_set() -> None:
    assert look(in_set("a", ["x", "ü"]), a=["x", "ü", "u", None]) == ([2], 3)
    assert look(in_set("a", ["x"], nulls="fail"), a=["x", None]) == ([1], 2)
    assert look(in_set("a", ["x"]), a=pa.array(["x", "y"]).dictionary_encode()) == ([1], 2)


def test_matches_the_whole_text() -> None:
    assert look(matches("a", "[A-Z]{2}"), a=["AB", "ABC", "xAB", "AB\n", None]) == ([1, 2, 3], 4)
    assert look(matches("a", "a|bc"), a=["a", "bc", "abc"]) == ([2], 3)
    assert look(matches("a", "ä."), a=["äö", "ä"]) == ([1], 2)


def test_compare_does_not_evaluate_nulls() -> None:
    assert look(compare("a", "<", "b"), a=[1, 2, None, 4.0], b=[2, 2, 2, NAN]) == ([1], 2)
    assert look(compare("a", "!=", "b"), a=["x", "y"], b=["x", "z"]) == ([0], 2)


def test_checks_of_the_whole_table() -> None:
    assert look(row_count(1, 2), a=[1, 2, 3]) == (1, 1)
    assert look(min_rows(3), a=[1, 2, 3]) == (0, 1)
    assert look(columns_present("a", "b"), a=[1]) == (1, 1)
    assert look(columns_present("a"), a=[1], b=[1]) == (0, 1)
    assert look(columns_present("a", exact=True), a=[1], b=[1]) == (1, 1)
    assert look(mean_between("a", 1, 2), a=[1, 2, None, NAN]) == (0, 1)
    assert look(mean_between("a", 1, 2), a=[5]) == (1, 1)


def test_what_cannot_be_evaluated_says_why() -> None:
    assert "'b'" in trouble(not_null("b"), a=[1])
    assert trouble(matches("a", "(?=x)"), a=["x"])
    assert trouble(matches("a", "x"), a=[1])
    assert trouble(in_range("a", 0, 1), a=["x"])
    assert trouble(in_set("a", ["x"]), a=[1])
    assert trouble(mean_between("a", 0, 1), a=pa.array([None], pa.float64()))
    assert trouble(compare("a", "<", "b"), a=[1], b=["x"])


def test_an_empty_table_fails_unless_it_may_be_empty() -> None:
    empty = pa.table({"a": pa.array([], pa.int64())})
    report = Gate([not_null("a")], on_fail="quarantine").evaluate(empty, types=current_types()).report
    assert report.decision == "block" and "at least 1 row" in report.reason
    assert Gate([not_null("a")], min_rows=0).evaluate(empty, types=current_types()).report.decision == "publish"


def test_severity_warning_is_only_reported() -> None:
    report = (
        Gate([not_null("a", severity="warning")]).evaluate(pa.table({"a": [1, None]}), types=current_types()).report
    )
    assert report.decision == "publish_with_warnings" and report.rows_clean == 2


@pytest.mark.parametrize("check", [not_null("minuts"), columns_present("minuts"), compare("minuts", "<", "n")])
def test_a_missing_column_leads_to_the_one_that_is_meant(check) -> None:
    table = pa.table({"minutes": [1], "n": [2]})
    with pytest.raises(GateBlocked) as caught:
        Gate([check])(table)
    assert "there is no column 'minuts'; did you mean 'minutes'?" in (caught.value.why or "")
    report = Gate([columns_present("nothing_like_it")]).evaluate(table, types=current_types()).report
    assert report.checks[0].message == "there is no column 'nothing_like_it'"


def test_a_gate_on_what_is_no_table_says_what_it_is() -> None:
    gate = Gate([not_null("a")], name="s")
    for attempt in (lambda: gate(3), lambda: gate.check(current_types(), int)):
        with pytest.raises(ConversionError, match="gate 's' looks at tables; what it stands behind is int"):
            attempt()


def test_a_failing_row_that_python_cannot_hold_is_reported() -> None:
    far = pa.table({"t": pa.array([2**40, None], pa.timestamp("s"))})
    report = (
        Gate([not_null("t"), in_range("t", None, dt.datetime(2020, 1, 1))]).evaluate(far, types=current_types()).report
    )
    assert [check.n_failed for check in report.checks[:2]] == [1, 1]
    shown = [check.sample[0]["values"]["t"] for check in report.checks[:2]]
    assert shown[0] == "null" and str(2**40) in shown[1]
