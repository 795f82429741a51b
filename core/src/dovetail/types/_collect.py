"""Bringing rows into this process, bit by bit, until there are more than it may take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from dovetail.config import available_memory, show_size
from dovetail.errors import MemoryLimit

if TYPE_CHECKING:
    import pyarrow as pa

_MOST: ContextVar[int | None] = ContextVar("most", default=None)


@contextlib.contextmanager
def collecting(most: int | None) -> Iterator[None]:
    """Within it, :func:`collect_limit` is ``most`` bytes; None changes nothing."""
    if most is None:
        yield
        return
    token = _MOST.set(most)
    try:
        yield
    finally:
        _MOST.reset(token)


def collect_limit(configured: int | None) -> int:
    """Bytes that may be collected into this process now: what this edge says, the setting, or half of what is free."""
    most = _MOST.get()
    if most is not None:
        return most
    return available_memory() // 2 if configured is None else configured


def gather(batches: Iterable[pa.RecordBatch], schema: Callable[[], pa.Schema], what: str, limit: int) -> pa.Table:
    """The table of a stream of record batches. Raises MemoryLimit as soon as they hold more than ``limit`` bytes."""
    import pyarrow as pa

    kept: list[pa.RecordBatch] = []
    total = 0
    try:
        for batch in batches:
            total += batch.nbytes
            if total > limit:
                raise memory_limit(what, None, limit)
            kept.append(batch)
    finally:
        close_stream(batches)
    return pa.Table.from_batches(kept) if kept else schema().empty_table()


def close_stream(batches: Iterable[pa.RecordBatch]) -> None:
    """Let go of what a stream holds, such as a result that a database keeps open, though rows of it are left."""
    close = getattr(batches, "close", None)
    if close is not None:
        close()


def memory_limit(what: str, size: int | None, limit: int) -> MemoryLimit:
    """The error for a value that is larger than this process may take."""
    about = "more than that" if size is None else f"about {show_size(size)}"
    wanted = show_size(2 * (size or limit or 10**9)).replace(" ", "")
    return MemoryLimit(
        f"a {what} of {about} is not collected into this process",
        why=f"at most {show_size(limit)} may be: the setting max_collect_bytes, or half of the memory that is free",
        fix="filter, aggregate or take fewer columns before this edge; or allow it, everywhere by\n"
        f'max_collect_bytes = "{wanted}" in dovetail.toml (DOVETAIL_MAX_COLLECT_BYTES={wanted}),\n'
        f'or for one input or output by Annotated[..., dt.Collect("{wanted}")]',
        size=size,
        limit=limit,
    )
