"""Building the nodes of one graph again, inside the graph that is being traced."""

from __future__ import annotations

import heapq
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dovetail.errors import DefinitionError, DovetailError
from dovetail.graph._annotations import is_named_tuple
from dovetail.graph._control import WHEN, bind_side, joined, map_node
from dovetail.graph._gates import on_blocked
from dovetail.graph._interpret import take
from dovetail.graph._nodes import Binding, Collect, Const, Input, Node, NodeOutput, Ref, Step, references
from dovetail.graph._options import TaskOptions
from dovetail.graph._trace import Trace, active_trace, bind_call

Value = Any
"""What the body of a workflow handles: a stand-in, a plain value, or a list, tuple or dict of them."""


def body_of(
    nodes: Sequence[Node],
    returned: Value,
    name: str,
    doc: str | None,
    module: str,
    told: Callable[[dict[Node, Node]], object] | None = None,
) -> Callable[..., Any]:
    """A workflow body that makes these nodes again each time it is traced.

    What makes a graph in another way than by decorators becomes a workflow like any other by it: it can be nested,
    mapped and resumed, and its wiring is checked by the same code.

    Args:
        nodes: Of a finished trace, or read from a specification: kind, target, inputs, options and places are used.
        returned: What the body returns; results of ``nodes`` are found inside it.
        name: Name of the function.
        doc: Its docstring.
        module: Name of the module that it counts as defined in.
        told: Called with the nodes that were made, by those of ``nodes``, each time it is traced.
    """
    kept = tuple(nodes)

    def body(**inputs: Value) -> Value:
        trace = active_trace()
        assert trace is not None  # a Workflow calls it while tracing
        again = _Replay(trace, inputs, kept)
        result = again.all(returned)
        if told is not None:
            told(again.nodes)
        return result

    body.__name__ = body.__qualname__ = name
    body.__doc__ = doc
    body.__module__ = module
    return body


def named_tuple_of(name: str, fields: Mapping[str, Any]) -> Any:
    """A NamedTuple class of these fields.

    Raises:
        DefinitionError: A field cannot be called that.
    """
    try:
        kind: Any = namedtuple(name.replace("-", "_"), fields)  # type: ignore[misc]
    except ValueError as error:
        raise DefinitionError(f"an output of {name!r} has a name that cannot be used", why=str(error)) from error
    kind.__annotations__ = dict(fields)
    return kind


def by_inputs(nodes: Sequence[Node]) -> list[Node]:
    """The nodes in an order in which each comes after those that feed it; else as they are given.

    Raises:
        DefinitionError: There is none.
    """
    position = {node: index for index, node in enumerate(nodes)}
    followers: dict[Node, list[Node]] = {}
    waiting: dict[Node, int] = {}
    for node in nodes:
        before = {ref.node for binding in node.inputs.values() for ref in references(binding)}
        waiting[node] = len(before)
        for other in before:
            followers.setdefault(other, []).append(node)
    ready = [position[node] for node in nodes if not waiting[node]]
    ordered: list[Node] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        ordered.append(node)
        for follower in followers.get(node, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, position[follower])
    if len(ordered) < len(nodes):
        stuck = [node.label() for node in nodes if waiting[node]]
        raise DefinitionError(
            "nodes feed each other in a circle",
            why=f"among {', '.join(map(repr, stuck[:8]))}",
            fix="take one of the connections out",
        )
    return ordered


