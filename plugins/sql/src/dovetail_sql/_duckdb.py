"""DuckDB through its own driver: results and inputs are Arrow tables, nothing passes through Python objects.

One process opens a file once; every statement has a cursor of its own, which is a connection to the same database.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.spec import TypeRef
from dovetail.types import current_types

from dovetail_sql._connections import Connection
from dovetail_sql._contract import LEDGER, Receipt, TableName, Work, match_columns
from dovetail_sql._database import Database, Frame
from dovetail_sql._failures import missing_driver, statement_failed, unavailable
from dovetail_sql._merge import merge_statements
from dovetail_sql._outputs import is_relation
from dovetail_sql._relations import inside
from dovetail_sql._rows import check_columns
from dovetail_sql._statement import Bound
from dovetail_sql._values import plain_values
from dovetail_sql._writes import already_there, no_rows_returned
from dovetail_sql.config import Mode
from dovetail_sql.query import Query, is_dataset, plainly_read

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FETCH = 100_000
"""Rows of a stream that are in memory at a time."""
_ROWS = "_dovetail_rows"
_write_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class DuckDatabase(Database):
    """An open DuckDB database."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        try:
            import duckdb
        except ImportError as error:
            raise missing_driver(error.name, connection) from None
        self._errors = duckdb.Error
        try:
            self._root = self._connect(duckdb)
        except duckdb.Error as error:
            raise unavailable(error, connection) from None
        # two writers of one table would fail with a conflict that waiting avoids; a file is in one process anyway
        self._write_lock = _write_locks[str(connection.path or id(self))]

    def _connect(self, module: Any) -> duckdb.DuckDBPyConnection:
        url = self.connection.url
        settings: dict[str, Any] = {key: value for key, value in url.query.items() if isinstance(value, str)}
        opened: duckdb.DuckDBPyConnection = module.connect(
            url.database or ":memory:", read_only=self.connection.read_only, config=settings
        )
        return opened

    @contextmanager
    def _cursor(
        self, statement: Bound, frames: Mapping[str, Frame], token: object
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on which the frames are relations; what the driver raises inside becomes dovetail's error."""
        cursor = self._root.cursor()
        try:
            # otherwise a name that is no table would be looked up among the local variables of this process
            cursor.execute("set python_enable_replacements = false")
            with self.running(token, cursor.interrupt):
                for name, rows in frames.items():
                    self._relate(cursor, name, rows)
                yield cursor
        except self._errors as error:
            raise statement_failed(error, self.connection, statement, self.tables) from None
        finally:
            cursor.close()

    def _relate(self, cursor: duckdb.DuckDBPyConnection, name: str, rows: Frame) -> None:
        """Make rows a relation of this name; those of a file and of a query stay where they are."""
        if isinstance(rows, Bound):
            self._run(cursor, inside(f"create temporary table {self.quote(name)} as ", rows, ""))
            return
        relation = cursor.read_parquet(str(rows)) if isinstance(rows, Path) else rows
        try:
            cursor.register(name, relation)
        except self._errors:
            if not is_relation(type(rows)):
                raise
            # it reads another database
            cursor.register(name, current_types().convert(rows, TypeRef("pyarrow.Table")))

    def in_place(self, value: Any) -> Any:
        if isinstance(value, Query):
            if value.file is not None and plainly_read(value.schema):
                return value.file
            return value.rows
        return value if is_relation(type(value)) or is_dataset(value) else None

    def relation(self, statement: Bound) -> duckdb.DuckDBPyRelation:
        """The relation of a query, on a connection of its own, which outlives the run; not so in memory."""
        import duckdb

        code, values = self._prepare(statement)
        try:
            cursor = self._root.cursor() if self.connection.in_memory else self._connect(duckdb)
            return cursor.sql(code, params=values) if values else cursor.sql(code)
        except self._errors as error:
            raise statement_failed(error, self.connection, statement, self.tables) from None

    def query(
        self, statement: Bound, frames: Mapping[str, Frame], token: object = None, before: Sequence[Bound] = ()
    ) -> pa.Table:
        code, values = self._prepare(statement)
        with self._cursor(statement, frames, token) as cursor, _transaction(cursor) if before else nullcontext():
            for each in before:
                self._run(cursor, each)
            if not _returns_rows(cursor, code):
                raise no_rows_returned(self.connection)
            relation = cursor.sql(code, params=values) if values else cursor.sql(code)
            if relation is None:
                raise no_rows_returned(self.connection)
            check_columns(relation.columns, self.connection.described)
            return relation.to_arrow_table()

    def stream(self, statement: Bound, token: object = None) -> pa.RecordBatchReader:
        import pyarrow as pa

        code, values = self._prepare(statement)
        with ExitStack() as stack:
            cursor = stack.enter_context(self._cursor(statement, {}, token))
            if not _returns_rows(cursor, code):
                raise no_rows_returned(self.connection)
            relation: Any = cursor.sql(code, params=values) if values else cursor.sql(code)
            reader = relation.to_arrow_reader(_FETCH)
            check_columns(reader.schema.names, self.connection.described)
            open_until_read = stack.pop_all()

        def batches() -> Iterator[pa.RecordBatch]:
            with open_until_read:
                yield from reader

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

    def execute(self, statement: Bound, frames: Mapping[str, Frame], token: object = None, *more: Bound) -> int:
        self.check_writable()
        with (
            self._write_lock,
            self._cursor(statement, frames, token) as cursor,
            _transaction(cursor) if more else nullcontext(),
        ):
            return sum(self._run(cursor, each) for each in (statement, *more))

    def _run(self, cursor: duckdb.DuckDBPyConnection, statement: Bound) -> int:
        code, values = self._prepare(statement)
        result = cursor.execute(code, values) if values else cursor.execute(code)
        return max(result.rowcount, 0)

    @contextmanager
    def working(self, about: Bound, token: object = None) -> Iterator[Work]:
        with self._write_lock, self._cursor(about, {}, token) as cursor, _transaction(cursor):

            def record(receipt: Receipt, table: TableName, rows: int) -> None:
                cursor.execute(
                    f"insert into {LEDGER} values ($key, $content, $table, $rows, now()::timestamp)",  # noqa: S608 - ours
                    {"key": receipt.key, "content": receipt.content, "table": str(table), "rows": rows},
                )

            yield Work(
                cursor,
                lambda statement: self._run(cursor, statement),
                lambda receipt: self._recorded(cursor, receipt),
                record,
            )

    def _put(self, cursor: Any, table: TableName, rows: pa.Table, mode: Mode, keys: Sequence[str]) -> None:
        cursor.register(_ROWS, rows)
        for code in self._write_statements(table, rows, mode, keys):
            cursor.execute(code)

    def _recorded(self, cursor: duckdb.DuckDBPyConnection, receipt: Receipt) -> int | None:
        cursor.execute(
            f"create table if not exists {LEDGER} "
            "(key varchar primary key, content varchar, table_name varchar, rows bigint, written_at timestamp)"
        )
        code = f"select rows, content from {LEDGER} where key = $key"  # noqa: S608 - our own table
        known = cursor.execute(code, {"key": receipt.key}).fetchone()
        if known is None:
            return None
        receipt.check(known[1], self.connection)
        return int(known[0])

    def _write_statements(self, table: TableName, rows: pa.Table, mode: Mode, keys: Sequence[str]) -> list[str]:
        found = self.find(table)
        if mode == "replace":
            return [f"create or replace table {self.quoted(found or table)} as from {_ROWS}"]
        if found is None:
            return [f"create table {self.quoted(table)} as from {_ROWS}"]
        if mode == "create":
            raise already_there(found, self.connection)
        names = match_columns(self.columns(found), rows.column_names, found, self.connection)
        if mode == "merge":
            given = dict(zip(names, rows.column_names, strict=True))
            values = {name: f"s.{self.quote(column)}" for name, column in given.items()}
            chosen = match_columns(names, keys, found, self.connection)
            return merge_statements(self.quoted(found), _ROWS, values, chosen, quote=self.quote)
        into = ", ".join(map(self.quote, names))
        values_of = ", ".join(map(self.quote, rows.column_names))
        return [f"insert into {self.quoted(found)} ({into}) select {values_of} from {_ROWS}"]  # noqa: S608 - identifiers, quoted

    def tables(self, schema: str | None = None) -> list[str]:
        code = (
            "select table_name from information_schema.tables where table_catalog = current_database() "
            "and table_schema = coalesce($schema, current_schema()) order by table_name"
        )
        return [row[0] for row in self._catalogue(code, {"schema": schema})]

    def columns(self, table: TableName) -> list[str]:
        code = (
            "select column_name from information_schema.columns where table_catalog = current_database() "
            "and table_schema = coalesce($schema, current_schema()) and table_name = $name order by ordinal_position"
        )
        return [row[0] for row in self._catalogue(code, {"schema": table.schema, "name": table.name})]

    def _catalogue(self, code: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        cursor = self._root.cursor()
        try:
            return cursor.execute(code, values).fetchall()
        except self._errors as error:
            raise unavailable(error, self.connection) from None
        finally:
            cursor.close()

    def swap_statements(self, stage: TableName, table: TableName, there: bool, without: str = "") -> list[str]:
        # DuckDB alters no table whose rows the same transaction has changed
        column = self.quote(without) if without else ""
        rows = f"select *{f' exclude ({column})' if column else ''} from {self.quoted(stage)}"  # noqa: S608
        rows += f" order by {column}" if column else ""
        word = "create or replace" if there else "create"
        return [f"{word} table {self.quoted(table)} as {rows}", f"drop table {self.quoted(stage)}"]

    def _close(self) -> None:
        self._root.close()

    def _prepare(self, statement: Bound) -> tuple[str, dict[str, Any]]:
        code = "".join(piece if isinstance(piece, str) else f"${piece.key}" for piece in statement.pieces)
        return re.sub(r"[;\s]+\Z", "", code), plain_values(statement.values, self.connection)


def _returns_rows(cursor: duckdb.DuckDBPyConnection, code: str) -> bool:
    """False for what only changes something: DuckDB would answer it with a count."""
    import duckdb

    (statement,) = cursor.extract_statements(code)
    if statement.type in (duckdb.StatementType.INSERT, duckdb.StatementType.UPDATE, duckdb.StatementType.DELETE):
        return re.search(r"\breturning\b", code, re.IGNORECASE) is not None
    only_rows = statement.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]
    return only_rows or statement.type == duckdb.StatementType.MULTI  # a PIVOT is several statements inside


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
        cursor.commit()
    except BaseException:
        with suppress(Exception):  # the transaction may be aborted already
            cursor.rollback()
        raise
