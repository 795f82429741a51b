"""Write the tables of the reference from the code: hooks and declarations, errors, settings, deprecations.

python scripts/reference.py write | check

A page holds prose and generated parts. A part stands between `<!-- NAME: written by make docs -->` and `<!-- end of NAME -->`;
the rest of the page is nobody's but the writer's.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from dovetail import errors, spec
from dovetail.config import setting_docs
from dovetail.errors import DEPRECATIONS, Deprecation, DovetailError
from dovetail.spec import (
    DECLARATION_KINDS,
    HOOK_NAMES,
    CodecSpec,
    ConverterSpec,
    Declaration,
    TransformerSpec,
    _hookspecs,
)
from dovetail.testing._pair_reference import pair_parts
from dovetail.testing._reference import suites
from dovetail.testing._truth_rules import semantics
from tooling import ROOT

SECTIONS = ("Parameters", "Returns", "Called", "Collected", "If it raises", "Since")
"""The sections that the docstring of every hook has, in this order; a hook without parameters leaves out the first."""

_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def generated() -> dict[str, dict[str, str]]:
    """Page -> name of the part -> its text."""
    return {
        "docs/reference/hooks.md": {"hooks": hooks()},
        "docs/reference/check-semantics.md": {"semantics": semantics()},
        "docs/reference/testing.md": {"suites": suites()},
        "docs/reference/frame-pairs.md": pair_parts(pair_files()),
        "docs/reference/errors.md": {"errors": tree_of_errors()},
        "docs/how-to/configure.md": {"settings": settings()},
        "docs/explanation/deprecation-policy.md": {"deprecations": deprecations(DEPRECATIONS.values())},
    }


def pair_files() -> list[Path]:
    """What the suites of pairs found: that of the common environment first."""
    own = [*(ROOT / "plugins").glob("*/tests/frame_pairs.json"), *(ROOT / "contrib").glob("*/tests/frame_pairs.json")]
    return [ROOT / "tests" / "pairs" / "frame_pairs.json", *sorted(own)]


# -------------------------------------------------------------------------------------------------
# Hooks and declarations
# -------------------------------------------------------------------------------------------------


def hooks() -> str:
    """Every hook with its signature and sections, then the declarations that it collects, field by field."""
    return "\n\n".join(part for name in HOOK_NAMES for part in _hook(name))


def _hook(name: str) -> Iterator[str]:
    function = getattr(_hookspecs, name)
    body, sections = hook_sections(name, inspect.getdoc(function) or "")
    summary, _, more = body.partition("\n\n")
    yield f"## {name}{signature(function)}"
    yield markdown(summary)
    yield "\n".join(f"- **{title}**: {markdown(text)}" for title, text in sections.items())
    if more:
        yield markdown(more)
    for kind in collected_by(name):
        yield from _declaration(kind)


def signature(function: Callable[..., Any]) -> str:
    """As it is written, without the quotes of annotations."""
    return str(inspect.signature(function)).replace("'", "")


def hook_sections(name: str, docstring: str) -> tuple[str, dict[str, str]]:
    """What stands before the first section, and the text of each.

    Raises:
        ValueError: A section is missing, unknown, or out of order.
    """
    title = "|".join(SECTIONS)
    body, *rest = re.split(rf"^({title}):\s+", docstring, flags=re.MULTILINE)
    sections = {rest[i]: " ".join(rest[i + 1].split()) for i in range(0, len(rest), 2)}
    has_parameters = bool(inspect.signature(getattr(_hookspecs, name)).parameters)
    wanted = [section for section in SECTIONS if has_parameters or section != "Parameters"]
    if list(sections) != wanted or not body.strip() or not all(sections.values()):
        raise ValueError(f"the docstring of {name} has the sections {list(sections)}, it needs {wanted}")
    return body.strip(), sections


def collected_by(hook: str) -> list[type[Declaration]]:
    """The declarations that a hook collects, and what those hold."""
    kinds = [kind for kind in DECLARATION_KINDS.values() if kind.hook == hook]
    return [*kinds, *((ConverterSpec, CodecSpec) if TransformerSpec in kinds else ())]


def _declaration(kind: type[Declaration]) -> Iterator[str]:
    docstring = inspect.getdoc(kind) or ""
    summary = docstring.partition("\n")[0]
    meanings = attribute_docs(docstring)
    types = typing.get_type_hints(kind)
    rows = []
    for field in dataclasses.fields(kind):
        default = "" if field.default is dataclasses.MISSING else f"`{field.default!r}`"
        rows.append(
            (f"`{field.name}`", f"`{_type(types[field.name])}`", default, markdown(meanings.get(field.name, "")))
        )
    yield f"### {kind.__name__}"
    yield markdown(summary)
    yield table(("field", "type", "default", "meaning"), rows)


def attribute_docs(docstring: str) -> dict[str, str]:
    """Name -> text of the section ``Attributes:`` of a docstring."""
    found: dict[str, str] = {}
    name = ""
    for line in docstring.partition("\nAttributes:\n")[2].splitlines():
        match = re.fullmatch(r"    (\w+): (.+)", line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif name and line.startswith("        "):
            found[name] += f" {line.strip()}"
        else:
            name = ""
    return found


def _type(annotation: Any) -> str:
    if typing.get_origin(annotation) is typing.Literal:
        return " | ".join(f'"{value}"' for value in typing.get_args(annotation))
    text = annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)
    return text.replace(f"{spec.ConverterSpec.__module__}.", "")


# -------------------------------------------------------------------------------------------------
# Errors, settings, deprecations
# -------------------------------------------------------------------------------------------------


def error_classes() -> list[type[DovetailError]]:
    """Every class of the tree below the root, in the order of the tree."""
    public = (getattr(errors, name) for name in errors.__all__)
    return [
        each
        for each in public
        if inspect.isclass(each) and issubclass(each, DovetailError) and each is not DovetailError
    ]


def tree_of_errors() -> str:
    """One row for each class."""
    rows = []
    for each in error_classes():
        # The kind and the exit code, which the docstrings of the branches name, have columns of their own.
        said = " ".join((inspect.getdoc(each) or "").partition("\n\n")[0].split())
        said = re.sub(r" Exit code \d\.", "", said)
        rows.append(
            (f"`{each.__name__}`", f"`{each.__bases__[0].__name__}`", each.kind, str(each.exit_code), markdown(said))
        )
    return table(("error", "is a", "kind", "exit code", "when"), rows)


def settings() -> str:
    """One row for each setting."""
    rows = [(f"`{key}`", f"`{env}`" if env else "", f"`{default}`", text) for key, env, default, text in setting_docs()]
    return table(("key", "environment variable", "default", "meaning"), rows)


def deprecations(entries: Iterable[Deprecation]) -> str:
    """One row for each thing that is on its way out."""
    rows = [
        (f"`{each.what}`", markdown(each.instead), each.since, each.removed_in, str(each.api or ""), markdown(each.why))
        for each in entries
    ]
    if not rows:
        return "Nothing is deprecated."
    return table(("what", "instead", "deprecated since", "removed in", "hook API", "why"), rows)


# -------------------------------------------------------------------------------------------------
# Text
# -------------------------------------------------------------------------------------------------


def markdown(text: str) -> str:
    """A docstring's markup as Markdown: roles and double quotes become code."""
    return _ROLE.sub(r"`\1`", text).replace("``", "`")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    head = tuple(header)
    lines = [head, tuple("---" for _ in head), *rows]
    text = [
        "|" + "|".join(cell if cell == "---" else f" {cell.replace('|', chr(92) + '|')} " for cell in line) + "|"
        for line in lines
    ]
    return "\n".join(text)


