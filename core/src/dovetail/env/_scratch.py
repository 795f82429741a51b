"""A directory for the temporary files of one worker, and of whatever engine it starts: gone when the worker is.

It is held by a lock on itself, which the kernel lets go of when the hub ends, however it ends. So what is not locked is nobody's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path


class Scratch:
    """A fresh directory below the system's own for temporary files; its path is short, since engines put sockets there.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self) -> None:
        self.path, self._lock = _made()

    def remove(self) -> None:
        """Remove it with all that is in it. Call it when nobody writes there any more."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1
            _tidy(self.path.parent)


def sweep_scratch() -> tuple[int, int]:
    """Remove what workers of dead hubs left behind; returns how many directories, and their bytes."""
    count = size = 0
    with contextlib.suppress(OSError):
        for path in tuple(_place().iterdir()):
            with contextlib.suppress(OSError):
                lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    size += sum(each.lstat().st_size for each in path.rglob("*") if not each.is_dir())
                    shutil.rmtree(path, ignore_errors=True)
                    count += 1
                finally:
                    os.close(lock)
        _tidy(_place())
    return count, size


def _made() -> tuple[Path, int]:
    """A new directory, and the descriptor that locks it. Somebody may remove what is empty or not locked meanwhile."""
    for _ in range(100):
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            path = _place() / secrets.token_hex(3)
            path.mkdir(mode=0o700)
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists():
                    return path, lock
            os.close(lock)
    raise FileNotFoundError("directories for temporary files are removed as soon as they are made")


def _tidy(place: Path) -> None:
    with contextlib.suppress(OSError):  # others are in use
        place.rmdir()


def _place() -> Path:
    """The directory of this user's scratch directories. Nobody else may have made it.

    Raises:
        OSError: Somebody else has, or it cannot be made.
    """
    place = Path(tempfile.gettempdir()) / f"dt-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
    state = place.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise PermissionError(f"{place} is not a directory of this user alone")
    return place
