"""What a gate's refusal does to the nodes that read the value: the rule, and how a workflow that is called follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dovetail.errors import DataError, GateBlocked
from dovetail.graph._call import refusals
from dovetail.graph._nodes import Input, Node, Ref, references

if TYPE_CHECKING:
    from dovetail.graph._graph import Graph
    from dovetail.quality import Gate


class NodeLeftOut(Exception):
    """A gate refused an input of the node, and the node is to be skipped then; the text says why."""


def why_left_out(
    node: Node, missing: Callable[[Ref], str], undone: Callable[[Node], str], side: Callable[[], str]
) -> str:
    """Why a node cannot be run for want of something that it reads or waits for; ``""`` if it can.

    Args:
        node: The node.
        missing: Why what is referred to is not there; ``""`` if it is.
        undone: The same for a node that it waits for without reading it.
        side: Called for a choice whose condition is there: the side that it takes, since it reads that side alone.
    """
    read = list(node.inputs.values())
    if node.kind == "when":
        condition = node.inputs["condition"]
        if why := next((why for ref in references(condition) if (why := missing(ref))), ""):
            return why
        read = [node.inputs[side()]]
    waited = (why for other in node.controls if (why := undone(other)))
    return next((why for binding in read for ref in references(binding) if (why := missing(ref))), "") or next(
        waited, ""
    )


def tolerates(graph: Graph) -> bool:
    """True if a gate of the graph, or a reader of what one guards, says something else than that a refusal ends the run."""
    for node in graph.nodes:
        if any(ref.on_blocked for binding in node.inputs.values() for ref in references(binding)):
            return True
        if any(gate.policy.downstream != "block" for gate in _gates_of(node)):
            return True
    return any(ref.on_blocked for ref in references(graph.result))


def _gates_of(node: Node) -> Iterator[Gate]:
    if node.kind == "gate":
        yield node.target
    elif getattr(node.target, "__dovetail_task__", False):
        yield from node.target.compiled().gates.all()


class Refusals:
    """What the gates of one call of a graph have refused, and what that leaves of it.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._lost: dict[Node, str] = {}
        self._refused: dict[Node, tuple[str, str]] = {}

    def missing(self, ref: Ref) -> str:
        """Why what is referred to is not there for its reader; ``""`` if it is."""
        if ref.node in self._lost:
            return self._lost[ref.node]
        effect, why = self._refused.get(ref.node, ("", ""))
        return why if (ref.on_blocked or effect) == "skip" else ""

    def skips(self, node: Node, side: Callable[[], str]) -> bool:
        """True if the node is to be skipped: see :func:`why_left_out`."""
        if not (self._lost or self._refused):
            return False
        why = why_left_out(node, self.missing, lambda other: self.missing(Ref(other)), side)
        if why:
            self._lost[node] = why
        return bool(why)

    @contextmanager
    def at(self, node: Node) -> Iterator[None]:
        """The gates of a node are evaluated inside; what is raised for a node that is to be skipped ends here."""
        own = list(_gates_of(node))  # not those of what it nests, or of tasks that a function calls

        def evaluate(gate: Gate, value: Any) -> Any:
            return self._evaluate(node, gate, value) if any(gate is each for each in own) else gate(value)

        token = refusals.set(evaluate if own else None)
        try:
            yield
        except NodeLeftOut as reason:
            self._lost[node] = str(reason)
        finally:
            refusals.reset(token)

    def check_result(self) -> None:
        """See that the graph has a result.

        Raises:
            DataError: It was to be made of what a gate refused.
        """
        why = next((why for ref in references(self.graph.result) if (why := self.missing(ref))), "")
        if why:
            raise DataError(f"workflow {self.graph.name!r} has no result", why=why)

    def _evaluate(self, node: Node, gate: Gate, value: Any) -> Any:
        try:
            return gate(value)
        except GateBlocked as error:
            default = gate.policy.downstream
            task = getattr(node.target, "__dovetail_task__", False)
            before = node.target.compiled().gates.input_of(gate) if task else None
            if before is not None:
                binding = node.inputs[before]
                effects = {binding.on_blocked or default if isinstance(binding, (Ref, Input)) else default}
            elif node.kind == "map":
                effects = {default}
            else:
                effects = {ref.on_blocked or default for _, ref in self.graph.readers(node)} or {default}
            if "continue_with_previous" in effects and "block" not in effects:
                none = "and there is no earlier value: a workflow that is called like a function keeps nothing"
                error.why = f"{error.why}\n{none}" if error.why else none
                effects = {"block"}
            if "block" in effects:
                raise
            if "skip" in effects and (before is not None or node.kind == "map"):
                raise NodeLeftOut(error.what) from None
            known = self._refused.get(node)
            if before is None and node.kind != "map":
                effect = "skip" if default == "skip" or (known and known[0] == "skip") else default
                self._refused[node] = (effect, error.what)
            return value
