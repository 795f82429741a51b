"""Rows in are rows out: clean + quarantined + dropped + refused, on 10,000 random tables, whatever the gate does with them."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from dovetail.quality import Gate, GateResult
from dovetail.quality.checks import (
    Check,
    compare,
    custom,
    expression,
    foreign_key,
    in_range,
    in_set,
    length,
    matches,
    mean_between,
    monotonic,
    not_null,
    row_count,
    unique,
)
from dovetail.types import current_types

TABLES = 10_000
BATCHES = 20
"""Each has a seed of its own, so that one that fails is found again."""

KNOWN = pa.table({"n": [0, 1, 2]})
CHECKS: list[Check] = [
    not_null("n"),
    not_null("f", severity="warning"),
    unique("n"),
    unique("n", "t", nulls="fail"),
    in_range("f", -1, 1, nulls="fail"),
    in_range("n", 0, 2),
    in_set("t", ["a", "b"]),
    matches("t", "[ab]+"),
    length("t", 1, 1),
    compare("n", "<=", "f"),
    expression("n >= 0 or t == 'a'"),
    monotonic("n"),
    foreign_key("n", KNOWN),
    custom(lambda table: [value != 1 for value in table["n"].to_pylist()], "n", name="mine"),
    row_count(0, 8),
    mean_between("n", -2, 2),
    not_null("missing"),
]
WEIGHTS = [4] * 14 + [2, 2, 1]


def random_table(chance: random.Random) -> pa.Table:
    """A table of up to 12 rows with nulls, NaN and doubles, in up to 4 chunks."""
    rows = chance.choice((0, 1, 2, 5, 12))
    table = pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "n": pa.array([chance.choice((None, -1, 0, 1, 2, 3)) for _ in range(rows)], pa.int64()),
            "f": pa.array(
                [chance.choice((None, float("nan"), -2.0, 0.0, 0.5, 1.0)) for _ in range(rows)], pa.float64()
            ),
            "t": pa.array([chance.choice((None, "", "a", "b", "ab", "ä")) for _ in range(rows)], pa.string()),
        }
    )
    cuts = sorted(chance.randrange(rows + 1) for _ in range(chance.randrange(4)))
    return pa.concat_tables([table.slice(low, high - low) for low, high in zip([0, *cuts], [*cuts, rows], strict=True)])


def random_gate(chance: random.Random) -> Gate:
    """Any action, any limits."""
    checks = list(dict.fromkeys(map(CHECKS.index, chance.choices(CHECKS, WEIGHTS, k=chance.randint(1, 4)))))
    return Gate(
        [CHECKS[number] for number in checks],
        on_fail=chance.choice(("block", "warn", "drop", "drop", "quarantine", "quarantine")),
        max_quarantined=chance.choice((0, 3, "5%", "50%", "100%", "100%")),
        warn=chance.choice((0, 0, 1, "50%")),
        fail=chance.choice((0, 0, 1, "30%")),
        min_rows=chance.choice((0, 0, 1, 5)),
    )


def check_conserved(table: pa.Table, gate: Gate, result: GateResult, written: list[Any]) -> None:
    """Every row is in exactly one place, where its ordinal says."""
    report = result.report
    assert report.rows_in == table.num_rows
    assert report.rows_in == report.rows_clean + report.rows_quarantined + report.rows_dropped + report.rows_blocked
    if report.blocked:
        assert result.value is None
        assert (report.rows_clean, report.rows_blocked) == (0, table.num_rows)
        return
    clean = result.value["id"].to_pylist()
    taken = [] if result.removed is None else result.removed.to_pylist()
    assert report.rows_clean == len(clean)
    assert sorted(clean + taken) == list(range(table.num_rows))
    assert clean == sorted(clean)
    assert report.rows_quarantined + report.rows_dropped == len(taken)
    assert result.value.schema == table.schema
    if gate.policy.on_fail == "quarantine" and taken:
        (aside,) = written
        assert aside["_dv_row"].to_pylist() == aside["id"].to_pylist() == taken
        assert all(aside["_dv_checks"].to_pylist())
        assert report.rows_quarantined == len(taken)
    else:
        assert not written


@pytest.mark.parametrize("seed", range(BATCHES))
def test_every_row_is_in_exactly_one_place(seed: int) -> None:
    chance, types = random.Random(seed), current_types()
    for number in range(TABLES // BATCHES):
        table, gate, written = random_table(chance), random_gate(chance), []
        result = gate.evaluate(table, types=types, quarantine=lambda rows, meta, to=written: to.append(rows))
        try:
            check_conserved(table, gate, result, [] if result.report.blocked else written)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, table {number}: {gate.policy} on {table.to_pylist()}") from error


def test_the_tables_met_everything_that_a_gate_can_do() -> None:
    """Made of the first batches alone, so that it holds in any order of tests."""
    seen: Counter[str] = Counter()
    chance, types = random.Random(0), current_types()
    for _ in range(500):
        gate = random_gate(chance)
        seen[f"{gate.policy.on_fail}: {gate.evaluate(random_table(chance), types=types).report.decision}"] += 1
    for action in ("block", "warn", "drop", "quarantine"):
        for decision in ("publish", "publish_with_warnings", "block"):
            assert seen[f"{action}: {decision}"] >= 5, (action, decision, seen)
    assert min(seen["drop: publish_clean_quarantine_rest"], seen["quarantine: publish_clean_quarantine_rest"]) >= 20
