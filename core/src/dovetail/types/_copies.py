"""Local copies of remote files: one per content and process, shared while somebody holds it, and a few longer."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

_KEPT_BYTES = 4_000_000_000
_KEPT = 256
"""What is kept although nobody holds it any more: the next node of the run may ask for it."""


class Copy:
    """A file or a tree in a folder of its own, which goes when nobody holds the copy any more."""

    def __init__(self, name: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dovetail-"))
        self.path = self._folder / name
        self.size = 0
        self._gone = weakref.finalize(self, _remove, os.getpid(), self._folder)

    def discard(self) -> None:
        """Remove it now."""
        self._gone()


def _remove(pid: int, folder: Path) -> None:
    if os.getpid() == pid:  # a fork holds what its parent still needs
        shutil.rmtree(folder, ignore_errors=True)


class Copies:
    """Copies by what they are of."""

    def __init__(self) -> None:
        self._held: weakref.WeakValueDictionary[Any, Copy] = weakref.WeakValueDictionary()
        self._kept: OrderedDict[Any, Copy] = OrderedDict()
        self._making: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, key: Any, name: str, make: Callable[[Path], int]) -> Copy:
        """The copy for ``key``; made by ``make``, which fills the path and tells the bytes, by one thread only."""
        with self._lock:
            making = self._making.get(key)
            if making is None:
                making = self._making[key] = _Turn()
        with making.lock:
            with self._lock:
                found = self._held.get(key)
            if found is None:
                found = Copy(name)
                try:
                    found.size = make(found.path)
                except BaseException:
                    found.discard()
                    raise
            with self._lock:
                self._keep(key, found)
        return found

    def _keep(self, key: Any, copy: Copy) -> None:
        self._held[key] = copy
        self._kept[key] = copy
        self._kept.move_to_end(key)
        while self._kept and (len(self._kept) > _KEPT or sum(c.size for c in self._kept.values()) > _KEPT_BYTES):
            self._kept.popitem(last=False)


class _Turn:
    """A lock that can be referred to weakly."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


copies = Copies()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=copies.__init__)  # type: ignore[misc]  # locks that others held
