"""Arrow tables <-> Parquet and Arrow IPC files, with the types that the table had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import ArtifactCorrupt, DataError, PlatformError, ValueMismatch
from dovetail.types._arrow_layout import check_columns, normalise_table
from dovetail.types._carrier import carrier_of
from dovetail.types._collect import collect_limit, memory_limit
from dovetail.types._table_hash import is_ascii

if TYPE_CHECKING:
    import pyarrow as pa

_UNSAFE = b"arrow.py_extension_type"  # the extension type whose metadata is a pickle
_SMALL = 16 << 20
"""Bytes up to which nobody asks how much memory is left."""


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table as one Parquet file (zstd). Equal tables give equal bytes, however they were chunked.

    Raises:
        ValueMismatch: A column has a value that Parquet cannot hold.
        NotImplementedError: A column has a type that Parquet does not have, or does not give back.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_columns(table.column_names, "the table")
    carrier = carrier_of(path)
    if carrier is not None:
        return carrier.write_table(table, path)
    table = normalise_table(table)
    for field, column in zip(table.schema, table.columns, strict=True):
        holes = column.null_count and pa.types.is_fixed_size_list(field.type)  # come back as lists of length 0
        if holes or forgotten(field.type):
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


def forgotten(kind: pa.DataType, inside: bool = False) -> bool:
    """True for types that reading cannot restore: dictionaries below lists and structs, for one."""
    import pyarrow.types as t

    if t.is_union(kind) or t.is_interval(kind) or t.is_run_end_encoded(kind):
        return True
    if t.is_fixed_size_list(kind) and inside:
        return True
    if t.is_dictionary(kind):
        return inside or t.is_nested(kind.value_type)
    return any(forgotten(kind.field(i).type, True) for i in range(kind.num_fields))


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


def parquet_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file, with the types that the table had. Raises what :func:`read_parquet` raises."""
    import pyarrow as pa

    carrier = carrier_of(path)
    if carrier is not None:
        return carrier.table_schema(path)
    with reading(path, "Parquet"):
        metadata, schema = _footer(path)
        return schema if schema is not None else pa.schema(metadata.schema.to_arrow_schema())


def read_parquet(path: Path, columns: Sequence[str] | None = None, limit: int | None = None) -> pa.Table:
    """Read what :func:`write_parquet` wrote, with the types that the table had.

    Args:
        path: The file.
        columns: Read these only, in this order; every one is there.
        limit: Bytes that it may have when unpacked; default as configured by ``max_collect_bytes``.

    Raises:
        ArtifactCorrupt: It is no Parquet file, or a broken one.
        DataError: It holds a type whose loading would run code.
        MemoryLimit: What its footer announces is more than ``limit``.
        PlatformError: There is not enough memory for it.
    """
    import pyarrow.parquet as pq

    carrier = carrier_of(path)
    if carrier is not None:
        return carrier.read_table(path, columns)
    with reading(path, "Parquet"):
        metadata, wanted = _footer(path)
        schema = wanted if wanted is not None else metadata.schema.to_arrow_schema()
        _refuse_bomb(metadata, schema, columns, path, limit)
        table = pq.ParquetFile(path, metadata=metadata).read(None if columns is None else list(columns))
        return _restored(table, wanted, columns)


