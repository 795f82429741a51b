"""Values for the laws: tables of every kind of column, drawn by hypothesis, the same ones in every run."""

from __future__ import annotations

import datetime as dt
import itertools
import os
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dovetail.errors import UsageError, listing, nearest

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
Kind = tuple[Callable[[], Any], st.SearchStrategy[Any]]
"""The Arrow type of a column, made when it is asked for, and its values."""

_TEXT = st.one_of(
    st.sampled_from(["", " ", "a", "ä", "a\u0308", "日本", "🦔", "a\n", "\x00", "O'Hare", "NULL", "x" * 40]),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
_MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))


def _ints(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.sampled_from([low, high, 0, 1, high - 1]) | st.integers(low, high)


def _floats(width: Literal[32, 64]) -> st.SearchStrategy[float]:
    odd = st.sampled_from([float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1.5])
    return odd | st.floats(width=width)


def _arrow(name: str, *arguments: Any, **options: Any) -> Callable[[], Any]:
    def make() -> Any:
        import pyarrow as pa

        return getattr(pa, name)(*arguments, **options)

    return make


def _nested(make: Callable[[Any], Any]) -> Callable[[], Any]:
    def made() -> Any:
        import pyarrow as pa

        return make(pa)

    return made


def _stamps(unit: str) -> st.SearchStrategy[int]:
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    return st.builds(lambda moment, more: int(moment) * factor + more, st.integers(-(10**9), 10**9), _below(factor))


def _below(factor: int) -> st.SearchStrategy[int]:
    return st.integers(0, factor - 1)


_KINDS: dict[str, Kind] = {
    **{f"int{bits}": (_arrow(f"int{bits}"), _ints(bits, True)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (_arrow(f"uint{bits}"), _ints(bits, False)) for bits in (8, 16, 32, 64)},
    "float32": (_arrow("float32"), _floats(32)),
    "float64": (_arrow("float64"), _floats(64)),
    "bool": (_arrow("bool_"), st.booleans()),
    "string": (_arrow("string"), _TEXT),
    "binary": (_arrow("binary"), st.sampled_from([b"", b"\0", b"\xff\xfe"]) | st.binary(max_size=12)),
    "decimal": (_arrow("decimal128", 12, 2), st.decimals(-10000, 10000, places=2)),
    "date": (_arrow("date32"), st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))),
    "time": (_arrow("time64", "us"), st.times()),
    **{f"timestamp_{unit}": (_arrow("timestamp", unit), _stamps(unit)) for unit in ("s", "ms", "us", "ns")},
    "timestamp_utc": (_arrow("timestamp", "us", tz="UTC"), _stamps("us")),
    "timestamp_zone": (_arrow("timestamp", "us", tz="Europe/Berlin"), _stamps("us")),
    "timestamp_zone_ns": (_arrow("timestamp", "ns", tz="America/New_York"), _stamps("ns")),
    **{f"duration_{unit}": (_arrow("duration", unit), _stamps(unit)) for unit in ("s", "ms", "us", "ns")},
    "list": (
        _nested(lambda pa: pa.list_(pa.int64())),
        st.lists(st.none() | st.integers(-9, 9), max_size=3),
    ),
    "list_of_strings": (_nested(lambda pa: pa.list_(pa.string())), st.lists(st.none() | _TEXT, max_size=3)),
    "struct": (
        _nested(lambda pa: pa.struct([("x", pa.int64()), ("y", pa.string())])),
        st.fixed_dictionaries({"x": st.none() | st.integers(-9, 9), "y": st.none() | _TEXT}),
    ),
    "dictionary": (
        _nested(lambda pa: pa.dictionary(pa.int32(), pa.string())),
        st.sampled_from(["low", "high", "ä", ""]),
    ),
    "null": (_arrow("null"), st.none()),
}
TABLE_KINDS: tuple[str, ...] = tuple(_KINDS)
"""The kinds of column that tables are made of."""


