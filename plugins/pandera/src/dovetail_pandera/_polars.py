"""A polars frame under Pandera's checks. Always an eager one: on a lazy frame Pandera leaves its data checks out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import polars as pl
import polars.selectors as cs
from pandera.api.polars.types import PolarsData
from pandera.errors import ParserError

from dovetail_pandera._frames import Labels, Unevaluable, backend_of, is_builtin


class PolarsFrame:
    """Implements :class:`~dovetail_pandera._frames.Frame`."""

    def __init__(self, value: pl.DataFrame, schema: Any) -> None:
        if not isinstance(value, pl.DataFrame):
            raise TypeError(f"expected an eager polars.DataFrame, not {type(value).__name__}")
        schema.register_default_backends(pl.LazyFrame)
        self._original = value
        self._frame = _nan_as_null(value)  # NaN counts as null, in every engine
        self.rows: int = value.height
        self.names: Sequence[Hashable] = value.columns

    def matching(self, component: Any) -> list[Hashable]:
        """Columns that match a component's pattern."""
        backend = component.get_backend(self._original.lazy())
        return list(backend.get_regex_columns(component, self._original.lazy()))

    def index_keys(self, schema: Any) -> list[tuple[Hashable, Any, str]]:
        """Polars frames have no index."""
        return []

    def dtype(self, key: Hashable, dtype: Any) -> Labels:
        """Does the column have the type?"""
        column = str(key)
        found = self._original.schema[column]
        fine = dtype.check(found, PolarsData(self._original.lazy(), column))
        return Labels(1, failed=int(not fine), observed=None if fine else str(found))

    def coerce(self, key: Hashable, dtype: Any) -> Labels:
        """Look at the column as this type; values that do not convert fail and are null from here on."""
        column = str(key)
        series = self._frame.get_column(column)
        valid = series.is_not_null()
        bad = pl.repeat(False, self.rows, dtype=pl.Boolean, eager=True)
        try:
            coerced = self._coerced(series, dtype)
        except ParserError as error:
            output = error.parser_output
            fine = (output.collect() if isinstance(output, pl.LazyFrame) else output).to_series()
            bad = ~fine & valid
            coerced = self._coerced(pl.select(pl.when(~bad).then(series)).to_series().alias(column), dtype)
        self._frame = _nan_as_null(self._frame.with_columns(coerced))
        return Labels(int(valid.sum()), _true(bad))

    @staticmethod
    def _coerced(series: pl.Series, dtype: Any) -> pl.Series:
        lazy: pl.LazyFrame = dtype.try_coerce(PolarsData(series.to_frame().lazy(), series.name))
        return lazy.collect().to_series()

    def not_null(self, key: Hashable) -> Labels:
        """Rows with null or NaN, before any coercion."""
        series = self._original.get_column(str(key))
        holds_nan = series.dtype.is_float() and series.is_nan().any()
        if not holds_nan and not series.null_count():
            return Labels(self.rows, _none())
        missing = series.is_null()
        if holds_nan:
            missing |= series.is_nan().fill_null(False)
        return Labels(self.rows, _true(missing))

    def unique(self, keys: Sequence[Hashable]) -> Labels:
        """Rows of keys that occur more than once."""
        frame = self._frame.select(map(str, keys))
        if frame.width == 1:
            there = frame.to_series().drop_nulls()
            if there.n_unique() == len(there):  # found in a fraction of the time that naming the doubled ones takes
                return Labels(len(there), _none(), keys=0)
        valid = frame.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        doubled = (frame.to_series() if frame.width == 1 else frame).is_duplicated() & valid
        return Labels(int(valid.sum()), _true(doubled), keys=frame.filter(doubled).n_unique() if doubled.any() else 0)

    def check(self, check: Any, key: Hashable | None) -> Labels:
        """Run a Pandera check on a column, or on the whole frame."""
        if check.groupby is not None:
            raise Unevaluable("Pandera does not evaluate checks with groupby on polars frames")
        column = None if key is None else str(key)
        lazy = self._frame.lazy()
        backend = backend_of(check, lazy)
        output = backend.apply(PolarsData(backend.preprocess(lazy, column), column or "*"))
        if isinstance(output, bool):
            return Labels(1, failed=int(not output))
        passed = _labels(output)
        if len(passed) != self.rows:
            if len(passed) != 1:
                raise Unevaluable(f"the check gave {len(passed):,} answers for {self.rows:,} rows")
            return Labels(1, failed=int(passed[0] is not True))
        return self._row_labels(check, column, passed)

    def _row_labels(self, check: Any, column: str | None, passed: pl.Series) -> Labels:
        if column is None:
            if check.ignore_na:  # null: an operand was null, so the row was not evaluated
                return Labels(self.rows - passed.null_count(), _true(~passed))
            return Labels(self.rows, _true(~passed.fill_null(False)))
        series = self._frame.get_column(column)
        missing = series.null_count()
        if passed.all(ignore_nulls=False) and (check.ignore_na or not missing):
            return Labels(self.rows - missing, _none())
        valid = series.is_not_null()
        if check.ignore_na:
            return Labels(self.rows - missing, _true(~passed & valid))
        bad = ~passed.fill_null(False)
        return Labels(self.rows, _true(bad | ~valid if is_builtin(check) else bad))


def _labels(output: Any) -> pl.Series:
    if not isinstance(output, (pl.LazyFrame, pl.DataFrame)):
        raise Unevaluable(f"the check returned {type(output).__name__}; expected a bool or a frame of booleans")
    series = output.lazy().collect().to_series()
    if series.dtype not in (pl.Boolean, pl.Null):
        raise Unevaluable(f"the check returned a column of {series.dtype}; expected booleans")
    return series.cast(pl.Boolean)


def _nan_as_null(frame: pl.DataFrame) -> pl.DataFrame:
    floats = frame.select(cs.float())
    with_nan = [series.name for series in floats if series.is_nan().any()]
    return frame.with_columns(pl.col(with_nan).fill_nan(None)) if with_nan else frame


def _none() -> Any:
    """No ordinals."""
    return pl.Series(dtype=pl.Int64).to_arrow()


def _true(mask: pl.Series) -> Any:
    """Ordinals of the true values as an Arrow array; null is not true."""
    return mask.arg_true().cast(pl.Int64).to_arrow()
