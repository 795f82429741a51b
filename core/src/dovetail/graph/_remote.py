"""Remote jobs: submitted once, then waited for, also by a later process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dovetail.errors import EngineUnavailable, RunInterrupted, TaskFailed, TaskTimeout
from dovetail.spec import RemoteTaskType, TaskCall


def run_job(
    kind: RemoteTaskType,
    call: TaskCall,
    handle: Any = None,
    submitted: Callable[[Any], None] | None = None,
    timeout: float | None = None,
) -> Any:
    """Submit a job, or re-attach to it; wait; return its result.

    Args:
        kind: The task type.
        call: What to do.
        handle: Of a job that an earlier process submitted; None submits one.
        submitted: Called with the handle of a new job before waiting begins.
        timeout: Seconds from now after which the job is cancelled; None waits for as long as it takes.

    Raises:
        TaskFailed: The job failed.
        TaskTimeout: It ran longer than the timeout and was cancelled.
        EngineUnavailable: The job was lost.
        RunInterrupted: The run was asked to stop; the job was cancelled.
    """
    node_id, config = call.context.node_id, call.config
    if handle is not None and kind.status(handle, config).state == "cancelled":
        handle = None  # with the run that is now resumed
    if handle is None:
        handle = kind.submit(call)
        if submitted is not None:
            submitted(handle)
    deadline = None if timeout is None else time.monotonic() + timeout
    while not (status := kind.status(handle, config)).done:
        if call.context.cancelled():
            kind.cancel_job(handle, config)
            raise RunInterrupted(f"the job of node {node_id!r} was cancelled with its run")
        if deadline is not None and time.monotonic() > deadline:
            kind.cancel_job(handle, config)
            raise TaskTimeout(f"the job of node {node_id!r} ran longer than its timeout of {timeout:g} s")
        _pause(kind.poll_interval, call.context.cancelled, deadline)
    if status.state == "succeeded":
        return kind.result(handle, call)
    if status.state == "lost":
        raise EngineUnavailable(f"the job of node {node_id!r} was lost", why=status.message or None)
    tail = "\n".join(list(kind.logs(handle, config))[-20:])  # which a job that is lost may not have any more
    raise TaskFailed(
        f"the job of node {node_id!r} {status.state}",
        why=status.message or None,
        type="JobFailed",
        message=status.message,
        traceback=tail,
    )


def _pause(seconds: float, cancelled: Callable[[], bool], deadline: float | None) -> None:
    """Sleep, but not past the deadline, and not for long once the run is asked to stop: a job outlives its run otherwise."""
    until = time.monotonic() + seconds
    if deadline is not None:
        until = min(until, deadline + 0.01)
    while (left := until - time.monotonic()) > 0 and not cancelled():
        time.sleep(min(left, 0.2))
