"""Stored files on their way between a worker and a store that only the hub reaches.

A store behind a URL needs a driver and credentials, which no environment has to have: the hub downloads what a worker reads, and
takes over what it has written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from dovetail.config import Settings
from dovetail.env.bridge import Bridge
from dovetail.errors import PlatformError
from dovetail.spec import Artifact, Blob
from dovetail.store import ArtifactStore
from dovetail.types.remote import is_below


class Staging:
    """The hub's side, for one call. Its folder goes at the end of the call, or with the bridge of a hub that was killed."""

    def __init__(self, bridge: Bridge, store: ArtifactStore) -> None:
        self._store = store
        self._folder = bridge.folder()
        self._staged = ArtifactStore(self._folder)
        self._lent: dict[str, str] = {}
        self._taken: set[str] = set()

    @property
    def place(self) -> dict[str, Any]:
        """JSON: what :class:`StagedStore` is made of."""
        return {"folder": str(self._folder), "lent": self._lent}

    def lend(self, artifact: Artifact) -> None:
        """Let the worker read the files of an artifact where this process has them.

        Raises:
            ArtifactNotFound, ArtifactCorrupt, StoreError: The store does not give them.
        """
        for blob in self._store.blobs(artifact):
            if blob.digest not in self._lent:
                self._lent[blob.digest] = str(self._store.open_path(blob))

    def take_over(self, artifacts: Iterable[Artifact]) -> None:
        """Move what the worker has written into the store, its hashes verified.

        Raises:
            ArtifactNotFound, ArtifactCorrupt: A file is missing or is not what the worker says.
            PlatformError: A file was changed meanwhile.
            StoreError, StoreUnwritable: The store does not take it.
        """
        for blob in chain.from_iterable(map(self._store.blobs, artifacts)):
            if blob.digest in self._taken or blob.digest in self._lent:
                continue
            source, target = self._staged.open_path(blob), self._store.temporary()
            shutil.move(source, target)  # a copy, where the store's own folder is on another disk
            stored = self._store.add_file(target, blob.name)
            if (stored.digest, stored.size) != (blob.digest, blob.size):
                raise PlatformError(
                    f"the stored file {blob.name} changed while it was taken over from a worker",
                    why=f"its SHA-256 is {stored.digest}, expected {blob.digest}",
                    fix="let the task keep no file open, and no process running, that writes its output",
                )
            self._taken.add(blob.digest)

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> Literal[False]:
        shutil.rmtree(self._folder, ignore_errors=True)
        return False


class StagedStore(ArtifactStore):
    """The worker's side: writes into the folder, reads what was lent."""

    def __init__(self, place: Mapping[str, Any]) -> None:
        super().__init__(Path(place["folder"]))
        self._lent: dict[str, str] = place["lent"]

    def open_path(self, blob: Blob) -> Path:
        """Local path of a file that the hub has verified, or that was written here."""
        lent = self._lent.get(blob.digest)
        return super().open_path(blob) if lent is None else Path(lent)


def without_store(settings: Settings) -> Settings:
    """The settings that a worker is told: not the credentials that are given for the artifact store's own place.

    Those of its whole scheme go along, for the files that tasks read.
    """
    place = settings.artifact_store
    if not isinstance(place, str):
        return settings
    own = [key for key in settings.storage if "://" in key and is_below(place, key)]
    return replace(settings, storage={key: table for key, table in settings.storage.items() if key not in own})
