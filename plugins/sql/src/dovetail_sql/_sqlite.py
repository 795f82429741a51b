"""An SQLAlchemy engine for SQLite whose transactions are real ones, for DDL as well."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dovetail.errors import ConfigError

from dovetail_sql._connections import Connection
from dovetail_sql._values import refused

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

_WAIT = 30.0
"""Seconds to wait for another writer, unless the connection says otherwise."""


def sqlite_engine(connection: Connection) -> sa.Engine:
    """An engine for the file of a connection, or for a database in memory."""
    import sqlalchemy as sa
    from sqlalchemy.pool import QueuePool, StaticPool

    wait = timeout_of(connection)
    database = connection.url.database or ":memory:"
    if connection.path is not None:
        mode = "ro" if connection.read_only else "rwc"
        database = f"file:{quote(str(connection.path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # transactions are begun by us, below: sqlite3 would begin them only before INSERT, UPDATE and DELETE
        return sqlite3.connect(
            database, timeout=wait, uri=database.startswith("file:"), isolation_level=None, check_same_thread=False
        )

    # the number of connections is bounded by the nodes that run at once
    pool: dict[str, Any] = {"poolclass": StaticPool}
    if connection.path is not None:
        pool = {"poolclass": QueuePool, "max_overflow": -1}
    engine = sa.create_engine("sqlite://", creator=connect, hide_parameters=True, **pool)

    @sa.event.listens_for(engine, "begin")
    def begin(opened: sa.Connection) -> None:
        # a writer that first reads would fail at once, without waiting, if another one wrote in between
        writes = opened.get_execution_options().get("dovetail_writes")
        opened.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def timeout_of(connection: Connection) -> float:
    """Seconds to wait for another writer. Raises ConfigError for a setting that SQLite does not have."""
    query: dict[str, Any] = dict(connection.url.query)
    text = query.pop("timeout", _WAIT)
    if query:
        raise ConfigError(
            f"SQLite knows no setting {min(query)!r}", who=connection.described, fix="query = { timeout = 30 }, seconds"
        )
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            "timeout is a number of seconds", who=connection.described, fix="query = { timeout = 30 }"
        ) from None


def as_stored(rows: pa.Table, connection: Connection) -> pa.Table:
    """Rows as SQLite stores them, in Arrow: ints, floats, texts and bytes; as Python's driver is given them.

    Raises:
        UsageError: An integer has more than 64 bits.
    """
    import pyarrow as pa

    for position, field in enumerate(rows.schema):
        rows = rows.set_column(position, field.name, _stored(rows.column(position), connection))
    return rows.cast(pa.schema([field.with_nullable(True) for field in rows.schema]))


def _stored(column: pa.ChunkedArray, connection: Connection) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = column.type
    if t.is_timestamp(kind) or t.is_time(kind):
        # without a fraction where there is none, as isoformat() writes it
        if getattr(kind, "tz", None):
            kind = pa.timestamp("us", "UTC")
        exact = column.cast(kind).cast(pa.timestamp("us") if t.is_timestamp(kind) else pa.time64("us"))
        whole = pc.equal(_remainder(exact.cast(pa.int64()), 1_000_000), 0)
        short = exact.cast(pa.timestamp("s") if t.is_timestamp(kind) else pa.time32("s"), safe=False)
        text = pc.if_else(whole, short.cast(pa.string()), exact.cast(pa.string()))
        return pc.binary_join_element_wise(text, "+00:00", "") if getattr(kind, "tz", None) else text
    if t.is_uint64(kind) and (pc.max(column).as_py() or 0) >= 2**63:
        raise refused(2**63, connection, "SQLite's integers have 64 bits")
    for fits, target in (
        (t.is_boolean(kind) or t.is_integer(kind), pa.int64()),
        (t.is_floating(kind), pa.float64()),
        (t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind), pa.binary()),
    ):
        if fits:
            return column.cast(target)
    return column.cast(pa.string())  # texts, dates, decimals, and nothing


def _remainder(numbers: pa.ChunkedArray, divisor: int) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.subtract(numbers, pc.multiply(pc.divide(numbers, divisor), divisor))
