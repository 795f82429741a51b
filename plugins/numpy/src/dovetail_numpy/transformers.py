"""NumPy arrays, plain and structured: to and from Arrow, stored as ``.npy`` without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from dovetail.errors import ArtifactCorrupt
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer

from dovetail_numpy._hash import hash_array
from dovetail_numpy._kinds import check_array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrayTransformer", "NpyCodec", "from_arrow", "to_arrow"]

_HEADER = 10_000_000
"""Characters that the description of the fields in a file may take; thousands of fields fit."""
_CELL = 80
_COLUMNS = 20


def to_arrow(array: np.ndarray[Any, Any]) -> pa.Table:
    """A structured array as a table of its fields; any other as a table with the column ``values``.

    Raises:
        ValueMismatch: It holds what Arrow has no type for.
    """
    from dovetail_numpy._arrow import array_to_table

    check_array(array)
    return array_to_table(np.asarray(array))


def from_arrow(table: pa.Table) -> np.ndarray[Any, Any]:
    """A table as a structured array.

    Raises:
        ValueMismatch: A column has nulls, or values without a fixed width.
    """
    from dovetail_numpy._arrow import table_to_array

    return table_to_array(table)


class ArrayTransformer(TypeTransformer):
    """``numpy.ndarray``."""

    type_name = "numpy.ndarray"

    def content_hash(self, value: np.ndarray[Any, Any]) -> str:
        """Of dtype, shape and values."""
        check_array(value)
        return hash_array(value)

    def schema(self, value: np.ndarray[Any, Any]) -> Schema | None:
        """The fields of a structured array; a plain one has none."""
        if value.dtype.names is None:
            return None
        return Schema(tuple(FieldInfo(name, str(value.dtype[name]), False) for name in value.dtype.names))

    def size(self, value: np.ndarray[Any, Any]) -> int | None:
        """Bytes of the items."""
        return int(value.nbytes)

    def num_rows(self, value: np.ndarray[Any, Any]) -> int | None:
        """Length of the first dimension; None without one."""
        return len(value) if value.ndim else None

    def preview(self, value: np.ndarray[Any, Any], limit: int = 10) -> Preview:
        """Shape and dtype, and the first ``limit`` items of the first dimension."""
        text = _cut(f"{value.dtype}, shape {value.shape}", 300)
        if value.dtype.names is not None and value.ndim == 1:
            names = value.dtype.names[:_COLUMNS]
            rows = [tuple(_cell(value[name][row]) for name in names) for row in range(min(limit, len(value)))]
            return Preview(text, tuple(names), tuple(rows), len(value))
        if value.ndim == 0:
            return Preview(f"{text}: {_cell(value)}")
        rows = [(_cell(item),) for item in value[:limit]]
        return Preview(text, ("values",), tuple(rows), len(value))


def _cell(item: Any) -> str:
    if isinstance(item, np.ndarray) and item.size > _CELL:
        item = item.ravel()[:_CELL]
    return _cut(np.array2string(np.asarray(item), threshold=12, edgeitems=3, separator=", "), _CELL)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


class NpyCodec:
    """``numpy.ndarray`` <-> one ``.npy`` file. Python objects are neither written nor read."""

    def write(self, value: np.ndarray[Any, Any], path: Path) -> None:
        """Write the array."""
        check_array(value)
        with path.open("wb") as file:
            np.save(file, np.asarray(value), allow_pickle=False)

    def read(self, path: Path) -> np.ndarray[Any, Any]:
        """Read an array.

        Raises:
            ArtifactCorrupt: It is no such file, or a broken one, or one that holds Python objects.
        """
        try:
            with path.open("rb") as file:
                found = np.load(file, allow_pickle=False, max_header_size=_HEADER)
        except (ValueError, EOFError, MemoryError, OverflowError, OSError) as error:
            raise ArtifactCorrupt(
                f"the file {path.name} cannot be read as an array",
                why=str(error).splitlines()[0] if str(error) else type(error).__name__,
                fix="if it is an artifact, delete it and run again; if it is yours, write it again: "
                "numpy.save(path, array, allow_pickle=False)",
            ) from error
        if not isinstance(found, np.ndarray):
            raise ArtifactCorrupt(f"the file {path.name} holds an archive of arrays", fix="write one array")
        return found
