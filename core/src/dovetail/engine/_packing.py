"""What the workers of an environment are given of a task and of the hub: packed once, sent with every call."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import weakref
from pathlib import Path
from typing import Any

from dovetail.config import Settings
from dovetail.engine._inside import HubParts, Inside, Parts
from dovetail.engine._portable import local_classes, session_code
from dovetail.engine._staging import without_store
from dovetail.env import Home, Way, is_shipped, pack_by_name, pack_part, pack_type, worker_root
from dovetail.errors import DefinitionError
from dovetail.graph import CompiledTask, base_type
from dovetail.plugins import Catalogue


def pack_task(compiled: CompiledTask, home: Home, catalogue: Catalogue, settings: Settings) -> tuple[bytes, Path]:
    """The payload of a task for workers of an environment, and their worker root."""
    task = compiled.task
    root, way, hub = _hub_parts(home, catalogue, settings)
    kind = type(compiled.task_type)
    pack = functools.partial(pack_part, way=way, task=task.name)
    note = functools.partial(pack_type, way=way, task=task.name)
    try:
        parts = Parts(
            name=task.name,
            task_type=task.task_type,
            kind=pack(kind if is_shipped(kind, way) else None),
            function=pack(task.function),
            config=pack(task.config),
            inputs={name: note(base_type(annotation)) for name, annotation in task.interface.inputs.items()},
            outputs={name: note(annotation) for name, annotation in task.interface.outputs.items()},
            output=note(task.output),
            names=note(tuple(local_classes(task))),
        )
    except DefinitionError as error:
        error.what = f"task {task.name!r} cannot run in environment {home.name!r}: {error.what}"
        raise
    return pack_by_name(Inside(parts, hub)), root


def way_to(home: Home, catalogue: Catalogue, settings: Settings) -> Way:
    """How values travel to the workers of an environment."""
    return _hub_parts(home, catalogue, settings)[1]


def _hub_parts(home: Home, catalogue: Catalogue, settings: Settings) -> tuple[Path, Way, HubParts]:
    """The same for all tasks of a hub: the worker root, how code travels, and what workers are told of the hub."""
    known = _told.setdefault(catalogue, {})
    key = (home.digest, catalogue.version)
    found = known.get(key)
    if found is None or found[0] is not settings:
        beside = home.path.parent
        root = worker_root(catalogue.manifests, (beside if os.access(beside, os.W_OK) else settings.home) / ".roots")
        way = Way(home.python_version[:2] == sys.version_info[:2], frozenset(each.stem for each in root.iterdir()))
        packed = pack_part(without_store(settings), way, "")
        manifests = json.dumps([manifest.to_dict() for manifest in catalogue.manifests])
        code = pack_part(session_code(catalogue), way, "")
        digest = hashlib.sha256(b"\0".join([packed, manifests.encode(), code])).hexdigest()
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        found = settings, root, way, HubParts(digest, packed, manifests, code, home.name, python)
        known[key] = found
    return found[1:]


_told: weakref.WeakKeyDictionary[Catalogue, dict[Any, tuple[Settings, Path, Way, HubParts]]] = (
    weakref.WeakKeyDictionary()
)
