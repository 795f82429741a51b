"""Content-addressed files on a local disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, StoreError
from dovetail.spec import Blob
from dovetail.store._faults import from_os_error
from dovetail.store._names import check_blob_name, check_digest
from dovetail.store._owner import boot_id, pid_is_dead

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_TEMP_GRACE = 60.0
"""Seconds that the temporary file of a dead process is kept, since another one may be about to take it over."""
_FOREIGN_TEMP_AGE = 24 * 3600.0
"""Seconds after which a temporary file of another host or boot is taken for abandoned."""
_VERIFIED_LIMIT = 50_000
_CLOCK_TICK = 20_000_000
"""Nanoseconds; the times of files advance in steps of up to 10 ms."""

_Seen = tuple[int, int, int, int]


class LocalBlobs:
    """Files under ``<root>/blobs/ab/cdef...``, named by the SHA-256 of their bytes; work in progress in ``<root>/tmp``.

    A file appears under its final name complete or not at all: it is written under a temporary name and renamed.
    """

    def __init__(self, root: Path, *, fsync: bool) -> None:
        self.root = root
        self._fsync = fsync
        self._blobs = root / "blobs"
        self._tmp = root / "tmp"
        self._verified: dict[str, _Seen] = {}
        self._ready = False

    def temporary(self, suffix: str = "") -> Path:
        """A fresh path in ``<root>/tmp``. Its name tells the process, so that it can be swept once that is dead."""
        if not self._ready:
            try:
                self._tmp.mkdir(parents=True, exist_ok=True)
                self._blobs.mkdir(exist_ok=True)
            except OSError as error:
                raise from_os_error(error, self.root, "write to") from error
            self._ready = True
        return self._tmp / f"{_boot_token()}-{os.getpid()}-{secrets.token_hex(8)}{suffix}"

    def add_file(self, path: Path, name: str) -> Blob:
        """Take the file over; see :meth:`dovetail.spec.BlobSink.add_file`."""
        check_blob_name(name)
        try:
            with _open_regular(path) as (descriptor, status):
                digest = _hash(descriptor)
                if self._fsync:
                    os.fsync(descriptor)
            path.chmod(0o444)  # what others read by path must not be changed by accident
            self._place(path, digest, status.st_size)
        except OSError as error:
            raise from_os_error(error, path, "take over") from error
        return Blob(name, digest, status.st_size)

    def add_bytes(self, data: bytes, name: str) -> Blob:
        """Store bytes; see :meth:`dovetail.spec.BlobSink.add_bytes`."""
        check_blob_name(name)
        digest = hashlib.sha256(data).hexdigest()
        path = self.temporary()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o444)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                if self._fsync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._place(path, digest, len(data))
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise from_os_error(error, path, "write") from error
        return Blob(name, digest, len(data))

    def open_path(self, blob: Blob) -> Path:
        """The verified path of a blob; see :meth:`dovetail.spec.BlobSource.open_path`."""
        path = self.path_of(blob.digest)
        try:
            _check_folder(path.parent)
            seen = _seen(os.lstat(path))
            if self._verified.get(str(path)) == seen and seen[0] == blob.size:
                return path
            self._verify(blob, path)
        except FileNotFoundError as error:
            raise ArtifactNotFound(
                f"the stored file {blob.name} is gone",
                who=f"artifact file {blob.digest}",
                why=f"{path} does not exist",
                fix="resume the run or start a new one, or restore the artifact directory from a backup",
            ) from error
        except OSError as error:
            raise from_os_error(error, path, "read") from error
        return path

    def path_of(self, digest: str) -> Path:
        """Where a blob lies, or would lie. Raises ArtifactNotFound unless ``digest`` is one."""
        check_digest(digest)
        return self._blobs / digest[:2] / digest[2:]

    def sync(self, digest: str) -> None:
        """Force a blob to the disk. Raises ArtifactNotFound, or StoreUnwritable if the disk refuses."""
        path = self.path_of(digest)
        try:
            for target in (path, path.parent, self._blobs):
                _fsync_path(target)
        except FileNotFoundError as error:
            raise ArtifactNotFound(f"there is no stored file {digest}", why=f"{path} does not exist") from error
        except OSError as error:
            raise from_os_error(error, path, "write") from error

    def digests(self) -> Iterator[tuple[str, float, int]]:
        """Digest, time of the last write, and size of every blob."""
        if not self._blobs.is_dir():
            return
        for folder in sorted(self._blobs.iterdir()):
            if len(folder.name) != 2 or folder.is_symlink() or not folder.is_dir():
                continue
            for entry in os.scandir(folder):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and len(entry.name) == 62:
                    yield folder.name + entry.name, status.st_mtime, status.st_size

    def remove_if_older(self, digest: str, moment: float) -> bool:
        """Remove a blob last written before ``moment`` (seconds since the epoch); True if it was removed."""
        path = self.path_of(digest)
        doomed = self.temporary(".doomed")
        try:
            path.rename(doomed)
            # Adding bytes that are here already renews their time, so whoever counted on them a moment ago keeps them.
            if doomed.stat().st_mtime >= moment:
                doomed.rename(path)
                return False
            doomed.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise from_os_error(error, path, "remove") from error
        self._verified.pop(str(path), None)
        return True

    def sweep(self) -> int:
        """Remove temporary files that dead processes left; returns how many."""
        removed = 0
        now = time.time()
        with contextlib.suppress(FileNotFoundError):
            for entry in list(os.scandir(self._tmp)):
                with contextlib.suppress(FileNotFoundError):
                    age = now - entry.stat(follow_symlinks=False).st_mtime
                    if not _abandoned(entry.name, age):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        Path(entry.path).unlink()
                    removed += 1
        return removed

    def _place(self, path: Path, digest: str, size: int) -> None:
        target = self.path_of(digest)
        with contextlib.suppress(FileNotFoundError):
            _check_folder(target.parent)
        try:
            os.utime(target, follow_symlinks=False)  # first of all, so that a collector that is at work spares it
            self._verify(Blob("data", digest, size), target)
        except FileNotFoundError:
            pass
        except (ArtifactCorrupt, OSError):
            pass  # what lies there is damaged: these good bytes replace it
        else:
            path.unlink()
            if self._fsync:
                self.sync(digest)  # whoever stored it may have had less to lose
            return
        try:
            path.replace(target)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            if self._fsync:
                _fsync_path(self._blobs)
            path.replace(target)
        if self._fsync:
            _fsync_path(target.parent)
        self._remember(target, _seen(os.lstat(target)))

    def _verify(self, blob: Blob, path: Path) -> None:
        before = os.lstat(path)
        if not stat.S_ISREG(before.st_mode):
            raise self._corrupt(blob, path, "it is a link, a pipe or a device, not a regular file")
        if self._verified.get(str(path)) == _seen(before) and before.st_size == blob.size:
            return
        if before.st_nlink > 1:
            raise self._corrupt(
                blob, path, "it has a second name on the disk (a hard link), through which it can change"
            )
        if before.st_size != blob.size:
            raise self._corrupt(blob, path, f"it has {before.st_size} bytes instead of {blob.size}")
        with _open_regular(path) as (descriptor, status):
            actual = _hash(descriptor)
        if actual != blob.digest:
            raise self._corrupt(blob, path, f"its SHA-256 is {actual}", actual)
        self._remember(path, _seen(status))

    def _remember(self, path: Path, seen: _Seen) -> None:
        if time.time_ns() - seen[3] < _CLOCK_TICK:
            return  # a change in the same tick of the clock would leave the same times: hash it once more next time
        if len(self._verified) >= _VERIFIED_LIMIT:
            self._verified.clear()
        self._verified[str(path)] = seen

    def _corrupt(self, blob: Blob, path: Path, why: str, actual: str | None = None) -> ArtifactCorrupt:
        return ArtifactCorrupt(
            f"the stored file {blob.name} is not what was written",
            who=f"artifact file {blob.digest}",
            why=f"{why}; expected SHA-256 {blob.digest}",
            fix=f"remove it (rm '{path}'), then resume the run or start a new one",
            expected=blob.digest,
            actual=actual,
            path=str(path),
        )


def _check_folder(folder: Path) -> None:
    # A link planted here would lead reads and writes out of the store.
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise StoreError(
            f"{folder} is a link or a file, where the artifact store has a directory", fix=f"remove it: rm '{folder}'"
        )


def _boot_token() -> str:
    return hashlib.sha256(boot_id().encode()).hexdigest()[:8]


def _abandoned(name: str, age: float) -> bool:
    boot, _, rest = name.partition("-")
    pid, _, _ = rest.partition("-")
    if boot == _boot_token() and pid.isdigit():
        return age > _TEMP_GRACE and pid_is_dead(int(pid))
    return age > _FOREIGN_TEMP_AGE


def _seen(status: os.stat_result) -> _Seen:
    # The change time can't be set back by hand as the modification time can.
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns


@contextlib.contextmanager
def _open_regular(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise StoreError(
            f"{path} can't be stored",
            why="only regular files with a single name are stored: no links, pipes or devices",
            fix="copy its contents to a fresh file",
        )
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    try:
        opened = os.fstat(descriptor)
        if (opened.st_dev, opened.st_ino) != (status.st_dev, status.st_ino):
            raise StoreError(f"{path} was exchanged while it was opened", fix="run it again")
        yield descriptor, opened
    finally:
        os.close(descriptor)


def _hash(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
