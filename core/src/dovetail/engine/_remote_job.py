"""Remote jobs: submitted once, then waited for, also by a later process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from dovetail.engine._work import Work
from dovetail.errors import EngineUnavailable, RunInterrupted, TaskFailed, TaskTimeout
from dovetail.graph import CompiledTask, ResourceScope
from dovetail.spec import RemoteTaskType, TaskCall, TaskContext


def run_job(
    compiled: CompiledTask,
    inputs: dict[str, Any],
    context: TaskContext,
    scope: ResourceScope,
    work: Work,
    save_handle: Callable[[Work, Any], None],
    timeout: float | None,
) -> Any:
    """Submit the job, or re-attach to it; wait; return its result.

    Raises:
        TaskFailed: The job failed.
        TaskTimeout: It ran longer than the timeout (seconds) and was cancelled.
        EngineUnavailable: The job was lost.
        RunInterrupted: The run was asked to stop; the job was cancelled.
    """
    kind = cast("RemoteTaskType", compiled.task_type)
    task = compiled.task
    call = TaskCall(
        config=task.config,
        inputs=inputs,
        interface=task.interface,
        context=context,
        function=task.function,
        resource=scope.get(kind, task.config, context),
    )
    if work.handle is None:
        work.handle = kind.submit(call)
        save_handle(work, work.handle)
    deadline = None if timeout is None else time.monotonic() + timeout
    while not (status := kind.status(work.handle, task.config)).done:
        if context.cancelled():
            kind.cancel_job(work.handle, task.config)
            raise RunInterrupted(f"the job of node {work.id!r} was cancelled with its run")
        if deadline is not None and time.monotonic() > deadline:
            kind.cancel_job(work.handle, task.config)
            raise TaskTimeout(f"the job of node {work.id!r} ran longer than its timeout of {timeout:g} s")
        time.sleep(kind.poll_interval)
    handle, work.handle = work.handle, None  # a retry submits anew
    if status.state == "succeeded":
        return kind.result(handle, call)
    tail = "\n".join(list(kind.logs(handle, task.config))[-20:])
    if status.state == "lost":
        raise EngineUnavailable(f"the job of node {work.id!r} was lost", why=status.message or None)
    raise TaskFailed(
        f"the job of node {work.id!r} {status.state}",
        why=status.message or None,
        type="JobFailed",
        message=status.message,
        traceback=tail,
    )
