"""DuckDB relations: plans over Arrow tables and whatever else DuckDB reads, stored as Parquet or Arrow IPC."""

from __future__ import annotations

import contextlib
import re
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
from dovetail.errors import PlatformError, ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer, lies_here, normalise_table

from dovetail_duckdb._carried import check_arrow, check_names, enums, plain_columns, plain_table, quote

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

__all__ = [
    "RelationIpc",
    "RelationParquet",
    "RelationTransformer",
    "from_arrow",
    "from_dataset",
    "to_arrow",
    "to_reader",
]

T = TypeVar("T")

_PATIENCE = 60.0
"""Seconds to wait for a connection that another thread is using."""

_BATCH = 100_000
_PATTERN = re.compile(r"[*?\[\]{}]")
"""What in a path would make DuckDB look for several files."""
_LARGE = "arrow_large_buffer_size"
"""The setting of DuckDB for 64 bit offsets."""

_tables: weakref.WeakKeyDictionary[duckdb.DuckDBPyRelation, pa.Table] = weakref.WeakKeyDictionary()
"""The table that a relation of ours reads. Whatever is done with a relation gives another one, which is not in here."""


def to_arrow(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """Run the query; a relation that :func:`from_arrow` made gives the table that it reads, and nothing is copied.

    Raises:
        ValueMismatch: A name occurs twice, or Arrow cannot carry a column, or there are more than 2 GiB of text in one.
        PlatformError: The relation's connection is in use, and stays so.
    """
    known = _table_of(relation)
    if known is not None:
        return known
    plan = plain_columns(relation)
    try:
        with _texts_in_reach():
            table = run_when_free(plan.to_arrow_table)
    except duckdb.ConversionException as error:
        if plan is relation:
            raise  # the user's own query
        raise ValueMismatch(
            "an integer of the DuckDB relation has more than 38 digits",
            why=str(error).splitlines()[0],
            fix="cast the column in the query: to double, or to varchar",
        ) from error
    return normalise_table(plain_table(table))


def from_arrow(table: pa.Table) -> duckdb.DuckDBPyRelation:
    """An Arrow table as a relation that reads it where it lies.

    The relation has a connection of its own, a cursor of the default one: tasks that run in parallel do not meet on it, and
    ``duckdb.sql("select ... from flights")`` finds it by the name of the variable. Categories of text are an ENUM in it.

    Raises:
        ValueMismatch: DuckDB would rename a column, or has no type for it, or there is no column.
        ConversionError: A column would lose its zone or its categories, and that is not allowed.
    """
    ordered = enums(table)
    check_arrow(table.schema, ordered)
    relation = _with_enums(_over(table, table.column_names), ordered)
    _tables[relation] = table
    return relation


def _table_of(relation: duckdb.DuckDBPyRelation) -> pa.Table | None:
    """The table that a relation of ours reads, where DuckDB would give it back with the types that it has."""
    found = _tables.get(relation)
    if found is None:
        return None
    table, given = normalise_table(found), to_arrow(relation.limit(0)).schema
    return table if (table.schema.names, table.schema.types) == (given.names, given.types) else None


def from_dataset(dataset: ds.Dataset) -> duckdb.DuckDBPyRelation:
    """A dataset as a relation that reads it each time that it is run: of its columns and rows those that the query needs.

    Columns of categories are read at once, since their ENUM has to be known. Raises what :func:`from_arrow` raises.
    """
    import pyarrow.types as t

    kinds = normalise_table(dataset.schema.empty_table()).schema
    coded = [field.name for field in kinds if t.is_dictionary(field.type)]
    ordered = enums(normalise_table(dataset.to_table(columns=coded))) if coded else {}
    check_arrow(kinds, ordered)
    return _with_enums(_over(dataset, kinds.names), ordered)


def _with_enums(relation: duckdb.DuckDBPyRelation, ordered: Mapping[str, str]) -> duckdb.DuckDBPyRelation:
    if not ordered:
        return relation
    terms = (f"cast({quote(n)} as {ordered[n]}) as {quote(n)}" if n in ordered else quote(n) for n in relation.columns)
    return relation.project(", ".join(terms))


def _over(data: Any, names: list[str]) -> duckdb.DuckDBPyRelation:
    try:
        relation = duckdb.default_connection().cursor().from_arrow(data)
        found = relation.columns
    except duckdb.NotImplementedException as error:
        raise ValueMismatch(
            "DuckDB does not read a column of the Arrow data",
            why=str(error).splitlines()[0],
            fix="cast it to a type that DuckDB has, or drop it",
        ) from error
    check_names(names, found)
    return relation


def to_reader(relation: duckdb.DuckDBPyRelation) -> pa.RecordBatchReader:
    """The rows of the query, which runs while they are taken. Raises ValueMismatch where Arrow cannot carry a column."""
    import pyarrow as pa

    schema = RelationTransformer().arrow_schema(relation)
    return pa.RecordBatchReader.from_batches(schema, RelationTransformer().batches(relation))


def run_when_free(work: Callable[[], T]) -> T:
    """Do something with a relation. DuckDB refuses a connection that another thread is using, so wait for it."""
    pause, end = 0.001, time.monotonic() + _PATIENCE
    while True:
        try:
            return work()
        except duckdb.ResourceInUseException as error:
            open_result = "open result" in str(error)
            if open_result or time.monotonic() > end:
                raise PlatformError(
                    "the connection of a DuckDB relation is in use",
                    why=str(error).splitlines()[0],
                    fix="read open results to their end, or make the relation on a connection of its own: "
                    "duckdb.default_connection().cursor().sql(...)",
                ) from error
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


@contextlib.contextmanager
def _texts_in_reach() -> Iterator[None]:
    """Say in our words what DuckDB says of more than 2 GiB of text or binary in one piece."""
    try:
        yield
    except (duckdb.InvalidInputException, OSError) as error:  # the latter from the stream
        if _LARGE not in str(error):
            raise
        raise ValueMismatch(
            "a column of the DuckDB relation has more than 2 GiB of text or binary in one piece",
            why=f"DuckDB gives at most that, of a whole table or of {_BATCH:,} rows of a stream",
            fix=f'let it use wider offsets: duckdb.sql("set global {_LARGE} = true")',
        ) from error


class RelationTransformer(TableTransformer):
    """``duckdb.DuckDBPyRelation``: hashing and storing run the query; looking at it does not."""

    type_name = "duckdb.DuckDBPyRelation"
    lazy = True

    def to_arrow(self, value: duckdb.DuckDBPyRelation) -> pa.Table:
        """Run the query."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> duckdb.DuckDBPyRelation:
        """A relation that reads the table."""
        return from_arrow(table)

    def num_rows(self, value: duckdb.DuckDBPyRelation) -> int | None:
        """Not known before the query is run."""
        return None

    def schema(self, value: duckdb.DuckDBPyRelation) -> Schema | None:
        """Columns with their DuckDB types, without running the query."""
        return Schema(tuple(FieldInfo(n, str(kind)) for n, kind in zip(value.columns, value.types, strict=True)))

    def arrow_schema(self, value: duckdb.DuckDBPyRelation) -> Any:
        """Columns with their Arrow types; DuckDB plans the query and asks for no row of it."""
        return to_arrow(value.limit(0)).schema

    def preview(self, value: duckdb.DuckDBPyRelation, limit: int = 10) -> Preview:
        """The query as SQL: rows would cost a run."""
        return Preview.of_text(value.sql_query())

    def project(self, value: duckdb.DuckDBPyRelation, columns: Mapping[str, Any]) -> duckdb.DuckDBPyRelation:
        """A query for these columns alone."""
        import pyarrow as pa

        terms = []
        for name, kind in columns.items():
            term = quote(name)
            if kind is not None:
                wanted = from_arrow(pa.table({"x": pa.array([], kind)})).types[0]
                term = f"cast({term} as {wanted}) as {term}"
            terms.append(term)
        return value.project(", ".join(terms))

    def batches(self, value: duckdb.DuckDBPyRelation) -> Iterator[Any]:
        """The rows as record batches of at most 100,000, while the query runs."""
        import pyarrow as pa

        known = _table_of(value)
        if known is not None:
            yield from known.to_batches()
            return
        reader = run_when_free(lambda: plain_columns(value).to_arrow_reader(_BATCH))
        while True:
            with _texts_in_reach():
                batch = next(reader, None)
            if batch is None:
                return
            yield from normalise_table(plain_table(pa.Table.from_batches([batch]))).to_batches()

    def take_rows(self, value: duckdb.DuckDBPyRelation, rows: Sequence[int]) -> duckdb.DuckDBPyRelation:
        """The rows with these ordinals; runs the query."""
        taken: duckdb.DuckDBPyRelation = super().take_rows(value, rows)
        return taken


class RelationParquet(ParquetCodec):
    """``duckdb.DuckDBPyRelation`` <-> one Parquet file; what is read back is a relation that scans it."""

    transformer = RelationTransformer

    def read(self, path: Path) -> duckdb.DuckDBPyRelation:
        """A scan of the file. Where that would give other types than the table had, the table in it."""
        made: duckdb.DuckDBPyRelation = _scan(path, self.arrow_schema(path)) or super().read(path)
        return made


def _scan(path: Path, schema: pa.Schema) -> duckdb.DuckDBPyRelation | None:
    """A relation that reads a Parquet file each time that it is run; None where the file alone would give other types.

    DuckDB reads it by itself, and finds text that is none, where its types are those of the file; else through Arrow, which
    does not look at text.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    kinds = schema.types
    if not lies_here(path) or not kinds or any(pa.types.is_dictionary(kind) for kind in kinds):
        return None
    try:
        own = None if _PATTERN.search(str(path)) else _own_scan(path)
        if (
            own is not None
            and to_arrow(own.limit(0)).schema.types == normalise_table(schema.empty_table()).schema.types
        ):
            return own if own.columns == schema.names else None
        dataset = ds.dataset(path, format="parquet")
        if dataset.schema.equals(schema) and all(pa.types.is_primitive(kind) for kind in kinds):
            return from_dataset(dataset)
    except (duckdb.Error, pa.ArrowException, ValueMismatch):
        pass  # what is wrong with the file is said by whoever reads it whole
    return None


def _own_scan(path: Path) -> duckdb.DuckDBPyRelation:
    cursor = duckdb.default_connection().cursor()
    return cursor.read_parquet(str(path), hive_partitioning=False)


class RelationIpc(IpcCodec):
    """``duckdb.DuckDBPyRelation`` <-> one Arrow IPC file."""

    transformer = RelationTransformer
