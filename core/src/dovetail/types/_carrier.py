"""Who takes tables and files between two processes of one machine, while a value is on its way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dovetail.spec import BlobSink, BlobSource

if TYPE_CHECKING:
    import pyarrow as pa


class Carrier(BlobSink, BlobSource, Protocol):
    """Where a value is laid for another process, and found by it. Nothing there is hashed, synced or kept for long."""

    def has(self, path: Path) -> bool:
        """Whether a path is one that this carrier made up."""
        ...

    def write_table(self, table: pa.Table, path: Path) -> None:
        """Lay a table where ``path``, made by ``temporary``, will lead to."""
        ...

    def write_batches(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        """Like :meth:`write_table`, for rows that never are in memory all at once."""
        ...

    def write_stream(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        """Offer rows that are made while they are read, once; returns the number of the stream."""
        ...

    def read_stream(self, number: int) -> pa.RecordBatchReader:
        """The reader of a stream that was offered."""
        ...

    def read_table(self, path: Path, columns: Sequence[str] | None) -> pa.Table:
        """The table at a path of ``open_path``; of its columns these only, in this order."""
        ...

    def table_schema(self, path: Path) -> pa.Schema:
        """The columns of the table at a path of ``open_path``."""
        ...

    def place(self, source: Path, target: Path, *, link: bool) -> None:
        """Make the file ``target`` hold what ``source`` holds; ``link``: by a link where that can be."""
        ...

    def lend(self, value: Any) -> str | None:
        """The path of a local file or directory, if the receiver may read it where it lies; None: it has to be placed."""
        ...

    def may_borrow(self, path: str) -> None:
        """Raise if the sender is not one that may :meth:`lend` paths."""
        ...

    def keep(self, value: Any, path: Path) -> None:
        """See to it that what lies at ``path`` is there for as long as ``value``, which refers to it."""
        ...


_CARRIER: ContextVar[Carrier | None] = ContextVar("carrier", default=None)


@contextlib.contextmanager
def carried_by(carrier: Carrier) -> Iterator[None]:
    """Within it, tables that codecs write to paths of the carrier, or read from there, go through its hands."""
    token = _CARRIER.set(carrier)
    try:
        yield
    finally:
        _CARRIER.reset(token)


def carrier_of(path: Path) -> Carrier | None:
    """The carrier that a path belongs to; None for any other path."""
    carrier = _CARRIER.get()
    return carrier if carrier is not None and carrier.has(path) else None


def lies_here(path: Path) -> bool:
    """Whether a codec may open a path as the file that it wrote; a table on its way between two processes has no such file."""
    return carrier_of(path) is None
