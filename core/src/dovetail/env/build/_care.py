"""Looking after environments: which there are, and removing those that nobody uses."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dovetail.config import Settings
from dovetail.env._roots import remove_roots
from dovetail.env.bridge import sweep
from dovetail.env.build._environment import MARKER, read_environment
from dovetail.env.build._install import clear
from dovetail.env.build._places import Busy, Places, holders, locked, read_json
from dovetail.errors import UsageError, unwritable

State = Literal["built", "not built", "half-built", "damaged"]

_DIGEST = re.compile(r"[0-9a-f]{16}")
_DAY = 86400.0
_ROOTS_KEPT = 7 * _DAY
_LITTER = 1.0 * _DAY
"""Seconds after which a temporary file is nobody's any more."""


@dataclass(frozen=True)
class Listed:
    """One environment, built or not.

    Attributes:
        name: Name of who asks, or of who asked when it was built; ``""`` if that is not known any more.
        state: ``"built"``, ``"not built"``, ``"half-built"`` (being built, or cut off) or ``"damaged"`` (changed since).
        digest: The beginning of its digest, which is its directory's name; ``""`` if it is not built.
        path: Its directory, or None.
        python: Version of Python, as built or as asked for.
        packages: Number of packages in it.
        size: Bytes when it was built.
        used: When it was last used, in seconds since the epoch; None if it is not known.
        asked_by: Who asks for it.
        ours: Whether this project, or a plugin, asks for it now.
    """

    name: str
    state: State
    digest: str = ""
    path: Path | None = None
    python: str = ""
    packages: int = 0
    size: int = 0
    used: float | None = None
    asked_by: tuple[str, ...] = ()
    ours: bool = False


@dataclass(frozen=True)
class Removed:
    """Something that was removed, or would be.

    Attributes:
        what: For people: ``"environment vaex"``, ``"worker roots"``.
        path: Where it was, or None where it was several things.
        size: Bytes, as far as they are known.
        why: Why.
    """

    what: str
    path: Path | None
    size: int
    why: str


@dataclass(frozen=True)
class Collected:
    """What ``gc`` did.

    Attributes:
        removed: What was removed, or would be.
        in_use: Environments that it would have removed but for a process that uses them: name, and who.
    """

    removed: tuple[Removed, ...]
    in_use: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Bytes of all that was removed."""
        return sum(each.size for each in self.removed)


def known_requests(places: Places) -> list[dict[str, Any]]:
    """What was asked for, by whichever project, and the digests that it led to."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted((places.root / ".requests").glob("*.json")):
            told = read_json(path)
            if isinstance(told, dict) and isinstance(told.get("digests"), dict):
                found.append({**told, "file": path})
    return found


def list_built(places: Places) -> Iterator[Listed]:
    """Everything that lies in the directory of environments, in order of the names of the directories."""
    names: dict[str, list[Mapping[str, Any]]] = {}
    for told in known_requests(places):
        for digest in set(told["digests"].values()):
            names.setdefault(str(digest)[:16], []).append(told)
    for path in _directories(places):
        told = read_json(path / MARKER)
        digest = told.get("digest") if isinstance(told, dict) else None
        whole = read_environment(places, digest, "") if isinstance(digest, str) and digest[:16] == path.name else None
        by = names.get(path.name, [])
        yield Listed(
            name=str(by[-1].get("name", "")) if by else "",
            state="built" if whole else "damaged" if digest else "half-built",
            digest=path.name,
            path=path,
            python=".".join(map(str, whole.python_version)) if whole else "",
            packages=len(whole.packages) if whole else 0,
            size=whole.size if whole else 0,
            used=_used(places, path),
            asked_by=tuple(dict.fromkeys(f"{each.get('source', '')} in {each.get('project', '')}" for each in by)),
        )


def _directories(places: Places) -> list[Path]:
    try:
        return sorted(each for each in places.root.iterdir() if _DIGEST.fullmatch(each.name) and each.is_dir())
    except OSError:
        return []


def _used(places: Places, path: Path) -> float | None:
    for file in (places.lock(path.name), path / MARKER, path):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return None


