"""Content-addressed files behind an fsspec URL, with a verified local cache."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from dovetail.config import Settings, mask_url, mask_urls, redact, url_scheme
from dovetail.errors import (
    ArtifactCorrupt,
    ArtifactNotFound,
    ConfigError,
    DovetailError,
    StoreError,
    StoreUnwritable,
    UserError,
)
from dovetail.spec import Blob
from dovetail.store._faults import from_os_error
from dovetail.store._local_blobs import LocalBlobs
from dovetail.store._names import check_blob_name, check_digest
from dovetail.types.remote import cause_of, open_filesystem, was_refused

_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})
"""Object storages, in which a file appears as a whole under its own name; elsewhere it is moved there."""
_BLOCK = 8 * 1024 * 1024
"""Bytes that are fetched at once."""
_S3_PARTS = {"chunksize": 16 * 1024 * 1024, "max_concurrency": 2}
"""s3fs would hold half a gigabyte."""
_TIMES = ("LastModified", "last_modified", "updated", "modified", "mtime", "created")
_OF_THIS_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_YOUNG = 1800.0
"""Seconds for which a file counts as just written. A collector removes nothing that is younger than an hour."""


class RemoteBlobs:
    """The layout of :class:`LocalBlobs` under a URL. A file appears there as a whole or not at all."""

    def __init__(self, url: str, *, cache: Path | None, fsync: bool, settings: Settings | None = None) -> None:
        self._url = url
        self._shown = mask_url(url)
        try:
            self._fs: Any
            self._fs, path = open_filesystem(url, settings)
        except UserError as error:
            raise ConfigError(
                f"an artifact store at {self._shown} can't be opened", why=f"{error.what}", fix=error.fix
            ) from error
        self._root = path.rstrip("/")
        self._uploads = self._root + "/tmp"  # noqa: S108 - a folder of the store, not of this host
        self._whole = url_scheme(url) in _WHOLE
        self._parts = _S3_PARTS if url_scheme(url) in ("s3", "s3a") else {}
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dovetail" if cache is None else cache
        self.cache = LocalBlobs(base / hashlib.sha256(url.encode()).hexdigest()[:16], fsync=fsync)

    def temporary(self, suffix: str = "") -> Path:
        """A fresh path in the local cache."""
        return self.cache.temporary(suffix)

    def add_file(self, path: Path, name: str) -> Blob:
        """Take the file over into the cache, then upload it."""
        return self._upload(self.cache.add_file(path, name))

    def add_bytes(self, data: bytes, name: str) -> Blob:
        """Store bytes in the cache, then upload them."""
        return self._upload(self.cache.add_bytes(data, name))

    def open_path(self, blob: Blob) -> Path:
        """The cached copy, downloaded and verified first if need be."""
        check_digest(blob.digest)
        try:
            return self.cache.open_path(blob)
        except (ArtifactNotFound, ArtifactCorrupt):
            pass  # not here, or damaged here: the remote one decides
        temporary = self.cache.temporary()
        try:
            self._download(self._key(blob.digest), blob.size, temporary)
            got = self.cache.add_file(temporary, check_blob_name(blob.name))
        except FileNotFoundError as error:
            raise ArtifactNotFound(
                f"the stored file {blob.name} is gone",
                who=f"artifact file {blob.digest} in {self._shown}",
                fix="resume the run or start a new one: dovetail run FILE WORKFLOW",
            ) from error
        except DovetailError:
            raise
        except Exception as error:
            raise self._failed("read", error) from cause_of(error, self._url)
        finally:
            temporary.unlink(missing_ok=True)
        if got.digest != blob.digest or got.size != blob.size:
            raise ArtifactCorrupt(
                f"the stored file {blob.name} is not what was written",
                who=f"artifact file {blob.digest} in {self._shown}",
                why=f"its SHA-256 is {got.digest} ({got.size} bytes), expected {blob.digest} ({blob.size} bytes)",
                fix=f"remove {self._shown}/blobs/{blob.digest[:2]}/{blob.digest[2:]} and run again",
                expected=blob.digest,
                actual=got.digest,
            )
        return self.cache.open_path(blob)

    def _download(self, key: str, size: int, target: Path) -> None:
        with target.open("wb") as out:
            if size <= _BLOCK:
                out.write(self._fs.cat_file(key))
            else:
                with self._fs.open(key, "rb", block_size=_BLOCK, cache_type="readahead") as stream:
                    shutil.copyfileobj(stream, out, 1024 * 1024)

    def sync(self, digest: str) -> None:
        """An upload that was acknowledged is durable; this only makes sure that it is there."""
        if self._info(digest) is None:
            raise ArtifactNotFound(f"there is no stored file {digest}", who=self._shown)

    def digests(self) -> Iterator[tuple[str, float, int]]:
        """Digest, time of the last write, and size of every blob. One without a known time counts as new."""
        try:
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/blobs", detail=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._failed("list", error) from cause_of(error, self._url)
        for key, info in found.items():
            folder, _, rest = key.rpartition("/")
            digest = folder.rpartition("/")[2] + rest
            if len(digest) == 64:
                yield digest, self._written(key, info), int(info.get("size") or 0)

    def remove_if_older(self, digest: str, moment: float) -> bool:
        """Remove a blob last written before ``moment``; True if it was removed."""
        key = self._key(digest)
        try:
            if self._written(key) >= moment:
                return False
            self._fs.rm_file(key)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise self._failed("remove from", error) from cause_of(error, self._url)
        self.cache.remove_if_older(digest, float("inf"))
        return True

    def sweep(self) -> int:
        """Remove uploads that were never finished (a day old), and abandoned files of the cache."""
        removed = self.cache.sweep()
        try:
            keys = self._fs.find(self._uploads)
        except FileNotFoundError:
            keys = []
        for key in keys:
            if self._written(key) < time.time() - 86400:
                self._fs.rm_file(key)
                removed += 1
        return removed

    def _upload(self, blob: Blob) -> Blob:
        if self._is_there(blob):
            return blob
        target = self._key(blob.digest)
        source = str(self.cache.open_path(blob))
        try:
            if self._whole:
                self._fs.put_file(source, target, **self._parts)
            else:
                temporary = f"{self._uploads}/{secrets.token_hex(16)}"
                for parent in (self._uploads, target.rpartition("/")[0]):
                    self._fs.makedirs(parent, exist_ok=True)
                self._fs.put_file(source, temporary)
                self._fs.mv(temporary, target)
        except DovetailError:
            raise
        except Exception as error:
            raise self._failed("write to", error) from cause_of(error, self._url)
        return blob

    def _is_there(self, blob: Blob) -> bool:
        """Whether it need not be uploaded. What is older is written again: a collector that is at work spares the young."""
        info = self._info(blob.digest)
        if info is None or int(info["size"]) != blob.size:
            return False
        return self._written(self._key(blob.digest), info) > time.time() - _YOUNG

    def _info(self, digest: str) -> dict[str, Any] | None:
        try:
            return dict(self._fs.info(self._key(digest)))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed("read", error) from cause_of(error, self._url)

    def _written(self, key: str, info: dict[str, Any] | None = None) -> float:
        for name in _TIMES if info is not None else ():
            if isinstance(moment := info.get(name), datetime):  # type: ignore[union-attr]
                return moment.timestamp()
        try:
            return float(self._fs.modified(key).timestamp())
        except NotImplementedError:
            return float("inf")

    def _key(self, digest: str) -> str:
        check_digest(digest)
        return f"{self._root}/blobs/{digest[:2]}/{digest[2:]}"

    def _failed(self, action: str, error: Exception) -> StoreError:
        if isinstance(error, OSError) and error.errno in _OF_THIS_DISK:
            return from_os_error(error, self.cache.root, action)
        if was_refused(error):
            return StoreUnwritable(
                f"the store can't {action} {self._shown}",
                why=_why(error),
                fix=f"give credentials that may, in [storage.{url_scheme(self._url)}] or the environment",
            )
        if isinstance(error, FileNotFoundError):
            return StoreError(
                f"the store can't {action} {self._shown}",
                why=_why(error),
                fix="make the bucket, or correct the address",
            )
        return StoreError(
            f"the store can't {action} {self._shown}",
            why=_why(error),
            fix="check the address, the credentials and the network",
        )


def _why(error: BaseException) -> str:
    return redact(mask_urls(f"{type(error).__name__}: {error}".replace("\n", " ")))[:400]
