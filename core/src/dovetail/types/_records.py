"""Coders of records: dataclasses, NamedTuples, TypedDicts, pydantic models; and of enums and literals."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any

from dovetail.errors import ConversionError
from dovetail.types._fields import record_fields
from dovetail.types._mismatch import Mismatch, at
from dovetail.types._names import class_name, is_model, is_named_tuple, is_typed_dict
from dovetail.types._scalars import NATURAL, Coder

_OTHER = "$type"
"""Key of a record whose class is a subclass of the annotated one: ``{"$type": name, "$value": ...}``."""


def enum_coder(cls: type) -> Any:
    """Members by name, so that a value may change its spelling; None if ``cls`` is no enum."""
    if not issubclass(cls, enum.Enum):
        return None

    def encode(value: Any, leaves: Any) -> Any:
        if not isinstance(value, cls):
            raise Mismatch(value, f"a {class_name(cls)}")
        if value.name is None or value.name not in cls.__members__:
            return {"value": value.value}  # a combination of flags
        return value.name

    def decode(data: Any, leaves: Any) -> Any:
        if isinstance(data, dict):
            return cls(data["value"])
        if data not in cls.__members__:
            raise Mismatch(data, f"a member of {class_name(cls)}", f"members: {', '.join(cls.__members__)}")
        return cls[data]

    return encode, decode


def literal_coder(options: tuple[Any, ...]) -> Coder:
    """Each option as JSON; ``1`` and ``True`` stay apart."""
    forms: list[tuple[Any, Any]] = []
    for option in options:
        if isinstance(option, enum.Enum):
            forms.append((option, {"member": f"{class_name(type(option))}.{option.name}"}))
        elif type(option) is bytes:
            forms.append((option, {"bytes": option.hex()}))
        else:
            forms.append((option, option))

    def encode(value: Any) -> Any:
        for option, form in forms:
            if type(option) is type(value) and option == value:
                return form
        raise Mismatch(value, f"one of {', '.join(repr(option) for option in options)}")

    def decode(data: Any) -> Any:
        for option, form in forms:
            if type(form) is type(data) and form == data and isinstance(data, (*NATURAL, dict)):
                return option
        raise Mismatch(data, f"one of {', '.join(repr(option) for option in options)}")

    return encode, decode


def record_coder(cls: type, get: Callable[[Any], Any], dynamic: Any) -> Any:
    """The coder of a record class, field by field; None if ``cls`` is no record.

    Fields are written back without running ``__init__`` or validators: what is loaded is what was stored.
    """
    annotations = record_fields(cls)
    if annotations is None:
        return None
    if is_typed_dict(cls):
        return _typed_dict(cls, {name: get(note) for name, note in annotations.items()})
    if is_named_tuple(cls):
        make: Callable[[dict[str, Any]], Any] = lambda fields: cls(**fields)  # noqa: E731 - one of three makers
    elif is_model(cls):
        make = _model_maker(cls)
    else:
        make = _dataclass_maker(cls)
    return _fields_coder(cls, {name: get(note) for name, note in annotations.items()}, make, dynamic)


def _fields_coder(cls: type, pairs: dict[str, Any], make: Callable[[dict[str, Any]], Any], dynamic: Any) -> Any:
    model = is_model(cls)

    def encode(value: Any, leaves: Any) -> Any:
        if type(value) is not cls:
            if not isinstance(value, cls):
                raise Mismatch(value, f"a {class_name(cls)}")
            return {_OTHER: dynamic[0](value, leaves)}  # a subclass keeps its own fields
        fields = {name: step(pair[0], name, getattr(value, name), leaves) for name, pair in pairs.items()}
        if model and value.__pydantic_extra__:  # type: ignore[attr-defined]
            extra = value.__pydantic_extra__  # type: ignore[attr-defined]
            fields.update({name: step(dynamic[0], name, item, leaves) for name, item in extra.items()})
        return fields

    def decode(data: Any, leaves: Any) -> Any:
        if not isinstance(data, dict):
            raise Mismatch(data, f"a {class_name(cls)}")
        if _OTHER in data:
            return dynamic[1](data[_OTHER], leaves)
        fields = {}
        for name, item in data.items():
            pair = pairs.get(name) or (dynamic if model else None)
            if pair is None:
                raise Mismatch(
                    data, f"a {class_name(cls)}", f"the stored value has the field {name!r}, the class has not"
                )
            fields[name] = step(pair[1], name, item, leaves)
        try:
            return make(fields)
        except (TypeError, KeyError) as error:
            raise Mismatch(data, f"a {class_name(cls)}", f"stored by another version of the class: {error}") from None

    return encode, decode


def step(function: Any, name: Any, item: Any, leaves: Any) -> Any:
    """``function(item, leaves)``, whose errors say that it was below ``name``."""
    try:
        return function(item, leaves)
    except (Mismatch, ConversionError) as error:
        at(name, error)
        raise


def _typed_dict(cls: Any, pairs: dict[str, Any]) -> Any:
    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Mismatch(value, f"a {class_name(cls)}")
        for name in cls.__required_keys__:
            if name not in value:
                raise Mismatch(value, f"a {class_name(cls)} with the key {name!r}")
        for name in value:
            if name not in pairs:
                raise Mismatch(value, f"a {class_name(cls)} without the key {name!r}")

    def encode(value: Any, leaves: Any) -> Any:
        check(value)
        return {name: step(pairs[name][0], name, item, leaves) for name, item in value.items()}

    def decode(data: Any, leaves: Any) -> Any:
        check(data)
        return {name: step(pairs[name][1], name, item, leaves) for name, item in data.items()}

    return encode, decode


def _dataclass_maker(cls: Any) -> Callable[[dict[str, Any]], Any]:
    known = dataclasses.fields(cls)

    def make(stored: dict[str, Any]) -> Any:
        made = cls.__new__(cls)
        for field in known:
            if field.name in stored:
                item = stored[field.name]
            elif field.default is not dataclasses.MISSING:
                item = field.default
            elif field.default_factory is not dataclasses.MISSING:
                item = field.default_factory()
            else:
                raise KeyError(field.name)
            object.__setattr__(made, field.name, item)
        return made

    return make


def _model_maker(cls: Any) -> Callable[[dict[str, Any]], Any]:
    def make(stored: dict[str, Any]) -> Any:
        fields = cls.model_fields
        missing = [name for name, field in fields.items() if name not in stored and field.is_required()]
        if missing:
            raise KeyError(missing[0])
        made = cls.model_construct(_fields_set=set(stored) & set(fields))
        for name, item in stored.items():
            if name in fields:
                made.__dict__[name] = item
            elif made.__pydantic_extra__ is not None:
                made.__pydantic_extra__[name] = item
            else:
                raise KeyError(name)
        return made

    return make
