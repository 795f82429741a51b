"""The work of a task inside a worker of an environment; the other end of :mod:`dovetail.engine._isolated`."""

from __future__ import annotations

import atexit
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail.config import Settings
from dovetail.engine._here import is_here
from dovetail.env import forget_what_changed, loaded, missing_module, unpack_part
from dovetail.env.bridge import WorkerSide
from dovetail.errors import DataError, DefinitionError, DovetailError
from dovetail.graph import CompiledTask, ResourceScope, Task, base_type, is_named_tuple, load_task_type
from dovetail.plugins import Catalogue, use_catalogue
from dovetail.spec import Artifact, Interface, Manifest, TaskContext, TypeRef
from dovetail.types import TypeEngine, current_types

if TYPE_CHECKING:
    from dovetail.engine._values import Values

_MOST_HUBS = 4


@dataclass(slots=True)
class Parts:
    """A task as it travels. All of ``bytes`` are packed parts, see :mod:`dovetail.env`.

    Attributes:
        name: Of the task.
        task_type: Name of its task type.
        kind: Class of the task type where no worker finds it by itself.
        function: What was decorated.
        config: The task type's config object.
        inputs: Types by name, without their gates.
        outputs: Types by name.
        output: Type of the whole output.
        names: Classes of its types that were made inside a function, with their names.
    """

    name: str
    task_type: str
    kind: bytes
    function: bytes
    config: bytes
    inputs: dict[str, bytes]
    outputs: dict[str, bytes]
    output: bytes
    names: bytes


@dataclass(slots=True)
class HubParts:
    """What a worker is told of its hub.

    Attributes:
        digest: Of all of it.
        settings: Packed.
        manifests: JSON: what is declared there.
        code: Packed: what plugins of a session name that cannot be imported.
        environment: Name of the worker's environment, for messages.
        python: Version of the hub's Python, as ``"3.12"``.
    """

    digest: str
    settings: bytes
    manifests: str
    code: bytes
    environment: str
    python: str


class _Hub:
    """The hub that work comes from, as far as this process has it."""

    def __init__(self, parts: HubParts) -> None:
        self.settings: Settings = unpack_part(parts.settings)
        manifests = [Manifest.from_dict(each) for each in json.loads(parts.manifests)]
        # All count as those of another environment: none of their hook modules is imported here, and nothing is looked for.
        self.catalogue = Catalogue(self.settings, foreign=manifests)
        self.catalogue.provide(unpack_part(parts.code))
        self._values: Values | None = None

    def values(self, types: TypeEngine, staging: dict[str, Any] | None) -> Values:
        """The project's store, opened at first need; or what stands for it where the hub alone can reach it."""
        if staging is not None:
            from dovetail.engine._staging import StagedStore
            from dovetail.engine._values import Values

            return Values(types, StagedStore(staging))
        if self._values is None:
            # Only the nodes of durable runs store anything; other calls do not wait for what does.
            from dovetail.engine._values import Values
            from dovetail.store import open_artifact_store

            self._values = Values(types, open_artifact_store(self.settings, lambda: self.catalogue))
        return self._values


_hubs: dict[str, _Hub] = {}
_scopes: dict[str, ResourceScope] = {}
_sides: dict[str, WorkerSide] = {}


