"""The reference of the kit, written from its code: every suite with what the author says and what is checked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from dovetail import testing
from dovetail.testing._base import Suite, required_by

_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")
_OF_THE_KIT = ("covers", "takes_gap")


def suite_classes() -> list[type[Suite]]:
    """The suites that the kit offers, in the order in which it exports them."""
    found = (getattr(testing, name) for name in testing.__all__)
    return [each for each in found if isinstance(each, type) and issubclass(each, Suite)]


def suites() -> str:
    """Markdown: one section per suite."""
    return "\n\n".join(part for suite in suite_classes() for part in _suite(suite))


def _suite(suite: type[Suite]) -> Iterator[str]:
    doc = inspect.getdoc(suite) or ""
    text, _, attributes = doc.partition("\nAttributes:\n")
    bases = [base.__name__ for base in suite.__bases__ if issubclass(base, Suite) and base is not Suite]
    yield f"## {suite.__name__}"
    if bases:
        yield f"All that [{bases[0]}](#{bases[0].lower()}) has, and:"
    yield _markdown(text.strip())
    rows = [(f"`{name}`", told) for name, told in _attributes(attributes)]
    rows += [(f"`{name}{_signature(value)}`", _first(value)) for name, value in _methods(suite)]
    if rows:
        yield _table(("you write", "meaning"), rows)
    checks = [
        (f"`{name}`", ", ".join(f"`{each}`" for each in required_by(suite, name)), _first(value))
        for name, value in vars(suite).items()
        if name.startswith("test")
    ]
    if checks:
        yield _table(("check", "capability", "what must be true"), checks)


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"^    (\w+): (.+(?:\n        .+)*)", text, re.MULTILINE):
        yield match[1], _markdown(match[2])


def _methods(suite: type[Suite]) -> Iterator[tuple[str, Any]]:
    for name, value in vars(suite).items():
        if inspect.isfunction(value) and not name.startswith(("_", "test")) and name not in _OF_THE_KIT:
            yield name, value


def _signature(function: Any) -> str:
    names = list(inspect.signature(function).parameters)[1:]
    return f"({', '.join(names)})"


def _first(function: Any) -> str:
    paragraph = (inspect.getdoc(function) or "").partition("\n\n")[0]
    return _markdown(paragraph)


def _markdown(text: str) -> str:
    plain = _ROLE.sub(r"`\1`", text).replace("``", "`")
    return "\n\n".join(" ".join(part.split()) for part in plain.split("\n\n"))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )
