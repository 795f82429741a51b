"""Where tasks run when not in the hub's own process: warm worker processes.

``pack`` turns a callable into bytes that travel by value; a ``WorkerPool`` runs it in a child process that can really be
stopped, and brings back JSON, never pickles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names

if TYPE_CHECKING:
    from dovetail.env._arrive import missing_module, unpack_part
    from dovetail.env._home import Home
    from dovetail.env._importable import worker_imports
    from dovetail.env._lines import Lines
    from dovetail.env._payload import pack
    from dovetail.env._pool import WorkerPool
    from dovetail.env._pools import IsolatedPools, isolated_pools
    from dovetail.env._project import forget_what_changed
    from dovetail.env._roots import remove_roots, worker_root
    from dovetail.env._serve import in_worker, loaded
    from dovetail.env._travel import MADE_UP, Way, is_shipped, pack_by_name, pack_part, pack_type

__all__ = [
    "Home",
    "IsolatedPools",
    "Lines",
    "MADE_UP",
    "Way",
    "WorkerPool",
    "forget_what_changed",
    "in_worker",
    "is_shipped",
    "isolated_pools",
    "loaded",
    "missing_module",
    "pack",
    "pack_by_name",
    "pack_part",
    "pack_type",
    "remove_roots",
    "unpack_part",
    "worker_imports",
    "worker_root",
]

# Loaded on first use: a worker imports this package too, and needs little of it.
_HOMES = {
    "Home": "dovetail.env._home",
    "IsolatedPools": "dovetail.env._pools",
    "Lines": "dovetail.env._lines",
    "MADE_UP": "dovetail.env._travel",
    "Way": "dovetail.env._travel",
    "WorkerPool": "dovetail.env._pool",
    "forget_what_changed": "dovetail.env._project",
    "in_worker": "dovetail.env._serve",
    "is_shipped": "dovetail.env._travel",
    "isolated_pools": "dovetail.env._pools",
    "loaded": "dovetail.env._serve",
    "missing_module": "dovetail.env._arrive",
    "pack": "dovetail.env._payload",
    "pack_by_name": "dovetail.env._travel",
    "pack_part": "dovetail.env._travel",
    "pack_type": "dovetail.env._travel",
    "remove_roots": "dovetail.env._roots",
    "unpack_part": "dovetail.env._arrive",
    "worker_imports": "dovetail.env._importable",
    "worker_root": "dovetail.env._roots",
}

__getattr__, __dir__ = _lazy_names(__name__, _HOMES)
