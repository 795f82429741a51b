"""Directories that nobody else may enter, and the locks that say whether their owner lives.

One bridge has a directory of one name below each of its roots: one on a tmpfs, one on a disk. The file ``NAME.lock`` beside it is
locked by the hub and by each of its workers; the kernel lets go when they end, however they end.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.config import available_memory
from dovetail.errors import PlatformError

BRIDGE = re.compile(r"b[0-9a-f]{16}")
HOME = re.compile(r"hub|w[0-9a-f]{16}")
ITEM = re.compile(r"[skf][0-9a-f]{1,16}")
MEMORY, DISK = "m", "d"
GIVEN_UP = 0o400
"""Mode of a segment that nobody writes again."""
_FILE_SYSTEMS = ("tmpfs", "ramfs")


def is_name(pattern: re.Pattern[str], name: object) -> bool:
    """Whether something that came over a wire is a name of that form."""
    return isinstance(name, str) and pattern.fullmatch(name) is not None


class Taken(Exception):
    """Somebody else holds the lock, or took the file away."""


def token(kind: str) -> str:
    """A fresh name."""
    return kind + os.urandom(8).hex()


def make_private(path: Path) -> None:
    """Make a directory that only this user may enter.

    Raises:
        PlatformError: There is one that belongs to somebody else, or that is a link.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(0o700)
    found = path.lstat()
    why = None
    if not stat.S_ISDIR(found.st_mode):
        why = "it is a link, or no directory"
    elif found.st_uid != os.geteuid():
        why = f"it belongs to the user with the number {found.st_uid}"
    if why is not None:
        raise PlatformError(
            f"{path} is no place to hand data over",
            why=f"{why}, so that others could read or replace what lies there",
            fix=f"remove it: rm -r {path}",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


class Lock:
    """A lock file, locked for as long as this object lives or its process does."""

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if not try_lock(self._fd, alone=alone) or os.fstat(self._fd).st_nlink == 0:
                raise Taken(os.fspath(path))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            self.close()


def try_lock(fd: int, *, alone: bool) -> bool:
    """Lock an open file or directory, shared or alone, without waiting; whether that worked."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


def unlock(fd: int) -> None:
    """Let go of what :func:`try_lock` locked."""
    fcntl.flock(fd, fcntl.LOCK_UN)


@dataclass(slots=True)
class Root:
    """What one bridge has on one file system."""

    key: str
    path: Path
    lock: Lock | None = field(default=None, repr=False)

    def open_item(self, home: str, name: str, flags: int = os.O_RDONLY) -> int:
        """A file descriptor of what one side left there.

        Raises:
            OSError: It is gone.
            PlatformError: The names lead elsewhere, or to something that is not one of our files.
        """
        if not is_name(HOME, home) or not is_name(ITEM, name):
            raise _odd(f"{home}/{name}")
        folder = os.open(self.path / home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        found = os.fstat(fd)
        wanted = stat.S_ISDIR if flags & os.O_DIRECTORY else stat.S_ISREG
        if found.st_uid != os.geteuid() or not wanted(found.st_mode):
            os.close(fd)
            raise _odd(f"{home}/{name}")
        return fd

    def is_there(self, home: str, name: str, fd: int) -> bool:
        """Whether an open file or directory still has that name."""
        try:
            now, then = (self.path / home / name).lstat(), os.fstat(fd)
        except OSError:
            return False
        return (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)

    def remove(self) -> None:
        """Everything."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.lock is not None:
            with contextlib.suppress(OSError):
                self.lock.path.unlink()
            self.lock.close()


def remove_if_free(root: Root, home: str, name: str, *, given_up: bool = False) -> None:
    """Remove a segment that nobody reads; with ``given_up``, only if who wrote it will not write it again."""
    with contextlib.suppress(OSError, PlatformError):
        fd = root.open_item(home, name)
        try:
            if given_up and stat.S_IMODE(os.fstat(fd).st_mode) != GIVEN_UP:
                return
            if try_lock(fd, alone=True) and root.is_there(home, name, fd):
                (root.path / home / name).unlink()
        finally:
            os.close(fd)


def _odd(what: str) -> PlatformError:
    return PlatformError(
        f"a worker refers to {what!r}, which is nothing that the bridge made",
        why="its process is damaged, or speaks another protocol",
        fix="run it again; if it stays, report it to dovetail",
    )


def make_root(key: str, parent: Path, name: str) -> Root:
    """A fresh directory for a bridge below ``parent``, locked from before it is there."""
    make_private(parent)
    lock = Lock(parent / f"{name}.lock")
    (parent / name).mkdir(0o700)
    return Root(key, parent / name, lock)


def join_root(key: str, path: Path) -> Root:
    """The same for a worker of that bridge. Raises Taken if the hub is gone and somebody cleans up."""
    return Root(key, path, Lock(path.with_name(f"{path.name}.lock")))


def memory_parents() -> Iterator[Path]:
    """Where directories may be made that lie in memory, best first."""
    kinds = _mounts()
    candidates = [Path("/dev/shm") / f"dovetail-{os.geteuid()}"]  # noqa: S108 - made private before it is used
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_absolute():
        candidates.append(Path(runtime) / "dovetail")
    for path in candidates:
        mount = next((each for each in path.parents if os.fspath(each) in kinds), None)
        if mount is not None and kinds[os.fspath(mount)] in _FILE_SYSTEMS and os.access(path.parent, os.W_OK):
            yield path


def _mounts() -> dict[str, str]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {parts[1]: parts[2] for parts in (line.split() for line in lines) if len(parts) > 2}


def free_room(path: Path) -> int:
    """Bytes that may still be laid into a tmpfs: what it has, and no more than half of the memory that is free."""
    found = os.statvfs(path)
    return min(found.f_bavail * found.f_frsize, available_memory() // 2)
