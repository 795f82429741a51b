"""What each part of a contract asks of a table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from dovetail.errors import DefinitionError, UsageError
from dovetail_contracts import parse_contract


def rule(metric: str, **more: Any) -> dict[str, Any]:
    return {"name": "a", "quality": [{"metric": metric, **more}]}


VALUES = {"a": [1, 2, 2, None]}
TEXTS = {"a": ["x", "yy", "", None]}
DAYS = {"a": [dt.date(2026, 1, 1), dt.date(2026, 1, 31)]}
P = {"name": "a"}

FAILING = [
    # property, columns, failing rows by check id
    ({**P, "required": True}, VALUES, {"a.not_null": 1}),
    ({**P, "unique": True}, VALUES, {"a.unique": 2}),
    ({**P, "primaryKey": True}, VALUES, {"a.not_null": 1, "a.unique": 2}),
    ({**P, "logicalType": "integer", "logicalTypeOptions": {"minimum": 2}}, VALUES, {"a.in_range([2, ...])": 1}),
    (
        {**P, "logicalType": "integer", "logicalTypeOptions": {"exclusiveMinimum": 1}},
        VALUES,
        {"a.in_range((1, ...])": 1},
    ),
    (
        {**P, "logicalType": "integer", "logicalTypeOptions": {"minimum": 1, "exclusiveMinimum": True}},
        VALUES,
        {"a.in_range((1, ...])": 1},
    ),
    ({**P, "logicalType": "integer", "logicalTypeOptions": {"multipleOf": 2}}, VALUES, {"a.custom(multiple of 2)": 1}),
    (
        {**P, "logicalType": "number", "logicalTypeOptions": {"multipleOf": 0.1}},
        {"a": [0.1, 0.25, 0.3]},
        {"a.custom(multiple of 0.1)": 1},
    ),
    ({**P, "logicalType": "string", "logicalTypeOptions": {"minLength": 1}}, TEXTS, {"a.length(length >= 1)": 1}),
    ({**P, "logicalType": "string", "logicalTypeOptions": {"pattern": "^.$"}}, TEXTS, {"a.regex(matches .)": 2}),
    (
        {**P, "logicalType": "string", "logicalTypeOptions": {"pattern": "y"}},
        TEXTS,
        {"a.regex(matches (?s:.*)(?:y)(?s:.*))": 2},
    ),
    (
        {**P, "logicalType": "date", "logicalTypeOptions": {"maximum": "2026-01-30"}},
        DAYS,
        {"a.in_range([..., 2026-01-30])": 1},
    ),
    ({**P, "logicalType": "string", "enum": [{"value": "x"}, {"value": ""}]}, TEXTS, {"a.in_set(one of ['x', ''])": 1}),
    (
        {**P, "logicalType": "array", "logicalTypeOptions": {"uniqueItems": True, "maxItems": 2}},
        {"a": [[1, 1], [1, 2, 3]]},
        {"a.custom(unique items)": 1, "a.length(length 0 to 2)": 1},
    ),
    (rule("nullValues", mustBe=0), VALUES, {"a.not_null": 1}),
    (rule("duplicateValues", mustBe=0), VALUES, {"a.unique": 2}),
    (rule("invalidValues", mustBe=0, arguments={"validValues": [1]}), VALUES, {"a.in_set(one of [1])": 2}),
    (rule("invalidValues", mustBe=0, arguments={"pattern": "^x*$"}), TEXTS, {"a.regex(matches x*)": 1}),
    (
        rule("missingValues", mustBe=0, arguments={"missingValues": [None, ""]}),
        TEXTS,
        {"a.expression(not (col('a') in ('',)))[nulls=fail]": 2},
    ),
    ({**P, "quality": [{"rule": "duplicateCount", "mustBeLessThan": 1}]}, VALUES, {"a.unique": 2}),
    ({**P, "quality": [{"rule": "validValues", "validValues": [1, 2]}]}, {"a": [3]}, {"a.in_set(one of [1, 2])": 1}),
    (
        {
            **P,
            "quality": [
                {"type": "custom", "engine": "dovetail", "implementation": {"check": "monotonic", "column": "a"}}
            ],
        },
        {"a": [2, 1]},
        {"a.monotonic(ascending)": 1},
    ),
]


@pytest.mark.parametrize(("prop", "columns", "expected"), FAILING, ids=lambda each: str(each)[:60])
def test_what_fails_is_counted_by_row(contract_of, judge, prop, columns, expected) -> None:
    report = judge(contract_of(prop), columns)
    assert {each.check_id: each.n_failed for each in report.checks if each.n_failed} == expected
    assert report.decision == "block"
    assert all(each.row_scoped for each in report.checks if each.n_failed)


LIMITS = [
    # metric, demand, unit, values, passes
    ("nullValues", {"mustBeLessThan": 2}, "rows", VALUES, True),
    ("nullValues", {"mustBeLessThan": 1}, "rows", VALUES, False),
    ("nullValues", {"mustBeLessOrEqualTo": 1}, None, VALUES, True),
    ("nullValues", {"mustBeLessThan": 25}, "percent", VALUES, False),
    ("nullValues", {"mustBeLessOrEqualTo": 25}, "percent", VALUES, True),
    ("nullValues", {"mustBeLessThan": 25.1}, "percent", VALUES, True),
    ("nullValues", {"mustBe": 1}, "rows", VALUES, True),
    ("nullValues", {"mustBe": 2}, "rows", VALUES, False),
    ("nullValues", {"mustNotBe": 1}, "rows", VALUES, False),
    ("nullValues", {"mustBeGreaterThan": 0}, "rows", VALUES, True),
    ("nullValues", {"mustBeGreaterOrEqualTo": 2}, "rows", VALUES, False),
    ("nullValues", {"mustBeBetween": [0, 1]}, "rows", VALUES, True),
    ("nullValues", {"mustBeBetween": [2, 3]}, "rows", VALUES, False),
    ("nullValues", {"mustNotBeBetween": [0, 2]}, "rows", VALUES, False),
    ("nullValues", {"mustBeGreaterThan": 0, "mustBeLessThan": 2}, "rows", VALUES, True),
    ("nullValues", {"mustBeBetween": [20, 30]}, "percent", VALUES, True),
    ("nullValues", {"mustBeLessThan": 0}, "rows", VALUES, False),
    ("duplicateValues", {"mustBeLessThan": 3}, "rows", VALUES, True),
    ("duplicateValues", {"mustBeLessThan": 67}, "percent", VALUES, True),
    ("duplicateValues", {"mustBeLessThan": 66}, "percent", VALUES, False),
]


@pytest.mark.parametrize(("metric", "demand", "unit", "columns", "passes"), LIMITS)
def test_limits_of_a_metric(contract_of, judge, metric, demand, unit, columns, passes) -> None:
    report = judge(contract_of(rule(metric, **demand, **({"unit": unit} if unit else {}))), columns)
    assert report.decision == ("publish" if passes else "block")


ROWS = [
    ({"mustBe": 4}, True),
    ({"mustBe": 3}, False),
    ({"mustBeGreaterThan": 4}, False),
    ({"mustBeGreaterThan": 3}, True),
    ({"mustBeGreaterOrEqualTo": 4}, True),
    ({"mustBeLessThan": 4}, False),
    ({"mustBeLessThan": 4.5}, True),
    ({"mustBeBetween": [1, 4]}, True),
    ({"mustBeBetween": [5, 9]}, False),
    ({"mustNotBe": 4}, False),
    ({"mustNotBeBetween": [1, 3]}, True),
]


@pytest.mark.parametrize(("demand", "passes"), ROWS)
def test_number_of_rows(contract_of, judge, demand, passes) -> None:
    report = judge(contract_of(P, quality=[{"metric": "rowCount", **demand}]), VALUES)
    assert report.decision == ("publish" if passes else "block")


SQL = [
    ("select count(*) from {object}", {"mustBe": 4}, True),
    ("select count(*) from ${table} where ${column} is null", {"mustBeLessThan": 1}, False),
    ("select avg({property}) from {object}", {"mustBeBetween": [1.6, 1.7]}, True),
    ("select max({property}) > 5 from {object}", {"mustBe": True}, False),
    ("select 0.1::decimal(3, 1)", {"mustBe": 0.1}, True),
]


@pytest.mark.parametrize(("query", "demand", "passes"), SQL)
def test_rules_in_sql(contract_of, judge, query, demand, passes) -> None:
    report = judge(contract_of({**P, "quality": [{"type": "sql", "query": query, **demand}]}), VALUES)
    assert report.decision == ("publish" if passes else "block"), report.checks


TYPES = [
    ("integer", ["x"], False),
    ("integer", [1], True),
    ("number", [1], True),
    ("number", [True], False),
    ("string", ["x"], True),
    ("date", [dt.date(2026, 1, 1)], True),
    ("date", [dt.datetime(2026, 1, 1)], False),
    ("timestamp", [dt.datetime(2026, 1, 1)], True),
    ("boolean", [True], True),
    ("object", [{"x": 1}], True),
    ("array", [[1]], True),
    ("map", [[1]], False),
    ("string", [None], True),
]


@pytest.mark.parametrize(("kind", "values", "passes"), TYPES)
def test_logical_types(contract_of, judge, kind, values, passes) -> None:
    more = {"map": {"key": {"logicalType": "string"}, "value": {"logicalType": "string"}}} if kind == "map" else {}
    report = judge(contract_of({**P, "logicalType": kind, **more}), {"a": values})
    assert report.decision == ("publish" if passes else "block")


def test_types_inside_of_a_column(contract_of, judge) -> None:
    inner = [{"name": "x", "logicalType": "integer"}, {"name": "y", "logicalType": "string"}]
    prop = {**P, "logicalType": "array", "items": {"logicalType": "object", "properties": inner}}
    assert judge(contract_of(prop), {"a": [[{"x": 1, "y": "s"}]]}).decision == "publish"
    report = judge(contract_of(prop), {"a": [[{"x": "no"}]]})
    assert (
        next(each.message for each in report.checks if each.status == "fail")
        == "[].x is string, not integer; [].y is not there"
    )


def test_a_demand_on_a_nested_property_is_not_silently_left_out(contract_of, judge) -> None:
    prop = {**P, "logicalType": "object", "properties": [{"name": "x", "logicalType": "integer", "required": True}]}
    report = judge(contract_of(prop), {"a": [{"x": 1}]})
    assert report.blocked
    assert "required of a nested property" in next(each.message for each in report.checks if each.status == "error")


def test_what_the_contract_tolerates_stays(contract_of, judge) -> None:
    limited = rule("nullValues", mustBeLessThan=50, unit="percent")
    report = judge(contract_of(limited), VALUES, on_fail="drop")
    (check,) = (each for each in report.checks if each.check_id == "a.not_null")
    assert (check.status, check.n_failed, report.rows_clean) == ("pass", 1, 4)


def test_the_limits_of_the_gate_go_before(contract_of, judge) -> None:
    limited = rule("nullValues", mustBeLessThan=50, unit="percent")
    assert judge(contract_of(limited), VALUES, thresholds={"a.not_null": 0}).blocked


def test_severity_dimension_and_name(contract_of, judge) -> None:
    dressed = rule("nullValues", mustBe=0, severity="warning", dimension="cf", name="filled")
    report = judge(contract_of(dressed), VALUES)
    (check,) = (each for each in report.checks if each.check_id == "a.not_null")
    assert (check.status, check.dimension, check.name) == ("warn", "conformity", "filled")
    assert report.decision == "publish_with_warnings"


@pytest.mark.parametrize(("age", "passes"), [(1, True), (5, False)])
@pytest.mark.parametrize("element", ["t.at", "at"])
def test_latency_is_freshness(contract_of, judge, age, passes, element) -> None:
    found = contract_of(
        {"name": "at", "logicalType": "timestamp"},
        slaProperties=[{"property": "latency", "value": 4, "unit": "d", "element": element}],
    )
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=age)
    assert judge(found, {"at": [at]}).blocked is not passes


def test_the_physical_name_is_the_column(contract_of, judge) -> None:
    found = contract_of({"name": "carrier", "physicalName": "cr", "required": True})
    assert judge(found, {"cr": ["x"]}).decision == "publish"


def test_a_missing_column_blocks_whatever_the_action(contract_of, judge) -> None:
    for action in ("drop", "warn", "quarantine", "block"):
        assert judge(contract_of({"name": "b", "required": True}), VALUES, on_fail=action).blocked


def test_one_table_of_several_is_named() -> None:
    text = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: '1'\nschema:\n"
    found = parse_contract(text + "  - {name: a, properties: [{name: x}]}\n  - {name: b, properties: [{name: y}]}\n")
    assert found.schemas == ("a", "b")
    assert found.suite("b").name == "b"
    with pytest.raises(UsageError, match="2 tables"):
        found.suite()
    with pytest.raises(UsageError, match="no schema 'bb'"):
        found.suite("bb")


def test_ids_do_not_depend_on_limits(contract_of) -> None:
    one, other = (contract_of(rule("nullValues", mustBeLessThan=limit)).suite() for limit in (5, 9))
    assert [step.info.id for step in one.steps] == [step.info.id for step in other.steps]


def test_errors_name_the_line() -> None:
    text = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: '1'\nschema:\n  - name: t\n    properties:\n"
    with pytest.raises(DefinitionError) as caught:
        parse_contract(text + "      - name: a\n        requird: true\n", "c.odcs.yaml").suite()
    assert caught.value.who == "c.odcs.yaml, line 9"
    assert caught.value.fix == "did you mean 'required'?"
