"""dovetail-modin keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from typing import Any

import modin.pandas as mpd
from dovetail.testing import PluginSuite, TableTransformerSuite


class TestPlugin(PluginSuite):
    plugin = "dovetail_modin.plugin"
    engine_modules = ("modin",)


class TestDataFrame(TableTransformerSuite):
    plugin = "dovetail_modin.plugin"
    type = "modin.pandas.DataFrame"

    def values(self) -> list[Any]:
        frame = mpd.DataFrame({"n": range(10), "t": list("abcdefghij")})
        return [frame, frame[frame.n > 4].reset_index(drop=True)]
