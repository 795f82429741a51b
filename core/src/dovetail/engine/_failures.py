"""What failed, as errors that can be stored, and whether trying again can help."""

from __future__ import annotations

from dovetail.config import redact
from dovetail.errors import (
    DataError,
    DovetailError,
    PlatformError,
    RunInterrupted,
    StoreError,
    TaskFailed,
    TaskTimeout,
    shorten,
    user_traceback,
)


def user_failure(node_id: str, task: str, error: BaseException) -> TaskFailed:
    """What a user's function raised, as text that can be stored; ``__cause__`` is the exception itself."""
    kind = type(error).__name__
    try:
        message = redact(str(error))
    except Exception as problem:  # a user's __str__ may do anything
        message = f"<its str() raised {type(problem).__name__}>"
    failed = TaskFailed(
        f"node {node_id!r} raised {kind}: {message}"[:2000],
        who=f"task {task!r}",
        type=kind,
        message=message[:2000],
        traceback=redact(user_traceback(error)),
    )
    failed.__cause__ = error
    return failed


def internal_error(node_id: str, error: BaseException) -> PlatformError:
    """An executor or dovetail itself failed."""
    return PlatformError(
        f"node {node_id!r} could not be run",
        why=f"{type(error).__name__}: {shorten(error, 500)}",
        fix="this is a defect; please report it",
    )


def repeatable(error: DovetailError) -> bool:
    """True if another attempt can help: the function, the engine or a worker failed; not the data, the wiring or the store."""
    if isinstance(error, (DataError, StoreError, RunInterrupted)):
        return False
    return isinstance(error, (TaskFailed, TaskTimeout, PlatformError))
