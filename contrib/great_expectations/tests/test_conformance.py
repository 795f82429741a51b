"""dovetail-great-expectations counts as every check engine does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from dovetail.testing import CheckEngineSuite, PluginSuite, TruthCheck, never

BOUNDS = "Great Expectations makes a float of an int; a bound beyond 2**53 is refused"


class TestPlugin(PluginSuite):
    plugin = "dovetail_great_expectations.plugin"
    engine_modules = ("great_expectations",)


class TestSuites(CheckEngineSuite):
    plugin = "dovetail_great_expectations.plugin"
    with_plugins = ("dovetail_pandas.plugin",)
    engine = "great_expectations"
    frames = ("pandas.DataFrame",)
    gaps = {"check.at_most": never(BOUNDS, raises=NotImplementedError)}
    may_leave = {"tqdm_monitor": "of the progress bar that Great Expectations makes, also where none is shown"}

    def expectation(self, check: TruthCheck) -> Any:
        params, columns = check.params, list(check.columns)
        first = columns[0] if columns else ""
        match check.name:
            case "not_null":
                return gxe.ExpectColumnValuesToNotBeNull(column=first)
            case "unique":
                return gxe.ExpectColumnValuesToBeUnique(column=first)
            case "unique_together":
                return gxe.ExpectCompoundColumnsToBeUnique(column_list=columns)
            case "at_most":
                raise NotImplementedError(BOUNDS)
            case "in_range" | "since":
                return gxe.ExpectColumnValuesToBeBetween(
                    column=first, min_value=params.get("minimum"), max_value=params.get("maximum")
                )
            case "in_set":
                return gxe.ExpectColumnValuesToBeInSet(column=first, value_set=sorted(params["values"]))
            case "matches":
                return gxe.ExpectColumnValuesToMatchRegex(column=first, regex=rf"^(?:{params['pattern']})\Z")
            case "compare":
                return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                    column_A=columns[1], column_B=first, or_equal=params["op"] == "<="
                )
            case "row_count":
                return gxe.ExpectTableRowCountToBeBetween(min_value=params["minimum"], max_value=params["maximum"])
            case "mean_between":
                return gxe.ExpectColumnMeanToBeBetween(
                    column=first, min_value=params["minimum"], max_value=params["maximum"]
                )
            case "columns_present":
                return gxe.ExpectTableColumnsToMatchSet(column_set=columns, exact_match=False)
        raise NotImplementedError(check.name)

    def suite_for(self, check: TruthCheck) -> Any:
        return gx.ExpectationSuite(name=check.name, expectations=[self.expectation(check)])

    def suite_for_all(self, checks: Sequence[TruthCheck]) -> Any:
        return gx.ExpectationSuite(name="all", expectations=[self.expectation(check) for check in checks])
