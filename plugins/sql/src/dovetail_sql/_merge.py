"""Merging rows into a table by keys: rows whose keys are there are updated, the others are added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from dovetail.errors import ValueMismatch

from dovetail_sql._contract import TableName

if TYPE_CHECKING:
    import pyarrow as pa


def check_keys(table: TableName, rows: pa.Table, keys: Sequence[str]) -> None:
    """Raises ValueMismatch unless every row has its own keys, none of them null."""
    import pyarrow.compute as pc

    who = f"rows for table {str(table)!r}"
    spelt = {name.casefold(): name for name in rows.column_names}
    keys = [key if key in rows.column_names else spelt.get(key.casefold(), key) for key in keys]
    for key in keys:
        if key not in rows.column_names:
            raise ValueMismatch(
                f"the rows have no column {key!r}, which is a key", who=who, fix="add it, or name other keys"
            )
        if rows.column(key).null_count:
            raise ValueMismatch(
                f"the key {key!r} is null in {rows.column(key).null_count} rows",
                who=who,
                why="null equals nothing, so such a row would be added again by every merge",
                fix="fill it in, or filter such rows out",
            )
    counts = rows.select(keys).group_by(keys).aggregate([([], "count_all")])
    if counts.num_rows < rows.num_rows:
        twice = pc.sum(pc.greater(counts.column("count_all"), 1)).as_py()
        raise ValueMismatch(
            f"{twice} keys stand in more than one row",
            who=who,
            why="which of the rows should win is not told",
            fix=f"keep one row for each {', '.join(keys)} before the merge",
        )


def merge_statements(
    target: str,
    stage: str,
    columns: Mapping[str, str],
    keys: Sequence[str],
    *,
    quote: Callable[[str], str],
    update_join: bool = False,
) -> list[str]:
    """The statements of a merge, to be run in one transaction.

    Args:
        target: The table, quoted.
        stage: What holds the new rows, quoted.
        columns: Column -> expression for its new value, over ``s``.
        keys: Columns that tell rows apart.
        quote: Quotes an identifier.
        update_join: The dialect joins in ``update`` (MariaDB, MySQL) rather than taking ``from``.
    """
    same = " and ".join(f"{target}.{quote(key)} = {columns[key]}" for key in keys)
    changes = [name for name in columns if name not in keys]
    statements = []
    if changes and update_join:
        values = ", ".join(f"{target}.{quote(name)} = {columns[name]}" for name in changes)
        statements.append(f"update {target} join {stage} as s on {same} set {values}")  # noqa: S608 - as below
    elif changes:
        values = ", ".join(f"{quote(name)} = {columns[name]}" for name in changes)
        statements.append(f"update {target} set {values} from {stage} as s where {same}")  # noqa: S608 - identifiers, quoted
    there = " and ".join(f"o.{quote(key)} = {columns[key]}" for key in keys)
    statements.append(
        f"insert into {target} ({', '.join(map(quote, columns))}) select {', '.join(columns.values())} "  # noqa: S608
        f"from {stage} as s where not exists (select 1 from {target} as o where {there})"
    )
    return statements
