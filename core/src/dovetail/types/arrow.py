"""Arrow tables: the common meeting point of frames, and the helpers that frame plugins are built from.

A plugin whose frames go to and from ``pyarrow.Table`` subclasses :class:`TableTransformer` and :class:`TableCodec` and is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail.errors import ArtifactCorrupt, DataError, ValueMismatch, listing
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from dovetail.types._table_hash import hash_table, unview

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ArrowTransformer",
    "ParquetCodec",
    "IpcCodec",
    "TableTransformer",
    "check_columns",
    "from_stream",
    "hash_table",
    "normalise_table",
    "read_ipc",
    "read_parquet",
    "write_ipc",
    "write_parquet",
]

_PREVIEW_COLUMNS = 20
_CELL = 80
_UNSAFE = b"arrow.py_extension_type"  # the extension type whose metadata is a pickle


class TableTransformer(TypeTransformer):
    """Base of transformers of frames: subclass it and implement :meth:`to_arrow`, :meth:`from_arrow`.

    Override :meth:`num_rows`, :meth:`head` and :meth:`take_rows` where the library does better than a conversion.
    """

    is_table: ClassVar[bool] = True

    def from_arrow(self, table: pa.Table) -> Any:
        """The inverse of :meth:`to_arrow`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement from_arrow()")

    def head(self, value: Any, limit: int) -> pa.Table:
        """At most the first ``limit`` rows, as Arrow."""
        return self.to_arrow(value).slice(0, limit)

    def content_hash(self, value: Any) -> str:
        """The hash of the table in Arrow: equal data hash the same in every frame library."""
        return hash_table(self.to_arrow(value))

    def schema(self, value: Any) -> Schema | None:
        """Columns with their Arrow types."""
        return Schema(tuple(FieldInfo(f.name, str(f.type), f.nullable) for f in self.head(value, 0).schema))

    def num_rows(self, value: Any) -> int | None:
        """Rows."""
        return int(self.to_arrow(value).num_rows)

    def take_rows(self, value: Any, rows: Sequence[int]) -> Any:
        """The rows with these ordinals, as the same type."""
        import pyarrow as pa

        return self.from_arrow(self.to_arrow(value).take(pa.array(rows, pa.int64())))

    def preview(self, value: Any, limit: int = 10) -> Preview:
        """At most ``limit`` rows, 20 columns, 80 characters per cell."""
        top = self.head(value, limit)
        names = top.column_names[:_PREVIEW_COLUMNS]
        cells = [[_cell(item) for item in top.column(i).to_pylist()] for i in range(len(names))]
        hidden = top.num_columns - len(names)
        return Preview(
            text=f"and {hidden} more columns" if hidden else "",
            columns=tuple(names),
            rows=tuple(zip(*cells, strict=True)),
            total_rows=self.num_rows(value),
        )


def _cell(item: Any) -> str:
    text = "" if item is None else str(item)
    return text if len(text) <= _CELL else text[: _CELL - 3] + "..."


class ArrowTransformer(TableTransformer):
    """``pyarrow.Table``."""

    type_name = "pyarrow.Table"

    def to_arrow(self, value: pa.Table) -> pa.Table:
        """Itself."""
        return value

    def from_arrow(self, table: pa.Table) -> pa.Table:
        """Itself."""
        return table

    def num_rows(self, value: pa.Table) -> int | None:
        """Rows."""
        return int(value.num_rows)

    def size(self, value: pa.Table) -> int | None:
        """Bytes of the buffers."""
        return int(value.nbytes)


def check_columns(names: Sequence[Any], what: str) -> None:
    """Refuse column names that Arrow, Parquet and SQL cannot tell apart.

    Raises:
        ValueMismatch: A name is not text, or occurs twice.
    """
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise ValueMismatch(
            f"{what} has column names that are not text: {listing(repr(name) for name in odd)}",
            why="Arrow, Parquet and the other frames name columns by text",
            fix="rename them: frame.columns = [str(name) for name in frame.columns]",
        )
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise ValueMismatch(
            f"{what} has more than one column called {listing(repr(name) for name in twice)}",
            why="a column is found by its name",
            fix="rename or drop the extra columns",
        )


def from_stream(value: Any) -> pa.Table:
    """Any object with ``__arrow_c_stream__`` as a table, normalised. Raises ValueMismatch for a stream without columns."""
    import pyarrow as pa

    try:
        return normalise_table(pa.table(value))
    except pa.ArrowInvalid as error:
        raise ValueMismatch(
            f"a {type(value).__name__} hands out a stream of values, not a table",
            why=str(error).splitlines()[0],
            fix="give it as a frame with one column, for example series.to_frame()",
        ) from error


def normalise_table(table: pa.Table) -> pa.Table:
    """View layouts (``string_view``, ``binary_view``, list views) and large offsets in their plain 32 bit form.

    Older readers know no views, and one layout per meaning keeps schemas comparable. A column with more than 2 GiB of text
    keeps its large offsets.
    """
    import pyarrow as pa

    columns, fields, changed = [], [], False
    for field, column in zip(table.schema, table.columns, strict=True):
        target = _plain_type(field.type)
        if target != field.type:
            if pa.types.is_list_view(field.type) or pa.types.is_large_list_view(field.type):
                wide = pa.large_list(field.type.value_field)
                column = pa.chunked_array([unview(chunk) for chunk in column.chunks], wide)
            try:
                column = column.cast(target)
            except pa.ArrowInvalid:
                target = _plain_type(field.type, large=True)
                column = column.cast(target)
            field, changed = field.with_type(target), True
        columns.append(column)
        fields.append(field)
    if not changed:
        return table
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def _plain_type(kind: pa.DataType, large: bool = False) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_string_view(kind) or t.is_large_string(kind):
        return pa.large_string() if large else pa.string()
    if t.is_binary_view(kind) or t.is_large_binary(kind):
        return pa.large_binary() if large else pa.binary()
    if t.is_large_list(kind) or t.is_list_view(kind) or t.is_large_list_view(kind) or t.is_list(kind):
        item = kind.value_field.with_type(_plain_type(kind.value_type, large))
        return pa.large_list(item) if large and not t.is_list(kind) else pa.list_(item)
    if t.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_plain_type(kind.value_type, large)), kind.list_size)
    if t.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct([f.with_type(_plain_type(f.type, large)) for f in fields])
    if t.is_dictionary(kind):
        value = _plain_type(kind.value_type, large)
        return kind if value == kind.value_type else pa.dictionary(kind.index_type, value, kind.ordered)
    return kind


# -- files ---------------------------------------------------------------------------------------------


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


class ParquetCodec:
    """``pyarrow.Table`` <-> one Parquet file. Subclasses set ``transformer`` to serve another frame."""

    transformer: ClassVar[type[TableTransformer]] = ArrowTransformer

    def write(self, value: Any, path: Path) -> None:
        """Write the frame."""
        write_parquet(self.transformer().to_arrow(value), path)

    def read(self, path: Path) -> Any:
        """Read the frame."""
        return self.transformer().from_arrow(read_parquet(path))


class IpcCodec:
    """``pyarrow.Table`` <-> one Arrow IPC file. Subclasses set ``transformer`` to serve another frame."""

    transformer: ClassVar[type[TableTransformer]] = ArrowTransformer

    def write(self, value: Any, path: Path) -> None:
        """Write the frame."""
        write_ipc(self.transformer().to_arrow(value), path)

    def read(self, path: Path) -> Any:
        """Read the frame."""
        return self.transformer().from_arrow(read_ipc(path))
