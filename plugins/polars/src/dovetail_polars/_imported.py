"""What polars cannot take from Arrow: refused by column, never changed without a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dovetail.errors import ValueMismatch
from dovetail.types.arrow import check_columns, check_losses, project_table

if TYPE_CHECKING:
    import pyarrow as pa

_OFFSET = re.compile(r"[+-]\d\d:?\d\d")
_DIGITS = 38


def importable(table: pa.Table) -> pa.Table:
    """The table with days as days and decimals in 128 bits, where polars would make moments of them, or panic.

    Raises:
        ValueMismatch: A name occurs twice, or polars has no type for a column.
        ConversionError: A column has categories that are no text, and losing them is not allowed.
    """
    import pyarrow as pa

    check_columns(table.column_names, "the Arrow table")
    check_losses(table.schema, "polars frame", _lost, "cast it to the type of its values, or its categories to text")
    wanted = {field.name: _kept(field.type, field.name) for field in table.schema}
    if all(wanted[field.name] == field.type for field in table.schema):
        return table
    try:
        return project_table(table, wanted)
    except pa.ArrowInvalid as error:
        raise ValueMismatch(
            "an Arrow column holds values that polars has no type for",
            why=str(error).splitlines()[0],
            fix="cast it to a type that polars has, or drop it",
        ) from error


def ordered_texts(table: pa.Table) -> dict[str, list[str]]:
    """The categories, in their order, of the columns where that counts."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    found: dict[str, list[str]] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if t.is_dictionary(field.type) and field.type.ordered and _is_text(field.type.value_type):
            chunks = column.unify_dictionaries().chunks[:1]
            found[field.name] = pc.unique(chunks[0].dictionary).drop_null().to_pylist() if chunks else []
    return found


def _lost(kind: pa.DataType) -> str | None:
    """Categories of anything but text are plain values in polars."""
    import pyarrow.types as t

    return "its categories" if t.is_dictionary(kind) and not _is_text(kind.value_type) else None


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as t

    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def _kept(kind: pa.DataType, name: str) -> pa.DataType:
    """The type of the same meaning that polars reads as what it is."""
    import pyarrow as pa
    import pyarrow.types as t

    if isinstance(kind, pa.BaseExtensionType):
        raise _refused(name, kind, "it would keep what they are stored as, and forget what they are", "its storage")
    if t.is_interval(kind):
        raise _refused(name, kind, "it has durations, and no months", "a duration, or a number")
    if t.is_timestamp(kind) and kind.tz is not None and _OFFSET.fullmatch(kind.tz):
        raise _refused(name, kind, "its zones have names", f"'timestamp[{kind.unit}, tz=UTC]'")
    if t.is_decimal256(kind):
        if kind.precision > _DIGITS:
            raise _refused(name, kind, f"it has decimals of up to {_DIGITS} digits", "a narrower decimal, or text")
        return pa.decimal128(kind.precision, kind.scale)
    if t.is_date64(kind):
        return pa.date32()
    if t.is_struct(kind):
        return pa.struct([f.with_type(_kept(f.type, name)) for f in (kind.field(i) for i in range(kind.num_fields))])
    if t.is_map(kind):
        key, item = (f.with_type(_kept(f.type, name)) for f in (kind.key_field, kind.item_field))
        return pa.map_(key, item, kind.keys_sorted)
    if t.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_kept(kind.value_type, name)), kind.list_size)
    if t.is_list(kind):
        return pa.list_(kind.value_field.with_type(_kept(kind.value_type, name)))
    for position in range(kind.num_fields):
        _kept(kind.field(position).type, name)
    if t.is_dictionary(kind):
        _kept(kind.value_type, name)
    return kind


def _refused(name: str, kind: pa.DataType, why: str, instead: str) -> ValueMismatch:
    return ValueMismatch(
        f"the column {name!r} holds values of the type {kind}, which polars does not have",
        why=why,
        fix=f"cast it to {instead}, or drop it",
    )
