"""What DuckDB and Arrow cannot carry for each other: refused by column, never changed without a word."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t
from dovetail.errors import ValueMismatch
from dovetail.types.arrow import check_columns, check_losses, lost_categories, lost_zone

if TYPE_CHECKING:
    import duckdb

_FAITHFUL = frozenset(
    (
        *("boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
        *("float", "double", "decimal", "varchar", "blob", "uuid", "enum", "null"),
        *("date", "time", "time_ns", "interval", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"),
        *("timestamp with time zone", "timestamptz_ns"),
        *("list", "array", "struct", "tuple", "map", "union"),
    )
)
"""Kinds of DuckDB type that keep their values in Arrow."""

_EXTENSIONS = frozenset(("arrow.uuid", "arrow.json", "arrow.bool8"))
"""Extension types of Arrow that DuckDB understands."""
_MOST_CATEGORIES = 10_000
"""Categories that stand in the type of a column: each plan holds them as SQL."""
_HUGE = frozenset(("hugeint", "uhugeint"))
_INFINITE_DAYS = 2**31 - 1
_INFINITE_MOMENTS = 2**63 - 1


def check_arrow(schema: pa.Schema, kept: Collection[str] = ()) -> None:
    """Refuse columns that DuckDB would change.

    Args:
        schema: The columns.
        kept: Columns of categories that become an ENUM, and so stay what they are.

    Raises:
        ValueMismatch: There is no column, two names differ by case only, or a column holds durations, or values of an
            extension type that DuckDB would take for what they are stored as.
        ConversionError: A column has a zone, or categories that become plain values, and losing that is not allowed.
    """
    names = schema.names
    check_columns(names, "the Arrow table")
    if not names:
        raise ValueMismatch(
            "DuckDB has no table without columns",
            fix="keep at least one column, or take the table as pyarrow.Table",
        )
    for field in schema:
        for kind in _arrow_kinds(field.type):
            if isinstance(kind, pa.BaseExtensionType) and kind.extension_name not in _EXTENSIONS:
                raise ValueMismatch(
                    f"the column {field.name!r} holds values of the type {kind.extension_name}, which DuckDB does not have",
                    why=f"it would take them for the {kind.storage_type} that they are stored as",
                    fix="cast it to that, or to text, or drop it",
                )
        if any(t.is_duration(kind) for kind in _arrow_kinds(field.type)):
            raise ValueMismatch(
                f"the column {field.name!r} holds durations ({field.type}), which DuckDB has no type for",
                why="it would make intervals of them, which other libraries do not take back",
                fix=f"give it as a number: table.column({field.name!r}).cast('int64')",
            )
    check_losses(
        schema, "duckdb.DuckDBPyRelation", lost_zone, "cast it to UTC, or keep its zone in a column of its own,"
    )
    plain = pa.schema([field for field in schema if field.name not in kept])
    check_losses(plain, "duckdb.DuckDBPyRelation", lost_categories, "cast it to the type of its values")


def enums(table: pa.Table) -> dict[str, str]:
    """The ENUM type in SQL, of each column of categories of text; of those that are too many there is none."""
    found = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if not (t.is_dictionary(field.type) and t.is_string(field.type.value_type)):
            continue
        parts = [chunk.dictionary for chunk in column.unify_dictionaries().chunks[:1]]
        texts = pc.unique(parts[0]).drop_null().to_pylist() if parts and len(parts[0]) <= _MOST_CATEGORIES else []
        none = not parts or not len(parts[0])
        if (texts or none) and not any("\0" in text for text in texts):
            found[field.name] = f"enum({', '.join(map(_literal, texts or ['']))})"  # DuckDB wants one at least
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def check_names(given: list[str], found: list[str]) -> None:
    """Refuse names that DuckDB has changed: it does not tell ``a`` from ``A``, and cuts at a zero byte.

    Raises:
        ValueMismatch: A name is another one now.
    """
    for before, after in zip(given, found, strict=True):
        if before != after:
            raise ValueMismatch(
                f"DuckDB would call the column {before!r} {after!r}",
                why="its names are neither empty nor cut by a zero byte, and upper and lower case are the same to it",
                fix="rename the column",
            )


def _arrow_kinds(kind: pa.DataType) -> Iterator[pa.DataType]:
    """A type and all below it."""
    yield kind
    if t.is_dictionary(kind):
        yield from _arrow_kinds(kind.value_type)
    for position in range(kind.num_fields):
        yield from _arrow_kinds(kind.field(position).type)


def plain_columns(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation, with integers of 128 bits as decimals of 38 digits: beyond those the query fails, with a reason.

    Raises:
        ValueMismatch: A name occurs twice, or a column has a type that Arrow does not carry.
    """
    check_columns(relation.columns, "the DuckDB relation")
    columns, changed = [], False
    for name, kind in zip(relation.columns, relation.types, strict=True):
        quoted = quote(name)
        if str(kind.id) in _HUGE:
            quoted, changed = f"cast({quoted} as decimal(38, 0)) as {quoted}", True
        else:
            _refuse_kind(name, kind)
        columns.append(quoted)
    return relation.project(", ".join(columns)) if changed else relation


