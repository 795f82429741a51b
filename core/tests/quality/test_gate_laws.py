"""Laws of gates on generated data: rows are neither lost nor doubled, and labels are what the checks say."""

from __future__ import annotations

import math

import pyarrow as pa
from dovetail.quality import Gate, Suite
from dovetail.quality.checks import compare, in_range, in_set, matches, not_null, unique
from dovetail.types import current_types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SUITE = Suite(
    "s",
    [
        not_null("n"),
        unique("n"),
        unique("n", "t"),
        in_range("f", -1, 1, inclusive="left"),
        in_set("t", ["a", "b"]),
        matches("t", "[ab]*"),
        compare("n", "<=", "f"),
    ],
)

rows = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-3, 3),
            "f": st.none() | st.floats(-2, 2) | st.just(math.nan),
            "t": st.none() | st.sampled_from(["", "a", "b", "ab", "c", "a\n", "ä"]),
        }
    ),
    max_size=30,
)
SCHEMA = pa.schema([("n", pa.int64()), ("f", pa.float64()), ("t", pa.string())])


def null(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def expected(data: list[dict]) -> dict[str, list[int]]:
    """The specification once more, slowly and row by row."""
    keys = [(row["n"], row["t"]) for row in data]
    singles = [row["n"] for row in data]
    verdicts = {
        "n.not_null": lambda row: null(row["n"]),
        "n.unique": lambda row: not null(row["n"]) and singles.count(row["n"]) > 1,
        "n,t.unique": lambda row: None not in (row["n"], row["t"]) and keys.count((row["n"], row["t"])) > 1,
        "f.in_range([-1, 1))": lambda row: not null(row["f"]) and not -1 <= row["f"] < 1,
        "t.in_set(one of ['a', 'b'])": lambda row: row["t"] is not None and row["t"] not in ("a", "b"),
        "t.regex(matches [ab]*)": lambda row: row["t"] is not None and row["t"] not in ("", "a", "b", "ab"),
        "n,f.compare(<=)": lambda row: not null(row["n"]) and not null(row["f"]) and not row["n"] <= row["f"],
    }
    return {name: [n for n, row in enumerate(data) if bad(row)] for name, bad in verdicts.items()}


def text(table: pa.Table) -> str:
    """Rows as text, because NaN is not equal to itself."""
    return repr(table.to_pylist())


def chunked(data: list[dict], parts: int) -> pa.Table:
    size = max(1, -(-len(data) // parts))
    tables = [pa.Table.from_pylist(data[n : n + size], SCHEMA) for n in range(0, len(data), size)]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


@given(rows, st.integers(1, 4), st.sampled_from(["quarantine", "drop"]))
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_labels_are_the_specification_and_rows_are_conserved(data: list[dict], parts: int, action: str) -> None:
    gate = Gate(SUITE, on_fail=action, max_quarantined=1.0, min_rows=0)
    table = chunked(data, parts)
    result = gate.evaluate(table, types=current_types())
    report = result.report
    wanted = expected(data)
    assert {c.check_id: c.n_failed for c in report.checks} == {name: len(bad) for name, bad in wanted.items()}
    bad = sorted(set().union(*wanted.values()))
    good = [n for n in range(len(data)) if n not in bad]
    assert report.rows_in == len(data)
    assert report.rows_in == report.rows_clean + report.rows_quarantined + report.rows_dropped + report.rows_blocked
    assert report.rows_clean == len(good) and report.rows_failed == len(bad)
    assert text(result.value) == text(table.take(pa.array(good, pa.int64())))
    if action == "quarantine" and bad:
        assert result.quarantined["_dv_row"].to_pylist() == bad
        labels = [[name for name in wanted if n in wanted[name]] for n in bad]
        assert result.quarantined["_dv_checks"].to_pylist() == labels
        assert text(result.quarantined.select(SCHEMA.names)) == text(table.take(pa.array(bad, pa.int64())))


@given(rows, st.integers(0, 20), st.integers(0, 20))
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_wider_limit_lets_at_least_as_much_through(data: list[dict], limit: int, more: int) -> None:
    table = chunked(data, 1)
    clean = [
        Gate(SUITE, on_fail="drop", max_quarantined=n, min_rows=0)
        .evaluate(table, types=current_types())
        .report.rows_clean
        for n in (limit, limit + more)
    ]
    assert clean[0] <= clean[1]
