"""From errors of the operating system and of the database to ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from dovetail.errors import StoreError, StoreLocked, StoreUnwritable
from dovetail.store._frozen import is_frozen, may_only_read

_UNWRITABLE = {
    errno.ENOSPC: "free some space, or set DOVETAIL_HOME to another disk",
    errno.EDQUOT: "your disk quota is used up: free some space, or set DOVETAIL_HOME to another disk",
    errno.EFBIG: "the file would grow past its size limit: raise the limit (ulimit -f)",
    errno.EACCES: "give yourself write permission, or set DOVETAIL_HOME to a directory of yours",
    errno.EPERM: "give yourself write permission, or set DOVETAIL_HOME to a directory of yours",
    errno.EROFS: "the file system is read-only: set DOVETAIL_HOME to a writable directory",
    errno.EMFILE: "this process has too many open files: raise the limit (ulimit -n) or run with fewer workers",
    errno.ENFILE: "the system has too many open files: close some programs, or raise fs.file-max",
    errno.EIO: "the disk reports an error: check it, then set DOVETAIL_HOME to a healthy one",
    errno.EEXIST: "something that is no directory is in the way: move it, or set DOVETAIL_HOME elsewhere",
    errno.ENOTDIR: "something that is no directory is in the way: move it, or set DOVETAIL_HOME elsewhere",
}

# Primary result codes of SQLite, https://www.sqlite.org/rescode.html
_BUSY, _LOCKED, _PERM, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 3, 8, 10, 11, 13, 14, 26
_READONLY_DBMOVED = 1032


def from_os_error(error: OSError, path: str | os.PathLike[str], action: str) -> StoreError:
    """The error to raise from an :class:`OSError` met while trying to ``action`` (``"write"``, ``"read"``) at ``path``."""
    fix = _UNWRITABLE.get(error.errno or 0)
    why = f"{errno.errorcode.get(error.errno or 0, type(error).__name__)}: {error.strerror or error}"
    if fix is None:
        return StoreError(f"the store can't {action} {path}", why=why, fix="check the directory, then run it again")
    return StoreUnwritable(f"the store can't {action} {path}", why=why, fix=fix)


def from_database_error(error: BaseException, where: str, path: Path | None, waited: float = 0.0) -> StoreError:
    """The error to raise from what the database driver raised.

    Args:
        error: From the driver, or SQLAlchemy's wrapper of it.
        where: The store, for people.
        path: File of an SQLite database, or None.
        waited: Seconds that were spent waiting for a lock.
    """
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    name = getattr(cause, "sqlite_errorname", type(cause).__name__)
    why = f"{name}: {cause}"
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in (_BUSY, _LOCKED):
        return _locked(where, path, why, waited)
    if path is not None and _was_removed(cause, path):
        return StoreError(
            f"the file of the run store was removed or replaced meanwhile: {path}",
            who=where,
            why=why,
            fix="put it back from a backup, or start again: what is stored under artifacts is kept, the history of runs is not",
        )
    if primary == _CANTOPEN and path is not None and may_only_read(path) and not is_frozen(path):
        return StoreUnwritable(
            "the run store can't be read here: its last commits wait in a file beside it, and nothing can be written",
            who=where,
            why=why,
            fix=f"copy {path.parent} to where you may write, and set DOVETAIL_HOME to the copy",
        )
    if primary in (_FULL, _READONLY, _PERM, _CANTOPEN, _IOERR):
        return StoreUnwritable(
            "the run store can't be written",
            who=where,
            why=why,
            fix="check free space and permissions of its directory, or set DOVETAIL_HOME to another one",
        )
    if primary in (_CORRUPT, _NOTADB):
        return StoreError(
            "the run store is damaged, or is no run store",
            who=where,
            why=why,
            fix=f"move it away (mv {path} {path}.damaged) and run again, or restore a backup",
        )
    return StoreError("the run store failed", who=where, why=why, fix="run `dovetail doctor`")


def _was_removed(cause: BaseException, path: Path) -> bool:
    """True if the tables that were there when the store was opened are not, which nobody does from inside."""
    moved = getattr(cause, "sqlite_errorcode", None) == _READONLY_DBMOVED
    return moved or "no such table" in str(cause) or ("readonly database" in str(cause) and not path.exists())


def _locked(where: str, path: Path | None, why: str, waited: float) -> StoreLocked:
    pids = lock_holders(path) if path is not None else []
    who = ", ".join(f"pid {pid} ({_command(pid)})" for pid in pids)
    return StoreLocked(
        f"another process holds the run store; it did not let go within {waited:.0f} s",
        who=f"{where}, held by {who}" if who else where,
        why=why,
        fix=f"wait for it, or stop it: kill {pids[0]}" if pids else f"find it with: fuser {path}",
        pids=pids,
    )


def lock_holders(path: Path) -> list[int]:
    """Pids of other processes that hold a write lock on an SQLite file, where the system tells (Linux)."""
    inodes = set()
    for name in (path, Path(f"{path}-shm")):
        try:
            # Only stat: opening and closing the file here would drop this process's own locks on it.
            inodes.add(str(name.stat().st_ino))
        except OSError:
            continue
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    found = set()
    for line in lines:
        part = line.split()
        if len(part) >= 6 and part[3] == "WRITE" and part[4].isdigit() and part[5].rpartition(":")[2] in inodes:
            found.add(int(part[4]))
    return sorted(found - {0, os.getpid()})


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "unknown"
