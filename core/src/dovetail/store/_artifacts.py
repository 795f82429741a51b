"""The artifact store: content-addressed files, on a local disk or behind an fsspec URL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dovetail.config import Settings, mask_url, redact, url_scheme
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, DovetailError, PluginConflict, StoreError
from dovetail.plugins import Catalogue, current_catalogue
from dovetail.spec import Artifact, Blob, BlobStore
from dovetail.store._local_blobs import LocalBlobs

Durability = Literal["process", "power"]
"""What a write survives: the death of the process (``"process"``: kill -9, crash), or a power cut too (``"power"``: fsync)."""


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
        settings: Their ``storage`` has the credentials of a remote store. Default: those of the current catalogue.
        blobs: What keeps the files, in place of what the core has for such a root.

    Raises:
        ConfigError: The URL is of a kind that nobody knows, or a credential is missing.
        EngineUnavailable: The package for that kind of URL is not installed.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        durability: Durability = "process",
        cache: Path | None = None,
        settings: Settings | None = None,
        blobs: BlobStore | None = None,
    ) -> None:
        self.durability = durability
        text = str(root)
        self._blobs: BlobStore
        if blobs is not None:
            self._blobs = blobs
        elif url_scheme(text):
            from dovetail.store._remote_blobs import RemoteBlobs  # brings fsspec

            self._blobs = RemoteBlobs(text, cache=cache, fsync=durability == "power", settings=settings)
        else:
            self._blobs = LocalBlobs(Path(text.removeprefix("file://")).absolute(), fsync=durability == "power")

    @property
    def on_disk(self) -> bool:
        """True if it is a directory, which every process of this machine can open without a driver or credentials."""
        return isinstance(self._blobs, LocalBlobs)

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

    @staticmethod
    def blobs(artifact: Artifact) -> Iterator[Blob]:
        """Every stored file of an artifact and of its children."""
        return blobs_of(artifact)

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


def open_artifact_store(settings: Settings, catalogue: Callable[[], Catalogue] = current_catalogue) -> ArtifactStore:
    """The artifact store of a project: the setting ``artifact_store``, by default ``<settings.home>/artifacts``.

    Args:
        settings: Of the project.
        catalogue: Gives the catalogue, whose plugins may know the scheme of a URL; asked for a URL only.

    Raises:
        ConfigError: The URL is of a kind that nobody knows, or a credential is missing.
        EngineUnavailable: The package for that kind of URL is not installed.
        PluginError: Two plugins own the scheme, or the one that does cannot be used.
        StoreError: The plugin's store cannot be opened, or is none.
    """
    place = settings.artifact_store or settings.home / "artifacts"
    if isinstance(place, Path):
        return ArtifactStore(place, durability=settings.durability)
    blobs = _of_plugin(place, catalogue())
    cache = settings.cache_dir / "artifacts" if settings.cache_dir is not None else None
    return ArtifactStore(place, durability=settings.durability, cache=cache, settings=settings, blobs=blobs)


def _of_plugin(url: str, catalogue: Catalogue) -> BlobStore | None:
    scheme = url_scheme(url)
    if scheme not in catalogue.artifact_stores():
        error = catalogue.missing("artifact_store", scheme)
        if isinstance(error, PluginConflict):
            raise error
        return None  # the core's own
    spec = catalogue.artifact_store(scheme)
    make = catalogue.load(spec.code, spec)
    try:
        made = make(url)  # type: ignore[operator]  # what is no function says so
    except DovetailError:
        raise
    except Exception as error:
        raise StoreError(
            f"the artifact store at {mask_url(url)} cannot be opened",
            who=f"{spec.code}, of {catalogue.owner_of(spec).name}",
            why=f"{type(error).__name__}: {redact(str(error))}",
            fix="see the cause, and tell the plugin's authors",
        ) from error
    if not isinstance(made, BlobStore):
        raise StoreError(
            f"the artifact store at {mask_url(url)} is none",
            who=f"{spec.code}, of {catalogue.owner_of(spec).name}",
            why=f"a {type(made).__name__} lacks methods of dovetail.spec.BlobStore",
            fix="tell the plugin's authors",
        )
    return made