def parquet_table(table: pa.Table, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows that pyarrow read from a Parquet file, with the types that the table had. Raises what pyarrow raises."""
    return _restored(table, _footer(path)[1], columns)


def _restored(table: pa.Table, wanted: pa.Schema | None, columns: Sequence[str] | None) -> pa.Table:
    import pyarrow as pa

    if columns is not None:
        table = table.select(list(columns))  # a name with a dot brings its namesakes along
    if wanted is not None:
        wanted = wanted if columns is None else pa.schema([wanted.field(name) for name in columns], wanted.metadata)
        restored = [_as_written(column, kind) for column, kind in zip(table.columns, wanted.types, strict=True)]
        table = pa.Table.from_arrays(restored, schema=wanted) if restored else table
    refuse_broken(table, trusted_offsets=True)
    return table


def _footer(path: Path) -> tuple[Any, pa.Schema | None]:
    """The metadata of a Parquet file, and the schema that its table had in Arrow, if it says so."""
    import base64

    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    stored = (metadata.metadata or {}).get(b"ARROW:schema")
    packed = base64.b64decode(stored) if stored else b""
    _refuse_code(packed, path)
    return metadata, pa.ipc.read_schema(pa.py_buffer(packed)) if packed else None


def _refuse_bomb(
    metadata: Any, schema: pa.Schema, columns: Sequence[str] | None, path: Path, limit: int | None
) -> None:
    """Refuse a file that is small as it lies there, and more than memory holds when it is unpacked.

    Column chunks are not asked: of a footer that lies about them, pyarrow 26 aborts the process there.
    """
    import pyarrow as pa

    wanted = schema.names if columns is None else columns
    kinds = [field.type for field in schema if field.name in wanted and pa.types.is_primitive(field.type)]
    total = metadata.num_rows * sum(kind.bit_width for kind in kinds) // 8
    if columns is None:
        groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
        total = max(total, sum(group.total_byte_size for group in groups))
    if total <= _SMALL and limit is None:
        return
    most = collect_limit(None) if limit is None else limit
    if total > most:
        raise memory_limit(f"Parquet file {path.name}", total, most)


def refuse_broken(table: pa.Table, trusted_offsets: bool = False) -> None:
    """Refuse offsets that lead out of the buffers, dictionary indices without a value, and text that is not UTF-8.

    Offsets that Arrow itself made while it decoded the file lead nowhere else.
    """
    import pyarrow as pa

    for field, column in zip(table.schema, table.columns, strict=True):
        text = trusted_offsets and (pa.types.is_string(field.type) or pa.types.is_large_string(field.type))
        if not pa.types.is_primitive(field.type) and not (text and all(is_ascii(chunk) for chunk in column.chunks)):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid as error:
                raise pa.ArrowInvalid(f"column {field.name!r}: {error}") from None


@contextlib.contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except MemoryError as error:  # of Arrow's own, and then no fault of the file
        raise no_memory(f"the file {path.name}") from error
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(path, form, error) from error


def write_ipc(table: pa.Table, path: Path) -> None:
    """Write a table as one Arrow IPC file, uncompressed, so that it can be memory-mapped."""
    import pyarrow as pa

    check_columns(table.column_names, "the table")
    carrier = carrier_of(path)
    if carrier is not None:
        carrier.write_table(table, path)
        return
    table = _in_one_piece(normalise_table(table))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def ipc_schema(path: Path) -> pa.Schema:
    """The columns of an Arrow IPC file. Raises what :func:`read_ipc` raises."""
    carrier = carrier_of(path)
    if carrier is not None:
        return carrier.table_schema(path)
    with reading(path, "Arrow IPC"):
        return open_ipc(path, None).schema


def read_ipc(path: Path, columns: Sequence[str] | None = None, limit: int | None = None) -> pa.Table:
    """Read what :func:`write_ipc` wrote, memory-mapped.

    Args:
        path: The file.
        columns: Take these only, in this order; every one is there.
        limit: Bytes that may be taken to unpack a compressed file; default as configured by ``max_collect_bytes``.

    Raises:
        ArtifactCorrupt: It is no Arrow IPC file, or a broken one.
        DataError: It holds a type whose loading would run code.
        MemoryLimit: It unpacks to more than ``limit``.
    """
    import pyarrow as pa

    carrier = carrier_of(path)
    if carrier is not None:
        return carrier.read_table(path, columns)
    with reading(path, "Arrow IPC"):
        reader = open_ipc(path, columns)
        before, most = pa.total_allocated_bytes(), limit
        batches = []
        for number in range(reader.num_record_batches):
            batches.append(reader.get_batch(number))
            taken = pa.total_allocated_bytes() - before  # nothing, where the buffers are those of the file
            if taken > _SMALL or limit is not None:
                most = collect_limit(None) if most is None else most
                if taken > most:
                    raise memory_limit(f"Arrow file {path.name}", None, most)
        table = pa.Table.from_batches(batches, reader.schema)
        if columns is not None:
            table = table.select(list(columns))
        table.validate()
        refuse_broken(table)
    return table


def open_ipc(path: Path, columns: Sequence[str] | None) -> Any:
    import pyarrow as pa

    source = pa.memory_map(str(path), "r")
    head = source.read_buffer(min(source.size(), 1 << 20)).to_pybytes()
    tail_from = max(0, source.size() - (1 << 20))
    source.seek(tail_from)
    _refuse_code(
        head + source.read_buffer(source.size() - tail_from).to_pybytes(), path
    )  # the schema stands at both ends
    source.seek(0)
    reader = pa.ipc.open_file(source)
    if columns is None:
        return reader
    numbers = sorted(reader.schema.get_field_index(name) for name in columns)
    source.seek(0)
    return pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=numbers))


def _refuse_code(schema: bytes, path: Path) -> None:
    if _UNSAFE in schema:
        raise DataError(
            f"the file {path.name} holds an extension type that carries pickled Python code",
            why="loading it would run that code",
            fix="write the data again with plain Arrow types",
        )


def no_memory(what: str) -> PlatformError:
    """The error where reading asked for more memory than there is."""
    return PlatformError(
        f"there is not enough memory to read {what}",
        why="it is whole as far as it was read; Arrow could not get the memory for what it holds",
        fix="read fewer columns (dt.columns), take it as a plan (pyarrow.dataset.Dataset, pl.LazyFrame), or give it more memory",
    )


def _corrupt(path: Path, form: str, error: Exception) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        f"the file {path.name} cannot be read as {form}",
        why=str(error).splitlines()[0] if str(error) else type(error).__name__,
        fix="if it is an artifact, delete it and run again; if it is yours, write it again",
    )
