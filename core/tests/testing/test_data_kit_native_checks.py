"""The core's own check engine and its Arrow table keep what the conformance kit asks of everybody's."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.quality import checks
from dovetail.testing import CheckEngineSuite, TableTransformerSuite, TruthCheck, never


def native(check: TruthCheck) -> checks.Check:
    """One of the twelve checks as a native one."""
    columns, params = check.columns, check.params
    match check.name:
        case "not_null":
            return checks.not_null(*columns)
        case "unique" | "unique_together":
            return checks.unique(*columns)
        case "in_range" | "at_most" | "since":
            return checks.in_range(columns[0], params.get("minimum"), params.get("maximum"))
        case "in_set":
            return checks.in_set(columns[0], params["values"])
        case "matches":
            return checks.matches(columns[0], params["pattern"])
        case "compare":
            return checks.compare(columns[0], params["op"], columns[1])
        case "row_count":
            return checks.row_count(params["minimum"], params["maximum"])
        case "mean_between":
            return checks.mean_between(columns[0], params["minimum"], params["maximum"])
        case "columns_present":
            return checks.columns_present(*columns)
    raise NotImplementedError(check.name)


class TestNativeEngine(CheckEngineSuite):
    plugin = "dovetail.quality.builtin_hooks"
    engine = "native"
    frames = ("pyarrow.Table",)

    def suite_for(self, check: TruthCheck) -> checks.Suite:
        return checks.Suite(check.name, [native(check)])

    def suite_for_all(self, checks_: Sequence[TruthCheck]) -> checks.Suite:
        return checks.Suite("all", [native(check) for check in checks_])


class TestArrowTable(TableTransformerSuite):
    plugin = "dovetail.types.builtin_hooks"
    type = "pyarrow.Table"
    gaps = {
        "install": never(
            "its module is the base of every frame plugin, so it imports pyarrow where a table is at hand"
        ),
    }
