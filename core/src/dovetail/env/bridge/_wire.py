"""One value on its way: what it consists of, and what is held for it meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.env.bridge._homes import DISK, MEMORY, Root, is_name, token, try_lock
from dovetail.env.bridge._mappings import Mappings, gone
from dovetail.env.bridge._segments import Segment, Segments
from dovetail.env.bridge._streams import StreamSender, receive_stream
from dovetail.env.bridge._tables import TableReader, lay_batches, lay_table
from dovetail.errors import PlatformError, no_room
from dovetail.spec import Blob

if TYPE_CHECKING:
    import pyarrow as pa

_FILE = re.compile(r"f[0-9]{1,9}")
_ONE_WAY = "what is sent is not read, what is received is not written"
_TABLE = re.compile(r"t[0-9]{1,9}")


class _OneWay:
    """What a carrier of one direction is never asked for."""

    def temporary(self, suffix: str = "") -> Path:
        raise AssertionError(_ONE_WAY)

    def add_file(self, path: Path, name: str) -> Blob:
        raise AssertionError(_ONE_WAY)

    def add_bytes(self, data: bytes, name: str) -> Blob:
        raise AssertionError(_ONE_WAY)

    def write_table(self, table: pa.Table, path: Path) -> None:
        raise AssertionError(_ONE_WAY)

    def write_batches(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        raise AssertionError(_ONE_WAY)

    def write_stream(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        raise AssertionError(_ONE_WAY)

    def read_stream(self, number: int) -> pa.RecordBatchReader:
        raise AssertionError(_ONE_WAY)

    def lend(self, value: Any) -> str | None:
        raise AssertionError(_ONE_WAY)

    def read_table(self, path: Path, columns: Sequence[str] | None) -> pa.Table:
        raise AssertionError(_ONE_WAY)

    def table_schema(self, path: Path) -> pa.Schema:
        raise AssertionError(_ONE_WAY)

    def may_borrow(self, path: str) -> None:
        raise AssertionError(_ONE_WAY)

    def keep(self, value: Any, path: Path) -> None:
        raise AssertionError(_ONE_WAY)

    def place(self, source: Path, target: Path, *, link: bool) -> None:
        """A link, or a copy where none is wanted or can be made."""
        link_or_copy(source, target, link)


class Outgoing(_OneWay):
    """The carrier of a value that is sent: tables to segments, files to a folder."""

    def __init__(
        self, roots: dict[str, Root], home: str, segments: Segments, mappings: Mappings, spare: list[Path], lends: bool
    ) -> None:
        self._root = roots[DISK]
        self._small = roots.get(MEMORY, self._root)
        self._home = home
        self._segments, self._mappings = segments, mappings
        self._spare = spare
        self.lends = lends
        self.folder = Path("/nonexistent/dovetail")
        self.tables: list[dict[str, Any]] = []
        self.streams: list[StreamSender] = []
        self.written: list[Segment] = []
        self.held: list[Any] = []
        """What must stay as it is until the value was received."""
        self._paths: dict[Path, int] = {}
        self._count = 0
        self._folder_made = False
        self._folder: Folder | None = None

    def has(self, path: Path) -> bool:
        """Whether this made the path."""
        return path.parent == self.folder

    def temporary(self, suffix: str = "") -> Path:
        """A path in the folder."""
        if not self._folder_made:
            self.folder = self._fresh_folder()
            self._folder_made = True
        self._count += 1
        return self.folder / f"n{self._count}{suffix}"

    def _fresh_folder(self) -> Path:
        """Most values are tables, which need no more than the name of a path in it: one that was left empty will do."""
        with contextlib.suppress(IndexError):
            return self._spare.pop()
        folder = self._root.path / self._home / token("f")
        folder.mkdir(0o700)
        return folder

    def write_table(self, table: pa.Table, path: Path) -> None:
        """The table, by reference where it lies in a segment already."""
        wire, written = lay_table(table, self._segments, self._mappings)
        self._took(wire, written, path)
        self.held.append(table)  # with the mappings that it refers to

    def write_batches(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        """Rows that come bit by bit, to the disk."""
        self._took(*lay_batches(schema, batches, self._segments), path)

    def write_stream(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        """Rows that are made while they are read."""
        sender = StreamSender(self._small, self._home, self._segments, schema, batches)
        self.streams.append(sender)
        return len(self.streams) - 1

    def _took(self, wire: dict[str, Any], written: list[Segment], path: Path) -> None:
        self.written += written
        self._paths[path] = len(self.tables)
        self.tables.append(wire)

    def add_file(self, path: Path, name: str) -> Blob:
        """The file or table at a path of :meth:`temporary`, or below one."""
        table = self._paths.get(path)
        if table is not None:
            return Blob(name, f"t{table}", 0)
        self._count += 1
        target = self.folder / f"f{self._count}"
        path.rename(target)
        found = target.stat()
        if found.st_nlink == 1:  # otherwise it is a link to a file of the user's
            target.chmod(0o600)
        return Blob(name, target.name, found.st_size)

    def add_bytes(self, data: bytes, name: str) -> Blob:
        """A file that holds these bytes."""
        path = self.temporary()
        with open(path, "xb", opener=_private) as stream:
            stream.write(data)
        return self.add_file(path, name)

    def lend(self, value: Any) -> str | None:
        """The path of a local file or directory that the receiver may read where it lies; None: it has to be placed."""
        if not self.lends:
            return None
        self.held.append(value)
        return str(Path(value).absolute())

    def open_path(self, blob: Blob) -> Path:
        """Where a blob lies."""
        return self.folder / blob.digest

    def finish(self) -> str | None:
        """The name of the folder, if there is anything in it."""
        if not self._folder_made:
            return None
        if any(self.folder.iterdir()):
            self._folder = Folder(self._root, self._home, self.folder.name)
            return self.folder.name
        self._folder_made = False
        if self._spare:
            self.folder.rmdir()
        else:
            self._spare.append(self.folder)
        return None

    def drop(self) -> None:
        """It will never be received, or has been: let go of it all."""
        for segment in self.written:
            self._segments.land(segment)
        for stream in self.streams:
            stream.abandon()
        self.written, self.held, self.streams = [], [], []
        if self._folder is None and self._folder_made:  # it broke off in the middle
            shutil.rmtree(self.folder, ignore_errors=True)
        self._folder = None  # goes, unless somebody reads in it


class Incoming(_OneWay):
    """The carrier of a value that is received. What it opened stays for as long as this object, or a value from it."""

    def __init__(self, wire: dict[str, Any], roots: dict[str, Root], mappings: Mappings, borrows: bool) -> None:
        self._tables: list[dict[str, Any]] = []
        self._reader = TableReader(mappings)
        self._borrows = borrows
        self._folder: Folder | None = None
        self.hold(wire["tables"])
        self._streams = [receive_stream(each, roots, mappings) for each in wire.get("streams", ())]
        if wire.get("folder") is not None:
            self._folder = Folder(roots[DISK], *wire["folder"])
        self.path = self._folder.path if self._folder is not None else Path("/nonexistent/dovetail")

    def hold(self, tables: list[dict[str, Any]]) -> None:
        """Tables of the value: what they lie in is mapped, so that it stays."""
        self._tables += tables
        for table in tables:
            self._reader.hold(table)

    def has(self, path: Path) -> bool:
        """Whether it is the path of a table."""
        return path.parent == self.path and _TABLE.fullmatch(path.name) is not None

    def open_path(self, blob: Blob) -> Path:
        """Where a blob lies; for a table a path that only this carrier knows."""
        if is_name(_TABLE, blob.digest) and int(blob.digest[1:]) < len(self._tables):
            return self.path / blob.digest
        if self._folder is None or not is_name(_FILE, blob.digest):
            raise gone(repr(blob.digest), "no file of that name was handed over")
        path = self.path / blob.digest
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise gone(repr(blob.digest), "it is no regular file")
        except OSError as error:
            raise gone(repr(blob.digest), error.strerror) from error
        return path

    def spilled(self, name: str) -> str:
        """The text of a wire that was too large for a message."""
        return self.open_path(Blob("wire.json", name, 0)).read_text(encoding="ascii")

    def read_table(self, path: Path, columns: Sequence[str] | None) -> pa.Table:
        """The table, which refers to the mapping."""
        return self._reader.table(self._tables[int(path.name[1:])], None if columns is None else list(columns))

    def table_schema(self, path: Path) -> pa.Schema:
        """Its columns."""
        return self._reader.schema(self._tables[int(path.name[1:])])

    def keep(self, value: Any, path: Path) -> None:
        """The folder stays as long as the value."""
        value._held = Held(path, self._folder)

    def read_stream(self, number: int) -> pa.RecordBatchReader:
        """The reader of a stream."""
        return self._streams[number]

    def may_borrow(self, path: str) -> None:
        """Raise for a path that the sender may not lend."""
        if not self._borrows:
            raise PlatformError(
                f"a worker refers to the path {path!r}",
                why="only what lies with the bridge is taken from a worker",
                fix="run it again; if it stays, report it to dovetail",
            )


class Folder:
    """The folder with the files of one value, locked for as long as somebody refers to this object."""

    def __init__(self, root: Root, home: str, name: str) -> None:
        try:
            fd = root.open_item(home, name, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise gone(f"{home}/{name}", error.strerror) from error
        self.path = root.path / home / name
        if not try_lock(fd, alone=False) or not root.is_there(home, name, fd):
            os.close(fd)
            raise gone(f"{home}/{name}", None)
        weakref.finalize(self, _let_go, os.getpid(), root, home, name, fd).atexit = False


class Held:
    """What a File that lies in a folder refers to, so that the folder stays."""

    def __init__(self, path: Path, folder: Folder | None) -> None:
        self.path, self.folder = path, folder
        self.size = path.stat().st_size


def _let_go(pid: int, root: Root, home: str, name: str, fd: int) -> None:
    os.close(fd)
    if os.getpid() == pid:
        remove_folder_if_free(root, home, name)


def remove_folder_if_free(root: Root, home: str, name: str) -> None:
    """Remove a folder whose files nobody reads any more, and that is not on its way."""
    with contextlib.suppress(OSError, PlatformError):
        fd = root.open_item(home, name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if try_lock(fd, alone=True):
                shutil.rmtree(root.path / home / name, ignore_errors=True)
        finally:
            os.close(fd)


def link_or_copy(source: Path, target: Path, link: bool) -> None:
    """Make ``target`` hold what ``source`` holds. Raises PlatformError if it cannot."""
    try:
        if link:
            with contextlib.suppress(OSError):
                target.hardlink_to(source.resolve())
                return
        shutil.copyfile(source, target)
    except OSError as error:
        raise no_place(target.parent, error) from error


def no_place(path: Path, error: OSError) -> PlatformError:
    """The error about a disk that does not take what is handed over."""
    return PlatformError(
        f"what is handed over to a worker cannot be written to {path}",
        why=no_room(error) or error.strerror or str(error),
        fix="make room there, or set DOVETAIL_HOME to another disk",
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
