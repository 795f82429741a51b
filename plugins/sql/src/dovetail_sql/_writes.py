"""Checks that writing to any engine shares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dovetail.errors import UsageError, ValueMismatch

from dovetail_sql._connections import Connection
from dovetail_sql._contract import LEDGER, TableName

if TYPE_CHECKING:
    import pyarrow as pa


def check_rows(table: TableName, rows: pa.Table) -> None:
    """Raises UsageError or ValueMismatch if these rows cannot be a table of this name in any database."""
    check_target(table, rows.column_names)


def check_target(table: TableName, columns: Sequence[str]) -> None:
    """Raises UsageError or ValueMismatch if rows of these columns cannot be a table of this name in any database."""
    if table.name == LEDGER:
        raise UsageError(f"{LEDGER} is dovetail's own table", fix="choose another name")
    if not columns:
        raise ValueMismatch(f"the rows for table {str(table)!r} have no columns", fix="give at least one column")
    seen: dict[str, str] = {}
    for name in columns:
        if not name or "\x00" in name:
            raise ValueMismatch(f"a column for table {str(table)!r} is called {name!r}", fix="rename it")
        other = seen.get(name.casefold())
        seen[name.casefold()] = name
        if other is not None:
            raise ValueMismatch(
                f"two columns for table {str(table)!r} have one name: {other!r} and {name!r}",
                why="databases do not tell upper case from lower case in names",
                fix=f"rename {name!r}",
            )


def already_there(table: TableName, connection: Connection) -> UsageError:
    """The error for ``mode="create"`` on a table that exists."""
    return UsageError(
        f"the table {str(table)!r} exists already",
        who=connection.described,
        fix='use mode="replace" to put a new one in its place, or mode="append" to add the rows',
    )


def no_rows_returned(connection: Connection) -> UsageError:
    """The error for a query that is none."""
    return UsageError(
        "the statement returns no rows", who=connection.described, fix="use execute() for statements without a result"
    )


def check_identifier(name: str, connection: Connection) -> None:
    """Raises UsageError for a name that the dialect would not quote: BigQuery's leaves the quotes in it as they are."""
    if connection.dialect == "bigquery" and re.search(r"[`\\\n\r]", name):
        raise UsageError(f"BigQuery has no name such as {name!r}", who=connection.described, fix="choose another name")
