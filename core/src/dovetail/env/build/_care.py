"""Looking after environments: which there are, and removing those that nobody uses."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dovetail.env.build._environment import MARKER, clear, read_environment
from dovetail.env.build._places import Busy, Places, locked, read_json
from dovetail.errors import UsageError, unwritable

State = Literal["built", "not built", "half-built", "damaged"]

_DIGEST = re.compile(r"[0-9a-f]{16}")


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
    for path in directories(places):
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


def directories(places: Places) -> list[Path]:
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
