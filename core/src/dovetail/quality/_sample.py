"""A few failing rows for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dovetail.config import redact
from dovetail.errors import shorten
from dovetail.quality import _rows
from dovetail.quality._in_memory import InMemory
from dovetail.quality._on_disk import OnDisk
from dovetail.quality._outcomes import Judged
from dovetail.quality._profile import ColumnProfile, Profiler

if TYPE_CHECKING:
    from dovetail.quality._gate import Gate

LIMIT = 20
WIDTH = 60
MAX_COLUMNS = 8


def add_samples(gate: Gate, judged: Sequence[Judged], table: InMemory | OnDisk) -> None:
    """Give every failing row-scoped check at most 20 of its rows: ordinal, key columns, and the values it looked at."""
    wanted = [(j, j.rows.slice(0, LIMIT)) for j in judged if len(j.rows)]
    if not wanted:
        return
    rows = _rows.union(r for _, r in wanted)
    columns = {*gate.keys, *(name for j, _ in wanted for name in j.report.columns)}
    try:
        shown = table.shown(rows, tuple(columns))
    except Exception:  # values that Arrow cannot hold: a report without them is better than none
        shown = None
    place = {row: position for position, row in enumerate(rows.to_pylist())}
    for j, sample in wanted:
        own = j.report.columns if gate.sample_values else []
        there = shown.column_names if shown is not None else []
        names = [name for name in dict.fromkeys((*gate.keys, *own)) if there.count(name) == 1][:MAX_COLUMNS]
        j.report.sample = [
            {"row": row, "values": {name: _cell(shown.column(name)[place[row]]) for name in names}}
            for row in sample.to_pylist()
        ]


def profile_of(gate: Gate, table: InMemory | OnDisk) -> list[ColumnProfile] | None:
    """What stands in each column; None where the gate does not ask, or Arrow cannot hold the values."""
    if not gate.profile:
        return None
    profiler: Profiler | None = None
    try:
        for piece in table.pieces():
            profiler = profiler or Profiler(piece.schema, values=gate.sample_values)
            profiler.add(piece)
    except Exception:  # as above
        return None
    return None if profiler is None else profiler.result()


def _cell(scalar: Any) -> str:
    from dovetail.types.arrow import scalar_value

    value = scalar_value(scalar)
    text = value if isinstance(value, str) else "null" if value is None else shorten(value, WIDTH)
    text = redact(text)
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