def remove(places: Places, digest: str, name: str) -> Removed | None:
    """Remove the environment of a digest, whole or not; None if there is nothing.

    Raises:
        UsageError: A process uses it, or builds it; says which. Or it cannot be removed.
    """
    path = places.home(digest)
    if not path.exists():
        return None
    lock = places.lock(digest)
    try:
        with locked(lock, wait=False):
            size = clear(path)
            lock.unlink(missing_ok=True)
    except Busy as error:
        raise UsageError(
            f"environment {name} is in use",
            who=str(path),
            why=f"held by {error.args[0]}",
            fix="wait until that has ended, or stop it; then try again",
        ) from None
    except OSError as error:
        raise unwritable(f"environment {name}", path, error, "remove it as the user who built it") from error
    return Removed(f"environment {name}", path, size, "asked for")


def collect(settings: Settings, places: Places, days: float, *, dry_run: bool) -> Collected:
    """Remove what nobody uses: environments that are not whole or were not used for a while, what dead processes left on
    the bridge, worker roots, and what was remembered about any of it.

    Args:
        settings: ``home`` may hold worker roots and segments of the bridge as well.
        places: The environments.
        days: Days without use after which an environment goes.
        dry_run: Only say what would be removed.
    """
    removed: list[Removed] = []
    in_use: list[tuple[str, str]] = []
    for each in list(list_built(places)):
        why = _why(each, days)
        if why is None or each.path is None:
            continue
        try:
            removed.append(_collected(places, each, each.path, why, dry_run))
        except Busy as error:
            in_use.append((each.name or each.digest, str(error.args[0])))
        except OSError as error:
            in_use.append((each.name or each.digest, error.strerror or str(error)))
    if not dry_run:
        _forget(places, days)
        removed += _others(settings, places)
    return Collected(tuple(removed), tuple(in_use))


def _why(each: Listed, days: float) -> str | None:
    if each.state == "half-built":
        return "it was never finished"
    if each.state == "damaged":
        return "it is not whole any more"
    idle = time.time() - (each.used or 0.0)
    return f"not used for {idle / _DAY:.0f} days" if idle > days * _DAY else None


def _collected(places: Places, each: Listed, path: Path, why: str, dry_run: bool) -> Removed:
    lock = places.lock(each.digest)
    new = not lock.exists()
    with locked(lock, wait=False):
        size = each.size if dry_run else clear(path)
        if not dry_run or new:  # a new one would look like a use
            lock.unlink(missing_ok=True)
    return Removed(f"environment {each.name or each.digest}", path, size, why)


def _others(settings: Settings, places: Places) -> list[Removed]:
    roots = sum(remove_roots(folder / ".roots", _ROOTS_KEPT) for folder in (places.root, settings.home))
    swept = sweep([settings.home])
    found = [Removed("worker roots", None, 0, "unused")] if roots else []
    if swept.bridges:
        found.append(Removed("data between processes", None, swept.bytes, "the processes have ended"))
    return found


def _forget(places: Places, days: float) -> None:
    """Remove what was remembered of environments that are gone, locks that nobody needs, and litter."""
    here = {path.name for path in _directories(places)}
    for told in known_requests(places):
        old = time.time() - float(told.get("used", 0.0) or 0.0) > days * _DAY
        if old and not any(str(digest)[:16] in here for digest in told["digests"].values()):
            file: Path = told["file"]
            _quietly_remove(
                [file, file.with_suffix(".lock"), file.with_suffix(".pins.json"), file.with_suffix(".pins.lock")]
            )
    for folder in (places.root / ".locks", places.root / ".requests", places.root):
        with contextlib.suppress(OSError):
            old_files = [each for each in folder.glob("*.tmp") if time.time() - each.stat().st_mtime > _LITTER]
            _quietly_remove(old_files)
    with contextlib.suppress(OSError):
        for lock in (places.root / ".locks").glob("*.lock"):
            if lock.stem not in here and time.time() - lock.stat().st_mtime > _LITTER:
                with contextlib.suppress(Busy, OSError), locked(lock, wait=False):
                    lock.unlink(missing_ok=True)


def _quietly_remove(files: Iterable[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def who_holds(places: Places, digest: str) -> str | None:
    """Who uses the environment of a digest, or builds it; None if nobody does."""
    lock = places.lock(digest)
    if not lock.exists():
        return None
    try:
        with locked(lock, wait=False):
            return None
    except Busy:
        return holders(lock)
    except OSError:
        return None
