"""A pandas frame under Pandera's checks. Its index is set aside first, so that labels are ordinals whatever it holds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandera.errors import ParserError, SchemaError

from dovetail_pandera._frames import Labels, Level, Unevaluable, backend_of, is_builtin
from dovetail_pandera._plan import index_components, index_name


class PandasFrame:
    """Implements :class:`~dovetail_pandera._frames.Frame`."""

    def __init__(self, value: pd.DataFrame, schema: Any) -> None:
        schema.register_default_backends(pd.DataFrame)
        self._index = value.index
        self._frame = _nan_as_null(value.reset_index(drop=True))
        self._original = self._frame
        self._coerced: dict[Hashable, pd.Series[Any]] = {}
        self.rows: int = len(value)
        self.names: Sequence[Hashable] = list(value.columns)

    def matching(self, component: Any) -> list[Hashable]:
        """Columns that match a component's pattern."""
        try:
            return list(component.get_backend(self._frame).get_regex_columns(component, self._frame))
        except SchemaError:  # no column matches
            return []

    def index_keys(self, schema: Any) -> list[tuple[Hashable, Any, str]]:
        """Key, component and name of each level of the index that the schema describes."""
        keys: list[tuple[Hashable, Any, str]] = []
        for position, component in enumerate(index_components(schema)):
            level = position
            if component.name is not None and component.name in self._index.names:
                level = self._index.names.index(component.name)
            keys.append((Level(level), component, index_name(component, position)))
        return keys

    def _series(self, key: Hashable, coerced: bool = True) -> pd.Series[Any]:
        if coerced and key in self._coerced:
            return self._coerced[key]
        if isinstance(key, Level):
            if key.position >= self._index.nlevels:
                raise Unevaluable(f"the index has {self._index.nlevels} levels, the schema describes more")
            return pd.Series(self._index.get_level_values(key.position)).reset_index(drop=True)
        return self._original[key]

    def dtype(self, key: Hashable, dtype: Any) -> Labels:
        """Does the column have the type?"""
        from pandera.engines.pandas_engine import Engine

        series = self._series(key, coerced=False)
        fine = dtype.check(Engine.dtype(series.dtype), series)
        if not isinstance(fine, (bool, np.bool_)):  # Python types such as list[int] are looked at value by value
            wrong = _true(~np.asarray(fine, dtype=bool) & series.notna().to_numpy())
            return Labels(self.rows, wrong) if len(wrong) else Labels(1)
        return Labels(1, failed=int(not fine), observed=None if fine else str(series.dtype))

    def coerce(self, key: Hashable, dtype: Any) -> Labels:
        """Look at the column as this type; values that do not convert fail and are left out from here on."""
        series = self._series(key, coerced=False).dropna()
        evaluated = len(series)
        bad: Any = np.array([], dtype=np.int64)
        try:
            coerced = dtype.try_coerce(series)
        except ParserError as error:
            if error.failure_cases is None or "index" not in getattr(error.failure_cases, "columns", ()):
                raise Unevaluable(f"the column does not convert to {dtype}: {error}") from error
            bad = np.unique(error.failure_cases["index"].to_numpy().astype(np.int64))
            coerced = dtype.try_coerce(series.drop(index=bad))
        self._coerced[key] = coerced
        if not isinstance(key, Level):
            self._frame = self._frame.copy(deep=False)
            self._frame[key] = coerced.reindex(self._frame.index)
        return Labels(evaluated, bad)

    def not_null(self, key: Hashable) -> Labels:
        """Rows with null or NaN, before any coercion."""
        return Labels(self.rows, _true(self._series(key, coerced=False).isna().to_numpy()))

    def unique(self, keys: Sequence[Hashable]) -> Labels:
        """Rows of keys that occur more than once."""
        columns = [self._series(key).dropna() for key in keys]
        present = (
            columns[0] if len(columns) == 1 else pd.concat(columns, axis=1, join="inner", keys=range(len(columns)))
        )
        doubled = present.duplicated(keep=False)
        repeated = present[doubled]
        rows = repeated.index.to_numpy().astype(np.int64)
        return Labels(len(present), rows, keys=len(repeated.drop_duplicates()) if len(rows) else 0)

    def check(self, check: Any, key: Hashable | None) -> Labels:
        """Run a Pandera check on a column, or on the whole frame."""
        if key is None or check.groupby is not None:
            return self._check_frame(check, key)
        series = self._series(key)
        backend = backend_of(check, series)
        given = backend.preprocess(series, None)  # without its nulls if the check ignores them
        output = backend.apply(given)
        if not isinstance(output, pd.Series):
            return _verdict(output)
        if len(output) != len(given):
            raise Unevaluable(f"the check gave {len(output):,} answers for {len(given):,} values")
        if not output.index.equals(given.index):
            return Labels(1, failed=int(not bool(output.all())))  # answers about something else than these rows
        passed = _booleans(output)
        bad = ~_without_null(passed, check.ignore_na)
        if not check.ignore_na and is_builtin(check):
            bad |= series.isna()
        return Labels(len(given), _ordinals(bad))

    def _check_frame(self, check: Any, key: Hashable | None) -> Labels:
        backend = backend_of(check, self._frame)
        given = backend.preprocess(self._frame, key)
        output = backend.apply(given)
        if isinstance(output, pd.DataFrame) and isinstance(given, pd.DataFrame):
            if output.shape != given.shape:
                raise Unevaluable(f"the check gave answers of shape {output.shape} for a frame of shape {given.shape}")
            cells = output.apply(_booleans)
            cells = cells.mask(given.isna(), True) if check.ignore_na else cells.fillna(False)
            output = cells.all(axis="columns")
        if not isinstance(output, pd.Series):
            return _verdict(output)
        if not isinstance(given, pd.DataFrame) or not output.index.equals(given.index):
            return Labels(1, failed=int(not bool(output.all())))
        passed = _booleans(output)
        if not check.ignore_na:
            return Labels(self.rows, _ordinals(~_without_null(passed, False)))
        bad = _ordinals(~_without_null(passed, True))
        unknown = self._with_null_operand(check, bad)
        return Labels(self.rows - int(passed.isna().sum()) - len(unknown), np.setdiff1d(bad, unknown))

    def _with_null_operand(self, check: Any, bad: Any) -> Any:
        """Failing rows that were not really evaluated, because an operand was null.

        NumPy's types know two truth values: a comparison with NaN is False. The failing rows that hold a null are asked
        once more with types that know three. Only "unknown" is believed; in doubt the row stays a failure.
        """
        rows = self._frame.iloc[bad]
        rows = rows[rows.isna().any(axis="columns")]
        if rows.empty:
            return np.array([], dtype=np.int64)
        try:
            nullable = rows.convert_dtypes(dtype_backend="pyarrow")
            output = backend_of(check, nullable).apply(nullable)
            if isinstance(output, pd.Series) and output.index.equals(nullable.index):
                return _ordinals(output.isna())
        except Exception:  # the user's function may not take such types
            return np.array([], dtype=np.int64)
        return np.array([], dtype=np.int64)


