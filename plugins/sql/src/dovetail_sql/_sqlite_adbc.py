"""SQLite files through ADBC: rows arrive and leave as Arrow, where Python's own driver would make objects of them.

SQLite tells the type of each value and none of a column, and the driver would write numbers as text where it finds both. So the
database is asked for the kinds too; a column that has several is an error, with the row.

The driver cannot be interrupted: a connection says ``sqlite+adbc`` itself, and has no time limit for its statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as url_quote

from dovetail.errors import ConfigError

from dovetail_sql._alchemy import AlchemyDatabase, ledger_table
from dovetail_sql._arrow_types import as_bound
from dovetail_sql._columns import as_declared
from dovetail_sql._connections import Connection
from dovetail_sql._contract import LEDGER, Receipt, TableName, match_columns
from dovetail_sql._database import Frame
from dovetail_sql._failures import statement_failed
from dovetail_sql._relations import inside
from dovetail_sql._rows import check_columns, mixed, plain_table
from dovetail_sql._sqlite import as_stored, timeout_of
from dovetail_sql._statement import Bound, Placeholder, first_word
from dovetail_sql._values import plain_values
from dovetail_sql._writes import already_there, check_rows
from dovetail_sql.config import Mode

if TYPE_CHECKING:
    import pyarrow as pa

_CHANGES = re.compile(r"\b(insert|update|delete|replace|pragma|attach|returning)\b", re.IGNORECASE)
_KINDS = {"integer": "int", "real": "float", "text": "str", "blob": "bytes"}
_BATCH = "adbc.sqlite.query.batch_rows"


class SqliteArrowDatabase(AlchemyDatabase):
    """A SQLite file: queries and loads through ADBC, all else as for any database of SQLAlchemy."""

    def __init__(self, connection: Connection) -> None:
        import adbc_driver_manager

        if connection.statement_timeout is not None:
            raise ConfigError(
                "the driver of sqlite+adbc cannot stop a statement, so that statement_timeout means nothing",
                who=connection.described,
                fix="drop statement_timeout, or write sqlite:// without +adbc",
            )
        super().__init__(connection)
        self._adbc_error: Any = adbc_driver_manager.Error
        self._wait = round(timeout_of(connection) * 1000)

    @contextmanager
    def _cursor_of(self, mode: str, about: Bound, token: object) -> Iterator[tuple[Any, Any]]:
        """A connection of the driver and a cursor; what it raises inside becomes dovetail's error."""
        from adbc_driver_sqlite import dbapi

        opened = None
        try:
            opened = dbapi.connect(f"file:{url_quote(str(self.connection.path))}?mode={mode}", autocommit=True)
            with self.running(token, lambda: None), opened.cursor() as cursor:
                cursor.execute(f"pragma busy_timeout = {self._wait}")
                cursor.fetchall()
                yield opened, cursor
        except self._adbc_error as error:
            raise statement_failed(error, self.connection, about, self.tables) from None
        finally:
            if opened is not None:
                with suppress(self._adbc_error):
                    opened.close()

    # -- queries ----------------------------------------------------------------------------------

    def query(
        self, statement: Bound, frames: Mapping[str, Frame], token: object = None, before: Sequence[Bound] = ()
    ) -> pa.Table:
        found = None if frames or before or not _only_reads(statement) else self._fetched(statement, token)
        return super().query(statement, frames, token, before) if found is None else found

    def _fetched(self, statement: Bound, token: object) -> pa.Table | None:
        """The rows, or None where the driver would settle a type too early."""
        import pyarrow as pa

        values = plain_values(statement.values, self.connection)
        code = "".join(piece if isinstance(piece, str) else "?" for piece in statement.pieces)
        given = [values[piece.key] for piece in statement.pieces if isinstance(piece, Placeholder)]
        with self._cursor_of("ro", statement, token) as (opened, cursor):
            opened.adbc_connection.set_autocommit(False)  # all that follows sees the same rows
            try:
                _execute(cursor, code, given)
                rows = cursor.fetch_arrow_table()
            except (OSError, pa.ArrowInvalid):  # the type of a column was settled by its first rows
                return None
            names = rows.column_names
            check_columns(names, self.connection.described)
            kinds = self._kinds(cursor, code, names, given)
        if kinds is None:
            return None
        for position, kind in enumerate(kinds):
            if kind is None:
                rows = rows.set_column(position, names[position], pa.nulls(rows.num_rows))
        return rows if _as_expected(rows, kinds) else None

    def _kinds(self, cursor: Any, code: str, names: list[str], given: list[Any]) -> list[str | None] | None:
        """The one kind of each column; None for a column without values. No list where the driver has to be avoided."""
        columns = [f"c{number}" for number in range(len(names))]
        relation = f"with q({', '.join(columns)}) as (\n{code}\n) "
        asked = ", ".join(
            f"{word}(case when {c} is not null then typeof({c}) end)" for c in columns for word in ("min", "max")
        )
        _execute(cursor, f"{relation}select {asked} from q", given)  # noqa: S608 - columns have names of ours
        ((*found,),) = cursor.fetchall()
        for number, (low, high) in enumerate(zip(found[::2], found[1::2], strict=True)):
            if low == high:
                continue
            if {low, high} == {"integer", "real"}:
                return None  # these two have a type together, unless an integer is too large
            column = columns[number]
            first = f"select typeof({column}) from q where {column} is not null limit 1"  # noqa: S608 - as above
            numbered = f"select row_number() over () as n, typeof({column}) as k from q"  # noqa: S608 - as above
            code = f"{relation}select n, k, ({first}) from ({numbered}) where k <> 'null' and k <> ({first})"  # noqa: S608
            _execute(cursor, f"{code} order by n limit 1", given)
            ((row, kind, usual),) = cursor.fetchall()
            raise mixed(names[number], [_KINDS[usual], _KINDS[kind]], self.connection.described, int(row))
        return list(found[::2])

    def _rows_of(
        self, table: TableName, columns: Sequence[str], conditions: Sequence[tuple[str, Any]], token: object
    ) -> pa.Table:
        rows = self.query(self._statement_for(table, columns, conditions), {}, token)
        return as_declared(rows, self._declared(table))

    # -- writes -----------------------------------------------------------------------------------

    def write(
        self,
        table: TableName,
        rows: pa.Table,
        mode: Mode,
        receipt: Receipt | None = None,
        token: object = None,
        keys: Sequence[str] = (),
    ) -> int:
        if mode == "merge" or table.schema:
            return super().write(table, rows, mode, receipt, token, keys)
        self.check_writable()
        check_rows(table, rows)
        rows = plain_table(rows)
        about = Bound((f"write to {table}",), {})
        with self._writing, self._cursor_of("rwc", about, token) as (opened, cursor):
            opened.adbc_connection.set_autocommit(False)
            cursor.execute("rollback")  # a transaction that first reads could not wait for another writer
            cursor.execute("begin immediate")
            known = None if receipt is None else self._known(cursor, receipt)
            if known is not None:
                return known
            self._load(cursor, table, rows, mode)
            if receipt is not None:
                code = f"insert into {LEDGER} (key, content, table_name, rows) values (?, ?, ?, ?)"  # noqa: S608 - ours
                cursor.execute(code, as_bound([receipt.key, receipt.content, str(table), rows.num_rows]))
            self._before_commit()
            opened.adbc_connection.commit()
        return int(rows.num_rows)

    def _known(self, cursor: Any, receipt: Receipt) -> int | None:
        cursor.execute(self._definition(ledger_table(), if_not_exists=True))
        cursor.execute(f"select rows, content from {LEDGER} where key = ?", as_bound([receipt.key]))  # noqa: S608 - ours
        known = cursor.fetchone()
        if known is None:
            return None
        receipt.check(known[1], self.connection)
        return int(known[0])

    def _load(self, cursor: Any, table: TableName, rows: pa.Table, mode: Mode) -> None:
        cursor.execute("select name from sqlite_master where type in ('table', 'view')")
        found = self.spelt(table, [str(name) for (name,) in cursor.fetchall()])
        if found is not None and mode == "create":
            raise already_there(found, self.connection)
        if found is not None and mode == "append":
            cursor.execute("select name from pragma_table_info(?)", as_bound([found.name]))
            known = [str(name) for (name,) in cursor.fetchall()]
            rows = rows.rename_columns(match_columns(known, rows.column_names, found, self.connection))
        else:
            if found is not None:
                cursor.execute(f"drop table {self.quoted(found)}")
            cursor.execute(self._definition(self._declare(found or table, rows)))
        if rows.num_rows:
            cursor.adbc_ingest((found or table).name, as_stored(rows, self.connection), mode="append")

    def _definition(self, table: Any, if_not_exists: bool = False) -> str:
        import sqlalchemy as sa

        return str(sa.schema.CreateTable(table, if_not_exists=if_not_exists).compile(dialect=self._engine.dialect))


def _execute(cursor: Any, code: str, given: list[Any]) -> None:
    cursor.adbc_statement.set_options(**{_BATCH: "65536"})
    if given:
        cursor.execute(code, as_bound(given))
    else:
        cursor.execute(code)


def _only_reads(statement: Bound) -> bool:
    code = inside("", statement, "")
    text = " ".join(piece for piece in code.pieces if isinstance(piece, str))
    return first_word(statement) in ("select", "with", "values") and _CHANGES.search(text) is None


def _as_expected(rows: pa.Table, kinds: Sequence[str | None]) -> bool:
    """The driver has taken each column for what all of its values are."""
    types = {None: "null", "integer": "int64", "real": "double", "text": "string", "blob": "binary"}
    return [str(kind) for kind in rows.schema.types] == [types[kind] for kind in kinds]
