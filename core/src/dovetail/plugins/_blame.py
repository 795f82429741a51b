"""Where in a plugin's own code something went wrong, and what to do about it: correct it if one has the source, else upgrade."""

# ruff: noqa: PTH100, PTH109, PTH120 - pathlib costs more than what is done with these paths
from __future__ import annotations

import os
import re
import traceback
from dataclasses import fields, is_dataclass
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from dovetail.errors import nearest
from dovetail.plugins._locate import locate, package_folder
from dovetail.plugins._records import Identity
from dovetail.plugins._scan import editable_root, requirements_of, versions_here

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_UNEXPECTED = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")

_Place = tuple[str, int | None]


def place(error: BaseException, identity: Identity | None = None) -> str:
    """The last line that is not of what called the plugin: dovetail, pluggy, Python's import; else its hook module; ``""``."""
    found = _theirs(error)
    if found:
        file, line = found[-1]
        return _said(file, line)
    return (locate(identity.module) if identity is not None else None) or ""


def trace(error: BaseException) -> str:
    """The traceback without the frames of what called the plugin; whole if there are no others."""
    frames = traceback.extract_tb(error.__traceback__)
    kept = [frame for frame in frames if _is_theirs(frame.filename)]
    return "".join(traceback.format_list(kept or frames))


def likely(error: BaseException) -> str | None:
    """The name that was probably meant, where the error is about one that there is not."""
    if isinstance(error, AttributeError) and isinstance(error.obj, (ModuleType, type)) and error.name:
        return nearest(error.name, [name for name in vars(error.obj) if not name.startswith("_")])
    if isinstance(error, ModuleNotFoundError) and error.name and "." in error.name:
        folder, _, last = error.name.rpartition(".")
        source = locate(folder)
        beside = [each.name for each in iter_modules([os.path.dirname(source)])] if source else []
        close = nearest(last, beside)
        return f"{folder}.{close}" if close else None
    if isinstance(error, TypeError) and (match := _UNEXPECTED.match(str(error))):
        from dovetail import spec  # a face that loads its contracts at first use

        cls = getattr(spec, match[1], None)
        return nearest(match[2], [each.name for each in fields(cls)]) if is_dataclass(cls) else None
    return None


def is_authors(identity: Identity) -> bool:
    """Whether the source of a plugin lies here to be worked on: it is not packaged, or installed as editable."""
    return _root(identity) is not None


def repair(identity: Identity, error: BaseException | None = None) -> str:
    """What to type about a defect of a plugin: the place to correct for who has its source, else an upgrade.

    Args:
        identity: The plugin.
        error: What its code raised; tells the line, if one of its own raised it.
    """
    root = _root(identity)
    if root is None:
        return f"pip install --upgrade {identity.distribution}"
    found = _own(error, identity) if error is not None else None
    file, line = found or (locate(identity.module), None)
    if not file:
        return f"correct the module {identity.module}"
    below = os.path.relpath(file, root)
    shown = _said(file if below.startswith(os.pardir) else below, line)
    close = likely(error) if error is not None else None
    return f"did you mean {close!r}? correct {shown}" if close else f"correct {shown}"


def manifest_fix(identity: Identity) -> str:
    """What to type about a manifest that is not current: its author writes it anew, anybody else gets a better one."""
    if is_authors(identity):
        return f"dovetail plugins manifest {identity.name}"
    return f"pip install --upgrade {identity.distribution}"


def absent(identity: Identity, module: str, hook: bool, error: BaseException) -> str:
    """What to type about a module of the plugin's own that there is not.

    Args:
        identity: The plugin.
        module: Import name of what is missing.
        hook: Whether it is the hook module, which the entry point names.
        error: What importing it raised.
    """
    if not identity.distribution:
        return repair(identity, error) if likely(error) or not hook else "correct the name, or the path"
    if not is_authors(identity):
        return f"pip install --force-reinstall {identity.distribution}"
    if hook and _own(error, identity) is None:
        close = likely(error)
        meant = f"did you mean {close!r}? " if close else ""
        return f"{meant}correct the entry point {identity.name} in pyproject.toml; pip install --editable ."
    return repair(identity, error)


def undeclared(identity: Identity, module: str) -> str:
    """What to type about a module of somebody else's that a plugin needs and that is not installed.

    Installing the plugin again brings what it requires and is missing; of what it does not declare it knows nothing.
    """
    required = requirements_of(identity.distribution)
    if required is not None:
        here = versions_here(name for name, _ in required)
        lacking = [extra for name, extra in required if not here[name]]
        if "" in lacking:
            return f"pip install {identity.distribution}"
        if lacking:
            return f"pip install '{identity.distribution}[{lacking[0]}]'"
    if is_authors(identity):
        return f"add what brings {module} to the dependencies in pyproject.toml; pip install --editable ."
    return f"install the library that has the module {module}: {identity.distribution} does not say that it needs it"


def _root(identity: Identity) -> str | None:
    return editable_root(identity.distribution) if identity.distribution else os.getcwd()


def _said(file: str, line: int | None) -> str:
    return f"{file}, line {line}" if line else file


def _theirs(error: BaseException) -> list[_Place]:
    if isinstance(error, SyntaxError) and error.filename:
        return [(error.filename, error.lineno)]
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    return [(frame.filename, frame.lineno) for frame in frames if _is_theirs(frame.filename)]


def _is_theirs(file: str) -> bool:
    return not (
        file.startswith(("<", _OURS)) or f"{os.sep}importlib{os.sep}" in file or f"{os.sep}pluggy{os.sep}" in file
    )


def _own(error: BaseException, identity: Identity) -> _Place | None:
    source = locate(identity.module)
    if source is None:
        return None
    package = package_folder(source) + os.sep
    own = [(file, line) for file, line in _theirs(error) if file.startswith(package) and "site-packages" not in file]
    return own[-1] if own else None
