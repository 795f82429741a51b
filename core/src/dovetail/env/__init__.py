"""Where tasks run when not in the hub's own process: warm worker processes.

``pack`` turns a callable into bytes that travel by value; a ``WorkerPool`` runs it in a child process that can really be
stopped, and brings back JSON, never pickles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.env._home import Home
    from dovetail.env._importable import worker_imports
    from dovetail.env._lines import Lines
    from dovetail.env._payload import pack
    from dovetail.env._pool import WorkerPool
    from dovetail.env._serve import in_worker

__all__ = ["Home", "Lines", "WorkerPool", "in_worker", "pack", "worker_imports"]

# Loaded on first use: a worker imports this package too, and needs little of it.
_HOMES = {
    "Home": "dovetail.env._home",
    "Lines": "dovetail.env._lines",
    "WorkerPool": "dovetail.env._pool",
    "in_worker": "dovetail.env._serve",
    "pack": "dovetail.env._payload",
    "worker_imports": "dovetail.env._importable",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
