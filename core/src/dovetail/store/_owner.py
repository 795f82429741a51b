"""Who drives a run, and whether that process still lives."""

from __future__ import annotations

import functools
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that can own runs.

    Attributes:
        id: Unique to the process; the fencing token of all that it commits.
        pid: Its process id.
        host: Name of its host.
        boot_id: Boot of that host and, on Linux, the pid namespace: where both agree, ``pid`` can be looked up.
        start: When the process started, in kernel ticks, so that a reused pid is not taken for it; 0 if unknown.
    """

    id: str
    pid: int
    host: str
    boot_id: str
    start: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {"id": self.id, "pid": self.pid, "host": self.host, "boot_id": self.boot_id, "start": self.start}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Owner:
        """Read back what :meth:`to_dict` wrote."""
        return cls(data["id"], data["pid"], data["host"], data["boot_id"], data.get("start", 0))


def current_owner() -> Owner:
    """This process as an owner. The same object for the whole life of a process; a forked child is another owner."""
    return _owner_of(os.getpid())


@functools.lru_cache(maxsize=1)
def _owner_of(pid: int) -> Owner:
    start = _process_state(pid)
    return Owner(uuid.uuid4().hex, pid, socket.gethostname(), boot_id(), start or 0)


@functools.cache
def boot_id() -> str:
    """Identifies this boot and pid namespace; ``""`` where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # Containers share the kernel's boot id but not its pids.
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def is_dead(owner: Owner) -> bool:
    """True if the process is known to have ended. False if it lives, or if it can't be known from here."""
    here = boot_id()
    if not here or owner.boot_id != here or owner.host != socket.gethostname():
        return False
    return pid_is_dead(owner.pid, owner.start)


def pid_is_dead(pid: int, start: int = 0) -> bool:
    """True if no process of this host has that pid, it is a zombie, or (``start`` given) the pid was reused."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it lives, under another user
    found = _process_state(pid)
    if found is None:
        return False
    return found < 0 or (start > 0 and found != start)


def _process_state(pid: int) -> int | None:
    """Start ticks of a process; -1 for a zombie; None where /proc does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    after_name = text.rpartition(")")[2].split()  # the name may hold spaces and parentheses
    return -1 if after_name[0] in "ZX" else int(after_name[19])
