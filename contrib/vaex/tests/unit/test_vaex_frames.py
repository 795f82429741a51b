"""Vaex frames: memory that is shared, and what is refused."""

from __future__ import annotations

from typing import Annotated

import dovetail as dt
import numpy as np
import pyarrow as pa
import pytest
import vaex
from dovetail.errors import ValueMismatch
from dovetail.types import current_types
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


def test_declared_columns_of_a_plan_are_chosen_without_computing_the_others() -> None:
    runs: list[int] = []

    def watch(numbers: np.ndarray) -> np.ndarray:
        if len(numbers):
            runs.append(len(numbers))
        return numbers

    table = pa.table(
        {"n": pa.array([1, 2, 3], pa.int8()), "odd name": ["x", "y", None], "f": pa.array([0.5] * 3, pa.float32())}
    )
    frame = from_arrow(table)
    frame.add_function("watch", watch)
    frame["w"] = frame.func.watch(frame.n)
    wanted = Annotated[vaex.dataframe.DataFrame, dt.columns({"odd name": str | None, "n": int, "f": float})]
    narrow = current_types().accept(frame[frame.n > 1], wanted)
    assert all(rows == 1 for rows in runs)  # to know its type
    found = to_arrow(narrow)
    assert found.schema.types == [pa.string(), pa.int64(), pa.float64()]
    assert found.to_pydict() == {"odd name": ["y", None], "n": [2, 3], "f": [0.5, 0.5]}
    assert to_arrow(frame).schema.field("n").type == pa.int8()
    virtual = current_types().accept(frame, Annotated[vaex.dataframe.DataFrame, dt.columns(w=int)])
    assert to_arrow(virtual).to_pydict() == {"w": [1, 2, 3]}


def test_nulls_that_are_not_declared_are_refused_where_they_are_known() -> None:
    frame = from_arrow(pa.table({"n": [1, None]}))
    wanted = Annotated[vaex.dataframe.DataFrame, dt.columns(n=int)]
    with pytest.raises(ValueMismatch, match="1 null"):
        current_types().accept(frame, wanted)
    assert DataFrameTransformer().null_counts(frame[frame.n > 0], ["n"]) is None
    with pytest.raises(ValueMismatch, match="column 'm'"):
        current_types().accept(frame, Annotated[vaex.dataframe.DataFrame, dt.columns(m=int)])
