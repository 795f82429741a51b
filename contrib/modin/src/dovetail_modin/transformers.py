"""Modin frames: pandas frames in partitions, stored as Parquet or Arrow IPC.

What they become in Arrow, and what Arrow becomes in them, is decided by dovetail-pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import modin.pandas as mpd
from dovetail.spec import FieldInfo, Schema
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer
from dovetail_pandas.transformers import DataFrameTransformer as PandasTransformer
from dovetail_pandas.transformers import from_arrow as pandas_from_arrow
from dovetail_pandas.transformers import to_arrow as pandas_to_arrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DataFrameIpc", "DataFrameParquet", "DataFrameTransformer", "from_arrow", "to_arrow"]


def to_arrow(frame: mpd.DataFrame) -> pa.Table:
    """Collect the partitions. A named or non-integer index becomes the first columns, as for pandas.

    Raises:
        ValueMismatch: A column name is not text or occurs twice, or a column holds objects of mixed types.
    """
    return pandas_to_arrow(frame.modin.to_pandas())


def from_arrow(table: pa.Table) -> mpd.DataFrame:
    """An Arrow table as a frame with a default index.

    Raises:
        ValueMismatch: A column name occurs twice.
    """
    return mpd.DataFrame(pandas_from_arrow(table))


class DataFrameTransformer(TableTransformer):
    """``modin.pandas.DataFrame``."""

    type_name = "modin.pandas.DataFrame"

    def to_arrow(self, value: mpd.DataFrame) -> pa.Table:
        """As ``pyarrow.Table``."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> mpd.DataFrame:
        """From ``pyarrow.Table``."""
        return from_arrow(table)

    def content_hash(self, value: mpd.DataFrame) -> str:
        """The hash of the same frame in pandas."""
        return PandasTransformer().content_hash(value.modin.to_pandas())

    def head(self, value: mpd.DataFrame, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow."""
        return to_arrow(value.head(limit))

    def num_rows(self, value: mpd.DataFrame) -> int | None:
        """Rows."""
        return len(value)

    def schema(self, value: mpd.DataFrame) -> Schema | None:
        """Columns with their pandas types."""
        return Schema(tuple(FieldInfo(str(name), str(kind)) for name, kind in value.dtypes.items()))

    def take_rows(self, value: mpd.DataFrame, rows: Sequence[int]) -> mpd.DataFrame:
        """The rows with these ordinals, with their labels."""
        if not len(rows):  # without rows pandas 2 forgets what a column of objects was of, and Modin more than that
            return from_arrow(to_arrow(value).slice(0, 0))
        return mpd.DataFrame(PandasTransformer().take_rows(value.modin.to_pandas(), rows))


class DataFrameParquet(ParquetCodec):
    """``modin.pandas.DataFrame`` <-> one Parquet file."""

    transformer = DataFrameTransformer


class DataFrameIpc(IpcCodec):
    """``modin.pandas.DataFrame`` <-> one Arrow IPC file."""

    transformer = DataFrameTransformer
