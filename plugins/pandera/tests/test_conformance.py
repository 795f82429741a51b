"""dovetail-pandera counts as every check engine does, on frames of both libraries."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandera.pandas as pandera_pandas
import pandera.polars as pandera_polars
import polars as pl
from dovetail.testing import CheckEngineSuite, PluginSuite, TruthCheck, never

OPERATORS = {"<=": operator.le, "<": operator.lt}
BERLIN = ZoneInfo("Europe/Berlin")


def between(mean: float | None, low: float, high: float) -> bool:
    """What a function of a user's own says of a mean; that there is none is for it to say."""
    if mean is None or mean != mean:
        raise ValueError("there is no value")
    return bool(low <= mean <= high)


class TestPlugin(PluginSuite):
    plugin = "dovetail_pandera.plugin"
    engine_modules = ("pandera",)


class Translation:
    """The twelve checks as schemas of Pandera; what differs by library is in the subclasses."""

    lib: Any
    end: str

    def on_table(self, check: TruthCheck) -> Any:
        """A function over the whole frame."""
        raise NotImplementedError

    gaps = {
        f"columns.{name}": never("a function that is given the whole frame does not say what it reads")
        for name in ("compare", "mean_between")
    }

    def column(self, check: TruthCheck, *checks: Any, **options: Any) -> Any:
        return self.lib.DataFrameSchema({check.columns[0]: self.lib.Column(checks=[*checks], nullable=True, **options)})

    def suite_for(self, check: TruthCheck) -> Any:
        lib, params = self.lib, check.params
        match check.name:
            case "not_null":
                return lib.DataFrameSchema({check.columns[0]: lib.Column(nullable=False)})
            case "unique":
                return self.column(check, unique=True)
            case "unique_together":
                return lib.DataFrameSchema(unique=list(check.columns))
            case "in_range":
                return self.column(check, lib.Check.in_range(params["minimum"], params["maximum"]))
            case "at_most":
                return self.column(check, lib.Check.le(params["maximum"]))
            case "since":
                return self.column(check, lib.Check.ge(params["minimum"].astimezone(BERLIN)))
            case "in_set":
                return self.column(check, lib.Check.isin(params["values"]))
            case "matches":
                return self.column(check, lib.Check.str_matches(rf"^(?:{params['pattern']}){self.end}"))
            case "columns_present":
                return lib.DataFrameSchema({name: lib.Column(nullable=True) for name in check.columns})
        return lib.DataFrameSchema(checks=lib.Check(self.on_table(check)))

    def suite_for_all(self, checks: Sequence[TruthCheck]) -> Any:
        """One schema of all: a column that several checks look at has all of their demands."""
        columns: dict[str, Any] = {}
        of_table, unique = [], []
        for schema in map(self.suite_for, checks):
            of_table += schema.checks or []
            unique += schema.unique or []
            for name, column in schema.columns.items():
                before = columns.get(name, self.lib.Column(nullable=True))
                columns[name] = self.lib.Column(
                    checks=[*before.checks, *column.checks],
                    nullable=before.nullable and column.nullable,
                    unique=before.unique or column.unique,
                )
        return self.lib.DataFrameSchema(columns, checks=of_table, unique=unique)


class TestOnPolars(Translation, CheckEngineSuite):
    plugin = "dovetail_pandera.plugin"
    with_plugins = ("dovetail_polars.plugin",)
    engine = "pandera"
    frames = ("polars.DataFrame",)
    lib = pandera_polars
    end = "$"  # not before a newline, in the regular expressions of polars

    def on_table(self, check: TruthCheck) -> Any:
        params = check.params
        match check.name:
            case "compare":
                left, right = check.columns
                operate = OPERATORS[params["op"]]
                return lambda data: data.lazyframe.select(operate(pl.col(left), pl.col(right)))
            case "row_count":
                low, high = params["minimum"], params["maximum"]
                return lambda data: low <= data.lazyframe.collect().height <= high
            case "mean_between":
                column, low, high = check.columns[0], params["minimum"], params["maximum"]
                return lambda data: between(
                    data.lazyframe.select(column).collect().fill_nan(None)[column].mean(), low, high
                )
        raise NotImplementedError(check.name)


class TestOnPandas(Translation, CheckEngineSuite):
    plugin = "dovetail_pandera.plugin"
    with_plugins = ("dovetail_pandas.plugin",)
    engine = "pandera"
    frames = ("pandas.DataFrame",)
    lib = pandera_pandas
    end = r"\Z"

    def on_table(self, check: TruthCheck) -> Any:
        params = check.params
        match check.name:
            case "compare":
                left, right = check.columns
                operate = OPERATORS[params["op"]]
                return lambda frame: operate(frame[left], frame[right])
            case "row_count":
                low, high = params["minimum"], params["maximum"]
                return lambda frame: low <= len(frame) <= high
            case "mean_between":
                column, low, high = check.columns[0], params["minimum"], params["maximum"]
                return lambda frame: between(frame[column].mean(), low, high)
        raise NotImplementedError(check.name)
