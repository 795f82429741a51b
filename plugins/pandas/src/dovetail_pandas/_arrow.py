"""pandas <-> Arrow without losing anything silently.

Going out, a missing value of any pandas dtype is a null. Coming in, a null takes the narrowest pandas dtype that can hold it:
nullable ``Int64`` or ``boolean`` rather than floats or objects; what pandas has no dtype for stays in Arrow (``ArrowDtype``).
A float column that holds real NaN values stays in Arrow too, because NaN in a numpy float column means missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from dovetail.errors import ValueMismatch
from dovetail.types.arrow import check_columns

from dovetail_pandas._settings import arrow_dtypes

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 15
"""Values that are copied at a time."""
_NULLABLE = {
    "int8": "Int8",
    "int16": "Int16",
    "int32": "Int32",
    "int64": "Int64",
    "uint8": "UInt8",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "bool": "boolean",
}


_OLD = int(pd.__version__.partition(".")[0]) < 3
"""pandas 2 has no text type by default: text is a column of objects."""


def index_is_default(index: pd.Index[Any]) -> bool:
    """True for the row numbers that every new frame has."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None


def index_matters(index: pd.Index[Any]) -> bool:
    """True for an index that says something of its own: named, of several levels, or of anything but integers.

    An unnamed index of integers is what filtering, sorting and joining leave of the row numbers.
    """
    return isinstance(index, pd.MultiIndex) or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype)


def frame_to_arrow(frame: pd.DataFrame) -> pa.Table:
    """The frame as other frames see it: an index that matters becomes the first columns, under the names of reset_index.

    Raises:
        ValueMismatch: A column name is not text or occurs twice; a column holds objects that Arrow has no one type for.
    """
    if index_matters(frame.index):
        if frame.index.nlevels == 1 and len(frame) == 0 and frame.index.name is None:
            frame = frame.reset_index(drop=True)  # the index of an empty frame is of objects and says nothing
        else:
            try:
                frame = frame.reset_index()
            except ValueError as error:
                raise ValueMismatch(
                    "the index of the pandas frame has the name of a column",
                    why=str(error),
                    fix="rename one of them, or drop the index: frame.reset_index(drop=True)",
                ) from error
    return _columns_to_arrow(frame)


def _columns_to_arrow(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    check_columns(list(frame.columns), "the pandas frame")
    if frame.shape[1] == 0:
        return pa.table({"": pa.nulls(len(frame))}).select([])
    arrays, fields = [], []
    for position, name in enumerate(frame.columns):
        array = column_to_arrow(frame.iloc[:, position], str(name))
        arrays.append(array)
        fields.append(pa.field(str(name), array.type))
    from dovetail.types.arrow import normalise_table

    return normalise_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)))


def column_to_arrow(series: pd.Series[Any], name: str) -> Any:
    import pyarrow as pa

    try:
        if isinstance(series.dtype, pd.CategoricalDtype):
            # By hand: pa.array forgets the type of the categories where there are none.
            codes = series.cat.codes.to_numpy()
            categories = column_to_arrow(series.cat.categories.to_series(), name)
            if isinstance(categories, pa.ChunkedArray):
                categories = pa.array([], categories.type) if not len(categories) else categories.combine_chunks()
            indices = pa.array(codes, mask=codes < 0)
            return pa.DictionaryArray.from_arrays(indices, categories, ordered=bool(series.cat.ordered))
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ValueMismatch(
            f"the pandas column {name!r} (dtype {series.dtype}) has no one Arrow type",
            why=str(error).splitlines()[0],
            fix=f"cast it to one type, for example frame[{name!r}].astype('string'), or drop it",
        ) from error
    return array


# -- coming in -----------------------------------------------------------------------------------------


