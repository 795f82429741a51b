"""Nodes that are decided or multiplied while the run goes on: choices, fan-out and dynamic graphs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dovetail.engine._attempt import Outcome
from dovetail.engine._downstream import missing, result_missing
from dovetail.engine._values import MISSING, Slot, Values
from dovetail.engine._work import (
    Frame,
    Work,
    chosen_side,
    forget,
    input_values,
    mapped_values,
    open_frame,
    resolve,
    restore,
    slot_of,
    stored_binding,
)
from dovetail.graph import (
    RESULT,
    Binding,
    Collect,
    Ref,
    as_output,
    base_type,
    field_hints,
    is_named_tuple,
    references,
    spread,
)
from dovetail.spec import Artifact
from dovetail.store import NodeRecord
from dovetail.types import StoredPart

if TYPE_CHECKING:
    from dovetail.store import RunStore


def choose(work: Work, values: Values) -> Outcome:
    """Take the side of a choice."""
    outcome = Outcome(time.time())
    binding = work.node.inputs[chosen_side(work, values)]
    outcome.artifacts, outcome.value = keep(binding, work.frame, work.node.output, values)
    outcome.ended = time.time()
    return outcome


def expand_map(work: Work, values: Values, recorded: dict[str, NodeRecord]) -> list[Work]:
    """Make the works of all elements; returns those that are ready."""
    node = work.node
    of_task = getattr(node.target, "__dovetail_task__", False)
    rows = spread(node, mapped_values(work, values))
    ready: list[Work] = []
    if of_task:
        for index, row in enumerate(rows):
            child = Work(f"{work.id}[{index}]", node, work.frame, Slot(node.target.output), element=row, parent=work)
            record = recorded.get(child.id)
            if record is not None:
                restore(child, record)
                if child.done and not values.intact(child.slot.artifacts):
                    forget(child)
            work.children.append(child)
            if not child.done:
                ready.append(child)
        work.pending = len(ready)
        return ready
    for index, row in enumerate(rows):
        bound = node.target.bind_values((), row)
        annotations = node.target.interface.inputs
        inputs = {name: _given(annotations[name], value) for name, value in bound.items()}
        frame = Frame(node.target.graph, f"{work.id}[{index}].", inputs, owner=work, index=index)
        ready.extend(_open(work, frame, recorded, values))
    return ready


def _given(annotation: Any, value: Any) -> Slot:
    """An input of a mapped workflow; a frame that lies in the store stays there until a node wants it."""
    if isinstance(value, StoredPart):
        return Slot(annotation, {RESULT: value.artifact})
    return Slot(annotation, value=value)


def expand_dynamic(work: Work, values: Values, recorded: dict[str, NodeRecord]) -> list[Work]:
    """Call the body of a dynamic node with its inputs; returns the works of its graph that are ready."""
    graph = work.node.target.expand(input_values(work, values))
    frame = Frame(graph, f"{work.id}.", {}, owner=work)
    return _open(work, frame, recorded, values)


def expansions(runs: RunStore, run_id: str) -> dict[str, str]:
    """Hash of the graph that each dynamic node of an earlier process expanded to, by node id."""
    found: dict[str, str] = {}
    seq = 0
    while events := runs.events(run_id, after_seq=seq):
        found.update({e.node_id: str(e.data["graph"]) for e in events if e.type == "node.expanded"})
        seq = events[-1].seq
    return found


def _open(work: Work, frame: Frame, recorded: dict[str, NodeRecord], values: Values) -> list[Work]:
    ready = open_frame(frame, recorded, values)
    work.frames.append(frame)
    work.pending += frame.remaining > 0
    return ready


def gather(work: Work, values: Values) -> Outcome:
    """The output of a map or dynamic node whose parts are all done."""
    outcome = Outcome(work.started or time.time())
    if work.node.kind == "dynamic":
        frame = work.frames[0]
        outcome.artifacts, outcome.value = frame_result(frame, values)
    else:
        slots = [child.slot for child in work.children] or [_frame_slot(frame, values) for frame in work.frames]
        outcome.artifacts, outcome.value = _gather_list(slots, work.node.output, values)
    for child in work.children:
        values.release(child.slot)
    outcome.ended = time.time()
    return outcome


def _frame_slot(frame: Frame, values: Values) -> Slot:
    artifacts, value = frame_result(frame, values)
    return Slot(frame.graph.output, artifacts, value)


def _gather_list(slots: list[Slot], annotation: Any, values: Values) -> tuple[dict[str, Artifact], Any]:
    value = [values.whole(slot) for slot in slots]
    known = [pair for slot, item in zip(slots, value, strict=True) for pair in _stored_parts(slot, item)]
    return {RESULT: values.types.dump(value, base_type(annotation), values.store, known=known)}, value


def _stored_parts(slot: Slot, value: Any) -> list[tuple[Any, Artifact]]:
    """An output with its artifact; of several outputs, each with its own."""
    if slot.several:
        return [(getattr(value, name), artifact) for name, artifact in slot.artifacts.items()]
    return [(value, artifact) for artifact in slot.artifacts.values()]


def frame_result(frame: Frame, values: Values) -> tuple[dict[str, Artifact], Any]:
    """The output of a graph whose nodes are all done: stored artifacts by name, and the value."""
    graph = frame.graph
    names = graph.interface.outputs
    if not names:
        return {}, None
    result = graph.result
    if not is_named_tuple(base_type(graph.output)) and result_missing(frame):
        return {}, MISSING
    if is_named_tuple(base_type(graph.output)) and isinstance(result, Collect) and result.keys:
        kept = {
            name: _keep_one(binding, frame, names[name], values)
            for name, binding in zip(result.keys, result.items, strict=True)
            if not any(missing(ref, frame) for ref in references(binding))
        }
        artifacts = {name: artifact for name, (artifact, _) in kept.items()}
        if len(kept) < len(names) or any(value is MISSING for _, value in kept.values()):
            return artifacts, MISSING
        return artifacts, as_output(graph, [value for _, value in kept.values()])
    return keep(result, frame, graph.output, values)


def keep(binding: Binding, frame: Frame, annotation: Any, values: Values) -> tuple[dict[str, Artifact], Any]:
    """A value under another name: what is stored already, in the same type, is referred to; else it is stored."""
    base = base_type(annotation)
    if isinstance(binding, Ref) and not binding.path:
        slot = slot_of(binding, frame)
        if base_type(slot.annotation) == base and slot.artifacts:
            return dict(slot.artifacts), slot.value
    if is_named_tuple(base):
        value = values.types.accept(resolve(binding, frame, values), base)
        return values.dump(value, base, field_hints(base)), value
    artifact, value = _keep_one(binding, frame, annotation, values)
    return {RESULT: artifact}, value


def _keep_one(binding: Binding, frame: Frame, annotation: Any, values: Values) -> tuple[Artifact, Any]:
    """The same for a value that is held by one artifact, such as a field of a NamedTuple."""
    base = base_type(annotation)
    artifact = stored_binding(binding, frame, values)
    if artifact is not None and artifact.type == values.types.type_name(base):
        return artifact, MISSING
    value = values.types.accept(resolve(binding, frame, values), base)
    return values.types.dump(value, base, values.store), value
