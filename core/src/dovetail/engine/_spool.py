"""Files that the gates of one attempt put rows into which are too many to be held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.engine._values import MISSING

if TYPE_CHECKING:
    from dovetail.store import ArtifactStore


class Spool:
    """Gives paths beside where the output will lie, and removes what is left there.

    Args:
        store: Where the output will lie.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._paths: list[Path] = []

    def place(self, suffix: str) -> Path:
        """A path for a file."""
        path = self._store.temporary(suffix)
        self._paths.append(path)
        return path

    def outliving(self, value: Any) -> Any:
        """A value that was stored, or MISSING: it may read files of ours, so it is loaded anew by whoever needs it."""
        return MISSING if self._paths else value

    def remove(self) -> None:
        """Remove the files; the store has taken over what is published."""
        for path in self._paths:
            path.unlink(missing_ok=True)
