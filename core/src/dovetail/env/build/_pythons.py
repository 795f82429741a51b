"""Interpreters: the hub's own, those on PATH, pyenv's and uv's, and what uv may download."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.env.build._places import Places, read_json, write_json
from dovetail.env.build._request import EnvRequest, Tell, hub_minor, python_specifiers
from dovetail.env.build._tell import masked
from dovetail.env.build._uv import Uv
from dovetail.errors import EngineUnavailable

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_MINORS = ("3.13", "3.12", "3.11")
_ASK = (
    "import json, platform, sys, sysconfig; print(json.dumps([list(sys.version_info[:3]), platform.python_implementation(), "
    "sysconfig.get_platform(), str(sysconfig.get_config_var('SOABI')), bool(sysconfig.get_config_var('Py_GIL_DISABLED')), "
    "sys.version_info[3]]))"
)
_PATIENCE = 60
"""Seconds after which an interpreter that says nothing is none."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that environments can be made from.

    Attributes:
        path: The program.
        version: ``(3, 12, 1)``.
        implementation: ``"CPython"``.
        platform: ``"linux-x86_64"``.
        abi: Tag of its extension modules.
        place: Where it was found, for people: ``"PATH"``, ``"pyenv"``.
    """

    path: Path
    version: tuple[int, int, int]
    implementation: str
    platform: str
    abi: str
    place: str

    @property
    def minor(self) -> str:
        """``3.12``."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def full(self) -> str:
        """``3.12.1``."""
        return ".".join(map(str, self.version))


