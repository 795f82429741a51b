"""NumPy <-> Arrow: a structured array is a table; any other becomes a table of one column, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t
from dovetail.errors import ValueMismatch
from dovetail.types.arrow import check_columns, normalise_table

PLAIN = b"dovetail.numpy"
"""Key of the metadata of a table that was no structured array."""

COLUMN = "values"
_UNITS = ("s", "ms", "us", "ns")
_ROOM = 64_000_000
"""Bytes that text of fixed width may take beyond ten times what it takes in Arrow."""


def array_to_table(array: np.ndarray[Any, Any]) -> pa.Table:
    """One column per field; an array without fields is the column ``values``, its further dimensions lists of fixed size.

    Raises:
        ValueMismatch: It has no rows, or Arrow has no type for its values.
    """
    if array.ndim == 0:
        raise ValueMismatch("an array without dimensions is no table", fix="give it one: array.reshape(1)")
    if array.dtype.names is not None and array.ndim == 1:
        names = list(array.dtype.names)
        check_columns(names, "the structured array")
        if not names:
            return pa.table({"": pa.nulls(len(array))}).select([])
        return normalise_table(pa.table([_to_arrow(array[name], name) for name in names], names=names))
    table = pa.table([_to_arrow(array, COLUMN)], names=[COLUMN])
    return normalise_table(table).replace_schema_metadata({PLAIN: b"plain"})


def _to_arrow(array: np.ndarray[Any, Any], name: str) -> pa.Array:
    """An array of n rows as an Arrow array of length n."""
    if array.ndim > 1:
        size = array.shape[1]
        if size == 0:
            raise _no_type(name, f"{array.dtype}, of shape {array.shape}", "drop the dimension of length 0")
        flat = array.reshape(-1, *array.shape[2:])
        return pa.FixedSizeListArray.from_arrays(_to_arrow(flat, name), size)
    dtype = array.dtype
    if dtype.names is not None:
        if not dtype.names:
            raise _no_type(name, "a record without fields", "drop it")
        return pa.StructArray.from_arrays([_to_arrow(array[n], f"{name}.{n}") for n in dtype.names], list(dtype.names))
    if dtype.kind in "Mm":
        return _times(array, name)
    if dtype.kind == "V":
        width = dtype.itemsize
        data = np.ascontiguousarray(array).tobytes()
        return pa.Array.from_buffers(pa.binary(width), len(array), [None, pa.py_buffer(data)])
    if dtype.kind == "c":
        raise _no_type(name, str(dtype), "give real and imaginary part as two fields")
    array = np.ascontiguousarray(array, dtype.newbyteorder("="))
    if dtype.kind in "US" and _zero_inside(array):
        return pa.array(array.tolist(), pa.string() if dtype.kind == "U" else pa.binary())  # pyarrow 26 cuts at a zero
    return pa.array(array)


def _zero_inside(array: np.ndarray[Any, Any]) -> bool:
    """Whether text or bytes go on after a zero."""
    if array.dtype.itemsize == 0:
        return False
    unit = np.dtype(np.uint32 if array.dtype.kind == "U" else np.uint8)
    characters = array.view(unit).reshape(len(array), array.dtype.itemsize // unit.itemsize)
    return bool(np.any((characters[:, :-1] == 0) & (characters[:, 1:] != 0)))


def _times(array: np.ndarray[Any, Any], name: str) -> pa.Array:
    unit, step = np.datetime_data(array.dtype)
    dates = array.dtype.kind == "M" and unit == "D"
    if step != 1 or not (dates or unit in _UNITS):
        raise _no_type(name, str(array.dtype), "cast it: astype('datetime64[us]'), or 'timedelta64[us]'")
    missing = np.isnat(array)
    numbers = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).view(np.int64)
    if dates:
        if np.any((np.abs(numbers) > 2**31 - 1) & ~missing):
            raise _no_type(name, "dates beyond the year 5,000,000", "cast it: astype('datetime64[s]')")
        return pa.array(np.where(missing, 0, numbers).astype(np.int32), pa.date32(), mask=missing)
    kind = pa.timestamp(unit) if array.dtype.kind == "M" else pa.duration(unit)
    return pa.array(numbers, pa.int64(), mask=missing).cast(kind)


def table_to_array(table: pa.Table) -> np.ndarray[Any, Any]:
    """A structured array with a field per column; what :func:`array_to_table` made of a plain array, as it was.

    Raises:
        ValueMismatch: A column has nulls other than of times, or NumPy has no type of fixed width for it.
    """
    check_columns(table.column_names, "the Arrow table")
    table = normalise_table(table)
    if (table.schema.metadata or {}).get(PLAIN) == b"plain" and table.column_names == [COLUMN]:
        return _to_numpy(_one_piece(table.column(0)), COLUMN)
    columns = {name: _to_numpy(_one_piece(table.column(name)), name) for name in table.column_names}
    return _records(columns, table.num_rows)


def _records(columns: dict[str, np.ndarray[Any, Any]], rows: int) -> np.ndarray[Any, Any]:
    for name in columns:
        if not name:
            raise ValueMismatch("a field of a structured array has a name, and a column has none", fix="rename it")
    whole = np.empty(rows, dtype=[(name, part.dtype, part.shape[1:]) for name, part in columns.items()])
    for name, part in columns.items():
        whole[name] = part
    return whole


def _one_piece(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _to_numpy(array: pa.Array, name: str) -> np.ndarray[Any, Any]:
    """An Arrow array of length n as an array of n rows."""
    kind = array.type
    times = t.is_timestamp(kind) or t.is_duration(kind) or t.is_date32(kind)
    if array.null_count and not times:
        raise _no_type(name, f"{array.null_count} nulls", "fill them: column.fill_null(...), or drop the rows")
    if t.is_fixed_size_list(kind):
        return _lists(array, name)
    if t.is_struct(kind):
        if not kind.num_fields:
            raise _no_type(name, "a struct without fields", "drop it")
        parts = array.flatten()
        fields = {kind.field(i).name: _to_numpy(parts[i], f"{name}.{kind.field(i).name}") for i in range(len(parts))}
        if len(fields) != len(parts):
            raise _no_type(name, "two fields of one name", "rename one")
        return _records(fields, len(array))
    if times and getattr(kind, "tz", None) is None:
        return _moments(array, name)
    if t.is_string(kind) or t.is_large_string(kind) or t.is_binary(kind) or t.is_large_binary(kind):
        return _texts(array, name)
    if t.is_fixed_size_binary(kind):
        data = array.buffers()[1]
        width = kind.byte_width
        part = memoryview(data)[array.offset * width : (array.offset + len(array)) * width] if data else b""
        return np.frombuffer(part, dtype=f"V{width}").copy()
    if t.is_boolean(kind) or t.is_integer(kind) or t.is_floating(kind):
        return np.array(array.to_numpy(zero_copy_only=False))
    raise _no_type(name, f"{kind}, for which NumPy has no type", "cast or drop it, or take the table as a frame")


def _lists(array: pa.Array, name: str) -> np.ndarray[Any, Any]:
    flat = _to_numpy(array.flatten(), name)
    return flat.reshape(len(array), array.type.list_size, *flat.shape[1:])


def _moments(array: pa.Array, name: str) -> np.ndarray[Any, Any]:
    """Dates, timestamps and durations; a null is NaT."""
    kind = array.type
    if t.is_date32(kind):
        numbers, dtype = array.cast(pa.int32()).cast(pa.int64()), "datetime64[D]"
    else:
        numbers, dtype = array.cast(pa.int64()), f"{'datetime' if t.is_timestamp(kind) else 'timedelta'}64[{kind.unit}]"
    low = np.iinfo(np.int64).min
    if pc.any(pc.equal(numbers, low)).as_py():
        raise _no_type(name, "a moment that NumPy takes for NaT", "it is the earliest there is, and hardly meant")
    return np.array(numbers.fill_null(low).to_numpy(zero_copy_only=False)).view(dtype)


def _texts(array: pa.Array, name: str) -> np.ndarray[Any, Any]:
    """Text and bytes in the width of the longest one."""
    text = t.is_string(array.type) or t.is_large_string(array.type)
    lengths = pc.utf8_length(array) if text else pc.binary_length(array)
    width = max(pc.max(lengths).as_py() or 0, 1)
    bytes_wanted = width * len(array) * (4 if text else 1)
    if bytes_wanted > 10 * array.nbytes + _ROOM:
        raise _no_type(
            name,
            f"text of up to {width} characters, which would take {bytes_wanted // 10**6} MB in fixed width",
            "cut it, or take the table as a frame",
        )
    items = array.to_pylist()
    found = np.array(items, dtype=f"{'U' if text else 'S'}{width}")
    if any(item[-1:] in ("\0", b"\0") for item in items):
        raise _no_type(name, "values that end with a zero byte, which NumPy cuts", "take the table as a frame")
    return found


def _no_type(name: str, what: str, fix: str) -> ValueMismatch:
    return ValueMismatch(f"the column {name!r} does not travel between NumPy and Arrow", why=f"it has {what}", fix=fix)
