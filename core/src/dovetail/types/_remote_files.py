"""One remote file or folder: what it is now, its bytes, and whether it is still what it was."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from dovetail.config import mask_url, url_scheme
from dovetail.errors import ArtifactCorrupt, DovetailError, StoreUnwritable, ValueMismatch
from dovetail.types.remote import cause_of, failure, open_filesystem

T = TypeVar("T")
U = TypeVar("U")
_BLOCK = 8 * 1024 * 1024
"""Bytes that are fetched at once while a file is streamed."""
_AT_ONCE = 16
"""Requests at once, for folders."""
_TAGS = ("etag", "generation", "md5hash", "contentmd5", "versionid", "sha256")
_TIMES = ("lastmodified", "mtime", "modified", "updated", "created")
_MEMORY = 10_000
_TICK = 3.0
"""Seconds; some storages tell times in steps of two."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one content of a place from the next, as far as the storage says: its size, and a tag or a time."""

    size: int | None
    tag: str | None
    racy: bool = field(default=False, compare=False)
    """The tag is a time so near to that of asking that a further change may leave it as it is."""

    @property
    def sure(self) -> bool:
        """Whether equal identities mean equal content."""
        return self.tag is not None and not self.racy

    @classmethod
    def of(cls, info: dict[str, Any]) -> Identity:
        """From what fsspec tells of a file; every storage has its own words for it."""
        plain = {re.sub("[-_]", "", name).lower(): value for name, value in info.items() if value is not None}
        size = plain.get("size")
        tag = next(
            (f"{name}:{str(plain[name]).removeprefix('W/').strip(chr(34))}" for name in _TAGS if plain.get(name)), None
        )
        if tag is None:
            moment = next((plain[name] for name in _TIMES if name in plain), None)
            tag = None if moment is None else f"time:{moment}"
            return cls(int(size) if size is not None else None, tag, not _is_past(moment))
        return cls(int(size) if size is not None else None, tag)

    def fits(self, other: Identity) -> bool:
        """False if the two are surely different; what a storage does not tell counts as equal."""
        sizes = self.size is None or other.size is None or self.size == other.size
        return sizes and (self.tag is None or other.tag is None or self.tag == other.tag)


