"""dovetail-daft keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import daft
from dovetail.errors import ConversionError
from dovetail.testing import PluginSuite, TableTransformerSuite, never
from dovetail_daft.transformers import from_arrow, to_arrow

LEFT = "Daft keeps it as long as the process lives"


class TestPlugin(PluginSuite):
    plugin = "dovetail_daft.plugin"
    engine_modules = ("daft",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_daft.plugin"
    type = "daft.DataFrame"
    gaps = {"carries.dictionary": never("Daft has no categories", raises=ConversionError)}
    may_leave = {"DaftBackgroundEventLoop": LEFT, "Thread-*": LEFT}

    def copied(self, value: Any) -> Any:
        return from_arrow(to_arrow(value))

    def watched(self) -> tuple[Any, Callable[[], int]]:
        runs: list[int] = []

        @daft.func
        def watch(number: int) -> int:
            runs.append(number)
            return number

        frame = daft.from_pydict({"n": [1, 2, 3]})
        return frame.select(watch(frame["n"])), lambda: len(runs)
