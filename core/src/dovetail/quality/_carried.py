"""Outcomes as an Arrow table: how they come back from where a suite was evaluated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from dovetail.spec import CheckInfo, CheckOutcome

_TOLD = ("status", "n_evaluated", "n_failed", "n_keys", "observed", "message", "duration_ms")


def outcomes_to_arrow(outcomes: Sequence[CheckOutcome]) -> pa.Table:
    """A row for each outcome: what is told of it, as JSON, and the ordinals of its rows."""
    told = [
        json.dumps({**{name: getattr(each, name) for name in _TOLD}, "check": asdict(each.check)}, default=repr)
        for each in outcomes
    ]
    rows = [None if each.failed_rows is None else _ordinals(each.failed_rows) for each in outcomes]
    return pa.table({"outcome": pa.array(told, pa.string()), "rows": pa.array(rows, pa.list_(pa.int64()))})


def outcomes_from_arrow(table: pa.Table) -> list[CheckOutcome]:
    """The outcomes that :func:`outcomes_to_arrow` made a table of."""
    found = []
    for told, rows in zip(table["outcome"], table["rows"], strict=True):
        fields = json.loads(told.as_py())
        check = fields.pop("check")
        info = CheckInfo(**{**check, "columns": tuple(check["columns"])})
        found.append(CheckOutcome(info, failed_rows=rows.values if rows.is_valid else None, **fields))
    return found


def _ordinals(rows: Any) -> Any:
    """As what Arrow takes for a list of ints."""
    return rows.to_numpy() if hasattr(rows, "to_numpy") else rows
