"""dovetail-pandas keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

import numpy as np
import pandas as pd
from dovetail.testing import PluginSuite, TableTransformerSuite, TransformerSuite
from pandas.testing import assert_series_equal

# No columns or labels of objects, which is what text is by default before pandas 3: without rows they have no type of their own,
# in Arrow or anywhere. They are tried in unit/.
COLUMNS = [
    pd.Series([1, None, 3], dtype="Int64"),
    pd.Series([1.0, np.nan, 3.0]),
    pd.Series([1.5, None, 3.5], dtype="Float64"),
    pd.Series([True, None, False], dtype="boolean"),
    pd.Series(["a", None, "ä"], dtype="string"),
    pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03"])).dt.tz_localize("Europe/Berlin"),
    pd.Series(pd.to_timedelta([1, None, 3], unit="s")),
    pd.Series(pd.Categorical(["a", "b", None], categories=["b", "a", "z"], ordered=True)),
]
INDEXES = [
    pd.RangeIndex(3),
    pd.Index([5, 2, 9], name="key"),
    pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-03"], name="day"),
    pd.MultiIndex.from_arrays([pd.array(["a", "a", "b"], dtype="string"), [1, 2, 1]], names=["letter", "n"]),
]


class TestPlugin(PluginSuite):
    plugin = "dovetail_pandas.plugin"
    engine_modules = ("pandas",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_pandas.plugin"
    type = "pandas.DataFrame"

    def values(self) -> list[pd.DataFrame]:
        frames = [pd.DataFrame({"v": column}) for column in COLUMNS]
        return [*frames, *(pd.DataFrame({"v": [1, 2, 3]}, index=index) for index in INDEXES)]


class TestSeries(TransformerSuite):
    plugin = "dovetail_pandas.plugin"
    type = "pandas.Series"

    def values(self) -> list[pd.Series]:
        labelled = [COLUMNS[0].rename("v"), COLUMNS[0].set_axis(["x", "y", "z"])]
        return [*labelled, *(pd.Series([1, 2, 3], index=index) for index in INDEXES), *COLUMNS]

    def large_values(self) -> list[pd.Series]:
        return [pd.Series(["x" * 1_000] * 1_000, name="long")]

    def equal(self, left: pd.Series, right: pd.Series) -> bool:
        try:
            assert_series_equal(left, right, check_freq=False)
        except AssertionError:
            return False
        return True
