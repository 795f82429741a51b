"""What plugins are written against: declarations, hook specs, contracts, and the version of all that.

Everything here is light: importing it brings no engine, no dataframe library and, but for the hook markers, no pluggy.
"""

from typing import TYPE_CHECKING, Any

from dovetail.spec._checks import CheckEngine, CheckInfo, CheckOutcome, Dimension, SuiteInfo
from dovetail.spec._declarations import (
    API_VERSION,
    DECLARATION_KINDS,
    ArtifactStoreSpec,
    CheckEngineSpec,
    CodecSpec,
    CommandSpec,
    ConverterSpec,
    Cost,
    Declaration,
    ExecutorSpec,
    Manifest,
    SecretProviderSpec,
    TaskTypeSpec,
    TransformerSpec,
    declaration_from_dict,
)
from dovetail.spec._tasks import Interface, JobState, JobStatus, RemoteTaskType, TaskCall, TaskContext, TaskType
from dovetail.spec._types import (
    Artifact,
    Blob,
    BlobSink,
    BlobSource,
    Codec,
    ColumnCodec,
    FieldInfo,
    Preview,
    Schema,
    TypeRef,
    TypeTransformer,
)

if TYPE_CHECKING:
    from dovetail.spec._executors import Attempt, Executor
    from dovetail.spec._hookspecs import HOOK_NAMES, hookimpl, hookspec

__all__ = [
    "API_VERSION",
    "HOOK_NAMES",
    "hookimpl",
    "hookspec",
    # declarations
    "DECLARATION_KINDS",
    "Declaration",
    "declaration_from_dict",
    "Manifest",
    "TaskTypeSpec",
    "TransformerSpec",
    "ConverterSpec",
    "CodecSpec",
    "Cost",
    "CheckEngineSpec",
    "ExecutorSpec",
    "ArtifactStoreSpec",
    "SecretProviderSpec",
    "CommandSpec",
    # tasks
    "Interface",
    "TaskType",
    "RemoteTaskType",
    "TaskCall",
    "TaskContext",
    "JobState",
    "JobStatus",
    # types
    "TypeRef",
    "TypeTransformer",
    "Codec",
    "ColumnCodec",
    "Schema",
    "FieldInfo",
    "Preview",
    "Artifact",
    "Blob",
    "BlobSink",
    "BlobSource",
    # checks
    "CheckEngine",
    "CheckInfo",
    "CheckOutcome",
    "Dimension",
    "SuiteInfo",
    # executors
    "Executor",
    "Attempt",
]

_LAZY = {
    "hookimpl": "dovetail.spec._hookspecs",
    "hookspec": "dovetail.spec._hookspecs",
    "HOOK_NAMES": "dovetail.spec._hookspecs",
    "Executor": "dovetail.spec._executors",
    "Attempt": "dovetail.spec._executors",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value
