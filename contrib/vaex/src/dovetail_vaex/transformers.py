"""Vaex frames: columns in memory, on disk or computed when needed; stored as Arrow IPC, which Vaex maps, or Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import vaex
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer, check_columns, normalise_table

if TYPE_CHECKING:
    from vaex.dataframe import DataFrame

__all__ = ["DataFrameIpc", "DataFrameParquet", "DataFrameTransformer", "from_arrow", "to_arrow"]


def to_arrow(frame: DataFrame) -> pa.Table:
    """Filter the rows and compute the virtual columns.

    Raises:
        ValueMismatch: A column has more than one dimension, or holds objects of several types.
    """
    try:
        table = frame.to_arrow_table()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueMismatch(
            "a column of the Vaex frame has no one Arrow type",
            why=str(error).splitlines()[0],
            fix="cast it to one type, or split it into columns of one dimension",
        ) from error
    return normalise_table(table)


def from_arrow(table: pa.Table) -> DataFrame:
    """An Arrow table as a frame that shares its memory.

    Raises:
        ValueMismatch: Vaex would hide or change a column, or there is no column.
    """
    names = table.column_names
    check_columns(names, "the Arrow table")
    if not names:
        raise ValueMismatch("Vaex has no frame without columns", fix="keep at least one column")
    frame = vaex.from_arrow_table(table)
    found = frame.get_column_names()
    if found != names:
        lost = [name for name in names if name not in found]
        raise ValueMismatch(
            f"Vaex hides or renames the columns {', '.join(map(repr, lost))}",
            why="names that begin with two underscores are its own",
            fix="rename them",
        )
    return frame


class DataFrameTransformer(TableTransformer):
    """``vaex.dataframe.DataFrame``: hashing and storing compute it; looking at it does not."""

    type_name = "vaex.dataframe.DataFrame"
    lazy = True

    def to_arrow(self, value: DataFrame) -> pa.Table:
        """Compute it."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> DataFrame:
        """A frame that shares the memory of the table."""
        return from_arrow(table)

    def num_rows(self, value: DataFrame) -> int | None:
        """Rows; None where a filter would have to be computed."""
        return None if value.filtered else int(value.length_unfiltered())

    def schema(self, value: DataFrame) -> Schema | None:
        """Columns with their types; a virtual column with its expression, since its type is known by computing it only."""
        return Schema(tuple(FieldInfo(name, _kind(value, name)) for name in value.get_column_names()))

    def arrow_schema(self, value: DataFrame) -> pa.Schema:
        """Columns with their Arrow types; virtual ones are computed for one row to know them, and a filter is not."""
        names = value.get_column_names()
        check_columns(names, "the Vaex frame")
        kinds = value[names].schema_arrow()
        return normalise_table(pa.schema([(name, kinds.field(name).type) for name in names]).empty_table()).schema

    def project(self, value: DataFrame, columns: Mapping[str, Any]) -> DataFrame:
        """A frame of these columns, with the filter. Wider ones are cast at once where they lie in Arrow, else when computed."""
        narrow = value[list(columns)]
        for name, kind in columns.items():
            column = narrow.columns.get(name)
            if kind is None:
                continue
            if isinstance(column, (pa.Array, pa.ChunkedArray)):
                narrow.add_column(name, column.cast(kind))
            else:
                narrow[name] = narrow[name].astype(str(kind.to_pandas_dtype()().dtype))
        return narrow

    def null_counts(self, value: DataFrame, columns: Sequence[str]) -> Mapping[str, int] | None:
        """Nulls of the columns that lie in Arrow, where all rows count; for the others something would have to be computed."""
        if value.filtered or len(value) != value.length_original():
            return None
        found = {name: value.columns.get(name) for name in columns}
        return {n: each.null_count for n, each in found.items() if isinstance(each, (pa.Array, pa.ChunkedArray))}

    def preview(self, value: DataFrame, limit: int = 10) -> Preview:
        """How many rows and what filter: rows would have to be computed."""
        rows = f"{value.length_unfiltered()} rows"
        text = f"{rows}, filtered" if value.filtered else rows
        return Preview(text=text, total_rows=self.num_rows(value))


def _kind(frame: DataFrame, name: str) -> str:
    if name in frame.virtual_columns:
        return f"= {frame.virtual_columns[name]}"
    column: Any = frame.columns[name]
    return str(getattr(column, "type", None) or column.dtype)


class DataFrameParquet(ParquetCodec):
    """``vaex.dataframe.DataFrame`` <-> one Parquet file."""

    transformer = DataFrameTransformer


class DataFrameIpc(IpcCodec):
    """``vaex.dataframe.DataFrame`` <-> one Arrow IPC file, memory-mapped when it is read."""

    transformer = DataFrameTransformer