class Remote:
    """A place behind a URL. Every method raises what :func:`failure` makes of the storage's errors."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._path = open_filesystem(url)

    def identity(self) -> Identity:
        """What is there now. Raises ValueMismatch if it is nothing, or a directory."""
        return Identity.of(self._info())

    def _info(self) -> dict[str, Any]:
        if self.url.endswith("/"):
            raise ValueMismatch(f"{mask_url(self.url)} names a directory", fix="take the '/' away, or use a Directory")
        info = self._ask("read", lambda: self._fs.info(self._path))
        if info.get("type") == "directory":
            raise ValueMismatch(f"{mask_url(self.url)} is a directory", fix="use a Directory")
        return dict(info)

    def check(self, pinned: Identity, now: Identity | None = None) -> None:
        """Raise ArtifactCorrupt unless what is there now is what was there."""
        now = now or self.identity()
        if not pinned.fits(now):
            raise changed(self.url, f"it had {_told(pinned)} and has {_told(now)}")

    def head(self, size: int) -> bytes:
        """The first bytes."""
        return bytes(self._ask("read", lambda: self._fs.cat_file(self._path, start=0, end=size)))

    def fetch(self, target: Path, pinned: Identity, digest: str | None, *, ask_again: bool = True) -> str:
        """Download into ``target``, which does not exist; returns the SHA-256. Raises ArtifactCorrupt if it has changed.

        Without a ``digest`` to compare with, the storage is asked afterwards whether it is still the same (or the caller asks).
        """
        found = hashlib.sha256()
        size = 0
        try:
            with target.open("wb") as out:
                for block in self._blocks(pinned):
                    found.update(block)
                    out.write(block)
                    size += len(block)
            if pinned.size is not None and size != pinned.size:
                raise changed(self.url, f"{size} bytes came, expected {pinned.size}")
            if digest is not None and found.hexdigest() != digest:
                raise changed(
                    self.url, f"its SHA-256 is {found.hexdigest()}, expected {digest}", digest, found.hexdigest()
                )
            if digest is None and ask_again:
                self.check(pinned)
        except BaseException as error:
            target.unlink(missing_ok=True)
            if isinstance(error, OSError):  # what the storage raised has become one of ours already
                raise _unwritable(target, error) from error
            raise
        return found.hexdigest()

    def _blocks(self, pinned: Identity) -> Iterator[bytes]:
        """The bytes, in one request if they are few; the caller makes sure that they are the right ones."""
        if pinned.size is not None and pinned.size <= _BLOCK:
            yield self._ask("read", lambda: self._fs.cat_file(self._path)) if pinned.size else b""
            return
        with self.stream(pinned, None) as stream:
            while block := stream.read(1024 * 1024):
                yield block

    def stream(self, pinned: Identity, digest: str | None) -> io.BufferedReader:
        """The bytes, fetched as they are read. Raises ArtifactCorrupt as soon as they are known to be others."""
        info = self._info()
        self.check(pinned, Identity.of(info))
        if pinned.size == 0:
            return io.BufferedReader(io.BytesIO())  # some storages refuse to read nothing
        # A web server that knows no parts of files gives it in one piece, from its beginning.
        in_parts = url_scheme(self.url) not in ("http", "https") or bool(info.get("partial"))
        options = {"block_size": _BLOCK, "cache_type": "readahead"} if in_parts else {"block_size": 0}
        opened = self._ask("read", lambda: self._fs.open(self._path, "rb", **options))
        return io.BufferedReader(_Stream(self.url, opened, digest, in_parts), 1024 * 1024)

    def digest(self, pinned: Identity) -> str:
        """SHA-256 of the bytes, streamed; remembered for as long as the storage says that they are the same."""
        known = remembered(self.url, pinned)
        if known is not None:
            return known
        with self.stream(pinned, None) as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        self.check(pinned)
        remember(self.url, pinned, found)
        return found

    def small_digest(self, pinned: Identity) -> str:
        """As :meth:`digest`, in one request if it is small; the caller asks whether it is still the same."""
        if pinned.size is None or pinned.size > _BLOCK:
            return self.digest(pinned)
        data = b"".join(self._blocks(pinned))
        if len(data) != pinned.size:
            raise changed(self.url, f"it had {pinned.size} bytes and has {len(data)}")
        return hashlib.sha256(data).hexdigest()

    # -- folders ---------------------------------------------------------------------------------------

    def listing(self) -> tuple[dict[str, Identity], list[str]]:
        """The files below by relative name, and the folders that hold nothing, both sorted.

        Raises:
            ValueMismatch: There is nothing, or a name that cannot be one on a disk, such as ``../x``.
        """
        self._fs.invalidate_cache()
        found = self._ask("list", lambda: self._fs.find(self._path, detail=True))
        root = self._path.rstrip("/")
        files: dict[str, Identity] = {}
        folders: list[str] = []
        for key, info in sorted(found.items()):
            if key.rstrip("/") == root:
                if (
                    info.get("type") == "file"
                    and not key.endswith("/")
                    and not self.url.endswith("/")
                    and len(found) == 1
                ):
                    raise ValueMismatch(f"{mask_url(self.url)} is a file", fix="use a File")
                continue  # the marker of the folder itself, or a file beside the folder
            name = key.removeprefix(root).removeprefix("/")
            if name.endswith("/") and not info.get("size"):
                folders.append(name.removesuffix("/"))
            else:
                files[name] = Identity.of(info)
        if not found and not self._ask("list", lambda: self._fs.isdir(self._path)):
            raise ValueMismatch(f"there is nothing at {mask_url(self.url)}", fix="check the address")
        holding = {parent for name in (*files, *folders) for parent in _parents(name)}
        empty = [name for name in folders if name not in holding and name not in files]
        for name in (*files, *empty):
            self._check_name(name, name in holding)
        return files, empty

    def _check_name(self, name: str, is_folder: bool) -> None:
        parts = name.split("/")
        why = ""
        if any(part in ("", ".", "..") for part in parts) or "\0" in name or "\\" in name or ":" in parts[0]:
            why = "it would lead outside its directory, or be another one there"
        elif is_folder:
            why = "there are also files below it, as if it were a directory"
        if why:
            raise ValueMismatch(
                f"{mask_url(self.url)} holds {name!r}, which cannot be a file in a directory",
                why=why,
                fix="rename it, or take the other files one by one, as File",
            )

    def below(self, name: str) -> Remote:
        """A file of this folder."""
        child = Remote.__new__(Remote)
        child.url = f"{self.url.rstrip('/')}/{name}"
        child._fs, child._path = self._fs, f"{self._path.rstrip('/')}/{name}"
        return child

    def _ask(self, action: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:
            if is_expiry(error):
                raise changed(self.url, "the storage says so") from cause_of(error, self.url)
            raised = failure(error, self.url, action)
            if raised is error:
                raise
            raise raised from cause_of(error, self.url)


_digests: OrderedDict[tuple[str, Identity], str] = OrderedDict()
_digests_lock = threading.Lock()


def remember(url: str, identity: Identity, digest: str) -> None:
    """The bytes that are known to be there now."""
    if not identity.sure:
        return
    with _digests_lock:
        _digests[url, identity] = digest
        while len(_digests) > _MEMORY:
            _digests.popitem(last=False)


def _unwritable(target: Path, error: OSError) -> StoreUnwritable:
    return StoreUnwritable(
        f"a remote file cannot be copied to {target.parent}",
        why=str(error),
        fix="free some space, or set TMPDIR to a directory on another disk; or stream it: file.open('rb')",
    )


def remembered(url: str, identity: Identity) -> str | None:
    """SHA-256 of the bytes that an identity stands for, if they were read before."""
    with _digests_lock:
        return _digests.get((url, identity))


def at_once(work: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """``map`` with several requests under way; the first that fails ends it."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dovetail-files") as pool:
        running = [pool.submit(work, item) for item in items]
        try:
            for future in running:
                yield future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def changed(url: str, why: str, expected: str | None = None, actual: str | None = None) -> ArtifactCorrupt:
    """The error for a file that is no longer what was referred to."""
    return ArtifactCorrupt(
        f"{mask_url(url)} has changed since it was referred to",
        why=why,
        fix="start a new run, which takes it as it is now; or store the bytes: Annotated[dt.File, dt.Stored('file')]",
        expected=expected,
        actual=actual,
    )