def _nan_as_null(frame: pd.DataFrame) -> pd.DataFrame:
    """NaN counts as null, in every engine. Masked and Arrow columns hold both; for them NaN is made null."""
    replaced: dict[int, pd.Series[Any]] = {}
    for position, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, np.dtype) or getattr(dtype, "kind", "") != "f":
            continue
        series = frame.iloc[:, position]
        nan = np.isnan(series.to_numpy(dtype=float, na_value=0.0))
        if nan.any():
            replaced[position] = series.mask(nan)
    if not replaced:
        return frame
    columns = [replaced.get(position, frame.iloc[:, position]) for position in range(frame.shape[1])]
    return pd.concat(columns, axis="columns")


def _verdict(output: Any) -> Labels:
    if isinstance(output, (bool, np.bool_)):
        return Labels(1, failed=int(not output))
    raise Unevaluable(f"the check returned {type(output).__name__}; expected a bool or a series of booleans")


def _booleans(output: pd.Series[Any]) -> pd.Series[Any]:
    """Booleans that may be null, whatever they are held in."""
    if output.dtype == bool:
        return output
    try:
        return output.astype("boolean")
    except (TypeError, ValueError) as error:
        raise Unevaluable(f"the check returned values of type {output.dtype}; expected booleans") from error


def _without_null(passed: pd.Series[Any], verdict: bool) -> pd.Series[Any]:
    """Plain booleans, null replaced by the verdict on it."""
    return passed if passed.dtype == bool else passed.fillna(verdict).astype(bool)


def _ordinals(mask: pd.Series[Any]) -> Any:
    """The index of the true values; the index holds ordinals."""
    return mask.index[mask.to_numpy(dtype=bool)].to_numpy().astype(np.int64)


def _true(mask: Any) -> Any:
    return np.flatnonzero(mask).astype(np.int64)
