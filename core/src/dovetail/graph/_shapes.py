"""Shapes of JSON: each checks a value, naming the place where it is wrong, and gives its part of a JSON Schema."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dovetail.errors import DefinitionError, listing, nearest, shorten

Check = Callable[[Any, str], None]

_NAMES = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    type(None): "null",
}


@dataclass(frozen=True)
class Shape:
    """What a JSON value may be.

    Attributes:
        check: Called with the value and its path; raises DefinitionError.
        schema: The same as JSON Schema, draft 2020-12.
    """

    check: Check
    schema: dict[str, Any] = field(default_factory=dict)


def wrong(path: str, what: str, fix: str | None = None) -> DefinitionError:
    """The error for the value at ``path``."""
    return DefinitionError(
        f"{path or 'the document'}: {what}", fix=fix or "correct this place of the document, or export the graph again"
    )


def _is(value: Any, kind: type, path: str, words: str | None = None) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = _NAMES.get(type(value), "a number")
        raise wrong(path, f"{words or _NAMES[kind]} is expected, not {found}: {shorten(value)}")


def text(pattern: str | None = None, words: str = "text", **schema: Any) -> Shape:
    """Text; ``pattern`` matches all of it and ``words`` say what that means."""
    compiled = re.compile(pattern) if pattern else None
    whole = pattern is not None and pattern.endswith("$")  # in Python alone, "$" is also before a last line break

    def check(value: Any, path: str) -> None:
        _is(value, str, path, words)
        if compiled is not None and not (compiled.fullmatch if whole else compiled.search)(value):
            raise wrong(path, f"{shorten(value)} is not {words}")

    return Shape(check, {"type": "string", **({"pattern": pattern} if pattern else {}), **schema})


def choice(*values: Any) -> Shape:
    """One of these values."""

    def check(value: Any, path: str) -> None:
        if not any(value == known and type(value) is type(known) for known in values):
            close = nearest(value, [str(v) for v in values]) if isinstance(value, str) else None
            raise wrong(
                path,
                f"{shorten(value)} is none of {', '.join(map(repr, values))}",
                f"did you mean {close!r}?" if close else None,
            )

    return Shape(check, {"enum": list(values)})


def flag() -> Shape:
    """True or false."""
    return Shape(lambda value, path: _is(value, bool, path), {"type": "boolean"})


def whole(minimum: int | None = None) -> Shape:
    """A whole number."""

    def check(value: Any, path: str) -> None:
        _is(value, int, path)
        if minimum is not None and value < minimum:
            raise wrong(path, f"{value} is less than {minimum}")

    return Shape(check, {"type": "integer", **({} if minimum is None else {"minimum": minimum})})


def number(minimum: float | None = None) -> Shape:
    """A number."""

    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong(path, f"a number is expected, not {shorten(value)}")
        if minimum is not None and not value >= minimum:
            raise wrong(path, f"{value} is less than {minimum}")

    return Shape(check, {"type": "number", **({} if minimum is None else {"minimum": minimum})})


def nullable(shape: Shape) -> Shape:
    """The shape, or null."""

    def check(value: Any, path: str) -> None:
        if value is not None:
            shape.check(value, path)

    return Shape(check, {"anyOf": [shape.schema, {"type": "null"}]})


def several(item: Shape, *, least: int = 0, most: int | None = None) -> Shape:
    """A list."""

    def check(value: Any, path: str) -> None:
        _is(value, list, path)
        if len(value) < least or (most is not None and len(value) > most):
            raise wrong(
                path, f"a list of {least if most == least else f'at least {least}'} is expected, not {len(value)}"
            )
        for index, each in enumerate(value):
            item.check(each, f"{path}[{index}]")

    limits = {**({"minItems": least} if least else {}), **({} if most is None else {"maxItems": most})}
    return Shape(check, {"type": "array", "items": item.schema, **limits})


def pair(first: Shape, second: Shape) -> Shape:
    """A list of two."""

    def check(value: Any, path: str) -> None:
        _is(value, list, path)
        if len(value) != 2:
            raise wrong(path, f"a list of 2 is expected, not {len(value)}")
        first.check(value[0], f"{path}[0]")
        second.check(value[1], f"{path}[1]")

    schema = {"type": "array", "prefixItems": [first.schema, second.schema], "minItems": 2, "maxItems": 2}
    return Shape(check, schema)


def tagged(value: Shape, tags: Mapping[str, Shape]) -> Shape:
    """A value: what JSON has, or an object with a key of ``tags`` for what it has not."""
    plain = table(value, r"^(?![$])")
    items = several(value)

    def check(data: Any, path: str) -> None:
        if isinstance(data, dict):
            tag = next((key for key in data if key.startswith("$")), None)
            if tag is not None and tag not in tags:
                close = nearest(tag, tags)
                raise wrong(path, f"{shorten(tag)} is no kind of value", f"did you mean {close!r}?" if close else None)
            (plain if tag is None else tags[tag]).check(data, path)
        elif isinstance(data, list):
            items.check(data, path)
        elif isinstance(data, float) and not math.isfinite(data):
            raise wrong(path, f"{data} is no JSON", f'write {{"$float": "{data}"}}')

    simple = {"type": ["null", "boolean", "number", "string"]}
    kinds = [simple, items.schema, plain.schema, *(shape.schema for shape in tags.values())]
    return Shape(check, {"anyOf": kinds})


def table(item: Shape, names: str = "") -> Shape:
    """An object whose keys are names that the document gives; ``names`` is a pattern that they match."""
    pattern = re.compile(names)

    def check(value: Any, path: str) -> None:
        _is(value, dict, path)
        for key, each in value.items():
            if not pattern.search(key):
                raise wrong(f"{path}.{key}", f"{shorten(key)} cannot be a name here")
            item.check(each, f"{path}.{key}")

    named = {"propertyNames": {"pattern": names}} if names else {}
    return Shape(check, {"type": "object", "additionalProperties": item.schema, **named})


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with exactly these keys."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str) -> None:
        _is(value, dict, path)
        dot = f"{path}." if path else ""
        for key in value:
            if key not in known:
                close = nearest(key, known)
                fix = f"did you mean {close!r}?" if close else f"keys here: {', '.join(known)}"
                raise wrong(f"{dot}{key}", f"there is no key {shorten(key)} here", fix)
        for key in required:
            if key not in value:
                raise wrong(path, f"the key {key!r} is missing")
        for key, each in value.items():
            known[key].check(each, f"{dot}{key}")

    properties = {key: shape.schema for key, shape in known.items()}
    return Shape(
        check,
        {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False},
    )


def by_key(shapes: Mapping[str, Shape]) -> Shape:
    """One of several objects, told apart by the first key of ``shapes`` that is there."""

    def check(value: Any, path: str) -> None:
        _is(value, dict, path)
        found = next((key for key in shapes if key in value), None)
        if found is None:
            raise wrong(path, f"one of the keys {', '.join(shapes)} is expected, not {listing(value)}")
        shapes[found].check(value, path)

    return Shape(check, {"oneOf": [shape.schema for shape in shapes.values()]})


def named(name: str, shapes: Mapping[str, Shape]) -> Shape:
    """A shape that is looked up when it is needed: shapes may hold themselves."""
    return Shape(lambda value, path: shapes[name].check(value, path), {"$ref": f"#/$defs/{name}"})
