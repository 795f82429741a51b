"""One call of one task: convert the inputs, do the work, check and convert the output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from dovetail.errors import DovetailError, PlatformError
from dovetail.graph._annotations import base_type, is_named_tuple, markers
from dovetail.graph._remote import run_job
from dovetail.quality import Gate
from dovetail.spec import RemoteTaskType, TaskCall, TaskContext, TaskType

if TYPE_CHECKING:
    from dovetail.graph._task import Task
    from dovetail.types import TypeEngine

_context: ContextVar[TaskContext | None] = ContextVar("dovetail_task_context", default=None)


def current_context() -> TaskContext:
    """What the running task may know: run and node id, attempt, idempotency key, logger.

    Raises:
        PlatformError: No task is running here.
    """
    context = _context.get()
    if context is None:
        raise PlatformError("no task is running here", fix="call dt.context() inside the function of a task")
    return context


class ResourceScope:
    """Holds what task types open for the nodes of a run, and closes it at the end."""

    def __init__(self) -> None:
        self._open: dict[tuple[type[TaskType], Hashable], tuple[TaskType, Any]] = {}
        self._locks: dict[tuple[type[TaskType], Hashable], threading.Lock] = {}
        self._turns: dict[type[TaskType], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, task_type: TaskType, config: Any, context: TaskContext) -> Any:
        """The resource for a config, opened at first need; None if the task type opens nothing."""
        key = task_type.resource_key(config)
        if key is None:
            return None
        full = (type(task_type), key)
        with self._lock:
            lock = self._locks.setdefault(full, threading.Lock())
        with lock:
            if full not in self._open:
                self._open[full] = (task_type, task_type.open(config, context))
            return self._open[full][1]

    def turn(self, task_type: TaskType) -> threading.Lock:
        """The lock of a task type that is not to be called from several threads at once."""
        with self._lock:
            return self._turns.setdefault(type(task_type), threading.Lock())

    def close(self) -> list[BaseException]:
        """Close everything, last opened first; returns what went wrong on the way."""
        problems: list[BaseException] = []
        while self._open:
            _, (task_type, resource) = self._open.popitem()
            try:
                task_type.close(resource)
            except Exception as error:  # the work is done; the rest must still be closed
                problems.append(error)
        return problems

    def __enter__(self) -> ResourceScope:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CompiledTask:
    """A task bound to a type engine: everything that is the same for all its calls, found once."""

    __slots__ = ("_accept_output", "_field_gates", "_inputs", "gated", "output_gates", "plain", "task", "task_type")

    def __init__(self, task: Task[..., Any], types: TypeEngine, task_type: TaskType | None = None) -> None:
        self.task = task
        self.task_type: TaskType = task_type or task.load_type()
        self.plain = task.task_type == "python"
        self._inputs: dict[str, tuple[Callable[[Any], Any], tuple[Gate, ...]]] = {
            name: (types.acceptor(base_type(annotation)), gates_in(annotation))
            for name, annotation in task.interface.inputs.items()
        }
        self._accept_output = types.acceptor(base_type(task.output)) if task.interface.outputs else accept_nothing
        self.output_gates = gates_in(task.output)
        named = is_named_tuple(base_type(task.output))
        self._field_gates = {
            name: gates for name, a in task.interface.outputs.items() if named and (gates := gates_in(a))
        }
        self.gated = bool(self.output_gates or self._field_gates or any(g for _, g in self._inputs.values()))

    def convert_inputs(self, values: dict[str, Any], gate: Callable[[Gate, Any], Any]) -> dict[str, Any]:
        """Values as the annotations want them, past the gates of the inputs."""
        converted = {}
        for name, (accept, gates) in self._inputs.items():
            try:
                value = accept(values[name])
            except DovetailError as error:
                error.who = error.who or f"input {name!r} of task {self.task.name!r}"
                raise
            for each in gates:
                value = gate(each, value)
            converted[name] = value
        return converted

    @property
    def has_input_gates(self) -> bool:
        """True if a gate stands in the annotation of an input."""
        return any(gates for _, gates in self._inputs.values())

    def gate_inputs(self, values: dict[str, Any], gate: Callable[[Gate, Any], Any]) -> dict[str, Any]:
        """Values past the gates of the inputs; only those that have a gate are converted."""
        if not self.has_input_gates:
            return values
        return self.convert_inputs(values, gate)

    def cancel(self, inputs: dict[str, Any], context: TaskContext, scope: ResourceScope) -> None:
        """Ask the task type to stop a running call, where its engine can."""
        self.task_type.cancel(self.call(inputs, context, scope))

    def call(self, inputs: dict[str, Any], context: TaskContext, scope: ResourceScope) -> TaskCall:
        """What the task type is asked to do; opens its resource at first need."""
        task = self.task
        resource = scope.get(self.task_type, task.config, context)
        return TaskCall(task.config, inputs, task.interface, context, task.function, resource)

    def work(self, inputs: dict[str, Any], context: TaskContext, scope: ResourceScope) -> Any:
        """Do the work; the output is not looked at yet."""
        token = _context.set(context)
        try:
            if self.plain:
                return self.task.function(**inputs)  # type: ignore[misc]
            call = self.call(inputs, context, scope)
            if isinstance(self.task_type, RemoteTaskType):
                return run_job(self.task_type, call)
            if self.task_type.concurrent:
                return self.task_type.execute(call)
            with scope.turn(self.task_type):
                return self.task_type.execute(call)
        finally:
            _context.reset(token)

    def convert_output(self, value: Any) -> Any:
        """The output as the annotation wants it."""
        try:
            return self._accept_output(value)
        except DovetailError as error:
            error.who = error.who or f"the result of task {self.task.name!r}"
            raise

    def gate_output(self, value: Any, gate: Callable[[Gate, Any], Any]) -> Any:
        """The output past its gates."""
        for each in self.output_gates:
            value = gate(each, value)
        if self._field_gates:
            changed = {}
            for name, gates in self._field_gates.items():
                part = getattr(value, name)
                for each in gates:
                    part = gate(each, part)
                changed[name] = part
            value = value._replace(**changed)
        return value

    def __call__(self, values: dict[str, Any], context: TaskContext, scope: ResourceScope) -> Any:
        """The whole call, in process: nothing stored, gates evaluated on the spot."""
        inputs = self.convert_inputs(values, apply_gate)
        value = self.convert_output(self.work(inputs, context, scope))
        return self.gate_output(value, apply_gate) if self.gated else value


def apply_gate(gate: Gate, value: Any) -> Any:
    """Evaluate a gate on the spot; raises GateBlocked."""
    return gate(value)


def gates_in(annotation: Any) -> tuple[Gate, ...]:
    """The gates of an annotation, in order."""
    return tuple(marker for marker in markers(annotation) if isinstance(marker, Gate))


def accept_nothing(value: Any) -> None:
    """A task without outputs may return anything; it is dropped."""