def arrow_to_frame(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame with a default index.

    Raises:
        ValueMismatch: A column name occurs twice.
    """
    check_columns(table.column_names, "the Arrow table")
    index = pd.RangeIndex(table.num_rows)
    if arrow_dtypes():
        return _frame_of({name: _in_arrow(table.column(i), index) for i, name in enumerate(table.column_names)}, index)
    usual = [name for i, name in enumerate(table.column_names) if _is_usual(table.column(i))]
    frame = table.select(usual).to_pandas(ignore_metadata=True) if usual else None
    if frame is not None and len(usual) == table.num_columns:
        whole: pd.DataFrame = frame
        return whole
    columns = {} if frame is None else {name: frame[name] for name in usual}
    columns |= _doubles(
        {n: c for n, c in zip(table.column_names, table.columns, strict=True) if n not in columns}, index
    )
    for position, name in enumerate(table.column_names):
        if name not in columns:
            columns[name] = _series(table.column(position), index)
    return _frame_of({name: columns[name] for name in table.column_names}, index)


def _in_arrow(column: pa.ChunkedArray, index: pd.RangeIndex) -> pd.Series[Any]:
    """A column that stays in Arrow. Categories are pandas' own, as everywhere; so is what Arrow was taught."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) or isinstance(column.type, pa.BaseExtensionType):
        return _series(column, index)
    return pd.Series(pd.arrays.ArrowExtensionArray(column), index=index, copy=False)


def _frame_of(columns: dict[str, pd.Series[Any]], index: pd.RangeIndex) -> pd.DataFrame:
    # Every column is a copy already, or never changes in place, so the frame may keep it.
    return pd.DataFrame(columns, index=index, columns=None if columns else pd.Index([], dtype="str"), copy=False)


def _doubles(columns: Mapping[str, pa.ChunkedArray], index: pd.RangeIndex) -> dict[str, pd.Series[Any]]:
    """The float columns without nulls and NaN; they share one block of memory, which is had for less than many."""
    import numpy as np

    names = [name for name, column in columns.items() if str(column.type) == "double" and not column.null_count]
    block = np.empty((len(names), len(index)))
    found = ((name, _without_nan(columns[name], row)) for name, row in zip(names, block, strict=True))
    return {name: pd.Series(values, index=index, copy=False) for name, values in found if values is not None}


def _is_usual(column: pa.ChunkedArray) -> bool:
    """Whether Arrow's own conversion, which does many columns at once, makes of it what :func:`_series` would."""
    import pyarrow.types as t

    kind = column.type
    if str(kind) in _NULLABLE:
        return bool(column.null_count == 0)
    return bool(t.is_timestamp(kind) or t.is_duration(kind))


def _series(column: pa.ChunkedArray, index: pd.RangeIndex) -> pd.Series[Any]:
    """One column; the choice of dtype is described at the top of the module."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    nullable = _NULLABLE.get(str(kind))
    if nullable is not None:
        if column.null_count == 0:
            return pd.Series(column.to_numpy(), index=index)
        dtype: Any = pd.api.types.pandas_dtype(nullable)
        return pd.Series(dtype.__from_arrow__(column), index=index)
    if t.is_floating(kind):
        values = _without_nan(column)
        return _keep(column, index) if values is None else pd.Series(values, index=index, copy=False)
    if t.is_dictionary(kind) and column.null_count == len(column):
        # Nothing in it would tell pandas what the categories are of.
        categories = _series(pa.chunked_array([], kind.value_type), pd.RangeIndex(0))
        empty = pd.CategoricalDtype(pd.Index(categories), kind.ordered)
        return pd.Series([None] * len(column), index=index, dtype=empty)
    if _OLD and (t.is_string(kind) or t.is_large_string(kind)):
        # An object column, which text is by default before pandas 3, forgets that it is text when no text is left in it.
        dtype = pd.StringDtype()
        return pd.Series(dtype.__from_arrow__(column), index=index)
    if isinstance(kind, pa.BaseExtensionType):
        try:
            kind.to_pandas_dtype()
        except NotImplementedError:
            return _keep(column, index)  # as objects, no rows would be of no type
        return _with_index(column.to_pandas(), index)  # periods and intervals
    plain = t.is_string(kind) or t.is_large_string(kind) or t.is_timestamp(kind) or t.is_duration(kind)
    if plain or (t.is_dictionary(kind) and not t.is_nested(kind.value_type)):
        if t.is_dictionary(kind) and t.is_unsigned_integer(kind.index_type):  # pyarrow 18 takes signed ones only
            parts = [(part.indices.cast(pa.int64()), part.dictionary) for part in column.chunks]
            column = pa.chunked_array([pa.DictionaryArray.from_arrays(*part, ordered=kind.ordered) for part in parts])
        return _with_index(column.to_pandas(), index)
    return _keep(column, index)


def _with_index(series: pd.Series[Any], index: pd.Index[Any]) -> pd.Series[Any]:
    series.index = index
    series.name = None
    return series


def _keep(column: pa.ChunkedArray, index: pd.RangeIndex) -> pd.Series[Any]:
    return pd.Series(pd.arrays.ArrowExtensionArray(column), index=index)


def _without_nan(column: pa.ChunkedArray, into: Any = None) -> Any:
    """The values of a float column as a new numpy array, NaN for nulls; None if a NaN is among the values themselves."""
    import numpy as np
    import pyarrow.compute as pc

    if column.null_count:
        return None if pc.any(pc.is_nan(column)).as_py() else np.array(column.to_numpy())
    values = np.empty(len(column), column.type.to_pandas_dtype()) if into is None else into
    end = 0
    for chunk in column.chunks:
        source = chunk.to_numpy(zero_copy_only=True)
        for start in range(0, len(source), _BLOCK):  # looked at and copied while it is in the processor's cache
            part = source[start : start + _BLOCK]
            if np.isnan(part.min()):  # NaN if any of them is
                return None
            values[end : end + len(part)] = part
            end += len(part)
    return values


def project_frame(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """These columns, in this order; those with an Arrow type are widened to it. No value changes by that."""
    import pyarrow as pa

    if index_matters(frame.index):
        frame = frame.reset_index()
    narrow = frame[list(columns)]
    wider = {name: kind for name, kind in columns.items() if kind is not None}
    if wider:
        narrow = narrow.copy(deep=False)
    for name, kind in wider.items():
        column = column_to_arrow(narrow[name], name)
        whole = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        narrow[name] = _with_index(_series(whole.cast(kind), pd.RangeIndex(len(narrow))), narrow.index)
    return narrow
