"""What the import of a plugin depended on, so that its result can be kept for as long as none of that changes.

Watching happens in the process of the probe, which ends afterwards; checking in the process that would probe again.
"""

# ruff: noqa: PTH100, PTH109, PTH116, PTH120 - pathlib costs more than what is done with these paths
from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dovetail.plugins._collect import is_importable
from dovetail.plugins._locate import is_standard

_WRITING = os.O_WRONLY | os.O_RDWR
_STANDARD = os.path.dirname(os.__file__) + os.sep
_IMPORTLIB = "<frozen importlib"

_BEYOND = (
    "subprocess.Popen",
    "os.system",
    "os.posix_spawn",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "socket.connect",
    "sqlite3.connect",
)
"""What leads out of what can be watched: the answer of another process may be another one tomorrow."""

_ALL = ""
"""Stands for all variables: it is no name of one."""

_TICK = 20_000_000
"""Nanoseconds within which two changes of a file may bear the same time."""

Stamp = list[Any]


class Watch:
    """From its making on, notes what this process imports, looks for, reads and lists, and which variables it asks for."""

    def __init__(self) -> None:
        self._began = time.time_ns()
        self._before = set(sys.modules)
        self._asked: set[str] = set()
        self._paths: set[str] = set()
        self._variables: set[str] = set()
        self._beyond = False
        sys.meta_path.insert(0, _Asked(self._asked))  # a finder needs no base class, which is long to import
        sys.addaudithook(self._hear)
        _watch_environment(self._variables)
        self._where = _current_directory()
        self._asked_where = False
        self._watch_directory()

    def _watch_directory(self) -> None:
        # Relative names come here as well: `os.path.abspath` asks for it.
        for name in ("getcwd", "getcwdb"):
            setattr(os, name, self._noting(getattr(os, name)))

    def _noting(self, plain: Callable[[], Any]) -> Callable[[], Any]:
        def asked() -> Any:
            self._asked_where = True
            return plain()

        return asked

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir"):
            self._beyond = self._beyond or event in _BEYOND
            return
        path = arguments[0]
        if isinstance(path, int) or sys._getframe(1).f_code.co_filename.startswith(_IMPORTLIB):
            return  # a descriptor; or the import system, whose files are those of the modules
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            return
        self._paths.add(os.path.abspath(os.fsdecode(path or ".")))

    def report(self) -> dict[str, Any]:
        """All that was noted, with the state of each: JSON-able, to be held against the world by :func:`still_holds`.

        Empty if there was more than can be noted.
        """
        if self._beyond:
            return {}
        files = dict(self._modules())
        tops = {name.partition(".")[0] for name in set(sys.modules) - self._before}
        paths = {*files.values(), *(path for path in self._paths if _matters(path))}
        looked_for = sorted(name for name in self._asked if name not in files and not is_standard(name))
        return {
            "began": self._began,
            "files": {path: stamp(path) for path in sorted(paths)},
            "modules": {name: is_importable(name) for name in looked_for},
            "places": {name: _place(name) for name in sorted(tops) if not is_standard(name)},
            "variables": {name: _digest(name) for name in sorted(self._variables)},
            "where": self._where if self._asked_where else None,
        }

    def own(self, module: str) -> list[str]:
        """Source files of the modules of one top-level package that were imported."""
        top = module.partition(".")[0]
        return [file for name, file in self._modules() if name.partition(".")[0] == top]

    def _modules(self) -> Iterator[tuple[str, str]]:
        for name in set(sys.modules) - self._before:
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str) and not is_standard(name):
                yield name, os.path.abspath(file)


class _Asked:
    """Notes top-level modules that are looked for, and finds none."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if path is None:
            self.names.add(fullname)


def _watch_environment(names: set[str]) -> None:
    plain = type(os.environ)

    class Watched(plain):  # type: ignore[misc,valid-type]
        def __getitem__(self, key: Any) -> Any:
            if isinstance(key, (str, bytes)):
                names.add(os.fsdecode(key))
            return super().__getitem__(key)

        def __iter__(self) -> Iterator[Any]:
            names.add(_ALL)
            return iter(super().__iter__())

    os.environ.__class__ = os.environb.__class__ = Watched


def _place(module: str) -> Any:
    """Where a top-level module is found: another may have come before it on the path."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    return [spec.origin, list(spec.submodule_search_locations or ())] if spec is not None else None


def _matters(path: str) -> bool:
    standard = path.startswith(_STANDARD) and "-packages" not in path
    return not standard and not path.endswith(".pyc") and not path.startswith(("/dev/", "/proc/", "/sys/"))


def stamp(path: str) -> Stamp | None:
    """What changes when a file or a directory does; None if it is not there.

    The time of the last change of status is among it: unlike the time of modification, an installer cannot set it back.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def is_settled(noted: Mapping[str, Any]) -> bool:
    """Whether all files were at rest when the import began: else one may have changed between being read and stamped."""
    latest = max((max(each[0], each[1]) for each in noted["files"].values() if each), default=0)
    return bool(latest < noted["began"] - _TICK)


def note_files(files: list[str], began: int) -> dict[str, Any]:
    """What there is to note of an import that never ended: the state of the files that it may have read.

    Args:
        files: Their paths.
        began: When the import began, in nanoseconds since the epoch.
    """
    return {
        "began": began,
        "files": {path: stamp(path) for path in files},
        "modules": {},
        "places": {},
        "where": None,
        "variables": {},
    }


def still_holds(noted: Mapping[str, Any]) -> bool:
    """Whether everything that was noted is as it was."""
    return (
        noted["where"] in (None, _current_directory())
        and all(stamp(path) == before for path, before in noted["files"].items())
        and all(is_importable(name) is before for name, before in noted["modules"].items())
        and all(_place(name) == before for name, before in noted["places"].items())
        and all(_digest(name) == before for name, before in noted["variables"].items())
    )


def _current_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _digest(variable: str) -> str | None:
    # Never the value: it may be a secret.
    value = "\0".join(sorted(map("=".join, os.environ.items()))) if variable == _ALL else os.environ.get(variable)
    return None if value is None else hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
