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
