"""How much memory a job may hold: asked of the system where it can refuse, looked after by the hub where it cannot."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

WATCH_SECONDS: Final = 0.1
"""How often the hub looks how much a job with a limit holds."""

_LEAST_ROOM = 64 * 1024 * 1024


class TooMuch(Exception):
    """A job holds more than it may."""

    def __init__(self, held: int, limit: int) -> None:
        super().__init__(held, limit)
        self.held = held
        self.limit = limit


@contextmanager
def limited(limit: int | None) -> Iterator[None]:
    """Let this process take no more private memory than ``limit`` bytes until the end of the block; more is a MemoryError.

    What was reserved before and is not in use does not count: allocators reserve much. Where the system knows no such limit
    (other than Linux), the hub's look alone counts.
    """
    before = None
    if limit is not None:
        with contextlib.suppress(ImportError, OSError, ValueError, KeyError):
            import resource

            status = _status(os.getpid())
            room = max(limit - status["RssAnon"], _LEAST_ROOM)
            before = resource.getrlimit(resource.RLIMIT_DATA)
            most = status["VmData"] + room
            if before[1] != resource.RLIM_INFINITY:
                most = min(most, before[1])
            resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        yield
    finally:
        if before is not None:
            resource.setrlimit(resource.RLIMIT_DATA, before)


def held_by(pid: int) -> int:
    """Bytes of private memory that a process and all that it has started hold; 0 where that cannot be told."""
    total, pending = 0, [pid]
    while pending:
        one = pending.pop()
        with contextlib.suppress(OSError, ValueError, KeyError):
            total += _status(one)["RssAnon"]
            for thread in Path(f"/proc/{one}/task").iterdir():
                pending += map(int, (thread / "children").read_text().split())
    return total


def kills_for_memory() -> int:
    """How often the system has killed a process of this control group for memory; 0 where that cannot be told."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        own = Path("/proc/self/cgroup").read_text().splitlines()
        path = next(line.partition("::")[2] for line in own if line.startswith("0::"))
        for place in (f"/sys/fs/cgroup{path}", "/sys/fs/cgroup"):
            with contextlib.suppress(OSError):
                events = Path(place, "memory.events").read_text().split()
                return int(events[events.index("oom_kill") + 1])
    return 0


def _status(pid: int) -> dict[str, int]:
    """The sizes that the system tells of a process, in bytes."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            found[name] = int(value[:-3]) * 1024
    return found
