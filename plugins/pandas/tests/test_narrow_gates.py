"""A native suite reads the columns that its checks name: what else a pandas frame holds does not matter to it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from dovetail.quality import Gate
from dovetail.quality.checks import (
    Suite,
    columns_present,
    compare,
    custom,
    expression,
    foreign_key,
    has_type,
    in_range,
    mean_between,
    monotonic,
    not_null,
    quantile_between,
    row_count,
    schema,
    unique,
)
from dovetail.types import current_types

MIXED = [1, "two", {"three": 3}, None, 5.0, b"six"]
NUMBERS = [1.0, 2.0, None, 99.0, 2.0, 0.0]
INDEXES: dict[str, pd.Index[Any]] = {
    "row numbers": pd.RangeIndex(6),
    "named": pd.Index([3, 1, 2, 6, 5, 5], name="key"),
    "text": pd.Index(list("abcdef")),
    "levels": pd.MultiIndex.from_arrays([[1, 1, 2, 2, 3, 3], list("ababab")], names=["key", "letter"]),
    "repeated": pd.Index([7, 7, 7, 7, 7, 7]),
}
CHECKS = [
    not_null("n"),
    unique("n"),
    in_range("n", 0, 10),
    compare("n", "<=", "m"),
    expression("n < 50 and m > 0"),
    monotonic("m"),
    mean_between("n", 0, 1),
    quantile_between("n", 0.5, 0, 5),
    has_type("n", "float64"),
    custom(lambda table: [value != 2 for value in table["n"].to_pylist()], "n", name="own"),
    foreign_key("n", pd.DataFrame({"n": [0.0, 1.0, 2.0]}), "n"),
    row_count(7),
    columns_present("n", "gone"),
    not_null("gone"),
]


def frame(index: pd.Index[Any], second: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"other": second, "n": NUMBERS, "m": [1, 2, 3, 4, 3, 6]}, index=index)


def counts(report: Any) -> list[Any]:
    return [(c.check_id, c.status, c.n_evaluated, c.n_failed, c.n_keys, c.message) for c in report.checks]


@pytest.mark.parametrize("index", INDEXES)
def test_a_column_that_arrow_cannot_hold_does_not_matter_where_no_check_reads_it(index: str) -> None:
    checks = [*CHECKS, *([not_null("key"), unique("key")] if "key" in INDEXES[index].names else [])]
    gate = Gate(Suite("narrow", checks), on_fail="warn")
    mixed = gate.evaluate(frame(INDEXES[index], MIXED), types=current_types()).report
    plain = gate.evaluate(frame(INDEXES[index], list("abcdef")), types=current_types()).report
    assert counts(mixed) == counts(plain)
    by_name = {check.name: check for check in mixed.checks}
    assert by_name["n not null"].n_failed == 1
    if "key" in INDEXES[index].names:
        assert by_name["key unique"].n_failed == {"named": 2, "levels": 6}[index]


@pytest.mark.parametrize("index", INDEXES)
def test_rows_that_fail_are_taken_out_of_such_a_frame(index: str) -> None:
    value = frame(INDEXES[index], MIXED)
    result = Gate([not_null("n"), in_range("n", 0, 10)], on_fail="drop", max_quarantined=0.5).evaluate(
        value, types=current_types()
    )
    pd.testing.assert_frame_equal(result.value, value.iloc[[0, 1, 4, 5]])
    assert [row["row"] for check in result.report.checks for row in check.sample] == [2, 3]
    shown = [row["values"] for check in result.report.checks for row in check.sample]
    assert shown == [] or all(set(values) <= {"n"} for values in shown)


def test_a_column_that_a_check_reads_blocks_where_arrow_cannot_hold_it() -> None:
    report = (
        Gate([not_null("other"), not_null("n")], on_fail="warn")
        .evaluate(frame(INDEXES["row numbers"], MIXED), types=current_types())
        .report
    )
    assert report.decision == "block"
    assert "other" in "".join(check.message or "" for check in report.checks)


def test_a_schema_names_columns_beside_such_a_one() -> None:
    report = (
        Gate(schema({"n": "float64", "m": "int64"}), on_fail="warn")
        .evaluate(frame(INDEXES["row numbers"], MIXED), types=current_types())
        .report
    )
    assert report.decision == "publish"
