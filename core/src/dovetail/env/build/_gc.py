"""Removing what nobody uses any more: environments, worker roots, and what dead processes left on the bridge."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from dovetail.config import Settings
from dovetail.env._roots import remove_roots
from dovetail.env._scratch import sweep_scratch
from dovetail.env.bridge import sweep
from dovetail.env.build._care import Collected, Listed, Removed, directories, known_requests, list_built
from dovetail.env.build._environment import clear
from dovetail.env.build._places import Busy, Places, locked

_DAY = 86400.0
_ROOTS_KEPT = 7 * _DAY
_LITTER = _DAY
"""Seconds after which a temporary file is nobody's any more."""


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
    count, size = sweep_scratch()
    if count:
        found.append(Removed("temporary files of workers", None, size, "the processes have ended"))
    return found


def _forget(places: Places, days: float) -> None:
    """Remove what was remembered of environments that are gone, locks that nobody needs, and litter."""
    here = {path.name for path in directories(places)}
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
