"""polars frames, eager and lazy: to and from Arrow, stored as Parquet or Arrow IPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer, normalise_table
from polars import selectors

from dovetail_polars._imported import importable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DataFrameIpc",
    "DataFrameParquet",
    "DataFrameTransformer",
    "LazyFrameIpc",
    "LazyFrameParquet",
    "LazyFrameTransformer",
    "collect",
    "from_arrow",
    "to_arrow",
    "to_lazy",
]


def to_arrow(frame: pl.DataFrame) -> pa.Table:
    """The frame as an Arrow table with plain layouts.

    Raises:
        ValueMismatch: A column holds Python objects, or integers of 128 bits.
    """
    huge = [name for name, kind in frame.schema.items() if "Int128" in str(kind)]
    if huge:
        raise ValueMismatch(
            f"the polars column {huge[0]!r} holds integers of 128 bits",
            why="Arrow has no type for them",
            fix="cast it: to pl.Int64, or to pl.Decimal(38, 0) for up to 38 digits",
        )
    objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
    if objects:
        raise ValueMismatch(
            f"the polars column {objects[0]!r} holds Python objects",
            why="Arrow has no type for them",
            fix="cast it to a polars data type, or drop it",
        )
    if any(kind.is_nested() for kind in frame.dtypes):
        frame = frame.rechunk()  # polars 1 hands out broken chunks of nested columns with nulls
    return normalise_table(frame.to_arrow())


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a frame.

    Raises:
        ValueMismatch: A name occurs twice, or polars has no type for a column.
    """
    table = importable(table)
    try:
        frame = pl.from_arrow(table)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ValueMismatch(
            "polars does not take a column of the Arrow table",
            why=str(error).splitlines()[0],
            fix="cast it to a type that polars has, or drop it",
        ) from error
    assert isinstance(frame, pl.DataFrame)  # from a table, never a Series
    if frame.columns != table.column_names:
        frame.columns = table.column_names  # polars makes up a name for a column that has an empty one
    return frame


def to_lazy(frame: pl.DataFrame) -> pl.LazyFrame:
    """The frame as the start of a plan."""
    return frame.lazy()


def collect(plan: pl.LazyFrame) -> pl.DataFrame:
    """Run the plan."""
    frame = plan.collect()
    assert isinstance(frame, pl.DataFrame)  # only a background collect gives anything else
    return frame


def _selection(columns: Mapping[str, Any]) -> list[pl.Expr]:
    """Each column, cast to the polars type of the Arrow type that it is widened to."""
    chosen: list[pl.Expr] = []
    for name, kind in columns.items():
        column = selectors.by_name(name)  # pl.col would read "*" and "^...$" as patterns
        chosen.append(column if kind is None else column.cast(from_arrow(_empty(kind)).dtypes[0]))
    return chosen


def _empty(kind: pa.DataType) -> pa.Table:
    import pyarrow as pa

    return pa.schema([pa.field("column", kind)]).empty_table()


class DataFrameTransformer(TableTransformer):
    """``polars.DataFrame``."""

    type_name = "polars.DataFrame"

    def to_arrow(self, value: pl.DataFrame) -> pa.Table:
        """As ``pyarrow.Table``."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> pl.DataFrame:
        """From ``pyarrow.Table``."""
        return from_arrow(table)

    def head(self, value: pl.DataFrame, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow."""
        return to_arrow(value.head(limit))

    def num_rows(self, value: pl.DataFrame) -> int | None:
        """Rows."""
        return value.height

    def size(self, value: pl.DataFrame) -> int | None:
        """Bytes in memory, as polars estimates them."""
        return int(value.estimated_size())

    def schema(self, value: pl.DataFrame) -> Schema | None:
        """Columns with their polars types."""
        return Schema(tuple(FieldInfo(name, str(kind)) for name, kind in value.schema.items()))

    def arrow_schema(self, value: pl.DataFrame) -> pa.Schema:
        """Columns with the Arrow types that :meth:`to_arrow` gives them."""
        return to_arrow(value.clear()).schema

    def project(self, value: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
        """These columns, in this order, the others neither copied nor looked at."""
        return value.select(_selection(columns))

    def null_counts(self, value: pl.DataFrame, columns: Sequence[str]) -> Mapping[str, int]:
        """Nulls in each of these columns."""
        return {name: value.get_column(name).null_count() for name in columns}

    def take_rows(self, value: pl.DataFrame, rows: Sequence[int]) -> pl.DataFrame:
        """The rows with these ordinals."""
        return value.select(pl.all().gather(pl.Series(rows, dtype=pl.UInt64)))


class LazyFrameTransformer(TableTransformer):
    """``polars.LazyFrame``: hashing, storing and counting run the plan; looking at it does not."""

    type_name = "polars.LazyFrame"
    lazy = True

    def to_arrow(self, value: pl.LazyFrame) -> pa.Table:
        """Run the plan."""
        return to_arrow(collect(value))

    def from_arrow(self, table: pa.Table) -> pl.LazyFrame:
        """The start of a plan."""
        return from_arrow(table).lazy()

    def num_rows(self, value: pl.LazyFrame) -> int | None:
        """Not known before the plan is run."""
        return None

    def schema(self, value: pl.LazyFrame) -> Schema | None:
        """Columns with their polars types, without running the plan."""
        return Schema(tuple(FieldInfo(name, str(kind)) for name, kind in value.collect_schema().items()))

    def arrow_schema(self, value: pl.LazyFrame) -> pa.Schema:
        """Columns with the Arrow types that :meth:`to_arrow` gives them; the plan is not run."""
        return to_arrow(value.collect_schema().to_frame()).schema

    def project(self, value: pl.LazyFrame, columns: Mapping[str, Any]) -> pl.LazyFrame:
        """The plan with a selection of these columns, which polars pushes down to where they are read."""
        return value.select(_selection(columns))

    def preview(self, value: pl.LazyFrame, limit: int = 10) -> Preview:
        """The plan as text: rows would cost a run."""
        text = value.explain()
        return Preview(text=text if len(text) <= 400 else text[:397] + "...")

    def take_rows(self, value: pl.LazyFrame, rows: Sequence[int]) -> pl.LazyFrame:
        """The rows with these ordinals; runs the plan."""
        return DataFrameTransformer().take_rows(collect(value), rows).lazy()


class DataFrameParquet(ParquetCodec):
    """``polars.DataFrame`` <-> one Parquet file."""

    transformer = DataFrameTransformer


class DataFrameIpc(IpcCodec):
    """``polars.DataFrame`` <-> one Arrow IPC file."""

    transformer = DataFrameTransformer


class LazyFrameParquet(ParquetCodec):
    """``polars.LazyFrame`` <-> one Parquet file."""

    transformer = LazyFrameTransformer


class LazyFrameIpc(IpcCodec):
    """``polars.LazyFrame`` <-> one Arrow IPC file."""

    transformer = LazyFrameTransformer
