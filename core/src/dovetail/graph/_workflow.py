"""Workflows: typed functions whose bodies connect tasks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from dovetail.errors import DefinitionError, DovetailError
from dovetail.graph._annotations import (
    RESULT,
    base_type,
    describe_function,
    interface_of,
    is_named_tuple,
    is_optional,
    markers,
    resolve_hints,
    type_text,
)
from dovetail.graph._graph import Graph
from dovetail.graph._interpret import interpret
from dovetail.graph._nodes import Binding, Collect, Const, Input, NodeOutput
from dovetail.graph._options import TaskOptions
from dovetail.graph._task import Task
from dovetail.graph._trace import Trace, active_trace, bind_call, match_arguments
from dovetail.spec import Interface
from dovetail.types import current_types

P = ParamSpec("P")
R = TypeVar("R")


class Workflow(Generic[P, R]):
    """A typed function whose body connects tasks; it was traced once into ``graph``.

    Called outside another workflow it runs in this process, one node after the other, and stores nothing. Called inside
    one, its nodes become part of that one.

    Attributes:
        name: The function's name.
        interface: Typed inputs and outputs.
        output: Annotation of the whole output.
        graph: The nodes, in an order in which they can run.
    """

    def __init__(self, function: Callable[..., Any], name: str, interface: Interface, output: Any) -> None:
        self.function = function
        self.name = name
        self.interface = interface
        self.output = output
        functools.update_wrapper(self, function)
        trace = Trace(name)
        inputs = {n: NodeOutput(Input(n), a, trace) for n, a in interface.inputs.items()}
        self.graph = build(trace, self, inputs)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = f"workflow {self.name!r}"
        trace = active_trace()
        if trace is not None:
            bound = bind_call(trace, owner, self.interface, args, kwargs)
            with trace.scope(self.name):
                inputs = {n: _stand_in(b, self.interface.inputs[n], trace) for n, b in bound.items()}
                binding = finish(trace, self, self.function(**inputs))
            return cast("R", _stand_in(binding, self.output, trace))
        values = self.bind_values(args, kwargs)
        return cast("R", interpret(self.graph, values))

    def bind_values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Inputs by name, with defaults, converted to the annotated types.

        Raises:
            DefinitionError: An input is unknown or missing.
            ValueMismatch: A value does not fit its annotation.
        """
        owner = f"workflow {self.name!r}"
        given = {**self.interface.defaults, **match_arguments(owner, self.interface, args, kwargs)}
        values = {}
        for name, annotation in self.interface.inputs.items():
            try:
                values[name] = current_types().accept(given[name], base_type(annotation))
            except DovetailError as error:
                error.who = error.who or f"input {name!r} of {owner}"
                raise
        return values

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}: {type_text(a)}" for name, a in self.interface.inputs.items())
        return f"<workflow {self.name}({inputs}) -> {type_text(self.output)}>"


def _stand_in(binding: Binding, annotation: Any, trace: Trace) -> Any:
    """What the body of a nested workflow sees: a stand-in for results, the value itself for constants."""
    if isinstance(binding, Const):
        return binding.value
    return NodeOutput(binding, annotation, trace)


def build(trace: Trace, owner: Workflow[..., Any] | Dynamic[..., Any], inputs: dict[str, Any]) -> Graph:
    """Call the body with stand-ins (or values) and finish the graph."""
    with trace.active():
        result = finish(trace, owner, owner.function(**inputs))
    return Graph(owner.name, owner.interface, owner.output, trace.nodes, result)


def finish(trace: Trace, owner: Workflow[..., Any] | Dynamic[..., Any], returned: Any) -> Binding:
    """Check what the body returned against the annotation, and put gates and dataset markers of the annotation behind it."""
    name, output = owner.name, owner.output
    who = f"workflow {name!r}"
    if not owner.interface.outputs:
        if returned is not None:
            raise DefinitionError(
                f"{who} returns {returned!r} but is annotated to return nothing",
                who=describe_function(owner.function),
                fix="annotate its return type",
            )
        return Const(None)
    if is_named_tuple(base_type(output)):
        fields = _fields_of(returned, output, who)
        parts = [
            _marked(trace, name, field, annotation, fields[field], who)
            for field, annotation in owner.interface.outputs.items()
        ]
        return Collect("tuple", tuple(parts), tuple(owner.interface.outputs))
    if returned is None and not is_optional(output):
        raise DefinitionError(
            f"{who} returns nothing but is annotated to return {type_text(output)}",
            who=describe_function(owner.function),
            fix="return the result of a task",
        )
    return _marked(trace, name, RESULT, output, returned, who)


