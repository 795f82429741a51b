"""Acceptors of leaves: frames from other frames, files from paths, and types that are known by name only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dovetail.spec import TransformerSpec, TypeRef
from dovetail.types._exact import Acceptor, accept_directory, accept_file
from dovetail.types._file_transformers import DirectoryTransformer, FileTransformer
from dovetail.types._graph import STREAM, ConversionGraph
from dovetail.types._losses import losing
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import class_name, resolve_loaded, shown_class
from dovetail.types._once import READER, hand_on
from dovetail.types._registry import Registry
from dovetail.types._roads import Roads

_MISSING = object()
_FROM_PATH = {FileTransformer.type_name: accept_file, DirectoryTransformer.type_name: accept_directory}


class Frames:
    """Fits values to declared types, by way of the conversion graph."""

    def __init__(self, registry: Registry, graph: ConversionGraph, roads: Roads) -> None:
        self._registry = registry
        self._roads = roads
        self._graph = graph

    def acceptor(
        self, annotation: Any, spec: TransformerSpec, most: int | None = None, allow_lossy: bool = False
    ) -> Acceptor:
        """Takes values of a declared type, and what converts to it; ``most`` bytes may be collected for one."""
        target = spec.type
        from_path = _FROM_PATH.get(target)
        wanted = annotation if isinstance(annotation, type) else None
        if wanted is not None and wanted is not self._registry.class_of(spec):
            return accept_instance(wanted)  # a subclass of a declared type: only its own instances are one
        roads: dict[type, Acceptor | None] = {}

        def accept(value: Any) -> Any:
            cls = type(value)
            road = roads.get(cls, _MISSING)
            if road is _MISSING:
                if wanted is not None and issubclass(cls, wanted) and not self._is_another(cls, spec):
                    road = hand_on if target == READER else None
                elif from_path is not None and issubclass(cls, (str, Path)):
                    road = from_path
                else:
                    road = self.road(value, target, most=most, allow_lossy=allow_lossy)
                    if road is None and target == READER:
                        road = hand_on
                roads[cls] = road
            if not allow_lossy:
                return value if road is None else road(value)  # type: ignore[operator]
            with losing():
                return value if road is None else road(value)  # type: ignore[operator]

        return accept

    def _is_another(self, cls: type, spec: TransformerSpec) -> bool:
        """Whether a class has a declaration of its own: a GeoDataFrame is more than the pandas frame that it is derived from."""
        found = self._registry.find_class(cls)
        return found is not None and found.type != spec.type

    def road(self, value: Any, target: str, *, allow_lossy: bool = False, most: int | None = None) -> Acceptor | None:
        """How ``value`` becomes a ``target``: None if it is one already.

        Raises:
            Mismatch: It is no frame at all.
            ConversionError: It is one, and no faithful road leads there.
        """
        spec = self._registry.find_class(type(value))
        if spec is not None and spec.type == target:
            return None
        if spec is not None and spec.type in self._graph.sources():
            source = spec.type
        elif hasattr(value, "__arrow_c_stream__"):
            source = STREAM
        elif self._registry.is_leaf(spec):
            source = spec.type  # type: ignore[union-attr]
        else:
            raise self._registry.contested(type(value)) or Mismatch(value, f"a {target}")
        return self._roads.between(source, target, allow_lossy=allow_lossy, most=most)

    def named(self, reference: TypeRef) -> Acceptor:
        """A type that nobody declares: values of exactly that class pass, once its module is there."""

        def accept(value: Any) -> Any:
            cls = resolve_loaded(reference.name)
            if isinstance(cls, type) and isinstance(value, cls):
                return value
            if any(class_name(base) == reference.name for base in type(value).__mro__):
                return value
            if self._registry.leaf(type(value)) is not None or hasattr(value, "__arrow_c_stream__"):
                raise self._registry.unknown(reference, f"a {shown_class(type(value))} cannot be converted to it")
            raise Mismatch(value, f"a {reference.name}")

        return accept


def accept_instance(cls: type) -> Acceptor:
    """Takes instances of a class, as they are."""

    def accept(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise Mismatch(value, f"a {class_name(cls)}")

    return accept
