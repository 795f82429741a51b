"""A program and all that it starts: run, heard while it runs, and stopped as one."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple

from dovetail.env import Lines, in_worker

_TICK = 0.1
_STOP_SECONDS = 1.0  # shorter than what a run waits for its nodes when it is stopped


class Ended(NamedTuple):
    """How a program ended.

    Attributes:
        code: Its exit code; negative: the number of a signal.
        output: All that it printed.
        complaint: The last lines of its standard error.
        stopped: It was stopped on demand.
    """

    code: int
    output: bytes
    complaint: str
    stopped: bool


def run_program(argv: Sequence[str], cwd: str | None, hear: Callable[[str], object], stop: Callable[[], bool]) -> Ended:
    """Run a program until it has ended and nobody holds its output open any more.

    It leads a session of its own, so that it is stopped together with what it has started; in a worker process it stays in
    the worker's, which the hub stops as a whole.

    Args:
        argv: The program and its arguments.
        cwd: Directory to run in; None: the current one.
        hear: Called with each line of its standard error as it comes.
        stop: Asked every 0.1 s. Once it says True the program gets SIGTERM, and SIGKILL 1 s later if it is still there.

    Raises:
        OSError: It cannot be started.
    """
    alone = not in_worker()
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=alone,
    )
    assert process.stdout is not None and process.stderr is not None
    lines = Lines("stderr", lambda _, line: hear(line))
    output = bytearray()
    ended = stopped = False
    with process.stdout, process.stderr:
        try:
            stopped = _listen(process, {process.stdout: output.extend, process.stderr: lines.feed}, stop, alone)
            ended = not stopped
        finally:
            if not ended:  # also for Ctrl-C, and for the signal that ends a worker
                _end(process, alone, grace=0 if stopped else _STOP_SECONDS)
    lines.finish()
    return Ended(process.wait(), bytes(output), lines.tail(), stopped)


def _listen(
    process: subprocess.Popen[bytes],
    takers: dict[IO[bytes], Callable[[bytes], object]],
    stop: Callable[[], bool],
    alone: bool,
) -> bool:
    """Hand on what the program says until it has ended; True if it was told to stop, and has ended or had its time."""
    deadline: float | None = None
    with selectors.DefaultSelector() as selector:
        for stream, taker in takers.items():
            selector.register(stream, selectors.EVENT_READ, taker)
        while True:
            if deadline is None and stop():
                _signal(process, signal.SIGTERM, alone)
                deadline = time.monotonic() + _STOP_SECONDS
            if selector.get_map():
                for key, _ in selector.select(_TICK):
                    data = os.read(key.fd, 1 << 16)
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)
            elif _exited(process, _TICK):
                return deadline is not None
            if deadline is not None and time.monotonic() >= deadline:
                return True


def _end(process: subprocess.Popen[bytes], alone: bool, grace: float) -> None:
    try:
        if grace and not _exited(process, 0):
            _signal(process, signal.SIGTERM, alone)
            _exited(process, grace)
    finally:
        # Before it is reaped: until then nobody else can be given this number.
        _signal(process, signal.SIGKILL, alone)
        process.wait()


def _exited(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the program to end; it stays unreaped where the system allows that."""
    until, pause = time.monotonic() + seconds, 0.0005
    while True:
        if hasattr(os, "waitid"):
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return True
        elif process.poll() is not None:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals, alone: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone; some systems refuse for zombies
        (os.killpg if alone else os.kill)(process.pid, number)