def _fields_of(returned: Any, output: Any, who: str) -> dict[str, Any]:
    """What a body returned for several outputs, by field."""
    kind = base_type(output)
    if isinstance(returned, kind):
        return {field: getattr(returned, field) for field in kind._fields}
    if isinstance(returned, NodeOutput) and getattr(base_type(returned._type), "_fields", None) == kind._fields:
        return dict(zip(kind._fields, returned, strict=True))
    raise DefinitionError(
        f"{who} returns {returned!r} but is annotated to return {kind.__name__}",
        fix=f"return {kind.__name__}({', '.join(f'{f}=...' for f in kind._fields)})",
    )


def _marked(trace: Trace, name: str, field: str, annotation: Any, returned: Any, who: str) -> Binding:
    binding = trace.bind(who, f"{field} (its return value)", base_type(annotation), returned)
    if not any(not isinstance(marker, str) for marker in markers(annotation)):
        return binding
    base = base_type(annotation)
    interface = Interface({"value": base}, {RESULT: annotation})
    keep: Task[..., Any] = Task(
        field if field != RESULT else f"{name}_result",
        task_type="python",
        interface=interface,
        output=annotation,
        function=_same,
    )
    kept = trace.add(keep.name, "task", keep, {"value": binding}, interface, annotation, TaskOptions())
    return kept._binding


def _same(value: Any) -> Any:
    return value


class Dynamic(Generic[P, R]):
    """A node whose graph depends on data: its body runs when its inputs are known, and the tasks it calls become nodes.

    The body may run again when a run is resumed, so it should only connect tasks, and connect the same for the same inputs.
    """

    def __init__(self, function: Callable[..., Any], name: str, interface: Interface, output: Any) -> None:
        self.function = function
        self.name = name
        self.interface = interface
        self.output = output
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = f"dynamic {self.name!r}"
        trace = active_trace()
        if trace is None:
            given = {**self.interface.defaults, **match_arguments(owner, self.interface, args, kwargs)}
            types = current_types()
            values = {n: types.accept(given[n], base_type(a)) for n, a in self.interface.inputs.items()}
            return cast("R", interpret(self.expand(values), {}))
        bound = bind_call(trace, owner, self.interface, args, kwargs)
        return cast("R", trace.add(self.name, "dynamic", self, bound, self.interface, self.output, TaskOptions()))

    def expand(self, values: dict[str, Any]) -> Graph:
        """The graph for these inputs; its inputs are constants inside."""
        return build(Trace(self.name), self, values)

    def __repr__(self) -> str:
        return f"<dynamic {self.name}>"


@overload
def workflow(function: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(*, name: str | None = None) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...


def workflow(function: Any = None, /, *, name: str | None = None) -> Any:
    """Make a function a workflow: its body is called once, now, with stand-ins, and the tasks it calls become nodes.

    Args:
        function: The body; its annotations are the workflow's inputs and outputs.
        name: Default is the function's name.

    Raises:
        DefinitionError: The body cannot be traced.
        WiringError: Two ends of an edge do not fit.
    """
    return _decorator(Workflow, function, name, sys._getframe(1).f_locals)


@overload
def dynamic(function: Callable[P, R], /) -> Dynamic[P, R]: ...
@overload
def dynamic(*, name: str | None = None) -> Callable[[Callable[P, R]], Dynamic[P, R]]: ...


def dynamic(function: Any = None, /, *, name: str | None = None) -> Any:
    """Make a function a node whose graph depends on data: like a workflow, but its body sees real values.

    Args:
        function: The body; it may loop over and test its inputs, and calls tasks.
        name: Default is the function's name.

    Raises:
        DefinitionError: The signature cannot be used.
    """
    return _decorator(Dynamic, function, name, sys._getframe(1).f_locals)


def _decorator(cls: Any, function: Any, name: str | None, names: dict[str, Any]) -> Any:
    local_names = dict(names)

    def decorate(body: Callable[..., Any]) -> Any:
        if isinstance(body, (Task, Workflow, Dynamic)) or not callable(body) or isinstance(body, type):
            raise DefinitionError(f"@{cls.__name__.lower()} decorates a plain function, not {body!r}")
        interface = interface_of(body, local_names)
        output = resolve_hints(body, local_names).get("return", Any)
        return cls(body, name or body.__name__, interface, output)

    return decorate if function is None else decorate(function)
