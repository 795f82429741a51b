"""The artifacts that a transaction refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dovetail.spec import Artifact
from dovetail.store._artifacts import blobs_of
from dovetail.store._json import encode
from dovetail.store._statements import Statements


class ArtifactRows:
    """Collects the artifacts that a transaction refers to, so that each is inserted once."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._rows: dict[str, tuple[Any, ...]] = {}

    def ids(self, artifacts: Mapping[str, Artifact]) -> str:
        """JSON of name to id; the artifacts will be inserted."""
        ids = {}
        for name, artifact in artifacts.items():
            ids[name] = artifact.id
            self.add(artifact)
        return encode(ids)

    def add(self, artifact: Artifact) -> str:
        """The id; the artifact will be inserted."""
        if artifact.id not in self._rows:
            has_blobs = 1 if artifact.blobs or (artifact.children and any(blobs_of(artifact))) else 0
            self._rows[artifact.id] = (artifact.id, has_blobs, self._now, encode(artifact.to_dict()))
        return artifact.id

    def insert(self, statements: Statements, cursor: Any) -> None:
        """Insert those that are not there yet."""
        # Sorted: neighbours share pages, and two writers on a server can't wait for each other.
        statements.put_artifact.run_many(cursor, sorted(self._rows.values()))
