"""Segments that this process reads: mapped, locked as long as something refers to the mapping, and found again by address."""

from __future__ import annotations

import bisect
import mmap
import os
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dovetail.env.bridge._homes import Root, remove_if_free, try_lock
from dovetail.errors import PlatformError

if TYPE_CHECKING:
    import pyarrow as pa

_COPIED = 16 << 20
"""Bytes of a segment up to which it is copied where many are mapped already: each takes an open file."""
_UNSAFE = b"arrow.py_extension_type"  # the extension type whose metadata is a pickle


@dataclass(slots=True, weakref_slot=True)
class Mapped:
    """What is known of a mapping. It does not keep it alive; whoever uses it holds a buffer of it."""

    where: tuple[str, str, str]
    address: int
    size: int
    source: weakref.ref[mmap.mmap]
    blocks: dict[tuple[int, int], Any] = field(default_factory=dict)
    """By offset and length: what was looked up of the columns of that Arrow stream."""


class Mappings:
    """All mappings of one side.

    Args:
        roots: Where segments may lie.
    """

    def __init__(self, roots: Mapping[str, Root]) -> None:
        self._roots = roots
        self._most = _soft_limit() // 4
        self._lock = threading.Lock()
        self._known: list[Mapped] = []
        """By address."""

    def open(self, where: tuple[str, str, str]) -> pa.Buffer:
        """A segment as one buffer; it can be read for as long as anything refers to the buffer.

        Raises:
            PlatformError: It is gone, or is no segment.
        """
        import pyarrow as pa

        key, home, name = where
        root = self._roots.get(key)
        if root is None:
            raise PlatformError(
                f"a table lies in a place {key!r} that this process does not know",
                why="its sender has another bridge",
                fix="report this to dovetail: a value was handed to the wrong worker",
            )
        try:
            fd = root.open_item(home, name)
        except OSError as error:
            raise gone(f"{home}/{name}", error.strerror) from error
        try:
            if not try_lock(fd, alone=False) or not root.is_there(home, name, fd):
                raise gone(f"{home}/{name}", "it was used again")
            if self.count() >= self._most and os.fstat(fd).st_size <= _COPIED:
                return _copied(fd)
            mapping = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        except ValueError as error:  # empty
            raise gone(f"{home}/{name}", str(error)) from error
        finally:
            os.close(fd)  # the mapping has its own, and with it the lock
        buffer = pa.py_buffer(mapping)
        self._remember(Mapped(where, buffer.address, buffer.size, weakref.ref(mapping)), mapping, root)
        return buffer

    def _remember(self, mapped: Mapped, mapping: mmap.mmap, root: Root) -> None:
        with self._lock:
            bisect.insort(self._known, mapped, key=lambda each: each.address)
        weakref.finalize(mapping, self._forget, mapped, root).atexit = False

    def _forget(self, mapped: Mapped, root: Root) -> None:
        with self._lock:
            self._known = [each for each in self._known if each is not mapped]
        _, home, name = mapped.where
        remove_if_free(root, home, name, given_up=True)

    def find(self, address: int) -> Mapped | None:
        """The living mapping that an address lies in."""
        with self._lock:
            at = bisect.bisect_right(self._known, address, key=lambda each: each.address) - 1
            found = self._known[at] if at >= 0 else None
        return found if found is not None and address < found.address + found.size else None

    def count(self) -> int:
        """Living mappings."""
        with self._lock:
            return len(self._known)


def _copied(fd: int) -> pa.Buffer:
    import pyarrow as pa

    with os.fdopen(os.dup(fd), "rb") as stream:
        return pa.py_buffer(stream.read())


def _soft_limit() -> int:
    """Files that this process may have open."""
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1024 if soft == resource.RLIM_INFINITY else soft


def read_block(buffer: pa.Buffer) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """The batches of an Arrow stream, whose arrays refer to the buffer.

    Raises:
        PlatformError: It is none, or holds types whose loading would run code.
    """
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(buffer) as reader:
            return reader.schema, list(reader)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def refuse_code(schema: bytes) -> None:
    """Raise for the schema of a table with an extension type that carries pickled Python code."""
    if _UNSAFE in schema:
        from dovetail.errors import DataError

        raise DataError(
            "the table holds an extension type that carries pickled Python code",
            why="loading it would run that code",
            fix="hand it over with plain Arrow types",
        )


def gone(what: str, why: str | None) -> PlatformError:
    """The error about a segment or a file that is not there any more."""
    return PlatformError(
        f"what was handed over is gone: {what}",
        why=why or "its sender ended before it was received",
        fix="run it again; values are received before the call that made them is released",
    )


def damaged(why: str) -> PlatformError:
    """The error about a table that is none."""
    return PlatformError(
        "a table that was handed over is damaged",
        why=why,
        fix="run it again; if it stays, code in the worker's process writes where it should not",
    )
