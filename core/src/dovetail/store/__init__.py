"""The two stores: runs in a database, values in content-addressed files.

Two promises: a commit is whole or absent, with its artifact references and its events; and bytes that are read are the bytes that
were written. SQLAlchemy is imported with the first use of :class:`RunStore`, fsspec with the first remote URL.
"""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names
from dovetail.store._artifacts import ArtifactStore, Collected, Durability, open_artifact_store
from dovetail.store._owner import Owner, current_owner
from dovetail.store._records import (
    Batch,
    CacheEntry,
    CheckResult,
    DatasetMove,
    DatasetVersion,
    EventRecord,
    NewRun,
    NodeRecord,
    NodeStatus,
    NodeUpdate,
    Publication,
    Quarantined,
    ReportRecord,
    RunRecord,
    RunStatus,
    Staged,
)

if TYPE_CHECKING:
    from dovetail.store._runs import RunStore, open_run_store

__all__ = [
    # artifacts
    "ArtifactStore",
    "Collected",
    "Durability",
    "open_artifact_store",
    # runs
    "RunStore",
    "open_run_store",
    "Owner",
    "current_owner",
    # what goes in
    "NewRun",
    "Batch",
    "NodeUpdate",
    "CacheEntry",
    "Publication",
    "ReportRecord",
    "EventRecord",
    # what comes out
    "RunRecord",
    "RunStatus",
    "NodeRecord",
    "NodeStatus",
    "DatasetVersion",
    "DatasetMove",
    "Staged",
    "CheckResult",
    "Quarantined",
]

__getattr__, __dir__ = _lazy_names(__name__, dict.fromkeys(("RunStore", "open_run_store"), "dovetail.store._runs"))
