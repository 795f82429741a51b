"""SQLite, and whatever else SQLAlchemy has a driver for."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConfigError

from dovetail_sql._columns import as_declared, column_type
from dovetail_sql._connections import Connection
from dovetail_sql._contract import LEDGER, Receipt, TableName, Work, match_columns
from dovetail_sql._database import Database, Frame
from dovetail_sql._failures import commit_failed, missing_driver, statement_failed, unavailable
from dovetail_sql._merge import merge_statements
from dovetail_sql._relations import inside
from dovetail_sql._rows import BATCH, check_columns, from_arrow, joined_lists, plain_table, to_arrow
from dovetail_sql._sqlite import sqlite_engine
from dovetail_sql._statement import Bound, Placeholder
from dovetail_sql._values import plain_values, sqlite_value
from dovetail_sql._writes import already_there, check_identifier, check_rows, no_rows_returned
from dovetail_sql.config import Mode

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

_STAGE = "_dovetail_rows"

# what sqlalchemy.text() takes for a parameter, and for an escaped colon; elsewhere it leaves colons alone
_TEXT_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?![:\w]))")
_TEXT_ESCAPE = re.compile(r"\\(?=:\w*(?![:\w]))")


def text_of(statement: Bound) -> str:
    """A statement for ``sqlalchemy.text``: placeholders as ``:key``, and every other colon escaped."""
    parts: list[str] = []
    for piece in statement.pieces:
        if isinstance(piece, Placeholder):
            parts.append(f":{piece.key}")
            continue
        code = _TEXT_PARAMETER.sub(r"\\:", _TEXT_ESCAPE.sub(r"\\\\", piece))
        touches = bool(parts) and re.match(r"[:\w]", code)  # ":p0::date" would not be seen as a parameter
        parts.append(" " + code if touches else code)
    return "".join(parts)


class AlchemyDatabase(Database):
    """An open database behind an SQLAlchemy engine."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._engine = self._make_engine()
        # two writers that both find no table would both create it
        self._writing = threading.Lock()
        # one connection is all there is to a database in memory
        in_memory = connection.dialect == "sqlite" and connection.path is None
        self._only_one = threading.RLock() if in_memory else nullcontext()
        try:
            with self._only_one, self._engine.connect() as opened:
                if connection.dialect == "sqlite":
                    opened.exec_driver_sql("pragma schema_version")  # SQLite opens anything; this looks into the file
        except Exception as error:
            self._engine.dispose()
            raise unavailable(error, connection) from None

    def _make_engine(self) -> sa.Engine:
        return sqlite_engine(self.connection) if self.connection.dialect == "sqlite" else server_engine(self.connection)

    @contextmanager
    def _transaction(self, statement: Bound, token: object = None, **options: Any) -> Iterator[sa.Connection]:
        """A transaction; what the driver raises inside becomes dovetail's error, after everything was rolled back.

        Args:
            statement: For messages.
            token: What :meth:`cancel` names it by.
            options: ``dovetail_writes``, ``dovetail_rows``: what the transaction is for.
        """
        from sqlalchemy.exc import SQLAlchemyError

        failed = statement_failed
        try:
            with self._only_one, self._engine.connect() as connection:
                if self.connection.read_only and self.connection.dialect == "postgresql":
                    options["postgresql_readonly"] = True
                connection = connection.execution_options(**options)
                with self.running(token, self._interrupt_of(connection)), connection.begin():
                    yield connection
                    self._before_commit()
                    failed = commit_failed
        except SQLAlchemyError as error:
            raise failed(error, self.connection, statement, self.tables) from None

    @contextmanager
    def _frames(self, connection: sa.Connection, frames: Mapping[str, Frame]) -> Iterator[None]:
        """While inside, the frames are temporary tables."""
        created = []
        for name, rows in frames.items():
            if isinstance(rows, Bound):
                self._run(connection, inside(f"create temporary table {self.quote(name)} as ", rows, ""))
                created.append(self.quote(name))
                continue
            check_rows(TableName(name), rows)
            rows = plain_table(rows)
            table = self._declare(TableName(name), rows, temporary=True)
            table.create(connection)
            created.append(self.quote(name))
            self._insert(connection, table, rows)
        yield
        for quoted in reversed(created):
            connection.exec_driver_sql(f"drop table {quoted}")

    def query(
        self, statement: Bound, frames: Mapping[str, Frame], token: object = None, before: Sequence[Bound] = ()
    ) -> pa.Table:
        with (
            self._transaction(statement, token, dovetail_writes=bool(before)) as connection,
            self._frames(connection, frames),
        ):
            for each in before:
                self._run(connection.execution_options(dovetail_rows=False), each)
            result = self._run(connection.execution_options(dovetail_rows=True), statement)
            if not result.returns_rows:
                raise no_rows_returned(self.connection)
            return self._fetch(result)

    def _run(self, connection: sa.Connection, statement: Bound) -> sa.CursorResult[Any]:
        import sqlalchemy as sa

        values = plain_values(statement.values, self.connection)
        if self.connection.dialect == "sqlite":
            # text() would take "%(name)s" in a quoted literal for a parameter; SQLite reads quotes and comments itself
            code = "".join(piece if isinstance(piece, str) else "?" for piece in statement.pieces)
            return connection.exec_driver_sql(
                code, tuple(values[piece.key] for piece in statement.pieces if isinstance(piece, Placeholder))
            )
        return connection.execute(sa.text(text_of(statement)), values)

    def _fetch(self, result: sa.CursorResult[Any]) -> pa.Table:
        who = self.connection.described
        names = list(result.keys())
        check_columns(names, who)
        return to_arrow(names, result.partitions(BATCH), who)

    def execute(self, statement: Bound, frames: Mapping[str, Frame], token: object = None, *more: Bound) -> int:
        self.check_writable()
        with (
            self._transaction(statement, token, dovetail_writes=True) as connection,
            self._frames(connection, frames),
        ):
            return sum(_changed(self._run(connection, each)) for each in (statement, *more))

    def _rows_of(
        self, table: TableName, columns: Sequence[str], conditions: Sequence[tuple[str, Any]], token: object
    ) -> pa.Table:
        with self._transaction(Bound((f"read {table}",), {}), token) as connection:
            rows = self._fetch(connection.execute(self._selecting(table, columns, conditions)))
        return as_declared(rows, self._declared(table))

    def _selecting(self, table: TableName, columns: Sequence[str], conditions: Sequence[tuple[str, Any]]) -> Any:
        import sqlalchemy as sa

        quoted = sa.sql.quoted_name
        source = sa.table(quoted(table.name, True), schema=quoted(table.schema, True) if table.schema else None)
        select: Any = sa.select(*[sa.column(quoted(name, True)) for name in columns]).select_from(source)
        for number, (name, value) in enumerate(conditions):
            column: Any = sa.column(quoted(name, True))
            many = isinstance(value, (list, tuple, set, frozenset))
            given = {str(index): each for index, each in enumerate(value if many else [value])}
            plain = list(plain_values(given, self.connection).values())
            # parameters have names of ours: those that SQLAlchemy makes of columns' names become part of the statement
            bound: Any = sa.bindparam(f"v{number}", plain if many else plain[0], expanding=many)
            unknown = not many and plain[0] is None
            select = select.where(column.is_(None) if unknown else column.in_(bound) if many else column == bound)
        return select

    @contextmanager
    def working(self, about: Bound, token: object = None) -> Iterator[Work]:
        with self._writing, self._transaction(about, token, dovetail_writes=True) as connection:

            def record(receipt: Receipt, table: TableName, rows: int) -> None:
                values = {"key": receipt.key, "content": receipt.content, "table": str(table), "rows": rows}
                connection.execute(ledger_table().insert(), values)

            yield Work(
                connection,
                lambda statement: _changed(self._run(connection, statement)),
                lambda receipt: self._recorded(connection, receipt),
                record,
            )

    def _sendable(self, rows: pa.Table) -> pa.Table:
        return plain_table(rows)

    def _put(self, cursor: Any, table: TableName, rows: pa.Table, mode: Mode, keys: Sequence[str]) -> None:
        # on this connection: another one to a database in memory would be the same, and roll this back
        connection: sa.Connection = cursor
        found = self.spelt(table, _names(connection, table.schema))
        if found is not None and mode == "create":
            raise already_there(found, self.connection)
        if found is not None and mode in ("append", "merge"):
            names = match_columns(list(self._reflected(connection, found)), rows.column_names, found, self.connection)
            rows = rows.rename_columns(names)
            if mode == "merge":
                self._merge(connection, found, rows, match_columns(names, keys, found, self.connection))
                return
            target = self._declare(found, rows)
        else:
            target = self._declare(found or table, rows)
            if found is not None:
                target.drop(connection)
            target.create(connection)
        self._insert(connection, target, rows)

    def _merge(self, connection: sa.Connection, table: TableName, rows: pa.Table, keys: Sequence[str]) -> None:
        prepared = self._engine.dialect.identifier_preparer
        stage = self._declare(TableName(_STAGE), rows, temporary=True)
        stage.create(connection)
        self._insert(connection, stage, rows)
        values = {name: f"s.{prepared.quote_identifier(name)}" for name in rows.column_names}
        for code in merge_statements(
            prepared.format_table(self._declare(table, rows)),
            prepared.quote_identifier(_STAGE),
            values,
            keys,
            quote=prepared.quote_identifier,
            update_join=self.connection.dialect in ("mariadb", "mysql"),
        ):
            connection.exec_driver_sql(code)
        stage.drop(connection)

    def _recorded(self, connection: sa.Connection, receipt: Receipt) -> int | None:
        import sqlalchemy as sa

        ledger = ledger_table()
        ledger.create(connection, checkfirst=True)
        known = connection.execute(sa.select(ledger).where(ledger.c.key == receipt.key)).mappings().first()
        if known is None:
            return None
        receipt.check(known["content"], self.connection)
        return int(known["rows"])

    def _declare(self, table: TableName, rows: pa.Table, temporary: bool = False) -> sa.Table:
        """A table for these rows. Names are always quoted; the keys of the columns are ours."""
        import sqlalchemy as sa

        for name in (table.name, table.schema or "", *rows.column_names):
            check_identifier(name, self.connection)
        quoted = sa.sql.quoted_name
        columns = [
            sa.Column(quoted(field.name, True), column_type(field, self.connection), key=f"c{index}")
            for index, field in enumerate(rows.schema)
        ]
        return sa.Table(
            quoted(table.name, True),
            sa.MetaData(),
            *columns,
            schema=quoted(table.schema, True) if table.schema else None,
            prefixes=["TEMPORARY"] if temporary else [],
        )

    def _insert(self, connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
        insert = table.insert()
        if self.connection.dialect == "sqlite":
            code = str(insert.compile(dialect=self._engine.dialect))
            for batch in from_arrow(rows):
                plain = [tuple(sqlite_value(_text_of_decimal(v), self.connection) for v in row) for row in batch]
                connection.exec_driver_sql(code, plain)
            return
        keys = [column.key for column in table.columns]
        for batch in from_arrow(rows):
            connection.execute(insert, [dict(zip(keys, row, strict=True)) for row in batch])

    def tables(self, schema: str | None = None) -> list[str]:
        with self._looking() as connection:
            return _names(connection, schema)

    @contextmanager
    def _looking(self) -> Iterator[sa.Connection]:
        """A connection to reflect with."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._only_one, self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise unavailable(error, self.connection) from None

    def columns(self, table: TableName) -> list[str]:
        return list(self._declared(table))

    def _declared(self, table: TableName) -> dict[str, Any]:
        with self._looking() as connection:
            return self._reflected(connection, table)

    def _reflected(self, connection: sa.Connection, table: TableName) -> dict[str, Any]:
        """The columns of a table, with the types that they are declared with."""
        import sqlalchemy as sa

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sa.exc.SAWarning)  # SQLite declares types of any name
            return {c["name"]: c["type"] for c in sa.inspect(connection).get_columns(table.name, table.schema)}

    def _interrupt_of(self, connection: sa.Connection) -> Callable[[], None]:
        """What ends the running statement, from another thread."""
        driver = connection.connection.driver_connection
        found = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
        return found if callable(found) else lambda: None

    def quote(self, name: str) -> str:
        check_identifier(name, self.connection)
        prepared = self._engine.dialect.identifier_preparer
        found = str(prepared.quote_identifier(name))
        return found.replace("%%", "%") if prepared._double_percents else found  # text() doubles them itself

    def storable(self, rows: pa.Table) -> pa.Table:
        return joined_lists(rows)

    def swap_statements(self, stage: TableName, table: TableName, there: bool, without: str = "") -> list[str]:
        found = super().swap_statements(stage, table, there, without)
        if self.connection.dialect != "sqlite":
            return found
        # otherwise a rename fails over a view of the table that has just been dropped
        return ["pragma legacy_alter_table = on", *found, "pragma legacy_alter_table = off"]

    def _close(self) -> None:
        self._engine.dispose()


def ledger_table() -> sa.Table:
    """The table that remembers writes."""
    import sqlalchemy as sa

    return sa.Table(
        LEDGER,
        sa.MetaData(),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("content", sa.String(200)),
        sa.Column("table_name", sa.Text(), key="table"),
        sa.Column("rows", sa.BigInteger()),
        sa.Column("written_at", sa.DateTime(), server_default=sa.func.current_timestamp()),
    )


def server_engine(connection: Connection) -> sa.Engine:
    """A pool of connections to a server, each looked at before it is used again.

    Raises:
        ConfigError: The connection is read-only, and the database knows no such thing.
        EngineUnavailable: The driver is not installed.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import NoSuchModuleError

    if connection.read_only and connection.dialect not in ("postgresql", "mariadb", "mysql"):
        raise ConfigError(
            f"read_only is not known for {connection.dialect}",
            who=connection.described,
            fix="drop it, and connect as a user who may only read",
        )
    try:
        return sa.create_engine(connection.url, hide_parameters=True, pool_pre_ping=True, max_overflow=-1)
    except NoSuchModuleError:
        raise missing_driver(None, connection) from None
    except ImportError as error:
        raise missing_driver(error.name or str(error), connection) from None


def _names(connection: sa.Connection, schema: str | None) -> list[str]:
    """Names of the tables and views of a schema."""
    import sqlalchemy as sa

    inspector = sa.inspect(connection)
    return sorted({*inspector.get_table_names(schema), *inspector.get_view_names(schema)})


def _changed(result: sa.CursorResult[Any]) -> int:
    return 0 if result.returns_rows else max(result.rowcount, 0)


def _text_of_decimal(value: Any) -> Any:
    return str(value) if type(value).__name__ == "Decimal" else value
