"""dovetail-polars keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
from dovetail.testing import NativeChecksSuite, PluginSuite, TableTransformerSuite, never
from hypothesis import strategies as st

CARRIES = {
    "carries.time": never("polars keeps times of day in nanoseconds"),
    "carries.timestamp_s": never("polars has no seconds; they come back as milliseconds"),
    "carries.duration_s": never("polars has no seconds; they come back as milliseconds"),
}

ENUM = pl.Enum(["low", "high"])
COLUMNS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "i8": (pl.Int8, st.integers(-128, 127)),
    "i64": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "u64": (pl.UInt64, st.integers(0, 2**64 - 1)),
    "f32": (pl.Float32, st.floats(width=32)),
    "f64": (pl.Float64, st.floats()),
    "bool": (pl.Boolean, st.booleans()),
    "str": (pl.String, st.text(st.characters(codec="utf-8"), max_size=20)),
    "bin": (pl.Binary, st.binary(max_size=20)),
    "date": (pl.Date, st.dates()),
    "time": (pl.Time, st.times()),
    "us": (pl.Datetime("us"), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))),
    "zone": (pl.Datetime("ms", "Europe/Berlin"), st.integers(0, 10**12)),
    "dur": (pl.Duration("us"), st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000))),
    "dec": (pl.Decimal(12, 2), st.decimals(-1000, 1000, places=2)),
    "cat": (pl.Categorical(), st.sampled_from(["a", "b", "c"])),
    "enum": (ENUM, st.sampled_from(["low", "high"])),
    "list": (pl.List(pl.Int64), st.lists(st.none() | st.integers(0, 9), max_size=3)),
    "array": (pl.Array(pl.Int32, 2), st.lists(st.integers(0, 9), min_size=2, max_size=2)),
    "struct": (
        pl.Struct({"x": pl.Int64, "y": pl.String}),
        st.fixed_dictionaries({"x": st.integers(0, 9), "y": st.just("t")}),
    ),
    "null": (pl.Null, st.none()),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Frames of every data type of polars, in one chunk or two."""
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=4, unique=True))
    size = draw(st.integers(0, 6))
    frame = pl.DataFrame(
        [
            pl.Series(
                name, draw(st.lists(st.none() | COLUMNS[name][1], min_size=size, max_size=size)), COLUMNS[name][0]
            )
            for name in names
        ]
    )
    cut = draw(st.integers(0, size))
    return pl.concat([frame.head(cut), frame.slice(cut)], rechunk=False) if names else frame


class TestPlugin(PluginSuite):
    plugin = "dovetail_polars.plugin"
    engine_modules = ("polars",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_polars.plugin"
    type = "polars.DataFrame"
    gaps = CARRIES

    def values(self) -> st.SearchStrategy[pl.DataFrame]:
        return frames()

    def equal(self, left: pl.DataFrame, right: pl.DataFrame) -> bool:
        return left.schema == right.schema and super().equal(left, right)


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


class TestNativeChecks(NativeChecksSuite):
    plugin = "dovetail_polars.plugin"
    engine = "polars"
    frames = ("polars.DataFrame", "pyarrow.Table")
