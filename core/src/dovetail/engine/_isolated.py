"""Doing the work of a task in the worker of an environment: what attempts of durable runs and in-process calls share.

The seam. Whoever decides *where* a task runs (``Place``) ends up with an ``Environment`` that is built, and calls one function:

* An in-process call, ``daily(month=1)``: :func:`run_isolated`, named by the string :data:`RUN_ISOLATED`, since it lies above the
  graph floor. It takes the inputs as they were given and returns the output past its gates, as ``CompiledTask.__call__`` does.
* An attempt of a durable run asks ``Services.home(work)``; where that gives an environment, the attempt goes there by itself:
  retries, timeout, gates, cache and resume work as for any other node. It waits in a thread of the ``threads`` executor.

Of an environment only what :class:`~dovetail.env.Home` names is used: ``name``, ``digest``, ``path``, ``python``,
``python_version``, ``hold()``.

Workers stay warm from run to run: they belong to the hub's process (``dovetail.env.isolated_pools()``) and end with it. What task
types open inside of them lives as long as the ``ResourceScope`` of the run that it was opened for.
"""

from __future__ import annotations

import re
import sys
import uuid
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from dovetail.config import Settings, redact, redact_data
from dovetail.engine._here import is_here
from dovetail.engine._inside import Finish
from dovetail.engine._packing import pack_task
from dovetail.engine._staging import Staging
from dovetail.env import (
    Home,
    isolated_pools,
    pack_by_name,
)
from dovetail.env.bridge import Bridge
from dovetail.errors import DovetailError, TaskFailed
from dovetail.graph import CompiledTask, ResourceScope, Task, apply_gate, base_type, is_named_tuple, work_of
from dovetail.plugins import current_catalogue
from dovetail.quality import Gate
from dovetail.spec import Artifact, TaskContext, TypeRef
from dovetail.store import ArtifactStore
from dovetail.types import current_types

RUN_ISOLATED: Final = "dovetail.engine._isolated:run_isolated"

_LACKS = re.compile(r"No module named '([^'.]+)")
_OF_THE_HUB = ("sqlalchemy", "stevedore")  # which no environment holds for dovetail's sake
_LOAD_SECONDS = 300.0
_FINISH_SECONDS = 15.0

Wires = Literal["all", "tables"]
Given = dict[str, Any]
"""Inputs by name: values, or artifacts of the project's store."""


@dataclass(slots=True)
class Limits:
    """What an attempt may take.

    Attributes:
        timeout: Seconds that the work may take; None: no limit.
        memory: Bytes that the worker may hold while it works, its engine included; None: no limit.
    """

    timeout: float | None = None
    memory: int | None = None


