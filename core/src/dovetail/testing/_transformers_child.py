"""What the suites of transformers ask another process to do."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from dovetail.config import Settings
from dovetail.errors import DovetailError
from dovetail.plugins import build_catalogue
from dovetail.spec import TypeRef
from dovetail.types import TypeEngine


def _attribute(code: str) -> Any:
    module, _, name = code.partition(":")
    return getattr(importlib.import_module(module), name)


def hash_files(transformer: str, files: list[tuple[str, str]]) -> list[str]:
    """Read files, each with its codec, and give the content hashes of what they hold; an error is told as text."""
    known = _attribute(transformer)()
    found = []
    for codec, path in files:
        try:
            found.append(str(known.content_hash(_attribute(codec)().read(Path(path)))))
        except Exception as error:  # of the plugin under test: the parent says what it means
            found.append(f"{type(error).__name__}: {error}")
    return found


def _types(plugins: list[str]) -> TypeEngine:
    settings = Settings(project_root=Path.cwd(), allow=())
    return TypeEngine(build_catalogue(settings, [importlib.import_module(plugin) for plugin in plugins]))


def look_up(plugins: list[str], names: list[str], roads: list[tuple[str, str]], library: str) -> dict[str, Any]:
    """What is wrong with names of one type, the declared one first, and with its roads; whether looking imported the library."""
    types = _types(plugins)
    found = {}
    for name in names:
        try:
            path = types.check_edge(TypeRef(name), TypeRef(names[0]))
            found[name] = f"another type: {path}" if path.steps else ""
        except DovetailError as error:
            found[name] = str(error)
    for source, target in roads:
        try:
            types.explain(TypeRef(source), TypeRef(target))
        except DovetailError as error:
            found[f"{source} -> {target}"] = str(error)
    return {"names": found, "imported": library in sys.modules}


def without_library(plugins: list[str], name: str) -> list[str]:
    """Class and text of the error that asking for a transformer raises where its library is hidden."""
    try:
        _types(plugins).transformer_named(name)
    except Exception as error:  # what is raised is what is looked at
        return [type(error).__name__, str(error)]
    return ["", ""]
