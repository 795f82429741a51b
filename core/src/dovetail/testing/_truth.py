"""The truth table of checks: twelve checks on eight shapes of data, with counts that were worked out by hand.

No engine computed a number of this page. They follow from the rules in ``_truth_rules``, which say what a check counts where
libraries disagree: nulls, NaN, rows of doubled keys, whole texts, integers beyond 2**53 and instants in other zones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

NAN = float("nan")
NOON = dt.datetime(2026, 3, 29, 12, 0, tzinfo=dt.UTC)
"""The bound of the check ``since``: on the day on which Berlin goes to summer time."""
ZONE = "Europe/Berlin"
BIG = 2**53
"""The last integer up to which floats tell neighbours apart."""


@dataclass(frozen=True, slots=True)
class TruthCheck:
    """One of the twelve checks, named by no library.

    Attributes:
        name: Its name in the truth table.
        kind: The engine-neutral kind, as in :class:`~dovetail.spec.CheckInfo`.
        columns: Columns that it reads.
        params: Its parameters; which ones there are is written in the semantics of checks.
        row_scoped: Single rows can fail it.
        text: What it asserts, for people.
        other: Changes (``columns``, ``params``) that make another check of the same kind.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    row_scoped: bool = True
    text: str = ""
    other: Mapping[str, Any] = field(default_factory=dict)

    def varied(self) -> TruthCheck:
        """A check of the same name and kind that asserts something else: its suite must have another fingerprint."""
        return replace(self, **self.other)


@dataclass(frozen=True, slots=True)
class Expect:
    """What an engine must find.

    Attributes:
        evaluated: Rows that were looked at; 1 for a check of the whole table.
        rows: Ordinals of the failing rows; None for a check of the whole table.
        failed: Failures of a check of the whole table: 0 or 1.
        keys: Keys that occur more than once, for uniqueness.
        error: The check cannot be evaluated: status ``error``, and no number means anything.
    """

    evaluated: int = 0
    rows: tuple[int, ...] | None = None
    failed: int = 0
    keys: int | None = None
    error: bool = False

    @property
    def n_failed(self) -> int:
        """The number of failures."""
        return self.failed if self.rows is None else len(self.rows)


_CHECKS = (
    TruthCheck("not_null", "not_null", ("v",), text="`v` is not null", other={"columns": ("x",)}),
    TruthCheck("unique", "unique", ("id",), text="`id` is unique", other={"columns": ("group",)}),
    TruthCheck(
        "unique_together",
        "unique",
        ("group", "x"),
        text="`group` and `x` together are unique",
        other={"columns": ("group", "y")},
    ),
    TruthCheck(
        "in_range",
        "in_range",
        ("x",),
        {"minimum": 0.0, "maximum": 1.0},
        text="`x` lies in [0, 1]",
        other={"params": {"minimum": 0.0, "maximum": 2.0}},
    ),
    TruthCheck(
        "at_most",
        "in_range",
        ("n",),
        {"maximum": BIG},
        text="`n` is at most 2**53",
        other={"params": {"maximum": BIG + 1}},
    ),
    TruthCheck(
        "since",
        "in_range",
        ("t",),
        {"minimum": NOON},
        text="`t` is not before 2026-03-29 12:00 UTC",
        other={"params": {"minimum": NOON + dt.timedelta(hours=1)}},
    ),
    TruthCheck(
        "in_set",
        "in_set",
        ("group",),
        {"values": ("a", "b", "ä")},
        text="`group` is one of a, b, ä",
        other={"params": {"values": ("a", "b", "c")}},
    ),
    TruthCheck(
        "matches",
        "regex",
        ("group",),
        {"pattern": "[a-z]|[é日本]+"},
        text="the whole of `group` matches `[a-z]|[é日本]+`",
        other={"params": {"pattern": "[a-z]|[é日本]"}},
    ),
    TruthCheck("compare", "compare", ("x", "y"), {"op": "<="}, text="`x` <= `y`", other={"params": {"op": "<"}}),
    TruthCheck(
        "row_count",
        "row_count",
        (),
        {"minimum": 2, "maximum": 5},
        row_scoped=False,
        text="2 to 5 rows",
        other={"params": {"minimum": 2, "maximum": 6}},
    ),
    TruthCheck(
        "mean_between",
        "mean",
        ("y",),
        {"minimum": 0.0, "maximum": 1.0},
        row_scoped=False,
        text="the mean of `y` lies in [0, 1]",
        other={"params": {"minimum": 0.0, "maximum": 2.0}},
    ),
    TruthCheck(
        "columns_present",
        "column_exists",
        ("id", "note"),
        row_scoped=False,
        text="there are columns `id` and `note`",
        other={"columns": ("id", "remark")},
    ),
)
TRUTH_CHECKS: dict[str, TruthCheck] = {check.name: check for check in _CHECKS}
"""The twelve checks by name."""

