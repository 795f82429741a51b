"""What of a Pandera schema a gate evaluates, refuses, or reads differently."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pap
import pandera.polars as pa
import polars as pl
import pyarrow
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality import Gate

OPEN = {"on_fail": "quarantine", "max_quarantined": 1.0, "min_rows": 0}


def look(suite, value, types, **options):
    result = Gate(suite, **{**OPEN, **options}).evaluate(value, types=types)
    return result, {check.check_id: check for check in result.report.checks}


def failing(result) -> dict[int, list[str]]:
    if result.quarantined is None:
        return {}
    return dict(
        zip(result.quarantined["_dv_row"].to_pylist(), result.quarantined["_dv_checks"].to_pylist(), strict=True)
    )


BOTH = pytest.mark.parametrize(("lib", "frame"), [(pa, pl.DataFrame), (pap, pd.DataFrame)], ids=["polars", "pandas"])


@BOTH
def test_each_check_is_counted_by_itself(lib, frame, types) -> None:
    schema = lib.DataFrameSchema(
        {
            "a": lib.Column(int, [lib.Check.ge(0), lib.Check.le(10)], unique=True),
            "b": lib.Column(str, lib.Check.str_length(1, 3)),
        },
        name="both",
    )
    value = frame({"a": [1, -1, 11, 5, 5], "b": ["x", "xxxx", "x", "", "x"]})
    result, checks = look(schema, value, types)
    assert failing(result) == {
        1: ["a.greater_than_or_equal_to(min_value=0)", "b.str_length(max_value=3,min_value=1)"],
        2: ["a.less_than_or_equal_to(max_value=10)"],
        3: ["a.unique", "b.str_length(max_value=3,min_value=1)"],
        4: ["a.unique"],
    }
    assert checks["a.unique"].n_keys == 1
    assert result.report.suite == "both" and result.report.engine["name"] == "pandera"
    assert type(result.value) is frame and len(result.value) == 1


@BOTH
def test_models_are_suites(lib, frame, types) -> None:
    class Flight(lib.DataFrameModel):
        carrier: str = lib.Field(isin=["UA", "AA"])
        delay: float = lib.Field(in_range={"min_value": -60, "max_value": 1500}, nullable=True)

    result, _ = look(Flight, frame({"carrier": ["UA", "XX"], "delay": [None, 3.0]}), types)
    assert result.report.suite == "Flight"
    assert list(failing(result)) == [1]


@BOTH
def test_a_wrong_type_or_a_missing_column_blocks(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int, lib.Check.ge(0)), "b": lib.Column(int)})
    result, checks = look(schema, frame({"a": ["x", "y"]}), types)
    assert result.report.decision == "block" and result.value is None
    assert checks["a.dtype"].status == "fail" and checks["a.dtype"].observed
    assert checks["table.present"].observed == {"missing": ["b"]}
    assert checks["b.dtype"].status == "error" and "no column 'b'" in checks["b.dtype"].message


@BOTH
def test_a_column_that_need_not_be_there(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int), "b": lib.Column(int, lib.Check.ge(0), required=False)})
    assert look(schema, frame({"a": [1]}), types)[0].report.decision == "publish"
    assert failing(look(schema, frame({"a": [1, 1], "b": [1, -1]}), types)[0]).keys() == {1}


@BOTH
def test_strict_ordered_and_filter(lib, frame, types) -> None:
    columns = {"a": lib.Column(int), "b": lib.Column(int)}
    value = frame({"b": [1], "a": [1], "c": [1]})
    result, checks = look(lib.DataFrameSchema(columns, strict=True, ordered=True), value, types)
    assert result.report.decision == "block"
    assert checks["table.strict"].observed == {"extra": ["c"]}
    assert checks["table.ordered"].observed == {"order": ["b", "a"]}
    result, checks = look(lib.DataFrameSchema(columns, strict="filter"), value, types)
    assert result.report.decision == "publish_with_warnings" and checks["table.strict"].status == "warn"
    assert result.value is value  # a gate takes no columns away


@BOTH
def test_columns_by_pattern(lib, frame, types) -> None:
    schema = lib.DataFrameSchema(
        {
            "m_.+": lib.Column(int, lib.Check.ge(0), regex=True),
            "m_free": lib.Column(int),
            "q_.+": lib.Column(int, regex=True),
        }
    )
    result, checks = look(schema, frame({"m_1": [1, -1], "m_2": [-1, 1], "m_free": [-5, -5]}), types, on_fail="warn")
    assert checks["table.present"].observed == {"missing": ["q_.+"]}
    assert checks["m_1.greater_than_or_equal_to(min_value=0)"].n_failed == 1
    assert checks["m_2.greater_than_or_equal_to(min_value=0)"].n_failed == 1
    assert "m_free.greater_than_or_equal_to(min_value=0)" not in checks
    assert result.report.rows_failed == 2


@BOTH
def test_coerce_checks_what_would_come_out_and_changes_nothing(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int, lib.Check.ge(0), coerce=True, nullable=True)})
    value = frame({"a": ["1", "x", "-1", None]})
    result, checks = look(schema, value, types)
    assert failing(result) == {1: ["a.coerce"], 2: ["a.greater_than_or_equal_to(min_value=0)"]}
    assert checks["a.dtype"].status == "warn"
    assert checks["a.coerce"].n_evaluated == 3
    left = result.value["a"]
    assert left.to_list()[0] == "1" and len(left) == 2


@BOTH
def test_a_type_that_fits_needs_no_coercion(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int)}, coerce=True)
    assert look(schema, frame({"a": [1, 2]}), types)[0].report.decision == "publish"


@BOTH
def test_a_type_for_the_whole_table(lib, frame, types) -> None:
    _, checks = look(lib.DataFrameSchema(dtype=int), frame({"a": [1], "b": ["x"]}), types)
    assert checks["a.dtype"].status == "pass" and checks["b.dtype"].status == "fail"


@BOTH
def test_the_type_of_the_whole_table_overrides_those_of_columns(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(str), "b": lib.Column(checks=lib.Check.ge(0))}, dtype=int)
    result, checks = look(schema, frame({"a": [1], "b": [1]}), types)
    assert result.report.decision == "publish", result.report.reason
    assert checks["a.dtype"].status == checks["b.dtype"].status == "pass"


@BOTH
def test_coercion_reaches_checks_of_the_whole_table(lib, frame, types) -> None:
    check = lib.Check(lambda d: d.lazyframe.select(pl.col("a") > 0)) if lib is pa else lib.Check(lambda df: df["a"] > 0)
    schema = lib.DataFrameSchema({"a": lib.Column(int, coerce=True, nullable=True)}, checks=check)
    result, _ = look(schema, frame({"a": ["1", "-1", "x"]}), types)
    assert failing(result) == {1: ["table.check0"], 2: ["a.coerce"]}


def test_columns_of_pandas_may_have_any_name(types) -> None:
    schema = pap.DataFrameSchema(
        {0: pap.Column(int, pap.Check.ge(0), coerce=True)}, checks=pap.Check(lambda df: df[0] < 9)
    )
    _, checks = look(schema, pd.DataFrame({0: [1, -1, 10]}), types, on_fail="drop")
    found = {name: [row["row"] for row in check.sample] for name, check in checks.items() if check.n_failed}
    assert found == {"0.greater_than_or_equal_to(min_value=0)": [1], "table.check0": [2]}


def test_the_fingerprint_follows_what_a_strict_schema_allows() -> None:
    def fingerprint(*optional):
        columns = {name: pa.Column(required=False, nullable=True) for name in optional}
        return Gate(pa.DataFrameSchema({"a": pa.Column(int), **columns}, strict=True)).fingerprint()

    assert fingerprint("b") == fingerprint("b") != fingerprint("b", "c")


@BOTH
def test_joint_uniqueness_counts_all_rows_whatever_the_schema_reports(lib, frame, types) -> None:
    options = {"report_duplicates": "exclude_first"} if lib is pap else {}  # Pandera ignores it on polars, and says so
    schema = lib.DataFrameSchema(unique=["a", "b"], **options)
    result, _ = look(schema, frame({"a": [1, 1, 1], "b": ["x", "x", "y"]}), types)
    assert failing(result) == {0: ["a,b.unique"], 1: ["a,b.unique"]}


@BOTH
def test_drop_invalid_rows_does_not_hide_them(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int, lib.Check.ge(0))}, drop_invalid_rows=True)
    result, _ = look(schema, frame({"a": [1, -1]}), types, on_fail="block")
    assert result.report.decision == "block"


@BOTH
def test_failure_cases_are_not_cut_off(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int, lib.Check.ge(0, n_failure_cases=1))})
    assert len(failing(look(schema, frame({"a": [-1, -1, -1]}), types)[0])) == 3


@BOTH
def test_raise_warning_only_warns(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int, lib.Check.ge(0, raise_warning=True))})
    result, _ = look(schema, frame({"a": [-1]}), types)
    assert result.report.decision == "publish_with_warnings" and len(result.value) == 1


@BOTH
def test_ignore_na_false_fails_nulls(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(float, lib.Check.ge(0, ignore_na=False), nullable=True)})
    result, checks = look(schema, frame({"a": [1.0, None, float("nan"), -1.0]}), types)
    assert list(failing(result)) == [1, 2, 3]
    assert checks["a.greater_than_or_equal_to(min_value=0)"].n_evaluated == 4


@BOTH
def test_infinities_are_values_and_a_column_of_nulls_has_none(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(checks=lib.Check.in_range(0, 1), unique=True, nullable=True)})
    infinite = pyarrow.table({"a": [float("inf"), float("-inf"), 0.5]})
    result, checks = look(schema, infinite, types)
    assert list(failing(result)) == [0, 1]
    nothing = pyarrow.table({"a": pyarrow.nulls(3, pyarrow.float64())})
    result, checks = look(schema, nothing, types)
    assert failing(result) == {}
    assert {check.n_evaluated for name, check in checks.items() if name != "table.present"} == {0}


@BOTH
def test_the_same_check_twice_has_two_ids(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(int, [lib.Check.ge(0), lib.Check.ge(0)])})
    _, checks = look(schema, frame({"a": [-1]}), types)
    assert {"a.greater_than_or_equal_to(min_value=0)", "a.greater_than_or_equal_to(min_value=0)#2"} <= set(checks)


@BOTH
def test_parsers_are_refused_because_a_gate_changes_nothing(lib, frame, types) -> None:
    schema = lib.DataFrameSchema({"a": lib.Column(str, parsers=pap.Parser(lambda s: s.str.strip()))})
    with pytest.raises(DefinitionError, match="parsers"):
        Gate(schema).check(types)
    with pytest.raises(DefinitionError, match="parsers"):
        look(schema, frame({"a": ["x"]}), types)


@BOTH
def test_a_schema_that_checks_nothing_is_refused(lib, frame, types) -> None:
    with pytest.raises(DefinitionError, match="checks nothing"):
        Gate(lib.DataFrameSchema()).check(types)
    with pytest.raises(DefinitionError, match="checks nothing"):
        look(lib.DataFrameSchema(), frame({"a": [1]}), types)


def test_describe_names_every_check_before_there_is_data(types) -> None:
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int, pa.Check.in_range(0, 9)), "m_.+": pa.Column(int, regex=True)}, strict=True
    )
    info = Gate(schema, name="g").check(types, pl.DataFrame)
    assert [check.id for check in info.checks] == [
        "table.present",
        "table.strict",
        "a.dtype",
        "a.not_null",
        "a.in_range(include_max=True,include_min=True,max_value=9,min_value=0)",
        "m_.+.dtype",
        "m_.+.not_null",
    ]


def test_what_is_no_schema_of_a_table_is_refused_by_name(types) -> None:
    for suite in (pap.SeriesSchema(int), pap.Column(int), pap.Index(int)):
        with pytest.raises(DefinitionError, match="not in this version"):
            Gate(suite).check(types)


def test_other_kinds_of_schema_are_refused_by_name(types) -> None:
    from pandera.api.base.schema import BaseSchema

    for library in ("pyspark", "ibis", "pyarrow", "geopandas"):
        made = type("DataFrameSchema", (BaseSchema,), {"__module__": f"pandera.api.{library}.container"})
        with pytest.raises(DefinitionError, match="not in this version"):
            Gate(object.__new__(made)).check(types)


def test_a_model_that_cannot_be_built_is_refused(types) -> None:
    class Broken(pa.DataFrameModel):
        a: no_such_type  # noqa: F821

    with pytest.raises(DefinitionError, match="cannot be built"):
        Gate(Broken).check(types)
