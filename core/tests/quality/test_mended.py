"""Rows that were set aside and mended: what passes and what does not is all there is, and what passes fits the rest."""

from __future__ import annotations

from typing import Any

import dovetail as dt
import pyarrow as pa
from dovetail.quality import read_mended
from dovetail.quality.checks import in_range, unique
from dovetail.types import current_types
from hypothesis import given, settings
from hypothesis import strategies as st

GATE = dt.Gate([unique("id"), in_range("x", 0, 9)], on_fail="quarantine", max_quarantined="100%", min_rows=0)
ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(-3, 12)), max_size=14)


def table(rows: list[tuple[int, int]]) -> pa.Table:
    return pa.table({"id": pa.array([i for i, _ in rows], pa.int64()), "x": pa.array([x for _, x in rows], pa.int64())})


def evaluate(rows: Any) -> Any:
    return GATE.evaluate(rows, types=current_types(), run_id="r")


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_no_row_is_lost_or_doubled_and_what_passes_fits_in(rows: list[tuple[int, int]], data: Any) -> None:
    found = evaluate(table(rows))
    if found.quarantined is None:
        return
    aside = found.quarantined
    count = data.draw(st.integers(0, aside.num_rows))
    picked = data.draw(st.permutations(range(aside.num_rows)))[:count]
    values = data.draw(st.lists(st.tuples(st.integers(0, 20), st.integers(-1, 9)), min_size=count, max_size=count))
    ordinals = aside["_dv_row"].take(pa.array(picked, pa.int64()))
    mended = read_mended(aside, table(values).append_column("_dv_row", ordinals))
    good, bad = mended.sift(GATE, found.value, current_types())
    left = [] if bad is None else bad["_dv_row"].to_pylist()
    assert sorted([*good.ordinals.to_pylist(), *left]) == sorted(ordinals.to_pylist())
    by_row = dict(zip(ordinals.to_pylist(), values, strict=True))
    for shown in (good.told(), bad):
        for row in [] if shown is None else shown.to_pylist():
            assert (row["id"], row["x"]) == by_row[row["_dv_row"]]
    whole = good.joined(found.value)
    assert whole.num_rows == found.value.num_rows + good.rows.num_rows
    assert evaluate(whole).report.rows_failed == 0
    assert all(checks for checks in ([] if bad is None else bad["_dv_checks"].to_pylist()))


def test_columns_that_were_called_like_ours_get_their_names_back() -> None:
    named = (
        table([(1, 1), (1, 99)])
        .append_column("_dv_row", pa.array(["a", "b"]))
        .append_column("_dv_at", pa.array([1, 2]))
    )
    aside = evaluate(named).quarantined
    mended = read_mended(aside, aside)
    assert mended.rows.equals(named)
    assert mended.ordinals.to_pylist() == [0, 1]
