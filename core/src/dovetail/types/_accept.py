"""Acceptors: one compiled function per annotation that takes a value, fits it, and hands it on."""

from __future__ import annotations

import dataclasses
import inspect
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from dovetail.errors import ConversionError
from dovetail.spec import TransformerSpec, TypeRef
from dovetail.types._files import Directory, DirectoryTransformer, File, FileTransformer
from dovetail.types._mismatch import Mismatch, at
from dovetail.types._names import (
    NoneType,
    class_name,
    is_abstract_container,
    is_named_tuple,
    is_union,
    normalise,
    resolve_loaded,
)
from dovetail.types._paths import STREAM, ConversionGraph
from dovetail.types._registry import Registry

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Acceptor = Callable[[Any], Any]
_MISSING = object()


class Acceptors:
    """Builds acceptors. They raise :class:`Mismatch` or ConversionError; the engine dresses those for people."""

    def __init__(self, registry: Registry, graph: ConversionGraph) -> None:
        self.registry = registry
        self.graph = graph
        self._adapters: dict[Any, TypeAdapter[Any] | None] = {}
        self._leafy: dict[Any, bool] = {}

    def build(self, annotation: Any) -> Acceptor:
        """The acceptor of one annotation."""
        annotation = normalise(annotation)
        if annotation is Any:
            return _as_it_is
        exact = EXACT.get(annotation) if isinstance(annotation, type) else None
        if exact is not None:
            return exact
        spec = self.registry.leaf(annotation)
        if spec is not None:
            return self._table(annotation, spec)
        if isinstance(annotation, TypeRef):
            return self._named(annotation)
        if annotation in (Path, os.PathLike) or get_origin(annotation) is os.PathLike:
            return _accept_path
        if self.has_leaves(annotation):
            return self._structure(annotation)
        return self._plain(annotation)

    def has_leaves(self, annotation: Any, _seen: frozenset[Any] = frozenset()) -> bool:
        """True if frames, files or the like stand somewhere inside the annotation."""
        annotation = normalise(annotation)
        if isinstance(annotation, TypeRef) or self.registry.leaf(annotation) is not None:
            return True
        args = [arg for arg in get_args(annotation) if arg is not Ellipsis]
        if get_origin(annotation) is not None:
            return any(self.has_leaves(arg, _seen) for arg in args if not _is_value(arg))
        if annotation in _seen or not isinstance(annotation, type):
            return False
        known = self._leafy.get(annotation)
        if known is None:
            fields = record_fields(annotation)
            known = any(self.has_leaves(field, _seen | {annotation}) for field in fields.values()) if fields else False
            self._leafy[annotation] = known
        return known

    # -- leaves ------------------------------------------------------------------------------------

    def _table(self, annotation: Any, spec: TransformerSpec) -> Acceptor:
        target = spec.type
        if target == FileTransformer.type_name:
            return _accept_file
        if target == DirectoryTransformer.type_name:
            return _accept_directory
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
            raise Mismatch(value, f"a {reference.name}")

        return accept

    # -- containers with leaves ----------------------------------------------------------------------

    def _structure(self, annotation: Any) -> Acceptor:
        origin, args = get_origin(annotation), get_args(annotation)
        if is_union(annotation):
            return self._union(annotation, args)
        if origin is list or (is_abstract_container(origin) and len(args) == 1):
            return _sequence(list if origin is list else (list, tuple), self.build(args[0]))
        if origin in (set, frozenset):
            return _sequence(origin, self.build(args[0]))
        if origin is tuple:
            return self._tuple(annotation, args)
        if origin is dict or (is_abstract_container(origin) and len(args) == 2):
            return _mapping(self.build(args[0]), self.build(args[1]))
        if isinstance(annotation, type):
            return self._record(annotation)
        return self._plain(annotation)

    def _union(self, annotation: Any, args: tuple[Any, ...]) -> Acceptor:
        arms = [(normalise(arg), self.build(arg)) for arg in args]

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

        def accept(value: Any) -> Any:
            mapping = isinstance(value, dict) and issubclass(cls, dict)
            if not (mapping or isinstance(value, cls)):
                raise Mismatch(value, f"a {class_name(cls)}")
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
            found = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True, strict=True))
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
            return _instance(annotation)
        from pydantic import ValidationError

        validate = adapter.validator.validate_python

        def accept(value: Any) -> Any:
            try:
                return validate(value, strict=True)
            except ValidationError as error:
                raise _from_pydantic(value, error) from None

        return accept


