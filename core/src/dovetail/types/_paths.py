"""Paths through the conversion graph, as they are shown to people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail.config import show_size
from dovetail.types._costs import shown_cost


@dataclass(frozen=True, slots=True)
class ConversionStep:
    """One edge of a path.

    Attributes:
        source: Type name of what goes in.
        target: Type name of what comes out.
        cost: ``"zero-copy"``, ``"view"``, ``"copy"`` or ``"collect"``.
        lossy: What is lost, or None.
        plugin: Distribution, or module, that brought the converter.
        lazy: What comes out is a plan: the work is done when its rows are asked for.
        max_bytes: Largest value that it takes, or None.
        weight: Cost for a value of the size in question, in thousandths.
    """

    source: str
    target: str
    cost: str
    lossy: str | None
    plugin: str
    lazy: bool = False
    max_bytes: int | None = None
    weight: int = 0

    def remarks(self) -> list[str]:
        """Laziness, limit and loss, for people."""
        found = ["lazy"] if self.lazy else []
        if self.max_bytes is not None:
            found.append(f"at most {show_size(self.max_bytes)}")
        if self.lossy:
            found.append(f"loses {self.lossy}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {
            "source": self.source,
            "target": self.target,
            "cost": self.cost,
            "weight": shown_cost(self.weight),
            "lazy": self.lazy,
            "max_bytes": self.max_bytes,
            "lossy": self.lossy,
            "plugin": self.plugin,
        }


@dataclass(frozen=True, slots=True)
class OtherPath:
    """A path that was not taken.

    Attributes:
        through: Type names from end to end.
        cost: Relative cost.
        why: Why it lost, for people.
    """

    through: tuple[str, ...]
    cost: float
    why: str


@dataclass(frozen=True, slots=True)
class ConversionPath:
    """How values get from one annotation to another. No steps: they fit as they are.

    Attributes:
        source: Name of the first end.
        target: Name of the other end.
        steps: In order.
        note: A remark for people, such as ``"checked when the value arrives"``.
        reason: Why this path, if the question was asked.
        others: The best of the paths that were not taken, best first, if the question was asked.
        size: Bytes of the value in question, or None.
        limit: Bytes that may be collected into this process, if the path collects.
    """

    source: str
    target: str
    steps: tuple[ConversionStep, ...] = ()
    note: str = ""
    reason: str = ""
    others: tuple[OtherPath, ...] = ()
    size: int | None = None
    limit: int | None = None

    @property
    def cost(self) -> float:
        """Relative cost, 0 for no step. While the size is not known: 1 per zero-copy step, 2 per view, 10 per copy, 100 per
        collect, or what the plugin says for 10 MB."""
        return shown_cost(sum(step.weight for step in self.steps))

    @property
    def lossy(self) -> tuple[str, ...]:
        """What the steps lose."""
        return tuple(step.lossy for step in self.steps if step.lossy)

    def __str__(self) -> str:
        if not self.steps:
            return f"{self.source} -> {self.target}: as it is{f' ({self.note})' if self.note else ''}"
        of = "" if self.size is None else f" for {show_size(self.size)}"
        lines = [f"{self.source} -> {self.target}: {len(self.steps)} step(s), cost {self.cost}{of}"]
        for number, step in enumerate(self.steps, 1):
            lines.append(
                f"  {number}. {step.source} -> {step.target}  [{', '.join((step.cost, step.plugin, *step.remarks()))}]"
            )
        lines += [f"  {line}" for line in self.remarks()]
        return "\n".join(lines)

    def remarks(self) -> list[str]:
        """What there is to say besides the steps: notes, the reason, and the paths that lost; one line each."""
        lines = [self.note] if self.note else []
        if self.limit is not None:
            lines.append(f"collects at most {show_size(self.limit)} into this process (max_collect_bytes)")
        if self.reason:
            lines.append(f"taken because {self.reason}")
        lines += [f"not taken: {' -> '.join(other.through)}: {other.why}" for other in self.others]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {
            "source": self.source,
            "target": self.target,
            "cost": self.cost,
            "size": self.size,
            "limit": self.limit,
            "note": self.note,
            "reason": self.reason,
            "steps": [step.to_dict() for step in self.steps],
            "others": [{"through": list(o.through), "cost": o.cost, "why": o.why} for o in self.others],
        }
