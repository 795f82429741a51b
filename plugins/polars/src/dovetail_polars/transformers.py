"""polars frames, eager and lazy: to and from Arrow, stored as Parquet or Arrow IPC."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer, lies_here, losing, normalise_table
from polars import selectors
from polars.io.plugins import register_io_source

from dovetail_polars._imported import importable, ordered_texts

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

__all__ = [
    "DataFrameIpc",
    "DataFrameParquet",
    "DataFrameTransformer",
    "LazyFrameIpc",
    "LazyFrameParquet",
    "LazyFrameTransformer",
    "collect",
    "from_arrow",
    "from_dataset",
    "lazy_to_arrow",
    "to_arrow",
    "to_lazy",
    "to_reader",
]


_BATCH = 100_000


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
        ConversionError: A column has categories that are no text, and losing them is not allowed.
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
    orders = {name: pl.Enum(texts) for name, texts in ordered_texts(table).items()}
    return frame.with_columns(selectors.by_name(name).cast(kind) for name, kind in orders.items()) if orders else frame


def to_lazy(frame: pl.DataFrame) -> pl.LazyFrame:
    """The frame as the start of a plan."""
    return frame.lazy()


def collect(plan: pl.LazyFrame) -> pl.DataFrame:
    """Run the plan."""
    frame = plan.collect()
    assert isinstance(frame, pl.DataFrame)  # only a background collect gives anything else
    return frame


def lazy_to_arrow(plan: pl.LazyFrame) -> pa.Table:
    """Run the plan. Raises what :func:`to_arrow` raises."""
    return to_arrow(collect(plan))


def to_reader(plan: pl.LazyFrame) -> pa.RecordBatchReader:
    """The rows of the plan, which runs while they are taken."""
    import pyarrow as pa

    return pa.RecordBatchReader.from_batches(schema_of(plan), batches_of(plan))


def schema_of(plan: pl.LazyFrame) -> pa.Schema:
    """Columns with the Arrow types that :func:`to_arrow` gives them; the plan is not run."""
    return to_arrow(plan.collect_schema().to_frame()).schema


def batches_of(plan: pl.LazyFrame) -> Iterator[pa.RecordBatch]:
    """The rows of the plan as record batches, in their order, while it runs; all at once where polars is older than 1.34."""
    if not hasattr(plan, "collect_batches"):
        yield from to_arrow(collect(plan)).to_batches()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pl.exceptions.UnstableWarning)
        frames = plan.collect_batches(chunk_size=_BATCH, maintain_order=True, lazy=True)
    for frame in frames:
        yield from to_arrow(frame).to_batches()


def from_dataset(dataset: ds.Dataset) -> pl.LazyFrame:
    """A plan that reads the dataset each time that it is run: of its columns those that are wanted, of its rows as many.

    Raises:
        ValueMismatch: A name occurs twice, or polars has no type for a column.
    """
    import pyarrow as pa

    names = dataset.schema.names
    empty = from_arrow(normalise_table(dataset.schema.empty_table()))
    coded = [name for name, kind in empty.schema.items() if kind == pl.Enum]
    texts = ordered_texts(normalise_table(dataset.to_table(columns=coded))) if coded else {}
    orders = {name: pl.Enum(each) for name, each in texts.items()}  # which a batch alone does not know

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        for batch in dataset.scanner(columns=names if columns is None else columns).to_reader():
            with losing():  # what may be lost was asked when the plan was made
                frame = from_arrow(normalise_table(pa.Table.from_batches([batch])))
            whole = {name: kind for name, kind in orders.items() if name in frame.columns}
            frame = frame.with_columns(selectors.by_name(n).cast(pl.String).cast(kind) for n, kind in whole.items())
            frame = frame if left is None else frame.head(left)
            left = left if left is None else left - frame.height
            yield frame if predicate is None else frame.filter(predicate)
            if left == 0:
                return

    return register_io_source(read, schema={**empty.schema, **orders})


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
        return schema_of(value)

    def batches(self, value: pl.LazyFrame) -> Iterator[Any] | None:
        """The rows as record batches of at most 100,000, while the plan runs; None where polars cannot."""
        return batches_of(value) if hasattr(value, "collect_batches") else None

    def project(self, value: pl.LazyFrame, columns: Mapping[str, Any]) -> pl.LazyFrame:
        """The plan with a selection of these columns, which polars pushes down to where they are read."""
        return value.select(_selection(columns))

    def preview(self, value: pl.LazyFrame, limit: int = 10) -> Preview:
        """The plan as text: rows would cost a run."""
        return Preview.of_text(value.explain())

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
    """``polars.LazyFrame`` <-> one Parquet file; what is read back is a plan that scans it."""

    transformer = LazyFrameTransformer

    def read(self, path: Path) -> pl.LazyFrame:
        """A scan of the file. Where that would give other types than the table had, the table in it."""
        plan = _scan(path, self.arrow_schema(path)) if lies_here(path) else None
        made: pl.LazyFrame = super().read(path) if plan is None else plan
        return made

    def read_columns(self, path: Path, columns: Sequence[str]) -> pl.LazyFrame:
        """A scan of these columns."""
        whole = self.arrow_schema(path)
        narrow = whole.empty_table().select(list(columns)).schema
        plan = _scan(path, narrow) if lies_here(path) else None
        made: pl.LazyFrame = super().read_columns(path, columns) if plan is None else plan
        return made


def _scan(path: Path, schema: pa.Schema) -> pl.LazyFrame | None:
    """A scan of these columns of a Parquet file; None where polars would read another type than it makes of the table's."""
    wanted = from_arrow(schema.empty_table()).schema
    if not wanted:  # rows without columns
        return None
    try:
        plan = pl.scan_parquet(path, glob=False, hive_partitioning=False).select(_selection(dict.fromkeys(wanted)))
        return plan if plan.collect_schema() == wanted else None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


class LazyFrameIpc(IpcCodec):
    """``polars.LazyFrame`` <-> one Arrow IPC file, mapped."""

    transformer = LazyFrameTransformer
