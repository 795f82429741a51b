"""What pairs of frames are probed with: columns of every kind that Arrow has, and tables of odd shapes.

The values are written down and not drawn, so that the table of the reference says the same wherever it is made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_BERLIN = "Europe/Berlin"
_DAY = 86_400
_TEXT = ["", "a", "ä", "a\u0308", "日本 🦔", "a\nb", "NULL", "x" * 300]
_SECONDS = [0, -1, 951_782_400, -8_520_336_000, 7_258_118_399]
"""1970, the second before, a leap day, the years 1700 and 2199."""


def _ints(bits: int, signed: bool) -> list[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return [low, high, 0, 1, high - 1]


def _moments(unit: str) -> list[int]:
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    return [second * factor + (factor - 1 if factor > 1 else 0) for second in _SECONDS]


def _kinds() -> dict[str, tuple[Any, list[Any]]]:
    import pyarrow as pa

    int64, text = pa.int64(), pa.string()
    return {
        **{f"int{bits}": (getattr(pa, f"int{bits}")(), _ints(bits, True)) for bits in (8, 16, 32, 64)},
        **{f"uint{bits}": (getattr(pa, f"uint{bits}")(), _ints(bits, False)) for bits in (8, 16, 32, 64)},
        "float16": (pa.float16(), [0.0, -0.0, 1.5, -65504.0, float("inf")]),
        "float32": (pa.float32(), [0.0, -0.0, 1.5, 2.0**-126, float("inf"), float("-inf")]),
        "float64": (pa.float64(), [0.0, -0.0, 0.1, 5e-324, 1.7e308, float("inf"), float("-inf")]),
        "NaN": (pa.float64(), [float("nan"), 0.5, float("nan")]),
        "bool": (pa.bool_(), [True, False]),
        "decimal": (pa.decimal128(12, 2), [Decimal("-9999999999.99"), Decimal("0.00"), Decimal("1.50")]),
        "decimal, 38 digits": (pa.decimal128(38, 10), [Decimal("1234567890123456789012345678.0123456789")]),
        "decimal, 76 digits": (pa.decimal256(76, 2), [Decimal("9" * 60 + ".25"), Decimal("-0.50")]),
        "text": (text, _TEXT),
        "text with a zero byte": (text, ["\0", "a\0", "a\0b"]),
        "text, large offsets": (pa.large_string(), _TEXT),
        "text, views": (pa.string_view(), _TEXT),
        "binary": (pa.binary(), [b"", b"a", b"\xff\xfe", b"\0a" * 9, b"\0"]),
        "binary, fixed width": (pa.binary(3), [b"abc", b"\0\0\0", b"\xff\0\xff"]),
        "date": (pa.date32(), [dt.date(1970, 1, 1), dt.date(1, 1, 1), dt.date(2199, 12, 31)]),
        "date, in milliseconds": (pa.date64(), [dt.date(1970, 1, 1), dt.date(2199, 12, 31)]),
        **{
            f"time of day, {unit}": (
                pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit),
                [0, _DAY * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit] - 1],
            )
            for unit in ("s", "ms", "us", "ns")
        },
        **{f"timestamp, {unit}": (pa.timestamp(unit), _moments(unit)) for unit in ("s", "ms", "us", "ns")},
        "timestamp, years 1 and 9999": (pa.timestamp("us"), [-62_135_596_800 * 10**6, 253_402_300_799 * 10**6]),
        "timestamp, UTC": (pa.timestamp("us", "UTC"), _moments("us")),
        "timestamp, a zone": (pa.timestamp("us", _BERLIN), _moments("us")),
        "timestamp, a zone, ns": (pa.timestamp("ns", _BERLIN), _moments("ns")),
        "timestamp, an offset": (pa.timestamp("us", "+05:30"), _moments("us")),
        **{f"duration, {unit}": (pa.duration(unit), _moments(unit)) for unit in ("s", "ms", "us", "ns")},
        "interval": (pa.month_day_nano_interval(), [(1, 2, 3_000), (-1, 0, 0)]),
        "categories": (pa.dictionary(pa.int32(), text), ["low", "high", "", "low"]),
        "categories, ordered": (pa.dictionary(pa.int32(), text, ordered=True), ["low", "high", "low"]),
        "categories of numbers": (pa.dictionary(pa.int8(), int64), [3, 1, 3]),
        "list": (pa.list_(int64), [[], [1, None, 3], [2]]),
        "list of text": (pa.list_(text), [[], ["a", None, ""], ["ä"]]),
        "list of moments": (pa.list_(pa.timestamp("us", _BERLIN)), [[], [0, None], [10**15]]),
        "list of lists": (pa.list_(pa.list_(int64)), [[], [[], [1]], [None, [2, None]]]),
        "list of fixed length": (pa.list_(int64, 2), [[1, 2], [3, 4]]),
        "struct": (pa.struct([("x", int64), ("y", text)]), [{"x": 1, "y": "a"}, {"x": None, "y": None}]),
        "list of structs": (pa.list_(pa.struct([("x", int64)])), [[], [{"x": 1}, {"x": None}]]),
        "struct of lists": (pa.struct([("x", pa.list_(int64))]), [{"x": []}, {"x": [1, None]}]),
        "map": (pa.map_(text, int64), [[], [("a", 1), ("b", None)]]),
        "null": (pa.null(), [None, None]),
        "UUID": (pa.uuid(), [bytes(range(16)), bytes(16)]),
    }


def column_probes() -> dict[str, tuple[pa.Table, ...]]:
    """Kind of column -> tables with one such column: full, in two chunks with nulls, and without rows."""
    import pyarrow as pa

    found = {}
    for kind, (arrow, items) in _kinds().items():
        full, rows = _array(items, arrow), len(items)
        holes = pa.chunked_array(
            [_array([None, *items[: rows // 2]], arrow), _array([*items[rows // 2 :], None], arrow)]
        )
        found[kind] = tuple(pa.table({"column": each}) for each in (full, holes, full.slice(0, 0)))
    return found


def _array(items: list[Any], kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(items, kind.storage_type))
    return pa.array(items, kind)


def shape_probes() -> dict[str, tuple[pa.Table, ...]]:
    """What a table can be beside its columns -> tables that are so."""
    import pyarrow as pa

    names: Callable[..., pa.Table] = lambda *given: pa.table([[1, 2]] * len(given), names=list(given))  # noqa: E731
    number = pa.table({"a": [1, 2, 3]})
    return {
        "no rows": (number.slice(0, 0),),
        "no columns": (pa.table({}),),
        "rows without columns": (number.select([]),),
        "several chunks": (pa.concat_tables([number, number.slice(0, 0), number.slice(1)]),),
        "empty name": (names(""),),
        "names that differ by case": (names("a", "A"),),
        "odd names": (names("a.b", 'say "hi"', "ä 日本", "*", "^a$", " ", "index", "__index_level_0__"),),
        "two columns of one name": (names("a", "a"),),
        "columns without nulls by declaration": (number.cast(pa.schema([pa.field("a", pa.int64(), nullable=False)])),),
    }
