"""Twelve checks on many shapes of data: native, Pandera on polars and Pandera on pandas give identical counts and rows."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pandera.pandas as pandera_pandas
import pandera.polars as pandera_polars
import polars as pl
import pyarrow as pa
import pytest
from dovetail.quality import CheckReport, Gate
from dovetail.quality import checks as native
from dovetail.types import TypeEngine

NAN = float("nan")
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("group", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("n", pa.int64()),
        ("t", pa.timestamp("us", tz="Europe/Berlin")),
    ]
)
BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 3, 29, 12, 0, tzinfo=dt.UTC)


def rows(**columns: list[Any]) -> pa.Table:
    """A table of all columns; those not given are harmless."""
    count = len(next(iter(columns.values())))
    harmless = {
        "id": list(range(count)),
        "group": ["a"] * count,
        "x": [0.5] * count,
        "y": [0.75] * count,
        "n": [5] * count,
        "t": [NOON] * count,
    }
    return pa.table({**harmless, **columns}, schema=SCHEMA)


SHAPES = {
    "all good": rows(id=[1, 2, 3]),
    "nulls": rows(
        id=[1, 1, 2, None, None, 3],
        group=["a", None, "b", "zz", None, "a"],
        x=[None, 0.5, 2.0, None, -1.0, 0.0],
        y=[1.0, None, 1.0, None, 0.0, 0.0],
        n=[None, 5, 500, 0, None, 10],
        t=[NOON, None, NOON - dt.timedelta(days=1), None, NOON, NOON],
    ),
    "only nulls": rows(id=[None] * 3, group=[None] * 3, x=[None] * 3, y=[None] * 3, n=[None] * 3, t=[None] * 3),
    "nan": rows(x=[NAN, 0.5, NAN, 9.0, None], y=[1.0, NAN, NAN, 1.0, 1.0]),
    "infinities": rows(x=[float("inf"), float("-inf"), 0.5], y=[float("inf"), 0.0, 0.0]),
    "empty": rows(id=[]),
    "all bad": rows(
        id=[7] * 4, group=["zzz"] * 4, x=[9.0] * 4, y=[1.0] * 4, n=[-1] * 4, t=[NOON - dt.timedelta(1)] * 4
    ),
    "unicode": rows(group=["ä", "日本", "a", "🦔", "é", ""]),
    "duplicate keys": rows(id=[1, 1, 1, 2, 2, 3], group=["a", "a", "b", "a", "a", "a"]),
    "huge ints": rows(id=[2**53, 2**53 + 1, 2**62], n=[2**53, 2**53 + 1, -(2**62)]),
    "one row": rows(id=[1], n=[50]),
    "zones": rows(t=[NOON, NOON - dt.timedelta(microseconds=1), dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)]),
}


def column(name: str, *checks: str, **options: Any) -> Any:
    """A schema of one column; checks are built by name from the library's own Check."""

    def build(lib: Any) -> Any:
        made = [getattr(lib.Check, check)(*args) for check, args in zip(checks, options.get("args", ()), strict=True)]
        settings = {key: value for key, value in options.items() if key != "args"}
        return lib.DataFrameSchema({name: lib.Column(checks=made, **{"nullable": True, **settings})})

    return build


def table_check(on_polars: Any, on_pandas: Any) -> Any:
    def build(lib: Any) -> Any:
        function = on_polars if lib is pandera_polars else on_pandas
        return lib.DataFrameSchema(checks=lib.Check(function))

    return build


def joint(lib: Any) -> Any:
    return lib.DataFrameSchema(unique=["id", "group"])


CHECKS = {
    "not_null": (native.not_null("x"), column("x", nullable=False)),
    "unique": (native.unique("id"), column("id", unique=True)),
    "unique over two": (native.unique("id", "group"), joint),
    "in_range": (native.in_range("x", 0, 1), column("x", "in_range", args=[(0, 1)])),
    "at least": (native.in_range("n", 0), column("n", "ge", args=[(0,)])),
    "less than": (native.in_range("n", None, 10, inclusive="neither"), column("n", "lt", args=[(10,)])),
    "huge bound": (native.in_range("n", None, 2**53), column("n", "le", args=[(2**53,)])),
    "instant": (native.in_range("t", NOON), column("t", "ge", args=[(NOON.astimezone(BERLIN),)])),
    "in_set": (native.in_set("group", ["a", "b", "ä"]), column("group", "isin", args=[(["a", "b", "ä"],)])),
    "regex": (native.matches("group", "[a-zé]"), column("group", "str_matches", args=[(r"^[a-zé]$",)])),
    "compare": (
        native.compare("x", "<=", "y"),
        table_check(lambda d: d.lazyframe.select(pl.col("x") <= pl.col("y")), lambda d: d["x"] <= d["y"]),
    ),
    "row_count": (
        native.row_count(2, 5),
        table_check(lambda d: 2 <= d.lazyframe.collect().height <= 5, lambda d: 2 <= len(d) <= 5),
    ),
    "mean": (
        native.mean_between("y", 0, 1),
        table_check(
            lambda d: d.lazyframe.select(pl.col("y").mean().is_between(0, 1)), lambda d: bool(0 <= d["y"].mean() <= 1)
        ),
    ),
}


def counts(suite: Any, table: pa.Table, types: TypeEngine) -> tuple[Any, ...]:
    """Counts and failing rows of the one check of a suite."""
    result = Gate(suite, min_rows=0).evaluate(table, types=types)
    found: list[CheckReport] = [c for c in result.report.checks if c.check_id != "table.present"]
    assert len(found) == 1, [c.check_id for c in found]
    check = found[0]
    assert check.status != "error", check.message
    failing = [] if result.quarantined is None else result.quarantined["_dv_row"].to_pylist()
    return check.n_evaluated, check.n_failed, check.n_keys, failing


# Without a value there is no mean: native says error, and Pandera's answer is the user's function's.
CASES = [(c, s) for c in CHECKS for s in SHAPES if not (c == "mean" and s in ("empty", "only nulls"))]


@pytest.mark.parametrize(("check", "shape"), CASES)
def test_every_engine_counts_the_same(check: str, shape: str, types: TypeEngine) -> None:
    ours, build = CHECKS[check]
    table = SHAPES[shape]
    expected = counts([ours], table, types)
    assert counts(build(pandera_polars), table, types) == expected
    assert counts(build(pandera_pandas), table, types) == expected
