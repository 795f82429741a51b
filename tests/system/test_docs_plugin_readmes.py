"""The README of every plugin: what its examples import, its install lines bring."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from dovetail.plugins import known_distributions

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
ENGINES = {name: {name.removeprefix("dovetail-")} for name in known_distributions()} | {"dovetail-sql": set()}
"""What ``[engine]`` of a plugin brings that a user imports."""


def imported(code: str) -> set[str]:
    """First parts of the names of the modules that a piece of code imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


@pytest.mark.parametrize("readme", sorted(PLUGINS.glob("*/README.md")), ids=lambda path: path.parent.name)
def test_what_the_examples_import_is_installed_by_the_lines_above(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    brought = {"dovetail"}
    lines = "".join(re.findall(r"^    pip install ([^#\n]+)", text, re.MULTILINE))
    for distribution, extra in re.findall(r"([a-z][a-z-]+)(\[engine\])?", lines):
        brought.add(distribution.replace("-", "_"))
        if extra:
            brought |= ENGINES.get(distribution, set())
        if "dovetail[arrow]" in (readme.parent / "pyproject.toml").read_text(encoding="utf-8"):
            brought.add("pyarrow")
    for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        assert imported(code) <= brought
