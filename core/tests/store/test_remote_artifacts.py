"""The artifact store behind an fsspec URL, with the in-memory file system in the role of the remote one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, ConfigError, StoreError
from dovetail.spec import Blob
from dovetail.store import ArtifactStore

memory = fsspec.filesystem("memory")


@pytest.fixture
def url() -> Iterator[str]:
    name = uuid.uuid4().hex
    yield f"memory://{name}/store"
    if memory.exists(f"/{name}"):
        memory.rm(f"/{name}", recursive=True)


def key_of(url: str, blob: Blob) -> str:
    return f"{url.removeprefix('memory:/')}/blobs/{blob.digest[:2]}/{blob.digest[2:]}"


def test_it_travels_through_the_remote(url: str, tmp_path: Path) -> None:
    here = ArtifactStore(url, cache=tmp_path / "here")
    path = here.temporary(".bin")
    path.write_bytes(b"payload")
    blob = here.add_file(path, "data.bin")
    there = ArtifactStore(url, cache=tmp_path / "there")
    assert there.open_path(blob).read_bytes() == b"payload"
    assert memory.find(f"{url.removeprefix('memory:/')}/tmp") == []


def test_a_damaged_remote_file_is_found(url: str, tmp_path: Path) -> None:
    blob = ArtifactStore(url, cache=tmp_path / "here").add_bytes(b"payload", "data.bin")
    memory.pipe_file(key_of(url, blob), b"payloaX")
    with pytest.raises(ArtifactCorrupt) as caught:
        ArtifactStore(url, cache=tmp_path / "there").open_path(blob)
    assert caught.value.details["expected"] == blob.digest != caught.value.details["actual"]


def test_a_damaged_cache_is_downloaded_again(url: str, tmp_path: Path) -> None:
    store = ArtifactStore(url, cache=tmp_path / "here")
    blob = store.add_bytes(b"payload", "data.bin")
    cached = store.open_path(blob)
    cached.chmod(0o644)
    cached.write_bytes(b"payloaX")
    assert store.open_path(blob).read_bytes() == b"payload"


def test_a_missing_remote_file_is_named(url: str, tmp_path: Path) -> None:
    ArtifactStore(url, cache=tmp_path / "here").add_bytes(b"other", "data.bin")
    with pytest.raises(ArtifactNotFound, match="is gone"):
        ArtifactStore(url, cache=tmp_path / "there").open_path(Blob("data.bin", "a" * 64, 1))


def test_what_is_no_digest_never_becomes_a_key(url: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFound, match="there is no artifact"):
        ArtifactStore(url, cache=tmp_path).open_path(Blob("x", "../../secret", 1))


def test_gc(url: str, tmp_path: Path) -> None:
    store = ArtifactStore(url, cache=tmp_path / "here")
    live, dead = store.add_bytes(b"live", "a"), store.add_bytes(b"dead", "b")
    assert store.gc([live.digest], older_than=3600).files == 0
    assert store.gc([live.digest], older_than=-5).files == 1
    assert store.open_path(live).read_bytes() == b"live"
    with pytest.raises(ArtifactNotFound):
        store.open_path(dead)


def test_an_unknown_kind_of_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="can't be opened") as caught:
        ArtifactStore("nosuch://user:hunter2@host/path")
    assert "hunter2" not in str(caught.value)


def test_a_failing_remote_is_a_store_error(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtifactStore(url, cache=tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(type(memory), "put_file", refuse)
    with pytest.raises(StoreError, match="can't write") as caught:
        store.add_bytes(b"x", "x")
    assert isinstance(caught.value.__cause__, ConnectionError)
