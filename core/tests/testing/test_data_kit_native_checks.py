"""The core's own check engine and its Arrow table keep what the conformance kit asks of everybody's."""

from __future__ import annotations

from dovetail.testing import NativeChecksSuite, TableTransformerSuite, never


class TestNativeEngine(NativeChecksSuite):
    plugin = "dovetail.quality.builtin_hooks"
    engine = "native"
    frames = ("pyarrow.Table",)


class TestArrowTable(TableTransformerSuite):
    plugin = "dovetail.types.builtin_hooks"
    type = "pyarrow.Table"
    gaps = {
        "install": never(
            "its module is the base of every frame plugin, so it imports pyarrow where a table is at hand"
        ),
    }
