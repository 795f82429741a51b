"""Sets of row ordinals as Arrow arrays, so that gates need no numpy."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Any

from dovetail.quality._arrays import arrow_array, arrow_scalar, no_ordinals


def ordinals(rows: Any) -> Any:
    """Row ordinals (a sequence, a numpy array or an Arrow array) as an int64 Arrow array."""
    import pyarrow as pa

    if isinstance(rows, pa.ChunkedArray):
        rows = rows.combine_chunks()
    if not isinstance(rows, pa.Array):
        rows = pa.array(rows) if hasattr(rows, "__array__") else arrow_array(list(rows))
    if pa.types.is_null(rows.type):  # an empty list has no type
        return no_ordinals()
    if not pa.types.is_integer(rows.type):
        raise TypeError(f"row ordinals must be integers, not {rows.type}")
    return rows if rows.type == pa.int64() else rows.cast(pa.int64())


def strictly_ascending_below(rows: Any, count: int) -> bool:
    """True if the int64 Arrow array ascends strictly and lies in ``0 .. count - 1``."""
    import pyarrow.compute as pc

    if not len(rows):
        return True
    if rows.null_count or rows[0].as_py() < 0 or rows[-1].as_py() >= count:
        return False
    return len(rows) == 1 or bool(pc.all(pc.less(rows[:-1], rows[1:])).as_py())


def union(sets: Iterable[Any]) -> Any:
    """All ordinals that are in any of the ascending int64 arrays, once, ascending."""
    import pyarrow as pa

    found = [rows for rows in sets if len(rows)]
    if not found:
        return no_ordinals()
    if len(found) == 1:
        return found[0]
    distinct = pa.concat_arrays(found).unique()
    return distinct.sort()


def complement(rows: Any, count: int) -> Any:
    """The ordinals in ``0 .. count - 1`` that are not in ``rows``, ascending."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bits = pa.py_buffer(b"\xff" * ((count + 7) // 8))
    everything = pc.indices_nonzero(pa.Array.from_buffers(pa.bool_(), count, [None, bits])).cast(pa.int64())
    if not len(rows):
        return everything
    return everything.filter(pc.invert(pc.is_in(everything, value_set=rows)))


def between(rows: Any, low: int, high: int) -> Any:
    """The ordinals in ``low .. high - 1`` of an ascending int64 Arrow array."""
    first = bisect.bisect_left(rows, low, key=lambda row: row.as_py())
    last = bisect.bisect_left(rows, high, lo=first, key=lambda row: row.as_py())
    return rows.slice(first, last - first)


def as_sequence(rows: Any) -> Sequence[int]:
    """The form that transformers take: a numpy array where numpy is installed, else a list."""
    try:
        return rows.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    except ImportError:
        return rows.to_pylist()  # type: ignore[no-any-return]


def names_per_row(bad: Any, labelled: Sequence[tuple[str, Any]]) -> Any:
    """For each ordinal of ``bad`` the names of the checks that it failed, as a ``list<string>`` array.

    Args:
        bad: Ascending int64 ordinals.
        labelled: Check id and its ascending ordinals, all of them in ``bad``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.concat_arrays([r for _, r in labelled] or [no_ordinals()])
    names = pa.concat_arrays(
        [pa.repeat(arrow_scalar(name), len(r)) for name, r in labelled] or [pa.nulls(0, pa.string())]
    )
    order = pc.sort_indices(
        pa.table({"row": rows, "n": arrow_array(range(len(rows)))}), [("row", "ascending"), ("n", "ascending")]
    )
    counts = pc.value_counts(rows.take(order)).field("counts")  # first seen first, so in the order of ``bad``
    offsets = pa.concat_arrays([arrow_array([0]), pc.cumulative_sum(counts)]).cast(pa.int32())
    return pa.ListArray.from_arrays(offsets, names.take(order))
