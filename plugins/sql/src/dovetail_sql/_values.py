"""Python values as the drivers take them."""

from __future__ import annotations

import datetime
import enum
import os
from collections.abc import Mapping
from typing import Any

from dovetail.errors import UsageError

from dovetail_sql._connections import Connection


def plain_values(values: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
    """Values for a driver: enums by value, paths as text, numpy scalars as Python's; for SQLite also times as ISO text.

    Raises:
        UsageError: A value that the database cannot hold. The message tells its type, never the value.
    """
    return {key: _plain(value, connection) for key, value in values.items()}


def _plain(value: Any, connection: Connection) -> Any:
    if isinstance(value, enum.Enum):
        value = value.value
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, bytearray | memoryview):
        value = bytes(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise refused(value, connection, "it is no valid Unicode text") from None
    if isinstance(value, datetime.datetime) and value.tzinfo and connection.dialect in ("sqlite", "mariadb", "mysql"):
        value = value.astimezone(datetime.UTC)  # texts sort as instants then; the drivers of the others drop the zone
    return sqlite_value(value, connection) if connection.dialect == "sqlite" else value


def sqlite_value(value: Any, connection: Connection) -> Any:
    """A value as SQLite stores it: it knows ints, floats, texts, bytes and None.

    Dates and times become ISO 8601 text, which sorts and compares as they do; UUIDs become text.
    """
    if value is None or type(value) in (float, str, bytes):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise refused(value, connection, "SQLite's integers have 64 bits")
        return int(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, float | str):
        return float(value) if isinstance(value, float) else str(value)
    if type(value).__name__ == "UUID":
        return str(value)
    fix = "pass str(value) or float(value), whichever the column holds"
    raise refused(value, connection, "SQLite holds ints, floats, texts, bytes, dates and times", fix)


def refused(value: Any, connection: Connection, why: str, fix: str = "convert it first") -> UsageError:
    """The error for a value that the database cannot hold; tells its type, never the value."""
    return UsageError(
        f"a value of type {type(value).__name__} cannot be bound", who=connection.described, why=why, fix=fix
    )
