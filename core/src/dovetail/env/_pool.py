"""Warm worker processes, started on demand and reused."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from dovetail.env import _frames
from dovetail.env._frames import BrokenProtocol, object_from_json, to_json
from dovetail.env._outcomes import rebuild
from dovetail.env._process import exit_words
from dovetail.env._worker import Cancelled, Expired, Gone, Worker
from dovetail.errors import DovetailError, RunInterrupted, TaskTimeout, WorkerDied

_START_SECONDS = 60.0
_CLOSE_SECONDS = 5.0


class _Call:
    """A waiting call. Its fields are changed under the pool's lock only."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.cancelled = False
        self.worker: Worker | None = None
        self.has_slot = False
        self.answered = False
        self.thread = threading.get_ident()


class WorkerPool:
    """Runs packed callables in warm child processes that can really be stopped.

    Making one costs nothing: workers start on demand. A job runs alone in its worker, in the main thread there, with this
    process's working directory and module path. A worker whose job timed out, was cancelled, or killed it, is ended with its
    whole process group and replaced; no worker outlives this process, however it ends. All methods may be called from any
    thread.

    Args:
        size: Most workers at a time; more calls wait for their turn.
        python: The workers' interpreter.
        environ: The workers' environment variables; None: this process's own at the time a worker starts.
        memory_limit: Bytes of address space that one worker may have; None: no limit.
        grace: Seconds between the polite request to end (SIGTERM, or the closed pipe) and SIGKILL.
    """

    def __init__(
        self,
        size: int = 2,
        *,
        python: str = sys.executable,
        environ: Mapping[str, str] | None = None,
        memory_limit: int | None = None,
        grace: float = 1.0,
    ) -> None:
        if size < 1:
            raise ValueError(f"a worker pool needs a size of at least 1, not {size}")
        self._size = size
        self._python = python
        self._environ = None if environ is None else dict(environ)
        self._memory_limit = memory_limit
        self._grace = grace
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._busy = 0
        self._calls: set[_Call] = set()
        self._closed = False
        _open_pools.add(self)

    def call(
        self,
        payload: bytes,
        request: dict[str, Any],
        *,
        timeout: float | None = None,
        job: str = "",
        on_output: Callable[[str, str], object] | None = None,
    ) -> dict[str, Any]:
        """Run a packed callable on ``request`` in a worker and wait for its reply.

        Args:
            payload: What :func:`~dovetail.env.pack` returned.
            request: The callable's argument: JSON values only.
            timeout: Seconds that the job may take; None: no limit. Waiting for a free worker does not count, nor does
                starting one.
            job: Name for :meth:`cancel` and for messages, such as a node id.
            on_output: Called in this thread with ``"stdout"`` or ``"stderr"`` and each line that the job writes, without
                its end. What it raises stops the job and is raised here.

        Raises:
            TaskFailed: The callable raised; ``details`` holds ``type``, ``message`` and ``traceback``.
            DovetailError: The callable raised one; its class is the nearest of :mod:`dovetail.errors`.
            TaskTimeout: The job took longer than ``timeout``; it has been stopped.
            WorkerDied: The worker exited, crashed, was killed or broke protocol.
            RunInterrupted: :meth:`cancel` or :meth:`close` was called meanwhile.
            PlatformError: The request or the reply is not JSON, or too large.
        """
        body = to_json(request, "request")
        call = _Call(job)
        with self._changed:
            if self._closed or os.getpid() != self._owner:
                why = "it belongs to the process that made it" if os.getpid() != self._owner else None
                raise RunInterrupted("the worker pool is closed", who=job or None, why=why)
            self._calls.add(call)
        try:
            while True:
                outcome = self._attempt(call, payload, body, timeout, on_output)
                if outcome is not None:
                    break
        finally:
            with self._changed:
                self._calls.discard(call)
                self._changed.notify_all()
        kind, answer = outcome
        if kind == _frames.ERROR:
            raise rebuild(answer, job)
        return answer

    def cancel(self, job: str) -> bool:
        """Stop a running job, or one that waits for a worker: its call raises :class:`RunInterrupted`.

        Returns at once; the worker is killed by the thread that waits for it.

        Returns:
            True if such a job was there.
        """
        with self._changed:
            hit = [call for call in self._calls if call.job == job and not call.answered]
            for call in hit:
                self._interrupt(call)
            self._changed.notify_all()
        return bool(hit)

    def close(self) -> None:
        """End all workers. Calls that still wait raise :class:`RunInterrupted`. May be called more than once."""
        if os.getpid() != self._owner:  # a fork of the hub: the workers are not its own
            return
        with self._changed:
            self._closed = True
            _open_pools.discard(self)
            for call in self._calls:
                self._interrupt(call)
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for worker in idle:
            worker.process.hang_up()
        until = time.monotonic() + self._grace
        for worker in idle:
            worker.end(max(until - time.monotonic(), 0.001), ask=False)
        here = threading.get_ident()
        with self._changed:
            self._changed.wait_for(
                lambda: all(call.thread == here for call in self._calls), timeout=self._grace + _CLOSE_SECONDS
            )

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def _attempt(
        self,
        call: _Call,
        payload: bytes,
        body: bytes,
        timeout: float | None,
        on_output: Callable[[str, str], object] | None,
    ) -> tuple[int, dict[str, Any]] | None:
        """One worker's answer; None if it turned out to be gone before it began, so that another one may be asked."""
        grace = self._grace
        keep = False
        worker: Worker | None = None
        try:
            worker = self._take(call)
            kind, answer = worker.call(
                payload,
                self._place(),
                body,
                timeout=timeout,
                start_timeout=_START_SECONDS,
                cancelled=lambda: call.cancelled,
                on_output=on_output,
            )
            outcome = kind, object_from_json(answer)
            if kind == _frames.ERROR:
                rebuild(outcome[1], call.job)
            keep = self._settle(call)
            return outcome
        except Gone as gone:
            grace = 0
            assert worker is not None
            if not gone.started and worker.calls > 1:
                return None
            raise _death(worker, call.job, gone.started) from None
        except BrokenProtocol as error:
            grace = 0
            raise WorkerDied(
                "the worker process broke protocol and was killed",
                who=call.job or None,
                why=str(error),
                fix="a task must leave file descriptors alone that it did not open",
            ) from None
        except Expired as expired:
            raise _expiry(call.job, timeout, expired.started) from None
        except Cancelled:
            raise RunInterrupted(
                "the task was cancelled and its worker process stopped", who=call.job or None
            ) from None
        finally:
            self._give_back(call, keep, grace)

    def _take(self, call: _Call) -> Worker:
        """An idle worker, or a new one, or the next that another call gives back."""
        with self._changed:
            self._changed.wait_for(lambda: call.cancelled or self._busy < self._size)
            if call.cancelled:
                raise Cancelled
            self._busy += 1
            call.has_slot = True
            call.worker = self._idle.pop() if self._idle else None
        if call.worker is None:
            worker = Worker(self._python, self._environ, self._memory_limit)
            with self._changed:
                call.worker = worker  # from here on, cancel() can wake it
        return call.worker

    def _settle(self, call: _Call) -> bool:
        """The call has its answer: from now on it cannot be cancelled. True if the worker may be kept."""
        with self._changed:
            if call.cancelled:
                raise Cancelled
            call.answered = True
            return call.worker is not None and call.worker.reusable

    def _give_back(self, call: _Call, keep: bool, grace: float) -> None:
        with self._changed:
            worker, call.worker = call.worker, None
        try:
            if worker is not None and not keep:
                worker.end(grace)
        finally:
            with self._changed:
                if call.has_slot:
                    call.has_slot = False
                    self._busy -= 1
                if worker is not None and keep and not self._closed:
                    self._idle.append(worker)
                    worker = None
                self._changed.notify_all()
        if worker is not None:  # closed meanwhile; ending it twice does no harm
            worker.end(grace)

    def _interrupt(self, call: _Call) -> None:
        call.cancelled = True
        if call.worker is not None:
            call.worker.wake()

    def _place(self) -> dict[str, Any]:
        """Where the job runs. Another interpreter has a module path of its own."""
        cwd = path = None
        with contextlib.suppress(OSError):  # deleted under our feet
            cwd = str(Path.cwd())
        if self._python == sys.executable:
            path = [entry for entry in sys.path if isinstance(entry, str)]
        return {"cwd": cwd, "path": path}


def _death(worker: Worker, job: str, started: bool) -> WorkerDied:
    tail = worker.stderr_tail()
    words, fix, facts = exit_words(worker.end(0))
    if not started:
        fix = "see that the interpreter runs, has dovetail, and has enough memory for both"
    return WorkerDied(
        f"the worker process {words}" + ("" if started else " before it began"),
        who=job or None,
        why=f"its last lines of stderr:\n{tail}" if tail else None,
        fix=fix,
        **facts,
    )


def _expiry(job: str, timeout: float | None, started: bool) -> DovetailError:
    if not started:
        return WorkerDied(f"a worker process did not come up within {_START_SECONDS:g} s", who=job or None)
    return TaskTimeout(
        f"the task ran longer than its timeout of {timeout:g} s and was stopped",
        who=job or None,
        fix="raise the task's timeout, or give it less to do",
        timeout=timeout,
    )


_open_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for pool in tuple(_open_pools):
        pool.close()
