"""Column types: from Arrow to a table that is created, and from what SQLite's tables declare to Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dovetail.errors import ValueMismatch

from dovetail_sql._connections import Connection

if TYPE_CHECKING:
    import pyarrow as pa


def column_type(field: pa.Field, connection: Connection) -> Any:
    """The SQLAlchemy type of a column that holds an Arrow field.

    Raises:
        ValueMismatch: The database has no type for it.
    """
    import pyarrow as pa
    import sqlalchemy as sa

    kind, is_sqlite = field.type, connection.dialect == "sqlite"
    known: list[tuple[bool, Any, str]] = [
        (pa.types.is_boolean(kind), sa.Boolean(), "BOOLEAN"),
        (pa.types.is_integer(kind), sa.BigInteger(), "BIGINT"),
        (pa.types.is_floating(kind), sa.Double(), "DOUBLE"),
        (pa.types.is_decimal(kind), None, "TEXT"),  # exact; SQLite would round a NUMERIC to a float
        (pa.types.is_date(kind), sa.Date(), "DATE"),
        (pa.types.is_timestamp(kind), None, "TIMESTAMP"),
        (pa.types.is_time(kind), sa.Time(), "TIME"),
        (pa.types.is_binary(kind) or pa.types.is_large_binary(kind), sa.LargeBinary(), "BLOB"),
        (pa.types.is_fixed_size_binary(kind), sa.LargeBinary(), "BLOB"),
        (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind), sa.Text(), "TEXT"),
    ]
    for fits, type_, declared in known:
        if not fits:
            continue
        if is_sqlite:
            return _declared(declared)
        if pa.types.is_decimal(kind):
            return sa.Numeric(kind.precision, kind.scale)
        if pa.types.is_timestamp(kind):
            return _timestamp(connection, kind.tz is not None)
        if pa.types.is_time(kind) and connection.dialect in ("mariadb", "mysql"):
            return _declared("TIME(6)")
        if connection.dialect in ("mariadb", "mysql") and declared in ("TEXT", "BLOB"):
            return _declared(f"LONG{declared}")  # the plain ones end at 64 KiB
        return type_
    raise ValueMismatch(
        f"column {field.name!r} holds {kind}, which {connection.dialect} has no type for",
        who=connection.described,
        fix="write it as text or take it apart into columns; DuckDB holds nested values",
    )


def _timestamp(connection: Connection, zoned: bool) -> Any:
    import sqlalchemy as sa

    if connection.dialect in ("mariadb", "mysql"):
        # TIMESTAMP is an instant, and without "null" would become the current one; both without digits lose the fraction
        return _declared("TIMESTAMP(6) NULL" if zoned else "DATETIME(6)")
    return sa.DateTime(timezone=zoned)


def _declared(name: str) -> Any:
    """A SQLite type of this name. Values pass as they are: SQLAlchemy's own types would convert them."""
    from sqlalchemy.types import UserDefinedType

    class Declared(UserDefinedType[Any]):
        cache_ok = True

        def get_col_spec(self, **_: Any) -> str:
            return name

    return Declared()


def as_declared(rows: pa.Table, declared: Mapping[str, Any]) -> pa.Table:
    """Columns of a table with the types that its declaration promises, where every value keeps the promise.

    Values alone don't tell the type of a column that is empty. And SQLite stores a date as text or a number and a boolean as
    0 or 1, whatever the table declares.
    """
    import pyarrow as pa
    import sqlalchemy as sa

    columns = []
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        type_ = declared[name]
        targets: list[tuple[Any, pa.DataType]] = [
            (sa.Boolean, pa.bool_()),
            (sa.DateTime, pa.timestamp("us", "UTC" if getattr(type_, "timezone", False) else None)),
            (sa.Date, pa.date32()),
            (sa.Integer, pa.int64()),
            (sa.Float, pa.float64()),
            (sa.String, pa.string()),
            (sa.LargeBinary, pa.binary()),
        ]
        target = next((arrow for sql, arrow in targets if isinstance(type_, sql)), None)
        columns.append(column if target is None else _cast(column, target))
    return pa.table(columns, names=rows.column_names)


def _cast(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa

    if column.type == target:
        return column
    kept = (
        pa.types.is_null(column.type)
        or (pa.types.is_boolean(target) and pa.types.is_integer(column.type) and _zero_or_one(column))
        or (pa.types.is_temporal(target) and pa.types.is_string(column.type))
        or (pa.types.is_timestamp(target) and pa.types.is_timestamp(column.type) and column.type.tz is None)
        or (pa.types.is_float64(target) and pa.types.is_integer(column.type))
    )
    if not kept:
        return column
    # texts with an offset are instants, and only those cast to a timestamp with a zone
    for attempt in (target, pa.timestamp("us", "UTC")) if pa.types.is_timestamp(target) else (target,):
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return column.cast(attempt)
    return column


def _zero_or_one(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    bounds = pc.min_max(column).as_py()
    return bounds["min"] in (0, 1, None) and bounds["max"] in (0, 1, None)
