"""dovetail-datasets keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from typing import Any

from datasets import ClassLabel, Dataset, Features, Value
from dovetail.errors import ConversionError
from dovetail.testing import PluginSuite, TableTransformerSuite, never


class TestPlugin(PluginSuite):
    plugin = "dovetail_datasets.plugin"
    engine_modules = ("datasets",)


class TestDataset(TableTransformerSuite):
    plugin = "dovetail_datasets.plugin"
    type = "datasets.Dataset"
    gaps = {"carries.dictionary": never("datasets have no categories", raises=ConversionError)}

    def values(self) -> list[Any]:
        features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
        labelled = Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 1]}, features=features)
        return [labelled, labelled.select([2, 0]), labelled.shuffle(seed=1), labelled.with_format("arrow")]
