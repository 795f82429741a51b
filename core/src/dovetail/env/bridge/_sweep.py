"""Removing what the dead have left: whole bridges, and in a living one the homes of workers that died."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dovetail.env.bridge._homes import BRIDGE, DISK, HOME, Lock, Root, Taken, memory_parents, remove_if_free
from dovetail.env.bridge._wire import remove_folder_if_free
from dovetail.errors import PlatformError


@dataclass(frozen=True)
class Swept:
    """What was removed.

    Attributes:
        bridges: How many bridges, on whatever file system, whose processes have all ended.
        bytes: That they held.
    """

    bridges: int = 0
    bytes: int = 0


def sweep(fallbacks: Iterable[Path] = ()) -> Swept:
    """Remove what processes that ended have left in memory and below these directories; the living are not touched.

    Args:
        fallbacks: What bridges were made with as ``fallback``.
    """
    parents = [*memory_parents(), *(Path(each).absolute() / "bridge" for each in fallbacks)]
    found = [sweep_parent(parent) for parent in parents]
    return Swept(sum(each.bridges for each in found), sum(each.bytes for each in found))


def sweep_parent(parent: Path) -> Swept:
    """The same, for one directory."""
    bridges = size = 0
    for name in sorted(set(_names(parent))):
        with contextlib.suppress(Taken, OSError):
            lock = Lock(parent / f"{name}.lock", alone=True)
            size += _size(parent / name)
            bridges += (parent / name).exists()
            Root("", parent / name, lock).remove()
    return Swept(bridges, size)


def _names(parent: Path) -> Iterator[str]:
    """Names of the bridges below a directory of ours."""
    with contextlib.suppress(OSError):
        if parent.lstat().st_uid != os.geteuid() or parent.is_symlink():
            return
        for entry in os.scandir(parent):
            name = entry.name.removesuffix(".lock")
            if BRIDGE.fullmatch(name) and not entry.is_symlink():
                yield name


def _size(path: Path) -> int:
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).lstat().st_blocks * 512
    return total


def dead_homes(roots: dict[str, Root]) -> list[str]:
    """In a living bridge: the workers that have ended, and left something."""
    found = []
    for entry in list(roots[DISK].path.glob("*.lock")):
        home = entry.name.removesuffix(".lock")
        if HOME.fullmatch(home):
            with contextlib.suppress(Taken, OSError):
                Lock(entry, alone=True).close()
                found.append(home)
    return found


def clean_home(roots: dict[str, Root], home: str) -> None:
    """In a living bridge, by its hub: remove what a worker that died has left and nobody reads."""
    with contextlib.suppress(Taken, OSError):
        lock = Lock(roots[DISK].path / f"{home}.lock", alone=True)
        left = [root for root in roots.values() if not _is_clean(root, home)]
        if not left:
            lock.path.unlink()
        lock.close()


def _is_clean(root: Root, home: str) -> bool:
    """Remove what can be; whether nothing is left."""
    path = root.path / home
    with contextlib.suppress(OSError, PlatformError):
        for entry in list(os.scandir(path)):
            if entry.name.startswith("s"):
                remove_if_free(root, home, entry.name)
            elif entry.name.startswith("f"):
                remove_folder_if_free(root, home, entry.name)
            else:
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
        path.rmdir()
    return not path.exists()
