"""Rows that nobody has fetched: a statement on a connection, or a file that lies in the store.

Within a run such a value passes from SQL node to SQL node without its rows. Where rows are needed it is run; stored, it is what
it comes to, one Parquet file, and read back it is a query of that file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import (
    IpcCodec,
    ParquetCodec,
    TableTransformer,
    lies_here,
    normalise_table,
    parquet_schema,
    project_table,
)

from dovetail_sql._outputs import QUERIES
from dovetail_sql._statement import Bound

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from dovetail_sql._database import Database

__all__ = [
    "READS",
    "Query",
    "QueryIpc",
    "QueryParquet",
    "QueryTransformer",
    "from_arrow",
    "from_dataset",
    "is_dataset",
    "plainly_read",
    "to_arrow",
    "to_reader",
]

READS = ("select", "with", "values", "table", "from")
"""What a statement begins with that can stand inside of another one."""


class Query:
    """Rows that are fetched when somebody needs them, by ``sql(..., output=Query)`` or ``table(..., output=Query)``.

    Given to a SQL task on the same connection it becomes part of that task's statement, and given to ``to_table()`` an
    ``insert ... select``. It is run each time that it is used, and sees the tables as they are then.

    Attributes:
        schema: Columns with their Arrow types as the database tells them without any rows; SQLite tells no types.
        statement: The statement with its values, or None for rows that lie in a file or in memory.
        rows: Where the rows are that are no statement's: a dataset of Parquet files, or a table.
    """

    def __init__(
        self,
        schema: pa.Schema,
        *,
        database: Database | None = None,
        statement: Bound | None = None,
        rows: pa.Table | ds.Dataset | None = None,
        file: Path | None = None,
    ) -> None:
        self.schema = schema
        self.statement = statement
        self.rows = rows
        self._database = database
        self._file = file

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @property
    def file(self) -> Path | None:
        """The Parquet file that holds these rows and columns; None for a statement, and for rows in memory."""
        return self._file

    def on(self, database: Database) -> Bound | None:
        """The statement, if it is one of the connection that this database was opened for."""
        mine = self._database
        if mine is None or (mine is not database and mine.connection != database.connection):
            return None
        return None if mine is not database and mine.connection.in_memory else self.statement

    def reader(self) -> pa.RecordBatchReader:
        """The rows while they are fetched.

        Raises:
            UsageError: The database refuses the statement.
            EngineUnavailable: The database cannot be reached.
        """
        from dovetail.types.arrow_streams import dataset_to_reader

        if self.statement is None or self._database is None:
            rows: Any = self.rows
            found: pa.RecordBatchReader = rows.to_reader() if hasattr(rows, "to_reader") else dataset_to_reader(rows)
            return found
        with self._database.reopened() as database:
            return database.stream(self.statement)

    def to_arrow(self) -> pa.Table:
        """All rows. Raises what :meth:`reader` raises."""
        if self.statement is None or self._database is None:
            return normalise_table(self.reader().read_all())
        with self._database.reopened() as database:
            return normalise_table(database.query(self.statement, {}))

    @property
    def text(self) -> str:
        """The statement with ``:names`` in the place of values, for people."""
        if self.statement is None:
            return "" if self.file is None else f"rows of {self.file.name}"
        return "".join(piece if isinstance(piece, str) else f":{piece.key}" for piece in self.statement.pieces)

    def __repr__(self) -> str:
        where = "" if self._database is None else f" on {self._database.connection.name!r}"
        return f"<Query{where}: {', '.join(self.columns)}>"


def is_dataset(value: Any) -> bool:
    """True for a dataset of pyarrow."""
    import pyarrow.dataset as ds

    return isinstance(value, ds.Dataset)


def plainly_read(schema: pa.Schema) -> bool:
    """True if every reader of Parquet makes the same of these columns."""
    import pyarrow.types as t

    def plain(kind: pa.DataType) -> bool:
        if t.is_list(kind):
            return plain(kind.value_type)
        return (
            t.is_integer(kind) or t.is_boolean(kind) or t.is_float32(kind) or t.is_float64(kind) or t.is_string(kind)
            or t.is_binary(kind) or t.is_date32(kind) or t.is_decimal128(kind)
            or (t.is_timestamp(kind) and kind.unit == "us" and kind.tz in (None, "UTC"))
        )  # fmt: skip

    return all(map(plain, schema.types))


# -- conversions -----------------------------------------------------------------------------------------


def to_arrow(query: Query) -> pa.Table:
    """Fetch the rows."""
    return query.to_arrow()


def to_reader(query: Query) -> pa.RecordBatchReader:
    """The rows while they are fetched."""
    return query.reader()


def from_arrow(table: pa.Table) -> Query:
    """The rows of a table, which stay where they are."""
    return Query(table.schema, rows=table)


def from_dataset(dataset: ds.Dataset) -> Query:
    """The rows of a dataset, which are read when they are needed."""
    return Query(dataset.schema, rows=dataset)


class QueryTransformer(TableTransformer):
    """:class:`Query`: hashing and storing run it; looking at it does not."""

    type_name = QUERIES[0]
    lazy = True

    def to_arrow(self, value: Query) -> pa.Table:
        """Fetch the rows."""
        return value.to_arrow()

    def from_arrow(self, table: pa.Table) -> Query:
        """The rows of the table."""
        return from_arrow(table)

    def num_rows(self, value: Query) -> int | None:
        """Not known before it is run."""
        return None

    def schema(self, value: Query) -> Schema | None:
        """Columns, with the types that are known without rows."""
        return Schema(tuple(FieldInfo(field.name, str(field.type)) for field in value.schema))

    def arrow_schema(self, value: Query) -> pa.Schema | None:
        """Columns with their Arrow types; None where the database tells no types without rows."""
        import pyarrow as pa

        if value.statement is not None and any(map(pa.types.is_null, value.schema.types)):
            return None
        return normalise_table(value.schema.empty_table()).schema

    def preview(self, value: Query, limit: int = 10) -> Preview:
        """The statement: rows would cost a run."""
        return Preview.of_text(value.text or repr(value))

    def batches(self, value: Query) -> Iterator[Any]:
        """The rows while they are fetched."""
        import pyarrow as pa

        for batch in value.reader():
            yield from normalise_table(pa.Table.from_batches([batch])).to_batches()

    def project(self, value: Query, columns: Mapping[str, Any]) -> Query:
        """The query of these columns alone, which the database reads alone."""
        database, statement = value._database, value.statement
        if database is None or statement is None or any(columns.values()):
            return from_arrow(project_table(value.to_arrow(), columns))
        chosen = ", ".join(map(database.quote, columns))
        pieces = (f"select {chosen} from (", *statement.pieces, "\n) as q")  # noqa: S608 - identifiers, quoted
        import pyarrow as pa

        narrow = pa.schema([value.schema.field(name) for name in columns])
        return Query(narrow, database=database, statement=Bound(pieces, statement.values))


class QueryParquet(ParquetCodec):
    """:class:`Query` <-> one Parquet file; what is read back is a query of that file."""

    transformer = QueryTransformer

    def read(self, path: Path) -> Query:
        """The rows of the file, which stay there."""
        return self._of_file(path, None) or from_arrow(super().read(path).to_arrow())

    def read_columns(self, path: Path, columns: Sequence[str]) -> Query:
        """These columns of the file."""
        return self._of_file(path, list(columns)) or from_arrow(super().read_columns(path, columns).to_arrow())

    def _of_file(self, path: Path, columns: list[str] | None) -> Query | None:
        import pyarrow as pa
        import pyarrow.dataset as ds

        if not lies_here(path):
            return None
        wanted, found = parquet_schema(path), ds.dataset(path, format="parquet")
        if not found.schema.equals(wanted):  # the file alone would give other types than the table had
            return None
        if columns is None:
            return Query(wanted, rows=found, file=path)
        narrow = pa.schema([wanted.field(name) for name in columns], wanted.metadata)
        return Query(narrow, rows=found.replace_schema(narrow), file=path)


class QueryIpc(IpcCodec):
    """:class:`Query` <-> one Arrow IPC file, mapped."""

    transformer = QueryTransformer
