"""dovetail-duckdb keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.spec import TypeRef
from dovetail.testing import HubHarness, NativeChecksSuite, PluginSuite, TableTransformerSuite, never
from dovetail_duckdb.transformers import from_arrow, to_arrow

UTC = never("DuckDB keeps the moment and not its zone", raises=ConversionError)
REFUSED = never("DuckDB has no durations, only intervals of months, days and microseconds", raises=ValueMismatch)


class TestPlugin(PluginSuite):
    plugin = "dovetail_duckdb.plugin"
    engine_modules = ("duckdb",)


class TestRelation(TableTransformerSuite):
    plugin = "dovetail_duckdb.plugin"
    type = "duckdb.DuckDBPyRelation"
    gaps = {
        "carries.timestamp_zone": UTC,
        "carries.timestamp_zone_ns": UTC,
        **{f"carries.duration_{unit}": REFUSED for unit in ("s", "ms", "us", "ns")},
        "no_columns": never("DuckDB has no table without columns", raises=ValueMismatch),
    }

    def copied(self, value: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        return from_arrow(to_arrow(value))

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        def count(number: int) -> int:
            runs.append(number)
            return number

        connection = duckdb.connect()
        connection.create_function("watch", count, ["BIGINT"], "BIGINT")
        return connection.sql("select watch(range) as a from range(3)"), lambda: len(runs)


class TestNativeChecks(NativeChecksSuite):
    plugin = "dovetail_duckdb.plugin"
    engine = "duckdb"
    frames = ("duckdb.DuckDBPyRelation",)
    kinds = tuple(kind for kind in NativeChecksSuite.kinds if kind != "duration_us")  # DuckDB has none

    def frame_of(self, hub: HubHarness, frame: str, table: Any) -> Any:
        """Of an instant the zone is lost, which no check sees."""
        return hub.types.convert(table, TypeRef(frame), allow_lossy=True)