class _Replay:
    """The nodes that were made, by those that they are made after."""

    def __init__(self, trace: Trace, inputs: Mapping[str, Value], nodes: Sequence[Node]) -> None:
        self.trace = trace
        self.inputs = inputs
        self.given = nodes
        # What stands inside a side of a choice names the choice, which is made after it.
        self.nodes = {
            node: Node("when", "when", None, {}, WHEN, Any, TaskOptions()) for node in nodes if node.kind == "when"
        }

    def all(self, returned: Value) -> Value:
        """Make the nodes again, in the same order; what is returned is returned.

        Raises:
            WiringError: Two ends do not fit.
            DefinitionError: An input is missing, or the nodes feed each other in a circle.
        """
        made = self.trace.nodes
        begin = len(made)
        for node in by_inputs(self.given):
            try:
                self.make(node)
            except DovetailError as error:
                error.details.setdefault("node", node.label())
                raise
        for node in self.given:
            self.nodes[node].controls.extend(self.nodes[other] for other in node.controls)
        order = {self.nodes[node]: position for position, node in enumerate(self.given)}
        made[begin:] = sorted(made[begin:], key=order.__getitem__)
        return self.returned(returned)

    def make(self, node: Node) -> None:
        """Make a node whose inputs are made."""
        values = {name: self.value(binding) for name, binding in node.inputs.items() if not _is_default(node, name)}
        made = self._make(node, values)
        made.name, made.explicit = node.name, node.explicit
        made.scope = (*self.trace._scope, *node.scope)
        made.branch = (*self.trace._branch, *((self.nodes[when], side) for when, side in node.branch))
        made.options = node.options
        self.nodes[node] = made

    def _make(self, node: Node, values: dict[str, Value]) -> Node:
        trace, target = self.trace, node.target
        if node.kind == "when":
            return self._choice(self.nodes[node], values)
        if node.kind == "gate":
            value = values["value"]
            if not isinstance(value, NodeOutput):
                value = NodeOutput(Const(value), type(value), trace)
            return trace.add_gate(target, value)._node
        if node.kind == "map":
            spread = tuple(values.pop(name) for name in node.mapped)
            return map_node(trace, target, spread, values)._node
        owner = f"{node.kind} {target.name!r}"
        bound = bind_call(trace, owner, target.interface, (), values)
        return trace.add(node.name, node.kind, target, bound, target.interface, target.output, node.options)._node

    def _choice(self, made: Node, values: dict[str, Value]) -> Node:
        made.inputs["condition"] = self.trace.bind("dt.when", "condition", bool, values["condition"])
        sides = [bind_side(self.trace, made, side, values[side]) for side in ("then", "otherwise")]
        made.output = joined(sides)
        self.trace.nodes.append(made)
        return made

    def returned(self, value: Value) -> Value:
        """What the body returned, with the results of the nodes that were made."""
        if isinstance(value, NodeOutput):
            return self.value(value._binding)
        if type(value) is dict:
            return {key: self.returned(item) for key, item in value.items()}
        if is_named_tuple(type(value)):
            return type(value)(*(self.returned(item) for item in value))
        return type(value)(self.returned(item) for item in value) if type(value) in (list, tuple) else value

    def value(self, binding: Binding) -> Value:
        """The value of a binding as the body of a workflow sees it."""
        if isinstance(binding, Const):
            return binding.value
        if isinstance(binding, Input):
            return _reading(_follow(self.inputs[binding.name], binding.path), binding.on_blocked)
        if isinstance(binding, Ref):
            node = self.nodes[binding.node]
            part = _follow(NodeOutput(Ref(node), node.output, self.trace), binding.path)
            return _reading(part, binding.on_blocked)
        items = [self.value(item) for item in binding.items]
        if binding.named_tuple is not None:
            fields = tuple(item._binding if isinstance(item, NodeOutput) else Const(item) for item in items)
            whole = Collect("tuple", fields, binding.keys, binding.named_tuple)
            return NodeOutput(whole, binding.named_tuple, self.trace)
        if binding.kind == "dict":
            return dict(zip(binding.keys, items, strict=True))
        return items if binding.kind == "list" else tuple(items)


def _is_default(node: Node, name: str) -> bool:
    """Whether an input was left to its default, which need not fit its type."""
    binding, interface = node.inputs[name], node.interface
    return isinstance(binding, Const) and name in interface.defaults and binding.value is interface.defaults[name]


def _reading(value: Value, effect: Any) -> Value:
    return value if effect is None else on_blocked(value, effect)


def _follow(value: Value, path: tuple[Step, ...]) -> Value:
    for kind, key in path:
        value = value._part(kind, key) if isinstance(value, NodeOutput) else take(value, ((kind, key),))
    return value
