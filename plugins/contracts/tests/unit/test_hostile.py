"""Contracts that are wrong, foreign or made to do harm: none ends green, none hangs."""

from __future__ import annotations

from typing import Any

import pytest
from dovetail.errors import DovetailError
from dovetail_contracts import _sql, parse_contract, read_contract
from dovetail_contracts._yaml import parse

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: '1'\n"
TABLE = HEAD + "schema:\n  - name: t\n    properties:\n      - name: a\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

UNREADABLE = {
    "aliases that grow": BOMB,
    "an alias of itself": "a: &a [*a]",
    "an alias of nothing": "a: *b",
    "brackets without end": "[" * 100_000,
    "deep brackets": "[" * 5000 + "]" * 5000,
    "braces without end": "{" * 100_000,
    "deep maps": "".join(f"{' ' * depth}a:\n" for depth in range(200)),
    "ten megabytes": "a: " + "x" * 10_000_000,
    "too many values": "[" + "1," * 300_000 + "]",
    "a key twice": HEAD + "id: y\n",
    "a key twice, nested": TABLE + "        required: true\n        required: false\n",
    "a merge key": "a: &a {b: 1}\nc:\n  <<: *a\n",
    "a tag of Python": "a: !!python/object/apply:os.system ['true']",
    "a tag of its own": "a: !secret b",
    "binary": "a: !!binary aGVsbG8=",
    "two documents": HEAD + "---\n" + HEAD,
    "nothing": "",
    "a list": "- a",
    "a text": "hello",
    "no YAML": "a: [1\nb: }",
    "a tab": "a:\n\t- b",
    "no text": b"\xff\xfe\x00",
    "a zero": "a: \x00",
    "a list as a key": "[a, b]: c",
    "a number with many digits": HEAD + "contractCreatedTs: " + "9" * 5000,
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused(text: str | bytes) -> None:
    with pytest.raises(DovetailError) as caught:
        parse_contract(text, "c.odcs.yaml").suite()
    assert "c.odcs.yaml" in (caught.value.who or "") or caught.value.why


WRONG = ["text", 5, 1.5, True, None, [], ["x"], [1, [2]], {}, {"x": 1}, "2026-01-01", ".nan"]
PLACES = ["apiVersion", "kind", "id", "version", "schema", "slaProperties"]
PARTS = ["name", "properties", "quality", "logicalType"]
OF_PROPERTY = ["name", "logicalType", "logicalTypeOptions", "required", "unique", "primaryKey", "enum", "quality"]
OF_RULE = [
    "type",
    "metric",
    "arguments",
    "unit",
    "mustBe",
    "mustBeLessThan",
    "mustBeBetween",
    "dimension",
    "query",
    "engine",
]


def built(place: str, value: Any) -> dict[str, Any]:
    """A contract that is right but for one value."""
    rule = {"metric": "invalidValues", "arguments": {"validValues": [9]}, "mustBe": 0}
    prop: dict[str, Any] = {"name": "a", "logicalType": "integer", "required": True, "quality": [rule]}
    element: dict[str, Any] = {"name": "t", "properties": [prop], "quality": [{"metric": "rowCount", "mustBe": 99}]}
    top: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "x",
        "version": "1",
        "schema": [element],
    }
    kind, _, name = place.partition(".")
    {"top": top, "table": element, "property": prop, "rule": rule}[kind][name] = value
    return top


CASES = [
    *((f"top.{name}", value) for name in PLACES for value in WRONG),
    *((f"table.{name}", value) for name in PARTS for value in WRONG),
    *((f"property.{name}", value) for name in OF_PROPERTY for value in WRONG),
    *((f"rule.{name}", value) for name in OF_RULE for value in WRONG),
]


@pytest.mark.parametrize(("place", "value"), CASES, ids=lambda each: str(each)[:40])
def test_wrong_values_never_end_green(judge, place: str, value: Any) -> None:
    """The data break the contract: it has a null, no 9, and not 99 rows. Whatever is changed, no gate lets them through."""
    from dovetail_contracts._yaml import dump

    try:
        report = judge(parse_contract(dump(built(place, value)), "c.odcs.yaml"), {"a": [1, None]})
    except DovetailError as error:
        assert error.who or error.fix
        return
    assert report.decision == "block", report.summary()


