"""The conversion graph: the cheapest road from one type to another."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from dovetail.config import show_size
from dovetail.errors import ConversionError, DovetailError
from dovetail.spec import ConverterSpec, TypeRef
from dovetail.types._collect import memory_limit
from dovetail.types._costs import ANY, Circumstances, edge_cost, has_figures, obstacle, over_limit, shown_cost
from dovetail.types._names import resolve_loaded
from dovetail.types._paths import ConversionStep, OtherPath
from dovetail.types._registry import Registry

HUB = "pyarrow.Table"
STREAM = "an Arrow stream"
Road = tuple[ConverterSpec, ...]
_LONGEST = 6
_MOST = 5_000
_SHOWN = 3


class ConversionGraph:
    """Dijkstra over the declared converters. Faithful roads win over lossy ones at any price.

    Among roads that lose as often, the cheaper wins; then the one of fewer steps; then the one whose type names come first.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._edges: dict[str, list[ConverterSpec]] = {}
        for edge in registry.catalogue.converters():
            self._edges.setdefault(self._name(edge.source), []).append(edge)
        self.plain_ends = self._plain_ends()
        self._edges[STREAM] = [ConverterSpec(STREAM, HUB, "dovetail.types.arrow:from_stream", "zero-copy")]
        self._sized: dict[tuple[str, str], bool] = {}

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
        return self._search(source, target, ANY) is not None

    def sources(self) -> set[str]:
        """Types that some converter starts from."""
        return set(self._edges)

    def depends_on_size(self, source: str, target: str) -> bool:
        """Whether the size of the value may change the choice, or forbid it: some edge between the ends says so."""
        found = self._sized.get((source, target))
        if found is None:
            edges = [edge for road in self.roads(source, target) for edge in road]
            found = self._sized[source, target] = any(has_figures(edge) for edge in edges)
        return found

    def find(self, source: str, target: str, *, allow_lossy: bool = False, given: Circumstances = ANY) -> Road:
        """The cheapest edges from ``source`` to ``target``.

        Raises:
            ConversionError: There is no road, or only one that loses something and ``allow_lossy`` is False, or none that
                takes a value of this size.
            MemoryLimit: The only roads collect more into this process than is allowed.
        """
        road = self._search(source, target, given)
        if road is None:
            raise self._refusal(source, target, given)
        losses = [edge for edge in road if edge.lossy]
        if losses and not allow_lossy:
            faithful = self._search(source, target, ANY) if given is not ANY else None
            if faithful and not any(edge.lossy for edge in faithful):
                raise self._refusal(source, target, given)  # there is one, for less than this
            lost = "; ".join(f"{edge.source} -> {edge.target} loses {edge.lossy}" for edge in losses)
            raise ConversionError(
                f"the only road from {source} to {target} loses something",
                why=lost,
                fix="convert it yourself inside the task, or call convert(value, type, allow_lossy=True)",
            )
        return road

    def describe(self, edges: Road, size: int | None = None) -> tuple[ConversionStep, ...]:
        """The edges as steps, with the plugin that brings each."""
        return tuple(
            ConversionStep(
                e.source, e.target, e.cost, e.lossy, self._plugin(e), e.lazy, e.max_bytes, edge_cost(e, size)
            )
            for e in edges
        )

    def load(self, edge: ConverterSpec) -> Any:
        """The function of an edge."""
        return self._registry.catalogue.load(edge.code, self._owner(edge))

    # -- searching -----------------------------------------------------------------------------------

    def _search(self, source: str, target: str, given: Circumstances) -> Road | None:
        queue: list[tuple[int, int, int, tuple[str, ...], str, Road]] = [(0, 0, 0, (), source, ())]
        done: set[str] = set()
        while queue:
            losses, cost, steps, names, name, road = heapq.heappop(queue)
            if name == target:
                return road
            if name in done:
                continue
            done.add(name)
            for edge in self._from(name, source):
                reached = self._name(edge.target)
                if reached in done or obstacle(edge, given) is not None:
                    continue
                entry = (
                    losses + (edge.lossy is not None),
                    cost + edge_cost(edge, given.size),
                    steps + 1,
                    (*names, f"{reached} {edge.code}"),
                )
                heapq.heappush(queue, (*entry, reached, (*road, edge)))
        return None

    def _from(self, name: str, source: str) -> list[ConverterSpec]:
        if name != source and self._is_plain(name):
            return []  # a text is no format: what one plugin writes into it is not what another reads from it
        return self._edges.get(name, [])

    def roads(self, source: str, target: str) -> Iterator[Road]:
        """Every road that passes no type twice: of at most 6 steps, and not more than 5,000 are looked at."""
        left = _MOST
        stack: list[tuple[str, Road, frozenset[str]]] = [(source, (), frozenset((source,)))]
        while stack and left:
            name, road, passed = stack.pop()
            left -= 1
            if name == target and road:
                yield road
                continue
            for edge in self._from(name, source) if len(road) < _LONGEST else ():
                reached = self._name(edge.target)
                if reached not in passed:
                    stack.append((reached, (*road, edge), passed | {reached}))

    # -- explaining ----------------------------------------------------------------------------------

    def compare(self, source: str, target: str, taken: Road, given: Circumstances) -> tuple[str, tuple[OtherPath, ...]]:
        """Why this road was taken, and the best of those that were not, with the reason for each."""
        others = sorted((self._rank(road, given), road) for road in self.roads(source, target) if road != taken)
        if not others:
            return "it is the only path", ()
        mine = self._rank(taken, given)
        shown = tuple(
            OtherPath(
                (source, *(self._name(edge.target) for edge in road)),
                shown_cost(rank[2]),
                self._lost(rank, mine, road, given),
            )
            for rank, road in others[:_SHOWN]
        )
        more = f" of {len(others) + 1}"
        open_roads = [rank for rank, _ in others if not rank[0]]
        if not open_roads:
            return f"it is the only one{more} that a value of this size can take", shown
        if not mine[1] and all(rank[1] for rank in open_roads):
            return f"it is the only one{more} that loses nothing", shown
        return f"it is the cheapest{more}", shown

    def _rank(self, road: Road, given: Circumstances) -> tuple[bool, int, int, int, tuple[str, ...]]:
        return (
            any(obstacle(edge, given) for edge in road),
            sum(edge.lossy is not None for edge in road),
            sum(edge_cost(edge, given.size) for edge in road),
            len(road),
            tuple(f"{self._name(edge.target)} {edge.code}" for edge in road),
        )

    def _lost(self, rank: Any, mine: Any, road: Road, given: Circumstances) -> str:
        barrier = next((text for edge in road if (text := obstacle(edge, given))), None)
        if barrier is not None:
            return barrier
        cost = shown_cost(rank[2])
        if rank[1] > mine[1]:
            return f"loses {'; '.join(edge.lossy for edge in road if edge.lossy)}"
        if rank[2] > mine[2]:
            return f"costs {cost} instead of {shown_cost(mine[2])}"
        if rank[3] > mine[3]:
            return f"costs {cost} too, in more steps"
        return f"costs {cost} too, and its names come later in the alphabet"

    # -- refusing ------------------------------------------------------------------------------------

    def _refusal(self, source: str, target: str, given: Circumstances) -> DovetailError:
        road = self._search(source, target, ANY)
        if road is None:
            return ConversionError(
                f"nothing converts {source} to {target}",
                why=self._why_missing(source, target),
                fix=self._fix(source, target),
            )
        for edge in road:
            if over_limit(edge, given):
                return memory_limit(source, given.size, given.limit or 0)
        barriers = [text for edge in road if (text := obstacle(edge, given))]
        return ConversionError(
            f"no road from {source} to {target} takes {show_size(given.size or 0)}",
            why="; ".join(barriers),
            fix="give less of it at a time, or install a plugin with another converter",
        )

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
