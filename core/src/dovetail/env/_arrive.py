"""What arrives in a worker of an environment: code and annotations, by value or by the name of their module.

Everything here is referred to by what :mod:`dovetail.env._travel` packs. Only ever called on what the worker's own hub sent.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import pickle  # code goes from the hub to its own child; nothing that comes back is ever unpickled
import sys
import traceback
import types
from pathlib import Path, PurePath
from typing import Annotated, Any, Final

from dovetail.errors import DefinitionError
from dovetail.spec import TypeRef

CLOUDPICKLE: Final = "_dovetail_cloudpickle"
"""What the hub's cloudpickle is called in a worker of an environment."""

_MOVED = {"pathlib._local": "pathlib"}  # where one version of Python has what another one has elsewhere


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The hub's cloudpickle, whatever version of it the environment may hold."""
        top, dot, rest = module.partition(".")
        if top == "cloudpickle":
            module = CLOUDPICKLE + dot + rest
        return super().find_class(_MOVED.get(module, module), name)


def unpack_part(data: bytes) -> Any:
    """What a part of a task was packed from.

    Raises:
        Exception: Whatever importing the modules that it refers to raises.
    """
    return _Unpickler(io.BytesIO(data)).load()


def missing_module(error: ImportError, environment: str, task: str, python: str, hub: str) -> DefinitionError:
    """The error for a module that the environment cannot import.

    Args:
        error: What the import raised.
        environment: Name of the environment.
        task: Name of the task.
        python, hub: Versions of Python there and of the hub, as ``"3.12"``.
    """
    name = (error.name or "").partition(".")[0] or str(error)
    importer = _importer(error)
    why = f"{importer} imports it" if importer else f"the code of task {task!r} uses it"
    fixes = [
        f"add what brings {name!r} to the requirements of {environment!r}",
        "import it inside the function that uses it",
    ]
    if python != hub:
        why += f"; Python is {python} there and {hub} here, so that whole module is imported there"
        fixes.append(f"let the environment have Python {hub}, where only what the function uses travels")
    return DefinitionError(
        f"environment {environment!r} cannot import {name!r}",
        who=f"task {task!r}",
        why=why + ("" if isinstance(error, ModuleNotFoundError) else f" ({error})"),
        fix=", or ".join(fixes),
        module=name,
    )


def _importer(error: ImportError) -> str | None:
    """File and line of the import statement that failed, if it stands in a file."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        module = str(frame.f_globals.get("__name__", ""))
        if not file.startswith("<") and not module.startswith(("dovetail.", "importlib", "_dovetail_cloudpickle")):
            return f"line {line} of {Path(file).name}"
    return None


# -- what packed parts refer to ---------------------------------------------------------------------


def by_name(module: str, file: str | None, stamp: int, qualname: str) -> Any:
    """A function or class of a module that is imported here; a task stands for its function."""
    found: Any = module_by_name(module, file, stamp)
    for step in qualname.split("."):
        found = getattr(found, step)
    return found


def function_by_name(module: str, file: str | None, stamp: int, qualname: str) -> Any:
    """The function behind a task of that name, or the function itself."""
    found = by_name(module, file, stamp, qualname)
    return getattr(found, "function", found) if getattr(type(found), "__dovetail_task__", False) else found


def module_by_name(name: str, file: str | None, stamp: int) -> types.ModuleType:
    """A module by its name, or out of its file where it has a name that was made up; again if the file has changed."""
    if file is None:
        return importlib.import_module(name)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__dovetail_stamp__", None) == stamp:
        return known
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{file} is no Python file", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    module.__dict__["__dovetail_stamp__"] = stamp
    return module


def fill(module: types.ModuleType, told: dict[str, Any]) -> None:
    """Give a module what has come along of it."""
    vars(module).update(told)


class Rest:
    """Gives what was left behind of a module that came by value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self.name), attribute)


def note(data: bytes) -> Any:
    """An annotation of a function; Any where it cannot be had here, since nobody may ever look at it."""
    try:
        return unpack_part(data)
    except Exception:  # importing may raise anything
        return Any


def type_named(module: str, qualname: str, name: str) -> Any:
    """A class of a library, or a reference to it where the library is not here."""
    try:
        return by_name(module, None, 0, qualname)
    except (ImportError, AttributeError):
        return TypeRef(name)


def annotated(base: Any, kept: tuple[Any, ...]) -> Any:
    """An annotation without the gates that stood in it."""
    return Annotated[(base, *kept)] if kept else base


def path(kind: str, text: str) -> PurePath:
    """A path, whose classes live elsewhere in every other version of Python."""
    import pathlib

    found: PurePath = getattr(pathlib, kind)(text)
    return found
