"""Ibis tables: expressions that their backend runs when rows are needed, stored as Parquet or Arrow IPC."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.types as t
from dovetail.errors import ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema
from dovetail.types.arrow import (
    IpcCodec,
    ParquetCodec,
    TableTransformer,
    check_columns,
    check_losses,
    lost_categories,
    normalise_table,
)

if TYPE_CHECKING:
    from ibis import Table

__all__ = ["TableIpc", "TableParquet", "IbisTransformer", "from_arrow", "to_arrow"]

_ONE_AT_A_TIME = threading.Lock()
"""Tables in memory share one default backend, and two threads that run it at once may wait for each other for ever."""


def to_arrow(table: Table) -> pa.Table:
    """Run the expression on its backend."""
    with _ONE_AT_A_TIME:
        found = table.to_pyarrow()
    return normalise_table(found)


def from_arrow(table: pa.Table) -> Table:
    """An Arrow table as an expression over memory.

    Raises:
        ConversionError: A column has categories, which Ibis makes text of, and losing them is not allowed.
        ValueMismatch: There is no column, two names differ by case only, or the default backend lacks the type of a column.
    """
    names = table.column_names
    check_columns(names, "the Arrow table")
    if not names:
        raise ValueMismatch("Ibis has no table without columns", fix="keep at least one column")
    odd = [name for name in names if not name or "\0" in name]
    if odd or len({name.lower() for name in names}) != len(names):
        raise ValueMismatch(
            "the default backend of Ibis would not find a column by its name",
            why="its names are neither empty nor hold a zero byte, and upper and lower case are the same to it",
            fix="rename the columns",
        )
    for field in table.schema:
        if any(map(_changed, _kinds(field.type))):
            raise ValueMismatch(
                f"the column {field.name!r} ({field.type}) does not come back from the default backend of Ibis",
                why="it has no durations, intervals or extension types, no floats of 16 bits, no decimals beyond 38 digits, "
                "and moments with a zone in microseconds only",
                fix="cast it: to a number, to text, to float32, to microseconds",
            )
    for position, field in enumerate(table.schema):
        if t.is_fixed_size_binary(field.type):
            table = table.set_column(position, field.with_type(pa.binary()), table.column(position).cast(pa.binary()))
    check_losses(table.schema, "ibis.Table", lost_categories, "cast it to the type of its values")
    return ibis.memtable(table)


def _changed(kind: pa.DataType) -> bool:
    return (
        t.is_duration(kind)
        or t.is_float16(kind)
        or t.is_interval(kind)
        or t.is_decimal256(kind)
        or isinstance(kind, pa.BaseExtensionType)
        or (t.is_timestamp(kind) and kind.unit == "ns" and kind.tz is not None)
    )


def _kinds(kind: pa.DataType) -> Iterator[pa.DataType]:
    """A type and all below it."""
    yield kind
    for position in range(kind.num_fields):
        yield from _kinds(kind.field(position).type)


class IbisTransformer(TableTransformer):
    """``ibis.Table``: hashing and storing run the expression; looking at it does not."""

    type_name = "ibis.Table"
    lazy = True

    def to_arrow(self, value: Table) -> pa.Table:
        """Run the expression."""
        return to_arrow(value)

    def from_arrow(self, table: pa.Table) -> Table:
        """An expression over memory."""
        return from_arrow(table)

    def num_rows(self, value: Table) -> int | None:
        """Not known before the expression is run."""
        return None

    def schema(self, value: Table) -> Schema | None:
        """Columns with their Ibis types."""
        return Schema(tuple(FieldInfo(name, str(kind), kind.nullable) for name, kind in value.schema().items()))

    def arrow_schema(self, value: Table) -> pa.Schema:
        """Columns with their Arrow types, as Ibis promises them."""
        return normalise_table(value.schema().to_pyarrow().empty_table()).schema

    def preview(self, value: Table, limit: int = 10) -> Preview:
        """The columns as text: rows would cost a run."""
        return Preview.of_text(", ".join(f"{name}: {kind}" for name, kind in value.schema().items()))

    def project(self, value: Table, columns: Mapping[str, Any]) -> Table:
        """An expression of these columns alone, which the backend reads alone."""
        chosen = value.select(*columns)
        wider = {n: ibis.dtype(kind) for n, kind in columns.items() if kind is not None}
        return chosen.cast(wider) if wider else chosen

    def batches(self, value: Table) -> Iterator[Any]:
        """The rows as record batches, while the backend runs."""
        promised = self.arrow_schema(value)
        with _ONE_AT_A_TIME:
            for batch in value.to_pyarrow_batches():
                columns = [_promised(*pair) for pair in zip(batch.columns, promised.types, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, schema=promised)


def _promised(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of a batch as the schema has it: moments come in the zone of the connection, nulls as integers."""
    return pa.nulls(len(column)) if t.is_null(kind) else column.cast(kind)


class TableParquet(ParquetCodec):
    """``ibis.Table`` <-> one Parquet file."""

    transformer = IbisTransformer


class TableIpc(IpcCodec):
    """``ibis.Table`` <-> one Arrow IPC file."""

    transformer = IbisTransformer
