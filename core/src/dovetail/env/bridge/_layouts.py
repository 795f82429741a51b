"""Tables in types that every pyarrow from 16.1 on can read, and back in those that they had."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dovetail.types.arrow import normalise_table

if TYPE_CHECKING:
    import pyarrow as pa


def for_everybody(table: pa.Table) -> tuple[pa.Table, pa.Schema | None]:
    """The table without layouts that older readers lack, and the schema that it had, if decimals were widened.

    View layouts become plain ones for good, as in the store; small decimals become those of 128 bits on the way only.
    """
    import pyarrow as pa

    views = [position for position, kind in enumerate(table.schema.types) if _has(kind, _is_view)]
    if views:
        plain = normalise_table(table.select(views))
        for position, column, field in zip(views, plain.columns, plain.schema, strict=True):
            table = table.set_column(position, field, column)
    meant = table.schema
    small = [position for position, kind in enumerate(meant.types) if _has(kind, _is_small_decimal)]
    for position in small:
        kind = _widened(meant.field(position).type)
        table = table.set_column(position, meant.field(position).with_type(kind), table.column(position).cast(kind))
    if not small:
        return table, None
    return table, pa.schema([meant.field(position) for position in small])


def as_meant(table: pa.Table, packed: bytes) -> pa.Table:
    """The table with the small decimals that it had, where this pyarrow knows them."""
    import pyarrow as pa

    try:
        meant = pa.ipc.read_schema(pa.py_buffer(packed))
    except (pa.ArrowException, ValueError):
        return table
    for field in meant:
        position = table.schema.get_field_index(field.name)
        if position >= 0:
            table = table.set_column(position, field, table.column(position).cast(field.type))
    return table


def _is_view(kind: pa.DataType) -> bool:
    return str(kind).startswith(("string_view", "binary_view", "list_view", "large_list_view"))


def _is_small_decimal(kind: pa.DataType) -> bool:
    return str(kind).startswith(("decimal32", "decimal64"))


def _has(kind: pa.DataType, what: Callable[[pa.DataType], bool]) -> bool:
    import pyarrow.types as t

    if what(kind):
        return True
    if t.is_dictionary(kind):
        return _has(kind.value_type, what)
    return any(_has(kind.field(i).type, what) for i in range(kind.num_fields))


def _widened(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as t

    if _is_small_decimal(kind):
        return pa.decimal128(kind.precision, kind.scale)
    inner = [kind.field(i).with_type(_widened(kind.field(i).type)) for i in range(kind.num_fields)]
    if t.is_struct(kind):
        return pa.struct(inner)
    if t.is_map(kind):
        return pa.map_(_widened(kind.key_type), kind.item_field.with_type(_widened(kind.item_type)), kind.keys_sorted)
    if t.is_fixed_size_list(kind):
        return pa.list_(inner[0], kind.list_size)
    if t.is_large_list(kind):
        return pa.large_list(inner[0])
    if t.is_list(kind):
        return pa.list_(inner[0])
    if t.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _widened(kind.value_type), kind.ordered)
    return kind
