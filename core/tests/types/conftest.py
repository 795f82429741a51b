"""A store of blobs in a directory, and a type engine that has the core's own types and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dovetail.config import Settings, load_settings
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound
from dovetail.plugins import build_catalogue
from dovetail.spec import Blob
from dovetail.types import File, TypeEngine


class DirectoryStore:
    """The smallest BlobSink and BlobSource: files named by their SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0

    def temporary(self, suffix: str = "") -> Path:
        self.count += 1
        return self.root / f"temporary-{self.count}{suffix}"

    def add_file(self, path: Path, name: str) -> Blob:
        data = path.read_bytes()
        path.unlink()
        return self.add_bytes(data, name)

    def add_bytes(self, data: bytes, name: str) -> Blob:
        digest = hashlib.sha256(data).hexdigest()
        (self.root / digest).write_bytes(data)
        return Blob(name, digest, len(data))

    def open_path(self, blob: Blob) -> Path:
        path = self.root / blob.digest
        if not path.exists():
            raise ArtifactNotFound(f"no blob {blob.digest}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != blob.digest:
            raise ArtifactCorrupt(f"blob {blob.digest} is not what was written")
        return path


@pytest.fixture(scope="session")
def bare_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(tmp_path_factory.mktemp("project"), {"disable_plugins": True}, {})


@pytest.fixture(scope="session")
def types(bare_settings: Settings) -> TypeEngine:
    return TypeEngine(build_catalogue(bare_settings))


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    root = tmp_path / "blobs"
    root.mkdir()
    return DirectoryStore(root)


@pytest.fixture
def reads() -> list[Callable[[File], object]]:
    """The ways in which the bytes of a file are asked for."""
    return [
        lambda file: file.path,
        lambda file: file.read_bytes(),
        lambda file: file.open("rb").read(1),
        lambda file: file.read_text(),
        os.fspath,
    ]
