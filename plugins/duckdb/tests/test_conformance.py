"""dovetail-duckdb keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from dovetail.errors import ValueMismatch
from dovetail.testing import HubHarness, PluginSuite, TableTransformerSuite, never, overrides
from dovetail_duckdb.transformers import from_arrow, to_arrow

UTC = never("DuckDB keeps the moment and not its zone; it comes back in UTC")
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
        "carries.dictionary": never("DuckDB reads categories as text"),
    }

    def each_table(self, check: Callable[[pa.Table], None]) -> None:
        super().each_table(lambda table: check(table) if table.num_columns else None)

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

    @overrides(reason="DuckDB has no table without columns: it is refused, in both directions")
    def test_a_table_without_columns(self, hub: HubHarness, tmp_path: Path) -> None:
        with pytest.raises(ValueMismatch, match="no table without columns"):
            self.from_arrow(hub, pa.table({}))
