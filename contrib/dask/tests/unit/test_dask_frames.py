"""Dask frames: partitions, their order, and what is refused."""

from __future__ import annotations

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pytest
from dovetail.errors import ValueMismatch
from dovetail_dask.transformers import DataFrameTransformer, from_arrow, to_arrow


def test_large_tables_are_cut_into_partitions_that_keep_their_order() -> None:
    table = pa.table({"n": pa.array(range(20_000_000), pa.int64())})
    frame = from_arrow(table)
    assert frame.npartitions == 3
    assert to_arrow(frame).equals(table)


def test_partitions_come_one_by_one() -> None:
    frame = dd.from_pandas(pd.DataFrame({"n": range(10)}), npartitions=5)
    batches = list(DataFrameTransformer().batches(frame))
    assert [batch.num_rows for batch in batches] == [2] * 5
    assert pa.Table.from_batches(batches).column("n").to_pylist() == list(range(10))


def test_columns_are_chosen_and_widened_without_computing() -> None:
    frame = dd.from_pandas(pd.DataFrame({"a": pd.Series([1, 2], dtype="int32"), "b": [3, 4]}), npartitions=2)
    chosen = DataFrameTransformer().project(frame, {"b": None, "a": pa.int64()})
    assert to_arrow(chosen).schema == pa.schema([("b", pa.int64()), ("a", pa.int64())])


def test_binary_values_stay_bytes() -> None:
    table = pa.table({"b": [b"\xff\x00", None], "d": pa.array([1, None], pa.decimal128(5, 2))})
    assert to_arrow(from_arrow(table)).equals(table)


@pytest.mark.parametrize("names", [["a", "a"], [0, 1]])
def test_names_that_arrow_does_not_have_are_refused(names: list[object]) -> None:
    with pytest.raises(ValueMismatch):
        to_arrow(dd.from_pandas(pd.DataFrame([[1, 2]], columns=names), npartitions=1))
