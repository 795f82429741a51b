"""The surroundings in which the suites of environments work: a hub without the engine, warm workers, and what they leave."""

from __future__ import annotations

import fnmatch
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MARK = f"CONFORMANCE_{uuid.uuid4().hex}"
"""An environment variable: whatever is started while it is set has it, and so has what that starts in turn."""

_PASSING = 0.02


@contextmanager
def hidden(libraries: Iterable[str], users: Iterable[str] = ()) -> Iterator[None]:
    """While open, these libraries cannot be imported here; what was imported of them and of their users is put back at the end.

    Args:
        libraries: Top names of packages.
        users: Modules that may hold parts of them.
    """
    libraries = tuple(libraries)
    tops = {*libraries, *users}
    before = {name: module for name, module in list(sys.modules.items()) if _is_of(name, tops)}
    for name in before:
        del sys.modules[name]
    for name in libraries:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that it cannot be imported
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _is_of(name, tops)]:
            del sys.modules[name]
        sys.modules.update(before)


def imported(libraries: Iterable[str]) -> list[str]:
    """Modules of these libraries that are imported here."""
    tops = set(libraries)
    return sorted(name for name, module in list(sys.modules.items()) if module is not None and _is_of(name, tops))


def _is_of(name: str, tops: set[str]) -> bool:
    return name.partition(".")[0] in tops or name in tops


@contextmanager
def marked() -> Iterator[None]:
    """Processes that are started while it is open are found by :func:`marked_processes`, and those that they start."""
    os.environ[_MARK] = "1"
    try:
        yield
    finally:
        os.environ.pop(_MARK, None)


def left_running(allowed: Iterable[str], grace: float) -> list[str]:
    """Marked processes that still live after so many seconds, each as a line for people; none where there is no ``/proc``.

    Args:
        allowed: Patterns of commands that may stay.
        grace: Seconds that they have to end in.
    """
    until = time.monotonic() + grace
    while (found := list(_marked(tuple(allowed)))) and time.monotonic() < until:
        threading.Event().wait(_PASSING)
    return found


def _marked(allowed: tuple[str, ...]) -> Iterator[str]:
    mark = f"{_MARK}=".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) == os.getpid() or mark not in (entry / "environ").read_bytes():
                continue
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # it has ended in this moment, or is somebody else's
            continue
        if command and not any(
            fnmatch.fnmatchcase(command, pattern) for pattern in allowed
        ):  # one that is dead has none
            yield f"process {entry.name}: {command[:200]}"
