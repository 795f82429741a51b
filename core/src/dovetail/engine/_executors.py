"""The executors of the core: threads, and warm processes that can be stopped at any moment."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar

from dovetail.env import WorkerPool
from dovetail.spec import Attempt, Executor


class ThreadExecutor(Executor):
    """Runs attempts in daemon threads: after Ctrl-C, a thread that does not return cannot keep the process alive."""

    name: ClassVar[str] = "threads"

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._slots = 1
        self._busy = 0
        self._lock = threading.Lock()

    def start(self, slots: int) -> None:
        """Allow up to ``slots`` attempts at once; threads are started at need."""
        self._slots = slots

    def submit(self, attempt: Attempt) -> Future[Any]:
        """Run the attempt in a thread."""
        return self.call(attempt.run)

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Run a function in a thread."""
        future: Future[Any] = Future()
        # The hub's catalogue and whatever else the caller's context holds is at hand in the thread, too.
        function = partial(contextvars.copy_context().run, function)
        with self._lock:
            self._busy += 1
            if self._busy > len(self._threads) and len(self._threads) < self._slots:
                thread = threading.Thread(target=self._serve, name=f"dovetail-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put((future, function))
        return future

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function = item
            result: Any = None
            failure: BaseException | None = None
            try:
                result = function()
            except BaseException as error:  # whatever it was, the scheduler hears of it
                failure = error
            with self._lock:
                self._busy -= 1
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
            del item, future, function, result, failure  # an idle thread holds no value alive

    def stop(self) -> None:
        """Let the threads end when they are idle."""
        for _ in self._threads:
            self._queue.put(None)
        self._threads = []


class ProcessExecutor(Executor):
    """Runs the work of attempts in warm processes of the hub's interpreter; inputs and outputs cross as artifacts."""

    name: ClassVar[str] = "processes"

    def __init__(self) -> None:
        self._threads = ThreadExecutor()
        self._pool: WorkerPool | None = None

    def start(self, slots: int) -> None:
        """Allow up to ``slots`` processes; they are started at need and kept warm."""
        self._threads.start(slots)
        self._pool = WorkerPool(size=slots)

    def submit(self, attempt: Attempt) -> Future[Any]:
        """Run the attempt's work in a process; its gates and its commit stay here."""
        pool = self._pool
        if pool is None:
            raise RuntimeError("the executor was not started")
        return self._threads.call(lambda: attempt.run(pool.call))

    def cancel(self, node_id: str) -> None:
        """Kill the process that works on this node."""
        if self._pool is not None:
            self._pool.cancel(node_id)

    def stop(self) -> None:
        """End all processes."""
        if self._pool is not None:
            self._pool.close()
        self._threads.stop()