@dataclass(slots=True)
class Done:
    """What came of the work: artifacts in the project's store where it was to be stored, values where they were wanted."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def run_isolated(
    compiled: CompiledTask,
    inputs: dict[str, Any],
    context: TaskContext,
    environment: Home,
    scope: ResourceScope,
    *,
    timeout: float | None = None,
    memory: int | None = None,
    on_output: Callable[[str, str], object] | None = None,
) -> Any:
    """One call of a task in a warm worker of an environment; gates are evaluated here, nothing is stored.

    Args:
        compiled: The task, bound to the type engine of the hub's current catalogue.
        inputs: Values by name, as they were given.
        context: Of the call.
        environment: Where; built and whole.
        scope: What is opened in workers for this call is closed when this scope is.
        timeout: Seconds that the work may take; None: no limit.
        memory: Bytes that the worker may hold while it works, its engine included; None: no limit.
        on_output: Takes ``"stdout"`` or ``"stderr"`` and each line that the work prints; None: they are printed here.

    Returns:
        The output as the annotation wants it; a type that this process cannot import stays an Arrow table.

    Raises:
        TaskFailed: The function raised; type, message and traceback are in ``details``.
        GateBlocked: A gate refused an input or the output.
        TaskTimeout, WorkerDied, RunInterrupted: The worker was stopped, died or was cancelled.
        DefinitionError: The function cannot be brought to that environment; says what to do.
    """
    task = compiled.task
    with compiled.gates.named(inputs):
        given = gate_inputs(compiled, inputs, apply_gate)
    work = isolated(scope).work(compiled, environment, context)
    try:
        done = work(given, Limits(timeout, memory), on_output or _print, store=None, wires="all")
    except TaskFailed as error:
        raise named(error, f"task {task.name!r}", f"task {task.name!r}") from None
    value = whole(task, done.values)
    with compiled.gates.named(inputs):
        return compiled.gate_output(value, apply_gate) if compiled.gated else value


def gate_inputs(compiled: CompiledTask, inputs: dict[str, Any], gate: Callable[[Gate, Any], Any]) -> dict[str, Any]:
    """Inputs past their gates; a gate sees as it is what its task wants as a type that only the environment has."""
    if not compiled.has_input_gates:
        return inputs
    found = {}
    for name, annotation in compiled.task.interface.inputs.items():
        value = inputs[name]
        for each in compiled.input_gates(name):
            wanted = base_type(annotation)
            if not (isinstance(wanted, TypeRef) and not is_here(wanted)):
                value = current_types().accept(value, wanted)
            value = gate(each, value)
        found[name] = value
    return found


def whole(task: Task[..., Any], values: dict[str, Any]) -> Any:
    """The output of a task from its parts."""
    if not values:
        return None
    base = base_type(task.output)
    if is_named_tuple(base):
        return base(*(values[name] for name in base._fields))
    return next(iter(values.values()))


def named(error: TaskFailed, subject: str, who: str) -> TaskFailed:
    """What a worker told of an exception, with the words of this process: ``node 'x' raised ValueError: ...``."""
    kind, message = error.details.get("type", ""), error.details.get("message", "")
    error.what = redact(f"{subject} raised {kind}: {message}"[:2000])
    error.who = who
    error.details = redact_data(error.details)
    return error


def isolated(scope: ResourceScope) -> Isolation:
    """What the isolated calls of one scope share."""
    found = _of_scope.get(scope)
    if found is None:
        found = _of_scope.setdefault(scope, Isolation())
        scope.at_close(found.finish)
    return found


_of_scope: weakref.WeakKeyDictionary[ResourceScope, Isolation] = weakref.WeakKeyDictionary()


class Isolation:
    """The isolated work of one run, or of one call outside of runs. Safe to use from several threads."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self._packed: dict[tuple[Task[..., Any], str], tuple[bytes, Path]] = {}
        self._opened = False

    def work(self, compiled: CompiledTask, home: Home, context: TaskContext) -> IsolatedWork:
        """One call of a task; packed once for each environment."""
        catalogue = current_catalogue()
        settings: Settings = context.settings or catalogue.settings
        key = (compiled.task, home.digest)
        packed = self._packed.get(key)
        if packed is None:
            packed = self._packed[key] = pack_task(compiled, home, catalogue, settings)
        resource = compiled.task_type.resource_key(compiled.task.config)
        self._opened = self._opened or resource is not None
        label = None if resource is None else (self.token, f"{compiled.task.task_type} {resource!r}")
        return IsolatedWork(compiled, home, context, settings, self.token, *packed, label)

    def finish(self) -> None:
        """Close what task types have opened in workers."""
        if self._opened:
            isolated_pools().finish(self.token, _FINISH, {"scope": self.token}, _FINISH_SECONDS)


