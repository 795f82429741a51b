"""What happens to the readers of a value that a gate refused: who stops, who is skipped, and who gets which value."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from dovetail.engine._values import Refused, Slot, Values
from dovetail.engine._work import Frame, Work, chosen_side, input_value, output_annotation, output_names
from dovetail.errors import GateBlocked
from dovetail.graph import Input, NodeLeftOut, PublishedDataset, Ref, base_type, references, why_left_out
from dovetail.graph import dataset as published
from dovetail.quality import EFFECTS, Gate, named_tables, references_of
from dovetail.spec import Artifact, TypeRef
from dovetail.store import NodeRecord

if TYPE_CHECKING:
    from dovetail.engine._attempt import Outcome, Services


class Downstream:
    """Decides for one attempt of one node, while its gates are evaluated.

    Args:
        work: The node.
        services: Those of the run.
        outcome: Of the attempt; what is decided is noted there.
    """

    def __init__(self, work: Work, services: Services, outcome: Outcome) -> None:
        self._work = work
        self._services = services
        self._outcome = outcome

    def passed(self, gate: Gate, value: Any) -> None:
        """Note what a gate of an input let through, where a later run may want it instead of what is refused there."""
        name = self._input_of(gate)
        if name is not None and self._effect_before(name, gate) == "continue_with_previous":
            kept = self._services.values.types.dump(value, type(value), self._services.values.store)
            self._outcome.passed[gate.name] = kept
            self._outcome.kept.append(kept)

    def refused(self, gate: Gate, value: Any, error: GateBlocked) -> Any:
        """What the attempt goes on with in place of a refused value.

        Raises:
            GateBlocked: Somebody cannot do without it.
            NodeLeftOut: The node itself is to be skipped.
        """
        name = self._input_of(gate)
        if name is None:
            return self._refused_output(gate, value, error)
        effect = self._effect_before(name, gate)
        if effect == "block":
            raise error
        reader = f"{self._work.id}.{name}"
        instead, origin = value, ""
        if effect == "continue_with_previous":
            run_id, record = self._previous(gate, error, of_input=True)
            artifact = Artifact.from_dict(record.info["passed"][gate.name])
            wanted = base_type(self._work.node.target.interface.inputs[name])
            instead = self._services.values.types.load(artifact, self._services.values.store, wanted)
            origin = f" of run {run_id}"
        self._tell(error, {reader: effect}, origin)
        if effect == "skip":
            raise NodeLeftOut(error.what)
        self._outcome.replaced[name] = effect
        return instead

    def _refused_output(self, gate: Gate, value: Any, error: GateBlocked) -> Any:
        work, outcome = self._work, self._outcome
        default = gate.policy.downstream
        effects = {reader: said or default for reader, said in readers(work)} or {"nobody": default}
        if "block" in effects.values():
            raise error
        origin, previous = "", None
        if "continue_with_previous" in effects.values():
            run_id, record = self._previous(gate, error, of_input=False)
            origin = f" of run {run_id}"
            previous = Slot(output_annotation(work), dict(record.outputs or {}))
        self._tell(error, effects, origin)
        known = outcome.refused
        # Of two gates that refuse the same value, the one that lets less happen counts.
        effect = default if known is None else min(default, known.effect, key=EFFECTS.index)
        outcome.refused = Refused(effect, error.what, previous or (known.previous if known else None))
        outcome.refusal = outcome.refusal or error
        return value

    def _effect_before(self, name: str, gate: Gate) -> str:
        binding = self._work.node.inputs.get(name)
        said = binding.on_blocked if isinstance(binding, (Ref, Input)) else None
        return said or gate.policy.downstream

    def _input_of(self, gate: Gate) -> str | None:
        task = self._work.task
        return None if task is None else task.compiled().gates.input_of(gate)

    def _previous(self, gate: Gate, error: GateBlocked, *, of_input: bool) -> tuple[str, NodeRecord]:
        """The newest earlier run in which the gate let a value through here, and the node there.

        Raises:
            GateBlocked: There is none, or it is gone.
        """
        values = self._services.values
        for run_id, record in self._services.previous(self._work.id, gate.name):
            if of_input:
                told = record.info.get("passed", {}).get(gate.name)
                found = None if told is None else {"value": Artifact.from_dict(told)}
            else:
                found = record.outputs if set(record.outputs or {}) == set(output_names(self._work)) else None
            if found and values.intact(found):
                return run_id, record
        none = f"and no earlier run of {self._services.workflow!r} let a value through here that could stand in for it"
        error.why = f"{error.why}\n{none}" if error.why else none
        raise error

    def _tell(self, error: GateBlocked, effects: dict[str, str], origin: str) -> None:
        """Write what was decided into the report, which is what everybody reads."""
        report = self._outcome.reports[-1]
        report.downstream = effects
        told = ", ".join(f"{reader} {_WORDS[effect]}" for reader, effect in effects.items())
        report.reason = f"{report.reason}; {told}{origin if 'continue_with_previous' in effects.values() else ''}"
        error.details["report"] = report.to_dict()


_WORDS = {
    "skip": "is skipped",
    "continue": "goes on with what was refused",
    "continue_with_previous": "goes on with the value",
}


def named_for(work: Work, services: Services, gate: Gate) -> AbstractContextManager[None]:
    """Inside, the checks of a gate find what they refer to by name: another input of the node, or a published dataset."""
    if not references_of(gate.suite):
        return nullcontext()
    values = services.values

    def dataset(name: str, version: int | None) -> Any:
        source = published(name) if version is None else PublishedDataset(name, version)
        artifact = services.datasets.artifact(source)
        return values.types.load(artifact, values.store, TypeRef("pyarrow.Table"))

    names = work.node.inputs if work.element is None else work.element
    return named_tables(names, lambda name: input_value(work, name, values), dataset)


def readers(work: Work) -> list[tuple[str, str | None]]:
    """Who reads the output of a work, with what was said for that reader; of an element, the list that it is part of."""
    if work.element is not None:
        return [(f"the list of {work.node.id}", None)]
    return [(reader, ref.on_blocked) for reader, ref in work.frame.graph.readers(work.node)]


def lacking(work: Work, values: Values) -> str:
    """Why a work cannot be run for want of something that it reads or waits for; ``""`` if it can."""
    frame = work.frame
    if work.element is not None or not frame.disturbed:
        return ""
    return why_left_out(
        work.node,
        lambda ref: missing(ref, frame),
        lambda other: missing(Ref(other), frame),
        lambda: chosen_side(work, values),
    )


def missing(ref: Ref, frame: Frame) -> str:
    """Why what is referred to is not there for its reader; ``""`` if it is."""
    slot = frame.slots[ref.node]
    if slot.lost:
        return slot.lost
    if slot.refused is not None and (ref.on_blocked or slot.refused.effect) == "skip":
        return slot.refused.why
    return ""


def result_missing(frame: Frame) -> str:
    """Why a graph whose nodes are done has no whole result; ``""`` if it has."""
    if not frame.disturbed:
        return ""
    return next((why for ref in references(frame.graph.result) if (why := missing(ref, frame))), "")


def part_missing(owner: Work) -> str:
    """Why a map or dynamic node whose parts are done has no whole output; ``""`` if it has."""
    lost = (child.slot.lost for child in owner.children if child.slot.lost)
    return next(lost, "") or next((why for frame in owner.frames if (why := result_missing(frame))), "")


def take_over(work: Work, outcome: Outcome) -> None:
    """Let the readers of a refused output find what they get; the list that an element of a map is part of reads it at once."""
    refused, slot = outcome.refused, work.slot
    assert refused is not None
    slot.artifacts = outcome.artifacts
    if work.element is None:
        slot.value, slot.bridged, slot.refused = outcome.value, outcome.bridged, refused
        work.frame.disturbed = True
    elif refused.effect == "skip":
        slot.lost = refused.why
    elif refused.effect == "continue_with_previous":
        assert refused.previous is not None
        slot.artifacts = refused.previous.artifacts
    else:
        slot.value, slot.bridged = outcome.value, outcome.bridged
