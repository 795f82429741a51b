"""Fan-out and choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, Union, cast

from dovetail.errors import DefinitionError, WiringError
from dovetail.graph._annotations import RESULT, base_type, element_type, markers, type_text
from dovetail.graph._dataset import Dataset
from dovetail.graph._gates import effect_in, with_effect
from dovetail.graph._nodes import Binding, Collect, Node, NodeOutput
from dovetail.graph._options import TaskOptions
from dovetail.graph._task import Task
from dovetail.graph._trace import Trace, active_trace, check_fit, match_arguments
from dovetail.graph._workflow import Workflow
from dovetail.spec import Interface

T = TypeVar("T")

WHEN = Interface({"condition": bool, "then": Any, "otherwise": Any}, {RESULT: Any})
"""Inputs and output of the node of a choice."""


def map_(target: Any, /, *values: Any, **fixed: Any) -> list[Any]:
    """Run a task or workflow once for each element: ``dt.map(score, parts, threshold=0.5)``.

    Args:
        target: A task or a workflow.
        values: Sequences, one for each of the target's first inputs; all of one length. Their elements are spread.
        fixed: Further inputs, the same for every element.

    Returns: The outputs, in the order of the elements. Outside a workflow it runs at once, one by one.

    Raises:
        DefinitionError: There is nothing to map over, or an input is unknown or missing.
        WiringError: The elements do not fit the input.
    """
    if not isinstance(target, (Task, Workflow)):
        raise DefinitionError(
            f"dt.map runs a task or a workflow, not {type(target).__name__}", fix="decorate it with @dt.task"
        )
    if not values:
        raise DefinitionError(
            f"dt.map({target.name}) is given nothing to map over", fix="pass a list: dt.map(task, values, other=...)"
        )
    trace = active_trace()
    if trace is None:
        values = tuple(list(v) for v in values)
        lengths = {len(v) for v in values}
        if len(lengths) > 1:
            raise DefinitionError(f"dt.map({target.name}) is given sequences of different lengths: {sorted(lengths)}")
        return [target(*row, **fixed) for row in zip(*values, strict=True)]
    return cast("list[Any]", map_node(trace, target, values, fixed))


def map_node(trace: Trace, target: Any, values: tuple[Any, ...], fixed: dict[str, Any]) -> NodeOutput:
    """Add the node that maps ``target``; see :func:`map_`."""
    owner = f"the mapped {target.name!r}"
    if any(isinstance(marker, Dataset) for marker in markers(target.output)):
        raise DefinitionError(
            f"{owner} publishes a dataset, and each of its elements would replace the one before",
            fix="take the dt.Dataset off the task, and put it on a task that joins the elements",
        )
    interface: Interface = target.interface
    given = match_arguments(owner, interface, values, fixed)
    mapped = tuple(interface.inputs)[: len(values)]
    bound: dict[str, Binding] = {}
    for name, annotation in interface.inputs.items():
        if name not in given:
            bound[name] = trace.default(owner, name, interface)
        elif name not in mapped:
            bound[name] = trace.bind(owner, name, annotation, given[name])
        else:
            value = given[name]
            if isinstance(value, NodeOutput):
                element = element_type(value._type)
                if element is None:
                    raise WiringError(
                        f"{value!r} ({type_text(value._type)}) is nothing that dt.map can spread over {target.name!r}",
                        fix=f"annotate it as list[{type_text(annotation)}]",
                    )
                check_fit(element, annotation, f"an element of {value!r}", f"input {name!r} of {owner}")
            spread = Any if isinstance(value, NodeOutput) else list[annotation]  # type: ignore[valid-type]
            bound[name] = with_effect(trace.bind(owner, name, spread, value), effect_in(annotation), keep=True)
    element_output = base_type(target.output)
    output = list[element_output] if target.interface.outputs else list[None]  # type: ignore[valid-type]
    defaults = target.defaults if isinstance(target, Task) else TaskOptions()
    node_interface = Interface(dict(interface.inputs), {RESULT: output}, interface.defaults)
    return trace.add(target.name, "map", target, bound, node_interface, output, defaults, mapped)


def when(condition: bool, then: Callable[[], T] | T, otherwise: Callable[[], T] | T | None = None) -> T:
    """Take one of two sides: ``dt.when(is_large(x), lambda: heavy(x), lambda: light(x))``.

    Only the side that is taken is run: nodes that nothing but the other side needs are skipped.

    Args:
        condition: A task's result annotated ``bool``, or a plain bool.
        then, otherwise: A function without arguments that calls tasks, or a result of a task, or a value.

    Raises:
        WiringError: The condition is not a bool.
    """
    trace = active_trace()
    if trace is None:
        if not isinstance(condition, bool):
            raise DefinitionError(f"the condition of dt.when is a bool, not {type(condition).__name__}")
        side = then if condition else otherwise
        return cast("T", side() if callable(side) else side)
    bound = {"condition": trace.bind("dt.when", "condition", bool, condition)}
    result = trace.add("when", "when", None, bound, WHEN, Any, TaskOptions())
    node = result._node
    place = len(trace.nodes) - 1
    types = []
    for name, side in (("then", then), ("otherwise", otherwise)):
        with trace.branch(node, name):
            value = side() if callable(side) and not isinstance(side, NodeOutput) else side
        types.append(bind_side(trace, node, name, value))
    node.output = joined(types)
    # Its condition is known before its sides run; the node itself joins them, so it comes after both.
    trace.nodes.append(trace.nodes.pop(place))
    return cast("T", NodeOutput(result._binding, node.output, trace))


def bind_side(trace: Trace, node: Node, name: str, value: Any) -> Any:
    """Let ``value`` be a side of a choice; returns its type."""
    binding = node.inputs[name] = trace.bind("dt.when", name, Any, value)
    if isinstance(value, NodeOutput):
        return base_type(value._type)
    if isinstance(binding, Collect):
        return Any
    return type(value)


def joined(types: list[Any]) -> Any:
    """The type of a choice between values of two types."""
    first, second = types
    if Any in types or any(isinstance(t, str) for t in types):
        return Any
    if first == second:
        return first
    try:
        return Union[first, second]  # noqa: UP007  (built from values)
    except TypeError:  # a type that is named by text only
        return Any
