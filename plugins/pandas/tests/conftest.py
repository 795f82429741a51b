"""A store of blobs in a directory, and a type engine with the core and this plugin alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dovetail_pandas.plugin
import pytest
from dovetail.config import load_settings
from dovetail.plugins import build_catalogue
from dovetail.spec import Blob
from dovetail.types import TypeEngine


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
        return self.root / blob.digest


@pytest.fixture(scope="session")
def types(tmp_path_factory: pytest.TempPathFactory) -> TypeEngine:
    settings = load_settings(tmp_path_factory.mktemp("project"), {"disable_plugins": True}, {})
    return TypeEngine(build_catalogue(settings, [dovetail_pandas.plugin]))


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    root = tmp_path / "blobs"
    root.mkdir()
    return DirectoryStore(root)
