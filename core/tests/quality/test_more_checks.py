"""The native vocabulary beyond the truth table: lengths, order, expressions, own functions, figures, freshness, types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality import Suite
from dovetail.quality.checks import (
    Check,
    custom,
    expression,
    fresh,
    has_type,
    length,
    monotonic,
    quantile_between,
    schema,
    stddev_between,
    sum_equals,
)
from dovetail.quality.checks._engine import NativeEngine
from dovetail.spec import CheckOutcome
from hypothesis import given
from hypothesis import strategies as st

NAN = float("nan")


def evaluated(check: Check, **columns: Any) -> CheckOutcome:
    """The outcome of one check on a table of these columns."""
    table = pa.table({name: pa.array(values, from_pandas=False) for name, values in columns.items()})
    return NativeEngine().evaluate(Suite("s", [check]), table)[0]


def rows(outcome: CheckOutcome) -> list[int]:
    assert outcome.status == "evaluated", outcome.message
    assert outcome.failed_rows is not None
    found = [int(row) for row in pa.array(outcome.failed_rows).to_pylist()]
    assert len(found) == outcome.n_failed
    return found


class TestLength:
    def test_counts_characters_not_bytes(self) -> None:
        found = evaluated(length("t", 1, 2), t=["", "ä", "日本", "abc", None, "🦔🦔"])
        assert (found.n_evaluated, rows(found)) == (5, [0, 3])

    def test_counts_members_of_lists_and_bytes_of_binary(self) -> None:
        assert rows(evaluated(length("l", 2), l=[[1], [1, 2], [], None])) == [0, 2]
        assert rows(evaluated(length("b", 0, 1), b=[b"", b"xy", None])) == [1]

    def test_no_length_of_a_number(self) -> None:
        assert evaluated(length("n", 1), n=[1]).status == "error"

    @pytest.mark.parametrize("bounds", [(-1, None), (3, 2), (1.5, None), (True, None)])
    def test_bounds_that_make_no_sense(self, bounds: Any) -> None:
        with pytest.raises(DefinitionError):
            length("t", *bounds)


class TestMonotonic:
    def test_compares_with_the_last_value_that_is_there(self) -> None:
        found = evaluated(monotonic("x"), x=[1.0, None, 3.0, 2.0, NAN, 2.0, 1.0])
        assert (found.n_evaluated, rows(found)) == (5, [3, 6])

    def test_strictly_and_descending(self) -> None:
        assert rows(evaluated(monotonic("x", strict=True), x=[1, 1, 2])) == [1]
        assert rows(evaluated(monotonic("x", descending=True), x=[3, 3, 4, 1])) == [2]

    @given(st.lists(st.none() | st.integers(-3, 3)), st.booleans(), st.booleans())
    def test_as_a_loop_would_find(self, values: list[int | None], strict: bool, descending: bool) -> None:
        wanted, last = [], None
        for row, value in enumerate(values):
            if value is None:
                continue
            if last is not None:
                step = last - value if descending else value - last
                if step < 0 or (strict and step == 0):
                    wanted.append(row)
            last = value
        table = pa.table({"x": pa.array(values, pa.int64())})
        check = monotonic("x", strict=strict, descending=descending)
        assert rows(NativeEngine().evaluate(Suite("s", [check]), table)[0]) == wanted


class TestExpressions:
    @pytest.mark.parametrize(
        ("text", "failing", "looked_at"),
        [
            ("a < b", [1], 2),
            ("a + 1 <= b", [1], 2),
            ("not (a >= b)", [1], 2),
            ("1 <= a < 3", [1], 3),
            ("a in (1, 3)", [2], 3),
            ("a not in (1, 3)", [0, 1], 3),
            ("is_null(b) or a < b", [1], 4),
            ("coalesce(b, 0) > 0", [2, 3], 4),
            ("a / b < 1", [1], 2),
            ("-a < 0", [], 3),
            ("abs(a - 3) <= 1", [0], 3),
            ("s == 'x' and a < 9", [1], 3),
            ("length(s) == 1", [], 3),
            ("upper(s) == 'X'", [1], 3),
        ],
    )
    def test_rows(self, text: str, failing: list[int], looked_at: int) -> None:
        found = evaluated(expression(text), a=[1, 3, 2, None], b=[2, 3, None, None], s=["x", "y", "x", None])
        assert (rows(found), found.n_evaluated) == (failing, looked_at)

    def test_division_by_zero_is_null(self) -> None:
        found = evaluated(expression("a / b > 0"), a=[1, 1], b=[0, 2])
        assert (found.n_evaluated, rows(found)) == (1, [])

    def test_dates_and_any_column_name(self) -> None:
        days = [dt.date(2026, 1, 1), dt.date(2027, 1, 1)]
        check = expression("col('a day') < date('2026-06-01')")
        assert rows(evaluated(check, **{"a day": days})) == [1]
        moments = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC)]
        assert rows(evaluated(expression("t < timestamp('2026-06-01T00:00:00+00:00')"), t=moments)) == [1]

    def test_a_null_may_be_made_to_fail(self) -> None:
        assert rows(evaluated(expression("a > 0", nulls="fail"), a=[1, None, -1])) == [1, 2]

    def test_an_overflow_is_an_error_not_a_wrong_number(self) -> None:
        found = evaluated(expression("a * 2 > 0"), a=[2**62])
        assert found.status == "error"
        assert "overflow" in found.message

    def test_operands_that_do_not_go_together_are_an_error(self) -> None:
        assert evaluated(expression("a > 'x'"), a=[1]).status == "error"
        assert evaluated(expression("a and b"), a=[1], b=[True]).status == "error"

    def test_a_missing_column_is_named_with_the_nearest(self) -> None:
        assert "'dep_time'" in evaluated(expression("dep_tme > 0"), dep_time=[1]).message

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("__import__('os').system('x') == 0", "no place"),
            ("a.b == 1", "no place"),
            ("a[0] == 1", "no place"),
            ("(lambda: 1)() == 1", "no place"),
            ("[x for x in a] == a", "no place"),
            ("a ** 9 > 1", "no place"),
            ("f'{a}' == 'x'", "no place"),
            ("lenght(a) > 1", "did you mean length()"),
            ("a is None", "is_null"),
            ("a +", "cannot be read"),
            ("a + 1", "no condition"),
            ("1 < 2", "names no column"),
            ("a in b", "in brackets"),
            ("date('2026-13-01') < a", "month"),
            ("", "expression is a text"),
            ("(" * 500 + "a" + ")" * 500 + " > 1", "cannot be read"),
            ("not " * 60 + "(a > 1)", "nested deeper"),
            ("a > 1; import os", "cannot be read"),
        ],
    )
    def test_what_is_no_condition_is_refused_and_never_run(self, text: str, told: str) -> None:
        with pytest.raises(DefinitionError) as refused:
            expression(text)
        assert told in str(refused.value)


class TestOwnFunctions:
    def test_a_mask_of_rows(self) -> None:
        check = custom(lambda table: pc.less(table["a"], table["b"]), "a", "b", name="a below b")
        found = evaluated(check, a=[1, 5, None], b=[2, 2, 2])
        assert (found.n_evaluated, rows(found), found.check.name) == (2, [1], "a, b a below b")

    def test_one_answer_for_the_table(self) -> None:
        assert evaluated(custom(lambda table: table.num_rows == 2, "a", row_scoped=False), a=[1]).n_failed == 1

    @pytest.mark.parametrize("answer", [None, [True], [1, 2], "yes", 1 / 3])
    def test_any_other_answer_is_an_error(self, answer: Any) -> None:
        assert evaluated(custom(lambda table: answer, "a"), a=[1, 2]).status == "error"
        assert evaluated(custom(lambda table: answer, "a", row_scoped=False), a=[1, 2]).status == "error"

    def test_what_it_raises_is_an_error(self) -> None:
        found = evaluated(custom(lambda table: table["nope"], "a"), a=[1])
        assert found.status == "error"
        assert "nope" in found.message

    def test_its_code_counts_in_the_fingerprint(self) -> None:
        def suite(limit: int) -> str:
            check = custom(lambda table: pc.less(table["a"], limit), "a", name="below")
            return NativeEngine().fingerprint(Suite("s", [check]))

        assert suite(1) == suite(1) != suite(2)


class TestFigures:
    def test_quantiles_interpolate(self) -> None:
        found = evaluated(quantile_between("x", 0.5, 0, 2), x=[1.0, 2.0, 3.0, 10.0, None])
        assert (found.observed, found.n_failed) == (2.5, 1)

    def test_the_deviation_is_that_of_a_sample(self) -> None:
        found = evaluated(stddev_between("x", 1, 2), x=[1.0, 3.0, None, NAN])
        assert (found.observed, found.n_failed) == (pytest.approx(2**0.5), 0)
        assert evaluated(stddev_between("x", 0, 1), x=[1.0]).status == "error"
        assert evaluated(quantile_between("x", 0.1, 0, 1), x=pa.array([], pa.float64())).status == "error"

    def test_sums_reconcile(self) -> None:
        assert evaluated(sum_equals("a", "b"), a=[1, 2, None], b=[3, 0, 0]).n_failed == 0
        assert evaluated(sum_equals("a", 3.5, tolerance=0.5), a=[1, 2]).n_failed == 0
        found = evaluated(sum_equals("a", 4), a=[Decimal("1.5"), Decimal("2.0")])
        assert (found.n_failed, found.observed["difference"]) == (1, -0.5)
        assert evaluated(sum_equals("a", 0), a=pa.array([], pa.int64())).n_failed == 0

    @pytest.mark.parametrize("bounds", [(2, 1), (NAN, 1), ("a", 1), (True, 2)])
    def test_bounds_that_make_no_sense(self, bounds: Any) -> None:
        with pytest.raises(DefinitionError):
            stddev_between("x", *bounds)


class TestFreshness:
    def test_of_instants_and_dates(self) -> None:
        now = dt.datetime.now(dt.UTC)
        found = evaluated(fresh("t", "1h"), t=[now - dt.timedelta(days=3), now, None])
        assert (found.n_failed, found.observed["newest"]) == (0, now.isoformat())
        assert evaluated(fresh("t", "1h"), t=[now - dt.timedelta(hours=2)]).n_failed == 1
        assert evaluated(fresh("t", 3600), t=[(now - dt.timedelta(hours=2)).replace(tzinfo=None)]).n_failed == 1
        assert evaluated(fresh("d", "2d"), d=[now.date()]).n_failed == 0

    def test_nothing_to_look_at_is_an_error(self) -> None:
        assert evaluated(fresh("t", "1h"), t=pa.array([None], pa.timestamp("ns"))).status == "error"
        assert evaluated(fresh("t", "1h"), t=["2026-01-01"]).status == "error"


class TestTypes:
    def test_a_narrower_type_is_one_of_the_wider(self) -> None:
        assert evaluated(has_type("a", int), a=pa.array([1], pa.int32())).n_failed == 0
        found = evaluated(has_type("a", int), a=[1.0])
        assert (found.n_failed, found.observed) == (1, "double")

    def test_a_schema_is_a_list_of_checks(self) -> None:
        suite = Suite("s", schema({"a": int, "b": "timestamp[us, tz=UTC]"}, exact=True))
        outcomes = NativeEngine().evaluate(suite, pa.table({"a": [1], "b": ["x"], "c": [1]}))
        assert [outcome.n_failed for outcome in outcomes] == [1, 0, 1]

    def test_what_is_no_type_is_refused(self) -> None:
        with pytest.raises(DefinitionError, match="intt"):
            has_type("a", "intt")
