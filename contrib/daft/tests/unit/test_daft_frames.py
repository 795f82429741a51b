"""Daft frames: nothing is pickled on the way, and columns come alone."""

from __future__ import annotations

import daft
import pyarrow as pa
import pytest
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.types.arrow import losing
from dovetail_daft.transformers import DataFrameTransformer, from_arrow, to_arrow


def test_python_objects_are_refused_rather_than_pickled() -> None:
    with pytest.raises(ValueMismatch, match="'o' holds Python objects"):
        to_arrow(daft.from_pydict({"o": [object(), {1, 2}]}))


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["low", None, "high"]).dictionary_encode(),
        pa.array([[{"k": "a"}], None, []], pa.list_(pa.struct([("k", pa.dictionary(pa.int8(), pa.string()))]))),
    ],
    ids=["plain", "nested"],
)
def test_categories_become_text_where_that_is_allowed_and_never_pickles(column: pa.Array) -> None:
    table = pa.table({"c": column})
    with pytest.raises(ConversionError, match="its categories"):
        from_arrow(table)
    with losing():
        found = to_arrow(from_arrow(table)).column("c")
    assert found.to_pylist() == column.to_pylist()
    assert "dictionary" not in str(found.type) and "binary" not in str(found.type)


def test_names_that_daft_would_cut_are_refused() -> None:
    with pytest.raises(ValueMismatch, match="zero byte"):
        from_arrow(pa.table({"a\0b": [1]}))


def test_rows_come_in_batches_and_columns_alone() -> None:
    transformer = DataFrameTransformer()
    frame = daft.from_pydict({"a": [1, 2, 3], "b": ["x", "y", None]})
    assert sum(batch.num_rows for batch in transformer.batches(frame)) == 3
    assert transformer.arrow_schema(frame) == pa.schema([("a", pa.int64()), ("b", pa.string())])
    small = from_arrow(pa.table({"a": pa.array([1], pa.int16()), "b": [2]}))
    assert to_arrow(transformer.project(small, {"a": pa.int64()})).to_pydict() == {"a": [1]}
    assert to_arrow(transformer.project(small, {"a": pa.int64()})).schema.types == [pa.int64()]
