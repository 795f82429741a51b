"""A worker process as the operating system sees it: started, watched, ended with all of its group."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dovetail.env._scratch import Scratch
from dovetail.errors import WorkerDied

_CHILD = Path(__file__).resolve().with_name("_child.py")
_REAP_SECONDS = 1.0


class WorkerProcess:
    """A started worker: leader of its own session and process group, tied to this process by a pipe.

    Args:
        python: Its interpreter.
        environ: Its environment variables; None: those of this process as they are now.
        flags: Further flags of the interpreter.
        scratch: Directory of its temporary files, removed when it has ended; None: the system's.

    Raises:
        WorkerDied: It could not be started.
    """

    def __init__(
        self,
        python: str,
        environ: Mapping[str, str] | None,
        flags: Sequence[str] = (),
        scratch: Scratch | None = None,
    ) -> None:
        root = [str(_CHILD.parents[2])] if python == sys.executable else []
        theirs: list[int] = []
        ours: list[int] = []
        try:
            for _ in range(3):
                pair = os.pipe()
                theirs.append(pair[0])
                ours.append(pair[1])
            theirs[1], ours[1] = ours[1], theirs[1]  # replies flow the other way
            self._popen = subprocess.Popen(
                # -P: no directory that we happen to be in, or start from, may replace a standard module
                [python, "-P", *flags, str(_CHILD), *map(str, theirs), *root],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=theirs,
                start_new_session=True,
                env=None if environ is None else dict(environ),
            )
        except OSError as error:
            _close(ours)
            raise WorkerDied(
                "a worker process could not be started",
                who=python,
                why=str(error),
                fix="check that the interpreter exists and that the limits on processes and open files allow another",
            ) from error
        finally:
            _close(theirs)
        self.request, self.reply, self._lifeline = ours
        self.pid = self._popen.pid
        assert self._popen.stdout is not None and self._popen.stderr is not None
        self.streams = {self._popen.stdout.fileno(): "stdout", self._popen.stderr.fileno(): "stderr"}
        for descriptor in (self.request, self.reply, *self.streams):
            os.set_blocking(descriptor, False)
        self.exit_watch = _open_pidfd(self.pid)
        self._scratch = scratch
        self._hung_up = False
        self._ended = False
        _started.add(self)

    @property
    def ended(self) -> bool:
        """True after :meth:`end`."""
        return self._ended

    @property
    def exited(self) -> bool:
        """True once the process is gone, also when it has not been reaped yet."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait for the process to go; True if it did. It stays unreaped where the system allows that (see :meth:`end`)."""
        if self._ended:
            return True
        if self.exit_watch is not None:
            watch = select.poll()
            watch.register(self.exit_watch, select.POLLIN)
            return bool(watch.poll(max(seconds, 0) * 1000))
        with contextlib.suppress(subprocess.TimeoutExpired):  # this reaps: nothing else tells, where there is no pidfd
            self._popen.wait(max(seconds, 0))
            return True
        return False

    def hang_up(self) -> None:
        """Close the request pipe: an idle worker exits of itself, running its exit handlers."""
        if not self._hung_up:
            self._hung_up = True
            os.close(self.request)

    def end(self, grace: float, *, ask: bool = True) -> int | None:
        """End the process and all of its group. Nothing of them is left when this returns, however it returns.

        Args:
            grace: Seconds that the process has to go before it is killed.
            ask: Send SIGTERM first. False after :meth:`hang_up`.

        Returns:
            The exit code as :mod:`subprocess` gives it (negative: a signal's number); None if the system will not let go
            of the process.
        """
        if self._ended:
            return self._popen.returncode
        try:
            if grace > 0 and not self.exited:
                if ask:
                    self._signal(signal.SIGTERM)
                self.wait(grace)
        finally:
            # Before reaping: until then nobody else can be given this number.
            self._signal(signal.SIGKILL)
            self._ended = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_REAP_SECONDS)
            self.hang_up()
            _close([self.reply, self._lifeline, *([] if self.exit_watch is None else [self.exit_watch])])
            for stream in (self._popen.stdout, self._popen.stderr):
                if stream is not None:
                    stream.close()
            if self._scratch is not None:
                self._scratch.remove()
        return self._popen.returncode

    def let_go(self) -> None:
        """In a fork of the hub: the worker is not its own, and must not live because the fork does."""
        self._ended = self._hung_up = True
        _close([self.request, self.reply, self._lifeline, *([] if self.exit_watch is None else [self.exit_watch])])
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone; some systems refuse for zombies
            os.killpg(self.pid, number)


def exit_words(code: int | None, for_memory: bool = False) -> tuple[str, str | None, dict[str, Any]]:
    """What a worker's exit code says: words that follow "the worker process", a fix, and facts for programs.

    Args:
        code: As :meth:`WorkerProcess.end` returns it.
        for_memory: The system has killed something for memory meanwhile.
    """
    if code is None:
        return "cannot be ended", "the system holds it, for instance in a stuck file system; see ps", {}
    if code >= 0:
        return f"exited with code {code}", "raise an exception instead of ending the process", {"exit_code": code}
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return (
            "was killed by the system for memory" if for_memory else "was killed by SIGKILL, perhaps for memory",
            "give the task less data at once, or the machine more memory",
            {"signal": name, **({"out_of_memory": True} if for_memory else {})},
        )
    if name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
        return (
            f"crashed with {name}",
            "the fault is in native code, or its stack ran out; the worker's last lines of stderr name the place",
            {"signal": name},
        )
    return f"was ended by {name}", None, {"signal": name}


def deadline_after(seconds: float | None) -> float | None:
    """A point on the monotonic clock, ``seconds`` from now; None: never."""
    return None if seconds is None else time.monotonic() + seconds


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # neither old kernels nor other systems have it
        return None


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _let_go() -> None:
    for process in tuple(_started):
        if not process.ended:
            process.let_go()


_started: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()
os.register_at_fork(after_in_child=_let_go)
