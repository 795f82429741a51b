"""Cache keys: what a task does, and the content of what it is given."""

from __future__ import annotations

import hashlib
from typing import Any

from dovetail.engine._datasets import Datasets
from dovetail.engine._values import Values
from dovetail.engine._work import Work, resolve, stored
from dovetail.errors import DovetailError
from dovetail.graph import Task, dataset
from dovetail.quality import references_of


def cache_key(
    work: Work, task: Task[..., Any], fingerprint: str, values: Values, datasets: Datasets, environment: str = ""
) -> str:
    """Hex digest over the task's fingerprint, its environment and the content hash of each input.

    Args:
        work: The node.
        task: Its task.
        fingerprint: Of the task.
        values: Tell the hashes of inputs.
        datasets: Tell the hashes of datasets that checks refer to by name.
        environment: Digest of the environment that it is run in; ``""`` for none. Other versions may compute another result.
    """
    digest = hashlib.sha256(fingerprint.encode())
    if environment:
        digest.update(f"\0env\0{environment}".encode())
    for name in task.interface.inputs:
        digest.update(f"\0{name}\0{_input_hash(work, name, values)}".encode())
    for gate in task.compiled().gates.all():
        for reference in references_of(gate.suite):
            if reference.kind in ("name", "dataset") and reference.name not in task.interface.inputs:
                digest.update(f"\0dataset\0{reference.name}\0{_dataset_hash(reference, datasets)}".encode())
    return digest.hexdigest()


def _dataset_hash(reference: Any, datasets: Datasets) -> str:
    try:
        return datasets.artifact(reference.value or dataset(reference.name)).content_hash
    except DovetailError:
        return ""  # the gate says what is wrong with it


def _input_hash(work: Work, name: str, values: Values) -> str:
    artifact = stored(work, name, values)
    if artifact is not None:
        return artifact.content_hash
    if work.element is not None:
        return values.types.content_hash(work.element[name])
    return values.types.content_hash(resolve(work.node.inputs[name], work.frame, values))
