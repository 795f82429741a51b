"""dovetail-pandas keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

import pandas as pd
from dovetail.testing import PluginSuite, TableTransformerSuite, TransformerSuite


class TestPlugin(PluginSuite):
    plugin = "dovetail_pandas.plugin"
    engine_modules = ("pandas",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_pandas.plugin"
    type = "pandas.DataFrame"


class TestSeries(TransformerSuite):
    plugin = "dovetail_pandas.plugin"
    type = "pandas.Series"

    def values(self) -> list[pd.Series]:
        return [pd.Series([1, 2, 3]), pd.Series(["a", None], name="x")]

    def equal(self, left: pd.Series, right: pd.Series) -> bool:
        return bool(left.equals(right)) and left.name == right.name
