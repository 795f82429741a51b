"""Native checks on stored tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from dovetail.quality.checks import Check
from dovetail.quality.checks.sql import ROW, Column, Dialect, LeftToArrow, Source, Sql, SqlChecks, family_of, say
from dovetail.spec import CheckOutcome

from dovetail_sql.checks._dialects import dialect_of
from dovetail_sql.checks._stored import StoredTable


class SqlTableChecks(SqlChecks):
    """Evaluates native suites on tables in a database."""

    name: ClassVar[str] = "sql"

    def frames(self, suite: Any) -> tuple[str, ...]:
        """Stored tables."""
        return ("dovetail_sql.checks.StoredTable",)

    def version(self) -> str:
        """Version of SQLAlchemy. Reports of an audit name the database."""
        import sqlalchemy

        return str(sqlalchemy.__version__)

    def columns(self, value: StoredTable) -> list[str]:
        """The names of the columns."""
        return list(value.schema.names)

    def rows(self, value: StoredTable) -> int:
        """The number of rows."""
        return value.rows

    def to_arrow(self, value: StoredTable, columns: Sequence[str]) -> Any:
        """These columns, read."""
        return value.read(columns)

    def outcomes(self, checks: Sequence[Check], value: StoredTable) -> list[CheckOutcome | None]:
        """Evaluate in the database; a database that is not known well enough leaves all to Arrow."""
        dialect = dialect_of(value.database.connection.dialect)
        if dialect is None or value.selected is not None:
            return [None] * len(checks)
        return super().outcomes(checks, value)

    def source(self, value: StoredTable, columns: Sequence[str]) -> Source:
        """The table itself."""
        dialect = dialect_of(value.database.connection.dialect)
        if dialect is None:
            raise LeftToArrow
        return _TableSource(value, dialect)


class _TableSource(Source):
    def __init__(self, stored: StoredTable, dialect: Dialect) -> None:
        import pyarrow.types as t

        self._stored = stored
        self.dialect = dialect
        database = stored.database
        self.table = say(database.quoted(stored.table))
        self.row = database.quote(ROW)
        self.columns = {}
        for field in stored.schema:
            family, limits = family_of(field.type)
            kind = None if t.is_null(field.type) else field.type
            self.columns[field.name] = Column(field.name, kind, family, limits, database.quote(field.name))

    def fetch(self, statement: Sql) -> Any:
        """With its values bound."""
        return self._stored.fetch(statement)
