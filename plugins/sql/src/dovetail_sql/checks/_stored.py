"""A table of a database as a frame that gates can look at, without its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dovetail.errors import TaskTimeout
from dovetail.quality.checks.sql import ROW, Sql
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import TableTransformer

from dovetail_sql._alchemy import AlchemyDatabase
from dovetail_sql._database import Database, TableName
from dovetail_sql._rows import plain_table
from dovetail_sql._statement import Bound, Placeholder

if TYPE_CHECKING:
    import pyarrow as pa

_TYPED = ("duckdb", "postgresql")
"""Databases that tell the Arrow types of a table without any rows, by drivers of their own."""
_AT_ONCE = 500
"""Rows that are asked for by their ordinals in one statement."""


class StoredTable:
    """A table that was just written, with the column :data:`ROW` that numbers its rows from 0.

    Args:
        database: Where it is.
        table: Which.
        written: The columns that were written, without :data:`ROW`.
        rows: How many rows it has.
        token: What a cancel names the statements by.

    Attributes:
        schema: Columns with the Arrow types that they are read back with. Where these depend on the values, the type is null.
        selected: Ordinals of the rows that are meant, ascending; None for all.
        failure: A statement ran out of time: nothing was found out.
    """

    def __init__(
        self, database: Database, table: TableName, written: pa.Schema, rows: int, token: object = None
    ) -> None:
        self.database = database
        self.table = table
        self.schema = _read_back(database, table, written)
        self.rows = rows
        self.selected: Any = None
        self.failure: TaskTimeout | None = None
        self._written = written
        self._token = token

    def take(self, rows: Any) -> StoredTable:
        """Some of the rows. Nothing is asked for yet."""
        import pyarrow as pa

        taken = object.__new__(StoredTable)
        taken.__dict__.update(self.__dict__)
        chosen = pa.array(rows, pa.int64())
        taken.selected = chosen if self.selected is None else self.selected.take(chosen)
        taken.rows = len(chosen)
        return taken

    def fetch(self, statement: Sql) -> pa.Table:
        """Rows of a query. Raises what :meth:`Database.query` does."""
        values = {f"v{number}": value for number, value in enumerate(statement.values)}
        names = iter(values)
        pieces = tuple(p if isinstance(p, str) else Placeholder(next(names)) for p in statement.pieces)
        try:
            return self.database.query(Bound(pieces, values), {}, self._token)
        except TaskTimeout as error:
            self.failure = error
            raise

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Columns of the rows that are meant, in their order."""
        import pyarrow as pa

        names = [*columns, ROW]
        if self.selected is None:
            return self.database.read(self.table, names, self._token).sort_by(ROW).drop_columns([ROW])
        pieces = [self.selected.slice(start, _AT_ONCE) for start in range(0, len(self.selected), _AT_ONCE)]
        tables = [
            self.database.read(self.table, names, self._token, {ROW: piece.to_pylist()})
            for piece in pieces or [pa.array([-1])]
        ]
        whole = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        if not pieces:
            return whole.drop_columns([ROW])
        import pyarrow.compute as pc

        return whole.take(pc.index_in(self.selected, value_set=whole.column(ROW))).drop_columns([ROW])

    def engine(self) -> dict[str, str]:
        """The database and its version, for reports."""
        name, _, said = self.database.ping().partition(" ")
        found = re.search(r"\d+(\.\d+)+", said)
        return {"name": name, "version": found[0] if found else said[:40]}

    def __repr__(self) -> str:
        return f"<{self.table} of {self.database.connection.described}>"


def _read_back(database: Database, table: TableName, written: pa.Schema) -> pa.Schema:
    """Columns with the types that reading the table gives them."""
    import pyarrow as pa

    if database.connection.dialect in _TYPED and not isinstance(database, AlchemyDatabase):
        columns = ", ".join(database.quote(name) for name in written.names)
        none = f"select {columns} from {database.quoted(table)} where 1 = 0"  # noqa: S608 - identifiers, quoted
        return database.query(Bound((none,), {}), {}).schema
    kinds = plain_table(written.empty_table()).schema
    return pa.schema([field.with_type(_as_read(field.type, database.connection.dialect)) for field in kinds])


def _as_read(kind: pa.DataType, dialect: str) -> pa.DataType:
    """The type that SQLAlchemy's rows get, by values or declaration; null where that is not known beforehand."""
    import pyarrow as pa
    import pyarrow.types as t

    known: list[tuple[bool, pa.DataType]] = [
        (t.is_integer(kind), pa.int64()),
        (t.is_floating(kind), pa.float64()),
        (t.is_boolean(kind) or t.is_string(kind), kind),
        (t.is_large_string(kind), pa.string()),
        # SQLite holds texts in their place
        ((t.is_date32(kind) or (t.is_timestamp(kind) and kind.unit == "us")) and dialect != "sqlite", kind),
    ]
    return next((found for fits, found in known if fits), pa.null())


class StoredTableTransformer(TableTransformer):
    """``dovetail_sql.checks.StoredTable``."""

    type_name = "dovetail_sql.checks.StoredTable"

    def to_arrow(self, value: StoredTable) -> pa.Table:
        """The rows, read."""
        return to_arrow(value)

    def num_rows(self, value: StoredTable) -> int | None:
        """Known since they were written."""
        return value.rows

    def schema(self, value: StoredTable) -> Schema | None:
        """Columns, without looking at rows."""
        return Schema(tuple(FieldInfo(field.name, str(field.type)) for field in value.schema))

    def arrow_schema(self, value: StoredTable) -> pa.Schema | None:
        """Not known for certain before they are read."""
        return None

    def take_rows(self, value: StoredTable, rows: Sequence[int]) -> StoredTable:
        """Some of the rows; nothing is read yet."""
        return value.take(rows)

    def preview(self, value: StoredTable, limit: int = 10) -> Preview:
        """What it is."""
        return Preview.of_text(repr(value))


def to_arrow(value: StoredTable) -> pa.Table:
    """All columns of the rows."""
    return value.read(value.schema.names)
