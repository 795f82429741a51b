"""Workflows: typed functions whose bodies connect tasks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from functools import reduce
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from dovetail.errors import DefinitionError, DovetailError
from dovetail.graph._annotations import (
    RESULT,
    base_type,
    describe_function,
    function_name,
    interface_of,
    is_named_tuple,
    is_optional,
    markers,
    resolve_hints,
    type_text,
)
from dovetail.graph._call import apply_gate
from dovetail.graph._export import export_workflow
from dovetail.graph._gates import effect_in, gates_in, with_effect
from dovetail.graph._graph import Graph
from dovetail.graph._interpret import interpret
from dovetail.graph._keep import keep_task
from dovetail.graph._nodes import Binding, Collect, Const, Input, NodeOutput, checked_name
from dovetail.graph._options import TaskOptions
from dovetail.graph._published import PublishedDataset
from dovetail.graph._task import Task
from dovetail.graph._trace import Trace, active_trace, bind_call, match_arguments
from dovetail.spec import Interface
from dovetail.types import StoredPart, current_types

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
        source: Where it was loaded from, if not from a module: what a resumed run loads it from.
    """

    def __init__(self, function: Callable[..., Any], name: str, interface: Interface, output: Any) -> None:
        self.function = function
        self.name = checked_name(name, "workflow")
        self.interface = interface
        self.output = output
        self.source: dict[str, Any] | None = None
        functools.update_wrapper(self, function, updated=())
        trace = Trace(name)
        with trace.active():
            inputs = {n: trace.gated(NodeOutput(Input(n), a, trace)) for n, a in interface.inputs.items()}
        self.graph = build(trace, self, inputs)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = f"workflow {self.name!r}"
        trace = active_trace()
        if trace is not None:
            bound = bind_call(trace, owner, self.interface, args, kwargs)
            given = match_arguments(owner, self.interface, args, kwargs)
            begin = len(trace.nodes)
            with trace.scope(self.name):
                inputs = {n: _inner(b, n, self.interface.inputs[n], given.get(n), trace) for n, b in bound.items()}
                binding = finish(trace, self, self.function(**inputs), nested=True)
            made = tuple(trace.nodes[begin:])
            if isinstance(binding, Const) and self.interface.outputs:
                return cast("R", binding.value)
            return cast("R", NodeOutput(binding, self.output, trace, made))
        values = self.bind_values(args, kwargs)
        for n, value in values.items():
            if isinstance(value, PublishedDataset):
                values[n] = value.load(base_type(self.interface.inputs[n]))
        return cast("R", interpret(self.graph, values))

    def bind_values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Inputs by name, with defaults, converted to the annotated types; what is stored is left where it is.

        Raises:
            DefinitionError: An input is unknown or missing.
            ValueMismatch: A value does not fit its annotation.
        """
        owner = f"workflow {self.name!r}"
        given = {**self.interface.defaults, **match_arguments(owner, self.interface, args, kwargs)}
        values = {}
        for name, annotation in self.interface.inputs.items():
            if isinstance(given[name], (StoredPart, PublishedDataset)):
                values[name] = given[name]  # its reader loads it as this
                continue
            try:
                values[name] = current_types().accept(given[name], base_type(annotation))
            except DovetailError as error:
                error.who = error.who or f"input {name!r} of {owner}"
                raise
        return values

    def to_spec(self) -> dict[str, Any]:
        """The graph as a JSON-able document, which :func:`~dovetail.graph.load_workflow_spec` makes the same workflow of.

        Functions, tasks and gates of libraries stand in it by reference; see ``docs/reference/graph-spec.md``.

        Raises:
            DefinitionError: A node holds what has no name and is no data, such as a lambda; the message says which.
        """
        return export_workflow(self.graph, self.function)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}: {type_text(a)}" for name, a in self.interface.inputs.items())
        return f"<workflow {self.name}({inputs}) -> {type_text(self.output)}>"


def _inner(binding: Binding, name: str, annotation: Any, given: Any, trace: Trace) -> Any:
    """What the body of a nested workflow sees: the value itself of a constant; for results a stand-in, of the annotated
    type and past the gates of the annotation."""
    if isinstance(binding, Const) and not gates_in(annotation):
        return binding.value
    if isinstance(given, NodeOutput):
        binding = with_effect(_converted(trace, name, annotation, given), effect_in(annotation), keep=True)
    return trace.gated(NodeOutput(binding, annotation, trace))


def _converted(trace: Trace, name: str, annotation: Any, value: NodeOutput) -> Binding:
    """A value that crosses the border of a nested workflow gets the type that stands there, as it does at a run's own."""
    source, target = base_type(value._type), base_type(annotation)
    if Any in (source, target) or source == target:
        return value._binding
    classes = isinstance(source, type) and isinstance(target, type)
    if not current_types().check_edge(source, target).steps and not (classes and not issubclass(source, target)):
        return value._binding
    return _keep(trace, name, target, value._binding)


