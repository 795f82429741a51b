"""Keys that occur twice in a table that is larger than memory: looked for in parts between which no key is shared.

The values of one column of the key are cut into ranges of about the same number of rows, so equal keys are in one range; each
range is then looked at as a table of its own. Nothing is estimated: a bad cut costs memory, never a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail.quality._arrays import arrow_array, no_ordinals
from dovetail.quality.checks._check import Check
from dovetail.quality.checks._compute import ascends
from dovetail.quality.checks._engine import evaluate_check
from dovetail.quality.checks._found import values_of
from dovetail.spec import CheckOutcome
from dovetail.types.table_files import TableFile

PART_ROWS = 1 << 19
"""Rows of a part that is looked at at a time."""
HELD_BYTES = 48 << 20
"""Bytes of keys that are held at a time; what is more is read again."""
_SAMPLED = 256
"""Values by which a part is cut."""


def unique_in_parts(check: Check, file: TableFile) -> CheckOutcome:
    """What a check of uniqueness says of the table in a file."""
    names = list(dict.fromkeys(check.info.columns))
    parts = -(-file.num_rows // PART_ROWS)
    if parts < 2:
        return evaluate_check(check, file.read(names))
    survey = _Survey(parts)
    for piece in file.pieces(names):
        survey.add(piece)
    if survey.ascending:
        return CheckOutcome(check.info, "evaluated", file.num_rows, 0, no_ordinals(), 0)
    cuts = survey.cuts()
    if cuts is None:
        return evaluate_check(check, file.read(names))
    at_once = max(1, HELD_BYTES * parts // (survey.bytes + 8 * file.num_rows))
    groups = [range(first, min(first + at_once, len(cuts) + 2)) for first in range(0, len(cuts) + 2, at_once)]
    found = [_in_part(check, part) for group in groups for part in _parts(file, names, survey.column, cuts, group)]
    return _together(check, found)


class _Survey:
    """The first pass: is the key in order anyway, and if not, by which values is it cut into parts."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._samples: dict[str, list[Any]] = {}
        self._last: Any = None
        self.ascending = True
        self.bytes = 0
        self.column = ""

    def add(self, piece: Any) -> None:
        import pyarrow as pa

        self.bytes += piece.nbytes
        names = piece.column_names
        if self.ascending:
            column = piece.column(0)
            chunks = column.chunks if self._last is None else [*self._last.chunks, *column.chunks]
            joined = pa.chunked_array(chunks, column.type)
            self.ascending = len(names) == 1 and ascends(joined)
            self._last = column.slice(piece.num_rows - 1)
        step = max(1, piece.num_rows // _SAMPLED)
        thinned = piece.take(arrow_array(range(0, piece.num_rows, step), pa.int64()))
        for name in names:
            self._samples.setdefault(name, []).append(values_of(thinned, name))

    def cuts(self) -> list[Any] | None:
        """Values (Arrow scalars, ascending) between the parts, of the column with most of them; None: no column can be cut."""
        import pyarrow as pa

        best: list[Any] | None = None
        for name, chunks in self._samples.items():
            try:
                values = pa.chunked_array([c for each in chunks for c in each.chunks]).drop_null()
                ordered = values.combine_chunks().sort()
                places = sorted({len(ordered) * n // self._parts for n in range(1, self._parts)})
                found = list(ordered.take(arrow_array(places, pa.int64())).unique()) if len(ordered) else []
            except pa.ArrowException:  # a type that has no order
                continue
            if best is None or len(found) > len(best):
                best, self.column = found, name
        return best


def _parts(file: TableFile, names: list[str], column: str, cuts: list[Any], group: range) -> Iterator[tuple[Any, Any]]:
    """The rows of these parts and their ordinals: those below the first cut, ..., above the last, those without a value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held: dict[int, list[tuple[Any, Any]]] = {part: [] for part in group}
    start = 0
    for piece in file.pieces(names):
        ordinals = arrow_ordinals(start, piece.num_rows)
        values = values_of(piece, column)
        before = pc.less(values, cuts[group[0] - 1]) if 0 < group[0] <= len(cuts) else None
        for part in group:
            if part <= len(cuts):
                below = pc.less(values, cuts[part]) if part < len(cuts) else values.is_valid()
                mask = below if before is None else pc.and_not(below, before)
                before = below
            else:
                mask = values.is_null()
            rows = piece.filter(mask)
            if rows.num_rows:
                held[part].append((rows, pc.filter(ordinals, mask)))
        start += piece.num_rows
    for part in group:
        found = held.pop(part)
        if found:
            yield pa.concat_tables([rows for rows, _ in found]), _joined([where for _, where in found])


def _joined(arrays: list[Any]) -> Any:
    import pyarrow as pa

    flat = [c for each in arrays for c in (each.chunks if isinstance(each, pa.ChunkedArray) else [each])]
    return pa.concat_arrays(flat)


def arrow_ordinals(start: int, count: int) -> Any:
    """``start`` .. ``start + count - 1`` as an int64 Arrow array."""
    import array

    import pyarrow as pa

    return pa.Array.from_buffers(
        pa.int64(), count, [None, pa.py_buffer(array.array("q", range(start, start + count)).tobytes())]
    )


def _in_part(check: Check, part: tuple[Any, Any]) -> CheckOutcome:
    rows, ordinals = part
    told = evaluate_check(check, rows)
    if told.status == "evaluated":
        told.failed_rows = ordinals.take(told.failed_rows)
    return told


def _together(check: Check, found: list[CheckOutcome]) -> CheckOutcome:
    import pyarrow as pa

    for told in found:
        if told.status != "evaluated":
            return told
    rows = pa.concat_arrays([*(told.failed_rows for told in found if told.n_failed), no_ordinals()]).sort()
    keys = sum(told.n_keys or 0 for told in found)
    evaluated = sum(told.n_evaluated for told in found)
    return CheckOutcome(check.info, "evaluated", evaluated, len(rows), rows, keys)
