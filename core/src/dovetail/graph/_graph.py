"""A finished graph: unique ids, an order in which the nodes can run, and which nodes a choice can leave out."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable
from typing import Any

from dovetail.errors import DefinitionError
from dovetail.graph._nodes import Binding, Collect, Input, Node, Ref, references
from dovetail.spec import Interface
from dovetail.types import current_types


class Graph:
    """The nodes of a workflow.

    Attributes:
        name: Of the workflow.
        interface: Its typed inputs and outputs.
        output: Annotation of its whole output.
        nodes: In an order in which they can run.
        numbered: The same nodes in the order in which they got their ids.
        result: What its output is made of. For a NamedTuple a :class:`Collect` with the field names as keys.
    """

    def __init__(self, name: str, interface: Interface, output: Any, nodes: Iterable[Node], result: Binding) -> None:
        self.name = name
        self.interface = interface
        self.output = output
        self.result = result
        ordered = _ordered(name, list(nodes))
        _name_nodes(name, ordered)
        self.numbered = tuple(ordered)
        _guard(ordered, result)
        # A choice must be known before what it guards, even where the body made them the other way round.
        self.nodes = _ordered(name, ordered) if any(node.guards for node in ordered) else ordered
        self.by_id = {node.id: node for node in self.nodes}
        self.plan: Any = None
        self._readers: dict[Node, list[tuple[str, Ref]]] | None = None

    def readers(self, node: Node) -> list[tuple[str, Ref]]:
        """Who reads the output of a node, and how: ``("total.orders", ref)``; the result of the graph is one of them."""
        if self._readers is None:
            found: dict[Node, list[tuple[str, Ref]]] = {}
            for each in self.nodes:
                for name, binding in each.inputs.items():
                    for ref in references(binding):
                        found.setdefault(ref.node, []).append((f"{each.id}.{name}", ref))
            for ref in references(self.result):
                found.setdefault(ref.node, []).append((f"the result of {self.name}", ref))
            self._readers = found
        return self._readers.get(node, [])

    def structure(self) -> dict[str, Any]:
        """The shape of the graph, JSON-able: ids, kinds, targets, types and edges, but no code and no values."""
        type_name = current_types().type_name
        return {
            "workflow": self.name,
            "inputs": {name: type_name(a) for name, a in self.interface.inputs.items()},
            "outputs": {name: type_name(a) for name, a in self.interface.outputs.items()},
            "nodes": [
                {
                    "id": node.id,
                    "kind": node.kind,
                    "target": getattr(node.target, "name", None),
                    "type": getattr(node.target, "task_type", node.kind),
                    "inputs": {name: describe_binding(binding) for name, binding in node.inputs.items()},
                    "after": [other.id for other in node.controls],
                    **(
                        {"each": each.structure()}
                        if isinstance(each := getattr(node.target, "graph", None), Graph)
                        else {}
                    ),
                    "output": type_name(node.output),
                }
                for node in self.nodes
            ],
            "result": describe_binding(self.result),
        }

    def hash(self) -> str:
        """Hex digest of :meth:`structure`: runs of workflows of equal hash can take each other's place on resume."""
        text = json.dumps(self.structure(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def describe_binding(binding: Binding) -> Any:
    """JSON-able form of what feeds an input; constants by their type only."""
    if isinstance(binding, Ref):
        return {"node": binding.node.id, **_way(binding)}
    if isinstance(binding, Input):
        return {"input": binding.name, **_way(binding)}
    if isinstance(binding, Collect):
        return {
            binding.kind: [describe_binding(item) for item in binding.items],
            "keys": [str(k) for k in binding.keys],
        }
    return {"const": type(binding.value).__name__}


def _way(binding: Ref | Input) -> dict[str, Any]:
    said = {"on_blocked": binding.on_blocked} if binding.on_blocked else {}
    return {"path": [list(step) for step in binding.path], **said}


def needs(node: Node) -> list[Node]:
    """Nodes that must be done, or left out, before this one can run."""
    found = [ref.node for binding in node.inputs.values() for ref in references(binding)]
    found.extend(node.controls)
    found.extend(ref.node for when, _ in node.guards for ref in references(when.inputs["condition"]))
    return list(dict.fromkeys(found))


def _ordered(name: str, nodes: list[Node]) -> list[Node]:
    """Topological order that keeps the order of creation where it can."""
    members = set(map(id, nodes))
    waiting: dict[int, int] = {}
    followers: dict[int, list[Node]] = {}
    for node in nodes:
        before = needs(node)
        before += [ref.node for when, _ in node.branch for ref in references(when.inputs["condition"])]
        unique = list(dict.fromkeys(before))
        for other in unique:
            if id(other) not in members:
                raise DefinitionError(
                    f"node {node.label()!r} of workflow {name!r} uses {other.label()!r}, which belongs to another workflow",
                    fix="pass the value as an input",
                )
            followers.setdefault(id(other), []).append(node)
        waiting[id(node)] = len(unique)
    position = {id(node): index for index, node in enumerate(nodes)}
    ready = [position[id(node)] for node in nodes if waiting[id(node)] == 0]
    order: list[Node] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        order.append(node)
        for follower in followers.get(id(node), ()):
            waiting[id(follower)] -= 1
            if waiting[id(follower)] == 0:
                heapq.heappush(ready, position[id(follower)])
    if len(order) < len(nodes):
        stuck = [node.label() for node in nodes if waiting[id(node)] > 0]
        raise DefinitionError(
            f"the nodes of workflow {name!r} wait for each other in a circle",
            why=f"among {', '.join(map(repr, stuck[:8]))}",
            fix="look at their .after(...) calls",
        )
    return order


def _name_nodes(name: str, nodes: list[Node]) -> None:
    """Unique ids: the scoped name, with ``-2``, ``-3``... where a name comes again."""
    taken: dict[str, Node] = {}
    # The ids of what a dynamic node expands to begin with its own, as those of a nested workflow begin with its name.
    scopes = {".".join(node.scope[: depth + 1]).casefold(): node for node in nodes for depth in range(len(node.scope))}
    for node in nodes:
        if node.explicit:
            node.id = ".".join((*node.scope, node.name))
            clash = taken.get(node.id.casefold())
            if clash is None and node.kind == "dynamic":
                clash = scopes.get(node.id.casefold())
            if clash is not None:
                raise DefinitionError(
                    f"two nodes of workflow {name!r} are named {node.id!r} and {clash.id!r}",
                    why="names of nodes are unique, also regardless of case",
                    fix="give one of them another name with .named(...)",
                )
            taken[node.id.casefold()] = node
    counts: dict[str, int] = {}
    for node in nodes:
        if node.explicit:
            continue
        base = ".".join((*node.scope, node.name))
        count = counts.get(base.casefold(), 0)
        while True:
            count += 1
            candidate = base if count == 1 else f"{base}-{count}"
            clashes = candidate.casefold() in scopes and node.kind == "dynamic"
            if candidate.casefold() not in taken and not clashes:
                break
        counts[base.casefold()] = count
        node.id = candidate
        taken[candidate.casefold()] = node


def _guard(nodes: list[Node], result: Binding) -> None:
    """Find, for every node, the choices that must fall its way for it to be needed.

    A node is needed where any of its consumers is; so its guards are what all the ways to its consumers have in common.
    Nodes made inside a side of a choice that nothing consumes belong to that side.
    """
    if not any(node.kind == "when" for node in nodes):
        return
    ways: dict[int, frozenset[tuple[int, str]] | None] = {}
    whens = {id(node): node for node in nodes if node.kind == "when"}

    def need(node: Node, guards: frozenset[tuple[int, str]]) -> None:
        known = ways.get(id(node))
        ways[id(node)] = guards if known is None else known & guards

    for ref in references(result):
        _refuse_escape(ref.node, frozenset(), "the result of the workflow")
        need(ref.node, frozenset())
    for node in reversed(nodes):
        own = frozenset((id(when), side) for when, side in node.branch)
        found = ways.get(id(node))
        guards = own if found is None else found | own
        node.guards = tuple((whens[key], side) for key, side in sorted(guards, key=lambda g: (whens[g[0]].id, g[1])))
        for name, binding in node.inputs.items():
            through = guards | {(id(node), name)} if node.kind == "when" and name != "condition" else guards
            for ref in references(binding):
                _refuse_escape(ref.node, through, f"node {node.id!r}")
                need(ref.node, through)
        for other in node.controls:
            need(other, guards)


def _refuse_escape(node: Node, guards: frozenset[tuple[int, str]], user: str) -> None:
    """What is made inside a side of a choice is not there where the other side is taken."""
    for when, side in node.branch:
        if (id(when), side) not in guards:
            raise DefinitionError(
                f"{user} uses {node.id!r}, which exists only where {when.id!r} takes the side {side!r}",
                fix="use what the choice returns, or call the task outside of it",
            )
