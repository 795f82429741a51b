"""One call of one task: convert the inputs, do the work, check and convert the output."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from dovetail.errors import DovetailError, EngineUnavailable, PlatformError, RunInterrupted
from dovetail.graph._annotations import base_type
from dovetail.graph._gates import TaskGates
from dovetail.graph._remote import run_job
from dovetail.plugins import current_catalogue
from dovetail.spec import RemoteTaskType, TaskCall, TaskContext, TaskType

if TYPE_CHECKING:
    from dovetail.graph._task import Task
    from dovetail.quality import Gate
    from dovetail.types import TypeEngine

_log = logging.getLogger("dovetail.task")
_context: ContextVar[TaskContext | None] = ContextVar("dovetail_task_context", default=None)

refusals: ContextVar[Callable[[Gate, Any], Any] | None] = ContextVar("dovetail_refusals", default=None)
"""What evaluates the gates of the node that is called, in a workflow that need not end where one of them refuses a value."""


def current_context() -> TaskContext:
    """What the running task may know: run and node id, attempt, idempotency key, logger.

    Raises:
        PlatformError: No task is running here.
    """
    context = _context.get()
    if context is None:
        raise PlatformError("no task is running here", fix="call dt.context() inside the function of a task")
    return context


@contextmanager
def work_of(context: TaskContext) -> Iterator[None]:
    """What this thread does and logs meanwhile is the work of that task, wherever it is done."""
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


class ResourceScope:
    """Holds what task types open for the nodes of a run, and closes it at the end."""

    def __init__(self) -> None:
        self._open: dict[tuple[type[TaskType], Hashable], tuple[TaskType, Any]] = {}
        self._locks: dict[tuple[type[TaskType], Hashable], threading.Lock] = {}
        self._turns: dict[type[TaskType], threading.Lock] = {}
        self._stuck: set[type[TaskType]] = set()
        self._lock = threading.Lock()
        self._at_close: list[Callable[[], object]] = []

    def at_close(self, function: Callable[[], object]) -> None:
        """Call this when everything is closed: what belongs to the run is open elsewhere, too."""
        with self._lock:
            self._at_close.append(function)

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

    def take_turn(self, task_type: TaskType, cancelled: Callable[[], bool]) -> None:
        """Wait until this thread may call a task type that is not to be called from several threads at once.

        Raises:
            EngineUnavailable: An earlier call did not stop when its timeout was over, so no turn will ever come.
            RunInterrupted: The run was asked to stop.
        """
        kind = type(task_type)
        with self._lock:
            lock = self._turns.setdefault(kind, threading.Lock())
        while not lock.acquire(timeout=0.2):
            if kind in self._stuck:
                raise EngineUnavailable(
                    f"an earlier call of task type {task_type.name!r} ran out of time and has not stopped",
                    why="this task type is called by one thread at a time",
                    fix="resume the run, which opens everything anew; let the task type implement cancel()",
                )
            if cancelled():
                raise RunInterrupted(f"the run was stopped before a call of task type {task_type.name!r} began")

    def end_turn(self, task_type: TaskType) -> None:
        """Let the next one."""
        self._stuck.discard(type(task_type))
        self._turns[type(task_type)].release()

    def stuck(self, task_type: TaskType) -> None:
        """Note that the call whose turn it is was given up but has not come back."""
        self._stuck.add(type(task_type))

    def close(self) -> list[BaseException]:
        """Close everything, last opened first; returns what went wrong on the way."""
        problems: list[BaseException] = []
        while self._open:
            _, (task_type, resource) = self._open.popitem()
            try:
                task_type.close(resource)
            except Exception as error:  # the work is done; the rest must still be closed
                problems.append(error)
        while self._at_close:
            try:
                self._at_close.pop()()
            except Exception as error:
                problems.append(error)
        return problems

    def __enter__(self) -> ResourceScope:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CompiledTask:
    """A task bound to a type engine: everything that is the same for all its calls, found once."""

    __slots__ = (
        "_accept_output",
        "_inputs",
        "gated",
        "gates",
        "plain",
        "takes_turns",
        "task",
        "task_type",
    )

    def __init__(self, task: Task[..., Any], types: TypeEngine, task_type: TaskType | None = None) -> None:
        self.task = task
        self.task_type: TaskType = task_type or task.load_type()
        self.plain = task.task_type == "python"
        remote = isinstance(self.task_type, RemoteTaskType)
        self.takes_turns = not (self.plain or remote or self.task_type.concurrent)
        self.gates = TaskGates.of(task)
        self._inputs: dict[str, tuple[Callable[[Any], Any], tuple[Gate, ...]]] = {
            name: (types.acceptor(base_type(annotation)), self.gates.inputs[name])
            for name, annotation in task.interface.inputs.items()
        }
        self._accept_output = types.acceptor(base_type(task.output)) if task.interface.outputs else accept_nothing
        self.gated = bool(self.gates.all())

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

    def input_gates(self, name: str) -> tuple[Gate, ...]:
        """The gates in the annotation of an input, in order."""
        return self._inputs[name][1]

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
        """Do the work, when it is this task type's turn; the output is not looked at yet."""
        if not self.takes_turns:
            return self.work_now(inputs, context, scope)
        scope.take_turn(self.task_type, context.cancelled)
        try:
            return self.work_now(inputs, context, scope)
        finally:
            scope.end_turn(self.task_type)

    def work_now(self, inputs: dict[str, Any], context: TaskContext, scope: ResourceScope) -> Any:
        """Do the work; where the task type takes turns, the caller has taken one."""
        if context.log is None:
            context.log = _log  # a call outside of runs, or in a worker process
        if context.settings is None:
            context.settings = current_catalogue().settings
        token = _context.set(context)
        try:
            if self.plain:
                return self.task.function(**inputs)  # type: ignore[misc]
            call = self.call(inputs, context, scope)
            if isinstance(self.task_type, RemoteTaskType):
                return run_job(self.task_type, call)
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
        for each in self.gates.output:
            value = gate(each, value)
        if self.gates.fields:
            changed = {}
            for name, gates in self.gates.fields.items():
                part = getattr(value, name)
                for each in gates:
                    part = gate(each, part)
                changed[name] = part
            value = value._replace(**changed)
        return value

    def __call__(self, values: dict[str, Any], context: TaskContext, scope: ResourceScope) -> Any:
        """The whole call, in process: nothing stored, gates evaluated on the spot."""
        if not self.gated:
            return self.convert_output(self.work(self.convert_inputs(values, apply_gate), context, scope))
        with self.gates.named(values):
            inputs = self.convert_inputs(values, apply_gate)
        value = self.convert_output(self.work(inputs, context, scope))
        with self.gates.named(values):
            return self.gate_output(value, apply_gate)


def apply_gate(gate: Gate, value: Any) -> Any:
    """Evaluate a gate on the spot; raises GateBlocked, unless the workflow that is called can do without the value."""
    evaluate = refusals.get()
    return gate(value) if evaluate is None else evaluate(gate, value)


def accept_nothing(value: Any) -> None:
    """A task without outputs may return anything; it is dropped."""
