"""dovetail-tfrecord keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from typing import Any

from dovetail.errors import ValueMismatch
from dovetail.testing import PluginSuite, TableTransformerSuite, never
from dovetail_tfrecord import TFRecordDataset

NO_LIST = never("examples hold bytes, floats of 32 bits and integers of 64 only", raises=ValueMismatch)
NO_NULL = never("the lists of examples have no nulls inside", raises=ValueMismatch)


class TestPlugin(PluginSuite):
    plugin = "dovetail_tfrecord.plugin"
    engine_modules = ("google_crc32c",)


class TestDataset(TableTransformerSuite):
    plugin = "dovetail_tfrecord.plugin"
    type = "dovetail_tfrecord.TFRecordDataset"
    gaps = {
        **{f"carries.{kind}": NO_LIST for kind in ("uint64", "float64", "decimal", "struct", "dictionary")},
        "carries.list": NO_NULL,
        "carries.list_of_strings": NO_NULL,
    }

    def values(self) -> list[Any]:
        examples = [{"image": [b"\xff"], "label": [1], "box": [0.5, 1.0]}, {"image": [b""], "label": [-1], "box": []}]
        return [TFRecordDataset.from_examples(examples), TFRecordDataset.from_examples([])]
