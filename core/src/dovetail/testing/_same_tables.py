"""Whether two Arrow tables mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def values_of(table: pa.Table) -> str:
    """The values of a table as text: NaN is NaN, zero has a sign, moments are what they are in any unit."""
    return repr({name: _items(table.column(position)) for position, name in enumerate(table.column_names)})


def _items(column: Any) -> list[Any]:
    import pyarrow.types as t

    kind = column.type
    if t.is_timestamp(kind) or t.is_duration(kind) or t.is_time(kind):  # without pandas, Arrow shows no nanoseconds
        factor = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]
        numbers = column.cast("int32").cast("int64") if t.is_time32(kind) else column.cast("int64")
        return [None if item is None else item * factor for item in numbers.to_pylist()]
    return list(column.to_pylist())


def unlike(left: pa.Table, right: pa.Table) -> list[int]:
    """Positions of the columns that differ in type or in a bit, chunks and values under nulls aside.

    Both have as many rows and columns. A NaN of other bits is among them, and floats inside others: they are to be
    looked at closely, and may mean the same.
    """
    return [at for at in range(left.num_columns) if not _identical(left.column(at), right.column(at))]


def _identical(left: Any, right: Any) -> bool:
    import pyarrow as pa
    import pyarrow.types as t

    if left.type != right.type:
        return False
    if t.is_floating(left.type):  # for Arrow, 0.0 equals -0.0, and NaN nothing
        bits = {16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}[left.type.bit_width]
        left, right = (pa.chunked_array([chunk.view(bits) for chunk in each.chunks], bits) for each in (left, right))
    return not _holds_floats(left.type) and bool(left.equals(right))


def _holds_floats(kind: Any) -> bool:
    import pyarrow as pa
    import pyarrow.types as t

    if isinstance(kind, pa.BaseExtensionType):
        return _holds_floats(kind.storage_type)
    if t.is_dictionary(kind):
        return _holds_floats(kind.value_type)
    return t.is_floating(kind) or any(_holds_floats(kind.field(at).type) for at in range(kind.num_fields))


def same_table(left: pa.Table, right: pa.Table) -> bool:
    """Whether two tables have the same names, types and values, chunks and metadata aside."""
    if left.column_names != right.column_names or left.num_rows != right.num_rows:
        return False
    kinds = [[meaning_of(kind) for kind in table.schema.types] for table in (left, right)]
    return kinds[0] == kinds[1] and values_of(left) == values_of(right)


def meaning_of(kind: Any) -> Any:
    """The type without what says nothing of the values: how wide the codes of a dictionary are."""
    import pyarrow.types as t

    return ("dictionary", kind.value_type, kind.ordered) if t.is_dictionary(kind) else kind
