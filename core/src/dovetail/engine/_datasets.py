"""Nodes that read and publish datasets: which versions a run reads, and which it expects to follow."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail import store
from dovetail.engine._work import Work, input_values, plain_output, stored
from dovetail.errors import DefinitionError, UsageError
from dovetail.graph import (
    RESULT,
    Graph,
    Node,
    NodeLeftOut,
    Publish,
    PublishedDataset,
    Ref,
    Task,
    Workflow,
    destination,
    gates_in,
)
from dovetail.spec import Artifact, Interface, TaskCall, TaskType, TypeRef
from dovetail.store import Publication, open_artifact_store
from dovetail.types import current_types, whole_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from dovetail.engine._attempt import Outcome
    from dovetail.engine._values import Values
    from dovetail.store import RunStore


class Datasets:
    """The versions that one run reads, and those after which it publishes.

    Args:
        runs: The run store.
        known: What was written down when the run was started: :meth:`told`.
        run_id: A run that goes on: what its gates have refused before counts.
    """

    def __init__(self, runs: RunStore, known: Mapping[str, Any] | None = None, run_id: str | None = None) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        known = known or {}
        self._read: dict[str, int] = dict(known.get("read") or {})
        self._expected: dict[str, int] = dict(known.get("expected") or {})
        self._refused: dict[str, str] = {}
        for each in runs.staged(run_id) if run_id is not None else ():
            self.refuse(runs.artifact(each.artifact), f"gate {each.gate!r} of node {each.node_id!r} refused it")

    def look(self, graph: Graph, inputs: Iterable[Any]) -> None:
        """Fix the versions of everything that a graph is known to read and publish, now.

        Raises:
            UsageError: What is read is not published; names the nearest.
        """
        configs = [node.target.config for node in _dataset_nodes(graph)]
        for source in (*(each for each in inputs if isinstance(each, PublishedDataset)), *configs):
            if isinstance(source, PublishedDataset):
                self.artifact(source)
        names = [each.name for each in configs if isinstance(each, Publish)]
        if names:
            self._expected.update(self._runs.current_versions(names))

    def told(self) -> dict[str, Any]:
        """JSON: what to write down with the run; nothing where no dataset is read or published."""
        told = {"read": dict(self._read), "expected": dict(self._expected)}
        return {"datasets": told} if any(told.values()) else {}

    def artifact(self, source: PublishedDataset) -> Artifact:
        """The stored value of the version that is read: for the same dataset always the same.

        Raises:
            UsageError: It is not published; names the nearest.
        """
        with self._lock:
            version = source.version or self._read.get(source.name)
            found = self._runs.dataset(source.name, version)
            if source.version is None:
                self._read[source.name] = found.version
            return found.artifact

    def refuse(self, artifact: Artifact, why: str) -> None:
        """Note what a gate of the run refused."""
        with self._lock:
            self._refused[artifact.content_hash] = why

    def why_refused(self, artifact: Artifact) -> str:
        """What a gate of the run said of this value, or of an element of it; ``""`` if none refused it."""
        with self._lock:
            found = self._refused.get(artifact.content_hash, "")
        return found or next((why for each in artifact.children if (why := self.why_refused(each))), "")

    def expected(self, name: str) -> int:
        """The version that is to be followed, 0 for none: the one that was current when the run started, if it knew then."""
        with self._lock:
            if name not in self._expected:
                self._expected |= self._runs.current_versions([name])
            return self._expected[name]


def handled(work: Work, datasets: Datasets, values: Values, outcome: Outcome) -> bool:
    """Do the work of a node that reads or publishes a dataset; False for all others. No value is loaded for it.

    Raises:
        UsageError: What is read is not published.
        NodeLeftOut: A gate refused what was to be published.
    """
    config = work.task.config if work.task is not None else None
    if isinstance(config, PublishedDataset):
        outcome.artifacts = {RESULT: datasets.artifact(config)}
        return True
    if not isinstance(config, Publish):
        return False
    _refuse_refused(work)
    artifact = stored(work, "value", values)
    if artifact is None or not _is_whole(artifact):
        with whole_files():
            value = values.types.accept(input_values(work, values)["value"], plain_output(work))
            artifact = values.types.dump(value, plain_output(work), values.store)
    why = "" if _comes_straight(work) else datasets.why_refused(artifact)
    if why:
        raise NodeLeftOut(why)
    values.store.persist(artifact)
    outcome.artifacts = {RESULT: artifact}
    expected = datasets.expected(config.name) if config.on_conflict == "fail" else None
    gates = tuple(_audits(work))
    outcome.publications.append(
        Publication(config.name, work.id, RESULT, artifact, expected=expected, own=True, gates=gates)
    )
    return True


def destined(work: Work) -> str | None:
    """Name of the dataset that what a work gives is published as, by a node that comes after its gates; None: none."""
    return None if work.element is not None else destination(work.node, work.frame.graph)[0]


def _audits(work: Work) -> Iterator[tuple[str, str]]:
    """Id and gate of the nodes before a publishing one that look at nothing but what it publishes."""
    binding = work.node.inputs["value"]
    found = []
    while isinstance(binding, Ref):
        node, prefix = binding.node, work.frame.prefix
        if node.kind != "gate":
            if isinstance(node.target, Task) and node.kind == "task" and not binding.path:
                found += [(prefix + node.id, gate.name) for gate in reversed(gates_in(node.target.output))]
            break
        found.append((prefix + node.id, node.target.name))
        binding = node.inputs["value"]
    return reversed(found)


def _refuse_refused(work: Work) -> None:
    """What a gate refused is never published, whatever else its readers are given in its place."""
    binding = work.node.inputs["value"]
    while isinstance(binding, Ref):
        refused = work.frame.slots[binding.node].refused
        if refused is not None:
            raise NodeLeftOut(refused.why)
        if binding.node.kind != "gate":
            return
        binding = binding.node.inputs["value"]


def _comes_straight(work: Work) -> bool:
    """True for what a task gave or the run was given, past gates alone: then it is known who has looked at it.

    Of what comes by a choice, a list or a dynamic node it is not; there the value tells.
    """
    binding = work.node.inputs["value"]
    while isinstance(binding, Ref) and binding.node.kind == "gate":
        binding = binding.node.inputs["value"]
    return work.frame.owner is None and (not isinstance(binding, Ref) or binding.node.kind == "task")


def _is_whole(artifact: Artifact) -> bool:
    """True unless it only says where its bytes are."""
    return artifact.format != "reference" and all(map(_is_whole, artifact.children))


def _dataset_nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        if isinstance(node.target, Workflow):
            yield from _dataset_nodes(node.target.graph)
        elif isinstance(node.target, Task) and isinstance(node.target.config, (Publish, PublishedDataset)):
            yield node


class DatasetTask(TaskType):
    """Reads a published dataset. In a run the engine does it, from what the run has fixed; this is for calls outside of runs."""

    name: ClassVar[str] = "dataset"
    in_process: ClassVar[bool] = False

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """It is made by dt.dataset."""
        if not isinstance(config, PublishedDataset) or interface.inputs or function is not None:
            raise DefinitionError('a dataset is read by dt.dataset("name")')

    def execute(self, call: TaskCall) -> Any:
        """The value of the version that is current now, or of the one that is named."""
        source, settings = call.config, call.context.settings
        if not (settings.home / "runs.db").exists():
            raise UsageError(
                f"there is no dataset {source.name}",
                who=str(settings.home),
                why="this directory holds no run store, so nothing has been published here",
                fix="run the workflow that publishes it, or set DOVETAIL_HOME",
            )
        with store.open_run_store(settings) as runs:
            artifact = runs.dataset(source.name, source.version).artifact
        wanted = call.interface.outputs[RESULT]
        kind = TypeRef(artifact.type) if wanted is Any else wanted
        return current_types().load(artifact, open_artifact_store(settings), kind)

    def fingerprint(self, config: Any, function: Callable[..., Any] | None) -> str:
        """Nothing: the content of the version counts for those who read it."""
        return ""


class PublishTask(TaskType):
    """Publishes its input as a dataset. In a run the engine does it; outside of runs nothing is published."""

    name: ClassVar[str] = "publish"
    in_process: ClassVar[bool] = False

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """It is made by dt.publish."""
        if not isinstance(config, Publish) or list(interface.inputs) != ["value"] or function is not None:
            raise DefinitionError('a value is published by dt.publish(value, "name")')

    def execute(self, call: TaskCall) -> Any:
        """The value as it is."""
        return call.inputs["value"]

    def fingerprint(self, config: Any, function: Callable[..., Any] | None) -> str:
        """The name."""
        return str(config.name)
