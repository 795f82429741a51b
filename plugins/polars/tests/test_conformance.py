"""dovetail-polars keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from dovetail.testing import PluginSuite, TableTransformerSuite, never

CARRIES = {
    "carries.time": never("polars keeps times of day in nanoseconds"),
    "carries.timestamp_s": never("polars has no seconds; they come back as milliseconds"),
    "carries.duration_s": never("polars has no seconds; they come back as milliseconds"),
}


class TestPlugin(PluginSuite):
    plugin = "dovetail_polars.plugin"
    engine_modules = ("polars",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_polars.plugin"
    type = "polars.DataFrame"
    gaps = CARRIES


class TestLazyFrame(TableTransformerSuite):
    plugin = "dovetail_polars.plugin"
    type = "polars.LazyFrame"
    gaps = CARRIES

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        def count(frame: pl.DataFrame) -> pl.DataFrame:
            runs.append(frame.height)
            return frame

        plan = pl.LazyFrame({"a": [1, 2, 3]}).map_batches(count, schema=pl.Schema({"a": pl.Int64()}))
        return plan, lambda: len(runs)
