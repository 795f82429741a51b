"""What a run is made of while it runs: frames (graphs with inputs) and works (nodes that can be run)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from dovetail.engine._values import MISSING, Refused, Slot, Values
from dovetail.graph import (
    RESULT,
    Binding,
    Collect,
    Const,
    Graph,
    Input,
    Node,
    Ref,
    Task,
    base_type,
    needs,
    references,
)
from dovetail.spec import Artifact, Place
from dovetail.store import NodeRecord
from dovetail.types import StoredPart

log = logging.getLogger("dovetail.engine")


@dataclass(eq=False, slots=True)
class Frame:
    """A graph with inputs: the run's own, that of a dynamic node, or that of one element of a mapped workflow.

    Attributes:
        graph: The graph.
        prefix: What the ids of its nodes begin with; ``""`` for the run's own.
        inputs: Its inputs.
        slots: Outputs of its nodes.
        owner: The map or dynamic node that it belongs to.
        index: Position among the owner's elements.
        remaining: Number of its nodes that are not done.
        disturbed: A gate refused the output of one of its nodes, or one was skipped for that, and yet the run goes on.
    """

    graph: Graph
    prefix: str
    inputs: dict[str, Slot]
    owner: Work | None = None
    index: int = 0
    slots: dict[Node, Slot] = field(default_factory=dict)
    remaining: int = 0
    disturbed: bool = False


@dataclass(eq=False, slots=True)
class Work:
    """A node of a frame, or one element of a map node, on its way through the run.

    Attributes:
        id: Path in the run: ``"clean"``, ``"score[3]"``, ``"expand.sub"``.
        node: The node.
        frame: Where its inputs are found.
        slot: Its output.
        element: Inputs of one element of a map node; None for a node itself.
        waiting: Number of works that must be done before.
        followers: Works that wait for it.
        attempt: Number of the current attempt; 0 before the first.
        children: Works of the elements of a map node.
        pending: Number of elements, or frames, that are not done.
        frames: Frames of a dynamic node or of a mapped workflow.
        done: It was committed, or skipped.
        handle: Handle of the remote job it waits for.
        place: Where it is run, and why; None before that is known, and for what needs no engine.
    """

    id: str
    node: Node
    frame: Frame
    slot: Slot
    element: dict[str, Any] | None = None
    parent: Work | None = None
    waiting: int = 0
    followers: list[Work] = field(default_factory=list)
    attempt: int = 0
    children: list[Work] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    pending: int = 0
    done: bool = False
    handle: Any = None
    cache_key: str | None = None
    started: float = 0.0
    place: Place | None = None

    @property
    def task(self) -> Task[..., Any] | None:
        """The task that it runs; None for gates and control nodes."""
        if self.node.kind == "task" or self.element is not None:
            return self.node.target  # type: ignore[no-any-return]
        return None

    @property
    def name(self) -> str:
        """Name of the task, gate or control node, for people."""
        return str(getattr(self.node.target, "name", None) or self.node.name)


def open_frame(frame: Frame, recorded: dict[str, NodeRecord], values: Values) -> list[Work]:
    """Make the works of a frame; those that a record shows as done are done at once.

    A node whose stored output is needed again but gone or damaged is not done: it runs again.

    Returns: the works that are ready.
    """
    graph = frame.graph
    works = {node: Work(frame.prefix + node.id, node, frame, Slot(node.output)) for node in graph.nodes}
    for node, work in works.items():
        frame.slots[node] = work.slot
        record = recorded.get(work.id)
        if record is not None:
            restore(work, record)
            frame.disturbed = frame.disturbed or bool(work.slot.lost) or work.slot.refused is not None
    if recorded:
        _forget_lost(graph, works, values)
    for node, work in works.items():
        if work.done:
            continue
        for other in needs(node):
            if not works[other].done:
                works[other].followers.append(work)
                work.waiting += 1
        for slot in read_slots(work):
            slot.readers += 1
    for ref in references(graph.result):
        frame.slots[ref.node].readers += 1  # kept until the frame's result is taken
    frame.remaining = sum(not work.done for work in works.values())
    return [work for work in works.values() if not work.done and work.waiting == 0]


def restore(work: Work, record: NodeRecord) -> None:
    """Take over what an earlier process committed."""
    work.attempt = record.attempt if record.handle is not None else 0
    work.handle = record.handle
    if record.status == "skipped":
        work.done = work.slot.skipped = True
        work.slot.lost = str(record.info.get("because", ""))
    elif record.status == "blocked":
        _restore_refused(work, record.info)
    elif record.status == "succeeded":
        work.done = True
        work.slot.artifacts = dict(record.outputs or {})
        if not output_names(work):
            work.slot.value = None


def _restore_refused(work: Work, info: dict[str, Any]) -> None:
    """What was decided stays decided, also which earlier value stands in."""
    told = info["refused"]
    slot, annotation = work.slot, output_annotation(work)
    earlier = {name: Artifact.from_dict(data) for name, data in told["previous"].items()}
    slot.artifacts = {name: Artifact.from_dict(data) for name, data in told["outputs"].items()}
    work.done = True
    if work.element is None:
        slot.refused = Refused(told["effect"], told["why"], Slot(annotation, earlier) if earlier else None)
    elif told["effect"] == "skip":
        slot.lost = told["why"]
    elif told["effect"] == "continue_with_previous":
        slot.artifacts = earlier


def _forget_lost(graph: Graph, works: dict[Node, Work], values: Values) -> None:
    needed = {ref.node for ref in references(graph.result)}
    for node in reversed(graph.nodes):  # what a node needs comes before it, so it is looked at after it
        work = works[node]
        if work.done and not work.slot.skipped and node in needed and not values.intact(work.slot.artifacts):
            forget(work)
        if not work.done:
            needed.update(ref.node for binding in node.inputs.values() for ref in references(binding))
            needed.update(ref.node for when, _ in node.guards for ref in references(when.inputs["condition"]))


def forget(work: Work) -> None:
    """A done work whose stored output is gone or damaged has to run again."""
    log.warning("the stored output of node %r is gone or damaged; it runs again", work.id)
    work.done = False
    work.slot.artifacts = {}


def read_slots(work: Work) -> list[Slot]:
    """Slots that the work reads, once each."""
    if work.element is not None:
        return []
    slots: dict[int, Slot] = {}
    for binding in work.node.inputs.values():
        for slot in _slots(binding, work.frame):
            slots[id(slot)] = slot
    return list(slots.values())


def _slots(binding: Binding, frame: Frame) -> list[Slot]:
    if isinstance(binding, Ref):
        return [frame.slots[binding.node]]
    if isinstance(binding, Input):
        return [frame.inputs[binding.name]]
    if isinstance(binding, Collect):
        return [slot for item in binding.items for slot in _slots(item, frame)]
    return []


def slot_of(binding: Ref | Input, frame: Frame) -> Slot:
    """What a binding reads: the output of a node, or where a gate refused that, what its reader gets instead."""
    if isinstance(binding, Input):
        return frame.inputs[binding.name]
    slot = frame.slots[binding.node]
    refused = slot.refused
    if refused is None or (binding.on_blocked or refused.effect) != "continue_with_previous":
        return slot
    assert refused.previous is not None  # or the run would have ended
    return refused.previous


def resolve(binding: Binding, frame: Frame, values: Values, wanted: Any = None) -> Any:
    """The value of a binding; loads what is not in memory, as it is wanted where that saves making the stored type first."""
    if isinstance(binding, Const):
        return binding.value
    if isinstance(binding, (Ref, Input)):
        return values.at(slot_of(binding, frame), binding.path, wanted)
    parts = [resolve(item, frame, values) for item in binding.items]
    if binding.kind == "dict":
        return dict(zip(binding.keys, parts, strict=True))
    if binding.named_tuple is not None:
        return binding.named_tuple(*parts)
    return parts if binding.kind == "list" else tuple(parts)


def stored(work: Work, name: str, values: Values) -> Artifact | None:
    """The artifact that holds exactly the value of an input, if there is one."""
    if work.element is not None:
        part = work.element[name]
        return part.artifact if isinstance(part, StoredPart) else None
    return stored_binding(work.node.inputs[name], work.frame, values)


def stored_binding(binding: Binding, frame: Frame, values: Values) -> Artifact | None:
    """The artifact that holds exactly the value of a binding, if there is one."""
    if isinstance(binding, (Ref, Input)):
        return values.artifact(slot_of(binding, frame), binding.path)
    return None


def given_values(work: Work, values: Values) -> dict[str, Any]:
    """All inputs of a work, by name, as they are at hand: in memory, as a table that came over the bridge, or in the store.

    What is in the store only is given as its artifact.
    """
    found = {}
    for name in work.node.inputs if work.element is None else work.element:
        artifact = None if _at_hand(work, name) else stored(work, name, values)
        found[name] = input_value(work, name, values) if artifact is None else artifact
    return found


def _at_hand(work: Work, name: str) -> bool:
    if work.element is not None:
        return not isinstance(work.element[name], StoredPart)
    binding = work.node.inputs[name]
    if not isinstance(binding, (Ref, Input)):
        return True
    slot = slot_of(binding, work.frame)
    return slot.value is not MISSING or (not binding.path and RESULT in slot.bridged)


def input_values(work: Work, values: Values, unless_stored: bool = False) -> dict[str, Any]:
    """All inputs of a work, by name; frames that have to be loaded as the task or gate wants them.

    With ``unless_stored``, those are left out that are found in the store by :func:`stored`.
    """
    names = work.node.inputs if work.element is None else work.element
    return {
        name: input_value(work, name, values)
        for name in names
        if not (unless_stored and stored(work, name, values) is not None)
    }


def input_value(work: Work, name: str, values: Values) -> Any:
    """One input of a work; a frame that has to be loaded comes as the task or gate wants it."""
    node = work.node
    if work.element is not None:
        item = work.element[name]
        if not isinstance(item, StoredPart):
            return item
        return values.element(item, base_type(node.target.interface.inputs[name]))
    declared = node.interface.inputs if node.kind in ("task", "gate", "dynamic") else {}
    wanted = base_type(declared[name]) if name in declared else None
    return resolve(node.inputs[name], work.frame, values, wanted)


def mapped_values(work: Work, values: Values) -> dict[str, Any]:
    """The inputs of a map node; of lists of frames that are in the store only, where the frames are."""
    found = {}
    for name, binding in work.node.inputs.items():
        parts = None
        if name in work.node.mapped and isinstance(binding, (Ref, Input)):
            slot = slot_of(binding, work.frame)
            parts = values.elements(slot, binding.path)
        found[name] = resolve(binding, work.frame, values) if parts is None else parts
    return found


def guarded_out(work: Work, values: Values) -> bool:
    """True if a choice fell the other way, so that nobody needs the work."""
    if work.element is not None:
        return False
    for when, side in work.node.guards:
        condition = when.inputs["condition"]
        if any(work.frame.slots[ref.node].skipped for ref in references(condition)):
            return True
        if bool(resolve(condition, work.frame, values)) is not (side == "then"):
            return True
    return False


def chosen_side(work: Work, values: Values) -> str:
    """The side that a choice takes."""
    return "then" if resolve(work.node.inputs["condition"], work.frame, values) else "otherwise"


def output_annotation(work: Work) -> Any:
    """Annotation of what the work gives: for an element of a map, the output of the task itself."""
    return work.node.target.output if work.element is not None else work.node.output


def output_names(work: Work) -> dict[str, Any]:
    """Output names with their annotations."""
    if work.element is not None:
        return dict(work.node.target.interface.outputs)
    return dict(work.node.interface.outputs)


def plain_output(work: Work) -> Any:
    """The output's type without markers."""
    return base_type(output_annotation(work))
