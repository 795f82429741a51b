"""From what a person types to a value of an input: the type engine reads it, and the message says what was expected."""

from __future__ import annotations

import contextlib
import enum
import json
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from dovetail.cli._records import check_keys, fix_for, why_not
from dovetail.cli._text import clean
from dovetail.config import redact
from dovetail.errors import DovetailError, UsageError, ValueMismatch, listing, nearest, shorten
from dovetail.graph import base_type, element_type, type_text
from dovetail.spec import TypeRef
from dovetail.types import Directory, File, TypeEngine

_METAVARS = {
    "int": "INTEGER",
    "float": "FLOAT",
    "str": "TEXT",
    "bool": "BOOLEAN",
    "bytes": "TEXT",
    "Any": "VALUE",
    "datetime.date": "DATE",
    "datetime.datetime": "DATETIME",
    "datetime.time": "TIME",
    "datetime.timedelta": "DURATION",
    "decimal.Decimal": "DECIMAL",
    "uuid.UUID": "UUID",
}
_EXPECTED = {
    "INTEGER": "an integer, such as 3",
    "FLOAT": "a number, such as 0.5",
    "BOOLEAN": "true or false",
    "DATE": "a date, such as 2026-01-31",
    "DATETIME": "a time, such as 2026-01-31T23:59:00",
    "TIME": "a time of day, such as 23:59",
    "DURATION": "a duration, such as 00:05:00 or PT5M",
    "DECIMAL": "a decimal number, such as 12.50",
    "UUID": "a UUID",
}


@dataclass
class InputKind:
    """How an input is typed on a command line.

    Attributes:
        annotation: The type, without ``Annotated``.
        metavar: Stands for the value in help.
        choices: The texts that are allowed, and their values; empty if that is not limited.
        flag: A bool: the flag itself is the value.
        element: Kind of the elements of a list, set or ``tuple[T, ...]``, which may be given one by one; else None.
        structured: Typed as JSON, or as ``@file.json``.
        typeable: False for frames and whatever else has no text.
    """

    annotation: Any
    metavar: str
    choices: dict[str, Any] = field(default_factory=dict)
    flag: bool = False
    element: InputKind | None = None
    structured: bool = False
    typeable: bool = True


def kind_of(annotation: Any, engine: TypeEngine) -> InputKind:
    """How values of this type are typed."""
    base = base_type(annotation)
    inner = _without_none(base)
    if inner is bool:
        return InputKind(base, "BOOLEAN", flag=True)
    choices = _choices(inner)
    if choices:
        return InputKind(base, f"[{'|'.join(choices)}]", choices=choices)
    if isinstance(inner, type) and issubclass(inner, (File, Directory)):
        return InputKind(base, inner.__name__.upper())
    if isinstance(inner, type) and issubclass(inner, Path):
        return InputKind(base, "PATH")
    element = _element(inner)
    if element is not None:
        kind = kind_of(element, engine)
        return InputKind(base, kind.metavar, element=kind, structured=True)
    name = engine.type_name(inner)
    if name in _METAVARS:
        return InputKind(base, _METAVARS[name], structured=name == "Any")
    if _is_union(inner) and all(engine.type_name(part) in _METAVARS for part in get_args(inner)):
        return InputKind(base, "|".join(_METAVARS[engine.type_name(part)] for part in get_args(inner)))
    if not _is_data(inner):
        return InputKind(base, "VALUE", typeable=False)
    return InputKind(base, "JSON", structured=True)


def _is_data(annotation: Any) -> bool:
    """Whether values can be written as JSON."""
    from pydantic import PydanticUserError, TypeAdapter

    if isinstance(annotation, (str, TypeRef)):
        return False
    try:
        TypeAdapter(annotation)
    except PydanticUserError as error:
        return error.code == "typed-dict-version"  # before Python 3.12 only the type engine knows a TypedDict
    return True


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (typing.Union, types.UnionType)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])  # what stands behind it is looked at when there is a value
    if not _is_union(annotation):
        return annotation
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return _without_none(base_type(parts[0])) if len(parts) == 1 else typing.Union[tuple(parts)]  # noqa: UP007


def _choices(annotation: Any) -> dict[str, Any]:
    if get_origin(annotation) is Literal:
        return {_word(value): value for value in get_args(annotation)}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        members = list(annotation)
        plain = all(isinstance(member.value, (str, int)) for member in members)
        return {_word(member.value) if plain else member.name: member for member in members}
    return {}


