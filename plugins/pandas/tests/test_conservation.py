"""Rows in are rows out: clean + quarantined + dropped + refused, on 1,000 random frames of each kind."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest
from dovetail.quality import Gate
from dovetail.quality.checks import compare, custom, expression, in_range, in_set, matches, monotonic, not_null, unique
from dovetail.types import current_types

CHECKS = [
    not_null("n"),
    unique("n", "t", nulls="fail"),
    in_range("f", -1, 1),
    in_set("t", ["a", "b"]),
    matches("t", "[ab]+"),
    compare("n", "<=", "f"),
    expression("n >= 0 or t == 'a'"),
    monotonic("n"),
    custom(lambda table: [value != 1 for value in table["n"].to_pylist()], "n", name="mine"),
]


def random_columns(chance: random.Random) -> dict[str, list[Any]]:
    rows = chance.choice((0, 1, 2, 5, 12))
    return {
        "id": list(range(rows)),
        "n": [chance.choice((None, -1, 0, 1, 2, 3)) for _ in range(rows)],
        "f": [chance.choice((None, float("nan"), -2.0, 0.0, 0.5, 1.0)) for _ in range(rows)],
        "t": [chance.choice((None, "", "a", "b", "ab", "ä")) for _ in range(rows)],
    }


TYPES = {"id": "int64", "n": "Int64", "f": "float64", "t": "string"}
FRAMES = [
    lambda columns: pd.DataFrame({name: pd.array(values, TYPES[name]) for name, values in columns.items()}),
    # An index that repeats itself, so that rows are told apart by where they stand alone.
    lambda columns: pd.DataFrame(
        {name: pd.array(values, TYPES[name]) for name, values in columns.items()},
    ).set_axis([value % 2 for value in columns["id"]]),
]


def ids(frame: Any) -> list[int]:
    found: list[int] = frame["id"].tolist()
    return found


def random_gate(chance: random.Random) -> Gate:
    return Gate(
        chance.sample(CHECKS, k=chance.randint(1, 4)),
        on_fail=chance.choice(("block", "warn", "drop", "drop", "quarantine", "quarantine")),
        max_quarantined=chance.choice((0, 3, "50%", "100%", "100%")),
        fail=chance.choice((0, 0, 1, "30%")),
        min_rows=chance.choice((0, 0, 1, 5)),
    )


@pytest.mark.parametrize("make", FRAMES)
def test_every_row_is_in_exactly_one_place(make: Any) -> None:
    chance, types, taken_away = random.Random(7), current_types(), 0
    for number in range(1000):
        columns, gate = random_columns(chance), random_gate(chance)
        rows, aside = len(columns["id"]), []  # type: int, list[Any]
        frame = make(columns)
        result = gate.evaluate(frame, types=types, quarantine=lambda table, meta, to=aside: to.append(table))  # type: ignore[misc]
        report, where = result.report, f"frame {number}: {gate.policy} on {columns}"
        assert report.rows_in == rows, where
        assert rows == report.rows_clean + report.rows_quarantined + report.rows_dropped + report.rows_blocked, where
        if report.blocked:
            assert result.value is None, where
            continue
        assert type(result.value) is type(frame), where
        clean = ids(result.value)
        taken = [] if result.removed is None else result.removed.to_pylist()
        assert sorted(clean + taken) == list(range(rows)), where
        assert clean == sorted(clean), where
        if gate.policy.on_fail == "quarantine" and taken:
            assert aside[0]["id"].to_pylist() == aside[0]["_dv_row"].to_pylist() == taken, where
        taken_away += bool(taken)
    assert taken_away > 100
