"""Pandera schemas behind gates, on whatever frame comes: the type that goes in comes out."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import dovetail as dt
import pandas as pd
import pandera.pandas as pap
import pandera.polars as pa
import polars as pl
import pyarrow
import pytest
from dovetail.errors import ConversionError, DovetailError, GateBlocked
from dovetail.quality import Gate, collect_reports
from dovetail.types import current_types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

POLARS = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.ge(0)), "b": pa.Column(str)})
PANDAS = pap.DataFrameSchema({"a": pap.Column(checks=pap.Check.ge(0)), "b": pap.Column(str)})
DATA = {"a": [1, -1, 2, 3], "b": ["x", "y", "z", "ä"]}
HALF = {"on_fail": "quarantine", "max_quarantined": "50%"}


@pytest.mark.parametrize("suite", [POLARS, PANDAS], ids=["polars schema", "pandas schema"])
@pytest.mark.parametrize("make", [pl.DataFrame, pl.LazyFrame, pd.DataFrame, pyarrow.table], ids=str)
def test_clean_rows_keep_the_type_that_came_in(suite, make, types) -> None:
    value = make(DATA)
    result = Gate(suite, **HALF).evaluate(value, types=types)
    assert type(result.value) is type(value)
    rows = result.value.collect() if isinstance(result.value, pl.LazyFrame) else result.value
    assert [str(x) for x in (rows["b"].to_pylist() if isinstance(rows, pyarrow.Table) else rows["b"])] == [
        "x",
        "z",
        "ä",
    ]
    assert result.quarantined.select(["a", "b"]).to_pylist() == [{"a": -1, "b": "y"}]
    report = result.report
    assert (report.rows_in, report.rows_clean, report.rows_quarantined) == (4, 3, 1)


def test_on_a_lazy_frame_pandera_itself_sees_nothing() -> None:
    """The trap this plugin avoids. Should it ever close, the eager detour can be reconsidered."""
    POLARS.validate(pl.LazyFrame(DATA), lazy=True)  # no error, although a row is bad


def test_a_lazy_frame_is_collected_once(types) -> None:
    seen = []

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        seen.append(frame.height)
        return frame

    lazy = pl.LazyFrame(DATA).map_batches(count)
    result = Gate(POLARS, **HALF).evaluate(lazy, types=types)
    assert result.value.collect().height == 3
    assert seen == [4]  # what was checked is what is published


@pytest.mark.parametrize("index", [[5, 5, 1, 1], ["d", "c", "b", "a"], pd.MultiIndex.from_product([[1, 2], [1, 2]])])
def test_rows_of_a_pandas_frame_are_ordinals_whatever_its_index(index, types) -> None:
    value = pd.DataFrame(DATA, index=index)
    result = Gate(PANDAS, **HALF).evaluate(value, types=types)
    assert result.quarantined["_dv_row"].to_pylist() == [1]
    pd.testing.assert_frame_equal(result.value, value.iloc[[0, 2, 3]])
    pd.testing.assert_frame_equal(value, pd.DataFrame(DATA, index=index))  # untouched


def test_the_index_is_checked_too(types) -> None:
    schema = pap.DataFrameSchema({"a": pap.Column(int)}, index=pap.Index(int, pap.Check.ge(0), unique=True, name="key"))
    value = pd.DataFrame({"a": [1, 2, 3]}, index=pd.Index([0, 0, -1], name="key"))
    report = Gate(schema, on_fail="warn").evaluate(value, types=types).report
    found = {check.check_id: check.n_failed for check in report.checks}
    assert found["key.unique"] == 2 and found["key.greater_than_or_equal_to(min_value=0)"] == 1
    levels = pap.MultiIndex([pap.Index(int, name="x"), pap.Index(int, pap.Check.ge(2), name="y")])
    schema = pap.DataFrameSchema({"a": pap.Column(int)}, index=levels)
    value = pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 1), (1, 2)], names=["x", "y"]))
    report = Gate(schema, on_fail="warn").evaluate(value, types=types).report
    assert {c.check_id: c.n_failed for c in report.checks}["y.greater_than_or_equal_to(min_value=2)"] == 1


def test_columns_of_one_name_are_an_error(types) -> None:
    value = pd.DataFrame([[1, 2, "x"]], columns=["a", "a", "b"])
    report = Gate(PANDAS, on_fail="warn").evaluate(value, types=types).report
    assert report.decision == "block"
    assert any("2 columns are named 'a'" in check.message for check in report.checks)


def test_rows_that_arrow_cannot_hold_still_block_with_a_report(types) -> None:
    value = pd.DataFrame({"a": [-1, -2], "b": ["x", "y"], "mixed": [1, "x"]})
    result = Gate(PANDAS).evaluate(value, types=types)
    assert result.report.decision == "block" and result.quarantined is None
    assert "could not be kept" in result.report.reason
    assert [row["row"] for check in result.report.checks for row in check.sample] == [0, 1]
    with pytest.raises(DovetailError):  # to set aside what cannot be written is to lose it
        Gate(PANDAS, on_fail="quarantine", max_quarantined=1.0, min_rows=0).evaluate(value, types=types)


def test_switching_pandera_off_does_not_open_the_gate() -> None:
    code = (
        "import pandera.polars as pa, polars as pl\n"
        "from dovetail.quality import Gate\n"
        "from dovetail.errors import GateBlocked\n"
        "schema = pa.DataFrameSchema({'a': pa.Column(int, pa.Check.ge(0))})\n"
        "schema.validate(pl.DataFrame({'a': [-1]}))\n"
        "try:\n    Gate(schema)(pl.DataFrame({'a': [-1]}))\n"
        "except GateBlocked:\n    print('blocked')\n"
    )
    for switch in ({"PANDERA_VALIDATION_ENABLED": "False"}, {"PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"}):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=switch, check=False)
        assert done.stdout == "blocked\n", done.stderr


def test_schemas_of_both_libraries_live_in_one_process_in_any_order(types) -> None:
    check = pa.Check.ge(0)  # one object in two schemas
    for suite, value in (
        (pa.DataFrameSchema({"a": pa.Column(checks=check)}), pl.DataFrame({"a": [-1, 1]})),
        (pap.DataFrameSchema({"a": pap.Column(checks=check)}), pd.DataFrame({"a": [-1, 1]})),
        (pa.DataFrameSchema({"a": pa.Column(checks=check)}), pl.DataFrame({"a": [-1, 1]})),
    ):
        assert Gate(suite, **HALF).evaluate(value, types=types).report.rows_quarantined == 1


def test_a_gate_marks_the_output_of_a_task() -> None:
    @dt.task
    def clean(limit: int) -> Annotated[pl.DataFrame, dt.Gate(POLARS, on_fail="quarantine", max_quarantined="50%")]:
        return pl.DataFrame(DATA).filter(pl.col("a") < limit)

    with collect_reports() as reports:
        assert clean(3)["a"].to_list() == [1, 2]
        with pytest.raises(GateBlocked):
            clean(0)
    assert [report.decision for report in reports] == ["publish_clean_quarantine_rest", "block"]


def test_a_gate_is_a_node_of_a_workflow() -> None:
    @dt.task
    def raw() -> pl.DataFrame:
        return pl.DataFrame(DATA)

    @dt.task
    def count(frame: pl.DataFrame) -> int:
        return frame.height

    gate = dt.Gate(POLARS, on_fail="drop", max_quarantined=1)

    @dt.workflow
    def flow() -> int:
        return count(gate(raw()))

    assert flow() == 3


def test_a_gate_behind_what_is_no_table_is_an_error_at_definition() -> None:
    with pytest.raises(ConversionError):

        @dt.task
        def wrong() -> Annotated[int, dt.Gate(POLARS)]:
            return 1


values = st.lists(st.tuples(st.none() | st.integers(-5, 5), st.none() | st.sampled_from("xyz")), max_size=25)
SUITES = [
    pa.DataFrameSchema(
        {"a": pa.Column(checks=pa.Check.ge(0), unique=True), "b": pa.Column(checks=pa.Check.isin(["x", "y"]))}
    ),
    pap.DataFrameSchema(
        {"a": pap.Column(checks=pap.Check.ge(0), unique=True), "b": pap.Column(checks=pap.Check.isin(["x", "y"]))}
    ),
]


@given(values, st.sampled_from(["quarantine", "drop"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_law_rows_are_conserved_and_both_libraries_agree(data, action) -> None:
    table = pyarrow.table(
        {"a": [a for a, _ in data], "b": [b for _, b in data]}, schema=pyarrow.schema([("a", "int64"), ("b", "string")])
    )
    results = [
        Gate(suite, on_fail=action, max_quarantined=1.0, min_rows=0).evaluate(table, types=current_types())
        for suite in SUITES
    ]
    for result in results:
        report = result.report
        assert report.rows_in == report.rows_clean + report.rows_quarantined + report.rows_dropped
    first, second = ([(c.check_id, c.n_evaluated, c.n_failed, c.n_keys) for c in r.report.checks] for r in results)
    assert first == second
    assert results[0].value.equals(results[1].value)


def test_a_missing_column_leads_to_the_one_that_is_meant(types) -> None:
    schema = pap.DataFrameSchema({"minuts": pap.Column(int)})
    report = Gate(schema).evaluate(pl.DataFrame({"minutes": [1]}), types=types).report
    assert {check.message for check in report.checks if check.status in ("fail", "error")} == {
        "there is no column 'minuts'; did you mean 'minutes'?"
    }
