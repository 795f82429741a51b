"""What a gate found, as facets of OpenLineage: assertions on the dataset, metrics of its columns, tests of the run.

Facets by the schemas ``DataQualityAssertionsDatasetFacet`` 1-1-0, ``DataQualityMetricsInputDatasetFacet`` 1-0-3 and
``TestRunFacet`` 1-0-1 of https://openlineage.io/spec/facets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dovetail.quality._profile import ColumnProfile
from dovetail.quality._report import CheckReport, Report
from dovetail.quality._words import as_list

_SPEC = "https://openlineage.io/spec/facets"
_ASSERTIONS = f"{_SPEC}/1-1-0/DataQualityAssertionsDatasetFacet.json"
_METRICS = f"{_SPEC}/1-0-3/DataQualityMetricsInputDatasetFacet.json"
_TESTS = f"{_SPEC}/1-0-1/TestRunFacet.json"
_SEVERITY = {"error": "error", "warning": "warn"}


@dataclass(frozen=True, slots=True)
class LineageFacets:
    """Facets of one or several reports.

    Attributes:
        datasets: By ``(namespace, name)`` of the dataset: its ``inputFacets``, of gates whose dataset is known.
        run: The ``facets`` of the run, with the tests of gates whose dataset is not known; empty if there are none.
    """

    datasets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


def lineage_facets(reports: Report | Iterable[Report], *, producer: str) -> LineageFacets:
    """The facets that an OpenLineage event about these gates carries.

    Args:
        reports: One report, or several of one run.
        producer: URI of what emits the event: ``_producer`` of every facet.
    """
    found = LineageFacets()
    for report in as_list(reports):
        dataset = report.dataset or {}
        namespace, name = dataset.get("namespace"), dataset.get("name")
        if not namespace or not name:
            tests = found.run.setdefault("test", {"_producer": producer, "_schemaURL": _TESTS, "tests": []})
            tests["tests"] += [_test(report, check) for check in report.checks]
            continue
        facets = found.datasets.setdefault((namespace, name), {})
        assertions = facets.setdefault(
            "dataQualityAssertions", {"_producer": producer, "_schemaURL": _ASSERTIONS, "assertions": []}
        )
        assertions["assertions"] += [one for check in report.checks for one in _assertions(report, check)]
        if report.profile is not None:
            facets["dataQualityMetrics"] = {
                "_producer": producer,
                "_schemaURL": _METRICS,
                "rowCount": report.rows_in,
                "columnMetrics": {column.name: _metrics(column) for column in report.profile},
            }
    return found


def _assertions(report: Report, check: CheckReport) -> list[dict[str, Any]]:
    """One for each column of the check; a skipped check asserts nothing."""
    if check.status == "skipped":
        return []
    told = {"assertion": check.kind, "success": check.status not in ("fail", "error"), **_told(report, check)}
    return [{**told, "column": column} for column in check.columns] or [told]


def _test(report: Report, check: CheckReport) -> dict[str, Any]:
    status = {"skipped": "skip", "fail": "fail", "error": "fail"}.get(check.status, "pass")
    return {"status": status, "type": check.kind, **_told(report, check)}


def _told(report: Report, check: CheckReport) -> dict[str, Any]:
    """What assertions and tests have in common."""
    actual = check.n_failed if check.row_scoped else check.observed
    found = {
        "name": check.check_id,
        "description": check.name,
        "severity": _SEVERITY.get(check.severity, check.severity),
        "expected": check.expected,
        "actual": None if actual is None else str(actual),
        "params": {
            "gate": report.gate,
            "status": check.status,
            "evaluated": check.n_evaluated,
            "decision": report.decision,
        },
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _metrics(column: ColumnProfile) -> dict[str, Any]:
    numbers = {"min": column.minimum, "max": column.maximum}
    found: dict[str, Any] = {
        "nullCount": column.nulls + column.nans,
        "count": column.rows - column.nulls - column.nans,
        **{name: value for name, value in numbers.items() if _is_number(value)},
    }
    if column.distinct is not None and column.distinct_exact:
        found["distinctCount"] = column.distinct
    if column.mean is not None:
        found["sum"] = column.mean * found["count"]
    if column.quantiles:
        found["quantiles"] = column.quantiles
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
