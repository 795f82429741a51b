"""Types between Arrow and PostgreSQL, where ADBC's own are not what a frame can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dovetail.errors import ValueMismatch

from dovetail_sql._connections import Connection

if TYPE_CHECKING:
    import pyarrow as pa

_OID = re.compile(r"unnamed<oid:(\d+)>")


def as_bound(values: Sequence[Any]) -> pa.RecordBatch:
    """One row of values to bind. Integers of more than 64 bits are numerics."""
    import pyarrow as pa

    arrays = []
    for value in values:
        wide = isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63
        arrays.append(pa.array([Decimal(value) if wide else value]))
    return pa.record_batch(arrays, names=[f"p{index}" for index in range(len(arrays))])


def unreadable(field: pa.Field) -> str | None:
    """The type to cast a column to that the driver has no Arrow type for; None if it has one."""
    known = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if known == "money":
        return "numeric(20,2)"  # the driver would give cents
    name = getattr(field.type, "type_name", "")
    if known == "uuid" or getattr(field.type, "extension_name", "") == "arrow.uuid":
        return "text"
    return "text" if name and name != "numeric" else None


_OPEN_SCALE = 9
"""Digits behind the point that numerics without a declared precision have at least in a stream, whose later rows nobody knows."""


def received(
    rows: pa.Table,
    connection: Connection,
    enums: Callable[[Sequence[int]], set[int]],
    settled: dict[str, pa.DataType] | None = None,
) -> pa.Table:
    """A result with types that frames hold: numerics as decimals, UUIDs, JSON and enums as text.

    Args:
        rows: What the driver gave.
        connection: For messages.
        enums: Tells which types are enums, by their numbers.
        settled: For the pieces of a stream: types of its numerics, by column, decided with the first piece.

    Raises:
        ValueMismatch: A column is of a type that has no counterpart in Arrow.
    """
    import pyarrow as pa

    opaque = {f.name: _OID.search(getattr(f.type, "type_name", "")) for f in rows.schema}
    numbers = [int(found[1]) for found in opaque.values() if found]
    texts = enums(numbers) if numbers else set()
    columns = []
    for field, column in zip(rows.schema, rows.columns, strict=True):
        found = opaque[field.name]
        columns.append(_received(field, column, connection, found is not None and int(found[1]) in texts, settled))
    return pa.table(columns, names=rows.column_names)


def _received(
    field: pa.Field,
    column: pa.ChunkedArray,
    connection: Connection,
    is_enum: bool,
    settled: dict[str, pa.DataType] | None,
) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = field.type
    extension = getattr(kind, "extension_name", "")
    if not extension:
        return column
    storage = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
    if getattr(kind, "type_name", "") == "numeric":
        return _decimals(field, storage, connection, settled)
    if extension == "arrow.uuid":
        import uuid

        return pa.chunked_array(
            [pa.array([None if v is None else str(uuid.UUID(bytes=v)) for v in c.to_pylist()], pa.string())
             for c in storage.chunks], pa.string())  # fmt: skip
    if extension == "arrow.json" or is_enum:
        return storage.cast(pa.string())
    raise ValueMismatch(
        f"column {field.name!r} holds {getattr(kind, 'type_name', extension)}, which Arrow has no type for",
        who=connection.described,
        fix="cast it in the statement: cast(column as text)",
    )


def _decimals(
    field: pa.Field, texts: pa.ChunkedArray, connection: Connection, settled: dict[str, pa.DataType] | None
) -> pa.ChunkedArray:
    """Numerics: as precise as the column is declared, or else as its values need."""
    import pyarrow as pa

    try:
        kind = (settled or {}).get(field.name)
        if kind is None:
            precision, scale = _digits(field, texts, settled is not None)
            kind = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
            if settled is not None:
                settled[field.name] = kind
        return texts.cast(kind)
    except (pa.ArrowInvalid, ValueError) as error:
        raise ValueMismatch(
            f"column {field.name!r} holds numerics that Arrow has no decimal for",
            who=connection.described,
            why=f"NaN, infinity, or too many digits: {str(error)[:150]}",
            fix="cast it in the statement: cast(column as double precision), or as numeric(38, 10)",
        ) from None


def _digits(field: pa.Field, texts: pa.ChunkedArray, more_follow: bool) -> tuple[int, int]:
    """Precision and scale of a numeric column."""
    import pyarrow.compute as pc

    modifier = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"))
    if modifier >= 0:
        return (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
    plain = pc.replace_substring_regex(texts, r"^-", "")
    scale = pc.max(pc.utf8_length(pc.replace_substring_regex(plain, r"^[^.]*\.?", ""))).as_py() or 0
    whole = pc.max(pc.utf8_length(pc.replace_substring_regex(plain, r"\..*$", ""))).as_py() or 1
    if more_follow:
        scale = max(scale, _OPEN_SCALE)
        return max(whole + scale, 38), scale
    return whole + scale, scale


def sent(rows: pa.Table, connection: Connection) -> pa.Table:
    """Rows with types that PostgreSQL has, and that the driver writes as it declares them.

    Raises:
        ValueMismatch: A column has no counterpart, or holds times finer than microseconds.
    """
    import pyarrow as pa

    fields = [pa.field(field.name, _sent(field.type)) for field in rows.schema]
    try:
        rows = rows if [f.type for f in fields] == rows.schema.types else rows.cast(pa.schema(fields))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueMismatch(
            "the rows cannot be written as they are", why=str(error)[:200], fix="round or cast the column first"
        ) from None
    for field in rows.schema:
        postgresql_type(field, connection)
    return rows.unify_dictionaries()


def _sent(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _sent(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(_sent(kind.value_type))
    table: list[tuple[bool, pa.DataType]] = [
        (types.is_int8(kind) or types.is_uint8(kind), pa.int16()),
        (types.is_uint16(kind), pa.int32()),
        (types.is_uint32(kind), pa.int64()),
        (types.is_uint64(kind), pa.decimal128(20, 0)),
        (types.is_float16(kind), pa.float32()),
        (types.is_date64(kind), pa.date32()),
        (types.is_time(kind), pa.time64("us")),
        (types.is_timestamp(kind), pa.timestamp("us", getattr(kind, "tz", None))),
        (types.is_null(kind) or types.is_large_string(kind) or types.is_string_view(kind), pa.string()),
        (types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind), pa.binary()),
    ]
    return next((target for fits, target in table if fits), kind)


def postgresql_type(field: pa.Field, connection: Connection) -> str:
    """How a column for an Arrow field is declared.

    Raises:
        ValueMismatch: PostgreSQL has no type for it.
    """
    import pyarrow as pa

    kind, types = field.type, pa.types
    if types.is_list(kind):
        return postgresql_type(pa.field(field.name, kind.value_type), connection) + "[]"
    if types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if types.is_timestamp(kind):
        return "timestamp with time zone" if kind.tz else "timestamp without time zone"
    known = {
        pa.bool_(): "boolean",
        pa.int16(): "smallint",
        pa.int32(): "integer",
        pa.int64(): "bigint",
        pa.float32(): "real",
        pa.float64(): "double precision",
        pa.date32(): "date",
        pa.time64("us"): "time without time zone",
        pa.string(): "text",
        pa.binary(): "bytea",
        pa.month_day_nano_interval(): "interval",
    }
    if types.is_duration(kind):
        return "interval"
    if kind not in known:
        raise ValueMismatch(
            f"column {field.name!r} holds {kind}, which PostgreSQL has no type for",
            who=connection.described,
            fix="write it as text or take it apart into columns; DuckDB holds nested values",
        )
    return known[kind]
