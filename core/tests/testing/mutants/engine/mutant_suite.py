from dovetail.quality import checks
from dovetail.testing import CheckEngineSuite
from mutant_engine import Suite

MAKE = {
    "not_null": lambda check: checks.not_null(*check.columns),
    "unique": lambda check: checks.unique(*check.columns),
    "in_range": lambda check: checks.in_range(
        check.columns[0], check.params.get("minimum"), check.params.get("maximum")
    ),
    "in_set": lambda check: checks.in_set(check.columns[0], check.params["values"]),
    "regex": lambda check: checks.matches(check.columns[0], check.params["pattern"]),
    "compare": lambda check: checks.compare(check.columns[0], check.params["op"], check.columns[1]),
    "row_count": lambda check: checks.row_count(**check.params),
    "mean": lambda check: checks.mean_between(check.columns[0], **check.params),
    "column_exists": lambda check: checks.columns_present(*check.columns),
}


class Mutant(CheckEngineSuite):
    plugin = "mutant_engine"
    with_plugins = ("dovetail_polars.plugin",)
    engine = "mutant"
    frames = ("polars.DataFrame",)

    def suite_for(self, check):
        return Suite(MAKE[check.kind](check))

    def suite_for_all(self, checks):
        return Suite(*(MAKE[check.kind](check) for check in checks))
