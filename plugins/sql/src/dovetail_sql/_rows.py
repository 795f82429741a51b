"""Rows of a cursor to Arrow and back, keeping types: an int column with nulls stays an int column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dovetail.errors import UserError, ValueMismatch

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 50_000
"""Rows that are held as Python objects at a time."""


def check_columns(names: Sequence[str], who: str) -> None:
    """Raises ValueMismatch if two columns of a result have one name: no dataframe could tell them apart."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueMismatch(
                f"the result has two columns called {name!r}", who=who, fix=f"rename one: select ... as {name}_2"
            )
        seen.add(name)


def to_arrow(names: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]], who: str) -> pa.Table:
    """An Arrow table of row batches. Column types come from the values: those of all batches together.

    A column without a single value has Arrow's null type.

    Raises:
        UserError: A column holds values of several types, or of one that Arrow does not know.
    """
    import pyarrow as pa

    tables: list[pa.Table] = []
    count = 0
    for rows in batches:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        arrays = [_column(name, list(values), who, count) for name, values in zip(names, columns, strict=True)]
        tables.append(pa.table(arrays, names=list(names)))
        count += len(rows)
    if not tables:
        return pa.table([pa.nulls(0)] * len(names), names=list(names))
    if len(tables) == 1:
        return tables[0]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowInvalid:
        raise _mixed_batches(tables, who) from None


def _mixed_batches(tables: Sequence[pa.Table], who: str) -> UserError:
    """The error for batches that each have one type in a column, but not the same."""
    import pyarrow as pa

    for position, name in enumerate(tables[0].column_names):
        usual, rows = None, 0
        for table in tables:
            column = table.column(position)
            if usual is not None:
                try:
                    pa.concat_tables([usual, table.select([position])], promote_options="permissive")
                except pa.ArrowInvalid:
                    kinds = [str(each.schema.types[0]) for each in (usual, table.select([position]))]
                    return mixed(name, kinds, who, rows + 1 + column.is_valid().index(True).as_py())
            if column.null_count < len(column):
                usual = table.select([position])
            rows += len(column)
    raise AssertionError("some batches differ")


def _column(name: str, values: list[Any], who: str, before: int = 0) -> pa.Array:
    import pyarrow as pa

    kinds = set(map(type, values)) - {type(None)}
    try:
        if kinds == {int, float}:
            return _numbers(values)
        if kinds and not _fits_arrow(kinds):
            values = [None if value is None else _plain(value) for value in values]
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        first = next(type(value) for value in values if value is not None)
        rows = [n for n, value in enumerate(values, before + 1) if value is not None and type(value) is not first]
        names = [first.__name__, *sorted(kind.__name__ for kind in kinds - {first})]
        raise mixed(name, names, who, rows[0] if rows else None) from None


def _numbers(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    if any(type(value) is int and abs(value) > 2**53 for value in values):
        raise pa.ArrowInvalid("an int that no float can hold")
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _fits_arrow(kinds: set[type]) -> bool:
    import datetime
    import decimal

    known = {bool, int, float, str, bytes, datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
    return kinds <= known | {decimal.Decimal, list}


def _plain(value: Any) -> Any:
    import json
    import uuid

    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    if isinstance(value, dict):
        return json.dumps(value)
    return value


def mixed(what: str, found: Sequence[str], who: str, row: int | None = None) -> UserError:
    """The error for a column that has values of several types.

    Args:
        what: Which column.
        found: The types, that of the first values first.
        who: The connection.
        row: The first row, from 1 on, whose value is of another type.
    """
    where = "" if row is None else f"; row {row} of the result is the first that differs"
    return ValueMismatch(
        f"column {what!r} has no single type",
        who=who,
        why=f"it holds values of type {', '.join(found)}{where}",
        fix="cast it in the statement: cast(column as text)",
    )


def from_arrow(table: pa.Table) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of an Arrow table as Python values, in batches."""
    for batch in table.to_batches(max_chunksize=BATCH):
        columns = [column.to_pylist() for column in batch.columns]
        yield list(zip(*columns, strict=True)) if columns else [()] * batch.num_rows


def plain_table(table: pa.Table) -> pa.Table:
    """The same rows with dictionaries decoded, timestamps in microseconds, which most databases stop at, and instants in UTC.

    Raises:
        ValueMismatch: A timestamp has a fraction of a microsecond.
    """
    import pyarrow as pa

    fields = [pa.field(field.name, _plain_type(field.type)) for field in table.schema]
    if [field.type for field in fields] == table.schema.types:
        return table
    try:
        return table.cast(pa.schema(fields))
    except pa.ArrowInvalid as error:
        raise ValueMismatch(
            "the rows cannot be written as they are", why=str(error), fix="round or cast the column first"
        ) from None


def _plain_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        # PyMySQL drops the zone of a value, and the texts of SQLite shall sort as the instants do
        return pa.timestamp("us" if kind.unit == "ns" else kind.unit, "UTC" if kind.tz else None)
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    if pa.types.is_float16(kind):
        return pa.float32()
    if hasattr(pa.types, "is_string_view") and pa.types.is_string_view(kind):
        return pa.string()
    if hasattr(pa.types, "is_binary_view") and pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def joined_lists(table: pa.Table) -> pa.Table:
    """The same rows with lists of texts as texts, divided by line breaks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, found in enumerate(table.schema):
        if pa.types.is_list(found.type) and pa.types.is_string(found.type.value_type):
            table = table.set_column(index, found.name, pc.binary_join(table.column(index), "\n"))
    return table
