"""The executor ``acme-threads``."""

from __future__ import annotations

import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

from dovetail.spec import Attempt, Executor


class AcmeThreads(Executor):
    """Threads whose names Acme's monitoring knows."""

    name: ClassVar[str] = "acme-threads"

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def start(self, slots: int) -> None:
        """Get the threads ready."""
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="acme-weather")

    def submit(self, attempt: Attempt) -> Future[Any]:
        """Run it in a thread, with the context of the hub."""
        assert self._pool is not None  # start() comes first
        return self._pool.submit(contextvars.copy_context().run, attempt.run)

    def stop(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
