"""What plugins are written against: declarations, hook specs, contracts, and the version of all that.

Everything here is light: importing it brings no engine, no dataframe library and, but for the hook markers, no pluggy.
"""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names
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
    EnvironmentSpec,
    ExecutorSpec,
    Manifest,
    Preference,
    SecretProviderSpec,
    TaskTypeSpec,
    TransformerSpec,
    declaration_from_dict,
)

if TYPE_CHECKING:
    from dovetail.spec._checks import CheckEngine, CheckInfo, CheckOutcome, Dimension, SuiteInfo
    from dovetail.spec._executors import Attempt, Executor
    from dovetail.spec._hookspecs import HOOK_NAMES, hookimpl, hookspec
    from dovetail.spec._places import NO_ENGINE, EngineChoice, Place
    from dovetail.spec._tasks import Interface, JobState, JobStatus, RemoteTaskType, TaskCall, TaskContext, TaskType
    from dovetail.spec._types import (
        Artifact,
        Blob,
        BlobSink,
        BlobSource,
        BlobStore,
        Codec,
        ColumnCodec,
        FieldInfo,
        Preview,
        Schema,
        TypeRef,
        TypeTransformer,
    )

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
    "EnvironmentSpec",
    "Preference",
    # places
    "Place",
    "EngineChoice",
    "NO_ENGINE",
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
    "BlobStore",
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

_HOMES = {
    "dovetail.spec._hookspecs": ("hookimpl", "hookspec", "HOOK_NAMES"),
    "dovetail.spec._executors": ("Executor", "Attempt"),
    "dovetail.spec._places": ("EngineChoice", "NO_ENGINE", "Place"),
    "dovetail.spec._checks": ("CheckEngine", "CheckInfo", "CheckOutcome", "Dimension", "SuiteInfo"),
    "dovetail.spec._tasks": (
        "Interface",
        "JobState",
        "JobStatus",
        "RemoteTaskType",
        "TaskCall",
        "TaskContext",
        "TaskType",
    ),
    "dovetail.spec._types": (
        "Artifact",
        "Blob",
        "BlobSink",
        "BlobSource",
        "BlobStore",
        "Codec",
        "ColumnCodec",
        "FieldInfo",
        "Preview",
        "Schema",
        "TypeRef",
        "TypeTransformer",
    ),
}
"""What listing plugins does not need, and is imported at first use."""

_LAZY = {name: home for home, names in _HOMES.items() for name in names}

__getattr__, __dir__ = _lazy_names(__name__, _LAZY)
