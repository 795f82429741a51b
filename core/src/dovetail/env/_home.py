"""What workers need to know of an environment."""

from __future__ import annotations

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
