"""pandas frames and series: to and from Arrow, stored as Parquet or Arrow IPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from dovetail.types.arrow import (
    TableTransformer,
    hash_table,
    ipc_schema,
    parquet_schema,
    read_ipc,
    read_parquet,
    write_ipc,
    write_parquet,
)

from dovetail_pandas._arrow import arrow_to_frame, frame_to_arrow, index_matters, project_frame
from dovetail_pandas._stored import restore_columns, restore_frame, store_frame, stored_schema, with_row_labels

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DataFrameIpc",
    "DataFrameParquet",
    "DataFrameTransformer",
    "SeriesParquet",
    "SeriesTransformer",
    "from_arrow",
    "to_arrow",
]


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """The frame as an Arrow table. A named or non-integer index becomes the first columns; row numbers are dropped.

    Raises:
        ValueMismatch: A column name is not text or occurs twice, or a column holds objects of mixed types.
    """
    return frame_to_arrow(frame)


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame with a default index. Ints and booleans with nulls come in pandas' nullable types."""
    return arrow_to_frame(table)


class DataFrameTransformer(TableTransformer):
    """``pandas.DataFrame``."""

    type_name = "pandas.DataFrame"

    def to_arrow(self, value: pd.DataFrame) -> pa.Table:
        """As ``pyarrow.Table``."""
        return frame_to_arrow(value)

    def from_arrow(self, table: pa.Table) -> pd.DataFrame:
        """From ``pyarrow.Table``."""
        return arrow_to_frame(table)

    def content_hash(self, value: pd.DataFrame) -> str:
        """The hash of the Arrow form; row labels that Arrow would not carry are added."""
        return hash_table(with_row_labels(value))

    def head(self, value: pd.DataFrame, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow."""
        return frame_to_arrow(value.head(limit))

    def num_rows(self, value: pd.DataFrame) -> int | None:
        """Rows."""
        return len(value)

    def size(self, value: pd.DataFrame) -> int | None:
        """Bytes in memory, without looking into objects."""
        return int(value.memory_usage(index=True, deep=False).sum())

    def schema(self, value: pd.DataFrame) -> Schema | None:
        """Columns with their pandas types."""
        return Schema(tuple(FieldInfo(str(name), str(kind)) for name, kind in value.dtypes.items()))

    def project(self, value: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
        """These columns, in this order; an index that matters is a column as any other, row labels stay."""
        return project_frame(value, columns)

    def null_counts(self, value: pd.DataFrame, columns: Sequence[str]) -> Mapping[str, int]:
        """Missing values in each of these columns."""
        table = value.reset_index() if index_matters(value.index) else value
        return {name: int(table[name].isna().sum()) for name in columns}

    def take_rows(self, value: pd.DataFrame, rows: Sequence[int]) -> pd.DataFrame:
        """The rows with these ordinals, with their labels."""
        return value.take(pd.Series(rows, dtype="int64").to_numpy())


class SeriesTransformer(TypeTransformer):
    """``pandas.Series``."""

    type_name = "pandas.Series"

    def content_hash(self, value: pd.Series) -> str:
        """The hash of the frame that has only this column."""
        return DataFrameTransformer().content_hash(_as_frame(value))

    def schema(self, value: pd.Series) -> Schema | None:
        """Its one column."""
        return Schema((FieldInfo(str(value.name), str(value.dtype)),))

    def preview(self, value: pd.Series, limit: int = 10) -> Preview:
        """At most ``limit`` values."""
        return DataFrameTransformer().preview(_as_frame(value), limit)


def _as_frame(series: pd.Series) -> pd.DataFrame:
    return series.to_frame("" if series.name is None else series.name)


class DataFrameParquet:
    """``pandas.DataFrame`` <-> one Parquet file, index and pandas types included."""

    def write(self, value: pd.DataFrame, path: Path) -> None:
        """Write the frame."""
        write_parquet(store_frame(value), path)

    def read(self, path: Path) -> pd.DataFrame:
        """Read the frame."""
        return restore_frame(read_parquet(path))

    def arrow_schema(self, path: Path) -> pa.Schema:
        """Columns with their Arrow types, from the footer; an index that matters is among them."""
        return stored_schema(parquet_schema(path))

    def read_columns(self, path: Path, columns: Sequence[str]) -> pd.DataFrame:
        """The frame with these columns only; the others are not read."""
        return restore_columns(parquet_schema(path), columns, lambda names: read_parquet(path, names))


class DataFrameIpc:
    """``pandas.DataFrame`` <-> one Arrow IPC file, index and pandas types included."""

    def write(self, value: pd.DataFrame, path: Path) -> None:
        """Write the frame."""
        write_ipc(store_frame(value), path)

    def read(self, path: Path) -> pd.DataFrame:
        """Read the frame."""
        return restore_frame(read_ipc(path))

    def arrow_schema(self, path: Path) -> pa.Schema:
        """Columns with their Arrow types, from the footer; an index that matters is among them."""
        return stored_schema(ipc_schema(path))

    def read_columns(self, path: Path, columns: Sequence[str]) -> pd.DataFrame:
        """The frame with these columns only; the others are not touched."""
        return restore_columns(ipc_schema(path), columns, lambda names: read_ipc(path, names))


class SeriesParquet:
    """``pandas.Series`` <-> one Parquet file with one column."""

    def write(self, value: pd.Series, path: Path) -> None:
        """Write the series."""
        DataFrameParquet().write(_as_frame(value), path)

    def read(self, path: Path) -> pd.Series:
        """Read the series."""
        frame = DataFrameParquet().read(path)
        series = frame[frame.columns[-1]]
        return series.rename(None) if series.name == "" else series