def kind_type(kind: str) -> Any:
    """The Arrow type of a kind of column."""
    return _KINDS[kind][0]()


def cells(kind: str, nulls: bool = True) -> st.SearchStrategy[Any]:
    """A strategy for the values of one kind of column, as what ``pyarrow.array`` takes."""
    values = _KINDS[kind][1]
    return st.none() | values if nulls else values


def tables(
    kinds: Collection[str] = TABLE_KINDS,
    *,
    min_columns: int = 0,
    max_columns: int = 5,
    max_rows: int = 8,
    nulls: bool = True,
) -> st.SearchStrategy[pa.Table]:
    """A strategy for Arrow tables: several chunks, empty ones, and without columns too.

    Args:
        kinds: Kinds of column, of :data:`TABLE_KINDS`; a column is called by its kind.
        min_columns: At least so many columns.
        max_columns: At most so many columns.
        max_rows: At most so many rows.
        nulls: Whether columns may hold nulls.

    Raises:
        UsageError: There is no such kind.
    """
    for kind in kinds:
        if kind not in _KINDS:
            close = nearest(kind, TABLE_KINDS)
            raise UsageError(
                f"there is no kind of column {kind!r}",
                fix=f"did you mean {close!r}?" if close else f"take some of {listing(TABLE_KINDS)}",
            )
    return _tables(tuple(kinds), (min_columns, min(max_columns, len(kinds))), max_rows, nulls)


@st.composite
def _tables(draw: st.DrawFn, kinds: Sequence[str], columns: tuple[int, int], max_rows: int, nulls: bool) -> pa.Table:
    import pyarrow as pa

    least, most = columns
    names = draw(st.lists(st.sampled_from(kinds), min_size=least, max_size=most, unique=True))
    rows = draw(st.integers(0, max_rows))
    arrays = [
        pa.array(draw(st.lists(cells(name, nulls), min_size=rows, max_size=rows)), kind_type(name)) for name in names
    ]
    table = pa.Table.from_arrays(arrays, names=names)
    return rechunked(table, draw(st.lists(st.integers(0, max(rows, 1)), max_size=3)))


def column_tables(kind: str, max_rows: int = 6) -> st.SearchStrategy[pa.Table]:
    """A strategy for tables with one column, of one kind; the empty one is among them."""
    return _column_tables(kind, max_rows)


@st.composite
def _column_tables(draw: st.DrawFn, kind: str, max_rows: int) -> pa.Table:
    import pyarrow as pa

    items = draw(st.lists(cells(kind), max_size=max_rows))
    return pa.table({kind: pa.array(items, kind_type(kind))})


def rechunked(table: pa.Table, cuts: Sequence[int]) -> pa.Table:
    """The same rows in other chunks: cut before the rows that are named."""
    import pyarrow as pa

    edges = [0, *sorted({cut for cut in cuts if 0 < cut < table.num_rows}), table.num_rows]
    if len(edges) < 3:
        return table
    return pa.concat_tables([table.slice(start, end - start) for start, end in itertools.pairwise(edges)])


def number_of_examples(own: int) -> int:
    """How many examples a law is tried with: those of the suite, or of the variable ``CONFORMANCE_EXAMPLES``."""
    return int(os.environ.get("CONFORMANCE_EXAMPLES", own))


def for_each(
    values: st.SearchStrategy[T] | Sequence[T], check: Callable[[T], None], examples: int, fixed: bool = False
) -> None:
    """Try a check on every value of a list, or on as many as are asked for of a strategy: always the same ones."""
    if not isinstance(values, st.SearchStrategy):
        for value in values:
            check(value)
        return

    @settings(
        max_examples=examples if fixed else number_of_examples(examples),
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(values)
    def law(value: T) -> None:
        check(value)

    law()


def some(values: st.SearchStrategy[T] | Sequence[T], number: int) -> list[T]:
    """A few values, always the same ones."""
    if not isinstance(values, st.SearchStrategy):
        return list(values)[:number]
    found: list[T] = []

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found