def _refuse_kind(name: str, kind: Any) -> None:
    for inner in _duckdb_kinds(kind):
        label = str(inner.id)
        if label not in _FAITHFUL:
            raise ValueMismatch(
                f"the DuckDB column {name!r} has the type {kind}, which Arrow does not carry",
                why=f"{label} has no counterpart with the same values",
                fix=f"cast it in the query, for example {quote(name)}::varchar",
            )


def _duckdb_kinds(kind: Any) -> Iterator[Any]:
    yield kind
    if str(kind.id) in ("list", "array", "struct", "tuple", "map", "union"):
        for _, child in kind.children:
            if hasattr(child, "id"):  # an array also gives its length
                yield from _duckdb_kinds(child)


def plain_table(table: pa.Table) -> pa.Table:
    """What came out of DuckDB: moments in UTC, whatever zone the connection shows them in.

    Raises:
        ValueMismatch: A date or moment is infinite.
    """
    for position, field in enumerate(table.schema):
        column = table.column(position)
        _refuse_infinite(field.name, column)
        kind = in_utc(field.type)
        if kind != field.type:
            table = table.set_column(position, field.with_type(kind), column.cast(kind))
    return table


def in_utc(kind: pa.DataType) -> pa.DataType:
    """The type with every zone as ``UTC``: DuckDB keeps moments, and shows them in the zone of the connection."""
    if t.is_timestamp(kind):
        return pa.timestamp(kind.unit, "UTC") if kind.tz is not None else kind
    if t.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(in_utc(kind.value_type)), kind.list_size)
    if t.is_list(kind):
        return pa.list_(kind.value_field.with_type(in_utc(kind.value_type)))
    if t.is_map(kind):
        return pa.map_(in_utc(kind.key_type), in_utc(kind.item_type))
    if t.is_struct(kind):
        return pa.struct([kind.field(i).with_type(in_utc(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind


def _refuse_infinite(name: str, column: pa.ChunkedArray) -> None:
    if t.is_date32(column.type):
        numbers, limit = column.cast(pa.int32()), _INFINITE_DAYS
    elif t.is_timestamp(column.type):
        numbers, limit = column.cast(pa.int64()), _INFINITE_MOMENTS
    else:
        return
    ends = pc.min_max(numbers).as_py()
    if limit in (ends["max"], -(ends["min"] or 0)):
        raise ValueMismatch(
            f"the DuckDB column {name!r} holds infinite dates",
            why="outside of DuckDB they would be taken for some day",
            fix=f"replace them in the query, for example: case when isfinite({quote(name)}) then {quote(name)} end",
        )


def quote(name: str) -> str:
    """A column name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
