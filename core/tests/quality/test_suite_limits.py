"""Limits that a suite sets itself, and suites in files that a plugin reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.cli import find_gate
from dovetail.config import Settings
from dovetail.errors import UsageError
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.quality.checks import Suite, not_null
from dovetail.quality.checks.engines import NativeEngine
from dovetail.spec import CheckEngineSpec, hookimpl
from dovetail.types import current_types


class Tolerant(Suite):
    """A suite that tolerates two failing rows."""


class TolerantEngine(NativeEngine):
    name = "tolerant"

    def thresholds(self, suite: Tolerant) -> Mapping[str, Any]:
        return {"a.not_null": {"warn": 2, "fail": 2}}


def read(path: Path, name: str | None, allow_unsupported: bool) -> Tolerant:
    return Tolerant(f"{path.name} {name} {allow_unsupported}", [not_null("a")])


class Plugin:
    DOVETAIL_API = 1
    __name__ = "tolerant_plugin"

    @hookimpl
    def dovetail_check_engines(self) -> list[CheckEngineSpec]:
        suites, here = (f"{Tolerant.__module__}.Tolerant",), TolerantEngine.__module__
        reader = f"{here}:read"
        return [CheckEngineSpec("tolerant", f"{here}:TolerantEngine", suites, files=(".suite.txt",), reader=reader)]


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path) -> Iterator[None]:
    with use_catalogue(build_catalogue(Settings(project_root=tmp_path), extra=[Plugin()])):
        yield


def judged(failing: int, **options: Any) -> Any:
    table = pa.table({"a": pa.array([None] * failing + [1], pa.int64())})
    return dt.Gate(Tolerant("s", [not_null("a")]), **options).evaluate(table, types=current_types()).report


@pytest.mark.parametrize(("failing", "decision"), [(0, "publish"), (2, "publish"), (3, "block")])
def test_rows_within_the_limit_of_the_suite_are_no_warning(failing: int, decision: str) -> None:
    report = judged(failing)
    assert (report.decision, report.checks[0].n_failed) == (decision, failing)
    assert report.policy["thresholds"] == {"a.not_null": {"warn": 2, "fail": 2}}


def test_limits_of_the_gate_go_before() -> None:
    assert judged(2, thresholds={"a.*": 1}).decision == "block"
    assert judged(3, thresholds={"a.*": 5}).decision == "publish_with_warnings"


@pytest.mark.parametrize(
    ("named", "allow", "told"),
    [
        ("x.suite.txt", False, "x.suite.txt None False"),
        ("x.suite.txt:flights", True, "x.suite.txt flights True"),
        ("X.SUITE.TXT", False, "X.SUITE.TXT None False"),
    ],
)
def test_the_ending_of_a_file_names_its_reader(named: str, allow: bool, told: str) -> None:
    assert find_gate(named, {"on_fail": "warn"}, allow).suite.name == told


def test_endings_that_nobody_reads_are_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError) as caught:
        find_gate("x.yaml", {})
    assert ".suite.txt, .toml" in (caught.value.fix or "")
    with pytest.raises(UsageError, match="is for contracts"):
        find_gate("x.toml", {}, allow_unsupported=True)
