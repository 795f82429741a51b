"""Where a module lies, without importing anything of it."""

# ruff: noqa: PTH208, PTH100, PTH113, PTH118, PTH120 - pathlib costs more than what is done with these paths
from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from typing import Any


def locate(module: str) -> str | None:
    """The source file that importing ``module`` would run, or None if there is none: not found, or not Python source.

    Only finders are asked, and only about the first part of the name, since asking about the rest would import it.
    """
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except Exception:  # a module without spec, or somebody else's finder
        return None
    if spec is None:
        return None
    if not rest:
        return _source(spec.origin or "")
    for folder in spec.submodule_search_locations or ():
        base = os.path.join(folder, *rest)
        for candidate in (os.path.join(base, "__init__.py"), base + ".py"):
            if os.path.isfile(candidate):
                return os.path.abspath(candidate)
    return None


def _source(origin: str) -> str | None:
    return os.path.abspath(origin) if origin.endswith(".py") and os.path.isfile(origin) else None


def look_afresh() -> None:
    """Let finders forget what they have seen: a package may have been installed a moment ago.

    As ``importlib.invalidate_caches()``, but that one imports ``importlib.metadata`` from Python 3.12 on, which takes longer than
    listing all plugins.
    """
    for entry, finder in list(sys.path_importer_cache.items()):
        if finder is None:
            sys.path_importer_cache.pop(entry, None)
    finders: list[Any] = [*sys.path_importer_cache.values(), *sys.meta_path]
    for finder in finders:
        if finder is not PathFinder and hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()


def surely_missing(names: Iterable[str]) -> set[str]:
    """Those top-level modules that a glance at the path rules out; of the others, the finders have to be asked.

    Asking the finders about each of many modules that are not there is what would make a long list of plugins slow.
    """
    wanted = set(names)
    others = [finder for finder in sys.meta_path if finder is not PathFinder]
    stems: set[str] = set()
    for entry in sys.path:
        try:
            stems |= {name.partition(".")[0].lower() for name in os.listdir(entry or os.curdir)}
        except NotADirectoryError:
            return set()  # a zip file
        except OSError:
            continue
    missing = {name for name in wanted if name.lower() not in stems and name not in sys.modules}
    return {name for name in missing if not any(_knows(finder, name) for finder in others)}


def _knows(finder: Any, name: str) -> bool:
    try:
        return finder.find_spec(name, None) is not None
    except Exception:
        return True  # somebody else's finder; to be asked properly


def package_folder(file: str) -> str:
    """The directory of the outermost package, namespaces aside, whose source file this is; of a module, where it lies."""
    folder = os.path.dirname(file)
    while os.path.isfile(os.path.join(os.path.dirname(folder), "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def package_files(file: str) -> list[str]:
    """The Python files of the package whose source file this is, itself first; a module stands alone.

    For a plugin whose import told nothing about what it read, because it never ended.
    """
    found = [file]
    folder = package_folder(file)
    if not os.path.isfile(os.path.join(folder, "__init__.py")):
        return found
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        found += [path for name in sorted(names) if (path := os.path.join(directory, name)).endswith(".py")]
        if len(found) > _MANY:
            break
    return list(dict.fromkeys(found))[:_MANY]


_MANY = 1000


def is_standard(name: str) -> bool:
    """Whether a module belongs to Python itself."""
    return name.partition(".")[0] in sys.stdlib_module_names
