"""A profile of the data beside the checks: what stands in each column, in bounded memory, batch by batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dovetail.config import redact
from dovetail.quality._arrays import arrow_array

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1 << 17
_DISTINCT = 10_000
"""Distinct values that are counted one by one; of more it is only said that there are more."""
_SAMPLE = 1 << 16
"""Numbers of which quantiles and histogram are made."""
_BINS = 20
_TOP = 5
_WIDTH = 60
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(slots=True)
class ColumnProfile:
    """What stands in one column.

    Attributes:
        name: Of the column.
        type: Arrow type.
        rows: Rows that were looked at.
        nulls: How many of them hold nothing.
        nans: How many hold NaN, which counts as null in checks; 0 for columns without floats.
        distinct: Different values besides null and NaN; None where that is not counted (nested values, binary).
        distinct_exact: False if there are more than ``distinct``.
        minimum, maximum: Numbers as they are, times as text; None for other types.
        mean: Of numbers; None for others, and where one is infinite.
        lengths: Fewest and most characters of texts, or None.
        top: The most frequent values, at most 5: ``{"value": text, "count": n}``; empty unless ``distinct_exact``.
        quantiles: Of numbers: ``{"0.05": ..., "0.25": ..., "0.5": ..., "0.75": ..., "0.95": ...}``, by :attr:`sampled`.
        histogram: Of numbers: counts in bins of one width from ``minimum`` to ``maximum``, by :attr:`sampled`.
        sampled: Numbers that quantiles and histogram are made of: all of them, or every nth.
    """

    name: str
    type: str
    rows: int = 0
    nulls: int = 0
    nans: int = 0
    distinct: int | None = None
    distinct_exact: bool = True
    minimum: Any = None
    maximum: Any = None
    mean: float | None = None
    lengths: list[int] | None = None
    top: list[dict[str, Any]] = field(default_factory=list)
    quantiles: dict[str, float] = field(default_factory=dict)
    histogram: list[int] = field(default_factory=list)
    sampled: int = 0


class Profiler:
    """Takes a table piece by piece.

    Args:
        schema: Of the table (``pyarrow.Schema``).
        values: False leaves out whatever shows a value: only counts remain.
    """

    def __init__(self, schema: pa.Schema, *, values: bool = True) -> None:
        self._columns = [_Column(one.name, one.type, values) for one in schema]

    def add(self, part: pa.Table | pa.RecordBatch) -> None:
        """Look at further rows: a table or batch of the schema."""
        for batch in _batches(part):
            for column, array in zip(self._columns, batch.columns, strict=True):
                column.add(array)

    def result(self) -> list[ColumnProfile]:
        """What was seen so far, in the order of the columns."""
        return [column.result() for column in self._columns]


def profile(table: pa.Table, *, values: bool = True) -> list[ColumnProfile]:
    """The profile of a table (``pyarrow.Table``), column by column.

    Args:
        table: The data.
        values: False leaves out whatever shows a value: only counts remain.
    """
    profiler = Profiler(table.schema, values=values)
    profiler.add(table)
    return profiler.result()


def _batches(part: Any) -> Iterable[Any]:
    import pyarrow as pa

    return [part] if isinstance(part, pa.RecordBatch) else part.to_batches(max_chunksize=_BATCH)


class _Column:
    """What is known of one column so far."""

    def __init__(self, name: str, kind: pa.DataType, values: bool) -> None:
        import pyarrow.types as t

        self.found = ColumnProfile(name, str(kind))
        self.values = values
        self.kind = kind.value_type if t.is_dictionary(kind) else kind
        self.text = t.is_string(self.kind) or t.is_large_string(self.kind) or t.is_string_view(self.kind)
        self.number = t.is_integer(self.kind) or t.is_floating(self.kind) or t.is_decimal(self.kind)
        self.ordered = self.number or (t.is_temporal(self.kind) and not t.is_interval(self.kind))
        self.counts: Counter[Any] | None = Counter() if self.ordered or self.text or t.is_boolean(self.kind) else None
        self.counted = self.counts is not None
        self.bounds: tuple[Any, Any] | None = None
        self.total = 0.0
        self.sample = _Sample()

    def add(self, array: pa.Array) -> None:
        """Look at further values."""
        import pyarrow.compute as pc
        import pyarrow.types as t

        if array.type != self.kind:
            array = array.cast(self.kind)  # of a dictionary, the values
        self.found.rows += len(array)
        self.found.nulls += array.null_count
        array = array.drop_null()
        if t.is_floating(self.kind):
            whole = array.filter(pc.invert(pc.is_nan(array)))
            self.found.nans += len(array) - len(whole)
            array = whole
        if not len(array):
            return
        self._count(array)
        if self.text:
            self._measure(array)
        if self.ordered:
            self._bound(array)
        if self.number:
            floats = pc.cast(array, "float64", safe=False)
            self.total += pc.sum(floats).as_py()
            self.sample.add(floats)

    def result(self) -> ColumnProfile:
        """The record."""
        found = self.found
        if self.counted:
            found.distinct_exact = self.counts is not None
            found.distinct = _DISTINCT if self.counts is None else len(self.counts)
        if not self.values:
            return found
        if self.counts is not None and len(self.counts) < found.rows:
            found.top = [{"value": _shown(value), "count": n} for value, n in self.counts.most_common(_TOP) if n > 1]
        if self.bounds is not None:
            found.minimum, found.maximum = (_plain(bound, self.number) for bound in self.bounds)
        there = found.rows - found.nulls - found.nans
        if self.number and there and math.isfinite(self.total):
            found.mean = self.total / there
            found.sampled, found.quantiles, found.histogram = self.sample.result(*self.bounds or (0, 0))
        return found

    def _count(self, array: pa.Array) -> None:
        import pyarrow.compute as pc

        if self.counts is None:
            return
        pairs = pc.value_counts(array)
        if len(pairs) > _DISTINCT:
            self.counts = None
            return
        for value, count in zip(_python(pairs.field("values")), pairs.field("counts").to_pylist(), strict=True):
            self.counts[value] += count
        if len(self.counts) > _DISTINCT:
            self.counts = None

    def _measure(self, array: pa.Array) -> None:
        import pyarrow.compute as pc

        low, high = (bound.as_py() for bound in pc.min_max(pc.utf8_length(array)).values())
        known = self.found.lengths
        self.found.lengths = [low, high] if known is None else [min(low, known[0]), max(high, known[1])]

    def _bound(self, array: pa.Array) -> None:
        import pyarrow.compute as pc

        found = pc.min_max(array)
        low, high = found["min"], found["max"]
        if self.bounds is not None:
            low = self.bounds[0] if pc.less(self.bounds[0], low).as_py() else low
            high = self.bounds[1] if pc.greater(self.bounds[1], high).as_py() else high
        self.bounds = low, high


class _Sample:
    """Every nth of a stream of numbers, at most ``_SAMPLE`` of them."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._seen = 0
        self._step = 1
        self._held = 0

    def add(self, array: pa.Array) -> None:
        """Take those whose place in the stream is a multiple of the step; double it when there are too many."""
        import pyarrow as pa

        taken = _every(array, self._step, -self._seen % self._step)
        self._seen += len(array)
        self._parts.append(taken)
        self._held += len(taken)
        while self._held > _SAMPLE:
            thinned = _every(pa.concat_arrays(self._parts), 2, 0)
            self._parts, self._held, self._step = [thinned], len(thinned), self._step * 2

    def result(self, low: Any, high: Any) -> tuple[int, dict[str, float], list[int]]:
        """How many, their quantiles, and the counts in bins from low to high."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = pa.concat_arrays(self._parts)
        found = pc.quantile(numbers, list(_QUANTILES)).to_pylist()
        quantiles = {str(q): value for q, value in zip(_QUANTILES, found, strict=True)}
        return len(numbers), quantiles, list(_bins(numbers, float(low.as_py()), float(high.as_py())))


def _bins(numbers: Any, low: float, high: float) -> Iterator[int]:
    import pyarrow.compute as pc

    width = (high - low) / _BINS
    if not width > 0 or not math.isfinite(width):
        return
    places = pc.min_element_wise(pc.floor(pc.divide(pc.subtract(numbers, low), width)), _BINS - 1)
    counts = dict(zip(*(pc.value_counts(places).field(name).to_pylist() for name in ("values", "counts")), strict=True))
    for place in range(_BINS):
        yield counts.get(float(place), 0)


def _every(array: Any, step: int, skip: int) -> Any:
    """Every element at a multiple of ``step``, after ``skip`` of them."""
    import pyarrow as pa

    return array if step == 1 else array.take(arrow_array(range(skip, len(array), step), pa.int64()))


def _python(values: Any) -> list[Any]:
    from dovetail.types.arrow import scalar_value

    return [scalar_value(value) for value in values]


def _plain(scalar: Any, number: bool) -> Any:
    """A bound as JSON holds it."""
    from dovetail.types.arrow import scalar_value

    value = scalar_value(scalar)
    if number:
        if isinstance(value, int):
            return value
        found = float(value)
        return found if math.isfinite(found) else str(found)
    return _shown(value)


def _shown(value: Any) -> str:
    text = redact(value if isinstance(value, str) else str(value))
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