@dataclass(slots=True)
class IsolatedWork:
    """One attempt."""

    compiled: CompiledTask
    home: Home
    context: TaskContext
    settings: Settings
    token: str
    payload: bytes
    root: Path
    key: tuple[str, str] | None

    @property
    def job(self) -> str:
        """What :meth:`cancel` calls it."""
        return f"{self.token}/{self.context.node_id}"

    def cancel(self) -> None:
        """Stop it, from another thread."""
        isolated_pools().cancel(self.job)

    def __call__(
        self,
        given: Given,
        limits: Limits,
        on_output: Callable[[str, str], object],
        *,
        store: ArtifactStore | None,
        wires: Wires,
    ) -> Done:
        """Do it.

        Args:
            given: The inputs.
            limits: What it may take.
            on_output: Takes what it prints, line by line.
            store: Where the outputs are to be stored, and artifacts among the inputs are; None: nowhere.
            wires: Bring all of them here as well, or those that are tables in memory, as Arrow.
        """
        pools = isolated_pools()
        bridge = pools.bridge(self.settings.home)
        outputs = self.compiled.task.interface.outputs
        with ExitStack() as stack:
            sending = stack.enter_context(Sending(bridge, self.compiled.task.name))
            staging = None if store is None or store.on_disk else stack.enter_context(Staging(bridge, store))
            wanted = self.compiled.task.interface.inputs
            inputs = {name: sending.portion(name, given[name], wanted[name], staging) for name in wanted}
            request = self._request(inputs, bridge.place, wires)
            request |= {"store": store is not None, "staging": None if staging is None else staging.place}
            reply = self._call(request, limits, on_output)
            if "refused" in reply:  # what the worker cannot read from the store, this process reads for it
                assert store is not None
                for name in reply["refused"]:
                    value = current_types().load(given[name], store, received_as(wanted[name]))
                    inputs[name] = sending.portion(name, value, wanted[name])
                reply = self._call(request, limits, on_output)
            artifacts = {name: Artifact.from_dict(data) for name, data in reply["artifacts"].items()}
            if staging is not None:
                staging.take_over(artifacts.values())
            received = {}
            for name, wire in reply["wires"].items():
                kind = received_as(outputs[name]) if wires == "all" else None
                received[name] = bridge.receive(wire, kind, current_types())
            return Done(artifacts, received)

    def _request(self, inputs: dict[str, Any], place: dict[str, Any], wires: Wires) -> dict[str, Any]:
        context = self.context
        return {
            "scope": self.token,
            "node_id": context.node_id,
            "run_id": context.run_id,
            "attempt": context.attempt,
            "idempotency_key": context.idempotency_key,
            "bridge": place,
            "wires": wires,
            "inputs": inputs,
        }

    def _call(self, request: dict[str, Any], limits: Limits, on_output: Callable[[str, str], object]) -> dict[str, Any]:
        pool = isolated_pools().pool(self.home, self.root, self.settings.max_workers)
        try:
            with work_of(self.context):
                return pool.call(
                    self.payload,
                    request,
                    timeout=limits.timeout,
                    load_timeout=_LOAD_SECONDS,
                    memory=limits.memory,
                    job=self.job,
                    key=self.key,
                    on_output=lambda stream, line: on_output(stream, redact(line)),
                )
        except DovetailError as error:
            if error.who == self.job:
                error.who = f"task {self.compiled.task.name!r} in environment {self.home.name!r}"
            error.fix = error.fix or _what_lacks(error, self.home.name)
            raise


def _what_lacks(error: DovetailError, environment: str) -> str | None:
    """What to do about a module that a task did not find in its environment."""
    found = _LACKS.match(str(error.details.get("message", "")))
    if found is None or error.details.get("type") != "ModuleNotFoundError":
        return None
    if found[1] in _OF_THE_HUB:
        return "start runs in the hub: a task of an environment cannot, but its workflow can have further nodes"
    return f"add what brings {found[1]!r} to what environment {environment!r} requires"


class Sending:
    """What is on the bridge for one call; let go of at its end."""

    def __init__(self, bridge: Bridge, task: str) -> None:
        self._bridge = bridge
        self._task = task
        self._sent: list[dict[str, Any]] = []

    def portion(self, name: str, value: Any, annotation: Any, staging: Staging | None = None) -> dict[str, Any]:
        """An input as it stands in a request. A frame goes as it is, and becomes what is wanted there; the rest does so here."""
        if isinstance(value, Artifact):
            if staging is not None:
                staging.lend(value)
            return {"artifact": value.to_dict()}
        types, wanted = current_types(), received_as(annotation)
        try:
            if wanted is not None and not types.is_declared(value):
                value = types.accept(value, wanted)
                self._sent.append(self._bridge.send(value, wanted, types))
            else:
                self._sent.append(self._bridge.send(value, None, types))
        except DovetailError as error:
            error.who = error.who or f"input {name!r} of task {self._task!r}"
            raise
        return {"wire": self._sent[-1]}

    def __enter__(self) -> Sending:
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self._sent:
            self._bridge.release(wire)


def received_as(annotation: Any) -> Any:
    """A type to receive a value as: None, which leaves tables in Arrow, for one that this process cannot import."""
    base = base_type(annotation)
    return None if isinstance(base, TypeRef) and not is_here(base) else base


def _print(stream: str, line: str) -> None:
    print(line, file=sys.stderr if stream == "stderr" else sys.stdout)


_FINISH = pack_by_name(Finish())
