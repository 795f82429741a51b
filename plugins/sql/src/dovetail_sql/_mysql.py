"""MariaDB and MySQL behind SQLAlchemy: what they do in other ways than the rest.

A backslash in a literal is a backslash, as in the standard and on every other engine here, so that one statement means the
same everywhere. Definitions of tables cannot be rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dovetail_sql._alchemy import AlchemyDatabase, server_engine
from dovetail_sql._contract import TableName
from dovetail_sql._statement import Bound, first_word
from dovetail_sql._writes import no_rows_returned

if TYPE_CHECKING:
    import sqlalchemy as sa

_DEFINITIONS = ("alter", "create", "drop", "grant", "rename", "revoke", "truncate")
_HOUSEKEEPING = ("analyze", "lock", "optimize", "repair", "set", "unlock", "use")
"""Such statements return nothing, and commit by themselves: they must not even begin where rows are asked for."""

_COLUMNS = (
    "select column_name, column_type, character_set_name from information_schema.columns "
    "where table_schema = coalesce(%s, database()) and table_name = %s order by ordinal_position"
)


class MySqlDatabase(AlchemyDatabase):
    """An open connection pool to MariaDB or MySQL."""

    def _make_engine(self) -> sa.Engine:
        import sqlalchemy as sa

        engine = server_engine(self.connection)

        @sa.event.listens_for(engine, "connect", insert=True)  # before SQLAlchemy looks how literals are written
        def prepare(opened: Any, record: object) -> None:
            cursor = opened.cursor()
            cursor.execute(
                "set session sql_mode = concat_ws(',', @@sql_mode, 'NO_BACKSLASH_ESCAPES'), time_zone = '+00:00'"
            )
            cursor.close()

        @sa.event.listens_for(engine, "begin")
        def begin(opened: sa.Connection) -> None:
            opened.exec_driver_sql("start transaction" + (" read only" if self.connection.read_only else ""))

        return engine

    @property
    def rolls_back_definitions(self) -> bool:
        return False

    def rename_statement(self, pairs: Sequence[tuple[TableName, TableName]]) -> str:
        # of all or of none, and nobody sees a moment without the table
        return "rename table " + ", ".join(f"{self.quoted(old)} to {self.quoted(new)}" for old, new in pairs)

    def _interrupt_of(self, connection: sa.Connection) -> Any:
        """A function that ends the running statement from another connection: this one is waiting for its answer."""
        driver: Any = connection.connection.driver_connection
        session = int(driver.thread_id())

        def interrupt() -> None:
            with suppress(Exception), self._engine.connect() as other:  # it may have ended by itself
                other.exec_driver_sql(f"kill query {session}")

        return interrupt

    def _run(self, connection: sa.Connection, statement: Bound) -> sa.CursorResult[Any]:
        if (
            connection.get_execution_options().get("dovetail_rows")
            and first_word(statement) in _DEFINITIONS + _HOUSEKEEPING
        ):
            raise no_rows_returned(self.connection)
        return super()._run(connection, statement)

    def _reflected(self, connection: sa.Connection, table: TableName) -> dict[str, Any]:
        # SQLAlchemy reads the text of "show create table", and stumbles over names that hold quotes and line breaks
        rows = connection.exec_driver_sql(_COLUMNS, (table.schema, table.name)).all()
        return {str(name): _type_of(str(kind), charset) for name, kind, charset in rows}


def _type_of(declared: str, charset: str | None) -> Any:
    import sqlalchemy as sa

    if declared == "tinyint(1)":
        return sa.Boolean()
    kind = re.match(r"\w+", declared)
    word = kind[0] if kind else ""
    known: dict[str, Any] = {
        "datetime": sa.DateTime(),
        "timestamp": sa.DateTime(timezone=True),
        "date": sa.Date(),
        "time": sa.Interval(),
        "float": sa.Float(),
        "double": sa.Float(),
        "decimal": _numeric(declared),
    }
    if word.endswith("int"):
        return sa.BigInteger()
    return known.get(word) or (
        sa.Text() if charset else sa.LargeBinary() if "blob" in word or "bin" in word else sa.types.NullType()
    )


def _numeric(declared: str) -> Any:
    import sqlalchemy as sa

    digits = re.match(r"decimal\((\d+),(\d+)\)", declared)
    return sa.Numeric(int(digits[1]), int(digits[2])) if digits else sa.Numeric()
