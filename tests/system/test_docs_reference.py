"""The reference is in step with the code: settings, hooks, declarations, errors, names."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Any

import dovetail
import pytest
from dovetail import errors, spec
from dovetail.config import setting_docs
from dovetail.engine import Engine
from dovetail.quality import checks
from dovetail.spec import DECLARATION_KINDS, HOOK_NAMES, _hookspecs

PageOf = Callable[[str], Any]


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without back quotes."""
    cells = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in row] for row in cells]


def section(text: str, heading: str) -> str:
    return re.split(r"^#+ ", text.partition(f" {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", HOOK_NAMES)
def test_every_hook_is_a_heading_with_its_exact_signature(page: PageOf, name: str) -> None:
    signature = str(inspect.signature(getattr(_hookspecs, name))).replace("'", "")
    assert f"{name}{signature}" in headings(page("docs/reference/hooks.md").text)


def test_no_heading_is_a_hook_that_is_not_there(page: PageOf) -> None:
    found = [h.partition("(")[0] for h in headings(page("docs/reference/hooks.md").text) if h.startswith("dovetail_")]
    assert tuple(found) == HOOK_NAMES


@pytest.mark.parametrize("kind", sorted(DECLARATION_KINDS))
def test_every_field_of_a_declaration_is_explained(page: PageOf, kind: str) -> None:
    explained = [row[0] for row in rows(section(page("docs/reference/hooks.md").text, kind))[2:]]
    assert explained == [field.name for field in dataclasses.fields(getattr(spec, kind))]


def test_every_event_is_explained(page: PageOf) -> None:
    source = "".join(inspect.getsource(m) for m in _modules_of_the_engine())
    emitted = set(re.findall(r'"((?:run|node|gate|dataset)\.[a-z]+)"', source))
    text = page("docs/reference/hooks.md").text
    assert emitted
    assert {row[0] for row in rows(text) if "." in row[0]} == emitted


def _modules_of_the_engine() -> list[Any]:
    import sys

    package = Engine.__module__.rpartition(".")[0]
    return [module for name, module in sorted(sys.modules.items()) if name.startswith(f"{package}.")]


ERRORS = [
    cls for name in errors.__all__ if isinstance(cls := getattr(errors, name), type) and issubclass(cls, Exception)
]


@pytest.mark.parametrize("error", [cls for cls in ERRORS if cls is not errors.DovetailError])
def test_every_error_is_there_with_kind_and_exit_code(page: PageOf, error: type[errors.DovetailError]) -> None:
    found = [row for row in rows(page("docs/reference/errors.md").text) if row[0] == error.__name__]
    assert [row[:4] for row in found] == [
        [error.__name__, error.__bases__[0].__name__, error.kind, str(error.exit_code)]
    ]


@pytest.mark.parametrize("name", dovetail.__all__)
def test_every_public_name_is_explained(page: PageOf, name: str) -> None:
    found = [row for row in rows(page("docs/reference/python-api.md").text) if row[0] == f"dt.{name}"]
    assert len(found) == 1 and len(found[0][1]) > 10


def test_no_name_is_explained_that_is_not_there(page: PageOf) -> None:
    names = {row[0].removeprefix("dt.") for row in rows(page("docs/reference/python-api.md").text)}
    assert {n for n in names if n.isidentifier() and n != "name"} <= set(dovetail.__all__)


def test_every_native_check_is_named(page: PageOf) -> None:
    makers = [name for name in checks.__all__ if inspect.isfunction(getattr(checks, name))]
    for where in ("docs/reference/python-api.md", "docs/how-to/gates.md"):
        text = page(where).text
        assert [name for name in makers if f"`{name}" not in text] == []


def test_the_table_of_settings_is_that_of_the_code(page: PageOf) -> None:
    table = rows(section(page("docs/how-to/configure.md").text, "Settings"))[2:]
    wanted = [[k, e or "", d.replace("`", ""), m.replace("`", "")] for k, e, d, m in setting_docs()]
    assert table == wanted
