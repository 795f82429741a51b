"""Tasks: typed units of work."""

from __future__ import annotations

import functools
import hashlib
import sys
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, cast, overload

from dovetail.errors import DefinitionError, listing
from dovetail.graph._annotations import (
    RESULT,
    base_type,
    function_name,
    interface_of,
    is_named_tuple,
    outputs_of,
    resolve_hints,
    type_text,
)
from dovetail.graph._call import CompiledTask, ResourceScope
from dovetail.graph._contents import untold_captures
from dovetail.graph._elsewhere import LivesElsewhere
from dovetail.graph._gates import gates_in
from dovetail.graph._needs import Call, caller
from dovetail.graph._nodes import NodeOutput, checked_name
from dovetail.graph._options import TaskOptions
from dovetail.graph._trace import active_trace, bind_call, match_arguments
from dovetail.plugins import Catalogue, current_catalogue
from dovetail.spec import Interface, TaskContext, TaskType, TypeRef
from dovetail.types import TypeEngine, current_types

P = ParamSpec("P")
R = TypeVar("R")

_OWN_NAMES = ("after", "named", "options")


class Task(Generic[P, R]):
    """A typed unit of work. Called outside a workflow it works like a function; inside one it becomes a node.

    Attributes:
        name: Name for people and for node ids.
        task_type: Name of the task type that runs it.
        config: The task type's config object, or None.
        interface: Typed inputs and outputs.
        function: What ``@task`` decorated; None if the task is the work itself.
        output: Annotation of the whole output.
        defaults: Options of its nodes.
    """

    __dovetail_task__: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        *,
        task_type: str,
        config: Any = None,
        interface: Interface,
        output: Any,
        function: Callable[..., Any] | None = None,
        options: TaskOptions | None = None,
    ) -> None:
        self.name = checked_name(name, "task")
        self.task_type = task_type
        self.config = config
        self.interface = interface
        self.output = output
        self.function = function
        self.defaults = options or TaskOptions()
        self._compiled: tuple[TypeEngine, CompiledTask] | None = None
        self._calls: tuple[CompiledTask, Call] | None = None
        if function is not None:
            functools.update_wrapper(self, function, updated=())  # its own attributes would hide those of the task
        self._check()

    @classmethod
    def from_type(
        cls,
        *,
        task_type: str,
        config: Any,
        interface: Interface,
        name: str,
        options: TaskOptions | None = None,
        doc: str | None = None,
    ) -> Task[..., Any]:
        """A task that is the work itself, such as a SQL statement.

        Args:
            task_type: Name of the task type.
            config: Its config object.
            interface: Inputs and outputs; one output is called ``"result"``.
            name: For people and node ids.
            options: Options of its nodes.
            doc: Docstring.
        """
        outputs = dict(interface.outputs)
        if not outputs:
            output: Any = type(None)
        elif list(outputs) == [RESULT]:
            output = outputs[RESULT]
        else:
            raise DefinitionError(
                f"task {name!r}: a task that is the work itself has one output called {RESULT!r}, not {list(outputs)}"
            )
        if is_named_tuple(output):
            interface = Interface(interface.inputs, outputs_of(output), interface.defaults, interface.help)
        task: Task[..., Any] = cls(
            name, task_type=task_type, config=config, interface=interface, output=output, options=options
        )
        task.__doc__ = doc
        return task

    def _check(self) -> None:
        for field in self.interface.outputs:
            if field in _OWN_NAMES or field.startswith("_"):
                raise DefinitionError(
                    f"task {self.name!r}: an output cannot be called {field!r}",
                    why="results of tasks have methods of that name, or it begins with an underscore",
                    fix="rename the field of the NamedTuple",
                )
        if self.task_type != "python":
            self.load_type().validate(self.config, self.interface, self.function)
        for annotation in (self.output, *self.interface.inputs.values(), *self.interface.outputs.values()):
            for gate in gates_in(annotation):
                base = base_type(annotation)
                gate.check(current_types(), None if base is Any or isinstance(base, TypeRef) else base)

    def load_type(self) -> TaskType:
        """The task type object; imports its module, not its engine.

        Raises:
            UsageError: Nobody brings a task type of this name.
            PluginLoadError: Its module raised.
        """
        own = type(self.config) if self.function is None else self.function
        return load_task_type(self.task_type, getattr(own, "__module__", None))

    def compiled(self) -> CompiledTask:
        """The task bound to the current type engine."""
        types = current_types()
        known = self._compiled  # another thread, with another hub, may set it meanwhile
        if known is None or known[0] is not types:
            known = self._compiled = (types, CompiledTask(self, types))
        return known[1]

    def _caller(self) -> Call:
        """What makes calls outside of workflows; found once, as what it calls."""
        compiled = self.compiled()
        known = self._calls
        if known is None or known[0] is not compiled:
            known = self._calls = (compiled, caller(compiled, self.defaults))
        return known[1]

    def fingerprint(self, *, exact: bool = False) -> str:
        """Hex digest of what it does, apart from its inputs: code, configuration, types and gates.

        Args:
            exact: Refuse a task whose code, or the checks of whose gates, use something whose content cannot be told, so
                that a change of it would not be noticed; a ``cache_version`` says that somebody else looks after that.

        Raises:
            DefinitionError: It is refused.
        """
        with untold_captures() as untold:
            digest = self._fingerprint()
        if exact and untold and not self.defaults.cache_version:
            raise DefinitionError(
                f"task {self.name!r} cannot be cached: its code uses {listing(dict.fromkeys(untold))}",
                why="whether that has changed since cannot be told, so the cache might give the result of an earlier one",
                fix='make it inside the function, pass it as an input, or say by cache_version="1" that you change the '
                "version whenever it changes",
            )
        return digest

    def _fingerprint(self) -> str:
        parts = [self.task_type, self.load_type().fingerprint(self.config, self.function), self.defaults.cache_version]
        if self.function is not None:
            from dovetail.graph._fingerprint import code_fingerprint  # workers need none, and start in a hurry

            parts.append(code_fingerprint(self.function))
        for name, annotation in (*self.interface.inputs.items(), ("return", self.output)):
            parts.append(f"{name}:{type_text(annotation)}")
            parts.extend(gate.fingerprint() for gate in gates_in(annotation))
        parts.extend(gate.fingerprint() for a in self.interface.outputs.values() for gate in gates_in(a))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def options(self, **options: Any) -> Task[P, R]:
        """The same task with other options (see :func:`task`)."""
        task: Task[P, R] = Task(
            self.name,
            task_type=self.task_type,
            config=self.config,
            interface=self.interface,
            output=self.output,
            function=self.function,
            options=self.defaults.updated(options),
        )
        return task

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        trace = active_trace()
        if trace is not None:
            bound = bind_call(trace, f"task {self.name!r}", self.interface, args, kwargs)
            node = trace.add(self.name, "task", self, bound, self.interface, self.output, self.defaults)
            return cast("R", node)
        if NodeOutput in map(type, args) or NodeOutput in map(type, kwargs.values()):
            raise DefinitionError(
                f"task {self.name!r} is called with a result of a workflow that is not being built any more",
                fix="call it inside the body of the workflow",
            )
        values = {**self.interface.defaults, **match_arguments(f"task {self.name!r}", self.interface, args, kwargs)}
        with ResourceScope() as scope:
            return cast("R", self._caller()(values, TaskContext(node_id=self.name), scope))

    def __getstate__(self) -> dict[str, Any]:
        """A task travels to worker processes without what it was compiled to here."""
        return {**self.__dict__, "_compiled": None, "_calls": None}

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}: {type_text(a)}" for name, a in self.interface.inputs.items())
        return f"<{self.task_type} task {self.name}({inputs}) -> {type_text(self.output)}>"


