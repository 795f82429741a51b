"""The artifact store: content-addressed files, on a local disk or behind an fsspec URL."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from dovetail.errors import ArtifactCorrupt, ArtifactNotFound
from dovetail.spec import Artifact, Blob
from dovetail.store._local_blobs import LocalBlobs

if TYPE_CHECKING:
    from dovetail.config import Settings

Durability = Literal["process", "power"]
"""What a write survives: the death of the process (``"process"``: kill -9, crash), or a power cut too (``"power"``: fsync)."""


class _Blobs(Protocol):
    def temporary(self, suffix: str = "") -> Path: ...
    def add_file(self, path: Path, name: str) -> Blob: ...
    def add_bytes(self, data: bytes, name: str) -> Blob: ...
    def open_path(self, blob: Blob) -> Path: ...
    def sync(self, digest: str) -> None: ...
    def digests(self) -> Iterator[tuple[str, float, int]]: ...
    def remove_if_older(self, digest: str, moment: float) -> bool: ...
    def sweep(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection removed: number of stored files, their bytes, number of abandoned temporary files."""

    files: int
    bytes: int
    temporary: int


class ArtifactStore:
    """Stores files under the SHA-256 of their bytes: a :class:`~dovetail.spec.BlobSink` and :class:`~dovetail.spec.BlobSource`.

    The same bytes are stored once. A file is there as a whole or not at all, and its hash is checked whenever it is
    opened (once per process while it is unchanged on disk).

    Args:
        root: A directory (made on the first write), or an fsspec URL such as ``"s3://bucket/prefix"``.
        durability: See :data:`Durability`. ``"process"`` leaves it to the operating system when bytes reach the disk;
            a file that a power cut tore is found by its hash and recomputed.
        cache: Where files of a remote store are kept after download; default ``<user cache>/dovetail``.

    Raises:
        ConfigError: The URL is of a kind that no installed package knows.
    """

    def __init__(self, root: Path | str, *, durability: Durability = "process", cache: Path | None = None) -> None:
        self.durability = durability
        text = str(root)
        self._blobs: _Blobs
        if "://" in text and not text.startswith("file://"):
            from dovetail.store._remote_blobs import RemoteBlobs  # brings fsspec

            self._blobs = RemoteBlobs(text, cache=cache, fsync=durability == "power")
        else:
            self._blobs = LocalBlobs(Path(text.removeprefix("file://")).absolute(), fsync=durability == "power")

    def temporary(self, suffix: str = "") -> Path:
        """A fresh local path that does not exist yet, from which :meth:`add_file` can take a file over.

        Raises:
            StoreUnwritable: The directory can't be made.
        """
        return self._blobs.temporary(suffix)

    def add_file(self, path: Path, name: str) -> Blob:
        """Move the file at ``path`` (made by :meth:`temporary`) into the store; ``name`` is its name inside its artifact.

        Raises:
            StoreUnwritable: No space, no permission, read-only, too many open files.
            StoreError: The file is no regular file with a single name, or ``name`` is not a plain relative one.
        """
        return self._blobs.add_file(path, name)

    def add_bytes(self, data: bytes, name: str) -> Blob:
        """Store ``data``; raises as :meth:`add_file`."""
        return self._blobs.add_bytes(data, name)

    def open_path(self, blob: Blob) -> Path:
        """Local path of the stored file, its hash verified. Read it, never write to it.

        Raises:
            ArtifactNotFound: It is not in the store, or ``blob.digest`` is no SHA-256.
            ArtifactCorrupt: Its bytes are not those that were written.
        """
        return self._blobs.open_path(blob)

    def persist(self, artifact: Artifact) -> None:
        """Force all files of an artifact to the disk, so that it survives a power cut: done before it is published.

        Raises:
            ArtifactNotFound: A file is missing.
            StoreUnwritable: The disk refuses.
        """
        for blob in blobs_of(artifact):
            self._blobs.sync(blob.digest)

    def verify(self, artifact: Artifact) -> None:
        """Check that every file of an artifact is there and whole; raises as :meth:`open_path`."""
        for blob in blobs_of(artifact):
            self._blobs.open_path(blob)

    def has(self, artifact: Artifact) -> bool:
        """True if every file of the artifact is there and whole."""
        try:
            self.verify(artifact)
        except (ArtifactNotFound, ArtifactCorrupt):
            return False
        return True

    def gc(self, live: Iterable[str], older_than: float = 3600.0) -> Collected:
        """Remove stored files that nothing refers to, and temporary files of dead processes.

        Args:
            live: Digests to keep: :meth:`RunStore.live_blobs`.
            older_than: Keep files younger than this, in seconds: a run stores its files before it commits their names.

        Raises:
            StoreUnwritable: A file can't be removed.
        """
        keep = frozenset(live)
        moment = time.time() - older_than
        files = total = 0
        for digest, written, size in self._blobs.digests():
            if digest not in keep and written < moment and self._blobs.remove_if_older(digest, moment):
                files += 1
                total += size
        return Collected(files, total, self._blobs.sweep())


def blobs_of(artifact: Artifact) -> Iterator[Blob]:
    """Every stored file of an artifact and of its children."""
    yield from artifact.blobs
    for child in artifact.children:
        yield from blobs_of(child)


def open_artifact_store(settings: Settings) -> ArtifactStore:
    """The artifact store of a project: ``<settings.home>/artifacts``."""
    return ArtifactStore(settings.home / "artifacts", durability=settings.durability)
