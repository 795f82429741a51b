"""An attempt's work as something that another process can do: a function by value, and a JSON request."""

from __future__ import annotations

import contextlib
import copyreg
import dataclasses
import operator
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast, get_args

from dovetail.config import Settings
from dovetail.engine._values import Values
from dovetail.engine._work import Work, stored
from dovetail.env import MADE_UP, pack, worker_imports
from dovetail.errors import DovetailError
from dovetail.graph import CompiledTask, ResourceScope, Task, base_type
from dovetail.plugins import Catalogue, build_catalogue, current_catalogue, use_catalogue
from dovetail.spec import Artifact, TaskContext, TaskType
from dovetail.store import ArtifactStore, open_artifact_store
from dovetail.types import current_types

MODULE_PREFIX = MADE_UP
"""What the names of modules begin with that were made from a pipeline file."""


# Dataclasses of a pipeline file travel by value; what stands for "no default" in their fields must stay one of its kind.
copyreg.pickle(type(dataclasses.MISSING), lambda _: "MISSING")


@dataclass(slots=True)
class Surroundings:
    """The hub that a task came from, as far as another process can have it."""

    settings: Settings
    plugins: tuple[object, ...] = ()
    code: dict[str, object] = dataclasses.field(default_factory=dict)
    """What the plugins name that no other process can import."""

    def catalogue(self) -> Catalogue:
        """Everything that the hub's plugins declare."""
        with contextlib.suppress(DovetailError):  # that of the worker's own configuration, if there is one
            current = current_catalogue()
            if not self.plugins and dataclasses.replace(current.settings, home=self.settings.home) == self.settings:
                return current
        catalogue = build_catalogue(self.settings, self.plugins)
        catalogue.provide(self.code)
        return catalogue


_surroundings: dict[str, tuple[Catalogue, ArtifactStore]] = {}


@dataclass(slots=True)
class PortableWork:
    """The work of a task, to be done in another process; called there with the request."""

    task: Task[..., Any]
    task_type: TaskType
    hub: Surroundings
    local_classes: tuple[tuple[type, str], ...] = ()

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Load the inputs, do the work, store the outputs; returns their artifacts."""
        run_id = request["run_id"]
        for cls, name in self.local_classes:
            cls.__qualname__ = name
        if run_id not in _surroundings:  # a worker serves one run
            _surroundings.clear()
            found = self.hub.catalogue()
            _surroundings[run_id] = found, open_artifact_store(self.hub.settings, lambda: found)
        catalogue, store = _surroundings[run_id]
        with use_catalogue(catalogue):
            return self._work(request, Values(current_types(), store))

    def _work(self, request: dict[str, Any], values: Values) -> dict[str, Any]:
        task = self.task
        inputs = {
            name: values.types.load(Artifact.from_dict(data), values.store, base_type(task.interface.inputs[name]))
            for name, data in request["inputs"].items()
        }
        compiled = CompiledTask(task, values.types, self.task_type)
        context = TaskContext(
            node_id=request["node_id"],
            run_id=request["run_id"],
            attempt=request["attempt"],
            idempotency_key=request["idempotency_key"],
            settings=self.hub.settings,
        )
        with ResourceScope() as scope:
            # Gates are evaluated by the process that drives the run: its journal keeps their reports.
            converted = compiled.convert_inputs(inputs, lambda gate, value: value)
            value = compiled.convert_output(compiled.work(converted, context, scope))
        outputs = values.dump(value, task.output, dict(task.interface.outputs))
        return {"outputs": {name: artifact.to_dict() for name, artifact in outputs.items()}}


def file_modules() -> list[str]:
    """Modules that were made from a pipeline file: no other process can import them, so their code travels by value."""
    return [name for name in sys.modules if name.startswith(MODULE_PREFIX)]


def local_classes(task: Task[..., Any]) -> Iterator[tuple[type, str]]:
    """Classes of a task's types that were made inside a function: by value they lose the name they are stored under."""
    pending, seen = [*task.interface.inputs.values(), *task.interface.outputs.values(), task.output], set()
    while pending:
        found = pending.pop()
        pending += get_args(found)
        if not isinstance(found, type) or found in seen:
            continue
        seen.add(found)
        pending += getattr(found, "__annotations__", {}).values()
        if "<locals>" in found.__qualname__:
            yield found, found.__qualname__


def session_code(catalogue: Catalogue) -> dict[str, object]:
    """The code of declarations that no other process can import, by the name that they give it."""
    found: dict[str, object] = {}
    for manifest in catalogue.manifests:
        pending: list[object] = [] if manifest.distribution else [each.to_dict() for each in manifest.declarations]
        while pending:
            value = pending.pop()
            if isinstance(value, dict):
                pending += value.values()
            elif isinstance(value, (list, tuple)):
                pending += value
            elif isinstance(value, str):
                module, _, name = value.partition(":")
                if not name or module not in sys.modules or (module != "__main__" and worker_imports(module)):
                    continue
                with contextlib.suppress(AttributeError):
                    found[value] = operator.attrgetter(name)(sys.modules[module])
    return found


def portable(
    work: Work,
    compiled: CompiledTask,
    inputs: dict[str, Any],
    context: TaskContext,
    values: Values,
    payloads: dict[Task[..., Any], bytes],
    plugins: tuple[object, ...],
) -> tuple[bytes, dict[str, Any]]:
    """The payload (packed once per task) and the request for one attempt."""
    task = compiled.task
    payload = payloads.get(task)
    if payload is None:
        hub = Surroundings(
            context.settings, plugins, session_code(cast(Catalogue, values.types.catalogue)) if plugins else {}
        )
        payload = payloads[task] = pack(
            PortableWork(task, compiled.task_type, hub, tuple(local_classes(task))), by_value=file_modules()
        )
    artifacts = {}
    for name, annotation in task.interface.inputs.items():
        found = stored(work, name, values) if name not in inputs or not compiled.has_input_gates else None
        artifacts[name] = found or values.types.dump(inputs[name], base_type(annotation), values.store)
    request = {
        "inputs": {name: artifact.to_dict() for name, artifact in artifacts.items()},
        "node_id": context.node_id,
        "run_id": context.run_id,
        "attempt": context.attempt,
        "idempotency_key": context.idempotency_key,
    }
    return payload, request
