"""Arrow tables from elsewhere in the one layout that dovetail works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dovetail.errors import ValueMismatch, listing
from dovetail.types._collect import gather
from dovetail.types._table_hash import unview

if TYPE_CHECKING:
    import pyarrow as pa


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


def from_stream(value: Any, limit: int | None = None) -> pa.Table:
    """Any object with ``__arrow_c_stream__`` as a table, normalised.

    Args:
        value: The object.
        limit: Bytes that are read at most; None: any.

    Raises:
        ValueMismatch: It is a stream of values, without columns.
        MemoryLimit: It holds more than ``limit``.
    """
    import pyarrow as pa

    try:
        if limit is None:
            return normalise_table(pa.table(value))
        reader = pa.RecordBatchReader.from_stream(value)
        return normalise_table(gather(reader, lambda: reader.schema, type(value).__name__, limit))
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
        target = plain_type(field.type)
        if target != field.type:
            if pa.types.is_list_view(field.type) or pa.types.is_large_list_view(field.type):
                wide = pa.large_list(field.type.value_field)
                column = pa.chunked_array([unview(chunk) for chunk in column.chunks], wide)
            try:
                column = column.cast(target)
            except pa.ArrowInvalid:
                target = plain_type(field.type, large=True)
                column = column.cast(target)
            field, changed = field.with_type(target), True
        columns.append(column)
        fields.append(field)
    if not changed:
        return table
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def project_table(table: pa.Table, columns: Mapping[str, pa.DataType | None]) -> pa.Table:
    """These columns of a table, in this order; those with a type are cast to it. No value may change by that."""
    narrow = table.select(list(columns))
    for position, kind in enumerate(columns.values()):
        if kind is not None:
            column = narrow.column(position).cast(kind, safe=True)
            narrow = narrow.set_column(position, narrow.schema.field(position).with_type(kind), column)
    return narrow


KEPT = {b"dovetail.kept": b"1"}
"""Metadata of a column in a file that its type keeps for itself, such as the row labels of pandas; no other type reads it."""


def shared_schema(schema: pa.Schema) -> pa.Schema:
    """The columns of a file that are there for every type; the same object if all are."""
    import pyarrow as pa

    fields = [field for field in schema if b"dovetail.kept" not in (field.metadata or {})]
    return schema if len(fields) == len(schema) else pa.schema(fields, schema.metadata)


def plain_type(kind: pa.DataType, large: bool = False) -> pa.DataType:
    """The type in the layout that :func:`normalise_table` gives."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_string_view(kind) or t.is_large_string(kind):
        return pa.large_string() if large else pa.string()
    if t.is_binary_view(kind) or t.is_large_binary(kind):
        return pa.large_binary() if large else pa.binary()
    if t.is_large_list(kind) or t.is_list_view(kind) or t.is_large_list_view(kind) or t.is_list(kind):
        item = kind.value_field.with_type(plain_type(kind.value_type, large))
        return pa.large_list(item) if large and not t.is_list(kind) else pa.list_(item)
    if t.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(plain_type(kind.value_type, large)), kind.list_size)
    if t.is_map(kind):
        key, item = (f.with_type(plain_type(f.type, large)) for f in (kind.key_field, kind.item_field))
        return pa.map_(key, item, kind.keys_sorted)
    if t.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct([f.with_type(plain_type(f.type, large)) for f in fields])
    if t.is_dictionary(kind):
        value = plain_type(kind.value_type, large)
        return kind if value == kind.value_type else pa.dictionary(kind.index_type, value, kind.ordered)
    return kind
