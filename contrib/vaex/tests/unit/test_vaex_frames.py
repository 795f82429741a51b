"""Vaex frames: memory that is shared, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import vaex
from dovetail.errors import ValueMismatch
from dovetail_vaex.transformers import DataFrameTransformer, from_arrow, to_arrow


def test_memory_is_shared_both_ways() -> None:
    table = pa.table({"n": pa.array(range(100_000)), "x": pa.array([0.5] * 100_000)})
    address = table.column("n").chunk(0).buffers()[1].address
    again = to_arrow(from_arrow(table))
    assert again.column("n").chunk(0).buffers()[1].address == address


def test_a_filter_is_not_computed_to_be_looked_at() -> None:
    frame = vaex.from_arrays(a=np.arange(10))
    transformer = DataFrameTransformer()
    assert transformer.num_rows(frame) == 10
    assert transformer.num_rows(frame[frame.a > 3]) is None
    assert transformer.preview(frame[frame.a > 3]).text == "10 rows, filtered"


@pytest.mark.parametrize("names", [["__a", "b"], ["x", "x"]])
def test_names_that_vaex_would_hide_or_merge_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueMismatch):
        from_arrow(pa.table([[1], [2]], names=names))


@pytest.mark.parametrize("column", [np.zeros((2, 3)), np.array([1, "a"], dtype=object)], ids=["2-d", "objects"])
def test_columns_without_one_arrow_type_are_refused(column: np.ndarray) -> None:
    with pytest.raises(ValueMismatch, match="no one Arrow type"):
        to_arrow(vaex.from_arrays(c=column))
