"""Which of the modules that are loaded here a worker process can import by their names."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import sysconfig
from importlib.machinery import ModuleSpec
from types import ModuleType


def worker_imports(name: str) -> bool:
    """True if a worker with this module path finds a loaded module by its name, and finds the same one.

    False for a pipeline file under a made-up name, for a test module under ``--import-mode=importlib``, for a module that
    another one of the same name hides, and for one that was made without a file. What is not loaded here is left to the
    worker to find.
    """
    module = sys.modules.get(name)
    top = name.partition(".")[0]
    if module is None or top in sys.stdlib_module_names or top in ("__main__", "dovetail"):
        return True  # of __main__, everything travels by value anyway
    file = getattr(module, "__file__", None)
    if file is None:
        return _find(name) is not None or (
            top != name and _find(top) is not None
        )  # a package may make modules of its own
    if os.path.realpath(file).startswith(_installed()):
        return True
    found = _find(name)
    return found is not None and _is_at(found, module)


def _find(name: str) -> ModuleSpec | None:
    """Like ``importlib.util.find_spec``, which for a loaded module only repeats what that says of itself."""
    path = None
    parent = name.rpartition(".")[0]
    if parent:
        package = _find(parent)
        if package is None or package.submodule_search_locations is None:
            return None
        path = list(package.submodule_search_locations)
    for finder in tuple(sys.meta_path):
        with contextlib.suppress(Exception):  # anybody's finder, and parents that were put into sys.modules by hand
            found = finder.find_spec(name, path)
            if found is not None:
                return found
    return None


def _is_at(found: ModuleSpec, module: ModuleType) -> bool:
    places = {str(module.__file__), str(getattr(module.__spec__, "origin", None))}
    return found.origin in places or os.path.realpath(found.origin or "") in map(os.path.realpath, places)


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({os.path.realpath(paths[kind]) + os.sep for kind in ("purelib", "platlib")})
