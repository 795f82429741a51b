"""No name that is allowed is also the name of something that the template writes or imports."""

from __future__ import annotations

import ast
from pathlib import Path

from dovetail.scaffold import new_plugin
from dovetail.scaffold._names import _CLASSES


def names_in(path: Path) -> set[str]:
    """The classes and imported names of a module that look like classes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return {name for name in found if name[0].isupper() and not name.isupper()}


def test_the_table_of_taken_classes_is_whole(place: Path) -> None:
    made = new_plugin("zyx")
    for path in made.directory.rglob("*.py"):
        used = names_in(path)
        if "Zyx" not in "".join(used):
            continue  # no class of the plugin's name can clash there
        rest = {name for name in used if not name.startswith(("Zyx", "Test"))}
        assert rest <= _CLASSES, path
