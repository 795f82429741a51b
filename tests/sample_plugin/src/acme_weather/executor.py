"""The executor ``one-by-one``."""

from __future__ import annotations

import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

from dovetail.spec import Attempt, Executor


class OneByOne(Executor):
    """One thread, however many slots there are."""

    name: ClassVar[str] = "one-by-one"

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def start(self, slots: int) -> None:
        """Get the thread ready."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="acme-weather")

    def submit(self, attempt: Attempt) -> Future[Any]:
        """Run it when it is its turn."""
        assert self._pool is not None  # start() comes first
        return self._pool.submit(contextvars.copy_context().run, attempt.run)

    def stop(self) -> None:
        """Let go of the thread."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
