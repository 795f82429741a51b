"""The result record as OpenLineage facets, and its own JSON Schema."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pyarrow as pa
import pytest
from dovetail.quality import CheckReport, ColumnProfile, Gate, Report, Suite, lineage_facets, profile, report_schema
from dovetail.quality.checks import compare, in_range, mean_between, not_null, unique
from dovetail.types import current_types

TABLE = pa.table({"a": [1, 2, None, 400], "b": [0.5, 1.5, 2.5, 3.5]})
SUITE = Suite(
    "numbers",
    [not_null("a"), in_range("a", 0, 100), unique("b"), compare("a", "<", "b"), mean_between("b", 0, 9), not_null("z")],
)


@pytest.fixture
def report() -> Report:
    found = (
        Gate(SUITE, name="numbers")
        .evaluate(TABLE, types=current_types(), dataset={"namespace": "files", "name": "numbers.parquet"})
        .report
    )
    found.profile = profile(TABLE)
    return found


def test_a_gate_of_a_known_dataset_asserts_on_it(report):
    found = lineage_facets(report, producer="https://example.org/hub")
    assert not found.run
    facets = found.datasets["files", "numbers.parquet"]
    told = {(one["assertion"], one.get("column")): one for one in facets["dataQualityAssertions"]["assertions"]}
    assert told["not_null", "a"]["success"] is False
    assert told["not_null", "a"]["actual"] == "1"
    assert told["unique", "b"]["success"] is True
    assert told["mean", "b"]["actual"] == "2.0"
    assert told["compare", "a"]["name"] == told["compare", "b"]["name"]
    assert told["not_null", "z"]["success"] is False, "what cannot be evaluated is no success"
    assert told["row_count", None]["success"] is True
    assert {one["severity"] for one in told.values()} == {"error"}
    metrics = facets["dataQualityMetrics"]
    assert metrics["rowCount"] == 4
    assert metrics["columnMetrics"]["a"] | {"quantiles": 0} == {
        "nullCount": 1, "count": 3, "min": 1, "max": 400, "distinctCount": 3, "sum": 403.0, "quantiles": 0,
    }  # fmt: skip
    for facet in facets.values():
        assert facet["_producer"] == "https://example.org/hub"
        assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/1-")
    json.dumps(facets, allow_nan=False)


def test_without_a_dataset_they_are_tests_of_the_run(report):
    report.dataset = None
    report.checks[0].status = "skipped"
    report.checks[1].status, report.checks[1].severity = "warn", "warning"
    found = lineage_facets([report], producer="https://example.org/hub")
    assert not found.datasets
    tests = found.run["test"]["tests"]
    assert [one["status"] for one in tests] == ["skip", "pass", "pass", "fail", "pass", "fail", "pass"]
    assert tests[1]["severity"] == "warn"
    assert all(isinstance(one.get("actual", ""), str) for one in tests)


def test_a_skipped_check_asserts_nothing(report):
    for check in report.checks:
        check.status = "skipped"
    assert (
        lineage_facets(report, producer="x").datasets["files", "numbers.parquet"]["dataQualityAssertions"]["assertions"]
        == []
    )


def test_reports_are_as_their_schema_says(report):
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(report.to_dict())), schema)
    broken = report.to_dict() | {"decision": "perhaps"}
    with pytest.raises(jsonschema.ValidationError, match="perhaps"):
        jsonschema.validate(broken, schema)


@pytest.mark.parametrize(("record", "place"), [(Report, None), (CheckReport, "check"), (ColumnProfile, "column")])
def test_the_schema_names_every_field(record, place):
    schema = report_schema()
    there = schema if place is None else schema["$defs"][place]
    assert set(there["properties"]) == {one.name for one in dataclasses.fields(record)}
