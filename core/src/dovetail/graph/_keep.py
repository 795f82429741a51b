"""The task that gives what it is given, as an annotation wants it: past its gates, converted and published."""

from __future__ import annotations

from typing import Any

from dovetail.graph._annotations import base_type, outputs_of
from dovetail.graph._task import Task
from dovetail.spec import Interface


def keep_task(name: str, annotation: Any) -> Task[..., Any]:
    """A task with the input ``value`` and the output ``annotation``, both of its type."""
    return Task(
        name,
        task_type="python",
        interface=Interface({"value": base_type(annotation)}, outputs_of(annotation)),
        output=annotation,
        function=_same,
    )


def is_keep(task: Task[..., Any]) -> bool:
    """True for what :func:`keep_task` made."""
    return task.function is _same


def _same(value: Any) -> Any:
    return value
