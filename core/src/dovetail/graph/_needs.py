"""What the engines are that a task needs, and how calls of a task are made where one of them may live elsewhere."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from dovetail.graph._annotations import bare_type, is_named_tuple
from dovetail.plugins import Need, current_catalogue, need_of
from dovetail.spec import TypeRef
from dovetail.types import current_types

if TYPE_CHECKING:
    from dovetail.graph._call import CompiledTask, ResourceScope
    from dovetail.graph._options import TaskOptions
    from dovetail.graph._task import Task
    from dovetail.spec import TaskContext

Call = Callable[[dict[str, Any], "TaskContext", "ResourceScope"], Any]

IN_PROCESS = "dovetail.engine._placement:in_process"
"""What decides where calls outside of runs are made. Named by string: it lies on a higher floor."""

_PLAIN = ("builtins", "typing", "types", "collections.abc", "datetime", "decimal", "enum", "pathlib", "uuid")


@dataclass(frozen=True, slots=True)
class NeedOf:
    """An engine that a task needs, and what for.

    Attributes:
        need: The engine, and the environment that has it.
        what: For people: ``"its task type spark"``, ``"input 'frame' (vaex.dataframe.DataFrame)"``.
    """

    need: Need
    what: str


def needs_of_task(task: Task[..., Any]) -> list[NeedOf]:
    """The engines that a task needs: that of its task type, and those of the types in its annotations; each once.

    Args:
        task: The task; looked at with the current catalogue.
    """
    catalogue = current_catalogue()
    found: dict[str, NeedOf] = {}
    if task.task_type != "python":
        need = need_of(catalogue.task_type(task.task_type), catalogue)
        if need is not None:
            found[need.environment] = NeedOf(need, f"its task type {task.task_type}")
    places = [(f"input {name!r}", annotation) for name, annotation in task.interface.inputs.items()]
    leaves = [
        (where, leaf)
        for where, annotation in (*places, ("its result", task.output))
        for leaf in _leaves(annotation, set())
    ]
    if leaves:
        types, transformers = current_types(), catalogue.transformers()
        for where, leaf in leaves:
            name = types.type_name(leaf)
            spec = transformers.get(name)
            need = None if spec is None else need_of(spec, catalogue)
            if need is not None:
                found.setdefault(need.environment, NeedOf(need, f"{where} ({name})"))
    return list(found.values())


def _leaves(annotation: Any, seen: set[Any]) -> Iterator[Any]:
    """The types inside an annotation that a plugin may have declared, those in the fields of records included."""
    annotation = bare_type(annotation)
    if isinstance(annotation, TypeRef):
        yield annotation
    elif isinstance(annotation, type) and not get_args(annotation):
        if annotation.__module__ in _PLAIN or annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        if is_named_tuple(annotation) or dataclasses.is_dataclass(annotation) or hasattr(annotation, "__total__"):
            for inner in _fields(annotation):
                yield from _leaves(inner, seen)
    else:
        origin = typing.get_origin(annotation)
        if isinstance(origin, type) and origin.__module__ not in _PLAIN:
            yield annotation  # DataFrame[Schema]
        for inner in get_args(annotation):
            yield from _leaves(inner, seen)


def _fields(record: type) -> list[Any]:
    try:
        return list(typing.get_type_hints(record).values())
    except Exception:  # a name that is not loaded here: it may be that of a type which lives elsewhere
        raw = getattr(record, "__annotations__", {}).values()
        return [TypeRef(each) if isinstance(each, str) and "." in each else each for each in raw]


def may_live_elsewhere(task: Task[..., Any], options: TaskOptions) -> bool:
    """Whether anything at all could bring a task into an environment. What it costs is paid once for each node."""
    return bool(options.env or options.requires or options.engine or needs_of_task(task))


def caller(compiled: CompiledTask, options: TaskOptions) -> Call:
    """What makes calls of a task in process: the task itself, or what brings its inputs to the worker of an environment.

    Args:
        compiled: The task.
        options: Those of the node; without one, those of the task.

    Raises:
        UsageError: There is no environment of the name that is asked for.
        DefinitionError: The task needs engines that live in different environments.
        EngineUnavailable: An engine is to be used here, and is not installed.
    """
    if not may_live_elsewhere(compiled.task, options):
        return compiled
    make = cast("Callable[[CompiledTask, TaskOptions], Call]", current_catalogue().load(IN_PROCESS))
    return make(compiled, options)
