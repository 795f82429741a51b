"""The artifact store: what is put in comes out, under the hash of its bytes, once."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from dovetail.errors import ArtifactNotFound, StoreError
from dovetail.spec import Artifact, Blob, BlobSink, BlobSource
from dovetail.store import ArtifactStore
from hypothesis import given, settings
from hypothesis import strategies as st


def files_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_it_keeps_both_contracts(artifacts: ArtifactStore) -> None:
    assert isinstance(artifacts, BlobSink)
    assert isinstance(artifacts, BlobSource)


def test_bytes_are_named_by_their_hash(artifacts: ArtifactStore, tmp_path: Path) -> None:
    blob = artifacts.add_bytes(b"abc", "data.bin")
    digest = hashlib.sha256(b"abc").hexdigest()
    assert blob == Blob("data.bin", digest, 3)
    assert artifacts.open_path(blob) == tmp_path / "artifacts" / "blobs" / digest[:2] / digest[2:]


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=2000), max_size=6))
def test_what_goes_in_comes_out(contents: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("store")
    store = ArtifactStore(root)
    blobs = [store.add_bytes(data, "x") for data in contents]
    again = ArtifactStore(root)
    assert [again.open_path(blob).read_bytes() for blob in blobs] == contents
    assert len(files_below(root)) == len(set(contents))


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_file_is_moved_in_not_copied(tmp_path: Path, durability: str) -> None:
    store = ArtifactStore(tmp_path, durability=durability)  # type: ignore[arg-type]
    path = store.temporary(".parquet")
    assert path.suffix == ".parquet"
    assert not path.exists()
    path.write_bytes(b"rows")
    inode = path.stat().st_ino
    stored = store.open_path(store.add_file(path, "data.parquet"))
    assert stored.stat().st_ino == inode
    assert not path.exists()
    assert stored.stat().st_mode & 0o222 == 0  # read-only


def test_the_same_bytes_are_stored_once_and_the_first_file_stays(artifacts: ArtifactStore, tmp_path: Path) -> None:
    first = artifacts.add_bytes(b"same", "a")
    inode = artifacts.open_path(first).stat().st_ino
    second = artifacts.add_bytes(b"same", "b")
    assert (first.digest, first.size) == (second.digest, second.size)
    assert artifacts.open_path(second).stat().st_ino == inode
    assert len(files_below(tmp_path / "artifacts")) == 1


def test_a_second_read_does_not_hash_again(artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = artifacts.add_bytes(b"x" * 1000, "a")
    monkeypatch.setattr(time, "time_ns", lambda: 2**62)  # long after it was written
    artifacts.open_path(blob)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    artifacts.open_path(blob)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/passwd", "a/../b", "a//b", "a\\b", "c:x", "a\0b", "a\nb", "x" * 300, "a\u202eb"],
)
def test_a_file_name_that_is_not_plain_is_refused(artifacts: ArtifactStore, name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no name for a stored file"):
        artifacts.add_bytes(b"x", name)
    assert files_below(tmp_path) == []


def test_persist_and_verify_reach_the_files_of_children(artifacts: ArtifactStore) -> None:
    blob = artifacts.add_bytes(b"leaf", "leaf.bin")
    leaf = Artifact("1" * 64, "bytes", "bin", "h", blobs=(blob,))
    tree = Artifact("2" * 64, "list", "tree", "h", children=(leaf,))
    artifacts.persist(tree)
    artifacts.verify(tree)
    assert artifacts.has(tree)
    artifacts.open_path(blob).unlink()
    assert not artifacts.has(tree)
    with pytest.raises(ArtifactNotFound):
        artifacts.persist(tree)


# -- collection ---------------------------------------------------------------------------------------


def test_gc_removes_what_is_old_and_unreferenced(artifacts: ArtifactStore, age) -> None:
    live, dead, young = (artifacts.add_bytes(data, "x") for data in (b"live", b"dead!", b"young"))
    for blob in (live, dead):
        age(artifacts.open_path(blob), 7200)
    collected = artifacts.gc([live.digest], older_than=3600)
    assert (collected.files, collected.bytes) == (1, 5)
    assert artifacts.open_path(live).read_bytes() == b"live"
    assert artifacts.open_path(young).read_bytes() == b"young"
    with pytest.raises(ArtifactNotFound):
        artifacts.open_path(dead)


def test_adding_again_what_gc_was_about_to_remove_saves_it(artifacts: ArtifactStore, age) -> None:
    blob = artifacts.add_bytes(b"old", "x")
    age(artifacts.open_path(blob), 7200)
    artifacts.add_bytes(b"old", "x")
    assert artifacts.gc([], older_than=3600).files == 0
    assert artifacts.open_path(blob).read_bytes() == b"old"


def test_gc_sweeps_temporary_files_of_dead_processes_only(artifacts: ArtifactStore, child, age, tmp_path: Path) -> None:
    mine = artifacts.temporary()
    mine.write_bytes(b"in work")
    age(mine, 7200)
    script = (
        "import sys; from dovetail.store import ArtifactStore; s = ArtifactStore(sys.argv[1]);"
        "s.temporary().write_bytes(b'left'); d = s.temporary(); d.mkdir(); (d / 'part').write_bytes(b'left')"
    )
    assert child(script, tmp_path / "artifacts").wait() == 0
    assert artifacts.gc([]).temporary == 0  # too fresh: another process may be about to take them over
    for path in mine.parent.iterdir():
        age(path, 7200)
    assert artifacts.gc([]).temporary == 2
    assert list(mine.parent.iterdir()) == [mine]


def test_gc_of_a_store_that_was_never_written(tmp_path: Path) -> None:
    assert ArtifactStore(tmp_path / "nothing").gc([]).files == 0
    assert not (tmp_path / "nothing").exists()
