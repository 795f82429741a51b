"""dovetail-vaex keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import vaex
from dovetail.errors import ValueMismatch
from dovetail.testing import PluginSuite, TableTransformerSuite, never


class TestPlugin(PluginSuite):
    plugin = "dovetail_vaex.plugin"
    engine_modules = ("vaex",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_vaex.plugin"
    type = "vaex.dataframe.DataFrame"
    gaps = {"no_columns": never("Vaex has no frame without columns", raises=ValueMismatch)}
    may_leave = {"ThreadPoolExecutor-*": "Vaex computes in a pool of threads that lives as long as the process"}

    def values(self) -> list[Any]:
        frame = vaex.from_arrays(a=np.array([1.5, np.nan]), m=np.ma.array([1, 2], mask=[False, True]))
        virtual = vaex.from_arrays(a=np.arange(5))
        virtual["b"] = virtual.a * 2
        return [frame, virtual, virtual[virtual.a > 2], virtual[virtual.a > 9]]

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        def watch(numbers: Any) -> Any:
            runs.append(len(numbers))
            return numbers

        frame = vaex.from_arrays(a=np.arange(3))
        frame.add_function("watch", watch)
        frame["b"] = frame.func.watch(frame.a)
        return frame, lambda: len(runs)