def _word(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return value.name
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _element(annotation: Any) -> Any:
    """The type of the elements where they may be given one by one; None for fixed tuples and all that is no list."""
    base = get_origin(annotation) or annotation
    if base is tuple and not (len(get_args(annotation)) == 2 and get_args(annotation)[1] is Ellipsis):
        return None
    if isinstance(base, type) and issubclass(base, (str, bytes, dict)):
        return None
    return element_type(annotation) if annotation is not Any else None


def _named(kind: InputKind) -> str:
    """The type of an input, for people."""
    return clean(type_text(kind.annotation))


def read(texts: Sequence[str], kind: InputKind, flag: str, engine: TypeEngine) -> Any:
    """The value of an input.

    Args:
        texts: What was typed; several for a flag that was repeated.
        kind: Of the input.
        flag: For messages: ``--month``.
        engine: Reads and validates.

    Raises:
        ValueMismatch: It does not say such a value; names the flag, the text and what was expected.
        UsageError: A file that was named cannot be read.
    """
    if kind.element is not None:
        return _read_list(texts, kind, flag, engine)
    if len(texts) > 1:
        raise UsageError(
            f"{flag} was given {len(texts)} times",
            why=f"it takes one {_named(kind)}",
            fix=f"give {flag} once",
        )
    return _read_one(texts[0], kind, flag, engine)


def _read_list(texts: Sequence[str], kind: InputKind, flag: str, engine: TypeEngine) -> Any:
    assert kind.element is not None
    if len(texts) == 1 and texts[0].lstrip()[:1] in ("[", "@"):
        return _read_one(texts[0], InputKind(kind.annotation, "JSON", structured=True), flag, engine)
    items = [_read_one(text, kind.element, flag, engine) for text in texts]
    return _fitted(items, kind, flag, engine)


def _fitted(items: list[Any], kind: InputKind, flag: str, engine: TypeEngine) -> Any:
    inner = _without_none(kind.annotation)
    made = (get_origin(inner) or inner) if isinstance(get_origin(inner) or inner, type) else list
    concrete = made if made in (tuple, set, frozenset) else list
    try:
        return engine.accept(concrete(items), kind.annotation)
    except DovetailError as error:
        raise _mismatch(flag, ", ".join(map(str, items)), _named(kind), error) from error


def _read_one(text: str, kind: InputKind, flag: str, engine: TypeEngine) -> Any:
    if kind.choices:
        return _choose(text, kind, flag)
    if not kind.typeable:
        raise UsageError(
            f"{flag} takes a {_named(kind)}, which cannot be typed",
            fix="let a task read it from a dt.File, or run the workflow from Python: dt.run(...)",
        )
    inner = _without_none(kind.annotation)
    if kind.structured:
        return _read_json(text, kind, flag, engine)
    if isinstance(inner, type) and issubclass(inner, (File, Directory)):
        found = _existing(text, inner, flag)
        try:
            return engine.accept(found, kind.annotation)
        except DovetailError as error:
            raise _mismatch(flag, str(found), _named(kind), error) from error
    try:
        return engine.parse(text, kind.annotation)
    except DovetailError as error:
        raise _mismatch(flag, text, _EXPECTED.get(kind.metavar, _named(kind)), error) from error


def _choose(text: str, kind: InputKind, flag: str) -> Any:
    if text in kind.choices:
        return kind.choices[text]
    for value in kind.choices.values():
        if isinstance(value, enum.Enum) and value.name == text:
            return value
    close = nearest(text, kind.choices)
    raise UsageError(
        f"{flag} takes one of {', '.join(kind.choices)}, not {_shown(text)}",
        fix=f"did you mean {flag} {close}?" if close else f"{flag} {next(iter(kind.choices))}",
    )


def _existing(text: str, kind: type[File] | type[Directory], flag: str) -> Any:
    if kind(text).url is not None:
        return kind(text)  # whether it is there shows when the run looks at it
    path = Path(kind(text).path)
    wanted, there = ("directory", path.is_dir()) if issubclass(kind, Directory) else ("file", path.is_file())
    if there:
        return kind(path.absolute())
    siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, siblings)
    raise UsageError(
        f"{flag}: there is no {wanted} {_shown(text)}",
        fix=f"did you mean {path.parent / close}?" if close else "check the path",
    )


def _read_json(text: str, kind: InputKind, flag: str, engine: TypeEngine) -> Any:
    anything = kind.annotation is Any
    if text.startswith("@") and not anything:
        text = _file_text(text[1:], flag)
    try:
        data = json.loads(text)
    except ValueError as error:
        if anything:
            return text
        fix = f"write JSON, in quotes for the shell, or {flag} @file.json"
        raise ValueMismatch(
            f"{flag} takes a {_named(kind)} as JSON, not {_shown(text)}", why=str(error), fix=fix
        ) from error
    if anything:
        return data
    record = _without_none(kind.annotation)
    check_keys(data, record, flag, _named(kind), strict=False)
    try:
        return engine.parse(text, kind.annotation)
    except DovetailError as error:
        check_keys(data, record, flag, _named(kind), strict=True)
        for other in (data, _by_pydantic(text, kind.annotation, error)):
            with contextlib.suppress(DovetailError):
                return engine.accept(other, kind.annotation)
        raise _mismatch(flag, text, _named(kind), error) from error


def _by_pydantic(text: str, annotation: Any, error: DovetailError) -> Any:
    """The value that pydantic reads, for records that the type engine walks itself; else the place where it does not fit
    is added to ``error``."""
    from pydantic import PydanticUserError, TypeAdapter, ValidationError

    try:
        return TypeAdapter(annotation).validate_json(text)
    except ValidationError as found:
        first = found.errors(include_url=False, include_context=False)[0]
        error.details["expected"] = first["msg"].removeprefix("Input should be ")
        error.details["path"] = ".".join(map(str, first["loc"]))
    except PydanticUserError:
        pass  # a type that pydantic alone does not know
    return None


def _file_text(name: str, flag: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise UsageError(f"{flag}: the file {_shown(name)} cannot be read", why=why, fix="check the path") from error


def _mismatch(flag: str, text: str, expected: str, error: DovetailError) -> ValueMismatch:
    return ValueMismatch(
        f"{flag} takes {expected}, not {_shown(text)}",
        why=why_not(error),
        fix=fix_for(error, flag),
        flag=flag,
        value=redact(text),
        expected=expected,
    )


def _shown(text: str) -> str:
    return shorten(clean(redact(text)), 80)


def default_text(value: Any, kind: InputKind) -> str:
    """A default as it would be typed."""
    if isinstance(value, enum.Enum) or kind.choices:
        return next((word for word, choice in kind.choices.items() if choice == value), _word(value))
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple, set, frozenset)) and kind.element is not None:
        element = kind.element
        return listing([default_text(item, element) for item in value]) if value else "[]"
    shown = clean(redact(str(value)))
    return shown if len(shown) <= 60 else shown[:59] + "…"