def is_expiry(error: BaseException) -> bool:
    """Whether a library noticed by itself that the file has changed while it was read (412 Precondition Failed)."""
    return type(error).__name__ == "FileExpired" or "PreconditionFailed" in str(error)


def _is_past(moment: Any) -> bool:
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    return isinstance(seconds, (int, float)) and seconds < time.time() - _TICK


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[: i + 1]) for i in range(len(parts)))


def _told(identity: Identity) -> str:
    return f"{'an unknown number of' if identity.size is None else identity.size} bytes ({identity.tag or 'no tag'})"


class _Stream(io.RawIOBase):
    """A remote file as raw bytes; its errors are ours. Read from end to end, its hash is checked, where known."""

    def __init__(self, url: str, opened: Any, digest: str | None, seekable: bool) -> None:
        self._url, self._opened, self._digest, self._seekable = url, opened, digest, seekable
        self._sum = hashlib.sha256() if digest is not None else None
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def readinto(self, buffer: Any) -> int:
        data = self._do(lambda: self._opened.read(len(buffer)))
        buffer[: len(data)] = data
        if self._sum is not None:
            self._sum.update(data)
            if not data and len(buffer):
                found = self._sum.hexdigest()
                self._sum = None
                if found != self._digest:
                    raise changed(self._url, f"its SHA-256 is {found}, expected {self._digest}", self._digest, found)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._seekable:
            raise io.UnsupportedOperation(
                f"{mask_url(self._url)} is read from its beginning only: the server knows no parts"
            )
        at = int(self._do(lambda: self._opened.seek(offset, whence)))
        if at != self._at:
            self._sum = None
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._opened.close()
        super().close()

    def _do(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except DovetailError:
            raise
        except Exception as error:
            if is_expiry(error):
                raise changed(self._url, "it changed while it was read") from cause_of(error, self._url)
            raise failure(error, self._url, "read") from cause_of(error, self._url)