ShapeName = Literal["nulls", "nan", "empty", "all_bad", "unicode", "duplicate_keys", "huge_ints", "time_zones"]

_SHAPES: dict[str, dict[str, list[Any]]] = {
    "nulls": {
        "id": [1, 1, 2, None, None, 3],
        "group": ["a", None, "b", "zz", None, "a"],
        "v": [None, 0.5, 2.0, None, -1.0, 0.0],
        "x": [None, 0.5, 2.0, None, -1.0, 0.0],
        "y": [1.0, None, 1.0, None, 0.0, 0.0],
        "n": [None, 5, BIG + 1, 0, None, 10],
        "t": [NOON, None, NOON - dt.timedelta(days=1), None, NOON, NOON],
    },
    "nan": {
        "id": [1, 2, 3, 4, 5],
        "v": [NAN, 0.5, NAN, 9.0, None],
        "x": [NAN, 0.5, NAN, 9.0, None],
        "y": [1.0, NAN, NAN, 0.5, 0.0],
    },
    "empty": {"id": []},
    "all_bad": {
        "id": [7] * 6,
        "group": ["zzz"] * 6,
        "v": [None, NAN, None, NAN, None, NAN],
        "x": [9.0] * 6,
        "y": [8.0] * 6,
        "n": [BIG + 1] * 6,
        "t": [NOON - dt.timedelta(microseconds=1)] * 6,
    },
    "unicode": {
        "id": [1, 2, 3, 4, 5, 6, 7, 8],
        "group": ["ä", "日本", "a", "🦔", "é", "", "a\n", "a\u0308"],
    },
    "duplicate_keys": {
        "id": [1, 1, 1, 2, 2, 3],
        "group": ["a", "a", "b", "a", "a", "a"],
        "x": [0.5, 0.5, 0.5, 0.25, 0.5, 0.25],
    },
    "huge_ints": {"id": [BIG, BIG + 1, None, 2**62], "n": [BIG, BIG + 1, None, -(2**62)]},
    "time_zones": {
        "id": [1, 2, 3, 4, 5],
        "t": [
            NOON,  # 14:00 in Berlin
            NOON - dt.timedelta(microseconds=1),
            dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC),  # 03:30, an hour after the clocks went forward
            dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC),  # 02:30
            dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC),  # 02:30 again, after they went back
        ],
    },
}
SHAPES: tuple[str, ...] = tuple(_SHAPES)
"""The eight shapes of data by name."""


def _none(rows: int, keys: int | None = None) -> Expect:
    return Expect(rows, (), keys=keys)


def _some(evaluated: int, *rows: int, keys: int | None = None) -> Expect:
    return Expect(evaluated, rows, keys=keys)


_ALL = (0, 1, 2, 3, 4, 5)
_FINE, _BAD, _ERROR = Expect(1), Expect(1, failed=1), Expect(error=True)

