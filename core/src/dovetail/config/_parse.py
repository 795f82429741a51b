"""Reads of single setting values. Each parser returns the value or raises ValueError saying what it expects.

``text`` is True for values that may arrive as text (environment variables, flags). In a file a value has its TOML type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dovetail.config._memory import parse_size
from dovetail.config._urls import mask_url, url_scheme
from dovetail.errors import nearest

Parser = Callable[[object, bool], Any]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def canonical_name(distribution: str) -> str:
    """The name of a distribution as package tools compare it: lower case, runs of ``-``, ``_``, ``.`` as one ``-``."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def boolean(value: object, text: bool) -> bool:
    """``true`` or ``false``; as text also 1/0, yes/no, on/off."""
    if isinstance(value, bool):
        return value
    if text and isinstance(value, str):
        folded = value.strip().lower()
        if folded in _TRUE:
            return True
        if folded in _FALSE:
            return False
    raise ValueError("expected true or false" + (" (or 1/0, yes/no, on/off)" if text else ""))


def integer(least: int) -> Parser:
    """A parser of whole numbers of at least ``least``."""

    def parse(value: object, text: bool) -> int:
        number: object = value
        if text and isinstance(value, str):
            try:
                number = int(value)
            except ValueError:
                number = None
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise ValueError(f"expected a whole number of at least {least}")
        return number

    return parse


def size(value: object, text: bool) -> int:
    """Bytes: a whole number, or a text such as ``"2GB"``, in the file too."""
    if isinstance(value, str):
        return parse_size(value)
    return int(integer(0)(value, False))


def positive_seconds(value: object, text: bool) -> float:
    """A finite number of seconds above 0."""
    number: object = value
    if text and isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number) or number <= 0:
        raise ValueError("expected a number of seconds above 0")
    return float(number)


def choice(*allowed: str) -> Parser:
    """A parser of one of a few words."""

    def parse(value: object, text: bool) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        close = nearest(value, allowed) if isinstance(value, str) else None
        hint = f"; did you mean {close!r}?" if close else ""
        raise ValueError(f"expected one of {', '.join(repr(word) for word in allowed)}{hint}")

    return parse


def path(value: object, text: bool) -> Path:
    """A path; ``~`` is the home directory."""
    if isinstance(value, Path):
        return value.expanduser()
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return Path(value).expanduser()
    raise ValueError("expected a path")


def location(value: object, text: bool) -> Path | str:
    """A path, or a URL without credentials."""
    if not isinstance(value, str) or not url_scheme(value.strip()):
        return path(value.removeprefix("file://") if isinstance(value, str) else value, text)
    if mask_url(value) != value:
        raise ValueError("expected a URL without credentials: write them into [storage.<scheme>]")
    return value.strip()


def words(value: object, text: bool) -> tuple[str, ...]:
    """A list of names; as text, separated by commas."""
    if text and isinstance(value, str):
        return tuple(word for word in (part.strip() for part in value.split(",")) if word)
    if isinstance(value, (list, tuple)) and all(isinstance(word, str) and word.strip() for word in value):
        return tuple(word.strip() for word in value)
    raise ValueError("expected a list of names" + (" separated by commas" if text else ', such as ["one", "two"]'))


def distributions(value: object, text: bool) -> tuple[str, ...]:
    """A list of names of distributions, in canonical form, each once."""
    return tuple(dict.fromkeys(canonical_name(word) for word in words(value, text)))


def owners(kinds: tuple[str, ...]) -> Parser:
    """A parser of ``"task_type.spark" -> distribution``; as text ``task_type.spark=dovetail-spark,...``."""

    def parse(value: object, text: bool) -> dict[str, str]:
        if text and isinstance(value, str):
            value = dict(_pair(part) for part in words(value, True))
        if not isinstance(value, Mapping):
            raise ValueError('expected a table, such as "task_type.spark" = "dovetail-spark"')
        read: dict[str, str] = {}
        for name, owner in _flatten(value):
            kind, _, short = name.partition(".")
            if kind not in kinds or not short:
                close = nearest(kind, kinds)
                hint = f"; did you mean {close + '.' + short!r}?" if close and short else ""
                raise ValueError(f"{name!r} does not begin with one of {', '.join(f'{k}.' for k in kinds)}{hint}")
            read[name] = canonical_name(owner)
        return read

    return parse


def choices(*allowed: str) -> Parser:
    """A parser of a table of names, each with one of a few words; as text ``vaex=isolated,...``."""
    one = choice(*allowed)

    def parse(value: object, text: bool) -> dict[str, str]:
        if text and isinstance(value, str):
            value = dict(_pair(part, "vaex=isolated") for part in words(value, True))
        if not isinstance(value, Mapping):
            raise ValueError(f'expected a table, such as vaex = "{allowed[-1]}"')
        read: dict[str, str] = {}
        for name, word in value.items():
            try:
                read[name] = one(word, text)
            except ValueError as error:
                raise ValueError(f"{name!r}: {error}") from None
        return read

    return parse


def _pair(text: str, form: str = "task_type.spark=dovetail-spark") -> tuple[str, str]:
    name, found, owner = text.partition("=")
    if not found or not name.strip() or not owner.strip():
        raise ValueError(f"{text!r} is not of the form {form}")
    return name.strip(), owner.strip()


def _flatten(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    # Without quotes, TOML reads the dots of task_type.spark = "..." as nested tables; both spellings mean the same.
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            pairs += _flatten(value, name + ".")
        elif isinstance(value, str) and value.strip():
            pairs.append((name, value))
        else:
            raise ValueError(f"{name!r} must be the name of a distribution")
    return pairs


_ENVIRONMENT = ("requires", "python")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def environments(value: object, text: bool) -> dict[str, dict[str, Any]]:
    """A table ``{requires = [...], python = "..."}`` for each name of an environment."""
    read = {}
    for name, table in tables(value, text).items():
        if not _ENVIRONMENT_NAME.fullmatch(name) or name.startswith("auto-"):
            raise ValueError(
                f"{name!r} is no name: use letters, digits, '.', '-' and '_', and do not begin with 'auto-'"
            )
        for key in table:
            if key not in _ENVIRONMENT:
                close = nearest(key, _ENVIRONMENT)
                hint = f"; did you mean {close!r}?" if close else "."
                raise ValueError(f"{name!r} has an unknown key {key!r}{hint} An environment has requires and python")
        try:
            requires = words(table.get("requires", ()), False)
        except ValueError:
            raise ValueError(f'requires of {name!r} is a list of requirements, such as ["pandas<2"]') from None
        python = table.get("python")
        if python is not None and (not isinstance(python, str) or not python.strip()):
            raise ValueError(f'python of {name!r} is a text, such as "3.12" or ">=3.11,<3.13"')
        read[name] = {"requires": requires, "python": python.strip() if python else None}
    return read


def tables(value: object, text: bool) -> dict[str, dict[str, Any]]:
    """A table of tables, one for each name."""
    if isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, Mapping) for k, v in value.items()):
        return {name: dict(table) for name, table in value.items()}
    raise ValueError("expected one table for each name")
