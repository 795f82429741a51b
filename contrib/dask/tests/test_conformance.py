"""dovetail-dask keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import dask.dataframe as dd
import pandas as pd
from dovetail.testing import PluginSuite, TableTransformerSuite


class TestPlugin(PluginSuite):
    plugin = "dovetail_dask.plugin"
    engine_modules = ("dask",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_dask.plugin"
    type = "dask.dataframe.DataFrame"
    may_leave = {"ThreadPoolExecutor-*": "Dask computes in a pool of threads that lives as long as the process"}

    def values(self) -> list[Any]:
        frame = pd.DataFrame({"n": range(10), "t": list("abcdefghij")})
        named = frame.set_index("t")
        return [dd.from_pandas(frame, npartitions=3), dd.from_pandas(named, npartitions=2)]

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        def watch(frame: pd.DataFrame) -> pd.DataFrame:
            runs.append(len(frame))
            return frame

        plan = dd.from_pandas(pd.DataFrame({"n": range(4)}), npartitions=2)
        # Without a token of its own, the plan would be that of the last call: to Dask, equal code is the same work.
        return plan.map_partitions(watch, meta={"n": "int64"}, token=uuid4().hex), lambda: len(runs)
