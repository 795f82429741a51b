"""What a hub leaves behind: threads, and processes that it started."""

from __future__ import annotations

import fnmatch
import os
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PASSING = 0.01
KEPT_BY_PYTHON = ("fsspecIO", "*multiprocessing.resource_tracker*", "*multiprocessing.forkserver*")
"""One of each for the whole process, started at first need and never ended: no leak."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The threads and child processes of this process at one moment."""

    threads: frozenset[threading.Thread]
    processes: frozenset[int]

    @classmethod
    def now(cls) -> Surroundings:
        """What there is now."""
        return cls(frozenset(threading.enumerate()), frozenset(_children()))


def leaks(before: Surroundings, allowed: Iterable[str] = (), grace: float = 10.0) -> list[str]:
    """Threads and processes that were not there before, each as a line for people.

    Args:
        before: What there was.
        allowed: Patterns of names of threads, and of commands of processes, that may stay.
        grace: Seconds that they have to end in.
    """
    patterns = (*KEPT_BY_PYTHON, *allowed)
    until = time.monotonic() + grace
    while (found := _new(before, patterns)) and time.monotonic() < until:
        threading.Event().wait(_PASSING)
    return found


def _new(before: Surroundings, patterns: tuple[str, ...]) -> list[str]:
    threads = [t.name for t in threading.enumerate() if t not in before.threads and t is not threading.current_thread()]
    processes = {pid: command for pid, command in _children().items() if pid not in before.processes}
    return [
        *(f"thread {name!r}" for name in threads if not _matches(name, patterns)),
        *(f"process {pid}: {command}" for pid, command in processes.items() if not _matches(command, patterns)),
    ]


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _children() -> dict[int, str]:
    """Living child processes of this process with their commands; one that has ended and was not waited for is dead."""
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():
        return _children_by_ps()
    mine, found = str(os.getpid()), {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if parent == mine and state != "Z":
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(entry.name)] = command.decode(errors="replace").strip()[:200]
        except OSError:  # it has ended in this moment
            continue
    return found


def _children_by_ps() -> dict[int, str]:
    done = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        pid, parent, state, command = [*line.split(None, 3), "", "", "", ""][:4]
        if parent == str(os.getpid()) and not state.startswith("Z") and not command.startswith("ps -A"):
            found[int(pid)] = command[:200]
    return found