def fences(name: str) -> tuple[str, str]:
    """The lines before and after a generated part."""
    return f"<!-- {name}: written by make docs -->", f"<!-- end of {name} -->"


def filled(page: str, text: str, parts: dict[str, str]) -> str:
    """The page with its parts as they should be.

    Raises:
        ValueError: The page has no place for one of them.
    """
    for name, part in parts.items():
        begin, end = fences(name)
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"{page}: the part {name} needs one line '{begin}' and after it one line '{end}'")
        before, after = text[: text.index(begin)], text[text.index(end) :]
        text = f"{before}{begin}\n\n{part}\n\n{after}"
    return text


def stale(root: Path = ROOT) -> dict[Path, str]:
    """The pages that are not as they should be, with the text that they should have."""
    found = {}
    for page, parts in generated().items():
        path = root / page
        text = path.read_text(encoding="utf-8")
        wanted = filled(page, text, parts)
        if wanted != text:
            found[path] = wanted
    return found


def main() -> int:
    """Returns the exit code."""
    if sys.argv[1:] not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    pages = stale()
    if sys.argv[1] == "write":
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
        return 0
    for path in pages:
        print(f"{path.relative_to(ROOT)} is not what the code says: make docs", file=sys.stderr)
    return 1 if pages else 0


if __name__ == "__main__":
    raise SystemExit(main())
