"""Converters that end at a plain type, such as one from ``money.Money`` to ``float``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin

from dovetail.types._graph import ConversionGraph
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import is_union, normalise
from dovetail.types._registry import Registry
from dovetail.types._roads import Roads

Acceptor = Callable[[Any], Any]

_MISSING = object()
_ITEMS = (list, tuple, set, frozenset)


class PlainRoads:
    """Lets acceptors of plain types take values of declared types. Costs nothing where no plugin declares such a converter."""

    def __init__(self, registry: Registry, graph: ConversionGraph, roads: Roads) -> None:
        self._registry = registry
        self._between = roads.between
        self._graph = graph
        self._roads: dict[tuple[type, str], Any] = {}

    def around(self, annotation: Any, inner: Acceptor) -> Acceptor:
        """The acceptor, with the conversion before it if a converter ends at exactly this annotation."""
        end = self._graph.plain_end(annotation)
        if end is None:
            return inner

        def accept(value: Any) -> Any:
            converted = self._converted(value, end)
            try:
                return inner(converted)
            except Mismatch as mismatch:
                if converted is not value and mismatch.why is None:
                    mismatch.why = f"it is what the converter from {self._registry.name(type(value))} to {end} made"
                raise

        return accept

    def inside(self, annotation: Any, inner: Acceptor) -> Acceptor:
        """The acceptor of a container or union that pydantic checks as a whole; what it refuses is converted and tried again."""
        if not get_args(annotation) or not self._graph.plain_ends:
            return inner

        def accept(value: Any) -> Any:
            try:
                return inner(value)
            except Mismatch:
                converted = self._reach(value, annotation)
                if converted is value:
                    raise
            return inner(converted)

        return accept

    def convert(self, value: Any, annotation: Any, *, allow_lossy: bool) -> Any:
        """The value on its way to the annotation; itself if no converter leads there."""
        end = self._graph.plain_end(annotation)
        if end is None:
            return value
        road = self._find(type(value), end, allow_lossy=allow_lossy)
        return value if road is None else road(value)

    def _converted(self, value: Any, end: str) -> Any:
        cls = type(value)
        road = self._roads.get((cls, end), _MISSING)
        if road is _MISSING:
            road = self._roads[cls, end] = self._find(cls, end)
        return value if road is None else road(value)

    def _find(self, cls: type, end: str, *, allow_lossy: bool = False) -> Acceptor | None:
        spec = self._registry.leaf(cls)
        if spec is None or not self._graph.has_road(spec.type, end):
            return None
        return self._between(spec.type, end, allow_lossy=allow_lossy)

    def _reach(self, value: Any, annotation: Any) -> Any:
        """The value with what stands at the place of a plain type converted to it; the same object if there is nothing."""
        annotation = normalise(annotation)
        end = self._graph.plain_end(annotation)
        if end is not None:
            return self._converted(value, end)
        args = get_args(annotation)
        if is_union(annotation):
            changed = (self._reach(value, arm) for arm in args)
            return next((new for new in changed if new is not value), value)
        if type(value) is dict and len(args) == 2:
            pairs = [(self._reach(key, args[0]), self._reach(item, args[1])) for key, item in value.items()]
            same = all(
                new is old
                for pair, kept in zip(pairs, value.items(), strict=True)
                for new, old in zip(pair, kept, strict=True)
            )
            return value if same else dict(pairs)
        if type(value) not in _ITEMS or not args:
            return value
        wanted = args
        if get_origin(annotation) is not tuple or args[-1] is Ellipsis:
            wanted = (args[0],) * len(value)
        items = [self._reach(item, arg) for item, arg in zip(value, wanted, strict=False)]
        if len(items) != len(value) or all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(items)
