"""Where gates put rows that are too many to be held."""

from __future__ import annotations

import atexit
import importlib
import os
import secrets
from pathlib import Path
from typing import Any

_places: dict[int, Any] = {}
"""The scratch directory of each process, since a fork has its own."""


def scratch_path(suffix: str) -> Path:
    """A path in this process's scratch directory, which is removed when the process ends, or swept if it was killed."""
    place = _places.get(os.getpid())
    if place is None:
        # Directories that are nobody's once their process is gone are known to a floor above this one.
        place = _places[os.getpid()] = importlib.import_module("dovetail.env._scratch").Scratch()
        atexit.register(place.remove)
    return Path(place.path) / f"{secrets.token_hex(8)}{suffix}"
