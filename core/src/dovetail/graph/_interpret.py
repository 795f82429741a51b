"""Running a graph in this process, one node after the other, storing nothing: what calling a workflow does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail.errors import DefinitionError, DovetailError
from dovetail.graph._annotations import base_type, is_named_tuple
from dovetail.graph._call import ResourceScope, apply_gate
from dovetail.graph._graph import Graph
from dovetail.graph._needs import Call, caller
from dovetail.graph._nodes import Binding, Collect, Const, Input, Node, Ref, Step
from dovetail.graph._refused import Refusals, tolerates
from dovetail.spec import TaskContext
from dovetail.types import TypeEngine, current_types

Getter = Callable[[dict[str, Any], dict[Node, Any]], Any]


def interpret(graph: Graph, inputs: dict[str, Any], scope: ResourceScope | None = None) -> Any:
    """Run a graph and return its output.

    An exception of a task's function comes out as it is, with a note that names the node. Retries, timeouts and caches
    are for durable runs; here the first error shows.

    Args:
        graph: The graph.
        inputs: Converted values of all its inputs, by name.
        scope: Holds opened resources; None opens and closes its own.
    """
    if scope is None:
        with ResourceScope() as own:
            return interpret(graph, inputs, own)
    return _plan(graph).run(inputs, scope)


def _plan(graph: Graph) -> Plan:
    types = current_types()
    plan: Plan | None = graph.plan  # another thread, with another hub, may set it meanwhile
    if plan is None or plan.types is not types:
        plan = graph.plan = Plan(graph, types)
    return plan


class Plan:
    """A graph bound to a type engine: what is the same for every run of it, found once."""

    def __init__(self, graph: Graph, types: TypeEngine) -> None:
        self.graph = graph
        self.types = types
        self._steps = [
            (node, {name: getter(b) for name, b in node.inputs.items()}, self._runner(node), node.guards)
            for node in graph.nodes
        ]
        self._result = getter(graph.result)
        self._tolerates = tolerates(graph)
        self._accept = types.acceptor(base_type(graph.output)) if graph.interface.outputs else None

    def run(self, inputs: dict[str, Any], scope: ResourceScope) -> Any:
        """Run every node that is needed; returns the output of the workflow."""
        values: dict[Node, Any] = {}
        refusals = Refusals(self.graph) if self._tolerates else None
        for node, getters, runner, guards in self._steps:
            if guards and not guards_hold(guards, inputs, values):
                continue
            try:
                if refusals is None:
                    values[node] = runner(getters, inputs, values, scope)
                elif not refusals.skips(node, lambda get=getters: _side(get, inputs, values)):  # type: ignore[misc]
                    with refusals.at(node):
                        values[node] = runner(getters, inputs, values, scope)
            except Exception as error:
                if not isinstance(error, DovetailError):
                    error.add_note(f"in node {node.id!r} of workflow {self.graph.name!r}")
                elif error.who is None:
                    error.who = f"node {node.id!r} of workflow {self.graph.name!r}"
                raise
        if self._accept is None:
            return None
        if refusals is not None:
            refusals.check_result()
        return self._accept(as_output(self.graph, self._result(inputs, values)))

    def _runner(self, node: Node) -> Callable[..., Any]:
        if node.kind == "task":
            return _task_runner(caller(node.target.compiled(), node.options), node)
        if node.kind == "gate":
            accept = self.types.acceptor(node.output)
            gate = node.target
            return lambda getters, inputs, values, scope: apply_gate(gate, accept(getters["value"](inputs, values)))
        if node.kind == "when":
            return _choose
        if node.kind == "map":
            return _map_runner(node)
        return _dynamic_runner(node)


def _task_runner(call: Call, node: Node) -> Callable[..., Any]:
    context = TaskContext(node_id=node.id)

    def run(getters: dict[str, Getter], inputs: dict[str, Any], values: dict[Node, Any], scope: ResourceScope) -> Any:
        return call({name: get(inputs, values) for name, get in getters.items()}, context, scope)

    return run


def _choose(getters: dict[str, Getter], inputs: dict[str, Any], values: dict[Node, Any], scope: ResourceScope) -> Any:
    return getters[_side(getters, inputs, values)](inputs, values)


def _side(getters: dict[str, Getter], inputs: dict[str, Any], values: dict[Node, Any]) -> str:
    return "then" if getters["condition"](inputs, values) else "otherwise"


def spread(node: Node, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Inputs of each element of a map node.

    Raises:
        DefinitionError: The mapped sequences differ in length.
    """
    columns = [_ordered(values[name]) for name in node.mapped]
    lengths = {name: len(column) for name, column in zip(node.mapped, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise DefinitionError(
            f"map node {node.id!r} is given sequences of different lengths: {lengths}", fix="make them equally long"
        )
    fixed = {name: value for name, value in values.items() if name not in node.mapped}
    return [{**dict(zip(node.mapped, row, strict=True)), **fixed} for row in zip(*columns, strict=True)]


def _ordered(values: Any) -> list[Any]:
    """The elements, in an order that is the same in every process: that of a set is not."""
    if isinstance(values, (set, frozenset)):
        return sorted(values, key=current_types().content_hash)
    return list(values)


def _map_runner(node: Node) -> Callable[..., Any]:
    target = node.target
    call = caller(target.compiled(), node.options) if getattr(target, "__dovetail_task__", False) else None
    if call is None:
        _plan(target.graph)  # what its tasks need is looked at, and built, before anything runs

    def run(getters: dict[str, Getter], inputs: dict[str, Any], values: dict[Node, Any], scope: ResourceScope) -> Any:
        rows = spread(node, {name: get(inputs, values) for name, get in getters.items()})
        if call is None:
            return [interpret(target.graph, target.bind_values((), row), scope) for row in rows]
        return [call(row, TaskContext(node_id=f"{node.id}[{i}]"), scope) for i, row in enumerate(rows)]

    return run


def _dynamic_runner(node: Node) -> Callable[..., Any]:
    def run(getters: dict[str, Getter], inputs: dict[str, Any], values: dict[Node, Any], scope: ResourceScope) -> Any:
        given = {name: get(inputs, values) for name, get in getters.items()}
        return interpret(node.target.expand(given), {}, scope)

    return run


def guards_hold(guards: tuple[tuple[Node, str], ...], inputs: dict[str, Any], values: dict[Node, Any]) -> bool:
    """True if every choice fell the way that the node needs."""
    for when, side in guards:
        try:
            taken = getter(when.inputs["condition"])(inputs, values)
        except KeyError:  # the condition itself was left out
            return False
        if bool(taken) is not (side == "then"):  # an unannotated task may give any truth value
            return False
    return True


def as_output(graph: Graph, value: Any) -> Any:
    """A result that was collected field by field, as the NamedTuple that the workflow returns."""
    kind = base_type(graph.output)
    if is_named_tuple(kind) and isinstance(graph.result, Collect) and graph.result.keys:
        return kind(*value)
    return value


def getter(binding: Binding) -> Getter:
    """A function that finds the value of a binding among the inputs and the values of nodes."""
    if isinstance(binding, Const):
        value = binding.value
        return lambda inputs, values: value
    if isinstance(binding, Input):
        name = binding.name
        if not binding.path:
            return lambda inputs, values: inputs[name]
        input_path = binding.path
        return lambda inputs, values: take(inputs[name], input_path)
    if isinstance(binding, Ref):
        node = binding.node
        if not binding.path:
            return lambda inputs, values: values[node]
        path = binding.path
        return lambda inputs, values: take(values[node], path)
    parts = [getter(item) for item in binding.items]
    if binding.kind == "dict":
        keys = binding.keys
        return lambda inputs, values: {k: part(inputs, values) for k, part in zip(keys, parts, strict=True)}
    if binding.named_tuple is not None:
        kind = binding.named_tuple
        return lambda inputs, values: kind(*(part(inputs, values) for part in parts))
    make: type[list[Any]] | type[tuple[Any, ...]] = list if binding.kind == "list" else tuple
    return lambda inputs, values: make(part(inputs, values) for part in parts)


def take(value: Any, path: tuple[Step, ...]) -> Any:
    """Follow a path of fields and keys into a value.

    Raises:
        DefinitionError: The value has no such part.
    """
    for kind, key in path:
        try:
            value = getattr(value, key) if kind == "attr" else value[key]
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise DefinitionError(
                f"a {type(value).__name__} has no {'.' + key if kind == 'attr' else f'[{key!r}]'}",
                why=f"{type(error).__name__}: {error}",
            ) from error
    return value
