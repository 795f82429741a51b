"""The contract of executors: where the attempts of ready nodes are run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar, Protocol


class Attempt(Protocol):
    """One attempt of a node, ready to run."""

    node_id: str
    timeout: float | None
    """Seconds, or None."""

    def run(self, call: Callable[..., dict[str, Any]] | None = None) -> Any:
        """Run it and return its outcome.

        Args:
            call: ``call(payload, request, timeout=..., job=..., on_output=...) -> reply``: does the work somewhere else.
                ``payload`` is a function by value (cloudpickle), request and reply are JSON-able. None does the work in
                this process.
        """
        ...


class Executor:
    """Runs attempts. Subclass it and declare it with an :class:`ExecutorSpec`."""

    name: ClassVar[str] = ""

    def start(self, slots: int) -> None:
        """Get ready to run up to ``slots`` attempts at once."""

    def submit(self, attempt: Attempt) -> Future[Any]:
        """Run the attempt; the future holds its outcome, or the error."""
        raise NotImplementedError(f"{type(self).__name__} does not implement submit()")

    def cancel(self, node_id: str) -> None:
        """Stop the attempt of this node if it still runs."""

    def stop(self) -> None:
        """Stop everything and free what is held. Called once, also after failures."""