def record_fields(cls: Any) -> dict[str, Any] | None:
    """Name -> annotation of a dataclass, NamedTuple, TypedDict or pydantic model; None for any other class."""
    from dovetail.types._names import is_model, is_typed_dict

    if is_model(cls):
        return {name: field.annotation for name, field in cls.model_fields.items()}
    if not isinstance(cls, type) or not (dataclasses.is_dataclass(cls) or is_named_tuple(cls) or is_typed_dict(cls)):
        return None
    try:
        hints = get_type_hints(cls)
    except (NameError, TypeError, AttributeError):
        # Names that exist only for type checkers: keep their text; dotted ones still name a type.
        hints = {}
        for base in reversed(cls.__mro__):
            hints.update(inspect.get_annotations(base))
    if dataclasses.is_dataclass(cls):
        return {field.name: hints.get(field.name, Any) for field in dataclasses.fields(cls)}
    if is_named_tuple(cls):
        return {name: hints.get(name, Any) for name in cls._fields}  # type: ignore[attr-defined]
    return hints


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


# -- scalars: closures without pydantic, on the hot path ------------------------------------------------


def _numpy_scalar(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", None) == 0


def _accept_int(value: Any) -> Any:
    if type(value) is int:
        return value
    if type(value) is not bool and (isinstance(value, int) or (_numpy_scalar(value) and value.dtype.kind in "iu")):
        return int(operator.index(value))
    raise Mismatch(value, "an int")


def _accept_float(value: Any) -> Any:
    if type(value) is float:
        return value
    if isinstance(value, float):
        return float(value)
    if type(value) is int:
        try:
            exact = float(value)
        except OverflowError:
            exact = 0.0
        if exact == value:
            return exact
        raise Mismatch(value, "a float", "this int has no exact float")
    if _numpy_scalar(value) and value.dtype.kind in "fiu":
        item = value.item()
        if type(item) is float:
            return item
        if type(item) is int:
            return _accept_float(item)
    raise Mismatch(value, "a float")


def _accept_bool(value: Any) -> Any:
    if value is True or value is False:
        return value
    if _numpy_scalar(value) and value.dtype.kind == "b":
        return bool(value)
    raise Mismatch(value, "a bool")


def _accept_str(value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    raise Mismatch(value, "a str")


def _accept_bytes(value: Any) -> Any:
    if type(value) is bytes:
        return value
    if isinstance(value, bytes):
        return bytes(value)
    raise Mismatch(value, "bytes")


def _accept_none(value: Any) -> Any:
    if value is None:
        return None
    raise Mismatch(value, "None")


def _accept_complex(value: Any) -> Any:
    if type(value) is complex:
        return value
    if isinstance(value, complex) or type(value) is float:
        return complex(value)
    raise Mismatch(value, "a complex")


def _accept_path(value: Any) -> Any:
    if isinstance(value, Path):
        return value
    if isinstance(value, (File, Directory)):
        return Path(value)
    raise Mismatch(
        value, "a pathlib.Path", "text is not taken for a path: write Path(...)" if isinstance(value, str) else None
    )


def _accept_file(value: Any) -> Any:
    if isinstance(value, File):
        return value
    if isinstance(value, (str, Path)):
        if Path(value).is_file():
            return File(value)
        raise Mismatch(value, "a File", "there is no file at this path")
    raise Mismatch(value, "a File")


def _accept_directory(value: Any) -> Any:
    if isinstance(value, Directory):
        return value
    if isinstance(value, (str, Path)):
        if Path(value).is_dir():
            return Directory(value)
        raise Mismatch(value, "a Directory", "there is no directory at this path")
    raise Mismatch(value, "a Directory")


EXACT: dict[type, Acceptor] = {
    int: _accept_int,
    float: _accept_float,
    bool: _accept_bool,
    str: _accept_str,
    bytes: _accept_bytes,
    NoneType: _accept_none,
    complex: _accept_complex,
}
"""Acceptors of scalars. On the hot path the engine hands them out bare, so that a good value costs one call."""
