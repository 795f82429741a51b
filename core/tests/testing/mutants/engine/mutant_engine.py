# ruff: noqa: F401  # what is put in by a mutant uses them
import threading
from dataclasses import replace

import pyarrow as pa
from dovetail.quality import checks
from dovetail.quality.checks._engine import NativeEngine
from dovetail.spec import CheckEngine, CheckEngineSpec, CheckOutcome, SuiteInfo, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_check_engines():
    return [CheckEngineSpec("mutant", "mutant_engine:Engine", suites=("mutant_engine.Suite",), install="pip install m")]


class Suite:
    def __init__(self, *found):
        self.checks = found


def doubled(values):
    return [row for row, value in enumerate(values) if values.count(value) > 1]


class Engine(CheckEngine):
    name = "mutant"

    def native(self, suite):
        return checks.Suite("mutant", suite.checks)

    def version(self):
        return "1"

    def describe(self, suite):
        return SuiteInfo("mutant", tuple(check.info for check in suite.checks))

    def frames(self, suite):
        return ("polars.DataFrame",)

    def fingerprint(self, suite):
        return NativeEngine().fingerprint(self.native(suite))

    def evaluate(self, suite, value):
        table = value.to_arrow()
        return [self.found(check, table, value) for check in suite.checks]

    def found(self, check, table, value):
        (outcome,) = NativeEngine().evaluate(checks.Suite("one", [check]), table)
        if outcome.status == "evaluated" and check.info.row_scoped:
            outcome.failed_rows = outcome.failed_rows.to_pylist()
        return outcome
