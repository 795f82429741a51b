"""Acceptors: one compiled function per annotation that takes a value, fits it, and hands it on."""

from __future__ import annotations

import dataclasses
import os
from collections import abc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from dovetail.errors import ConversionError
from dovetail.spec import TypeRef
from dovetail.types._adapters import Adapters
from dovetail.types._exact import EXACT, Acceptor, accept_path
from dovetail.types._fields import record_fields
from dovetail.types._file_format import FileFormat
from dovetail.types._fit import Projector
from dovetail.types._frames import Frames, accept_instance
from dovetail.types._graph import ConversionGraph
from dovetail.types._lazy import StoredMapping, StoredSequence
from dovetail.types._memo import Memo
from dovetail.types._mismatch import Mismatch, at
from dovetail.types._names import (
    NoneType,
    class_name,
    is_alias,
    is_named_tuple,
    is_typed_dict,
    is_union,
    normalise,
)
from dovetail.types._plain_roads import PlainRoads
from dovetail.types._refine import Collect, Columns, Lossy, check_refined, is_refined, refine, refinement
from dovetail.types._registry import Registry
from dovetail.types._roads import Roads

_SEQUENCES = (abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_MAPPINGS = (abc.Mapping, abc.MutableMapping)


class Acceptors:
    """Builds acceptors. They raise :class:`Mismatch` or ConversionError; the engine dresses those for people."""

    def __init__(self, registry: Registry, graph: ConversionGraph) -> None:
        self.registry = registry
        self.graph = graph
        self.adapters = Adapters()
        self.roads = Roads(registry, graph)
        self.projector = Projector(registry, self.roads)
        self.frames = Frames(registry, graph, self.roads)
        self._walked: dict[Any, bool] = {}
        self.plain_roads = PlainRoads(registry, graph, self.roads)
        self._built: Memo[Acceptor] = Memo(self._build, lambda cell: lambda value: cell[0](value))

    def build(self, annotation: Any) -> Acceptor:
        """The acceptor of one annotation."""
        return self._built.get(refine(annotation))

    def _build(self, annotation: Any) -> Acceptor:
        if annotation is Any:
            return _as_it_is
        if is_refined(annotation):
            return self._refined(annotation)
        spec = self.registry.leaf(annotation)
        if spec is not None:
            return self.frames.acceptor(annotation, spec)
        if isinstance(annotation, TypeRef):
            return self.frames.named(annotation)
        return self.plain_roads.around(annotation, self._build_plain(annotation))

    def _refined(self, annotation: Any) -> Acceptor:
        """A type with what the engine reads behind it: declared columns, and how much may be collected."""
        base = normalise(annotation)
        check_refined(annotation, self.registry)
        most, declared = refinement(annotation, Collect), refinement(annotation, Columns)
        spec = self.registry.leaf(base)
        inner = self.build(base)
        lossy = refinement(annotation, Lossy) is not None
        if spec is not None and (most is not None or lossy):
            inner = self.frames.acceptor(base, spec, None if most is None else most.max_bytes, allow_lossy=lossy)
        format = refinement(annotation, FileFormat)
        if format is not None:
            inner = _of_format(inner, format, self.registry.shown(base))
        return inner if declared is None else self.projector.around(inner, declared)

    def _build_plain(self, annotation: Any) -> Acceptor:
        exact = EXACT.get(annotation) if isinstance(annotation, type) else None
        if exact is not None:
            return exact
        if annotation in (Path, os.PathLike) or get_origin(annotation) is os.PathLike:
            return accept_path
        if self.is_walked(annotation):
            return self._structure(annotation)
        return self.plain_roads.inside(annotation, self.adapters.acceptor(annotation) or self._structure(annotation))

    def is_walked(self, annotation: Any, _seen: frozenset[Any] = frozenset()) -> bool:
        """True if pydantic cannot be left alone with it: frames, files, and what it would cut or make out of lists.

        That is a TypedDict, whose extra keys it drops, and a NamedTuple, which it builds from any list or dict.
        """
        if is_alias(annotation):
            if annotation in _seen:
                return False
            _seen = _seen | {annotation}
        annotation = normalise(annotation)
        if isinstance(annotation, TypeRef) or self.registry.leaf(annotation) is not None:
            return True
        if get_origin(annotation) is Literal:
            return False
        args = [arg for arg in get_args(annotation) if arg is not Ellipsis]
        if get_origin(annotation) is not None:
            return any(self.is_walked(arg, _seen) for arg in args if not _is_value(arg))
        if annotation in _seen or not isinstance(annotation, type):
            return False
        if is_typed_dict(annotation) or is_named_tuple(annotation):
            return True
        known = self._walked.get(annotation)
        if known is None:
            fields = record_fields(annotation)
            known = any(self.is_walked(field, _seen | {annotation}) for field in fields.values()) if fields else False
            if not _seen:  # inside a circle the answer of a member is only half of it
                self._walked[annotation] = known
        return known

    # -- containers with leaves ----------------------------------------------------------------------

    def _structure(self, annotation: Any) -> Acceptor:
        origin, args = get_origin(annotation), get_args(annotation)
        if is_union(annotation):
            return self._union(annotation, args)
        if origin is list or origin in _SEQUENCES:
            inner = _sequence(list if origin is list else (list, tuple), self.build(args[0]))
            return self._lazily(inner, args[0], StoredSequence, origin is abc.Sequence)
        if origin in (set, frozenset):
            return _sequence(origin, self.build(args[0]))
        if origin is tuple:
            return self._tuple(annotation, args)
        if origin is dict or origin in _MAPPINGS:
            inner = _mapping(self.build(args[0]), self.build(args[1]))
            return self._lazily(inner, args[1], StoredMapping, origin is abc.Mapping)
        if isinstance(annotation, type) and record_fields(annotation) is not None:
            return self._record(annotation)
        return _instance(annotation)

    def _union(self, annotation: Any, args: tuple[Any, ...]) -> Acceptor:
        arms = [(normalise(arg), self.build(arg)) for arg in args]
        others = [inner for arm, inner in arms if arm is not NoneType]
        if len(others) == 1 and len(arms) == 2:
            only = others[0]  # Optional[X]: what is wrong with the X is the better message
            return lambda value: None if value is None else only(value)

        def accept(value: Any) -> Any:
            cls = type(value)
            for arm, inner in arms:
                if arm is cls or get_origin(arm) is cls:
                    try:
                        return inner(value)
                    except (Mismatch, ConversionError):
                        continue
            for _, inner in arms:
                try:
                    return inner(value)
                except (Mismatch, ConversionError):
                    continue
            raise Mismatch(value, self.registry.name(annotation))

        return accept

    def _lazily(self, inner: Acceptor, element: Any, lazy: Any, stays: bool) -> Acceptor:
        """Takes containers that load their elements when asked, too; where these may not stay such, all is loaded."""
        fit = self.build(element)

        def accept(value: Any) -> Any:
            if not isinstance(value, lazy):
                return inner(value)
            return value.fitted(element, fit) if stays else inner(value.kind(value))

        return accept

    def _tuple(self, annotation: Any, args: tuple[Any, ...]) -> Acceptor:
        if len(args) == 2 and args[1] is Ellipsis:
            return _sequence(tuple, self.build(args[0]))
        inner = [self.build(arg) for arg in args]

        def accept(value: Any) -> Any:
            if not isinstance(value, tuple) or len(value) != len(inner):
                raise Mismatch(value, f"a {self.registry.name(annotation)}")
            return tuple(_each(inner[i], i, item) for i, item in enumerate(value))

        return accept

    def _record(self, cls: type) -> Acceptor:
        """A dataclass, NamedTuple, TypedDict or model: each field by its own annotation; rebuilt only if one changed."""
        fields = {name: self.build(annotation) for name, annotation in (record_fields(cls) or {}).items()}
        mapping, named = is_typed_dict(cls), is_named_tuple(cls)

        def accept(value: Any) -> Any:
            if named and type(value) is tuple and len(value) == len(fields):
                value = cls(*value)  # "return a, b" from a task with several outputs
            if isinstance(value, dict) if mapping else isinstance(value, cls):
                odd = [key for key in value if key not in fields] if mapping else None
            else:
                raise Mismatch(value, f"a {class_name(cls)}")
            if odd:
                raise Mismatch(value, f"a {class_name(cls)} without the key {odd[0]!r}")
            changed = {}
            for name, inner in fields.items():
                if mapping and name not in value:
                    if name in cls.__required_keys__:  # type: ignore[attr-defined]
                        raise Mismatch(value, f"a {class_name(cls)} with the key {name!r}")
                    continue
                old = value[name] if mapping else getattr(value, name)
                new = _each(inner, name, old)
                if new is not old:
                    changed[name] = new
            return _replace(value, changed) if changed else value

        return accept


def _is_value(arg: Any) -> bool:
    return arg is Ellipsis or isinstance(arg, (bool, int, bytes, tuple, list))


def _of_format(inner: Acceptor, format: FileFormat, name: str) -> Acceptor:
    def accept(value: Any) -> Any:
        value = inner(value)
        why = format.misfit(value)
        if why is not None:
            raise Mismatch(value, f"a {name} in the format {format.name}", why)
        return value

    return accept


def _as_it_is(value: Any) -> Any:
    return value


def _each(inner: Acceptor, key: Any, item: Any) -> Any:
    try:
        return inner(item)
    except (Mismatch, ConversionError) as error:
        at(key, error)
        raise


def _sequence(kind: Any, inner: Acceptor) -> Acceptor:
    def accept(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Mismatch(value, f"a {class_name(kind) if isinstance(kind, type) else 'sequence'}")
        items = [_each(inner, i, item) for i, item in enumerate(value)]
        return items if isinstance(value, list) else type(value)(items) if type(value) in _PLAIN else tuple(items)

    return accept


_PLAIN = (tuple, set, frozenset)


def _mapping(keys: Acceptor, values: Acceptor) -> Acceptor:
    def accept(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Mismatch(value, "a dict")
        return {_each(keys, key, key): _each(values, key, item) for key, item in value.items()}

    return accept


def _replace(value: Any, changed: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {**value, **changed}
    if isinstance(value, tuple):
        return value._replace(**changed)  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(value):
        import copy

        fresh = copy.copy(value)
        for name, item in changed.items():
            object.__setattr__(fresh, name, item)
        return fresh
    return value.model_copy(update=changed)


def _instance(annotation: Any) -> Acceptor:
    cls = get_origin(annotation) or annotation
    return accept_instance(cls) if isinstance(cls, type) else _as_it_is
