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
from dovetail.env._calls import Call, Key
from dovetail.env._endings import death, expiry, too_much
from dovetail.env._frames import BrokenProtocol, object_from_json, to_json
from dovetail.env._home import Home, environ_of, project_paths
from dovetail.env._memory import TooMuch
from dovetail.env._outcomes import rebuild
from dovetail.env._scratch import Scratch
from dovetail.env._worker import Cancelled, Expired, Gone, Worker
from dovetail.errors import RunInterrupted, WorkerDied

_START_SECONDS = 60.0
_CLOSE_SECONDS = 5.0


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
        home: An environment that the workers live in, instead of ``python`` and ``environ``; it is held while the pool is open.
        root: The worker root of those workers, see :func:`~dovetail.env.worker_root`.

    Raises:
        EngineUnavailable: The environment was removed a moment ago.
    """

    def __init__(
        self,
        size: int = 2,
        *,
        python: str = sys.executable,
        environ: Mapping[str, str] | None = None,
        memory_limit: int | None = None,
        grace: float = 1.0,
        home: Home | None = None,
        root: Path | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"a worker pool needs a size of at least 1, not {size}")
        self._size = size
        self._python = python if home is None else str(home.python)
        self._environ = None if environ is None else dict(environ)
        self._home = home
        self._root = root
        self._held = contextlib.ExitStack()
        self._memory_limit = memory_limit
        self._grace = grace
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._busy = 0
        self._calls: set[Call] = set()
        self._keepers: dict[Key, Worker | None] = {}
        self._closed = False
        if home is not None:
            self._held.enter_context(home.hold())
        _open_pools.add(self)

    def call(
        self,
        payload: bytes,
        request: dict[str, Any],
        *,
        timeout: float | None = None,
        job: str = "",
        on_output: Callable[[str, str], object] | None = None,
        memory: int | None = None,
        load_timeout: float | None = None,
        key: Key | None = None,
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
            memory: Bytes of private memory that the worker, with all that it has started, may hold meanwhile; None: no limit.
            load_timeout: Seconds that loading the job's code may take, for one that says when that is done (``loaded``); its
                own time begins then.
            key: Of what the job uses and leaves open in its worker. Jobs with equal keys go to one worker, one after the
                other, until :meth:`finish` or that worker's end.

        Raises:
            TaskFailed: The callable raised; ``details`` holds ``type``, ``message`` and ``traceback``.
            DovetailError: The callable raised one; its class is the nearest of :mod:`dovetail.errors`.
            TaskTimeout: The job took longer than ``timeout``; it has been stopped.
            WorkerDied: The worker exited, crashed, was killed or broke protocol.
            RunInterrupted: :meth:`cancel` or :meth:`close` was called meanwhile.
            PlatformError: The request or the reply is not JSON, or too large.
        """
        body = to_json(request, "request")
        call = Call(payload, body, job, timeout, load_timeout, memory, key, on_output)
        if (
            os.getpid() != self._owner
        ):  # asked without the lock, which another thread may have held when this was forked
            why = "it belongs to the process that made it"
            raise RunInterrupted("the worker pool is closed", who=job or None, why=why)
        with self._changed:
            if self._closed:
                raise RunInterrupted("the worker pool is closed", who=job or None)
            self._calls.add(call)
        try:
            while True:
                outcome = self._attempt(call)
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

    def finish(self, owner: str, payload: bytes, request: dict[str, Any], timeout: float) -> None:
        """Let workers close what jobs of this owner have left open: call ``payload`` in each that keeps something of it.

        One that does not manage is ended. Nothing is raised.

        Args:
            owner: First part of the keys.
            payload, request, timeout: As for :meth:`call`; the time is for each worker.
        """
        if os.getpid() != self._owner:
            return
        with self._changed:
            kept = {worker for key, worker in self._keepers.items() if key[0] == owner and worker is not None}
            self._keepers = {key: worker for key, worker in self._keepers.items() if key[0] != owner}
            found = [worker for worker in self._idle if worker in kept]  # one that is busy is being ended
            self._idle = [worker for worker in self._idle if worker not in kept]
            self._busy += len(found)
        body = to_json(request, "request")
        for worker in found:
            call = Call(payload, body, timeout=timeout, worker=worker, has_slot=True)
            keep = False
            try:
                with contextlib.suppress(Gone, Expired, BrokenProtocol):
                    self._converse(worker, call)
                    keep = worker.reusable
            finally:
                self._give_back(call, keep, self._grace)

    @property
    def closed(self) -> bool:
        """True if it takes no calls any more."""
        return self._closed

    def grow(self, size: int) -> None:
        """Allow this many workers at a time, if that is more than before."""
        with self._changed:
            if size > self._size:
                self._size = size
                self._changed.notify_all()

    def close(self) -> None:
        """End all workers. Calls that still wait raise :class:`RunInterrupted`. May be called more than once."""
        if os.getpid() != self._owner:  # a fork of the hub: the workers are not its own
            return
        with self._changed:
            self._closed = True
            self._keepers.clear()
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
        self._held.close()

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

    def _attempt(self, call: Call) -> tuple[int, dict[str, Any]] | None:
        """One worker's answer; None if it turned out to be gone before it began, so that another one may be asked."""
        grace = self._grace
        keep = False
        worker: Worker | None = None
        try:
            worker = self._take(call)
            outcome = kind, answer = self._converse(worker, call)
            if kind == _frames.ERROR:
                rebuild(answer, call.job)
            keep = self._settle(call)
            return outcome
        except Gone as gone:
            grace = 0
            assert worker is not None
            if not gone.started and worker.calls > 1:
                return None
            raise death(worker, call.job, gone.started, self._home) from None
        except TooMuch as much:
            grace = 0
            raise too_much(call.job, much) from None
        except BrokenProtocol as error:
            grace = 0
            raise WorkerDied(
                "the worker process broke protocol and was killed",
                who=call.job or None,
                why=str(error),
                fix="a task must leave file descriptors alone that it did not open",
            ) from None
        except Expired as expired:
            raise expiry(call.job, expired) from None
        except Cancelled:
            raise RunInterrupted(
                "the task was cancelled and its worker process stopped", who=call.job or None
            ) from None
        finally:
            self._give_back(call, keep, grace)

    def _converse(self, worker: Worker, call: Call) -> tuple[int, dict[str, Any]]:
        kind, answer = worker.call(
            call.payload,
            self._place(),
            call.body,
            timeout=call.timeout,
            start_timeout=_START_SECONDS,
            load_timeout=call.load_timeout,
            cancelled=lambda: call.cancelled,
            on_output=call.on_output,
            memory=call.memory,
        )
        return kind, object_from_json(answer)

    def _take(self, call: Call) -> Worker:
        """The worker that keeps what the call asks for; else an idle one, or a new one, or the next that is given back."""
        with self._changed:
            self._changed.wait_for(lambda: call.cancelled or self._can_begin(call))
            if call.cancelled:
                raise Cancelled
            self._busy += 1
            call.has_slot = True
            call.worker = self._pick(call.key)
            if call.key is not None:
                self._keepers[call.key] = call.worker
        if call.worker is None:
            worker = self._start()
            with self._changed:
                call.worker = worker  # from here on, cancel() can wake it
                if call.key is not None:
                    self._keepers[call.key] = worker
        return call.worker

    def _can_begin(self, call: Call) -> bool:
        if self._busy >= self._size:
            return False
        return call.key is None or call.key not in self._keepers or self._keepers[call.key] in self._idle

    def _pick(self, key: Key | None) -> Worker | None:
        """Out of the idle ones: the keeper of the key, else one that keeps nothing, else any."""
        keeper = None if key is None else self._keepers.get(key)
        if keeper is None and self._idle:
            keepers = set(self._keepers.values())
            keeper = next((each for each in reversed(self._idle) if each not in keepers), self._idle[-1])
        if keeper is not None:
            self._idle.remove(keeper)
        return keeper

    def _start(self) -> Worker:
        if self._home is None or self._root is None:
            return Worker(self._python, self._environ, self._memory_limit)
        scratch = _scratch()
        environ = environ_of(self._home, self._root) | ({} if scratch is None else {"TMPDIR": str(scratch.path)})
        try:
            # -s: packages that the user has installed for this version of Python are no part of an environment
            return Worker(self._python, environ, self._memory_limit, ("-s",), self._home.python_version, scratch)
        except WorkerDied as error:
            if scratch is not None:
                scratch.remove()
            error.fix = f"dovetail env sync {self._home.name}"
            error.who = f"environment {self._home.name}"
            raise

    def _settle(self, call: Call) -> bool:
        """The call has its answer: from now on it cannot be cancelled. True if the worker may be kept."""
        with self._changed:
            if call.cancelled:
                raise Cancelled
            call.answered = True
            return call.worker is not None and call.worker.reusable

    def _give_back(self, call: Call, keep: bool, grace: float) -> None:
        with self._changed:
            worker, call.worker = call.worker, None
            if not keep:  # it keeps nothing any more; nor does one that could not be started
                ended = [key for key, keeper in self._keepers.items() if keeper is not None and keeper is worker]
                for key in (call.key, *ended):
                    self._keepers.pop(key, None)  # type: ignore[arg-type]
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

    def _interrupt(self, call: Call) -> None:
        call.cancelled = True
        if call.worker is not None:
            call.worker.wake()

    def _place(self) -> dict[str, Any]:
        """Where the job runs. Another interpreter has a module path of its own."""
        cwd = path = None
        beside: list[str] = []
        with contextlib.suppress(OSError):  # deleted under our feet
            cwd = str(Path.cwd())
        if self._home is not None:
            beside = project_paths()
        elif self._python == sys.executable:
            path = [entry for entry in sys.path if isinstance(entry, str)]
        return {"cwd": cwd, "path": path, "beside": beside}


_open_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for pool in tuple(_open_pools):
        pool.close()


def _scratch() -> Scratch | None:
    """A directory for a worker's temporary files; None where there cannot be one: then they go where all others do."""
    with contextlib.suppress(OSError):
        return Scratch()
    return None
