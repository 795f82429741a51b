"""Arrow beside tables: record batches, readers that give their rows once, and datasets that lie in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import DataError, ValueMismatch
from dovetail.spec import Preview
from dovetail.types._arrow_files import no_memory, parquet_schema, refuse_broken
from dovetail.types._arrow_layout import check_columns, normalise_table, plain_type, project_table
from dovetail.types._carrier import lies_here
from dovetail.types._collect import collect_limit, gather
from dovetail.types._once import remember, rows_of
from dovetail.types._stream_files import ipc_batches, parquet_batches
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

__all__ = [
    "DatasetIpc",
    "DatasetParquet",
    "DatasetTransformer",
    "ReaderIpc",
    "ReaderParquet",
    "ReaderTransformer",
    "RecordBatchIpc",
    "RecordBatchParquet",
    "RecordBatchTransformer",
    "batch_to_table",
    "dataset_to_reader",
    "dataset_to_table",
    "reader_to_table",
    "table_to_batch",
    "table_to_dataset",
    "table_to_reader",
]


# -- record batches --------------------------------------------------------------------------------------


def batch_to_table(batch: pa.RecordBatch) -> pa.Table:
    """The batch as the one chunk of a table."""
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def table_to_batch(table: pa.Table) -> pa.RecordBatch:
    """The rows of a table in one piece.

    Raises:
        ValueMismatch: A column has more text than one piece holds.
    """
    import pyarrow as pa

    if not table.num_columns:  # which Arrow would give no rows
        return pa.RecordBatch.from_struct_array(pa.array([{}] * table.num_rows, pa.struct([])))
    try:
        columns = [_one_chunk(column) for column in table.columns]
    except pa.ArrowInvalid as error:
        raise ValueMismatch(
            "the table does not fit into one record batch",
            why=str(error).splitlines()[0],
            fix="take it as pyarrow.Table, or bit by bit as pyarrow.RecordBatchReader",
        ) from error
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    joined = column.combine_chunks()
    if not isinstance(joined, pa.ChunkedArray):
        return joined
    if joined.num_chunks > 1:
        raise pa.ArrowInvalid("more text than 32 bit offsets reach")
    return joined.chunk(0) if joined.num_chunks else pa.array([], column.type)


class RecordBatchTransformer(TableTransformer):
    """``pyarrow.RecordBatch``."""

    type_name = "pyarrow.RecordBatch"

    def to_arrow(self, value: pa.RecordBatch) -> pa.Table:
        """As a table of one chunk."""
        return batch_to_table(value)

    def from_arrow(self, table: pa.Table) -> pa.RecordBatch:
        """The rows in one piece."""
        return table_to_batch(table)

    def num_rows(self, value: pa.RecordBatch) -> int | None:
        """Rows."""
        return int(value.num_rows)

    def size(self, value: pa.RecordBatch) -> int | None:
        """Bytes of the buffers."""
        return int(value.nbytes)


# -- readers ---------------------------------------------------------------------------------------------


def table_to_reader(table: pa.Table) -> pa.RecordBatchReader:
    """The rows of a table, chunk by chunk."""
    return table.to_reader()


def reader_to_table(reader: pa.RecordBatchReader) -> pa.Table:
    """All rows of a reader, which gives them once.

    Raises:
        ValueMismatch: They were taken already.
    """
    import pyarrow as pa

    check_columns(reader.schema.names, "the reader")
    return normalise_table(pa.Table.from_batches(list(rows_of(reader)), reader.schema))


class ReaderTransformer(TableTransformer):
    """``pyarrow.RecordBatchReader``: its rows are read once, by a conversion, a hash or a task; looking at it takes none."""

    type_name = "pyarrow.RecordBatchReader"
    lazy = True

    def to_arrow(self, value: pa.RecordBatchReader) -> pa.Table:
        """Read all rows."""
        return reader_to_table(value)

    def from_arrow(self, table: pa.Table) -> pa.RecordBatchReader:
        """The rows of the table."""
        return table_to_reader(table)

    def batches(self, value: pa.RecordBatchReader) -> Iterator[Any]:
        """Its batches."""
        return rows_of(value)

    def num_rows(self, value: pa.RecordBatchReader) -> int | None:
        """Not known before it is read."""
        return None

    def schema(self, value: pa.RecordBatchReader) -> Any:
        """Columns with their Arrow types."""
        return super().schema(table_to_reader(value.schema.empty_table()))

    def arrow_schema(self, value: pa.RecordBatchReader) -> pa.Schema:
        """Columns with their Arrow types, in plain layouts."""
        return _plain_schema(value.schema)

    def preview(self, value: pa.RecordBatchReader, limit: int = 10) -> Preview:
        """Its columns: rows are read once only."""
        return Preview(text=f"rows to be read once: {', '.join(value.schema.names)}")

    def project(self, value: pa.RecordBatchReader, columns: Mapping[str, Any]) -> pa.RecordBatchReader:
        """A reader of these columns of the rows that are left."""
        import pyarrow as pa

        schema = project_table(value.schema.empty_table(), columns).schema

        def chosen() -> Iterator[pa.RecordBatch]:
            for batch in rows_of(value):
                yield from project_table(pa.Table.from_batches([batch]), columns).to_batches()

        return pa.RecordBatchReader.from_batches(schema, chosen())

    def take_rows(self, value: pa.RecordBatchReader, rows: Sequence[int]) -> pa.RecordBatchReader:
        """The rows with these ordinals; reads all of them."""
        import pyarrow as pa

        return self.to_arrow(value).take(pa.array(rows, pa.int64())).to_reader()


class ReaderParquet(ParquetCodec):
    """``pyarrow.RecordBatchReader`` <-> one Parquet file, a row group in memory at a time."""

    transformer = ReaderTransformer

    def read(self, path: Path) -> pa.RecordBatchReader:
        """Read the rows, as often as they are wanted."""
        import pyarrow as pa

        if not lies_here(path):
            made: pa.RecordBatchReader = super().read(path)
            return made
        made = pa.RecordBatchReader.from_batches(parquet_schema(path), parquet_batches(path))
        remember(made, lambda: parquet_batches(path))
        return made

    def read_columns(self, path: Path, columns: Sequence[str]) -> pa.RecordBatchReader:
        """Read the rows with these columns only."""
        import pyarrow as pa

        if not lies_here(path):
            made: pa.RecordBatchReader = super().read_columns(path, columns)
            return made
        whole = parquet_schema(path)
        schema = pa.schema([whole.field(name) for name in columns], whole.metadata)
        made = pa.RecordBatchReader.from_batches(schema, parquet_batches(path, list(columns)))
        remember(made, lambda: parquet_batches(path, list(columns)))
        return made


class ReaderIpc(IpcCodec):
    """``pyarrow.RecordBatchReader`` <-> one Arrow IPC file, mapped."""

    transformer = ReaderTransformer

    def read(self, path: Path) -> pa.RecordBatchReader:
        """Read the rows, as often as they are wanted."""
        made: pa.RecordBatchReader = super().read(path)
        if lies_here(path):
            remember(made, lambda: ipc_batches(path))
        return made


# -- datasets --------------------------------------------------------------------------------------------


def table_to_dataset(table: pa.Table) -> ds.Dataset:
    """A dataset of the rows of a table, which stay where they are."""
    import pyarrow.dataset as ds

    check_columns(table.column_names, "the Arrow table")
    return ds.InMemoryDataset(table)


def dataset_to_reader(dataset: ds.Dataset) -> pa.RecordBatchReader:
    """The rows, read while they are taken; in the order of the files."""
    import pyarrow as pa

    check_columns(dataset.schema.names, "the dataset")
    return pa.RecordBatchReader.from_batches(_plain_schema(dataset.schema), _scan(dataset, None))


def dataset_to_table(dataset: ds.Dataset) -> pa.Table:
    """All rows. Raises ValueMismatch for a name that occurs twice."""
    return dataset_to_reader(dataset).read_all()


def _scan(dataset: ds.Dataset, columns: Any) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = None
    try:
        # Little is read ahead, since what is read may be more than may be kept.
        for batch in dataset.scanner(columns=columns, batch_readahead=4, fragment_readahead=2).to_reader():
            table = normalise_table(pa.Table.from_batches([batch]))
            refuse_broken(table, trusted_offsets=True)
            schema = schema or _plain_schema(table.schema)
            yield from (table if table.schema.equals(schema) else table.cast(schema)).to_batches()
    except MemoryError as error:
        raise no_memory("the rows of a pyarrow.dataset.Dataset") from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "the rows of a pyarrow.dataset.Dataset cannot be read",
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="look at its files and at the schema it was given; if they are artifacts, delete them and run again",
        ) from error


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    for position, field in enumerate(schema):
        schema = schema.set(position, field.with_type(plain_type(field.type)))
    return schema


class DatasetTransformer(TableTransformer):
    """``pyarrow.dataset.Dataset``: files, or tables, that are read when rows are needed, and of these the columns wanted."""

    type_name = "pyarrow.dataset.Dataset"
    lazy = True

    def to_arrow(self, value: ds.Dataset) -> pa.Table:
        """Read all of it."""
        return dataset_to_table(value)

    def from_arrow(self, table: pa.Table) -> ds.Dataset:
        """A dataset in memory."""
        return table_to_dataset(table)

    def batches(self, value: ds.Dataset) -> Iterator[Any]:
        """The rows as they are read."""
        return _scan(value, None)

    def num_rows(self, value: ds.Dataset) -> int | None:
        """Not known before it is read."""
        return None

    def schema(self, value: ds.Dataset) -> Any:
        """Columns with their Arrow types."""
        return super().schema(table_to_dataset(value.schema.empty_table()))

    def head(self, value: ds.Dataset, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow; no more are read than it takes."""
        return normalise_table(value.head(limit)) if limit else _plain_schema(value.schema).empty_table()

    def arrow_schema(self, value: ds.Dataset) -> pa.Schema:
        """Columns with their Arrow types, in plain layouts."""
        return _plain_schema(value.schema)

    def preview(self, value: ds.Dataset, limit: int = 10) -> Preview:
        """Its columns and files: rows would have to be read."""
        files = getattr(value, "files", None)
        about = "in memory" if files is None else f"{len(files)} file{'' if len(files) == 1 else 's'}"
        return Preview(text=f"{about}: {', '.join(value.schema.names)}")

    def project(self, value: ds.Dataset, columns: Mapping[str, Any]) -> ds.Dataset:
        """The dataset with these columns; the others are not read. It is read where that takes a cast, or it is filtered."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        schema = pa.schema([value.schema.field(name) for name in columns], value.schema.metadata)
        if not any(columns.values()):
            narrow = value.replace_schema(schema)
            try:
                narrow.scanner()
            except pa.ArrowInvalid:  # a filter asks for a column that is dropped
                pass
            else:
                return narrow
        chosen = {
            name: ds.field(name) if kind is None else ds.field(name).cast(kind, safe=True)
            for name, kind in columns.items()
        }
        wanted = project_table(_plain_schema(schema).empty_table(), columns).schema
        return ds.InMemoryDataset(gather(_scan(value, chosen), lambda: wanted, self.type_name, collect_limit(None)))

    def take_rows(self, value: ds.Dataset, rows: Sequence[int]) -> ds.Dataset:
        """The rows with these ordinals, in memory."""
        import pyarrow as pa

        return table_to_dataset(normalise_table(value.take(pa.array(rows, pa.int64()))))


class DatasetParquet(ParquetCodec):
    """``pyarrow.dataset.Dataset`` <-> one Parquet file; what is read back is a dataset of that file."""

    transformer = DatasetTransformer

    def read(self, path: Path) -> ds.Dataset:
        """A dataset of the file; of the table in it where the file alone would give other types."""
        return self._dataset(path) or super().read(path)

    def read_columns(self, path: Path, columns: Sequence[str]) -> ds.Dataset:
        """A dataset of these columns of the file."""
        found = self._dataset(path)
        return (
            super().read_columns(path, columns)
            if found is None
            else DatasetTransformer().project(found, dict.fromkeys(columns))
        )

    def _dataset(self, path: Path) -> ds.Dataset | None:
        import pyarrow.dataset as ds

        if not lies_here(path):
            return None
        wanted = parquet_schema(path)
        found = ds.dataset(path, format="parquet")
        return found if found.schema.equals(wanted) else None


class DatasetIpc(IpcCodec):
    """``pyarrow.dataset.Dataset`` <-> one Arrow IPC file, mapped."""

    transformer = DatasetTransformer


class RecordBatchParquet(ParquetCodec):
    """``pyarrow.RecordBatch`` <-> one Parquet file."""

    transformer = RecordBatchTransformer


class RecordBatchIpc(IpcCodec):
    """``pyarrow.RecordBatch`` <-> one Arrow IPC file."""

    transformer = RecordBatchTransformer
