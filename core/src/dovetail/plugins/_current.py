"""The catalogue in use: one per process by default, another one inside ``use_catalogue``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dovetail.config import load_settings
from dovetail.plugins._catalogue import Catalogue
from dovetail.plugins._guard import asked_too_early

_active: ContextVar[Catalogue | None] = ContextVar("dovetail_catalogue", default=None)
_lock = threading.RLock()
_default: Catalogue | None = None
_building = False


def current_catalogue() -> Catalogue:
    """The catalogue of the surrounding :func:`use_catalogue`, else the default one of this process.

    The default one is built at first need from :func:`~dovetail.config.load_settings`, once.

    Raises:
        ConfigError: The configuration is malformed.
        PluginError: It is strict, and a plugin cannot be used.
    """
    return _active.get() or _default or _build_default()


def _build_default() -> Catalogue:
    global _default, _building
    with _lock:
        if _default is not None:
            return _default
        if _building:  # the lock lets the thread that builds in again
            raise asked_too_early()
        _building = True
        try:
            from dovetail.plugins._build import build_catalogue  # a worker is told its catalogue, and starts in a hurry

            _default = build_catalogue(load_settings())
        finally:
            _building = False
        return _default


@contextmanager
def use_catalogue(catalogue: Catalogue) -> Iterator[Catalogue]:
    """Make ``catalogue`` the current one inside a ``with`` block, for this thread or asyncio task."""
    token = _active.set(catalogue)
    try:
        yield catalogue
    finally:
        _active.reset(token)


def reset_default() -> None:
    """Forget the default catalogue; the next need builds it afresh. For tests, and after installing plugins."""
    global _default
    with _lock:
        _default = None
