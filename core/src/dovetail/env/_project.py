"""The project's own modules in a worker that stays warm while the project changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_places: tuple[str, ...] = ()
_stamps: dict[str, int] = {}


def project_is_at(places: list[str]) -> None:
    """Modules of another project, which may have the names of this one's, are forgotten."""
    global _places
    if _places != tuple(places):
        old, _places = _places, tuple(places)
        for name, file in list(_modules(old)):
            if not file.startswith(_inside(_places)):
                _forget(name)


def forget_what_changed() -> None:
    """If a module of the project has changed on disk since it was imported here, all of them are imported again when needed."""
    stale = False
    found = {}
    for name, file in list(_modules(_places)):
        try:
            found[name] = Path(file).stat().st_mtime_ns
        except OSError:
            found[name] = 0
        stale = stale or _stamps.get(name, found[name]) != found[name]
    _stamps.update(found)
    if stale:
        for name in found:
            _forget(name)


def _modules(places: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    inside = _inside(places)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(inside) and name.partition(".")[0] != "dovetail":
            yield name, file


def _inside(places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(place.rstrip(os.sep) + os.sep for place in places)


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    _stamps.pop(name, None)
