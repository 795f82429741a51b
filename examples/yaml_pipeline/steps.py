"""The functions that daily.yaml connects: plain, typed, and without a word of dovetail."""

from __future__ import annotations

import pyarrow as pa

DELAYS = {"AA": [5, 9, None], "UA": [-3, 8000, 1], "WN": [10 * 60 + 1, 20, 20]}


def flights(month: int) -> pa.Table:
    rows = [(carrier, delay) for carrier, delays in DELAYS.items() for delay in delays]
    return pa.table({"carrier": [c for c, _ in rows], "delay": [None if d is None else d + month - 1 for _, d in rows]})


def words(means: pa.Table) -> list[str]:
    return [f"{row['carrier']} {row['mean']:+.1f}" for row in means.to_pylist()]


def length(text: str) -> int:
    return len(text)
