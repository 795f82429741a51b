"""An SQLAlchemy engine for SQLite whose transactions are real ones, for DDL as well."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dovetail.errors import ConfigError

from dovetail_sql._connections import Connection

if TYPE_CHECKING:
    import sqlalchemy as sa

_WAIT = 30.0
"""Seconds to wait for another writer, unless the connection says otherwise."""


def sqlite_engine(connection: Connection) -> sa.Engine:
    """An engine for the file of a connection, or for a database in memory."""
    import sqlalchemy as sa
    from sqlalchemy.pool import QueuePool, StaticPool

    wait = _timeout(connection)
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


def _timeout(connection: Connection) -> float:
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
