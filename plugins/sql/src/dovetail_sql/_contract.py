"""What is said to and by any engine: names of tables, receipts of writes, and the errors that all share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.errors import DovetailError, EngineUnavailable, RunInterrupted, TaskTimeout, UsageError, listing, nearest

from dovetail_sql._connections import Connection
from dovetail_sql._statement import Bound

LEDGER = "_dovetail_writes"
"""Table in the user's database that remembers which writes of which runs were committed; see :meth:`Database.write`."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, named as it is: not quoted, not split at dots."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write is recorded by.

    Attributes:
        key: Names the write: that of one node of one run.
        content: Digest of its rows; empty for those of a query, which never leave the database.
    """

    key: str
    content: str

    def check(self, content: str, connection: Connection) -> None:
        """Raises UsageError if the write that is recorded under this key was of other rows."""
        if content == self.content or not (content and self.content):  # nobody knows rows that stayed in the database
            return
        raise UsageError(
            f"{self.key} has written other rows already",
            who=connection.described,
            why=f"the table {LEDGER} records each write by run and node; another run had this id",
            fix=f"give the run another id, or: delete from {LEDGER} where key = '{self.key}'",  # noqa: S608 - shown to people
        )


class TransactionGivenUp(EngineUnavailable):
    """The database ended a transaction so that another could go on; all of it was rolled back, so it may be tried again."""


class OutcomeUnknown(DovetailError):
    """The connection was lost during a commit: the transaction has happened as a whole, or not at all.

    No PlatformError: the hub would repeat the attempt where ``retries`` are asked for, and what happened would happen twice.
    """

    kind = "platform"


def interrupted(connection: Connection) -> RunInterrupted:
    """The error for a statement that was cancelled."""
    return RunInterrupted(
        "the statement was interrupted", who=connection.described, why="the task was cancelled or ran out of time"
    )


def timed_out(connection: Connection) -> TaskTimeout:
    """The error for a statement that ran longer than its connection allows."""
    limit = connection.statement_timeout
    return TaskTimeout(
        "the statement ran too long" if limit is None else f"the statement ran longer than {limit:g} s",
        who=connection.described,
        why="the connection has a statement_timeout" if limit is not None else "the database has a limit of its own",
        fix="make the statement faster, or raise statement_timeout",
    )


@dataclass(frozen=True, slots=True)
class Work:
    """A transaction that somebody else fills with statements.

    Attributes:
        cursor: What the engine runs statements with.
        run: Runs a statement; the rows that it changed.
        recorded: The rows of a write that was recorded already; None if it was not.
        record: Records a write of so many rows.
    """

    cursor: Any
    run: Callable[[Bound], int]
    recorded: Callable[[Receipt], int | None]
    record: Callable[[Receipt, TableName, int], None]


def match_columns(known: Sequence[str], names: Sequence[str], table: TableName, connection: Connection) -> list[str]:
    """Which of the known columns of a table are meant by these names, as the database spells them.

    Raises:
        UsageError: The table has no such column; names the nearest.
    """
    folded = {name.casefold(): name for name in known}
    found = []
    for name in names:
        column = name if name in known else folded.get(name.casefold())
        if column is None:
            close = nearest(name, known)
            raise UsageError(
                f"table {str(table)!r} has no column {name!r}",
                who=connection.described,
                why=f"columns: {listing(known)}",
                fix=f"write {close!r}" if close else "choose among its columns",
            )
        found.append(column)
    return found
