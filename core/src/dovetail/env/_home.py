"""What workers need to know of an environment, and how they stand in it."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Home(Protocol):
    """A built environment, as far as its workers are concerned."""

    @property
    def name(self) -> str:
        """For people: ``"vaex"``."""

    @property
    def digest(self) -> str:
        """Of its lock and interpreter: equal digests, equal content."""

    @property
    def path(self) -> Path:
        """Its directory."""

    @property
    def python(self) -> Path:
        """The interpreter inside of it."""

    @property
    def python_version(self) -> tuple[int, int, int]:
        """Version of that interpreter."""

    def hold(self) -> AbstractContextManager[None]:
        """Keeps it from being removed while somebody uses it."""


# What this process's interpreter was told says nothing about another one. Bytecode is what makes a worker start quickly.
_OF_THE_HUB = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONPLATLIBDIR",
    "__PYVENV_LAUNCHER__",
)


_INSTALLED = frozenset({"site-packages", "dist-packages"})


def environ_of(home: Home, root: Path) -> dict[str, str]:
    """Environment variables of a worker, and of what it starts: as if the environment were activated, and the root found."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_HUB}
    return kept | {
        "VIRTUAL_ENV": str(home.path),
        "PATH": os.pathsep.join([str(home.python.parent), *os.get_exec_path()]),
        "PYTHONPATH": str(root),
        "PYTHONNOUSERSITE": "1",
    }


def project_paths() -> list[str]:
    """The entries of this process's module path that belong to the project and not to its interpreter, absolute."""
    try:
        here = str(Path.cwd())
    except OSError:  # deleted under our feet
        here = ""
    return list(_project_paths(tuple(entry for entry in sys.path if isinstance(entry, str)), here))


@functools.lru_cache(maxsize=8)
def _project_paths(entries: tuple[str, ...], here: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in entries:
        place = Path(here, entry)
        if place.is_absolute() and place.suffix != ".zip" and not installed(str(place)):
            found.setdefault(str(place))
    return tuple(found)


def installed(place: str) -> bool:
    """True for a file or directory of the interpreter's own library or of what is installed into it."""
    return (os.path.realpath(place) + os.sep).startswith(_libraries()) or not _INSTALLED.isdisjoint(Path(place).parts)


@functools.cache
def _libraries() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({os.path.realpath(paths[kind]) + os.sep for kind in ("stdlib", "platstdlib", "purelib", "platlib")})
