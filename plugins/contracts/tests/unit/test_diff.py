"""Every kind of change, and whom it breaks."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from dovetail_contracts import Change, Contract, Difference, compare_contracts, parse_contract, render_diff_markdown
from dovetail_contracts._yaml import dump
from hypothesis import given
from hypothesis import strategies as st

BASE: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "flights",
    "version": "1.0.0",
    "status": "active",
    "description": {"purpose": "delays"},
    "schema": [
        {
            "name": "flights",
            "physicalName": "flights",
            "properties": [
                {"name": "id", "logicalType": "integer", "primaryKey": True, "logicalTypeOptions": {"format": "i32"}},
                {
                    "name": "carrier",
                    "id": "c",
                    "logicalType": "string",
                    "physicalType": "varchar(2)",
                    "required": True,
                    "enum": [{"value": "AA"}, {"value": "UA"}],
                    "logicalTypeOptions": {"maxLength": 2, "pattern": "^[A-Z]+$"},
                },
                {
                    "name": "delay",
                    "logicalType": "number",
                    "logicalTypeOptions": {"minimum": -120, "maximum": 1500},
                    "quality": [
                        {"metric": "nullValues", "mustBeLessThan": 5, "unit": "percent"},
                        {
                            "metric": "invalidValues",
                            "arguments": {"validValues": [1, 2]},
                            "mustBe": 0,
                            "severity": "warning",
                        },
                        {"type": "text", "description": "measured at the gate"},
                    ],
                },
                {"name": "at", "logicalType": "timestamp", "unique": True},
                {"name": "tags", "logicalType": "array", "items": {"logicalType": "string"}},
                {"name": "place", "logicalType": "object", "properties": [{"name": "x", "logicalType": "number"}]},
            ],
            "quality": [
                {"metric": "rowCount", "mustBeGreaterThan": 100},
                {"type": "sql", "id": "s", "query": "select 1", "mustBe": 1},
            ],
        },
        {"name": "planes", "properties": [{"name": "tail"}]},
    ],
    "slaProperties": [
        {"property": "latency", "value": 4, "unit": "h", "element": "flights.at"},
        {"property": "retention", "value": 3, "unit": "y"},
    ],
}


def at(document: dict[str, Any], path: str) -> tuple[Any, Any]:
    """The table that holds a part, and the key of the part: ``"schema.0.properties.carrier.required"``."""
    *parts, last = path.split(".")
    here: Any = document
    for part in parts:
        here = (
            next((e for e in here if e.get("name") == part), None) or here[int(part)]
            if isinstance(here, list)
            else here[part]
        )
    return here, last


GONE = object()
F = "schema.flights"
C, D = f"{F}.properties.carrier", f"{F}.properties.delay"
RULE, ROWS = f"{D}.quality.0", f"{F}.quality.0"
NEW_RULE = {"metric": "duplicateValues", "mustBe": 0}

# where, new value, for consumers, for producers
CHANGES: list[tuple[str, Any, str, str]] = [
    ("schema.planes", GONE, "breaking", "informational"),
    ("schema.+", {"name": "airports", "properties": [{"name": "code"}]}, "compatible", "compatible"),
    (f"{F}.physicalName", "flights_2", "breaking", "breaking"),
    (f"{F}.description", "all of them", "informational", "informational"),
    (f"{F}.properties.at", GONE, "breaking", "compatible"),
    (f"{F}.properties.+", {"name": "gate"}, "compatible", "breaking"),
    (f"{F}.properties.+", {"name": "gate", "required": True}, "compatible", "breaking"),
    (f"{C}.name", "airline", "breaking", "breaking"),
    (f"{D}.logicalType", "integer", "breaking", "breaking"),
    (f"{F}.properties.id.logicalType", "number", "breaking", "breaking"),
    (f"{F}.properties.at.logicalType", "date", "breaking", "breaking"),
    (f"{F}.properties.id.logicalTypeOptions.format", "i64", "breaking", "compatible"),
    (f"{F}.properties.id.logicalTypeOptions.format", "i16", "compatible", "breaking"),
    (f"{C}.physicalType", "varchar(3)", "breaking", "compatible"),
    (f"{C}.physicalType", "varchar(1)", "compatible", "breaking"),
    (f"{C}.physicalType", "text", "breaking", "breaking"),
    (f"{C}.physicalType", "VARCHAR(2)", "informational", "informational"),
    (f"{C}.required", GONE, "breaking", "compatible"),
    (f"{D}.required", True, "compatible", "breaking"),
    (f"{F}.properties.at.unique", False, "breaking", "compatible"),
    (f"{D}.unique", True, "compatible", "breaking"),
    (f"{F}.properties.id.primaryKey", GONE, "breaking", "breaking"),
    (f"{C}.primaryKey", True, "breaking", "breaking"),
    (f"{D}.logicalTypeOptions.maximum", 2000, "breaking", "compatible"),
    (f"{D}.logicalTypeOptions.maximum", 1000, "compatible", "breaking"),
    (f"{D}.logicalTypeOptions.minimum", -200, "breaking", "compatible"),
    (f"{D}.logicalTypeOptions.minimum", 0, "compatible", "breaking"),
    (f"{D}.logicalTypeOptions.minimum", GONE, "breaking", "compatible"),
    (f"{D}.logicalTypeOptions.exclusiveMaximum", 1500, "compatible", "breaking"),
    (f"{D}.logicalTypeOptions.multipleOf", 5, "compatible", "breaking"),
    (f"{C}.logicalTypeOptions.maxLength", 3, "breaking", "compatible"),
    (f"{C}.logicalTypeOptions.minLength", 2, "compatible", "breaking"),
    (f"{C}.logicalTypeOptions.pattern", "^[A-Z]{2}$", "breaking", "breaking"),
    (f"{C}.logicalTypeOptions.pattern", GONE, "breaking", "compatible"),
    (f"{C}.enum", [{"value": "AA"}], "compatible", "breaking"),
    (f"{C}.enum", [{"value": "AA"}, {"value": "UA"}, {"value": "DL"}], "breaking", "compatible"),
    (f"{C}.enum", GONE, "breaking", "compatible"),
    (f"{RULE}.mustBeLessThan", 3, "compatible", "breaking"),
    (f"{RULE}.mustBeLessThan", 9, "breaking", "compatible"),
    (f"{RULE}.unit", "rows", "breaking", "breaking"),
    (f"{RULE}.severity", "warning", "breaking", "compatible"),
    (f"{RULE}.name", "few nulls", "informational", "informational"),
    (RULE, GONE, "breaking", "compatible"),
    (f"{D}.quality.+", NEW_RULE, "compatible", "breaking"),
    (f"{D}.quality.+", {**NEW_RULE, "severity": "warning"}, "compatible", "compatible"),
    (f"{D}.quality.+", {"type": "text", "description": "never late"}, "compatible", "compatible"),
    (f"{D}.quality.1.arguments", {"validValues": [1, 2, 3]}, "informational", "informational"),
    (f"{D}.quality.1.severity", "error", "compatible", "breaking"),
    (f"{D}.quality.2", GONE, "informational", "informational"),
    (f"{ROWS}.mustBeGreaterThan", 50, "breaking", "compatible"),
    (f"{ROWS}.mustBeGreaterThan", 200, "compatible", "breaking"),
    (f"{F}.quality.1.query", "select 2", "breaking", "breaking"),
    (f"{F}.properties.tags.items.logicalType", "integer", "breaking", "breaking"),
    (f"{F}.properties.place.properties.x", GONE, "breaking", "compatible"),
    (f"{F}.properties.place.properties.+", {"name": "y"}, "compatible", "breaking"),
    (f"{F}.properties.at.deprecated", True, "compatible", "compatible"),
    (f"{F}.properties.at.description", "UTC", "informational", "informational"),
    (f"{F}.properties.at.tags", ["time"], "informational", "informational"),
    ("slaProperties.0.value", 2, "compatible", "breaking"),
    ("slaProperties.0.value", 8, "breaking", "compatible"),
    ("slaProperties.1.value", 1, "breaking", "compatible"),
    ("slaProperties.1.value", 5, "compatible", "breaking"),
    ("slaProperties.0", GONE, "breaking", "compatible"),
    ("version", "1.1.0", "informational", "informational"),
    ("status", "retired", "breaking", "compatible"),
    ("status", "deprecated", "informational", "informational"),
    ("apiVersion", "v3.2.0", "informational", "informational"),
    ("description", {"purpose": "more"}, "informational", "informational"),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    holder, key = at(document, path)
    if key == "+":
        holder.append(value)
    elif isinstance(holder, list):
        number = next((n for n, each in enumerate(holder) if each.get("name") == key), None)
        number = int(key) if number is None else number
        if value is GONE:
            del holder[number]
        else:
            holder[number] = value
    elif value is GONE:
        del holder[key]
    else:
        holder[key] = value
    return document


def contract(document: dict[str, Any]) -> Contract:
    return parse_contract(dump(document))


def compared(old: dict[str, Any], new: dict[str, Any]) -> Difference:
    return compare_contracts(contract(old), contract(new))


@pytest.mark.parametrize(("path", "value", "consumers", "producers"), CHANGES, ids=lambda each: str(each)[:60])
def test_a_change_is_classified(path: str, value: Any, consumers: str, producers: str) -> None:
    difference = compared(BASE, changed(path, value))
    if path == "schema.planes":
        producers = "compatible"
    (change,) = difference.changes
    assert (change.level("consumers"), change.level("producers")) == (consumers, producers), change
    assert (change.level("both") == "breaking") == ("breaking" in (consumers, producers))
    assert difference.breaking("consumers") == (consumers == "breaking")


@pytest.mark.parametrize(("path", "value", "consumers", "producers"), CHANGES, ids=lambda each: str(each)[:60])
def test_the_way_back_breaks_the_other_side(path: str, value: Any, consumers: str, producers: str) -> None:
    """What only one side lost, the other had; a change without a direction breaks both ways."""
    (there,) = compared(BASE, changed(path, value)).changes
    (back,) = compared(changed(path, value), BASE).changes
    if path in ("schema.planes", "schema.+", "status") or path.endswith(("deprecated", "place.properties.+")):
        return  # a new table or column breaks nobody who reads
    assert (back.consumers, back.producers) == (there.producers, there.consumers), (there, back)


@pytest.mark.parametrize("path", sorted({path for path, *_ in CHANGES}))
def test_nothing_changed_is_no_change(path: str) -> None:
    document = changed(path, next(value for each, value, *_ in CHANGES if each == path))
    assert compared(document, document).changes == ()


@given(st.lists(st.sampled_from(CHANGES), min_size=2, max_size=4))
def test_the_order_of_columns_means_nothing(found: list[Any]) -> None:
    path, value, *_ = found[0]
    new = changed(path, value)
    turned = copy.deepcopy(new)
    turned["schema"] = turned["schema"][::-1]
    for element in turned["schema"]:
        element["properties"] = element["properties"][::-1]
    assert set(map(str, compared(BASE, turned).changes)) == set(map(str, compared(BASE, new).changes))


def test_markdown_of_a_hostile_contract_is_text() -> None:
    evil = "<img src=x onerror=alert(1)> | [a](javascript:x) `b`"
    new = changed(f"{F}.properties.+", {"name": evil})
    new["schema"][0]["description"] = evil
    page = render_diff_markdown(compared(BASE, new), evil)
    prose = re.sub(r"(?<!\\)`[^`]*`", "", page)  # without what stands as code
    assert "<img" not in prose
    assert not re.search(r"(?<!\\)\]\(", prose)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


def test_a_change_reads_as_a_line() -> None:
    assert Change("t.a.required", "required removed", consumers=True).text() == "required removed"
    assert Change("t.a", "limit loosened", old="<= 5", new="<= 9").text() == "limit loosened: '<= 5' -> '<= 9'"
