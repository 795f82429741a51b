"""What every engine can do for a SQL task."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from dovetail.errors import UsageError, listing, nearest

from dovetail_sql._connections import Connection
from dovetail_sql._contract import (
    LEDGER,
    OutcomeUnknown,
    Receipt,
    TableName,
    TransactionGivenUp,
    Work,
    interrupted,
    match_columns,
    timed_out,
)
from dovetail_sql._merge import check_keys
from dovetail_sql._statement import Bound, selecting
from dovetail_sql._writes import check_rows
from dovetail_sql.config import Mode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LEDGER", "Database", "OutcomeUnknown", "Receipt", "TableName", "TransactionGivenUp", "match_columns"]

Frame: TypeAlias = "pa.Table | Bound | Any"
"""What a statement reads as a relation: rows; a query of the same database; on DuckDB also a dataset or a relation."""


class _Timer(threading.Timer):
    """Interrupts once, and remembers that it did."""

    def __init__(self, limit: float, interrupt: Callable[[], bool]) -> None:
        super().__init__(limit, self._expire)
        self.daemon = True
        self.expired = False
        self._interrupt = interrupt

    def _expire(self) -> None:
        self.expired = True
        while self._interrupt() and not self.finished.wait(0.1):
            pass  # it may have been between two steps, where an interrupt is not heard


class Database(ABC):
    """An open database, shared by the nodes of a run and safe to use from several threads.

    Whatever goes wrong is raised as a :class:`~dovetail.errors.DovetailError`.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._running: dict[object, Callable[[], None]] = {}
        self._cancelled: set[object] = set()
        self._running_lock = threading.Lock()
        self.publishing = threading.RLock()  # one staging table at a time takes the place of a table
        self.closed = False

    @abstractmethod
    def query(
        self, statement: Bound, frames: Mapping[str, Frame], token: object = None, before: Sequence[Bound] = ()
    ) -> pa.Table:
        """Rows of a statement, in one transaction that is committed.

        Args:
            statement: With its values.
            frames: Tables that the statement reads as relations of that name.
            token: What :meth:`cancel` names the statement by.
            before: Statements to run first, in the same transaction.
        """

    def stream(self, statement: Bound, token: object = None) -> pa.RecordBatchReader:
        """Rows of a statement bit by bit, for results larger than memory; its transaction ends with the last of them.

        The reader outlives :meth:`close`. Engines that cannot do this read all rows first.
        """
        return self.query(statement, {}, token).to_reader()

    @abstractmethod
    def execute(self, statement: Bound, frames: Mapping[str, Frame], token: object = None, *more: Bound) -> int:
        """Run statements in one transaction; returns the rows they changed, 0 where that has no meaning."""

    def read(
        self,
        table: TableName,
        columns: Sequence[str] | None,
        token: object = None,
        where: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """A table, or some of its columns, in their order.

        Args:
            table: Which.
            columns: Which columns; None for all.
            token: As in :meth:`query`.
            where: Column -> value that rows must have there; a list stands for any of its elements, None for null.
        """
        found = self.existing(table)
        return self._rows_of(found, self.chosen(found, columns), self.selection(found, where), token)

    def reading(self, table: TableName, columns: Sequence[str] | None, where: Mapping[str, Any] | None) -> Bound:
        """The statement that reads what :meth:`read` reads."""
        found = self.existing(table)
        return self._statement_for(found, self.chosen(found, columns), self.selection(found, where))

    def _rows_of(
        self, table: TableName, columns: Sequence[str], conditions: Sequence[tuple[str, Any]], token: object
    ) -> pa.Table:
        """Rows of a table, all names as the database spells them."""
        return self.query(self._statement_for(table, columns, conditions), {}, token)

    def _statement_for(self, table: TableName, columns: Sequence[str], conditions: Sequence[tuple[str, Any]]) -> Bound:
        code = f"select {', '.join(map(self.quote, columns))} from {self.quoted(table)}"  # noqa: S608 - identifiers, quoted
        return selecting(code, conditions, self.quote)

    def write(
        self,
        table: TableName,
        rows: pa.Table,
        mode: Mode,
        receipt: Receipt | None = None,
        token: object = None,
        keys: Sequence[str] = (),
    ) -> int:
        """Write rows to a table in one transaction; returns their number.

        Args:
            table: Where to.
            rows: What.
            mode: ``"create"`` fails if the table exists, ``"append"`` adds rows by column name and creates the table if it is
                not there, ``"replace"`` puts a new table in its place, ``"merge"`` updates rows whose keys are there and
                adds the others.
            receipt: Recorded in the same transaction; a write whose receipt is recorded already is not made again.
            token: As in :meth:`query`.
            keys: Columns that tell rows apart, for ``"merge"``.
        """
        self.check_writable()
        check_rows(table, rows)
        if mode == "merge":
            check_keys(table, rows, keys)
        rows = self._sendable(rows)
        with self.working(Bound((f"write to {table}",), {}), token) as work:
            known = None if receipt is None else work.recorded(receipt)
            if known is not None:
                return known
            self._put(work.cursor, table, rows, mode, keys)
            if receipt is not None:
                work.record(receipt, table, rows.num_rows)
        return int(rows.num_rows)

    def _sendable(self, rows: pa.Table) -> pa.Table:
        """The rows with the types that the database has."""
        return rows

    @abstractmethod
    def _put(self, cursor: Any, table: TableName, rows: pa.Table, mode: Mode, keys: Sequence[str]) -> None:
        """Write rows, as :meth:`write` says, in the transaction of the cursor."""

    def ping(self) -> str:
        """Ask for one row; returns the engine and its version, for people."""
        version = {"sqlite": "sqlite_version()"}.get(self.connection.dialect, "version()")
        rows = self.query(Bound((f"select {version} as version",), {}), {})
        return f"{self.connection.dialect} {rows.column(0)[0].as_py()}"

    @abstractmethod
    def tables(self, schema: str | None = None) -> list[str]:
        """Names of the tables and views of a schema."""

    @abstractmethod
    def columns(self, table: TableName) -> list[str]:
        """Names of the columns of a table that exists, in order."""

    @property
    def rolls_back_definitions(self) -> bool:
        """True if ``create``, ``alter`` and ``drop`` are part of a transaction."""
        return True

    @property
    def has_transactions(self) -> bool:
        """False if nothing can be written but table by table: no write is audited or recorded then."""
        return True

    def quote(self, name: str) -> str:
        """An identifier, quoted."""
        return '"' + name.replace('"', '""') + '"'

    def quoted(self, table: TableName) -> str:
        """A table with its schema, quoted."""
        return f"{self.quote(table.schema)}.{self.quote(table.name)}" if table.schema else self.quote(table.name)

    def casts(self, table: TableName) -> dict[str, str]:
        """Columns of a table, and what must follow a value so that they take it."""
        return {}

    def lock_statements(self, table: TableName) -> list[str]:
        """What keeps others from changing a table until the transaction ends, where they could."""
        return []

    def storable(self, rows: pa.Table) -> pa.Table:
        """The rows with lists of texts as the database can hold them."""
        return rows

    def rename_statement(self, pairs: Sequence[tuple[TableName, TableName]]) -> str:
        """A statement that gives tables other names; several at once only where definitions are not rolled back."""
        ((old, new),) = pairs
        return f"alter table {self.quoted(old)} rename to {self.quote(new.name)}"

    def swap_statements(self, stage: TableName, table: TableName, there: bool, without: str = "") -> list[str]:
        """Statements that put a staging table in the place of a table, in one transaction.

        Args:
            stage: Holds the rows.
            table: What it becomes.
            there: There is such a table, which goes.
            without: A column of the staging table that is dropped; empty for none.
        """
        drop = [f"drop table {self.quoted(table)}"] if there else []
        column = [f"alter table {self.quoted(stage)} drop column {self.quote(without)}"] if without else []
        return [*column, *drop, self.rename_statement([(stage, table)])]

    @abstractmethod
    def working(self, about: Bound, token: object = None) -> AbstractContextManager[Work]:
        """A transaction for writing, which ends with the block: one at a time for one database.

        Args:
            about: What is done in it, for messages.
            token: As in :meth:`query`.
        """

    def in_place(self, value: Any) -> Any:
        """A file, dataset or relation that statements can read where it lies, as one of the frames; None for anything else."""
        return None

    def relation(self, statement: Bound) -> Any:
        """DuckDB's relation of a query; None where there is no such thing."""
        return None

    def close(self) -> None:
        """Close every connection."""
        self.closed = True
        self._close()

    @abstractmethod
    def _close(self) -> None:
        """What :meth:`close` does."""

    @contextmanager
    def reopened(self) -> Iterator[Database]:
        """This database, or, if it was closed, another one of the same connection while inside.

        Raises:
            UsageError: It was one in memory.
            EngineUnavailable: It cannot be reached any more.
        """
        if not self.closed:
            yield self
            return
        if self.connection.in_memory:
            raise UsageError(
                "the rows of a query are gone with the database in memory that held them",
                who=self.connection.described,
                fix="use a database file, or ask for the rows within the run: output=polars.DataFrame",
            )
        again = type(self)(self.connection)
        try:
            yield again
        finally:
            again.close()

    def cancel(self, token: object) -> None:
        """Interrupt what runs under this token, from another thread; what has not begun yet will not begin."""
        with self._running_lock:
            self._cancelled.add(token)
            interrupt = self._running.get(token)
            if interrupt is not None:
                interrupt()

    def forget(self, token: object) -> None:
        """The work under this token is done; the same token may be used again."""
        with self._running_lock:
            self._cancelled.discard(token)

    @contextmanager
    def running(self, token: object, interrupt: Callable[[], None]) -> Iterator[None]:
        """While inside, :meth:`cancel` interrupts the statement, and its time limit does. On leaving, no interrupt is under way.

        Raises:
            RunInterrupted: It was cancelled before it began.
            TaskTimeout: It ran longer than the connection allows.
        """
        token = object() if token is None else token
        with self._running_lock:
            if token in self._cancelled:
                raise interrupted(self.connection)
            self._running[token] = interrupt
        timer = self._timer(token)
        try:
            yield
        except BaseException:
            if timer is not None and timer.expired:
                raise timed_out(self.connection) from None
            raise
        finally:
            with self._running_lock:
                self._running.pop(token, None)
            if timer is not None:
                timer.cancel()

    def _timer(self, token: object) -> _Timer | None:
        """What stops a statement that takes too long."""
        limit = self.connection.statement_timeout
        if limit is None:
            return None
        timer = _Timer(limit, lambda: self._interrupt_if_running(token))
        timer.start()
        return timer

    def _interrupt_if_running(self, token: object) -> bool:
        with self._running_lock:
            interrupt = self._running.get(token)
            if interrupt is not None:
                interrupt()
            return interrupt is not None

    def _before_commit(self) -> None:  # noqa: B027 - for tests, which let the database die here
        """Called when all of a transaction was done but for its commit: where tests let the database die."""

    def find(self, table: TableName) -> TableName | None:
        """The table as the database spells it, or None if there is none."""
        return self.spelt(table, self.tables(table.schema))

    def spelt(self, table: TableName, names: Sequence[str]) -> TableName | None:
        """The table as one of the names spells it: exactly, or else in upper and lower case as one alone does."""
        if table.name in names:
            return table
        folded = [name for name in names if name.casefold() == table.name.casefold()]
        return TableName(folded[0], table.schema) if len(folded) == 1 else None

    def existing(self, table: TableName) -> TableName:
        """The table as the database spells it.

        Raises:
            UsageError: There is none; names the nearest.
        """
        found = self.find(table)
        if found is not None:
            return found
        names = [name for name in self.tables(table.schema) if not name.startswith("_dovetail_")]
        close = nearest(table.name, names)
        raise UsageError(
            f"there is no table {str(table)!r}",
            who=self.connection.described,
            why=f"tables: {listing(names)}",
            fix=f"write {close!r}" if close else "create it first, for instance with to_table()",
        )

    def chosen(self, table: TableName, columns: Sequence[str] | None) -> list[str]:
        """Columns of a table as the database spells them; all of them for None.

        Raises:
            UsageError: One is unknown; names the nearest.
        """
        known = self.columns(table)
        if columns is None:
            return known
        return match_columns(known, columns, table, self.connection)

    def selection(self, table: TableName, where: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
        """The columns of a selection as the database spells them, and what their values must be.

        Raises:
            UsageError: One is unknown; names the nearest.
        """
        given = where or {}
        return list(zip(self.chosen(table, list(given)), given.values(), strict=True)) if given else []

    def check_writable(self) -> None:
        """Raises UsageError if the connection is read-only."""
        if self.connection.read_only:
            raise UsageError(
                "the connection is read-only",
                who=self.connection.described,
                fix="use another connection, or drop read_only = true from its configuration",
            )
