"""The conversion graph: the cheapest road from one type to another, and its explanation."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dovetail.errors import ConversionError
from dovetail.spec import ConverterSpec, TypeRef
from dovetail.types._names import resolve_loaded
from dovetail.types._registry import Registry

HUB = "pyarrow.Table"
STREAM = "an Arrow stream"
_WEIGHT = {"zero-copy": 1, "view": 2, "copy": 10, "collect": 100}
_LOSSY_WEIGHT = 10_000


@dataclass(frozen=True, slots=True)
class ConversionStep:
    """One edge of a path.

    Attributes:
        source: Type name of what goes in.
        target: Type name of what comes out.
        cost: ``"zero-copy"``, ``"view"``, ``"copy"`` or ``"collect"``.
        lossy: What is lost, or None.
        plugin: Distribution, or module, that brought the converter.
    """

    source: str
    target: str
    cost: str
    lossy: str | None
    plugin: str


@dataclass(frozen=True, slots=True)
class ConversionPath:
    """How values get from one annotation to another. No steps: they fit as they are.

    Attributes:
        source: Name of the first end.
        target: Name of the other end.
        steps: In order.
        note: A remark for people, such as ``"checked when the value arrives"``.
    """

    source: str
    target: str
    steps: tuple[ConversionStep, ...] = ()
    note: str = ""

    @property
    def cost(self) -> int:
        """Relative cost: 1 per zero-copy step, 2 per view, 10 per copy, 100 per collect. 0 for no step."""
        return sum(_WEIGHT[step.cost] for step in self.steps)

    @property
    def lossy(self) -> tuple[str, ...]:
        """What the steps lose."""
        return tuple(step.lossy for step in self.steps if step.lossy)

    def __str__(self) -> str:
        if not self.steps:
            return f"{self.source} -> {self.target}: as it is{f' ({self.note})' if self.note else ''}"
        lines = [f"{self.source} -> {self.target}: {len(self.steps)} step(s), cost {self.cost}"]
        for number, step in enumerate(self.steps, 1):
            loss = f"; loses {step.lossy}" if step.lossy else ""
            lines.append(f"  {number}. {step.source} -> {step.target}  [{step.cost}, {step.plugin}{loss}]")
        if self.note:
            lines.append(f"  {self.note}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {
            "source": self.source,
            "target": self.target,
            "cost": self.cost,
            "note": self.note,
            "steps": [
                {"source": s.source, "target": s.target, "cost": s.cost, "lossy": s.lossy, "plugin": s.plugin}
                for s in self.steps
            ],
        }


class ConversionGraph:
    """Dijkstra over the declared converters. Faithful roads win over lossy ones at any price."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._edges: dict[str, list[ConverterSpec]] = {}
        for edge in registry.catalogue.converters():
            self._edges.setdefault(self._name(edge.source), []).append(edge)
        self.plain_ends = self._plain_ends()
        self._edges[STREAM] = [ConverterSpec(STREAM, HUB, "dovetail.types.arrow:from_stream", "zero-copy")]

    def _plain_ends(self) -> frozenset[str]:
        reached = {self._name(edge.target) for edges in self._edges.values() for edge in edges}
        return frozenset(name for name in reached if not self._registry.is_leaf(self._registry.specs.get(name)))

    def plain_end(self, annotation: Any) -> str | None:
        """The name by which some converter ends at this annotation, if it is no frame, file or the like; else None."""
        if not self.plain_ends or isinstance(annotation, TypeRef) or self._registry.leaf(annotation) is not None:
            return None
        name = self._name(self._registry.name(annotation))
        if name in self.plain_ends:
            return name
        # A class may be declared by the name under which it is exported.
        known = (end for end in self.plain_ends if isinstance(annotation, type) and resolve_loaded(end) is annotation)
        return next(known, None)

    def has_road(self, source: str, target: str) -> bool:
        """Whether any road leads there, lossy ones included."""
        return self._search(source, target) is not None

    def sources(self) -> set[str]:
        """Types that some converter starts from."""
        return set(self._edges)

    def find(self, source: str, target: str, *, allow_lossy: bool = False) -> tuple[ConverterSpec, ...]:
        """The cheapest edges from ``source`` to ``target``.

        Raises:
            ConversionError: There is no road, or only one that loses something and ``allow_lossy`` is False.
        """
        road = self._search(source, target)
        if road is None:
            raise ConversionError(
                f"nothing converts {source} to {target}",
                why=self._why_missing(source, target),
                fix=self._fix(source, target),
            )
        losses = [edge for edge in road if edge.lossy]
        if losses and not allow_lossy:
            lost = "; ".join(f"{edge.source} -> {edge.target} loses {edge.lossy}" for edge in losses)
            raise ConversionError(
                f"the only road from {source} to {target} loses something",
                why=lost,
                fix="convert it yourself inside the task, or call convert(value, type, allow_lossy=True)",
            )
        return road

    def describe(self, edges: tuple[ConverterSpec, ...]) -> tuple[ConversionStep, ...]:
        """The edges as steps, with the plugin that brings each."""
        return tuple(ConversionStep(e.source, e.target, e.cost, e.lossy, self._plugin(e)) for e in edges)

    def compose(self, edges: tuple[ConverterSpec, ...]) -> Callable[[Any], Any]:
        """One function that walks the edges."""
        functions = [self._registry.catalogue.load(edge.code, self._owner(edge)) for edge in edges]
        if len(functions) == 1:
            return functions[0]  # type: ignore[no-any-return]

        def walk(value: Any) -> Any:
            for function in functions:
                value = function(value)
            return value

        return walk

    def _search(self, source: str, target: str) -> tuple[ConverterSpec, ...] | None:
        queue: list[tuple[int, int, str, tuple[ConverterSpec, ...]]] = [(0, 0, source, ())]
        done: set[str] = set()
        order = 0
        while queue:
            cost, _, name, road = heapq.heappop(queue)
            if name == target:
                return road
            if name in done:
                continue
            done.add(name)
            if name != source and self._is_plain(name):
                continue  # a text is no format: what one plugin writes into it is not what another reads from it
            for edge in self._edges.get(name, ()):
                order += 1
                reached = self._name(edge.target)
                step = _WEIGHT[edge.cost] + (_LOSSY_WEIGHT if edge.lossy else 0)
                heapq.heappush(queue, (cost + step, order, reached, (*road, edge)))
        return None

    def _name(self, name: str) -> str:
        return self._registry.names.get(name, name)

    def _is_plain(self, name: str) -> bool:
        spec = self._registry.specs.get(name)
        return spec is not None and not self._registry.is_leaf(spec)

    def _owner(self, edge: ConverterSpec) -> Any:
        for name in (edge.source, edge.target):
            spec = self._registry.specs.get(self._registry.names.get(name, ""))
            if spec is not None and edge in spec.converters:
                return spec
        return next((s for s in self._registry.specs.values() if edge in s.converters), None)

    def _plugin(self, edge: ConverterSpec) -> str:
        owner = self._owner(edge)
        if owner is None:
            return "dovetail"
        manifest = self._registry.catalogue.owner_of(owner)
        return manifest.distribution or manifest.module

    def _why_missing(self, source: str, target: str) -> str:
        parts = []
        for name in (source, target):
            if name != STREAM and name not in self._registry.names:
                parts.append(f"no installed plugin knows {name}")
        if not parts and source not in self._edges:
            parts.append(f"no converter starts at {source}")
        return "; ".join(parts) or f"no chain of converters leads from {source} to {target}"

    def _fix(self, source: str, target: str) -> str:
        for name in (source, target):
            if name != STREAM and name not in self._registry.names:
                return str(self._registry.unknown(TypeRef(name), "").fix)
        return (
            "write a converter and declare it in a plugin's TransformerSpec:\n"
            f'ConverterSpec("{source}", "{target}", "my_module:convert", cost="copy")'
        )
