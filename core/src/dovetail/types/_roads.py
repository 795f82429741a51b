"""Values on their way along a road: the choice by their size, and collecting no more than this process may take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dovetail.spec import ConverterSpec, TransformerSpec, TypeTransformer
from dovetail.types._collect import collect_limit, gather, memory_limit
from dovetail.types._costs import Circumstances
from dovetail.types._graph import HUB, STREAM, ConversionGraph, Road
from dovetail.types._registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

Convert = Callable[[Any], Any]
_TEXT_WIDTH = 32
"""Bytes that a text or a nested value is taken to have."""


class Roads:
    """Conversion functions for pairs of declared types."""

    def __init__(self, registry: Registry, graph: ConversionGraph) -> None:
        self._registry = registry
        self._graph = graph
        self._functions: dict[ConverterSpec, Convert] = {}

    def between(self, source: str, target: str, *, allow_lossy: bool = False, most: int | None = None) -> Convert:
        """A function from values of one type to another.

        Args:
            source: Declared name, or STREAM.
            target: Declared name.
            allow_lossy: Whether a road may be taken that loses something.
            most: Bytes that may be collected; None: as configured.

        Raises:
            ConversionError: There is no road, whatever the size of the value. The function raises it where there is none for a
                value of its size, and MemoryLimit where the only one would collect too much.
        """
        road = self._graph.find(source, target, allow_lossy=allow_lossy)
        if source == STREAM:
            return self._from_stream(target, allow_lossy, most)
        if not self._graph.depends_on_size(source, target) and all(edge.cost != "collect" for edge in road):
            return self._compose(road)

        def convert(value: Any) -> Any:
            given = Circumstances(self.size(value))
            chosen = self._graph.find(source, target, allow_lossy=allow_lossy, given=given)
            if any(edge.cost == "collect" for edge in chosen):
                given = Circumstances(given.size, self.limit(most))
                chosen = self._graph.find(source, target, allow_lossy=allow_lossy, given=given)
            return self._walk(value, chosen, given, target, allow_lossy)

        return convert

    def run_plan(self, value: Any, spec: TransformerSpec, most: int | None = None) -> Any:
        """What a plan comes to, by its own converter; the plan itself if it has none. Raises MemoryLimit."""
        edge = next((edge for edge in spec.converters if edge.cost == "collect"), None)
        if edge is None:
            return value
        return self._walk(value, (edge,), Circumstances(self.size(value), self.limit(most)), edge.target, False)

    def limit(self, most: int | None = None) -> int:
        """Bytes that may be collected into this process now."""
        if most is not None:
            return most
        return collect_limit(self.configured)

    @property
    def configured(self) -> int | None:
        """The setting; None: half of what is free."""
        return getattr(getattr(self._registry.catalogue, "settings", None), "max_collect_bytes", None)

    def size(self, value: Any) -> int | None:
        """Bytes of a value: as its transformer knows them, or estimated from rows and columns; None if neither is known."""
        spec = self._registry.find_class(type(value))
        if spec is None or not self._registry.is_leaf(spec):
            return None
        transformer = self._registry.transformer(spec)
        known = transformer.size(value)
        return known if known is not None or not transformer.is_table else _estimate(transformer, value)

    # -- walking ---------------------------------------------------------------------------------------

    def _compose(self, road: Road) -> Convert:
        functions = [self._function(edge) for edge in road]
        if len(functions) == 1:
            return functions[0]

        def walk(value: Any) -> Any:
            for function in functions:
                value = function(value)
            return value

        return walk

    def _function(self, edge: ConverterSpec) -> Convert:
        found = self._functions.get(edge)
        if found is None:
            found = self._functions[edge] = self._graph.load(edge)
        return found

    def _walk(self, value: Any, road: Road, given: Circumstances, target: str, allow_lossy: bool) -> Any:
        for edge in road:
            if edge.cost != "collect" or given.limit is None:
                value = self._function(edge)(value)
                continue
            if given.size is not None and given.size > given.limit:
                raise memory_limit(edge.source, given.size, given.limit)
            table = self._stream(value, edge.source, given.limit) if given.size is None else None
            if table is not None:
                if target in (HUB, self._registry.names.get(HUB)):
                    return table
                return self.between(HUB, target, allow_lossy=allow_lossy)(table)
            value = self._function(edge)(value)
            size = self.size(value)  # too late for this value's memory, in time for what would be made of it
            if size is not None and size > given.limit:
                raise memory_limit(edge.source, size, given.limit)
        return value

    def _stream(self, value: Any, name: str, limit: int) -> pa.Table | None:
        """A plan of unknown size as a table, its rows taken bit by bit; None if its type offers no stream."""
        spec = self._registry.find_class(type(value))
        transformer = self._registry.transformer(spec) if spec is not None else None
        batches = transformer.batches(value) if transformer is not None else None
        if transformer is None or batches is None:
            return None
        return gather(batches, lambda: transformer.arrow_schema(value), name, limit)

    def _from_stream(self, target: str, allow_lossy: bool, most: int | None) -> Convert:
        onwards = self.between(HUB, target, allow_lossy=allow_lossy, most=most) if target != HUB else None

        def convert(value: Any) -> Any:
            from dovetail.types.arrow import from_stream

            # What has a length lies in memory, and its buffers are shared; anything else may go on without end.
            table = from_stream(value, None if hasattr(value, "__len__") else self.limit(most))
            return table if onwards is None else onwards(table)

        return convert


def _estimate(transformer: TypeTransformer, value: Any) -> int | None:
    from dovetail.types.arrow import TableTransformer

    if type(transformer).num_rows is TableTransformer.num_rows:
        return None  # it would convert the value to count its rows
    rows = transformer.num_rows(value)
    schema = transformer.schema(value) if rows is not None else None
    return None if rows is None or schema is None else rows * sum(_width(field.type) for field in schema.fields)


def _width(kind: str) -> int:
    """Bytes of a value of a type that is known by name: ``int32``, ``Float64``, ``timestamp[us]``."""
    bits = re.fullmatch(r"[a-z]+?(\d+)", kind.strip(), re.IGNORECASE)
    if bits is not None:
        return max(1, int(bits[1]) // 8)
    if kind.lower().startswith(("bool",)):
        return 1
    return 8 if kind.lower().startswith(("timestamp", "date", "time", "duration", "double")) else _TEXT_WIDTH
