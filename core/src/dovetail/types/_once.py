"""Record batch readers give their rows once: who took which one, so that nobody takes a read one for an empty table."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dovetail.errors import ValueMismatch

if TYPE_CHECKING:
    import pyarrow as pa

READER = "pyarrow.RecordBatchReader"
Reopen = Callable[[], "Iterator[pa.RecordBatch]"]

_lock = threading.Lock()
_taken: weakref.WeakSet[Any] = weakref.WeakSet()
_origins: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""Reader that was handed on -> the reader that its rows come from."""
_stored: weakref.WeakKeyDictionary[Any, Reopen] = weakref.WeakKeyDictionary()
"""Reader -> how its rows are read again from the file that they were stored in."""


def hand_on(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """A reader of the same rows for one consumer. The first consumer that takes a batch has them; the others are told so.

    Raises:
        ValueMismatch: The rows were taken already, and are not stored.
    """
    import pyarrow as pa

    origin = _origin(reader)
    if origin in _taken and origin not in _stored:
        raise _read_already()
    made = pa.RecordBatchReader.from_batches(reader.schema, rows_of(origin))
    _origins[made] = origin
    return made


def rows_of(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The record batches of a reader, once, or from the file where they are stored.

    Raises:
        ValueMismatch: With the first batch, if somebody took them already, and they are not stored.
    """
    origin = _origin(reader)
    with _lock:
        first = origin not in _taken
        _taken.add(origin)
    if first:
        yield from _given(origin)
        return
    again = _stored.get(origin)
    if again is None:
        raise _read_already()
    yield from again()


def _given(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    try:
        yield from reader
    except pa.ArrowException as error:
        raise ValueMismatch(
            "the stream of a pyarrow.RecordBatchReader broke off",
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="look at what produces it",
        ) from error


def remember(reader: pa.RecordBatchReader, reopen: Reopen) -> None:
    """Say where the rows of a reader are found again."""
    _stored[_origin(reader)] = reopen


def _origin(reader: Any) -> Any:
    return _origins.get(reader, reader)


def _read_already() -> ValueMismatch:
    return ValueMismatch(
        "this pyarrow.RecordBatchReader was read already",
        why="a reader gives its rows once, and another task or conversion has taken them",
        fix="hand on a pyarrow.Table, or a pyarrow.dataset.Dataset, which is read anew each time",
    )