def build(trace: Trace, owner: Workflow[..., Any] | Dynamic[..., Any], inputs: dict[str, Any]) -> Graph:
    """Call the body with stand-ins (or values) and finish the graph."""
    with trace.active():
        result = finish(trace, owner, owner.function(**inputs))
    return Graph(owner.name, owner.interface, owner.output, trace.nodes, result)


def finish(trace: Trace, owner: Workflow[..., Any] | Dynamic[..., Any], returned: Any, nested: bool = False) -> Binding:
    """Check what the body returned against the annotation, and put gates and dataset markers of the annotation behind it."""
    name, output = owner.name, owner.output
    who = f"workflow {name!r}"
    if not owner.interface.outputs:
        if returned is not None and getattr(returned, "_type", None) is not type(None):
            raise DefinitionError(
                f"{who} returns {returned!r} but is annotated to return nothing",
                who=describe_function(owner.function),
                fix="annotate its return type",
            )
        return Const(None)
    if is_named_tuple(base_type(output)):
        fields = _fields_of(returned, output, who)
        parts = [
            _marked(trace, name, field, annotation, fields[field], who, nested)
            for field, annotation in owner.interface.outputs.items()
        ]
        return Collect("tuple", tuple(parts), tuple(owner.interface.outputs), base_type(output))
    if returned is None and not is_optional(output):
        raise DefinitionError(
            f"{who} returns nothing but is annotated to return {type_text(output)}",
            who=describe_function(owner.function),
            fix="return the result of a task",
        )
    return _marked(trace, name, RESULT, output, returned, who, nested)


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


def _marked(trace: Trace, name: str, field: str, annotation: Any, returned: Any, who: str, nested: bool) -> Binding:
    binding = trace.bind(who, f"{field} (its return value)", base_type(annotation), returned)
    kept_as = field if field != RESULT else f"{name}_result"
    if not any(not isinstance(marker, str) for marker in markers(annotation)):
        return (
            _converted(trace, kept_as, annotation, returned) if nested and isinstance(returned, NodeOutput) else binding
        )
    return _keep(trace, kept_as, annotation, binding)


def _keep(trace: Trace, name: str, annotation: Any, value: Binding) -> Binding:
    """A node that gives its input as the annotation wants it."""
    keep = keep_task(name, annotation)
    return trace.add(name, "task", keep, {"value": value}, keep.interface, annotation, TaskOptions())._binding


class Dynamic(Generic[P, R]):
    """A node whose graph depends on data: its body runs when its inputs are known, and the tasks it calls become nodes.

    The body may run again when a run is resumed, so it should only connect tasks, and connect the same for the same inputs.
    """

    def __init__(self, function: Callable[..., Any], name: str, interface: Interface, output: Any) -> None:
        self.function = function
        self.name = checked_name(name, "dynamic")
        self.interface = interface
        self.output = output
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = f"dynamic {self.name!r}"
        trace = active_trace()
        if trace is None:
            given = {**self.interface.defaults, **match_arguments(owner, self.interface, args, kwargs)}
            for n, a in self.interface.inputs.items():
                if gates := gates_in(a):
                    value = current_types().accept(given[n], base_type(a))
                    given[n] = reduce(lambda value, gate: apply_gate(gate, value), gates, value)
            return cast("R", interpret(self.expand(given), {}))
        bound = bind_call(trace, owner, self.interface, args, kwargs)
        for n, a in self.interface.inputs.items():
            if gates_in(a):
                bound[n] = trace.gated(NodeOutput(bound[n], a, trace))._binding
        return cast("R", trace.add(self.name, "dynamic", self, bound, self.interface, self.output, TaskOptions()))

    def expand(self, values: dict[str, Any]) -> Graph:
        """The graph for these inputs, which are converted to the annotated types and are constants inside."""
        types = current_types()
        converted = {n: types.accept(values[n], base_type(a)) for n, a in self.interface.inputs.items()}
        return build(Trace(self.name), self, converted)

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
        wished = function_name(body).rpartition(".")[2].strip("<>") if name is None else name
        return cls(body, wished, interface, output)

    return decorate if function is None else decorate(function)
