"""The gates in annotations, and what happens to those who read a value that one of them refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from dovetail.graph._annotations import base_type, is_named_tuple, markers
from dovetail.graph._nodes import Binding, Collect, Input, NodeOutput, Ref

if TYPE_CHECKING:
    from dovetail.graph._task import Task
    from dovetail.quality import Downstream, Gate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OnBlocked:
    """What an input is given when a gate refuses what feeds it: ``Annotated[pl.DataFrame, dt.OnBlocked("skip")]``.

    It goes before the gate's own ``downstream``; :func:`on_blocked` at a call goes before both.

    Args:
        effect: ``"block"``: the run ends. ``"skip"``: the node is skipped, and what depends on it.
            ``"continue_with_previous"``: it gets the value that was let through there in an earlier run of the workflow;
            without one the run ends. ``"continue"``: it gets the value that was refused.

    Raises:
        DefinitionError: The effect is none of these.
    """

    effect: Downstream

    def __post_init__(self) -> None:
        _checked(self.effect)


def on_blocked(value: T, effect: Downstream) -> T:
    """Say for one reader what happens when a gate refuses what it reads: ``report(dt.on_blocked(clean, "skip"))``.

    Args:
        value: The result of a task or gate, as a workflow's body handles it; any other value is returned as it is.
        effect: See :class:`OnBlocked`.

    Raises:
        DefinitionError: The effect is none of these.
    """
    effect = _checked(effect)
    if not isinstance(value, NodeOutput):
        return value
    binding = with_effect(value._binding, effect)
    return NodeOutput(binding, value._type, value._trace, value._made)  # type: ignore[return-value]


def _checked(effect: Any) -> Downstream:
    from dovetail.quality import parse_effect  # what a worker is told has no gates, and it starts in a hurry

    return parse_effect(effect, "on_blocked")


def with_effect(binding: Binding, effect: str | None, *, keep: bool = False) -> Binding:
    """The binding with that effect; with ``keep``, where it has none yet."""
    if effect is None:
        return binding
    if isinstance(binding, (Ref, Input)):
        return binding if keep and binding.on_blocked else replace(binding, on_blocked=effect)
    if isinstance(binding, Collect):
        return replace(binding, items=tuple(with_effect(item, effect, keep=keep) for item in binding.items))
    return binding


def effect_in(annotation: Any) -> Downstream | None:
    """What the annotation of an input says of refused values; None if nothing."""
    return next((marker.effect for marker in markers(annotation) if isinstance(marker, OnBlocked)), None)


def gates_in(annotation: Any) -> tuple[Gate, ...]:
    """The gates of an annotation, in order."""
    found = tuple(markers(annotation))
    if not found:
        return ()
    from dovetail.quality import Gate  # what a worker is told has no gates, and it starts in a hurry

    return tuple(marker for marker in found if isinstance(marker, Gate))


@dataclass(frozen=True, slots=True)
class TaskGates:
    """The gates of a task: no two have one name, so that each has a report of its own.

    Attributes:
        inputs: By the input that they stand before.
        output: Of the whole output.
        fields: By the output that they guard, of several.
    """

    inputs: dict[str, tuple[Gate, ...]]
    output: tuple[Gate, ...]
    fields: dict[str, tuple[Gate, ...]]

    @classmethod
    def of(cls, task: Task[..., Any]) -> TaskGates:
        """Those in the annotations of a task; what an input says of refused values is said by its gates."""
        taken: set[str] = set()
        inputs = {}
        for name, annotation in task.interface.inputs.items():
            gates, effect = tuple(_distinct(gates_in(annotation), taken)), effect_in(annotation)
            inputs[name] = tuple(gate.with_options(downstream=effect) for gate in gates) if effect else gates
        output = tuple(_distinct(gates_in(task.output), taken))
        several = task.interface.outputs if is_named_tuple(base_type(task.output)) else {}
        fields = {name: tuple(_distinct(gates_in(annotation), taken)) for name, annotation in several.items()}
        return cls(inputs, output, {name: gates for name, gates in fields.items() if gates})

    def all(self) -> tuple[Gate, ...]:
        """Every gate."""
        before, behind = self.inputs.values(), self.fields.values()
        return tuple(gate for gates in (*before, self.output, *behind) for gate in gates)

    def named(self, inputs: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Inside, checks of these gates find the inputs of the task by their names, where they refer to any."""
        gates = self.all()
        if not gates:
            return nullcontext()
        from dovetail.quality import named_tables, references_of  # what a worker is told has no gates

        return named_tables(inputs) if any(references_of(gate.suite) for gate in gates) else nullcontext()

    def input_of(self, gate: Gate) -> str | None:
        """The input that the gate stands before; None for a gate of an output."""
        return next((name for name, gates in self.inputs.items() if any(gate is each for each in gates)), None)


def _distinct(gates: tuple[Gate, ...], taken: set[str]) -> Iterator[Gate]:
    for gate in gates:
        name, number = gate.name, 1
        while name in taken:
            number += 1
            name = f"{gate.name}-{number}"
        taken.add(name)
        yield gate if name == gate.name else gate.with_options(name=name)
