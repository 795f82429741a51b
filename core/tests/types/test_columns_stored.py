"""Stored tables with declared columns: only those are read; and what else is said of one edge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dovetail.errors import DefinitionError, ValueMismatch
from dovetail.types import Collect, Stored, TypeEngine, columns

TABLE = pa.table({"x": [1.5], "b": ["q"], "a": pa.array([1], pa.int32())})


def of(*args: Any, **kwargs: Any) -> Any:
    return Annotated[pa.Table, columns(*args, **kwargs)]


# -- stored ----------------------------------------------------------------------------------------------


def _damage(path: Path, column: int) -> None:
    """Overwrite the pages of one column of a Parquet file: whoever reads them notices."""
    chunk = pq.read_metadata(path).row_group(0).column(column)
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(data)


class Unchecked:
    """A source that does not look whether the blob is what was written."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def open_path(self, blob: Any) -> Path:
        return self.store.root / blob.digest  # type: ignore[no-any-return]


def test_of_a_stored_table_only_the_declared_columns_are_read(types: TypeEngine, store: Any) -> None:
    table = pa.table({"a": list(range(1000)), "b": [str(i) for i in range(1000)], "x.y": [1.0] * 1000})
    artifact = types.dump(table, pa.Table, store, format="parquet")
    _damage(store.root / artifact.blobs[0].digest, 1)
    source = Unchecked(store)
    assert types.load(artifact, source, of({"x.y": float, "a": int})) == table.select(["x.y", "a"])
    with pytest.raises(dt.errors.ArtifactCorrupt):
        types.load(artifact, source, of(b=str))
    with pytest.raises(ValueMismatch, match="expected str, got int64"):  # the footer tells, before anything is read
        types.load(artifact, source, of(a=str, b=str))
    with pytest.raises(ValueMismatch, match=r"the nearest is 'x\.y'"):
        types.load(artifact, source, of({"x.z": float, "b": str}))


def test_of_a_mapped_arrow_file_only_the_declared_columns_are_taken(types: TypeEngine, store: Any) -> None:
    table = pa.table({"a": [1, 2], "b": ["p", "q"], "c": [[1], [2, 3]]})
    artifact = types.dump(table, pa.Table, store, format="arrow")
    assert types.load(artifact, store, of(c=list[int], a=int)) == table.select(["c", "a"])
    assert types.load(artifact, store, of(a=int, extra="keep")) == table


def test_declared_columns_are_stored_alone_and_read_inside_structures(types: TypeEngine, store: Any) -> None:
    artifact = types.dump([TABLE, TABLE], list[of(a="int32")], store)
    assert [child.meta["columns"] for child in artifact.children] == [1, 1]
    assert types.load(artifact, store, list[of(a=int)])[1] == pa.table({"a": [1]})
    assert types.load(types.dump(TABLE, of(a=int), store), store, pa.Table) == pa.table({"a": [1]})


# -- formats and limits for one edge ---------------------------------------------------------------------


def test_the_format_is_said_for_one_edge(types: TypeEngine, store: Any) -> None:
    annotation = Annotated[pa.Table, Stored("arrow")]
    assert types.dump(TABLE, annotation, store).format == "arrow"
    assert types.dump([TABLE], list[annotation], store).children[0].format == "arrow"
    assert types.dump(TABLE, pa.Table, store).format == "parquet"
    assert types.load(types.dump(TABLE, annotation, store), store, annotation) == TABLE
    with pytest.raises(dt.errors.UsageError, match="no codec 'arow'"):
        types.dump(TABLE, Annotated[pa.Table, Stored("arow")], store)
    with pytest.raises(DefinitionError, match="tables and files"):
        types.dump(3, Annotated[int, Stored("arrow")], store)


@pytest.mark.parametrize("size", ["8GX", -1, 1.5, True, None])
def test_how_much_may_be_collected_is_a_size(size: Any) -> None:
    with pytest.raises(DefinitionError, match="Collect"):
        Collect(size)
    assert Collect("8GB").max_bytes == 8 * 10**9