def own_interpreter() -> Interpreter:
    """The interpreter of this process, outside of its virtual environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    info = sys.version_info
    return Interpreter(
        path=Path(base),
        version=(info[0], info[1], info[2]),
        implementation=platform.python_implementation(),
        platform=sysconfig.get_platform(),
        abi=str(sysconfig.get_config_var("SOABI")),
        place="this one",
    )


def choose_python(
    request: EnvRequest, places: Places, *, minor: str | None = None, uv: Uv | None = None, tell: Tell | None = None
) -> Interpreter:
    """The interpreter for a request: the hub's own if it fits, else the newest minor version that does, from the first place that
    has it.

    Args:
        request: What is asked for.
        places: Keeps what interpreters have told.
        minor: Only Pythons of this minor version, to which the environment is locked.
        uv: May download one, if it may use the network.
        tell: Called when that is done.

    Raises:
        EngineUnavailable: None fits; says which were found, and where.
        ConfigError: ``python`` cannot be read.
    """
    from packaging.specifiers import SpecifierSet

    wanted = python_specifiers(request.python, request.who)
    if minor is not None:
        wanted = wanted & SpecifierSet(f"=={minor}.*")
    own = own_interpreter()
    if own.full in wanted:
        return own
    known = _Known(places)
    seen = [own]
    for name, candidates in (("PATH", _on_path()), ("pyenv", _of_pyenv()), ("uv", _of_uv())):
        seen += [told for path in candidates if (told := known.ask(path, name)) is not None]
    fitting = [each for each in seen if each.full in wanted]
    if fitting:
        newest = max(each.version[:2] for each in fitting)
        return next(each for each in fitting if each.version[:2] == newest)
    downloaded = _download(wanted, known, uv, tell) if uv is not None and not uv.offline else None
    if downloaded is not None:
        return downloaded
    raise _none_fits(request, minor, seen, uv)


def _none_fits(request: EnvRequest, minor: str | None, seen: list[Interpreter], uv: Uv | None) -> EngineUnavailable:
    shown = dict.fromkeys(f"{each.full} ({each.place}: {each.path})" for each in seen)
    wish = next((each for each in _MINORS if each == (minor or request.python)), None) or minor or request.python
    hint = wish if wish in _MINORS else "3.12"
    asked = f"Python {wish or hub_minor()}"
    locked = f", to which it is locked (asked for: {request.python or hub_minor()})" if minor else ""
    reach = "uv may not download one" if uv is None or uv.offline else "uv could not download one"
    return EngineUnavailable(
        f"environment {request.name} needs {asked}{locked}, which is not here",
        who=request.who,
        why=f"found: {', '.join(shown)}; looked on PATH, in pyenv and among uv's; {reach}",
        fix=f"uv python install {hint}",
    )


class _Known:
    """Asks interpreters what they are, and remembers it for as long as their file does not change."""

    def __init__(self, places: Places) -> None:
        self._file = places.pythons
        told = read_json(self._file)
        self._told: dict[str, Any] = told if isinstance(told, dict) else {}

    def ask(self, path: Path, place: str) -> Interpreter | None:
        """What it says; None if it does not start, has no GIL or is a preview."""
        try:
            real = path.resolve(strict=True)
            state = real.stat()
        except OSError:
            return None
        stamp = [str(real), state.st_mtime_ns, state.st_size]
        kept = self._told.get(str(path))
        try:
            if kept is not None and kept["stamp"] == stamp and not _is_shim(path):
                return _read(path, kept["told"], place)
        except (KeyError, TypeError, ValueError, IndexError):
            pass
        told = _started(path)
        self._told[str(path)] = {"stamp": stamp, "told": told}
        with suppress(OSError):  # a place that cannot be written to
            write_json(self._file, self._told)
        return _read(path, told, place)


def _is_shim(path: Path) -> bool:
    return "shims" in path.parts  # what it starts depends on the directory and on variables


def _started(path: Path) -> Any:
    try:
        done = subprocess.run(
            [str(path), "-I", "-S", "-c", _ASK],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
            cwd="/",
            stdin=subprocess.DEVNULL,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _read(path: Path, told: Any, place: str) -> Interpreter | None:
    if not told:
        return None
    version, implementation, system, abi, without_gil, level = told
    if without_gil or level != "final" or implementation != "CPython":
        return None
    return Interpreter(path, (version[0], version[1], version[2]), implementation, system, abi, place)


def _on_path() -> Iterator[Path]:
    for folder in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        for name in (*(f"python{minor}" for minor in _MINORS), "python3", "python"):
            found = shutil.which(name, path=folder) if folder else None
            if found:
                yield Path(found)


def _of_pyenv() -> Iterator[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser())
    yield from _versions_in(root / "versions", "3.")


def _of_uv() -> Iterator[Path]:
    stated = os.environ.get("UV_PYTHON_INSTALL_DIR")
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    yield from _versions_in(Path(stated) if stated else Path(data).expanduser() / "uv" / "python", "cpython-3.")


def _versions_in(folder: Path, prefix: str) -> Iterator[Path]:
    wanted = tuple(f"{prefix.removesuffix('3.')}{minor}" for minor in _MINORS)
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return
    for name in names:
        python = folder / name / "bin" / "python3"
        if name.startswith(wanted) and python.exists():
            yield python


def _download(wanted: SpecifierSet, known: _Known, uv: Uv, tell: Tell | None) -> Interpreter | None:
    """A Python that uv has downloaded now; None where it may not, or cannot."""
    minor = next((each for each in _MINORS if any(f"{each}.{patch}" in wanted for patch in range(60))), None)
    if minor is None or os.environ.get("UV_PYTHON_DOWNLOADS", "").lower() in ("never", "manual"):
        return None
    if tell is not None:
        tell(f"downloading Python {minor}")
    try:
        uv.run(["python", "install", minor, "--no-bin"], failed=lambda code, told: _NotDownloaded(masked(told)))
    except _NotDownloaded:
        return None
    found = [told for path in _of_uv() if (told := known.ask(path, "uv")) is not None and told.full in wanted]
    return max(found, key=lambda each: each.version, default=None)


class _NotDownloaded(Exception):
    """uv has no Python to offer."""
