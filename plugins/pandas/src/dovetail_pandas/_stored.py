"""pandas frames as they are stored: index and dtypes included, and read as a whole or some columns alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from dovetail.types.arrow import KEPT

from dovetail_pandas._arrow import arrow_to_frame, column_to_arrow, frame_to_arrow, index_is_default, index_matters

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"dovetail.pandas"


def with_row_labels(frame: pd.DataFrame) -> pa.Table:
    """Like :func:`frame_to_arrow`; row numbers that are not the default ones come last, in a column of their own."""
    table = frame_to_arrow(frame)
    if index_is_default(frame.index) or index_matters(frame.index):
        return table
    label = "__index__"
    while label in table.column_names:
        label += "_"
    return table.append_column(label, column_to_arrow(frame.index.to_series(), label))


def store_frame(frame: pd.DataFrame) -> pa.Table:
    """The frame as a table that :func:`restore_frame` turns back into the same frame.

    Other libraries read the same columns that :func:`frame_to_arrow` gives: row labels that it leaves out are kept for pandas.
    """
    table = frame_to_arrow(frame)
    index = frame.index
    notes: dict[str, Any] = {"dtypes": [_note(dtype) for dtype in frame.dtypes], "index": None}
    if index_is_default(index):
        pass
    elif isinstance(index, pd.RangeIndex) and (index.name is None or isinstance(index.name, str)):
        notes["index"] = {"range": [index.start, index.stop, index.step], "name": index.name}
        if index_matters(index):
            table = table.remove_column(0)
    elif index_matters(index) and table.num_columns == frame.shape[1] + index.nlevels:
        levels = table.column_names[: index.nlevels]
        notes["index"] = {"columns": levels, "names": list(index.names), "dtypes": _level_types(index)}
    elif not index_matters(index):
        table = with_row_labels(frame)
        last = table.num_columns - 1
        table = table.cast(table.schema.set(last, table.schema.field(last).with_metadata(KEPT)))
        notes["index"] = {"columns": table.column_names[-1:], "names": [None], "dtypes": [str(index.dtype)]}
    return table.replace_schema_metadata({_KEY: json.dumps(notes).encode()})


_MOST_CATEGORIES = 10_000


def _note(dtype: Any) -> Any:
    """A dtype as JSON: its name; for a category also the categories, which files of no rows would forget."""
    if isinstance(dtype, pd.CategoricalDtype) and len(dtype.categories) <= _MOST_CATEGORIES:
        values = dtype.categories.tolist()
        if all(type(value) in (str, int, bool) for value in values):
            return {"categories": values, "of": str(dtype.categories.dtype), "ordered": bool(dtype.ordered)}
    return str(dtype)


def _level_types(index: pd.Index[Any]) -> list[str]:
    if isinstance(index, pd.MultiIndex):
        return [str(dtype) for dtype in index.dtypes]
    return [str(index.dtype)]


def restore_frame(table: pa.Table) -> pd.DataFrame:
    """The frame that :func:`store_frame` was given; a table from elsewhere as :func:`arrow_to_frame` does."""
    stored = (table.schema.metadata or {}).get(_KEY)
    frame = arrow_to_frame(table)
    if stored is None:
        return frame
    notes = json.loads(stored)
    index = notes["index"]
    if index is not None and "columns" in index:
        for label, dtype in zip(index["columns"], index["dtypes"], strict=True):
            frame[label] = _as(frame[label], dtype, table.column(label))
        frame = frame.set_index(index["columns"])
        frame.index.names = index["names"]
    for name, dtype in zip(frame.columns, notes["dtypes"], strict=True):
        if str(frame[name].dtype) != dtype:
            frame[name] = _as(frame[name], dtype, table.column(name))
    if index is not None and "range" in index:
        frame.index = pd.RangeIndex(range(*index["range"]), name=index["name"])
    return frame


def _as(series: pd.Series[Any], dtype: Any, column: pa.ChunkedArray) -> pd.Series[Any]:
    """The series in a dtype given by its note. A name that pandas cannot read back leaves the values as they are."""
    if isinstance(dtype, dict):
        categories = pd.Index(dtype["categories"], dtype=dtype["of"])
        return series.astype(pd.CategoricalDtype(categories, dtype["ordered"]))
    if dtype == "category" or str(series.dtype) == dtype:
        return series
    if dtype == "object":
        return pd.Series(column.to_pylist(), index=series.index, dtype=object)
    try:
        return series.astype(dtype)
    except (TypeError, ValueError, NotImplementedError):
        return series


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """The columns of a stored frame: with a named range as the first of them, of which the file has no column."""
    import pyarrow as pa

    named = _range_name(_notes(schema))
    return schema if named is None else schema.insert(0, pa.field(named, pa.int64()))


def restore_columns(schema: pa.Schema, columns: Sequence[str], read: Callable[[list[str]], pa.Table]) -> pd.DataFrame:
    """Some columns of a stored frame, as choosing them from the whole would give them: row labels stay, an index is columns.

    Args:
        schema: That of the file.
        columns: Names, each once; all are there.
        read: Reads columns of the file.
    """
    notes = _notes(schema)
    if notes is None:
        return arrow_to_frame(read(list(columns)))
    index = notes["index"] or {}
    levels = dict(zip(index.get("columns", ()), index.get("dtypes", ()), strict=True))
    dtypes = {**dict(zip((n for n in schema.names if n not in levels), notes["dtypes"], strict=True)), **levels}
    labels = [name for name in levels if (schema.field(name).metadata or {}).keys() & KEPT.keys()]
    named, span = _range_name(notes), range(*index.get("range", (0,)))
    table = read([*(name for name in columns if name != named), *labels])
    frame = arrow_to_frame(table)
    if named is not None and named in columns:
        frame.insert(list(columns).index(named), named, pd.Series(span, index=frame.index, dtype="int64"))
    for name in frame.columns:
        if name != named and str(frame[name].dtype) != dtypes[name]:
            frame[name] = _as(frame[name], dtypes[name], table.column(name))
    if labels:
        frame = frame.set_index(labels)
        frame.index.names = [None]
    elif span and named is None:
        frame.index = pd.RangeIndex(span)
    return frame


def _notes(schema: pa.Schema) -> Any:
    stored = (schema.metadata or {}).get(_KEY)
    return None if stored is None else json.loads(stored)


def _range_name(notes: Any) -> str | None:
    """The name of an index that is a range, which is stored as three numbers."""
    index = (notes or {}).get("index") or {}
    name: str | None = index.get("name") if "range" in index else None
    return name