EXPECTED: dict[str, dict[str, Expect]] = {
    "not_null": {
        "nulls": _some(6, 0, 3),
        "nan": _some(5, 0, 2, 4),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _none(8),
        "duplicate_keys": _none(6),
        "huge_ints": _none(4),
        "time_zones": _none(5),
    },
    "unique": {
        "nulls": _some(4, 0, 1, keys=1),
        "nan": _none(5, keys=0),
        "empty": _none(0, keys=0),
        "all_bad": _some(6, *_ALL, keys=1),
        "unicode": _none(8, keys=0),
        "duplicate_keys": _some(6, 0, 1, 2, 3, 4, keys=2),
        "huge_ints": _none(3, keys=0),
        "time_zones": _none(5, keys=0),
    },
    "unique_together": {
        "nulls": _none(2, keys=0),
        "nan": _none(2, keys=0),
        "empty": _none(0, keys=0),
        "all_bad": _some(6, *_ALL, keys=1),
        "unicode": _none(8, keys=0),
        "duplicate_keys": _some(6, 0, 1, 3, 4, 5, keys=2),
        "huge_ints": _none(4, keys=0),
        "time_zones": _none(5, keys=0),
    },
    "in_range": {
        "nulls": _some(4, 2, 4),
        "nan": _some(2, 3),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _none(8),
        "duplicate_keys": _none(6),
        "huge_ints": _none(4),
        "time_zones": _none(5),
    },
    "at_most": {
        "nulls": _some(4, 2),
        "nan": _none(5),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _none(8),
        "duplicate_keys": _none(6),
        "huge_ints": _some(3, 1),
        "time_zones": _none(5),
    },
    "since": {
        "nulls": _some(4, 2),
        "nan": _none(5),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _none(8),
        "duplicate_keys": _none(6),
        "huge_ints": _none(4),
        "time_zones": _some(5, 1, 2),
    },
    "in_set": {
        "nulls": _some(4, 3),
        "nan": _none(5),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _some(8, 1, 3, 4, 5, 6, 7),
        "duplicate_keys": _none(6),
        "huge_ints": _none(4),
        "time_zones": _none(5),
    },
    "matches": {
        "nulls": _some(4, 3),
        "nan": _none(5),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _some(8, 0, 3, 5, 6, 7),
        "duplicate_keys": _none(6),
        "huge_ints": _none(4),
        "time_zones": _none(5),
    },
    "compare": {
        "nulls": _some(3, 2),
        "nan": _some(1, 3),
        "empty": _none(0),
        "all_bad": _some(6, *_ALL),
        "unicode": _none(8),
        "duplicate_keys": _none(6),
        "huge_ints": _none(4),
        "time_zones": _none(5),
    },
    "row_count": {
        "nulls": _BAD,
        "nan": _FINE,
        "empty": _BAD,
        "all_bad": _BAD,
        "unicode": _BAD,
        "duplicate_keys": _BAD,
        "huge_ints": _FINE,
        "time_zones": _FINE,
    },
    "mean_between": {
        "nulls": _FINE,
        "nan": _FINE,
        "empty": _ERROR,
        "all_bad": _BAD,
        "unicode": _FINE,
        "duplicate_keys": _FINE,
        "huge_ints": _FINE,
        "time_zones": _FINE,
    },
    "columns_present": {
        "nulls": _FINE,
        "nan": _FINE,
        "empty": _FINE,
        "all_bad": _BAD,
        "unicode": _FINE,
        "duplicate_keys": _FINE,
        "huge_ints": _FINE,
        "time_zones": _FINE,
    },
}
"""What every engine must find: by check, then by shape."""


def shape_columns(shape: str) -> dict[str, list[Any]]:
    """The columns of a shape as lists: what it names, and harmless values for the rest."""
    given = _SHAPES[shape]
    rows = len(given["id"])
    harmless: dict[str, list[Any]] = {
        "id": [],
        "group": ["a"] * rows,
        "v": [1.0] * rows,
        "x": [row / 16 for row in range(rows)],
        "y": [1.0] * rows,
        "n": [5] * rows,
        "t": [NOON] * rows,
    }
    if shape != "all_bad":
        harmless["note"] = ["fine"] * rows
    return {**harmless, **given}


def shape_table(shape: str) -> pa.Table:
    """A shape as an Arrow table: ``id`` and ``n`` are int64; ``v``, ``x``, ``y`` float64; ``t`` has a zone."""
    import pyarrow as pa

    kinds = {
        "id": pa.int64(),
        "group": pa.string(),
        "v": pa.float64(),
        "x": pa.float64(),
        "y": pa.float64(),
        "n": pa.int64(),
        "t": pa.timestamp("us", tz=ZONE),
        "note": pa.string(),
    }
    columns = shape_columns(shape)
    # Arrow takes NaN in a list for NaN and None for null; that they differ here is the point of two shapes.
    return pa.table({name: pa.array(items, kinds[name], from_pandas=False) for name, items in columns.items()})