class Inside:
    """One task in this process. Called with the request of each attempt."""

    def __init__(self, parts: Parts, hub: HubParts) -> None:
        self.parts = parts
        self.hub = hub
        self._compiled: CompiledTask | None = None

    def __getstate__(self) -> tuple[Parts, HubParts]:
        return self.parts, self.hub

    def __setstate__(self, state: tuple[Parts, HubParts]) -> None:
        self.parts, self.hub = state
        self._compiled = None

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take the inputs, do the work, hand the output over."""
        hub = _hubs.get(self.hub.digest)
        if hub is None:
            if len(_hubs) >= _MOST_HUBS:
                _hubs.clear()
            hub = _hubs[self.hub.digest] = _Hub(self.hub)
        side = _side(request["bridge"])
        with use_catalogue(hub.catalogue):
            types = current_types()
            compiled = self._compiled or self._arrive(types)
            refused: dict[str, str] = {}
            inputs = self._inputs(request, compiled, side, hub, types, refused)
            if refused:
                return {"refused": refused}
            loaded()
            value = self._work(request, compiled, inputs, hub)
            del inputs
            return self._outputs(request, compiled, value, side, hub, types)

    def _arrive(self, types: TypeEngine) -> CompiledTask:
        parts = self.parts
        forget_what_changed()
        try:
            function, config, kind = map(unpack_part, (parts.function, parts.config, parts.kind))
            for cls, name in unpack_part(parts.names):
                cls.__qualname__ = name
            inputs = {name: unpack_part(data) for name, data in parts.inputs.items()}
            outputs = {name: unpack_part(data) for name, data in parts.outputs.items()}
            output = unpack_part(parts.output)
            task_type = load_task_type(parts.task_type) if kind is None else kind()
            if task_type.name != "python":  # the hub may not have had the code that looks at it
                task_type.validate(config, Interface(inputs, outputs), function)
        except ImportError as error:
            python = f"{sys.version_info[0]}.{sys.version_info[1]}"
            raise missing_module(error, self.hub.environment, parts.name, python, self.hub.python) from error
        task: Task[..., Any] = Task.__new__(Task)
        # It was checked where it was defined.
        task.__dict__.update(
            name=parts.name,
            task_type=parts.task_type,
            config=config,
            interface=Interface(inputs, outputs),
            output=output,
            function=function,
            _compiled=None,
        )
        self._compiled = CompiledTask(task, types, task_type)
        return self._compiled

    def _inputs(
        self,
        request: dict[str, Any],
        compiled: CompiledTask,
        side: WorkerSide,
        hub: _Hub,
        types: TypeEngine,
        refused: dict[str, str],
    ) -> dict[str, Any]:
        """The inputs as the function wants them; ``refused`` says which of those in the store cannot be read here."""
        found = {}
        for name, annotation in compiled.task.interface.inputs.items():
            given = request["inputs"][name]
            wire = given.get("wire")
            self._check_type(name, annotation)
            if wire is not None:
                found[name] = side.receive(wire, annotation, types)
                continue
            try:
                values = hub.values(types, request["staging"])
                found[name] = types.load(Artifact.from_dict(given["artifact"]), values.store, annotation)
            except DataError:
                raise
            except DovetailError as error:  # the store's driver, or what reads this format, may be with the hub alone
                refused[name] = error.what
        return {} if refused else compiled.convert_inputs(found, lambda gate, value: value)

    def _check_type(self, name: str, annotation: Any) -> None:
        if isinstance(annotation, TypeRef) and not is_here(annotation):
            library = annotation.name.partition(".")[0]
            raise DefinitionError(
                f"environment {self.hub.environment!r} cannot import {library!r}",
                who=f"input {name!r} of task {self.parts.name!r}",
                why=f"it is wanted as a {annotation.name}",
                fix=f"add what brings {library!r} to the requirements of {self.hub.environment!r}, or take a pyarrow.Table",
                module=library,
            )

    def _work(self, request: dict[str, Any], compiled: CompiledTask, inputs: dict[str, Any], hub: _Hub) -> Any:
        context = TaskContext(
            node_id=request["node_id"],
            run_id=request["run_id"],
            attempt=request["attempt"],
            idempotency_key=request["idempotency_key"],
            settings=hub.settings,
        )
        if request["scope"] not in _scopes:
            _scopes[request["scope"]] = ResourceScope()
        value = compiled.work(inputs, context, _scopes[request["scope"]])
        output = compiled.task.output
        if isinstance(output, TypeRef) and not is_here(output):
            return value  # the hub makes of it what is wanted
        return compiled.convert_output(value)

    def _outputs(
        self,
        request: dict[str, Any],
        compiled: CompiledTask,
        value: Any,
        side: WorkerSide,
        hub: _Hub,
        types: TypeEngine,
    ) -> dict[str, Any]:
        task = compiled.task
        reply: dict[str, Any] = {"artifacts": {}, "wires": {}}
        names = dict(task.interface.outputs)
        if request["store"]:
            stored = hub.values(types, request["staging"]).dump(value, task.output, names)
            reply["artifacts"] = {name: artifact.to_dict() for name, artifact in stored.items()}
        several = is_named_tuple(base_type(task.output))
        for name, annotation in names.items():
            part = getattr(value, name) if several else value
            if request["wires"] == "all" or is_rows_in_memory(part, types):
                wanted = base_type(annotation)
                known = not isinstance(wanted, TypeRef) or is_here(wanted)
                reply["wires"][name] = side.send(part, wanted if known else None, types)
        return reply


class Finish:
    """Closes what was opened for a run."""

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Close it; what goes wrong on the way is told."""
        scope = _scopes.pop(request["scope"], None)
        problems = scope.close() if scope is not None else []
        return {"problems": [f"{type(problem).__name__}: {problem}" for problem in problems]}


def is_rows_in_memory(value: Any, types: TypeEngine) -> bool:
    """True for a table whose rows are here already: neither a plan nor the handle of a distributed frame."""
    return types.is_table(value) and not types.transformer_for(value).lazy


def _side(place: dict[str, Any]) -> WorkerSide:
    key = json.dumps(place, sort_keys=True)
    side = _sides.get(key)
    if side is None:
        for old in _sides.values():
            old.close()
        _sides.clear()
        side = _sides[key] = WorkerSide(place)
    return side


@atexit.register
def _close() -> None:
    for scope in _scopes.values():
        scope.close()
    _scopes.clear()
    for side in _sides.values():
        side.close()