FOREIGN = [
    {"type": "text", "description": "It is good."},
    {"type": "custom", "engine": "soda", "implementation": "type: duplicate_percent"},
    {"type": "custom", "engine": "greatExpectations", "implementation": {"type": "expect_x"}},
    {"type": "custom", "engine": "dovetail", "implementation": "check: not_null"},
    {"type": "custom", "engine": "dovetail", "implementation": {"check": "nothing"}},
    {"type": "custom", "engine": "dovetail", "implementation": {"check": "custom", "function": "os.system"}},
    {"type": "custom", "engine": "dovetail", "implementation": {"check": "not_null", "column": "a", "fail": "200%"}},
    {"type": "custom", "engine": "dovetail", "implementation": {"check": "row_count", "fail": 1}},
    {"metric": "freshness", "mustBe": 0},
    {"metric": "nullValues", "mustBe": "zero"},
    {"metric": "nullValues", "mustBe": 0, "unit": "days"},
    {"metric": "nullValues", "mustBe": 0, "arguments": {"surprise": 1}},
    {"metric": "invalidValues", "mustBe": 0},
    {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": []}},
    {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": [[1]]}},
    {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["x"], "pattern": "x"}},
    {"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "(?=x)"}},
    {"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "("}},
    {"metric": "missingValues", "mustBe": 0, "arguments": {"missingValues": []}},
    {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": [1]}},
    {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["zzz"]}},
    {"metric": "rowCount", "mustBe": 2, "unit": "percent"},
]


@pytest.mark.parametrize("rule", FOREIGN, ids=lambda rule: str(rule)[:70])
def test_rules_that_cannot_be_evaluated_block(contract_of, judge, rule: dict[str, Any]) -> None:
    """Whatever the action; and each is told by itself beside the others."""
    found = contract_of({"name": "a", "quality": [rule, {"metric": "nullValues", "mustBe": 0}]})
    for action in ("block", "warn", "drop"):
        report = judge(found, {"a": ["x", "x"]}, on_fail=action)
        assert report.decision == "block"
        assert [each.status for each in report.checks].count("error") == 1
        assert any(each.check_id == "a.not_null" and each.status == "pass" for each in report.checks)


def test_what_is_unsupported_may_be_allowed_and_shows_amber(contract_of, judge) -> None:
    found = contract_of({"name": "a", "quality": [FOREIGN[0], FOREIGN[1]]})
    report = judge(found, {"a": ["x"]}, allow_unsupported=True)
    assert report.decision == "publish_with_warnings"
    assert [each.status for each in report.checks].count("skipped") == 2
    assert all(each.message for each in report.checks if each.status == "skipped")


SQL = {
    "reads a file": "select count(*) from read_text('/etc/passwd')",
    "reads a table of CSV": "select count(*) from '/etc/passwd.csv'",
    "writes a file": "copy (select 1) to '{path}'",
    "attaches": "attach '{path}' as x",
    "installs": "install httpfs",
    "loads": "load httpfs",
    "sets": "set enable_external_access = true",
    "two statements": "select 0; drop table t",
    "drops": "drop view t",
    "no statement": "--",
    "nonsense": "selec 0",
    "two values": "select 0, 0",
    "two rows": "select unnest([0, 0])",
    "no row": "select 0 where false",
    "null": "select null",
    "a text": "select '0'",
    "not a number": "select 'nan'::double",
    "environment": "select getenv('HOME')",
    "another table": "select count(*) from runs",
    "a Python variable": "select count(*) from table",
    "no column": "select {property} from {object}",
}


@pytest.mark.parametrize("query", SQL.values(), ids=SQL)
def test_hostile_sql_blocks(contract_of, judge, tmp_path, query: str) -> None:
    target = tmp_path / "written"
    rule = {"type": "sql", "query": query.replace("{path}", str(target)), "mustBe": 0}
    report = judge(contract_of({"name": "a"}, quality=[rule]), {"a": [1]})
    assert report.blocked
    assert not target.exists()


def test_a_query_without_end_is_ended(contract_of, judge, monkeypatch) -> None:
    monkeypatch.setattr(_sql.answer, "__defaults__", (0.5,))
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    report = judge(contract_of({"name": "a"}, quality=[{"type": "sql", "query": endless, "mustBe": 0}]), {"a": [1]})
    assert report.blocked
    assert "longer than 0.5 s" in next(each.message for each in report.checks if each.status == "error")


def test_names_of_columns_are_quoted_in_sql(contract_of, judge) -> None:
    name = 'a"; drop table t; --'
    rule = {"type": "sql", "query": "select count({property}) from {object}", "mustBe": 1}
    assert judge(contract_of({"name": name, "quality": [rule]}), {name: [1]}).decision == "publish"


def test_a_file_that_is_not_there_or_no_file(tmp_path) -> None:
    for path in (tmp_path / "none.odcs.yaml", tmp_path):
        with pytest.raises(DovetailError):
            read_contract(path)


def test_limits_hold_without_libyaml(monkeypatch) -> None:
    import yaml

    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    for name in ("aliases that grow", "deep brackets", "an alias of itself", "a tag of Python", "ten megabytes"):
        with pytest.raises(DovetailError):
            parse(UNREADABLE[name], "c")
