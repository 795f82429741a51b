"""Every error that dovetail raises on purpose.

The tree, with the kind and the exit code of each branch::

    DovetailError
    |-- UserError                    kind "user", exit code 2: your code, your input, your configuration
    |   |-- UsageError               a name or value that was typed wrongly
    |   |   `-- PublishConflict      somebody else has published the dataset meanwhile
    |   |-- ConfigError              a setting that is unknown or malformed
    |   |-- DefinitionError          a task or workflow that cannot be built
    |   |   `-- WiringError          two ends of an edge that do not fit
    |   |-- ValueMismatch            a value that does not fit its annotation
    |   |-- ConversionError          no converter, or a lossy one that was not allowed
    |   |-- UnknownType              a type that no installed plugin knows
    |   |-- TaskFailed               the function of a task raised
    |   `-- TaskTimeout              a task ran longer than its timeout and was stopped
    |-- DataError                    kind "data", exit code 1
    |   `-- GateBlocked              a gate refused to publish
    `-- PlatformError                kind "platform", exit code 3: a plugin, an engine, a store, dovetail itself
        |-- PluginError              a plugin that cannot be used
        |   |-- PluginLoadError      its code raised, exited or misses a dependency
        |   |-- PluginConflict       two plugins own one name
        |   `-- ApiMismatch          it was written for another hook API
        |-- EngineUnavailable        the external engine is missing or cannot be reached
        |-- MemoryLimit              a value larger than this process may take
        |-- WorkerDied               a worker process exited, was killed or broke protocol
        |-- StoreError               the run store or the artifact store
        |   |-- StoreLocked          another process holds it
        |   |-- StoreUnwritable      no space, no permission, read-only
        |   |-- StoreVersion         written by a newer dovetail
        |   |-- ArtifactNotFound     the artifact is not there
        |   `-- ArtifactCorrupt      its bytes are not those that were written
        `-- RunInterrupted           the run was cancelled or its owner died; it can be resumed

Each error has four parts: who, what, why, and what to type next.

What is on its way out is one row of :data:`DEPRECATIONS`, and warns with :class:`DovetailDeprecationWarning`.
"""

from dovetail.errors._deprecations import (
    DEPRECATIONS,
    Deprecation,
    DovetailDeprecationWarning,
    DovetailPendingDeprecationWarning,
    deprecated,
)
from dovetail.errors._files import no_room, unwritable
from dovetail.errors._lazy import lazy_names
from dovetail.errors._traceback import user_traceback
from dovetail.errors._tree import (
    ApiMismatch,
    ArtifactCorrupt,
    ArtifactNotFound,
    ConfigError,
    ConversionError,
    DataError,
    DefinitionError,
    DovetailError,
    EngineUnavailable,
    GateBlocked,
    Kind,
    MemoryLimit,
    PlatformError,
    PluginConflict,
    PluginError,
    PluginLoadError,
    PublishConflict,
    RunInterrupted,
    StoreError,
    StoreLocked,
    StoreUnwritable,
    StoreVersion,
    TaskFailed,
    TaskTimeout,
    UnknownType,
    UsageError,
    UserError,
    ValueMismatch,
    WiringError,
    WorkerDied,
)
from dovetail.errors._words import listing, nearest, shorten, visible

__all__ = [
    "DovetailError",
    "Kind",
    "UserError",
    "UsageError",
    "PublishConflict",
    "ConfigError",
    "DefinitionError",
    "WiringError",
    "ValueMismatch",
    "ConversionError",
    "UnknownType",
    "TaskFailed",
    "TaskTimeout",
    "DataError",
    "GateBlocked",
    "PlatformError",
    "PluginError",
    "PluginLoadError",
    "PluginConflict",
    "ApiMismatch",
    "EngineUnavailable",
    "MemoryLimit",
    "WorkerDied",
    "StoreError",
    "StoreLocked",
    "StoreUnwritable",
    "StoreVersion",
    "ArtifactNotFound",
    "ArtifactCorrupt",
    "RunInterrupted",
    "nearest",
    "listing",
    "shorten",
    "visible",
    "user_traceback",
    # files that people name
    "unwritable",
    "no_room",
    # packages
    "lazy_names",
    # deprecations
    "deprecated",
    "Deprecation",
    "DEPRECATIONS",
    "DovetailDeprecationWarning",
    "DovetailPendingDeprecationWarning",
]
