"""dovetail: a plugin-based integration hub for typed, gated, durable data and ML pipelines.

Everything here is found at first use, so ``import dovetail`` imports no plugin, no engine and no dataframe library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail import errors as errors
    from dovetail.engine import shell as shell
    from dovetail.graph import Dataset as Dataset
    from dovetail.graph import OnBlocked as OnBlocked
    from dovetail.graph import Task as Task
    from dovetail.graph import Workflow as Workflow
    from dovetail.graph import WorkflowBuilder as WorkflowBuilder
    from dovetail.graph import current_context as context
    from dovetail.graph import dataset as dataset
    from dovetail.graph import dynamic as dynamic
    from dovetail.graph import load_workflow_spec as load_workflow_spec
    from dovetail.graph import map_ as map
    from dovetail.graph import on_blocked as on_blocked
    from dovetail.graph import publish as publish
    from dovetail.graph import task as task
    from dovetail.graph import task_type as task_type
    from dovetail.graph import when as when
    from dovetail.graph import workflow as workflow
    from dovetail.hub import Hub as Hub
    from dovetail.hub import RunResult as RunResult
    from dovetail.hub import default_hub as default_hub
    from dovetail.hub import resume as resume
    from dovetail.hub import run as run
    from dovetail.quality import Gate as Gate
    from dovetail.quality import Report as Report
    from dovetail.quality import Suite as Suite
    from dovetail.quality import checks as checks
    from dovetail.quality import collect_reports as collect_reports
    from dovetail.spec import RemoteTaskType as RemoteTaskType
    from dovetail.spec import TaskCall as TaskCall
    from dovetail.spec import TaskContext as TaskContext
    from dovetail.spec import TaskType as TaskType
    from dovetail.spec import TypeTransformer as TypeTransformer
    from dovetail.types import Collect as Collect
    from dovetail.types import Column as Column
    from dovetail.types import Directory as Directory
    from dovetail.types import File as File
    from dovetail.types import FileFormat as FileFormat
    from dovetail.types import Lossy as Lossy
    from dovetail.types import Stored as Stored
    from dovetail.types import columns as columns

__version__ = "0.1.0"

_LAZY = {
    "task": "dovetail.graph",
    "workflow": "dovetail.graph",
    "dynamic": "dovetail.graph",
    "map": "dovetail.graph:map_",
    "when": "dovetail.graph",
    "context": "dovetail.graph:current_context",
    "Task": "dovetail.graph",
    "Workflow": "dovetail.graph",
    "WorkflowBuilder": "dovetail.graph",
    "load_workflow_spec": "dovetail.graph",
    "Dataset": "dovetail.graph",
    "dataset": "dovetail.graph",
    "publish": "dovetail.graph",
    "OnBlocked": "dovetail.graph",
    "on_blocked": "dovetail.graph",
    "task_type": "dovetail.graph",
    "TaskType": "dovetail.spec",
    "RemoteTaskType": "dovetail.spec",
    "TaskCall": "dovetail.spec",
    "TaskContext": "dovetail.spec",
    "TypeTransformer": "dovetail.spec",
    "Gate": "dovetail.quality",
    "Suite": "dovetail.quality",
    "checks": "dovetail.quality",
    "Report": "dovetail.quality",
    "collect_reports": "dovetail.quality",
    "File": "dovetail.types",
    "FileFormat": "dovetail.types",
    "columns": "dovetail.types",
    "Column": "dovetail.types",
    "Lossy": "dovetail.types",
    "Stored": "dovetail.types",
    "Collect": "dovetail.types",
    "Directory": "dovetail.types",
    "shell": "dovetail.engine",
    "run": "dovetail.hub",
    "resume": "dovetail.hub",
    "Hub": "dovetail.hub",
    "RunResult": "dovetail.hub",
    "default_hub": "dovetail.hub",
    "errors": "dovetail.errors:",
}

__all__ = ["__version__", *_LAZY]


def __getattr__(name: str) -> Any:
    target = _LAZY.get(name)
    if target is None:
        raise AttributeError(f"module 'dovetail' has no attribute {name!r}")
    import importlib

    module, separator, attribute = target.partition(":")
    loaded = importlib.import_module(module)
    value = loaded if separator and not attribute else getattr(loaded, attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
