"""Cache keys: what a task does, and the content of what it is given."""

from __future__ import annotations

import hashlib
from typing import Any

from dovetail.engine._values import Values
from dovetail.engine._work import Work, resolve, stored
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound
from dovetail.graph import Task
from dovetail.spec import Artifact


def cache_key(work: Work, task: Task[..., Any], fingerprint: str, values: Values) -> str:
    """Hex digest over the task's fingerprint and the content hash of each input."""
    digest = hashlib.sha256(fingerprint.encode())
    for name in task.interface.inputs:
        digest.update(f"\0{name}\0{_input_hash(work, name, values)}".encode())
    return digest.hexdigest()


def _input_hash(work: Work, name: str, values: Values) -> str:
    if work.element is not None:
        return values.types.content_hash(work.element[name])
    binding = work.node.inputs[name]
    artifact = stored(binding, work.frame)
    if artifact is not None:
        return artifact.content_hash
    return values.types.content_hash(resolve(binding, work.frame, values))


def intact(outputs: dict[str, Artifact], values: Values) -> bool:
    """True if every stored file of these artifacts is there and unharmed, so that a cache entry can be used."""
    try:
        for artifact in outputs.values():
            _open_all(artifact, values)
    except (ArtifactNotFound, ArtifactCorrupt):
        return False
    return True


def _open_all(artifact: Artifact, values: Values) -> None:
    for blob in artifact.blobs:
        values.store.open_path(blob)
    for child in artifact.children:
        _open_all(child, values)
