"""Where the nodes of one run are run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from dovetail.engine._placement import Demand, Placement
from dovetail.engine._work import Work
from dovetail.graph import Graph, Node
from dovetail.spec import Place

if TYPE_CHECKING:
    from dovetail.env import Home


class Places:
    """Tells the works of a run where they are run; what was told of a node once is kept.

    Args:
        placement: What decides.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._known: dict[Node, tuple[Place | None, Home | None]] = {}

    def prepare(self, graph: Graph, workflow: str, done: Collection[str] = ()) -> None:
        """Decide for all nodes of a graph that are not done, and build what they need. Raises as ``Placement.prepare``.

        Args:
            graph: The graph of the run.
            workflow: Name of its workflow, for messages.
            done: Ids of nodes that are not run again.
        """
        self._placement.prepare(_demands(graph, workflow, done))

    def home(self, work: Work) -> Home | None:
        """The environment in which a node is run, built and whole; None: here. Notes the place on the work.

        Raises:
            DovetailError: As ``Placement.place``; for nodes that were not there when the run was prepared.
        """
        if work.task is None:
            return None
        found = self._known.get(work.node)
        if found is None:
            place, home = self._placement.place(work.task, work.node.options)
            found = self._known[work.node] = (place if place.telling else None, home)
        work.place = found[0]
        return found[1]


def _demands(graph: Graph, workflow: str, done: Collection[str] = ()) -> Iterator[Demand]:
    """The tasks of a graph, those of workflows that it maps included."""
    for node in graph.nodes:
        if node.id in done:
            continue
        target = node.target
        if getattr(target, "__dovetail_task__", False):
            yield target, node.options, f"node {node.id!r} of workflow {workflow!r}"
        elif node.kind == "map":
            yield from _demands(target.graph, target.name)
