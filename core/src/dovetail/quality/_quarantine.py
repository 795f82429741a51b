"""The table of rows that were set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any

from dovetail.quality import _rows
from dovetail.quality._in_memory import InMemory
from dovetail.quality._on_disk import OnDisk
from dovetail.types.table_files import plain_schema, value_in, write_table_file

COLUMNS = ("_dv_checks", "_dv_run", "_dv_row", "_dv_at")
_HELD = 64 << 20
"""Bytes of failing rows that are held in memory."""


def quarantine_table(
    original: Any, bad: Any, labelled: Sequence[tuple[str, Any]], run_id: str | None, at: datetime
) -> Any:
    """The original columns, unchanged, and why, where and when each row was set aside.

    Args:
        original: The failing rows as ``pyarrow.Table``.
        bad: Their ordinals in the gate's input, ascending int64.
        labelled: Check id and ordinals of each check.
        run_id: The run, or None.
        at: When the evaluation began, UTC.

    Returns:
        ``original`` plus ``_dv_checks`` (list<string>), ``_dv_run`` (string), ``_dv_row`` (int64) and ``_dv_at``
        (timestamp, UTC). Columns that had these names, as in rows that were quarantined before, get the suffix ``_in``.
    """
    names = list(original.column_names)
    taken = set(names)
    for position, name in enumerate(names):
        while name in COLUMNS or (name != names[position] and name in taken):
            name += "_in"
        names[position] = name
    table = original.rename_columns(names)
    for name, column in zip(COLUMNS, _labels(bad, labelled, run_id, at), strict=True):
        table = table.append_column(name, column)
    return table


def label_table(labelled: Sequence[tuple[str, Any]], run_id: str | None, at: datetime) -> Any:
    """Why, where and when each row failed: the columns that :func:`quarantine_table` adds, alone. None if none did.

    Args:
        labelled: Check id and ordinals of each check.
        run_id: The run, or None.
        at: When the evaluation began, UTC.
    """
    import pyarrow as pa

    some = [(name, rows) for name, rows in labelled if len(rows)]
    bad = _rows.union(rows for _, rows in some)
    return pa.table(list(_labels(bad, some, run_id, at)), names=list(COLUMNS)) if len(bad) else None


def _labels(bad: Any, labelled: Sequence[tuple[str, Any]], run_id: str | None, at: datetime) -> tuple[Any, ...]:
    import pyarrow as pa

    return (
        _rows.names_per_row(bad, labelled),
        pa.repeat(pa.scalar(run_id, pa.string()), len(bad)),
        bad,
        pa.repeat(pa.scalar(at, pa.timestamp("us", tz="UTC")), len(bad)),
    )


def quarantined_rows(
    table: InMemory | OnDisk, bad: Any, labelled: Sequence[tuple[str, Any]], run_id: str | None, at: datetime
) -> tuple[Any, int]:
    """The failing rows as :func:`quarantine_table` labels them, and how many they are.

    Returns:
        A ``pyarrow.Table``; a ``pyarrow.RecordBatchReader`` of a file where that would be large.
    """
    try:
        return _held_or_filed(table, _labelled_pieces(table, bad, labelled, run_id, at))
    except _MoreThanFailed as error:
        return None, error.rows


def _held_or_filed(table: InMemory | OnDisk, pieces: Iterator[Any]) -> tuple[Any, int]:
    import pyarrow as pa

    held: list[Any] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += piece.nbytes
        if size > _HELD and isinstance(table, OnDisk):
            with suppress(NotImplementedError):  # no file holds these columns
                batches = (batch for each in chain(held, pieces) for batch in each.to_batches())
                file = write_table_file(plain_schema(piece.schema), batches, table.place)
                return value_in(table.types, file, "pyarrow.RecordBatchReader"), file.num_rows
    if not held:
        return None, 0
    whole = held[0] if len(held) == 1 else pa.concat_tables(held)
    return whole, whole.num_rows


class _MoreThanFailed(Exception):
    """A transformer gives more rows than it was asked for."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


def _labelled_pieces(
    table: InMemory | OnDisk, bad: Any, labelled: Sequence[tuple[str, Any]], run_id: str | None, at: datetime
) -> Iterator[Any]:
    start = 0
    for original in table.failing(bad):
        here = bad.slice(start, original.num_rows)
        start += original.num_rows
        if len(here) < original.num_rows:
            raise _MoreThanFailed(start)
        if not original.num_rows:
            continue
        first, last = here[0].as_py(), here[-1].as_py()
        yield quarantine_table(
            original, here, [(name, _rows.between(rows, first, last + 1)) for name, rows in labelled], run_id, at
        )


def original_rows(table: Any) -> Any:
    """The rows of a quarantine, or those that somebody made of it, without our columns and under their own names.

    Args:
        table: A ``pyarrow.Table`` with some of the columns that :func:`quarantine_table` adds.
    """
    rows = table.drop_columns([name for name in COLUMNS if name in table.column_names])
    back = {f"{name}_in": name for name in COLUMNS}
    return rows.rename_columns([back.get(name, name) for name in rows.column_names])
