"""Reading an SQLite store that this process may not write: on read-only media, or of somebody else.

SQLite keeps an index beside the file of a store even to read it, and cannot where nothing may be made. It reads all the
same if it is told that the file does not change (``immutable``). Whether that was so is looked at afterwards.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def may_only_read(path: Path) -> bool:
    """True if the store is there and either its file or its directory cannot be written."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def is_frozen(path: Path) -> bool:
    """True if all commits are in the file itself: nobody has it open for writing, or left something to replay."""
    return not state_of(path)[1]


def state_of(path: Path) -> tuple[tuple[int, int, int], int]:
    """What changes when the store is written: inode, size and time of its file, and bytes beside it that wait for it."""
    file, waiting = (0, 0, 0), 0
    with contextlib.suppress(FileNotFoundError):  # SQLite says it better
        found = path.stat()
        file = (found.st_ino, found.st_size, found.st_mtime_ns)
    with contextlib.suppress(FileNotFoundError):
        waiting = Path(f"{path}-wal").stat().st_size
    return file, waiting


def open_frozen(path: Path) -> sqlite3.Connection:
    """A connection that reads the file as it is, without locks."""
    import sqlite3  # this module is loaded with the artifact store too, which needs none

    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
