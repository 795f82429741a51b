"""Streams of record batches -> Parquet and Arrow IPC files, a piece at a time, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.errors import ValueMismatch
from dovetail.types._arrow_files import forgotten, open_ipc, parquet_schema, parquet_table, reading
from dovetail.types._arrow_layout import check_columns, normalise_table, plain_type
from dovetail.types._collect import collect_limit
from dovetail.types._stream_hash import hash_pieces

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1 << 20
"""Rows of a row group, as pyarrow writes them for a table: what fits into one gives the same file."""
_PIECE = 64 << 20
"""Bytes that are held before they are written."""


def write_parquet_batches(schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Write record batches as one Parquet file, holding one row group of it.

    Raises:
        ValueMismatch: A column has a value that Parquet cannot hold.
        NotImplementedError: A column has a type that Parquet does not have, or does not give back. No batch was taken then.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _plain(schema)
    for field in schema:
        if forgotten(field.type) or pa.types.is_fixed_size_list(field.type):  # with a null in it, it would change
            raise NotImplementedError(f"Parquet may forget the type of the column {field.name!r}: {field.type}")
    try:
        with pq.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
            for piece in _pieces(schema, batches):
                writer.write_table(piece, row_group_size=ROWS)
                del piece  # before the next one is put together
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueMismatch(
            "the rows cannot be written as Parquet", why=str(error), fix="cast the column to a type that Parquet has"
        ) from error


def write_ipc_batches(schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> None:
    """Write record batches as one Arrow IPC file, uncompressed.

    Raises:
        NotImplementedError: A column has categories: such a file has one list of them, and it is known at the end. No batch
            was taken then.
    """
    import pyarrow as pa

    schema = _plain(schema)
    for field in schema:
        if _has_dictionary(field.type):
            raise NotImplementedError(f"an Arrow file needs all categories of the column {field.name!r} beforehand")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for piece in _pieces(schema, batches):
            writer.write_table(piece)
            del piece


def hash_parquet(path: Path) -> tuple[str, int]:
    """Content hash and rows of what :func:`write_parquet_batches` wrote, one piece of it in memory at a time."""
    import pyarrow.parquet as pq

    schema, rows = parquet_schema(path), pq.read_metadata(path).num_rows

    def pieces(name: str) -> Iterator[pa.Array]:
        for table in parquet_groups(path, [name]):
            yield from table.column(0).chunks

    return hash_pieces(schema, rows, pieces), rows


def hash_ipc(path: Path) -> tuple[str, int]:
    """Content hash and rows of what :func:`write_ipc_batches` wrote; the file is mapped."""
    with reading(path, "Arrow IPC"):
        reader = open_ipc(path, None)
    batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    rows = sum(batch.num_rows for batch in batches)
    return hash_pieces(reader.schema, rows, lambda name: (batch.column(name) for batch in batches)), rows


def parquet_groups(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a Parquet file, one after the other, with the types that the table had."""
    import pyarrow.parquet as pq

    with reading(path, "Parquet"):
        file = pq.ParquetFile(path)
        groups = file.num_row_groups
    for number in range(groups):
        with reading(path, "Parquet"):
            table = parquet_table(file.read_row_group(number, columns), path, columns)
        yield table


def parquet_batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, or these columns of them, a row group in memory at a time."""
    for table in parquet_groups(path, columns):
        yield from table.to_batches()


def ipc_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow file, mapped."""
    with reading(path, "Arrow IPC"):
        reader = open_ipc(path, None)
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


def _plain(schema: pa.Schema) -> pa.Schema:
    check_columns(schema.names, "the stream")
    for position, field in enumerate(schema):
        schema = schema.set(position, field.with_type(plain_type(field.type)))
    return schema


def _pieces(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of exactly :data:`ROWS` rows, of fewer where those would be too large, and what is left."""
    import pyarrow as pa

    most = min(_PIECE, collect_limit(None) // 2)
    held: list[pa.Table] = []
    rows = size = 0
    for batch in batches:
        table = normalise_table(pa.Table.from_batches([batch]))
        table = table if table.schema.equals(schema) else table.cast(schema)
        while rows + table.num_rows >= ROWS:
            held.append(table.slice(0, ROWS - rows))
            table = table.slice(ROWS - rows)
            rows = size = 0
            yield _one(schema, held)
        if table.num_rows:
            held.append(table)
            rows, size = rows + table.num_rows, size + table.nbytes
        if size > most:
            rows = size = 0
            yield _one(schema, held)
    if held:
        yield _one(schema, held)


def _one(schema: pa.Schema, tables: list[pa.Table]) -> pa.Table:
    """The rows in one chunk a column, so that the chunks of the stream don't show in the file. The tables are let go of."""
    import pyarrow as pa

    table = pa.concat_tables(tables)
    tables.clear()
    if not table.num_columns:
        return table
    columns = []
    for _ in range(table.num_columns):  # one after the other, each freed before the next one is copied
        joined = _joined(table.column(0))
        table = table.remove_column(0)
        columns.append(joined)
    return pa.Table.from_arrays(columns, schema=schema)


def _joined(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    try:
        joined = column.combine_chunks()
    except pa.ArrowInvalid:  # more text than 32 bit offsets reach
        return column
    return joined if isinstance(joined, pa.ChunkedArray) else pa.chunked_array([joined])


def _has_dictionary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(kind)) or any(
        _has_dictionary(kind.field(i).type) for i in range(kind.num_fields)
    )
