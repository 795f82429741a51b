"""Files that one side writes and others map: written once, read without a copy, used again when nobody reads them.

A writer locks a segment alone while it writes, shares it while what it sent is on its way, and lets go afterwards. A reader
shares the lock for as long as its mapping lives, which is as long as an Arrow buffer refers to it. So whoever gets it alone knows
that nobody reads it, whatever became of the others.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dovetail.config import show_size
from dovetail.env.bridge._homes import DISK, MEMORY, Root, free_room, token, try_lock, unlock

_ROUND = 1 << 16
_WASTE = 4
"""A segment is used again for what takes at least this fraction of it,"""
_SMALL = 1 << 22
"""or for anything, if it has no more than these bytes."""
_MOST = 32
"""Segments that are kept for the next table."""
_THREADS = 2


@dataclass(slots=True, eq=False)
class Segment:
    """A file of this side, open for writing."""

    root: Root
    home: str
    name: str
    fd: int
    size: int
    flights: int = 0
    mapping: mmap.mmap | None = field(default=None, repr=False)

    @property
    def reference(self) -> list[str]:
        """Where it is, for the wire."""
        return [self.root.key, self.home, self.name]

    def discard(self) -> None:
        """Remove the file; whoever maps it keeps what it maps."""
        with contextlib.suppress(OSError):
            if self.root.is_there(self.home, self.name, self.fd):
                (self.root.path / self.home / self.name).unlink()
        self.mapping = None
        os.close(self.fd)


class Segments:
    """The segments that one side has written.

    Args:
        roots: By key; the one in memory may be missing.
        home: Name of this side's directory below them.
        room: Bytes that may lie in memory at a time; None: what the tmpfs and the memory leave.
        keep: Bytes in memory that are kept for the next table when nobody reads them.
    """

    def __init__(self, roots: dict[str, Root], home: str, room: int | None, keep: int) -> None:
        self._roots, self._home, self._room, self.keep = roots, home, room, keep
        self._lock = threading.Lock()
        self._flying: set[Segment] = set()
        self._landed: list[Segment] = []
        """Those that were received, or given up: free as soon as nobody reads them."""
        self.fallbacks = 0
        self.why_disk = ""
        self.recycled = 0
        self.written = 0

    def write(self, emit: Callable[[Any], None], size: int) -> Segment:
        """A segment that holds what ``emit`` writes to an Arrow output stream: ``size`` bytes. It is in flight.

        Raises:
            OSError: Neither memory nor disk has room.
        """
        import pyarrow as pa

        self.written += 1
        segment = self._again(size)
        if segment is not None:
            if segment.mapping is None:
                segment.mapping = mmap.mmap(segment.fd, segment.size)
            sink = pa.FixedSizeBufferWriter(pa.py_buffer(segment.mapping))
            sink.set_memcopy_threads(_THREADS)
            emit(sink)
            sink.close()
            return self._fly(segment)
        if self._fits(size):
            with contextlib.suppress(OSError):  # it filled up meanwhile: to the disk
                return self._fly(self._fresh(MEMORY, emit))
            self._went_to_disk("the memory file system filled up")
        return self._fly(self._fresh(DISK, emit))

    def write_stream(self, emit: Callable[[Any], None]) -> Segment:
        """Like :meth:`write`, on the disk, for what has an unknown size."""
        self.written += 1
        return self._fly(self._fresh(DISK, emit))

    def _fits(self, size: int) -> bool:
        root = self._roots.get(MEMORY)
        if root is None:
            return False
        free = free_room(root.path)
        if self._room is not None:
            with self._lock:
                held = sum(each.size for each in (*self._flying, *self._landed) if each.root is root)
            free = min(free, self._room - held)
        if size <= free:
            return True
        self._went_to_disk(f"it takes {show_size(size)}, and memory has room for {show_size(max(0, free))}")
        return False

    def _went_to_disk(self, why: str) -> None:
        self.fallbacks += 1
        self.why_disk = why

    def _fresh(self, key: str, emit: Callable[[Any], None]) -> Segment:
        import pyarrow as pa

        root, name = self._roots[key], token("s")
        path = root.path / self._home / name
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        segment = Segment(root, self._home, name, fd, 0)
        try:
            try_lock(fd, alone=True)
            with pa.OSFile(os.fspath(path), "wb") as sink:
                emit(sink)
                used = sink.tell()
            if key == MEMORY:
                with contextlib.suppress(OSError):  # a little more, so that the next table of about this size fits
                    os.posix_fallocate(fd, used, -used % _ROUND)
            segment.size = os.fstat(fd).st_size
        except BaseException:
            segment.discard()
            raise
        return segment

    def _again(self, size: int) -> Segment | None:
        """A segment that nobody reads any more, locked alone, under a new name: what refers to the old one is out of date."""
        with self._lock:
            fit = [each for each in self._landed if each.size >= size >= min(each.size // _WASTE, each.size - _SMALL)]
            for segment in sorted(fit, key=lambda each: each.size):
                if segment.root.key == DISK or not try_lock(segment.fd, alone=True):
                    continue
                self._landed.remove(segment)
                name = token("s")
                folder = segment.root.path / segment.home
                try:
                    if not segment.root.is_there(segment.home, segment.name, segment.fd):
                        raise FileNotFoundError
                    (folder / segment.name).rename(folder / name)
                except OSError:  # whoever read it last has removed it
                    segment.discard()
                    continue
                segment.name = name
                self.recycled += 1
                return segment
        return None

    def _fly(self, segment: Segment) -> Segment:
        try_lock(segment.fd, alone=False)
        with self._lock:
            segment.flights += 1
            self._flying.add(segment)
        return segment

    def land(self, segment: Segment) -> None:
        """What was sent in it has been received, or will never be."""
        with self._lock:
            segment.flights -= 1
            if segment.flights:
                return
            self._flying.discard(segment)
            self._landed.append(segment)
            unlock(segment.fd)
        self.trim()

    def trim(self) -> None:
        """Remove what nobody reads, but for what is kept for the next table."""
        with self._lock:
            kept = count = 0
            for segment in reversed(list(self._landed)):
                if segment.root.key == MEMORY and kept + segment.size <= self.keep and count < _MOST:
                    kept, count = kept + segment.size, count + 1
                elif try_lock(segment.fd, alone=True):
                    self._landed.remove(segment)
                    segment.discard()

    def close(self) -> None:
        """Remove all; mappings stay valid."""
        with self._lock:
            for segment in (*self._flying, *self._landed):
                segment.discard()
            self._flying.clear()
            self._landed.clear()

    def held(self) -> int:
        """Bytes in segments of this side, in use or kept."""
        with self._lock:
            return sum(each.size for each in (*self._flying, *self._landed))
