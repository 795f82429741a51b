"""dovetail-contracts passes the conformance kit: a contract counts as every check engine does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dovetail.quality import Check
from dovetail.quality.checks import (
    columns_present,
    compare,
    has_type,
    in_range,
    in_set,
    matches,
    mean_between,
    not_null,
    row_count,
    unique,
)
from dovetail.spec import CheckOutcome
from dovetail.testing import CheckEngineSuite, PluginSuite, TruthCheck, never
from dovetail_contracts import parse_contract, write_contract


class TestPlugin(PluginSuite):
    plugin = "dovetail_contracts.plugin"
    engine_modules = ("duckdb",)
    gaps = {"command.contract": never("integration/test_command.py tests it")}


MAKERS = {
    "not_null": not_null,
    "unique": unique,
    "in_range": in_range,
    "in_set": in_set,
    "regex": matches,
    "compare": lambda left, right, op: compare(left, op, right),
    "row_count": row_count,
    "mean": mean_between,
    "dtype": lambda column, **params: has_type(column, *params.values()),
    "column_exists": columns_present,
}


def native(check: TruthCheck) -> Check:
    """The native check of one line of the truth table."""
    return MAKERS[check.kind](*check.columns, **check.params)  # type: ignore[no-any-return, operator]


class TestContracts(CheckEngineSuite):
    """Every check is written as a contract, read back from its text, and evaluated."""

    plugin = "dovetail_contracts.plugin"
    engine = "contracts"
    frames = ("pyarrow.Table",)

    def suite_for(self, check: TruthCheck) -> Any:
        return self.suite_for_all([check])

    def suite_for_all(self, checks: Sequence[TruthCheck]) -> Any:
        written = write_contract([native(check) for check in checks], "truth")
        assert not written.texts
        return parse_contract(written.text).suite()

    def outcome_of(self, check: TruthCheck, outcomes: Sequence[CheckOutcome]) -> CheckOutcome:
        wanted = native(check).info
        (found,) = (each for each in outcomes if each.check == wanted)
        return found
