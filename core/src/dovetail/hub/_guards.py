"""The gates of an earlier run, found again in the workflow that it ran."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dovetail.errors import UsageError, listing
from dovetail.graph import RESULT, Dataset, Graph, Node, Ref, Task, TaskGates, Workflow, destination, markers
from dovetail.hub._load import load_source
from dovetail.quality import Gate
from dovetail.store import RunRecord


@dataclass(frozen=True, slots=True)
class Guard:
    """A gate at its place.

    Attributes:
        gate: The gate.
        output: Name of the output of the node that it guards; None for a gate of an input.
        dataset: Name of the dataset that the output is published as, or None.
        then: The gates that stand between it and that dataset.
        alone: No other gate stands before that dataset.
    """

    gate: Gate
    output: str | None = None
    dataset: str | None = None
    then: tuple[Gate, ...] = ()
    alone: bool = True


def find_guard(record: RunRecord, node_id: str, gate: str, workflow: Workflow[..., Any] | None = None) -> Guard:
    """The gate of this name at a node of a run, as the source of its workflow defines it now.

    Args:
        record: The run.
        node_id: The node.
        gate: Name of the gate.
        workflow: The workflow of the run. Default: loaded from where the run had it from.

    Raises:
        UsageError: The workflow cannot be loaded, or has no such node or gate any more.
    """
    if workflow is None:
        try:
            workflow = load_source(record.source, record.run_id)
        except UsageError as error:
            error.why = error.why or "the checks of the gate come from the source of the workflow"
            raise
    guards = list(_guards_at(workflow.graph, node_id, record))
    named = [guard for guard in guards if guard.gate.name == gate]
    if not named:
        raise UsageError(
            f"node {node_id} of workflow {workflow.name} has no gate {gate!r} any more",
            who=f"run {record.run_id}",
            why=f"its gates are now: {listing(guard.gate.name for guard in guards) or 'none'}",
            fix="undo the change, or run the workflow anew",
        )
    return named[0]


def _guards_at(graph: Graph, node_id: str, record: RunRecord) -> Iterator[Guard]:
    node, rest = _node_of(graph, node_id)
    if node is None:
        raise UsageError(
            f"workflow {graph.name} has no node {node_id} any more",
            who=f"run {record.run_id}",
            fix="undo the change, or run the workflow anew",
        )
    if rest:
        if node.kind == "map" and isinstance(node.target, Workflow):
            yield from _guards_at(node.target.graph, rest, record)
            return
        raise UsageError(
            f"node {node_id} is made while the workflow runs, so its gate is not known without running it",
            who=f"run {record.run_id}",
            fix="run the workflow anew",
        )
    if node.kind == "gate":
        name, then = destination(node, graph)
        before = node.inputs["value"]
        first = not (isinstance(before, Ref) and before.node.kind == "gate")
        yield Guard(node.target, RESULT, name, then, alone=first and not then)
    elif isinstance(node.target, Task):
        yield from _guards_of(node.target)


def _node_of(graph: Graph, node_id: str) -> tuple[Node | None, str]:
    """The node that an id of a run begins with, and what of the id leads into it: ``score[3].clean`` is ``clean`` in score."""
    for node in graph.nodes:
        if node_id == node.id:
            return node, ""
    for node in sorted(graph.nodes, key=lambda each: -len(each.id)):
        if node.kind == "map" and node_id.startswith(f"{node.id}["):
            return node, node_id[len(node.id) :].partition("]")[2].removeprefix(".")
        if node.kind == "dynamic" and node_id.startswith(f"{node.id}."):
            return node, node_id[len(node.id) + 1 :]
    return None, node_id


def _guards_of(task: Task[..., Any]) -> Iterator[Guard]:
    gates = TaskGates.of(task)
    for name, annotation in task.interface.outputs.items():
        published = next((m.name for m in markers(annotation) if isinstance(m, Dataset)), None)
        found = gates.fields.get(name, ()) or (gates.output if name == RESULT else ())
        for place, gate in enumerate(found):
            yield Guard(gate, name, published, found[place + 1 :])
    for before in gates.inputs.values():
        for gate in before:
            yield Guard(gate)
