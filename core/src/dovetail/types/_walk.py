"""Files on a disk: what lies below a directory, hashes, and names that may come from elsewhere."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from dovetail.errors import ArtifactCorrupt, ValueMismatch


def walk(root: Path) -> tuple[list[str], list[str]]:
    """The files, and the directories that hold nothing, below ``root``: relative paths with ``/``, sorted.

    Raises:
        ValueMismatch: There is something else than files and directories: a symbolic link, a socket, a device; or it is no
            directory, or cannot be listed.
    """
    files: list[str] = []
    empty: list[str] = []
    top = os.fspath(root)
    pending = [("", top)]
    try:
        while pending:
            prefix, folder = pending.pop()
            entries = list(os.scandir(folder))
            for entry in entries:
                if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                    raise ValueMismatch(
                        f"{entry.path} is neither a regular file nor a directory",
                        why="links and devices cannot be stored",
                        fix="replace it with a copy of what it leads to, or remove it",
                    )
                if entry.is_dir():
                    pending.append((f"{prefix}{entry.name}/", entry.path))
                else:
                    files.append(prefix + entry.name)
            if not entries and prefix:
                empty.append(prefix[:-1])
    except OSError as error:
        raise ValueMismatch(
            f"cannot list the directory {top}", why=str(error), fix="return a Directory that exists and is readable"
        ) from error
    return sorted(files), sorted(empty)


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the bytes of a file, in hex. Raises ValueMismatch if it cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - any os.PathLike, without a Path in between
            raise ValueMismatch(
                f"{os.fspath(path)} is no regular file",
                why="a directory, a pipe or a device has no content that could be stored",
                fix="return a File, or a Directory for a directory",
            )
        with open(path, "rb") as stream:  # noqa: PTH123
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ValueMismatch(
            f"cannot read the file {os.fspath(path)}", why=str(error), fix="return a File that exists and is readable"
        ) from error


def safe_relative(name: str) -> Path:
    """A stored relative name as a path; raises ArtifactCorrupt for one that would lead outside."""
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name or ":" in pure.parts[0]:
        raise ArtifactCorrupt(
            f"the stored name {name!r} leads outside its artifact", fix="delete the artifact and run again"
        )
    return Path(*pure.parts)


def is_plain(name: str) -> bool:
    """Whether a relative name is one that a stored file may have: printable, and the same file on every system."""
    parts = name.split("/")
    odd = not name.isprintable() or "\\" in name or ":" in name or len(name) > 1000
    return not odd and all(part not in ("", ".", "..") and len(part) <= 255 for part in parts)


def check_plain(names: Iterable[str]) -> None:
    """Raise ValueMismatch for a name of a file in a directory that a store cannot keep."""
    for name in names:
        if not is_plain(name):
            raise ValueMismatch(
                f"a directory that holds a file called {name!r} cannot be stored",
                why="names with ':', backslashes or invisible characters mean something else, or nothing, on other systems",
                fix="rename it",
            )


def plain_name(name: str) -> str:
    """A name for a stored file that is as close to ``name`` as may be."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(each if each.isprintable() and each != ":" else "_" for each in last)[-255:]
    return "file" if kept in ("", ".", "..") else kept
