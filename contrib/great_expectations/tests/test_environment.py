"""Suites by reference where Great Expectations is not installed beside dovetail: evaluated in its environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError, EngineUnavailable
from dovetail.testing import HubHarness, IsolatedSuite

SUITE = {
    "name": "people",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id", "mostly": 0.5}, "meta": {}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}, "meta": {}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "id", "max_value": 9}, "meta": {}},
    ],
    "meta": {},
}
TABLE = pa.table({"id": pa.array([1, 1, 2, None], pa.int64())})


def stored(file: Path | str) -> Any:
    """By the plugin as it is in a hub that never had the library."""
    from dovetail_great_expectations import stored

    return stored(file)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(SUITE))
    return file


class TestEnvironment(IsolatedSuite):
    plugin = "dovetail_great_expectations.plugin"
    with_plugins = ("dovetail_pandas.plugin",)
    environment = "great_expectations"
    may_leave = {"tqdm_monitor": "of the progress bar that Great Expectations makes, also where none is shown"}

    def test_a_gate_with_a_suite_by_reference(self, hub: HubHarness, suite: Path) -> None:
        """As a call and in a run: counts and rows come back, and nothing of the library is imported here."""
        gate = dt.Gate(stored(suite), on_fail="quarantine", max_quarantined="60%")
        gate.check(hub.types, pa.Table)
        result = gate.evaluate(TABLE, types=hub.types)
        told = [(each.check_id, each.status, each.n_evaluated, each.n_failed) for each in result.report.checks[:3]]
        assert told == [
            ("id.not_be_null", "warn", 4, 1),
            ("id.be_unique", "fail", 3, 2),
            ("id.mean_to_be_between(max_value=9.0)", "pass", 1, 0),
        ]
        assert result.report.checks[0].thresholds == {"warn": 0, "fail": "50%"}
        assert result.report.engine["version"].startswith("1.")
        assert result.value["id"].to_pylist() == [2, None]
        assert result.quarantined["_dv_row"].to_pylist() == [0, 1]

        @dt.task
        def checked() -> Annotated[pa.Table, gate]:
            return TABLE

        @dt.workflow
        def flow() -> pa.Table:
            return checked()

        run = hub.run(flow)
        assert run.value["id"].to_pylist() == [2, None]
        assert sys.modules["great_expectations"] is None  # hidden all the while

    def test_its_version_is_that_of_the_suite(self, hub: HubHarness, suite: Path) -> None:
        gate = dt.Gate(stored(suite))
        before = gate.fingerprint(hub.types)
        assert dt.Gate(stored(suite)).fingerprint(hub.types) == before
        suite.write_text(json.dumps({**SUITE, "expectations": SUITE["expectations"][:1]}))
        assert dt.Gate(stored(suite)).fingerprint(hub.types) != before

    def test_what_cannot_be_evaluated_there_blocks_here(self, hub: HubHarness, suite: Path) -> None:
        gate = dt.Gate(stored(suite), on_fail="warn")
        report = gate.evaluate(TABLE.rename_columns(["key"]), types=hub.types).report
        assert report.decision == "block"
        assert [each.status for each in report.checks[:3]] == ["error"] * 3

    def test_a_suite_that_cannot_be_read_there_is_told(self, hub: HubHarness, suite: Path) -> None:
        suite.write_text(json.dumps({**SUITE, "expectations": [{"type": "expect_moon", "kwargs": {}}]}))
        with pytest.raises(DefinitionError, match="expect_moon"):
            dt.Gate(stored(suite)).evaluate(TABLE, types=hub.types)

    def test_a_function_of_the_project_makes_the_suite_there(
        self, hub: HubHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))  # as `dovetail run` does with the directory of the pipeline
        (tmp_path / "suites_of_the_project.py").write_text(
            "import great_expectations.expectations as gxe\n"
            "def ids():\n"
            "    return [gxe.ExpectColumnValuesToNotBeNull(column='id')]\n"
        )
        gate = dt.Gate(stored("suites_of_the_project:ids"))
        assert gate.evaluate(TABLE, types=hub.types).report.checks[0].n_failed == 1

    def test_an_object_of_the_library_cannot_be_brought_there(self, hub: HubHarness) -> None:
        cls = type("ExpectationSuite", (), {"__module__": "great_expectations.core.expectation_suite"})
        with pytest.raises(EngineUnavailable, match="pip install"):
            dt.Gate(cls()).check(hub.types)
