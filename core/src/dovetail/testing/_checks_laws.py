"""What is asked of every outcome, and of a large table."""

from __future__ import annotations

from typing import Any

from dovetail.spec import CheckInfo, CheckOutcome
from dovetail.testing._base import fail
from dovetail.testing._truth import Expect, TruthCheck
from dovetail.testing._truth_rules import RULES

LARGE = 200_000
"""Rows of the large table."""
_STEP = 1_000


def verify_outcome(outcome: Any, rows: int, what: str) -> None:
    """Fail for an outcome that contradicts itself, or that a gate could not act on."""
    if not isinstance(outcome, CheckOutcome) or not isinstance(outcome.check, CheckInfo):
        fail(f"{what}: evaluate() gave a {type(outcome).__name__}", fix="give a dovetail.spec.CheckOutcome per check")
    if outcome.status not in ("evaluated", "error", "skipped"):
        fail(f"{what}: there is no status {outcome.status!r}", fix="one of evaluated, error, skipped")
    if outcome.status != "evaluated":
        if not outcome.message:
            fail(f"{what}: status {outcome.status!r} without a message", fix="say in message what is wrong")
        return
    if not outcome.check.row_scoped:
        if outcome.failed_rows is not None and len(outcome.failed_rows):
            fail(f"{what}: a check of the whole table names failing rows", fix="row_scoped=True, or failed_rows=None")
        return
    found = ordinals(outcome)
    if found is None:
        fail(
            f"{what}: {outcome.n_failed} rows fail and none is named",
            why="gates drop and quarantine by failed_rows",
            fix="failed_rows holds the ordinals of all failing rows; row_scoped=False where single rows cannot fail",
        )
    if found != sorted(set(found)):
        fail(f"{what}: failed_rows is not ascending: {shown(found)}", fix="sort it, each ordinal once")
    if found and not 0 <= found[0] <= found[-1] < rows:
        fail(
            f"{what}: failed_rows {shown(found)} of {rows} rows", fix="ordinals count from 0, whatever labels rows have"
        )
    if len(found) != outcome.n_failed:
        fail(
            f"{what}: n_failed is {outcome.n_failed}, and failed_rows names {len(found)} rows",
            why="all failing rows are needed, not a sample",
            fix="ask the library for the complete result",
        )


def ordinals(outcome: CheckOutcome) -> list[int] | None:
    """The failing rows as ints."""
    if outcome.failed_rows is None:
        return None
    rows: Any = outcome.failed_rows
    for convert in ("to_pylist", "tolist", "to_list"):
        if hasattr(rows, convert):
            return [int(row) for row in getattr(rows, convert)()]
    return [int(row) for row in rows]


def compare(outcome: CheckOutcome, check: TruthCheck, expect: Expect, what: str) -> None:
    """Fail where an outcome is not what the truth table says."""
    rule = RULES[check.kind].replace("`", "")
    if expect.error:
        if outcome.status != "error":
            fail(f"{what}: status {outcome.status!r}, expected 'error'", why=rule, fix="say why it has no answer")
        return
    if outcome.status != "evaluated":
        fail(f"{what}: status {outcome.status!r}: {outcome.message}", why="it can be evaluated", fix=rule)
    if outcome.check.row_scoped != check.row_scoped:
        fail(f"{what}: row_scoped is {outcome.check.row_scoped}, expected {check.row_scoped}", why=rule)
    wanted: dict[str, Any] = {"n_evaluated": expect.evaluated, "n_failed": expect.n_failed}
    found: dict[str, Any] = {"n_evaluated": outcome.n_evaluated, "n_failed": outcome.n_failed}
    if check.kind == "unique":
        wanted["n_keys"], found["n_keys"] = expect.keys, outcome.n_keys
    if expect.rows is not None:
        wanted["failed_rows"], found["failed_rows"] = list(expect.rows), ordinals(outcome)
    if found != wanted:
        told = "; ".join(
            f"{key} is {found[key]}, expected {wanted[key]}" for key in wanted if found[key] != wanted[key]
        )
        fail(f"{what}: {told}", why=rule, fix="see the truth table in docs/reference/check-semantics.md")


def shown(rows: list[int]) -> str:
    """The first few ordinals."""
    return f"{rows[:8]}{'...' if len(rows) > 8 else ''}"


def large_table() -> Any:
    """Many rows in several chunks; those whose ordinal ends in 007 fail the checks of rows, the rest pass."""
    import pyarrow as pa

    count = LARGE
    bad = [row % _STEP == 7 for row in range(count)]
    table = pa.table(
        {
            # every 007 repeats the id of its neighbour, which then fails as well
            "id": pa.array([row - 1 if odd else row for row, odd in enumerate(bad)], pa.int64()),
            "group": pa.array(["zz" if odd else "a" for odd in bad]),
            "v": pa.array([None if odd else 1.0 for odd in bad], pa.float64()),
            "x": pa.array([2.0 if odd else 0.5 for odd in bad], pa.float64()),
            "y": pa.array([1.0] * count, pa.float64()),
        }
    )
    cut = 65_537
    return pa.concat_tables([table.slice(start, cut) for start in range(0, count, cut)])


LARGE_EXPECTED: dict[str, Expect] = {
    name: Expect(evaluated, tuple(row for row in range(LARGE) if row % _STEP in ends), keys=keys)
    for name, evaluated, ends, keys in (
        ("not_null", LARGE, (7,), None),
        ("unique", LARGE, (6, 7), LARGE // _STEP),
        ("in_range", LARGE, (7,), None),
        ("in_set", LARGE, (7,), None),
        ("matches", LARGE, (7,), None),
        ("compare", LARGE, (7,), None),
    )
}
"""What is found in the large table."""
