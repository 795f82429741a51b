"""PostgreSQL through ADBC: rows arrive as Arrow by ``COPY`` and leave as Arrow by ``COPY``; none passes through Python.

The driver binds values as Arrow arrays. A connection is in autocommit while it waits in the pool, so that none idles in a
transaction and ``now()`` is the time of the statement.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dovetail.errors import TaskTimeout, UserError

from dovetail_sql._adbc import (
    changed,
    close_quietly,
    copied,
    declared_types,
    enums_among,
    fetched,
    names_of,
    quote,
    quoted,
    same_bytes,
    use_copy,
)
from dovetail_sql._arrow_types import as_bound, postgresql_type, received, sent, unreadable
from dovetail_sql._connections import Connection
from dovetail_sql._contract import LEDGER, Receipt, TableName, Work, match_columns
from dovetail_sql._database import Database, Frame
from dovetail_sql._failures import commit_failed, statement_failed, unavailable
from dovetail_sql._merge import merge_statements
from dovetail_sql._relations import inside
from dovetail_sql._rows import check_columns
from dovetail_sql._statement import Bound, Placeholder, first_word
from dovetail_sql._values import plain_values
from dovetail_sql._writes import already_there, check_rows, no_rows_returned
from dovetail_sql.config import Mode

if TYPE_CHECKING:
    import pyarrow as pa

_IDLE = 5
"""Connections that wait in the pool."""
_STAGE = "_dovetail_rows"
_RELATIONS = (
    "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where n.nspname = coalesce($1, current_schema()) and c.relkind in ('r', 'v', 'm', 'f', 'p') order by 1"
)


class PostgresDatabase(Database):
    """A pool of ADBC connections to one PostgreSQL database."""

    def __init__(self, connection: Connection) -> None:
        import adbc_driver_manager

        super().__init__(connection)
        self._errors: Any = adbc_driver_manager.Error
        self._uri = connection.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        # two writers that both find no table would both create it
        self._writing = threading.Lock()
        try:
            self._give_back(self._connect())
        except self._errors as error:
            raise unavailable(error, connection) from None

    # -- connections ------------------------------------------------------------------------------

    def _connect(self) -> Any:
        from adbc_driver_postgresql import dbapi

        opened = dbapi.connect(self._uri, autocommit=True)
        with opened.cursor() as cursor:
            if self.connection.read_only:
                cursor.execute("set default_transaction_read_only = on")
            if self.connection.statement_timeout is not None:
                # the server's own limit holds also when this process is gone; ours comes first and tells more
                cursor.execute(f"set statement_timeout = {round(self.connection.statement_timeout * 1000) + 1000}")
        return opened

    def _take(self) -> Any:
        """A connection that answers."""
        while True:
            with self._lock:
                opened = self._idle.pop() if self._idle else None
            if opened is None:
                return self._connect()
            try:
                with opened.cursor() as cursor:
                    cursor.execute("select 1")
                    cursor.fetch_arrow_table()
                return opened
            except self._errors:
                close_quietly(opened)

    def _give_back(self, opened: Any) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(opened)
                return
        close_quietly(opened)

    @contextmanager
    def _transaction(self, statement: Bound, token: object = None) -> Iterator[Any]:
        """A cursor in a transaction; what the driver raises inside becomes dovetail's error, after everything was rolled back."""
        opened, failed = None, statement_failed
        try:
            opened = self._take()
            with self.running(token, opened.adbc_cancel):
                opened.adbc_connection.set_autocommit(False)
                with opened.cursor() as cursor:
                    yield cursor
                self._before_commit()
                failed = commit_failed
                opened.adbc_connection.commit()
                opened.adbc_connection.set_autocommit(True)
            self._give_back(opened)
        except self._errors as error:
            failure = failed(error, self.connection, statement, self.tables)
            self._roll_back(opened, keep=failure.kind == "user" and not isinstance(failure, TaskTimeout))
            raise failure from None
        except BaseException as error:
            # a cancel that comes late must find nothing to stop
            self._roll_back(opened, keep=isinstance(error, UserError) and not isinstance(error, TaskTimeout))
            raise

    def _roll_back(self, opened: Any, keep: bool) -> None:
        """End the transaction of a connection that may be broken."""
        if keep:
            with suppress(self._errors):
                opened.adbc_connection.rollback()  # the one of the DB-API does nothing for who began with autocommit
                opened.adbc_connection.set_autocommit(True)
                self._give_back(opened)
                return
        close_quietly(opened)

    # -- statements -------------------------------------------------------------------------------

    def query(
        self, statement: Bound, frames: Mapping[str, Frame], token: object = None, before: Sequence[Bound] = ()
    ) -> pa.Table:
        code, values = self._prepare(statement)
        with self._transaction(statement, token) as cursor, self._frames(cursor, frames):
            for each in before:
                changed(cursor, *self._prepare(each))
            if values:
                use_copy(cursor, False)
                cursor.execute(code, as_bound(values))
            else:
                cursor.execute(self._readable(cursor, statement, code))
            rows = cursor.fetch_arrow_table()
            if not rows.column_names:
                raise no_rows_returned(self.connection)
            check_columns(rows.column_names, self.connection.described)
            return received(rows, self.connection, lambda oids: enums_among(cursor, oids))

    def stream(self, statement: Bound, token: object = None) -> pa.RecordBatchReader:
        import pyarrow as pa

        pieces = self._pieces(statement, token)
        first = next(pieces)  # begins the transaction; always there, also without rows

        def batches() -> Iterator[pa.RecordBatch]:
            yield from first.to_batches()
            for piece in pieces:
                yield from piece.to_batches()

        return pa.RecordBatchReader.from_batches(first.schema, batches())

    def _pieces(self, statement: Bound, token: object) -> Iterator[pa.Table]:
        """The rows of a statement, some at a time; the first piece may be empty."""
        code, values = self._prepare(statement)
        settled: dict[str, pa.DataType] = {}
        with self._transaction(statement, token) as cursor:
            enums: dict[tuple[int, ...], set[int]] = {}

            def known(oids: Sequence[int]) -> set[int]:
                if tuple(oids) not in enums:
                    with self._beside() as other:
                        enums[tuple(oids)] = enums_among(other, oids)
                return enums[tuple(oids)]

            source = (
                fetched(cursor, code, values) if values else copied(cursor, self._readable(cursor, statement, code))
            )
            for number, piece in enumerate(source):
                if number == 0:
                    check_columns(piece.column_names, self.connection.described)
                yield received(piece, self.connection, known, settled)

    @contextmanager
    def _beside(self) -> Iterator[Any]:
        """A cursor of another connection, while one is streaming."""
        opened = self._take()
        with opened.cursor() as cursor:
            yield cursor
        self._give_back(opened)

    def _readable(self, cursor: Any, statement: Bound, code: str) -> str:
        """The statement; columns of types that the driver does not read are asked for as text."""
        schema = cursor.adbc_execute_schema(code)
        if not schema.names:
            raise no_rows_returned(self.connection)
        word = first_word(statement)
        use_copy(cursor, word in ("select", "values", "with", "table"))
        casts = {index: cast for index, field in enumerate(schema) if (cast := unreadable(field)) is not None}
        if not casts or word not in ("select", "values", "table"):
            return code
        names = [f"c{index}" for index in range(len(schema.names))]
        chosen = [f"{name}::{casts[i]} as {quote(schema.names[i])}" if i in casts else f"{name} as {quote(schema.names[i])}"
                  for i, name in enumerate(names)]  # fmt: skip
        return f"select {', '.join(chosen)} from (\n{code}) as q({', '.join(names)})"  # noqa: S608 - the author's own statement

    def execute(self, statement: Bound, frames: Mapping[str, Frame], token: object = None, *more: Bound) -> int:
        self.check_writable()
        with self._transaction(statement, token) as cursor, self._frames(cursor, frames):
            return sum(changed(cursor, *self._prepare(each)) for each in (statement, *more))

    @contextmanager
    def _frames(self, cursor: Any, frames: Mapping[str, Frame]) -> Iterator[None]:
        """While inside, the frames are temporary tables."""
        for name, rows in frames.items():
            if isinstance(rows, Bound):
                changed(cursor, *self._prepare(inside(f"create temporary table {quote(name)} as ", rows, "")))
                continue
            check_rows(TableName(name), rows)
            self._load(cursor, TableName(name), sent(rows, self.connection), temporary=True)
        yield
        for name in reversed(list(frames)):
            cursor.execute(f"drop table pg_temp.{quote(name)}")

    def _prepare(self, statement: Bound) -> tuple[str, list[Any]]:
        """The code with ``$1``, ``$2``, ..., and their values."""
        plain = plain_values(statement.values, self.connection)
        numbers = {key: index for index, key in enumerate(plain, start=1)}
        code = "".join(
            f"${numbers[piece.key]}" if isinstance(piece, Placeholder) else piece for piece in statement.pieces
        )
        return re.sub(r"[;\s]+\Z", "", code) + "\n", list(
            plain.values()
        )  # it may end in a comment, and the driver wraps it

    # -- tables -----------------------------------------------------------------------------------

    @contextmanager
    def working(self, about: Bound, token: object = None) -> Iterator[Work]:
        with self._writing, self._transaction(about, token) as cursor:

            def record(receipt: Receipt, table: TableName, rows: int) -> None:
                code = f"insert into {LEDGER} values ($1, $2, $3, $4)"  # noqa: S608 - our own table
                changed(cursor, code, [receipt.key, receipt.content, str(table), rows])

            yield Work(
                cursor,
                lambda statement: changed(cursor, *self._prepare(statement)),
                lambda receipt: self._recorded(cursor, receipt),
                record,
            )

    def _sendable(self, rows: pa.Table) -> pa.Table:
        return sent(rows, self.connection)

    def _put(self, cursor: Any, table: TableName, rows: pa.Table, mode: Mode, keys: Sequence[str]) -> None:
        found = self.spelt(table, names_of(cursor, _RELATIONS, table.schema))
        if found is not None and mode == "create":
            raise already_there(found, self.connection)
        if found is None or mode == "replace":
            if found is not None:
                cursor.execute(f"drop table {quoted(found)}")
            self._load(cursor, found or table, rows)
            return
        declared = declared_types(cursor, found)
        names = match_columns(list(declared), rows.column_names, found, self.connection)
        rows = rows.rename_columns(names)
        if mode == "merge":
            self._merge(cursor, found, rows, match_columns(names, keys, found, self.connection), declared)
            return
        if all(same_bytes(postgresql_type(field, self.connection), declared[field.name]) for field in rows.schema):
            self._copy_into(cursor, found, rows)
            return
        self._load(cursor, TableName(_STAGE), rows, temporary=True)
        columns = ", ".join(map(quote, names))
        casts = ", ".join(f"{quote(name)}::{declared[name]}" for name in names)
        cursor.execute(f"insert into {quoted(found)} ({columns}) select {casts} from pg_temp.{_STAGE}")  # noqa: S608
        cursor.execute(f"drop table pg_temp.{_STAGE}")

    def _merge(
        self, cursor: Any, table: TableName, rows: pa.Table, keys: Sequence[str], declared: Mapping[str, str]
    ) -> None:
        self._load(cursor, TableName(_STAGE), rows, temporary=True)
        cursor.execute(f"lock table {quoted(table)} in share row exclusive mode")  # two merges would add a row twice
        values = {name: f"s.{quote(name)}::{declared[name]}" for name in rows.column_names}
        for code in merge_statements(quoted(table), f"pg_temp.{_STAGE}", values, keys, quote=quote):
            cursor.execute(code)
        cursor.execute(f"drop table pg_temp.{_STAGE}")

    def _load(self, cursor: Any, table: TableName, rows: pa.Table, temporary: bool = False) -> None:
        """Create a table and fill it."""
        columns = ", ".join(f"{quote(f.name)} {postgresql_type(f, self.connection)}" for f in rows.schema)
        cursor.execute(f"create {'temporary ' if temporary else ''}table {quoted(table)} ({columns})")
        self._copy_into(cursor, table, rows, temporary)

    def _copy_into(self, cursor: Any, table: TableName, rows: pa.Table, temporary: bool = False) -> None:
        where = {"temporary": True} if temporary else {"db_schema_name": table.schema}
        cursor.adbc_ingest(table.name, rows, mode="append", **where)

    def _recorded(self, cursor: Any, receipt: Receipt) -> int | None:
        cursor.execute(
            f"create table if not exists {LEDGER} (key varchar(200) primary key, content varchar(200), "
            "table_name text, rows bigint, written_at timestamp default current_timestamp)"
        )
        cursor.execute(f"select rows, content from {LEDGER} where key = $1", (receipt.key,))  # noqa: S608 - our own table
        known = cursor.fetchone()
        if known is None:
            return None
        receipt.check(known[1], self.connection)
        return int(known[0])

    def tables(self, schema: str | None = None) -> list[str]:
        return self._looked(lambda cursor: names_of(cursor, _RELATIONS, schema))

    def columns(self, table: TableName) -> list[str]:
        return self._looked(lambda cursor: list(declared_types(cursor, table)))

    def _looked(self, look: Callable[[Any], list[str]]) -> list[str]:
        try:
            opened = self._take()
            with opened.cursor() as cursor:
                found = look(cursor)
        except self._errors as error:
            raise unavailable(error, self.connection) from None
        self._give_back(opened)
        return found

    def casts(self, table: TableName) -> dict[str, str]:
        with self._beside() as cursor:
            return {name: f"::{kind}" for name, kind in declared_types(cursor, table).items()}

    def lock_statements(self, table: TableName) -> list[str]:
        return [f"lock table {quoted(table)} in share row exclusive mode"]

    def _close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for opened in idle:
            close_quietly(opened)
