"""Acceptors: one compiled function per annotation that takes a value, fits it, and hands it on."""

from __future__ import annotations

import dataclasses
import os
from collections import abc
from pathlib import Path
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from dovetail.errors import ConversionError
from dovetail.spec import TransformerSpec, TypeRef
from dovetail.types._exact import EXACT, Acceptor, accept_directory, accept_file, accept_path
from dovetail.types._fields import record_fields
from dovetail.types._files import DirectoryTransformer, FileTransformer
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
    resolve_loaded,
    shown_class,
)
from dovetail.types._paths import STREAM, ConversionGraph
from dovetail.types._plain_roads import PlainRoads
from dovetail.types._registry import Registry

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_MISSING = object()
_SEQUENCES = (abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_FROM_PATH = {FileTransformer.type_name: accept_file, DirectoryTransformer.type_name: accept_directory}
_MAPPINGS = (abc.Mapping, abc.MutableMapping)


class Acceptors:
    """Builds acceptors. They raise :class:`Mismatch` or ConversionError; the engine dresses those for people."""

    def __init__(self, registry: Registry, graph: ConversionGraph) -> None:
        self.registry = registry
        self.graph = graph
        self._adapters: dict[Any, TypeAdapter[Any] | None] = {}
        self._walked: dict[Any, bool] = {}
        self.plain_roads = PlainRoads(registry, graph)
        self._built: Memo[Acceptor] = Memo(self._build, lambda cell: lambda value: cell[0](value))

    def build(self, annotation: Any) -> Acceptor:
        """The acceptor of one annotation."""
        return self._built.get(normalise(annotation))

    def _build(self, annotation: Any) -> Acceptor:
        if annotation is Any:
            return _as_it_is
        spec = self.registry.leaf(annotation)
        if spec is not None:
            return self._table(annotation, spec)
        if isinstance(annotation, TypeRef):
            return self._named(annotation)
        return self.plain_roads.around(annotation, self._build_plain(annotation))

    def _build_plain(self, annotation: Any) -> Acceptor:
        exact = EXACT.get(annotation) if isinstance(annotation, type) else None
        if exact is not None:
            return exact
        if annotation in (Path, os.PathLike) or get_origin(annotation) is os.PathLike:
            return accept_path
        if self.is_walked(annotation):
            return self._structure(annotation)
        return self.plain_roads.inside(annotation, self._plain(annotation))

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

    # -- leaves ------------------------------------------------------------------------------------

    def _table(self, annotation: Any, spec: TransformerSpec) -> Acceptor:
        target = spec.type
        from_path = _FROM_PATH.get(target)
        wanted = annotation if isinstance(annotation, type) else None
        if wanted is not None and wanted is not self.registry.class_of(spec):
            return _instance(wanted)  # a subclass of a declared type: only its own instances are one
        roads: dict[type, Acceptor | None] = {}

        def accept(value: Any) -> Any:
            cls = type(value)
            road = roads.get(cls, _MISSING)
            if road is _MISSING:
                if wanted is not None and issubclass(cls, wanted):
                    road = None
                elif from_path is not None and issubclass(cls, (str, Path)):
                    road = from_path
                else:
                    road = self.road(value, target)
                roads[cls] = road
            return value if road is None else road(value)  # type: ignore[operator]

        return accept

    def road(self, value: Any, target: str, *, allow_lossy: bool = False) -> Acceptor | None:
        """How ``value`` becomes a ``target``: None if it is one already.

        Raises:
            Mismatch: It is no frame at all.
            ConversionError: It is one, and no faithful road leads there.
        """
        spec = self.registry.find_class(type(value))
        if spec is not None and spec.type == target:
            return None
        if spec is not None and spec.type in self.graph.sources():
            source = spec.type
        elif hasattr(value, "__arrow_c_stream__"):
            source = STREAM
        elif self.registry.is_leaf(spec):
            source = spec.type  # type: ignore[union-attr]
        else:
            raise Mismatch(value, f"a {target}")
        return self.graph.compose(self.graph.find(source, target, allow_lossy=allow_lossy))

    def _named(self, reference: TypeRef) -> Acceptor:
        """A type that nobody declares: values of exactly that class pass, once its module is there."""

        def accept(value: Any) -> Any:
            cls = resolve_loaded(reference.name)
            if isinstance(cls, type) and isinstance(value, cls):
                return value
            if any(class_name(base) == reference.name for base in type(value).__mro__):
                return value
            if self.registry.leaf(type(value)) is not None or hasattr(value, "__arrow_c_stream__"):
                raise self.registry.unknown(reference, f"a {shown_class(type(value))} cannot be converted to it")
            raise Mismatch(value, f"a {reference.name}")

        return accept

    # -- containers with leaves ----------------------------------------------------------------------

    def _structure(self, annotation: Any) -> Acceptor:
        origin, args = get_origin(annotation), get_args(annotation)
        if is_union(annotation):
            return self._union(annotation, args)
        if origin is list or origin in _SEQUENCES:
            return _sequence(list if origin is list else (list, tuple), self.build(args[0]))
        if origin in (set, frozenset):
            return _sequence(origin, self.build(args[0]))
        if origin is tuple:
            return self._tuple(annotation, args)
        if origin is dict or origin in _MAPPINGS:
            return _mapping(self.build(args[0]), self.build(args[1]))
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

    # -- everything else: one strict TypeAdapter -----------------------------------------------------

    def adapter(self, annotation: Any) -> TypeAdapter[Any] | None:
        """The pydantic adapter for a plain annotation; None if pydantic cannot describe it."""
        try:
            return self._adapters[annotation]
        except KeyError:
            pass
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter

        found: TypeAdapter[Any] | None
        try:
            found = TypeAdapter(_exact_floats(annotation), config=ConfigDict(arbitrary_types_allowed=True, strict=True))
        except PydanticUserError:
            try:  # a dataclass, model or TypedDict brings its own config
                found = TypeAdapter(annotation)
            except PydanticUserError:
                found = None
        except Exception:  # pydantic raises NameError and TypeError for annotations that it cannot resolve
            found = None
        self._adapters[annotation] = found
        return found

    def _plain(self, annotation: Any) -> Acceptor:
        adapter = self.adapter(annotation)
        if adapter is None:
            return self._structure(annotation)
        from pydantic import ValidationError

        validate = adapter.validator.validate_python

        def accept(value: Any) -> Any:
            try:
                return validate(value, strict=True)
            except ValidationError as error:
                raise _from_pydantic(value, error) from None

        return accept


def _exact_floats(annotation: Any) -> Any:
    """The annotation with floats that refuse an int that would be rounded; pydantic rounds it without a word."""
    from pydantic import BeforeValidator

    if annotation is float:
        return Annotated[float, BeforeValidator(_exact_float)]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (list, set, frozenset, dict, tuple) and args:
        return GenericAlias(origin, tuple(_exact_floats(arg) for arg in args))
    if is_union(annotation):
        return Union[tuple(_exact_floats(arg) for arg in args)]  # noqa: UP007 - the members are known only now
    return annotation


def _exact_float(value: Any) -> Any:
    if type(value) is int:
        try:
            if float(value) == value:
                return value
        except OverflowError:
            pass
        raise ValueError("this int has no exact float")
    return value


def _is_value(arg: Any) -> bool:
    return arg is Ellipsis or isinstance(arg, (bool, int, bytes, tuple, list))


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
    if not isinstance(cls, type):
        return _as_it_is

    def accept(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise Mismatch(value, f"a {class_name(cls)}")

    return accept


def _from_pydantic(value: Any, error: Any) -> Mismatch:
    """The first complaint, with the place: pydantic's location also names union members, which lead nowhere."""
    first = error.errors(include_url=False, include_context=False)[0]
    path: list[Any] = []
    place = value
    for key in first["loc"]:
        try:
            place = getattr(place, key) if isinstance(key, str) and not isinstance(place, dict) else place[key]
        except (AttributeError, LookupError, TypeError):
            break
        path.append(key)
    message = first["msg"]
    expected = message.removeprefix("Input should be ")
    mismatch = Mismatch(
        place, expected if expected != message else "a valid value", None if expected != message else message
    )
    mismatch.path = path
    return mismatch
