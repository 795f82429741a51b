"""Coders: annotation -> (encode, decode) between values and JSON, with frames and files set aside as numbered leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args, get_origin

from dovetail.errors import ConversionError
from dovetail.spec import TransformerSpec, TypeRef
from dovetail.types._accept import Acceptors
from dovetail.types._infer import infer, is_json
from dovetail.types._lazy import stored_pair
from dovetail.types._memo import Memo
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import NoneType, class_name, is_union, normalise, parse_name
from dovetail.types._records import enum_coder, literal_coder, record_coder, step
from dovetail.types._refine import is_refined, refine
from dovetail.types._scalars import NATURAL, SCALARS


class Leaves(Protocol):
    """Where encoders put values that JSON cannot hold, and decoders find them again."""

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        """Set a value aside; returns its number."""
        ...

    def get(self, number: Any, annotation: Any) -> Any:
        """The value with this number, as the annotation wants it."""
        ...


Encode = Callable[[Any, Leaves], Any]
Decode = Callable[[Any, Leaves], Any]
Pair = tuple[Encode, Decode]


class Coders:
    """Builds coders and keeps them."""

    def __init__(self, acceptors: Acceptors) -> None:
        self._acceptors = acceptors
        self._registry = acceptors.registry
        self._built: Memo[Pair] = Memo(self._build, _stand_in)
        self._any: Pair = (self._encode_any, self._decode_any)

    def get(self, annotation: Any) -> Pair:
        """The coder of an annotation."""
        return self._built.get(refine(annotation))

    def _build(self, annotation: Any) -> Pair:
        if annotation is Any:
            return self._any
        if is_refined(annotation):
            spec = self._registry.leaf(annotation)
            return self._leaf(annotation, spec) if spec is not None and spec.codecs else self.get(normalise(annotation))
        scalar = SCALARS.get(annotation) if isinstance(annotation, type) else None
        if scalar is not None:
            return _without_leaves(*scalar)
        spec = self._registry.leaf(annotation)
        if spec is not None and spec.codecs:
            return self._leaf(annotation, spec)
        if isinstance(annotation, TypeRef):
            raise self._registry.unknown(annotation, "its values cannot be stored")
        origin, args = get_origin(annotation), get_args(annotation)
        if is_union(annotation):
            return self._union(annotation, args)
        if origin is Literal:
            return _without_leaves(*literal_coder(args))
        if self.is_lazy(annotation):
            return stored_pair(origin, args[-1], self.get(args[-1]))  # type: ignore[no-any-return]
        container = self._container(origin or annotation, args)
        if container is not None:
            return container
        if isinstance(annotation, type):
            record: Pair | None = enum_coder(annotation) or record_coder(annotation, self.get, self._any)
            if record is not None:
                return record
        return self._through_pydantic(annotation)

    def is_lazy(self, annotation: Any) -> bool:
        """True for ``Mapping[str, X]`` and ``Sequence[X]`` of frames, files or what holds them: loaded when asked for."""
        origin, args = get_origin(annotation), get_args(annotation)
        if origin not in (Mapping, Sequence) or not args or (origin is Mapping and normalise(args[0]) is not str):
            return False
        return self._acceptors.is_walked(args[-1])

    def _leaf(self, annotation: Any, spec: TransformerSpec) -> Pair:
        def encode(value: Any, leaves: Leaves) -> Any:
            return leaves.put(value, annotation, spec)

        def decode(data: Any, leaves: Leaves) -> Any:
            return leaves.get(data, annotation)

        return encode, decode

    # -- containers ----------------------------------------------------------------------------------

    def _container(self, origin: Any, args: tuple[Any, ...]) -> Pair | None:
        if origin in (list, set, frozenset):
            return _items(origin, self.get(args[0] if args else Any), _natural(args))
        if origin is tuple:
            if not args or (len(args) == 2 and args[1] is Ellipsis):
                return _items(tuple, self.get(args[0] if args else Any), _natural(args))
            return _fixed(tuple(self.get(arg) for arg in args))
        if origin is dict:
            key, value = args or (Any, Any)
            if normalise(key) is str:
                return _object(self.get(value))
            return _pairs(self.get(key), self.get(value))
        if getattr(origin, "__module__", "") == "collections.abc":
            return self._any  # Sequence, Mapping, ...: what the value really is gets stored with it
        return None

    def _union(self, annotation: Any, args: tuple[Any, ...]) -> Pair:
        arms = [(self._registry.name(arg), normalise(arg), self.get(arg)) for arg in args]
        others = [arm for arm in arms if arm[1] is not NoneType]
        if len(others) == 1 and not _may_be_null(others[0][1]):
            return _optional(others[0][2])
        by_name = {name: pair for name, _, pair in arms}

        def encode(value: Any, leaves: Leaves) -> Any:
            cls = type(value)
            ordered = sorted(arms, key=lambda arm: 0 if arm[1] is cls else 1 if get_origin(arm[1]) is cls else 2)
            for name, _, pair in ordered:
                try:
                    return [name, pair[0](value, leaves)]
                except (Mismatch, ConversionError):
                    continue
            raise Mismatch(value, self._registry.name(annotation))

        def decode(data: Any, leaves: Leaves) -> Any:
            if not isinstance(data, list) or len(data) != 2 or data[0] not in by_name:
                raise Mismatch(data, f"one of {', '.join(by_name)}", "the stored value has another type")
            return by_name[data[0]][1](data[1], leaves)

        return encode, decode

    # -- values without an annotation ----------------------------------------------------------------

    def _encode_any(self, value: Any, leaves: Leaves) -> Any:
        if is_json(value):
            return ["json", value]
        annotation = infer(value, self._registry)
        name = self._registry.name(annotation)
        if annotation is object or parse_name(name) is None:
            raise self._registry.unknown(
                type(value), "a value without an annotation must have a type that can be named"
            )
        return [name, self.get(annotation)[0](value, leaves)]

    def _decode_any(self, data: Any, leaves: Leaves) -> Any:
        if not isinstance(data, list) or len(data) != 2 or not isinstance(data[0], str):
            raise Mismatch(data, "a stored value with its type")
        name, inner = data
        if name == "json":
            return inner
        return self.get(self.named(name))[1](inner, leaves)

    def named(self, name: str) -> Any:
        """The annotation that was stored by name. Raises UnknownType if its module is not loaded here."""
        annotation = parse_name(name)
        if annotation is None or (isinstance(annotation, TypeRef) and self._registry.find(annotation) is None):
            raise self._registry.unknown(TypeRef(name), "it was stored under this name, and no loaded module has it")
        return annotation

    # -- what pydantic knows and we do not ------------------------------------------------------------

    def _through_pydantic(self, annotation: Any) -> Pair:
        adapter = self._acceptors.adapters.get(annotation)
        if adapter is None or _is_opaque(adapter.core_schema):
            raise self._registry.unknown(
                annotation, "its values cannot be stored: nothing but plain data is, never pickle"
            )
        from pydantic import ValidationError
        from pydantic_core import PydanticSerializationError

        def encode(value: Any, leaves: Leaves) -> Any:
            try:
                return adapter.dump_python(value, mode="json", round_trip=True, warnings="error")
            except (PydanticSerializationError, ValueError) as error:
                raise Mismatch(value, f"a {self._registry.name(annotation)}", str(error)) from None

        def decode(data: Any, leaves: Leaves) -> Any:
            try:
                return adapter.validate_json(json.dumps(data), strict=True)
            except ValidationError as error:
                raise Mismatch(data, f"a {self._registry.name(annotation)}", str(error)) from None

        return encode, decode


def _stand_in(cell: list[Pair]) -> Pair:
    return (lambda value, leaves: cell[0][0](value, leaves)), (lambda data, leaves: cell[0][1](data, leaves))


def _is_opaque(schema: Any) -> bool:
    """True if pydantic only checks the class somewhere inside: such a value has no JSON."""
    if isinstance(schema, dict):
        if schema.get("type") == "json-or-python":
            return _is_opaque(schema["json_schema"])
        if schema.get("type") == "lax-or-strict":
            return _is_opaque(schema["strict_schema"])
        if (
            schema.get("type") in ("is-instance", "is-subclass", "callable", "generator")
            and "serialization" not in schema
        ):
            return True
        return any(_is_opaque(value) for value in schema.values())
    return isinstance(schema, list) and any(_is_opaque(value) for value in schema)


def _may_be_null(annotation: Any) -> bool:
    return annotation is Any or get_origin(annotation) is Literal or is_union(annotation)


def _without_leaves(encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> Pair:
    return (lambda value, leaves: encode(value)), (lambda data, leaves: decode(data))


def _natural(args: tuple[Any, ...]) -> set[type] | None:
    """The type of elements whose JSON is the element itself, as a set to compare with; None for any other."""
    return {args[0]} if args and args[0] in NATURAL else None


def _items(kind: Any, pair: Pair, natural: set[type] | None) -> Pair:
    out, back = pair
    ordered = kind in (list, tuple)

    def encode(value: Any, leaves: Leaves) -> Any:
        if type(value) is not kind:
            raise Mismatch(value, f"a {class_name(kind)}")
        if ordered and set(map(type, value)) == natural:
            return value  # a long list costs one pass in C
        items = [step(out, i, item, leaves) for i, item in enumerate(value)]
        # A set has no order of its own: sorting makes the stored bytes the same in every process.
        return sorted(items, key=json.dumps) if kind in (set, frozenset) else items

    def decode(data: Any, leaves: Leaves) -> Any:
        if not isinstance(data, list):
            raise Mismatch(data, f"a {class_name(kind)}")
        if set(map(type, data)) == natural:
            return kind(data)
        return kind([step(back, i, item, leaves) for i, item in enumerate(data)])

    return encode, decode


def _fixed(pairs: tuple[Pair, ...]) -> Pair:
    def encode(value: Any, leaves: Leaves) -> Any:
        if type(value) is not tuple or len(value) != len(pairs):
            raise Mismatch(value, f"a tuple of {len(pairs)}")
        return [step(pairs[i][0], i, item, leaves) for i, item in enumerate(value)]

    def decode(data: Any, leaves: Leaves) -> Any:
        if not isinstance(data, list) or len(data) != len(pairs):
            raise Mismatch(data, f"a tuple of {len(pairs)}")
        return tuple(step(pairs[i][1], i, item, leaves) for i, item in enumerate(data))

    return encode, decode


def _object(pair: Pair) -> Pair:
    out, back = pair

    def encode(value: Any, leaves: Leaves) -> Any:
        if type(value) is not dict:
            raise Mismatch(value, "a dict")
        for key in value:
            if type(key) is not str:
                raise Mismatch(key, "a str as key")
        return {key: step(out, key, item, leaves) for key, item in value.items()}

    def decode(data: Any, leaves: Leaves) -> Any:
        if not isinstance(data, dict):
            raise Mismatch(data, "a dict")
        return {key: step(back, key, item, leaves) for key, item in data.items()}

    return encode, decode


def _pairs(keys: Pair, values: Pair) -> Pair:
    def encode(value: Any, leaves: Leaves) -> Any:
        if type(value) is not dict:
            raise Mismatch(value, "a dict")
        return [[step(keys[0], k, k, leaves), step(values[0], k, item, leaves)] for k, item in value.items()]

    def decode(data: Any, leaves: Leaves) -> Any:
        if not isinstance(data, list):
            raise Mismatch(data, "a dict")
        return {keys[1](key, leaves): step(values[1], i, item, leaves) for i, (key, item) in enumerate(data)}

    return encode, decode


def _optional(pair: Pair) -> Pair:
    def encode(value: Any, leaves: Leaves) -> Any:
        return None if value is None else pair[0](value, leaves)

    def decode(data: Any, leaves: Leaves) -> Any:
        return None if data is None else pair[1](data, leaves)

    return encode, decode
