"""The task types and executors of the core, declared through the same hooks as those of plugins."""

from __future__ import annotations

from dovetail.spec import ExecutorSpec, TaskTypeSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_task_types() -> list[TaskTypeSpec]:
    """``python``, ``shell``, ``dataset`` and ``publish``."""
    return [
        TaskTypeSpec(
            name="python", code="dovetail.engine._task_types:PythonTask", summary="calls a Python function in process"
        ),
        TaskTypeSpec(
            name="shell",
            code="dovetail.engine._task_types:ShellTask",
            config="dovetail.engine._task_types:ShellConfig",
            summary="runs a program with arguments, without a shell",
        ),
        TaskTypeSpec(
            name="dataset",
            code="dovetail.engine._datasets:DatasetTask",
            config="dovetail.graph._published:PublishedDataset",
            summary="reads a published version of a dataset",
        ),
        TaskTypeSpec(
            name="publish",
            code="dovetail.engine._datasets:PublishTask",
            config="dovetail.graph._published:Publish",
            summary="publishes a value as the next version of a dataset",
        ),
    ]


@hookimpl
def dovetail_executors() -> list[ExecutorSpec]:
    """``threads`` and ``processes``."""
    return [
        ExecutorSpec(
            name="threads", code="dovetail.engine._executors:ThreadExecutor", summary="threads of the hub's process"
        ),
        ExecutorSpec(
            name="processes",
            code="dovetail.engine._executors:ProcessExecutor",
            summary="warm processes of the hub's interpreter, which can be stopped at any moment",
        ),
    ]
