"""Content-addressed files behind an fsspec URL, with a verified local cache."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, ConfigError, DovetailError, StoreError
from dovetail.spec import Blob
from dovetail.store._faults import from_os_error
from dovetail.store._local_blobs import LocalBlobs
from dovetail.store._names import check_blob_name, check_digest


class RemoteBlobs:
    """The layout of :class:`LocalBlobs` under a URL. An upload gets a temporary key and is then moved to its final one."""

    def __init__(self, url: str, *, cache: Path | None, fsync: bool) -> None:
        import fsspec

        self._shown = re.sub(r"//[^/@]*@", "//", url)  # without user and password
        try:
            self._fs: Any
            self._fs, path = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise ConfigError(
                f"an artifact store at {self._shown} can't be opened",
                why=str(error),
                fix="use a directory, or install the fsspec package for that kind of URL, such as s3fs or gcsfs",
            ) from error
        self._root = path.rstrip("/")
        self._uploads = self._root + "/tmp"  # noqa: S108 - a folder of the store, not of this host
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
            self._fs.get_file(self._key(blob.digest), str(temporary))
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
            raise self._failed("read", error) from error
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

    def sync(self, digest: str) -> None:
        """An upload that was acknowledged is durable; this only makes sure that it is there."""
        if self._size(digest) is None:
            raise ArtifactNotFound(f"there is no stored file {digest}", who=self._shown)

    def digests(self) -> Iterator[tuple[str, float, int]]:
        """Digest, time of the last write, and size of every blob. One without a known time counts as new."""
        try:
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/blobs", detail=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._failed("list", error) from error
        for key, info in found.items():
            folder, _, rest = key.rpartition("/")
            digest = folder.rpartition("/")[2] + rest
            if len(digest) == 64:
                yield digest, self._written(key), int(info.get("size") or 0)

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
            raise self._failed("remove from", error) from error
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
        if self._size(blob.digest) == blob.size:
            return blob
        target = self._key(blob.digest)
        temporary = f"{self._uploads}/{secrets.token_hex(16)}"
        try:
            for parent in (self._uploads, target.rpartition("/")[0]):
                self._fs.makedirs(parent, exist_ok=True)
            self._fs.put_file(str(self.cache.open_path(blob)), temporary)
            self._fs.mv(temporary, target)
        except DovetailError:
            raise
        except Exception as error:
            raise self._failed("write to", error) from error
        return blob

    def _size(self, digest: str) -> int | None:
        try:
            return int(self._fs.info(self._key(digest))["size"])
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed("read", error) from error

    def _written(self, key: str) -> float:
        try:
            return float(self._fs.modified(key).timestamp())
        except NotImplementedError:
            return float("inf")

    def _key(self, digest: str) -> str:
        check_digest(digest)
        return f"{self._root}/blobs/{digest[:2]}/{digest[2:]}"

    def _failed(self, action: str, error: Exception) -> StoreError:
        if isinstance(error, OSError) and error.errno is not None:
            return from_os_error(error, self._shown, action)
        return StoreError(
            f"the store can't {action} {self._shown}",
            why=f"{type(error).__name__}: {error}".replace("\n", " ")[:400],
            fix="check the address, the credentials and the network",
        )
