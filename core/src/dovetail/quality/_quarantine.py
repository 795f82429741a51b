"""The table of rows that were set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dovetail.quality import _rows

COLUMNS = ("_dv_checks", "_dv_run", "_dv_row", "_dv_at")


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
    import pyarrow as pa

    names = list(original.column_names)
    taken = set(names)
    for position, name in enumerate(names):
        while name in COLUMNS or (name != names[position] and name in taken):
            name += "_in"
        names[position] = name
    count = len(bad)
    table = original.rename_columns(names)
    moment = pa.scalar(at, pa.timestamp("us", tz="UTC"))
    extra = (
        _rows.names_per_row(bad, labelled),
        pa.repeat(pa.scalar(run_id, pa.string()), count),
        bad,
        pa.repeat(moment, count),
    )
    for name, column in zip(COLUMNS, extra, strict=True):
        table = table.append_column(name, column)
    return table


def original_rows(table: Any) -> Any:
    """The rows of a quarantine, or those that somebody made of it, without our columns and under their own names.

    Args:
        table: A ``pyarrow.Table`` with some of the columns that :func:`quarantine_table` adds.
    """
    rows = table.drop_columns([name for name in COLUMNS if name in table.column_names])
    back = {f"{name}_in": name for name in COLUMNS}
    return rows.rename_columns([back.get(name, name) for name in rows.column_names])
