"""What the reference says beside its tables of names (`test_docs_complete.py`): events, native checks."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

from dovetail.engine import Engine
from dovetail.quality import checks

PageOf = Callable[[str], Any]


def test_every_event_is_explained(page: PageOf) -> None:
    source = "".join(inspect.getsource(m) for m in _modules_of_the_engine())
    emitted = set(re.findall(r'"((?:run|node|gate|dataset)\.[a-z]+)"', source))
    text = page("docs/reference/hooks.md").text
    assert emitted
    assert set(re.findall(r"^- `([a-z]+\.[a-z]+)`: \S", text, re.MULTILINE)) == emitted


def _modules_of_the_engine() -> list[Any]:
    package = Engine.__module__.rpartition(".")[0]
    return [module for name, module in sorted(sys.modules.items()) if name.startswith(f"{package}.")]


def test_every_native_check_is_named(page: PageOf) -> None:
    makers = [name for name in checks.__all__ if inspect.isfunction(getattr(checks, name))]
    for where in ("docs/reference/python-api.md", "docs/how-to/gates.md"):
        text = page(where).text
        assert [name for name in makers if f"`{name}" not in text] == []
