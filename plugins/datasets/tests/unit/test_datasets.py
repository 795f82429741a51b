"""Hugging Face datasets: selections, features, shared memory, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Array2D, ClassLabel, Dataset, Features, Value
from dovetail.errors import ValueMismatch
from dovetail_datasets.transformers import DatasetIpc, DatasetParquet, DatasetTransformer, from_arrow, to_arrow

LABELLED = Dataset.from_dict(
    {"text": ["a", "b", "c"], "label": [0, 1, 1]},
    features=Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])}),
)


def test_memory_is_shared() -> None:
    table = pa.table({"n": range(100_000)})
    before = pa.total_allocated_bytes()
    dataset = from_arrow(table)
    assert to_arrow(dataset).equals(table)
    assert pa.total_allocated_bytes() - before < table.nbytes / 100


def test_selections_and_formats_do_not_change_what_there_is() -> None:
    chosen = LABELLED.select([2, 0])
    assert to_arrow(chosen).column("text").to_pylist() == ["c", "a"]
    hash_of = DatasetTransformer().content_hash
    assert hash_of(chosen.with_format("numpy")) == hash_of(chosen) == hash_of(Dataset.from_dict(chosen.to_dict()))
    assert hash_of(chosen) != hash_of(LABELLED.select([0, 2]))


@pytest.mark.parametrize("codec", [DatasetParquet(), DatasetIpc()], ids=["parquet", "arrow"])
def test_features_survive_the_store(tmp_path: Path, codec: DatasetParquet | DatasetIpc) -> None:
    codec.write(LABELLED.select([1]), tmp_path / "data")
    again = codec.read(tmp_path / "data")
    assert again.features == LABELLED.features
    assert again.features["label"].int2str(again["label"][0]) == "yes"


def test_columns_are_chosen_without_copying() -> None:
    assert DatasetTransformer().project(LABELLED, {"label": None}).column_names == ["label"]


def test_arrays_of_the_librarys_own_are_refused() -> None:
    features = Features({"x": Array2D((2, 2), "int32")})
    with pytest.raises(ValueMismatch, match="'x'"):
        to_arrow(Dataset.from_dict({"x": [[[1, 2], [3, 4]]]}, features=features))


@pytest.mark.parametrize(
    "table",
    [
        pa.table([[1], [2]], names=["a", "a"]),
        pa.table({"a\0b": [1]}),
        pa.table({"m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}),
    ],
    ids=["two of one name", "zero byte", "map"],
)
def test_what_a_dataset_does_not_carry_is_refused(table: pa.Table) -> None:
    with pytest.raises(ValueMismatch):
        from_arrow(table)
