"""Files and directories as values: their content travels, not their path."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path, PurePosixPath

from dovetail.errors import ArtifactCorrupt, ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer


class _Located(os.PathLike[str]):
    path: str
    """Where the content lies now. Treat it as read-only: it may be the store's own copy."""
    name: str
    """The name it had where it was made."""

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        self.path = os.fspath(path)
        self.name = name if name is not None else Path(self.path).name

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.path == other.path

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.path))


class File(_Located):
    """A file whose content is the value. ``open(file)`` and ``Path(file)`` work.

    Args:
        path: Where it lies.
        name: The name it should be known by; default: the last part of the path.
    """

    def read_bytes(self) -> bytes:
        """All of it."""
        return Path(self.path).read_bytes()

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it, decoded."""
        return Path(self.path).read_text(encoding)


class Directory(_Located):
    """A directory whose files are the value. ``os.listdir(directory)`` and ``Path(directory)`` work.

    Args:
        path: Where it lies.
        name: The name it should be known by; default: the last part of the path.
    """

    def files(self) -> list[Path]:
        """All regular files below, sorted by their path."""
        return [Path(self.path) / relative for relative in walk(Path(self.path))[0]]


File.__module__ = Directory.__module__ = "dovetail.types"  # the public name, in messages and in the store


def walk(root: Path) -> tuple[list[str], list[str]]:
    """The files, and the directories that hold nothing, below ``root``: relative paths with ``/``, sorted.

    Raises:
        ValueMismatch: There is something else than files and directories: a symbolic link, a socket, a device.
    """
    files: list[str] = []
    empty: list[str] = []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        for name in (*folders, *names):
            entry = here / name
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                raise ValueMismatch(
                    f"{entry} is neither a regular file nor a directory",
                    why="links and devices cannot be stored",
                    fix="replace it with a copy of what it leads to, or remove it",
                )
        files.extend((here / name).relative_to(root).as_posix() for name in names)
        if not folders and not names and here != root:
            empty.append(here.relative_to(root).as_posix())
    return sorted(files), sorted(empty)


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the bytes of a file, in hex. Raises ValueMismatch if it cannot be read."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - any os.PathLike, without a Path in between
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


class FileTransformer(TypeTransformer):
    """:class:`File`."""

    type_name = "dovetail.File"

    def content_hash(self, value: File) -> str:
        """SHA-256 of the bytes; the name does not matter."""
        return file_digest(value)

    def size(self, value: File) -> int | None:
        """Bytes on disk."""
        return Path(value).stat().st_size

    def preview(self, value: File, limit: int = 10) -> Preview:
        """Name and size, and the first lines if it is text."""
        path = Path(value)
        with path.open("rb") as stream:
            head = stream.read(4096)
        text = f"{value.name}, {path.stat().st_size} bytes"
        if head and b"\0" not in head:
            lines = head.decode("utf-8", "replace").splitlines()[:limit]
            text += "\n" + "\n".join(line[:80] for line in lines)
        return Preview(text=text)


class DirectoryTransformer(TypeTransformer):
    """:class:`Directory`."""

    type_name = "dovetail.Directory"

    def content_hash(self, value: Directory) -> str:
        """SHA-256 over the relative names and the bytes of all files."""
        root = Path(value)
        files, empty = walk(root)
        listing = [[name, file_digest(root / name)] for name in files]
        return hashlib.sha256(json.dumps(["directory", listing, empty]).encode()).hexdigest()

    def schema(self, value: Directory) -> Schema | None:
        """The files as fields."""
        return Schema(tuple(FieldInfo(name, "file", False) for name in walk(Path(value))[0]))

    def size(self, value: Directory) -> int | None:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in value.files())

    def preview(self, value: Directory, limit: int = 10) -> Preview:
        """The first files with their sizes."""
        root = Path(value)
        files, _ = walk(root)
        rows = tuple((name, str((root / name).stat().st_size)) for name in files[:limit])
        return Preview(columns=("file", "bytes"), rows=rows, total_rows=len(files))


class FileCodec:
    """A file is stored as it is."""

    def write(self, value: File, path: Path) -> None:
        """Copy it."""
        file_digest(value)  # says clearly that it cannot be read, before anything is written
        shutil.copyfile(value, path)

    def read(self, path: Path) -> File:
        """The stored copy itself."""
        return File(path)


class DirectoryCodec:
    """A directory is stored file by file."""

    def write(self, value: Directory, path: Path) -> None:
        """Copy the tree."""
        walk(Path(value))
        shutil.copytree(value, path)

    def read(self, path: Path) -> Directory:
        """The tree that was laid out at ``path``."""
        return Directory(path)
