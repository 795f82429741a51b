"""What is done with one cursor of ADBC's driver for PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dovetail_sql._arrow_types import as_bound
from dovetail_sql._contract import TableName

if TYPE_CHECKING:
    import pyarrow as pa

_FETCH = 100_000
"""Rows of a stream with parameters that are in memory at a time."""
_COLUMNS = (
    "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a join pg_class c on c.oid = a.attrelid "
    "join pg_namespace n on n.oid = c.relnamespace where n.nspname = coalesce($1, current_schema()) and c.relname = $2 "
    "and a.attnum > 0 and not a.attisdropped order by a.attnum"
)


def quote(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted(table: TableName) -> str:
    """A table with its schema, both in double quotes."""
    return f"{quote(table.schema)}.{quote(table.name)}" if table.schema else quote(table.name)


def close_quietly(opened: Any) -> None:
    if opened is not None:
        with suppress(Exception):  # it may be broken
            opened.close()


def use_copy(cursor: Any, wanted: bool) -> None:
    """Whether the driver wraps the statement in ``COPY``: faster, for what ``COPY`` takes, and without parameters only."""
    cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "true" if wanted else "false"})


def changed(cursor: Any, code: str, values: Sequence[Any]) -> int:
    """Run a statement; the rows that it changed."""
    use_copy(cursor, False)
    if values:
        cursor.executemany(code, as_bound(values))
        return max(int(cursor.rowcount), 0)
    cursor.adbc_statement.set_sql_query(code)
    return max(int(cursor.adbc_statement.execute_update()), 0)


def copied(cursor: Any, code: str) -> Iterator[pa.Table]:
    """Rows as the server sends them."""
    import pyarrow as pa

    cursor.execute(code)
    reader = cursor.fetch_record_batch()
    yield reader.schema.empty_table()
    for batch in reader:
        yield pa.Table.from_batches([batch])


def fetched(cursor: Any, code: str, values: Sequence[Any]) -> Iterator[pa.Table]:
    """Rows through a cursor of the server: with parameters the driver would hold all of them."""
    use_copy(cursor, False)
    cursor.execute("set local cursor_tuple_fraction = 1")  # all rows are wanted, not the first ones soon
    cursor.execute(f"declare _dovetail_cursor no scroll cursor for {code}", as_bound(values))
    while True:
        cursor.execute(f"fetch forward {_FETCH} from _dovetail_cursor")
        rows = cursor.fetch_arrow_table()
        yield rows
        if not rows.num_rows:
            return


def names_of(cursor: Any, code: str, *values: str | None) -> list[str]:
    cursor.execute(code, values)
    return [str(row[0]) for row in cursor.fetchall()]


def declared_types(cursor: Any, table: TableName) -> dict[str, str]:
    """Types of the columns of a table, as one declares them."""
    cursor.execute(_COLUMNS, (table.schema, table.name))
    return {str(name): str(kind) for name, kind in cursor.fetchall()}


def same_bytes(ours: str, declared: str) -> bool:
    """The bytes of our type are those of the declared one."""
    base = re.sub(r"\(.*?\)", "", declared).replace("character varying", "text")
    return re.sub(r"\(.*?\)", "", ours) == base


def enums_among(cursor: Any, oids: Sequence[int]) -> set[int]:
    """Which of these types are enums."""
    marks = ", ".join(str(int(oid)) for oid in oids)
    cursor.execute(f"select oid::int8 from pg_type where typtype = 'e' and oid in ({marks})")  # noqa: S608 - numbers
    return {int(row[0]) for row in cursor.fetchall()}
