"""Arrow tables <-> Parquet and Arrow IPC files, with the types that the table had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.errors import ArtifactCorrupt, DataError, ValueMismatch
from dovetail.types._arrow_layout import check_columns, normalise_table

if TYPE_CHECKING:
    import pyarrow as pa

_UNSAFE = b"arrow.py_extension_type"  # the extension type whose metadata is a pickle


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table as one Parquet file (zstd). Equal tables give equal bytes, however they were chunked.

    Raises:
        ValueMismatch: A column has a value that Parquet cannot hold.
        NotImplementedError: A column has a type that Parquet does not have, or does not give back.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_columns(table.column_names, "the table")
    table = normalise_table(table)
    for field, column in zip(table.schema, table.columns, strict=True):
        holes = column.null_count and pa.types.is_fixed_size_list(field.type)  # come back as lists of length 0
        if holes or _forgotten(field.type):
            raise NotImplementedError(f"Parquet forgets the type of the column {field.name!r}: {field.type}")
    try:
        pq.write_table(_in_one_piece(table), path, compression="zstd", version="2.6")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueMismatch(
            "the table cannot be written as Parquet", why=str(error), fix="cast the column to a type that Parquet has"
        ) from error


def _in_one_piece(table: pa.Table) -> pa.Table:
    """One chunk per column, so that chunks don't show in the bytes; as it is where 32 bit offsets do not reach."""
    import pyarrow as pa

    try:
        return table.combine_chunks()
    except pa.ArrowInvalid:
        return table


def _forgotten(kind: pa.DataType, inside: bool = False) -> bool:
    """True for types that reading cannot restore: dictionaries below lists and structs, for one."""
    import pyarrow.types as t

    if t.is_union(kind) or t.is_interval(kind) or t.is_run_end_encoded(kind):
        return True
    if t.is_fixed_size_list(kind) and inside:
        return True
    if t.is_dictionary(kind):
        return inside or t.is_nested(kind.value_type)
    return any(_forgotten(kind.field(i).type, True) for i in range(kind.num_fields))


def _as_written(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column that was read, in the type that it had: Parquet has no seconds, and categories of text only."""
    import pyarrow as pa
    import pyarrow.types as t

    if column.type == kind:
        return column
    if t.is_dictionary(kind):
        if not t.is_dictionary(column.type):
            column = column.cast(kind.value_type).dictionary_encode()
        chunks = [
            pa.DictionaryArray.from_arrays(
                part.indices.cast(kind.index_type), part.dictionary.cast(kind.value_type), ordered=kind.ordered
            )
            for part in column.chunks
        ]
        return pa.chunked_array(chunks, kind)
    return column.cast(kind)


def read_parquet(path: Path) -> pa.Table:
    """Read what :func:`write_parquet` wrote, with the types that the table had.

    Raises:
        ArtifactCorrupt: It is no Parquet file, or a broken one.
        DataError: It holds a type whose loading would run code.
    """
    import base64

    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
        stored = (metadata.metadata or {}).get(b"ARROW:schema")
        packed = base64.b64decode(stored) if stored else b""
        _refuse_code(packed, path)
        table = pq.ParquetFile(path).read()
        if packed:
            wanted = pa.ipc.read_schema(pa.py_buffer(packed))
            columns = [_as_written(column, kind) for column, kind in zip(table.columns, wanted.types, strict=True)]
            table = pa.Table.from_arrays(columns, schema=wanted) if columns else table
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _corrupt(path, "Parquet", error) from error
    return table


def write_ipc(table: pa.Table, path: Path) -> None:
    """Write a table as one Arrow IPC file, uncompressed, so that it can be memory-mapped."""
    import pyarrow as pa

    check_columns(table.column_names, "the table")
    table = _in_one_piece(normalise_table(table))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_ipc(path: Path) -> pa.Table:
    """Read what :func:`write_ipc` wrote, memory-mapped.

    Raises:
        ArtifactCorrupt: It is no Arrow IPC file, or a broken one.
        DataError: It holds a type whose loading would run code.
    """
    import pyarrow as pa

    try:
        source = pa.memory_map(str(path), "r")
        head = source.read_buffer(min(source.size(), 1 << 20)).to_pybytes()
        _refuse_code(head, path)
        source.seek(0)
        table = pa.ipc.open_file(source).read_all()
        table.validate()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _corrupt(path, "Arrow IPC", error) from error
    return table


def _refuse_code(schema: bytes, path: Path) -> None:
    if _UNSAFE in schema:
        raise DataError(
            f"the file {path.name} holds an extension type that carries pickled Python code",
            why="loading it would run that code",
            fix="write the data again with plain Arrow types",
        )


def _corrupt(path: Path, form: str, error: Exception) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        f"the file {path.name} cannot be read as {form}",
        why=str(error).splitlines()[0] if str(error) else type(error).__name__,
        fix="if it is an artifact, delete it and run again; if it is yours, write it again",
    )
