"""Files that one side writes and others map: written once, read without a copy, used again when nobody reads them.

A reader shares the lock of a segment for as long as its mapping lives, which is as long as an Arrow buffer refers to it. So
whoever gets the lock alone knows that nobody reads it, whatever became of the others. Only who wrote a segment writes it again;
when that will not be, the file is made read-only, and whoever reads it last removes it.
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
from dovetail.env.bridge._homes import DISK, GIVEN_UP, MEMORY, Root, free_room, remove_if_free, token, try_lock, unlock

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
    """A file of this side."""

    root: Root
    home: str
    name: str
    size: int
    mapping: mmap.mmap | None = field(default=None, repr=False)
    """For writing it again: the pages of a mapping that is kept need not be found again."""

    @property
    def reference(self) -> list[str]:
        """Where it is, for the wire."""
        return [self.root.key, self.home, self.name]

    def give_up(self) -> None:
        """It will not be written again: it goes now, or with its last reader."""
        self.mapping = None
        with contextlib.suppress(OSError):
            (self.root.path / self.home / self.name).chmod(GIVEN_UP)
        remove_if_free(self.root, self.home, self.name)


class Segments:
    """The segments that one side has written. Safe to use from several threads.

    Args:
        roots: By key; the one in memory may be missing.
        home: Name of this side's directory below them.
        room: Bytes that may lie in memory at a time; None: what the tmpfs and the memory leave.
        keep: Bytes in memory that are kept for the next table when nobody reads them.
        once: What is sent is received once at most, so that its last reader may remove what is not kept.
    """

    def __init__(self, roots: dict[str, Root], home: str, room: int | None, keep: int, once: bool) -> None:
        self._roots, self._home, self._room, self._keep, self._once = roots, home, room, keep, once
        self._lock = threading.Lock()
        self._flying: set[Segment] = set()
        self._landed: list[Segment] = []
        """Those that were received, or will not be, and are kept: free as soon as nobody reads them."""
        self.fallbacks = 0
        self.why_disk = ""
        self.recycled = 0
        self.written = 0

    def write(self, emit: Callable[[Any], None], size: int) -> Segment:
        """A segment that holds what ``emit`` writes to an Arrow output stream: ``size`` bytes. It is in flight.

        Raises:
            OSError: Neither memory nor disk has room.
        """
        self.written += 1
        segment = self._again(emit, size)
        if segment is not None:
            return segment
        if self._fits(size):
            with contextlib.suppress(OSError):  # it filled up meanwhile: to the disk
                return self._fresh(MEMORY, emit)
            self._went_to_disk("the memory file system filled up")
        return self._fresh(DISK, emit)

    def write_stream(self, emit: Callable[[Any], None]) -> Segment:
        """Like :meth:`write`, on the disk, for what has an unknown size."""
        self.written += 1
        return self._fresh(DISK, emit)

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

    def _is_kept(self, segment: Segment) -> bool:
        return segment.root.key == MEMORY and segment.size <= self._keep

    def _fresh(self, key: str, emit: Callable[[Any], None]) -> Segment:
        import pyarrow as pa

        root, name = self._roots[key], token("s")
        path = root.path / self._home / name
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with pa.OSFile(os.fspath(path), "wb") as sink:
                emit(sink)
                used = sink.tell()
            if key == MEMORY:
                with contextlib.suppress(OSError):  # a little more, so that the next table of about this size fits
                    os.posix_fallocate(fd, used, -used % _ROUND)
            segment = Segment(root, self._home, name, os.fstat(fd).st_size)
            if self._once and not self._is_kept(segment):
                os.fchmod(fd, GIVEN_UP)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        with self._lock:
            self._flying.add(segment)
        return segment

    def _again(self, emit: Callable[[Any], None], size: int) -> Segment | None:
        """Write a segment that nobody reads any more, under a new name: what refers to the old one is out of date."""
        taken = self._take(size)
        if taken is None:
            return None
        segment, fd = taken
        try:
            import pyarrow as pa

            if segment.mapping is None:
                segment.mapping = mmap.mmap(fd, segment.size)
            sink = pa.FixedSizeBufferWriter(pa.py_buffer(segment.mapping))
            sink.set_memcopy_threads(_THREADS)
            emit(sink)
            sink.close()
        except BaseException:
            (segment.root.path / segment.home / segment.name).unlink(missing_ok=True)
            raise
        finally:
            unlock(fd)  # closing would not do: the mapping has the same open file
            os.close(fd)
        with self._lock:
            self._flying.add(segment)
        self.recycled += 1
        return segment

    def _take(self, size: int) -> tuple[Segment, int] | None:
        """The smallest kept segment that fits and that nobody reads, opened and locked alone."""
        with self._lock:
            fit = [each for each in self._landed if each.size >= size >= min(each.size // _WASTE, each.size - _SMALL)]
            for segment in sorted(fit, key=lambda each: each.size):
                try:
                    fd = segment.root.open_item(segment.home, segment.name, os.O_RDWR)
                except OSError:  # somebody has removed it
                    self._landed.remove(segment)
                    continue
                folder, name = segment.root.path / segment.home, token("s")
                try:
                    if try_lock(fd, alone=True):
                        (folder / segment.name).rename(folder / name)
                        segment.name = name
                        self._landed.remove(segment)
                        return segment, fd
                except OSError:
                    self._landed.remove(segment)
                os.close(fd)
        return None

    def land(self, segment: Segment) -> None:
        """What was sent in it has been received, or will never be."""
        with self._lock:
            self._flying.discard(segment)
            kept = self._is_kept(segment)
            if kept:
                self._landed.append(segment)
        if kept:
            self.trim()
        else:
            segment.give_up()

    def trim(self) -> None:
        """Give up the oldest of those that are kept, where they are too many."""
        with self._lock:
            kept: list[Segment] = []
            given_up: list[Segment] = []
            size = 0
            for segment in reversed(self._landed):
                size += segment.size
                (kept if size <= self._keep and len(kept) < _MOST else given_up).append(segment)
            self._landed = kept[::-1]
        for segment in given_up:
            segment.give_up()

    def held(self) -> int:
        """Bytes in segments of this side that are on their way or kept."""
        with self._lock:
            return sum(each.size for each in (*self._flying, *self._landed))
