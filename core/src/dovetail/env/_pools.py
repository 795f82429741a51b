"""The pools of this process's isolated workers: one for each environment, kept from run to run."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import Any

from dovetail.env._home import Home
from dovetail.env._pool import WorkerPool
from dovetail.env.bridge import Bridge


class IsolatedPools:
    """Warm workers by environment, and the bridge over which values reach them. Use :func:`isolated_pools`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, Path], WorkerPool] = {}
        self._bridge: Bridge | None = None

    def pool(self, home: Home, root: Path, size: int) -> WorkerPool:
        """The pool of an environment.

        Args:
            home: The environment; it is held until the pools are closed.
            root: The worker root of its workers.
            size: Most workers that are wanted at a time; a pool grows with what is asked for.

        Raises:
            EngineUnavailable: The environment was removed a moment ago.
        """
        key = (home.digest, root)
        with self._lock:
            found = self._pools.get(key)
            if found is None or found.closed:
                found = self._pools[key] = WorkerPool(size, home=home, root=root)
            found.grow(size)
            return found

    def bridge(self, fallback: Path) -> Bridge:
        """The hub's side of the bridge; ``fallback`` is where large values go for which memory has no room."""
        with self._lock:
            if self._bridge is None:
                self._bridge = Bridge(fallback)
            return self._bridge

    def cancel(self, job: str) -> bool:
        """Stop a job, whichever environment it is in; see :meth:`WorkerPool.cancel`."""
        with self._lock:
            pools = list(self._pools.values())
        return sum(pool.cancel(job) for pool in pools) > 0

    def finish(self, owner: str, payload: bytes, request: dict[str, Any], timeout: float) -> None:
        """Let all workers close what jobs of this owner have left open; see :meth:`WorkerPool.finish`."""
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            pool.finish(owner, payload, request, timeout)

    def close(self) -> None:
        """End all workers, let go of their environments, and remove what lies on the bridge."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
            bridge, self._bridge = self._bridge, None
        for pool in pools:
            pool.close()
        if bridge is not None:
            bridge.close()


_current: IsolatedPools | None = None
_lock = threading.Lock()


def isolated_pools() -> IsolatedPools:
    """Those of this process. A fork of it begins with none; they are closed when the process exits."""
    global _current
    with _lock:
        if _current is None:
            _current = IsolatedPools()
        return _current


@atexit.register
def _close() -> None:
    if _current is not None:
        _current.close()


def _forget() -> None:
    global _current, _lock
    _current, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
