"""The error for a file or directory that somebody has named and that cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path

from dovetail.errors._tree import PlatformError, UsageError

_ROOM = {errno.ENOSPC: "make room there", errno.EDQUOT: "make room there", errno.EROFS: "mount it writable"}


def unwritable(what: str, path: str | Path, error: OSError, fix: str) -> UsageError | PlatformError:
    """Tell the user's mistake from a disk that is full or read-only. The caller raises it from ``error``.

    Args:
        what: What was to be written: ``"the report"``.
        path: Where to.
        error: What writing it raised.
        fix: What to type instead.

    Returns:
        A PlatformError where there is no room or nothing may be written on the disk, else a UsageError.
    """
    told = f"{what} cannot be written to {str(path)!r}"
    why = no_room(error)
    if why is not None:
        return PlatformError(told, why=why, fix=f"{_ROOM[error.errno or 0]}, or {fix}")
    parent = Path(path).absolute().parent
    if isinstance(error, FileNotFoundError) and not parent.is_dir():
        return UsageError(told, why=f"there is no directory {str(parent)!r}", fix=f"mkdir -p '{parent}', or {fix}")
    return UsageError(told, why=error.strerror or str(error), fix=fix)


def no_room(error: BaseException) -> str | None:
    """Why a disk takes nothing, if that is what an error says: it is full, over its quota, or read-only; else None."""
    return error.strerror if isinstance(error, OSError) and error.errno in _ROOM else None