_local: dict[str, type[TaskType]] = {}
_of_module: dict[tuple[str, str], type[TaskType]] = {}
_instances: weakref.WeakKeyDictionary[Catalogue, dict[Any, TaskType]] = weakref.WeakKeyDictionary()


def remember_task_type(name: str, code: str, cls: type[TaskType]) -> None:
    """Find this class, which need not be importable, under ``code`` from now on; in its own module also under ``name``."""
    _local[code] = cls
    _of_module[cls.__module__, name] = cls
    for instances in _instances.values():
        instances.pop(code, None)


def load_task_type(name: str, module: str | None = None) -> TaskType:
    """The task type object of this name in the current catalogue; one per catalogue.

    Args:
        name: Name of the task type.
        module: Where the task is defined: a task type that was registered there by ``@task_type`` goes first.
    """
    catalogue = current_catalogue()
    spec = catalogue.task_type(name)
    instances = _instances.setdefault(catalogue, {})
    beside = _of_module.get((module, name)) if module is not None else None
    if beside is not None and spec.code in _local:  # else a plugin's own, which owns the name
        if beside not in instances:
            instances[beside] = beside()
        return instances[beside]
    found = instances.get(spec.code)
    if found is None and catalogue.owner_of(spec).key in catalogue.homes:
        found = instances[spec.code] = LivesElsewhere(spec, catalogue.owner_of(spec))
    if found is None:
        loaded: Any = _local.get(spec.code) or catalogue.load(spec.code, spec)
        found = instances[spec.code] = loaded() if isinstance(loaded, type) else loaded
    return found


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    config: Any = None, /, *, name: str | None = None, **options: Any
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(first: Any = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Make a function a task: ``@dt.task``, ``@dt.task(retries=2)``, ``@dt.task(Spark(master="local[2]"))``.

    Args:
        first: Config object of a task type, or its name as text; default is the ``python`` task type.
        name: Name of the task; default is the function's.
        options: ``retries`` (0), ``retry_delay`` (``"1s"``), ``backoff`` (2), ``timeout`` (none), ``cache`` (False),
            ``cache_version`` (``""``), ``executor`` (the run's), ``env``, ``requires``, ``engine`` and ``memory`` (none): see
            :class:`TaskOptions`.

    Raises:
        DefinitionError: The signature, an annotation or an option cannot be used.
        UsageError: Nobody brings the task type.
    """
    parsed = TaskOptions().updated(options)
    local_names = dict(sys._getframe(1).f_locals)

    def decorate(function: Callable[..., Any], config: Any = None) -> Task[..., Any]:
        if isinstance(function, Task):
            raise DefinitionError(f"task {function.name!r} is a task already", fix="put @dt.task once")
        if not callable(function) or isinstance(function, type):
            raise DefinitionError(f"@task decorates a function, not {type(function).__name__}")
        interface = interface_of(function, local_names)
        return Task(
            function_name(function).rpartition(".")[2].strip("<>") if name is None else name,
            task_type=_type_name(config),
            config=None if isinstance(config, str) else config,
            interface=interface,
            output=_output_annotation(function, interface, local_names),
            function=function,
            options=parsed,
        )

    if callable(first) and not hasattr(first, "__dovetail_task_type__"):
        return decorate(first)
    _type_name(first)
    return lambda function: decorate(function, first)


def _output_annotation(function: Callable[..., Any], interface: Interface, local_names: dict[str, Any]) -> Any:
    return resolve_hints(function, local_names).get("return", Any) if interface.outputs else type(None)


def _type_name(config: Any) -> str:
    if config is None:
        return "python"
    if isinstance(config, str):
        current_catalogue().task_type(config)
        return config
    name = getattr(config, "__dovetail_task_type__", None)
    if not isinstance(name, str):
        raise DefinitionError(
            f"@task is given {type(config).__name__}, which is no config of a task type",
            fix="use the config class of a plugin, such as Spark(...), or the name of a task type",
        )
    return name
