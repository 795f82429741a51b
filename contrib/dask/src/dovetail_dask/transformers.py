"""Dask frames: partitions that are computed when rows are needed, stored as Parquet or Arrow IPC.

Partitions are pandas frames; what they become in Arrow, and what Arrow becomes in them, is decided by dovetail-pandas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import pandas as pd
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer, check_columns, normalise_table
from dovetail_pandas.transformers import from_arrow as pandas_from_arrow
from dovetail_pandas.transformers import to_arrow as pandas_to_arrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DataFrameIpc", "DataFrameParquet", "DataFrameTransformer", "from_arrow", "to_arrow"]

_PARTITION = 64_000_000
"""Bytes of Arrow data per partition."""


def to_arrow(frame: dd.DataFrame) -> pa.Table:
    """Compute all partitions, in order.

    Raises:
        ValueMismatch: A column name is not text or occurs twice, or a column holds objects of mixed types.
    """
    check_columns(list(frame.columns), "the Dask frame")
    return pandas_to_arrow(frame.compute())


def from_arrow(table: pa.Table) -> dd.DataFrame:
    """An Arrow table as partitions of about 64 MB.

    Raises:
        ValueMismatch: A column name occurs twice, Dask would make text of a column, or has no example of its type.
    """
    frame = pandas_from_arrow(normalise_table(table))
    try:
        _refuse_objects(frame)
        return dd.from_pandas(frame, npartitions=max(1, -(-table.nbytes // _PARTITION)), sort=False)
    except NotImplementedError as error:
        raise ValueMismatch(
            "Dask does not take a column of the Arrow table",
            why=f"pandas knows no scalars of the type {error}",
            fix="cast it to a plain type, or drop it",
        ) from error


def _refuse_objects(frame: pd.DataFrame) -> None:
    for name, kind in frame.dtypes.items():
        if pd.api.types.is_object_dtype(kind) and not pd.api.types.is_string_dtype(frame[name]):
            raise ValueMismatch(
                f"Dask would make text of the column {name!r}",
                why="its values are Python objects in pandas, and Dask keeps objects as text",
                fix="cast it to a plain type, or install pandas 3",
            )


class DataFrameTransformer(TableTransformer):
    """``dask.dataframe.DataFrame``: hashing and storing compute it; looking at it does not."""

    type_name = "dask.dataframe.DataFrame"
    lazy = True

    def to_arrow(self, value: dd.DataFrame) -> pa.Table:
        """Compute it."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> dd.DataFrame:
        """Partitions of the table."""
        return from_arrow(table)

    def num_rows(self, value: dd.DataFrame) -> int | None:
        """Not known before it is computed."""
        return None

    def schema(self, value: dd.DataFrame) -> Schema | None:
        """Columns with their pandas types, as Dask expects them."""
        return Schema(tuple(FieldInfo(str(name), str(kind)) for name, kind in value.dtypes.items()))

    def preview(self, value: dd.DataFrame, limit: int = 10) -> Preview:
        """The plan as text: rows would have to be computed."""
        return Preview.of_text(f"{value.npartitions} partitions: {value.expr}")

    def project(self, value: dd.DataFrame, columns: Mapping[str, Any]) -> dd.DataFrame:
        """These columns, in this order; Dask reads no others."""
        chosen = value[list(columns)]
        wider = {name: pd.ArrowDtype(kind) for name, kind in columns.items() if kind is not None}
        return chosen.astype(wider) if wider else chosen

    def batches(self, value: dd.DataFrame) -> Iterator[Any]:
        """The rows, one partition in memory at a time."""
        for number in range(value.npartitions):
            table = to_arrow(value.partitions[number])
            yield from table.to_batches() or [_no_rows(table)]


def _no_rows(table: pa.Table) -> Any:
    """A batch that says what the columns are."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in table.schema.types], schema=table.schema)


class DataFrameParquet(ParquetCodec):
    """``dask.dataframe.DataFrame`` <-> one Parquet file."""

    transformer = DataFrameTransformer


class DataFrameIpc(IpcCodec):
    """``dask.dataframe.DataFrame`` <-> one Arrow IPC file."""

    transformer = DataFrameTransformer
