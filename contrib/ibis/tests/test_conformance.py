"""dovetail-ibis keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import ibis
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.testing import PluginSuite, TableTransformerSuite, never, notyet

REFUSED = never("the default backend has no durations", raises=ValueMismatch)


class TestPlugin(PluginSuite):
    plugin = "dovetail_ibis.plugin"
    engine_modules = ("ibis",)


class TestTable(TableTransformerSuite):
    plugin = "dovetail_ibis.plugin"
    type = "ibis.Table"
    gaps = {
        **{f"carries.duration_{unit}": REFUSED for unit in ("s", "ms", "us", "ns")},
        "carries.timestamp_zone_ns": never("the default backend cuts them to microseconds", raises=ValueMismatch),
        "carries.dictionary": never("Ibis has no categories", raises=ConversionError),
        "carries.time": notyet("Ibis has times of day without a unit; they come back in nanoseconds"),
        "no_columns": never("Ibis has no table without columns", raises=ValueMismatch),
    }

    def values(self) -> list[Any]:
        table = ibis.memtable({"n": [1, 2, 3], "t": ["a", None, "b"]})
        return [table.order_by("n"), table.filter(table.n > 1).order_by(ibis.desc("n"))]

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        def watch(number: int) -> int:
            runs.append(number)
            return number

        function = ibis.udf.scalar.python(watch, name=f"watch_{uuid4().hex}")
        table = ibis.memtable({"n": [1, 2, 3]})
        return table.mutate(m=function(table.n)), lambda: len(runs)
