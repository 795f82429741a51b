"""Remote files: references until they are read, and what they were when they were referred to."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import fsspec
import pytest
from dovetail.errors import (
    ArtifactCorrupt,
    ValueMismatch,
)
from dovetail.types import Directory, File, Stored, TypeEngine
from dovetail.types._copies import copies

Put = Callable[[str, bytes], str]
Reads = list[Callable[[File], object]]


def test_a_file_is_fetched_when_it_is_asked_for(s3: Put) -> None:
    file = File(s3("report.csv", b"a,b\n1,2\n"))
    assert (file.name, file.size) == ("report.csv", 8)
    assert file._held is None, "nothing was downloaded for that"
    with file.open("rb") as stream:
        assert stream.read(3) == b"a,b"
        stream.seek(-2, os.SEEK_END)
        assert stream.read() == b"2\n"
    assert file.read_text() == "a,b\n1,2\n" and file.open().readlines() == ["a,b\n", "1,2\n"]
    assert file._held is None, "nor for streaming"
    assert Path(file).read_bytes() == b"a,b\n1,2\n"
    assert Path(file).name == "report.csv", "readers go by the suffix"
    with open(file, "rb") as stream:
        assert stream.read() == b"a,b\n1,2\n"


def test_the_place_makes_no_difference_to_the_hash(types: TypeEngine, s3: Put, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"content")
    there = File(s3("there", b"content"))
    assert (
        types.content_hash(there)
        == types.content_hash(File(tmp_path / "here"))
        == hashlib.sha256(b"content").hexdigest()
    )


def test_one_copy_serves_all_who_refer_to_it(s3: Put) -> None:
    url = s3("shared", b"x")
    first, second = File(url), File(url)
    assert first.path == second.path
    assert Path(first.path).stat().st_mode & 0o222 == 0, "others read it too"


@pytest.mark.parametrize(
    "name",
    ["ü ñ 漢字.txt", "a+b%20&c=d.txt", "a::b*[x]{y}.txt", "q?x=1#2.txt", "'quo\"te.txt", "a:b.txt", ".hid", "~t"],
)
def test_odd_names(types: TypeEngine, store: Any, s3: Put, name: str) -> None:
    url = s3(name, name.encode())
    file = types.load(types.dump(File(url), File, store), store, File)
    assert file.name == name and file.read_bytes() == name.encode() == Path(file).read_bytes()
    stored = types.load(types.dump(file, File, store, "file"), store, File)
    assert stored.url is None and stored.read_bytes() == name.encode()


def test_no_bytes_at_all(types: TypeEngine, store: Any, s3: Put) -> None:
    file = File(s3("empty", b""))
    assert file.size == 0 and file.read_bytes() == b"" == Path(file).read_bytes()
    assert types.content_hash(file) == hashlib.sha256().hexdigest()
    assert "0 bytes" in (types.preview(file).text or "")
    assert types.load(types.dump(file, File, store), store, File).read_text() == ""


def test_a_big_file_is_streamed_in_little_memory(s3: Put) -> None:
    size = 96 * 1024 * 1024
    block = os.urandom(1024 * 1024)
    url = s3("big", block * 96)
    file = File(url)
    assert file.size == size
    expected = hashlib.sha256()
    for _ in range(96):
        expected.update(block)
    del block
    tracemalloc.start()
    try:
        assert file.sha256() == expected.hexdigest()
        assert file._held is None, "a big file is hashed on its way past"
        _, peak_hash = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert file.download().stat().st_size == size
        _, peak_download = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(peak_hash, peak_download) < 60 * 1024 * 1024, (peak_hash, peak_download)


# -- in the store --------------------------------------------------------------------------------------


def test_a_reference_is_stored_not_the_bytes(types: TypeEngine, store: Any, s3: Put) -> None:
    url = s3("table.csv", b"x\n1\n")
    artifact = types.dump(File(url, "mine.csv"), File, store)
    assert (artifact.type, artifact.format) == ("dovetail.File", "reference")
    assert artifact.content_hash == hashlib.sha256(b"x\n1\n").hexdigest()
    data = json.loads(store.open_path(artifact.blobs[0]).read_bytes())
    assert set(data) == {"url", "name", "sha256", "size", "tag"} and data["url"] == url
    loaded = types.load(artifact, store, File)
    assert (loaded.url, loaded.name, loaded.read_bytes()) == (url, "mine.csv", b"x\n1\n")
    assert types.dump(loaded, File, store).id == artifact.id


def test_the_bytes_are_stored_where_that_is_declared(types: TypeEngine, store: Any, s3: Put) -> None:
    url = s3("table.csv", b"x\n1\n")
    artifact = types.dump(File(url), Annotated[File, Stored("file")], store)
    s3("table.csv", b"y\n2\n")
    loaded = types.load(artifact, store, File)
    assert artifact.format == "file" and loaded.url is None
    assert (loaded.name, loaded.read_bytes()) == ("table.csv", b"x\n1\n")


def test_a_local_file_is_no_reference(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    assert types.dump(File(tmp_path / "a"), File, store).format == "file"
    with pytest.raises(ValueMismatch, match="lies on this machine"):
        types.dump(File(tmp_path / "a"), File, store, "reference")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"url": "/etc/passwd", "name": "x", "sha256": "", "size": 1, "tag": null}',
        '{"url": "s3://b/k"}',
        '"x"',
    ],
)
def test_a_malformed_reference_leads_nowhere(types: TypeEngine, store: Any, s3: Put, text: str) -> None:
    import dataclasses

    artifact = types.dump(File(s3("a", b"1")), File, store)
    blob = store.add_bytes(text.encode(), "a")
    with pytest.raises(ArtifactCorrupt, match="reference"):
        types.load(dataclasses.replace(artifact, blobs=(blob,)), store, File)


def test_what_was_hashed_is_not_fetched_again(types: TypeEngine, store: Any, s3: Put) -> None:
    url = s3("table.csv", b"content")
    artifact = types.dump(File(url), File, store)
    s3("table.csv", b"CONTENT")
    assert Path(types.load(artifact, store, File)).read_bytes() == b"content", "the copy is what was referred to"
    assert File(url).read_bytes() == b"CONTENT", "a new reference means what is there now"


# -- change --------------------------------------------------------------------------------------------


def stored(types: TypeEngine, store: Any, url: str) -> File:
    artifact = types.dump(File(url), File, store)
    forget_copies()
    return types.load(artifact, store, File)  # type: ignore[no-any-return]


def forget_copies() -> None:
    """As in another process. A copy at hand would do: it is what was referred to."""
    copies.__init__()  # type: ignore[misc]


@pytest.mark.parametrize("other", [b"new content", b"Content", b""])
def test_a_change_is_noticed(types: TypeEngine, store: Any, s3: Put, other: bytes, reads: Reads) -> None:
    file = stored(types, store, s3("moving", b"content"))
    s3("moving", other)
    for read in reads:
        with pytest.raises(ArtifactCorrupt, match="has changed since it was referred to") as caught:
            read(file)
        assert caught.value.fix


def test_a_change_between_two_reads_of_one_stream_is_noticed(s3: Put) -> None:
    block = bytes(24 * 1024 * 1024)
    stream = File(s3("moving", block)).open("rb")
    assert stream.read(1) == b"\0"
    s3("moving", block[:-1] + b"\1")
    with pytest.raises(ArtifactCorrupt, match="has changed"):
        while stream.read(1024 * 1024):
            pass


def test_what_the_storage_does_not_tell_the_hash_does(types: TypeEngine, store: Any) -> None:
    """Same size, same time of making: the in-memory file system has no tags."""
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/untold/file", b"content")
    made = memory.store["/untold/file"].created
    file = stored(types, store, "memory://untold/file")
    memory.pipe_file("/untold/file", b"CONTENT")
    memory.store["/untold/file"].created = made
    with pytest.raises(ArtifactCorrupt, match="SHA-256"):
        file.open("rb").read()
    with pytest.raises(ArtifactCorrupt, match="SHA-256"):
        file.download()


# -- fitting -------------------------------------------------------------------------------------------


def test_a_local_file_is_a_regular_one(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        for use in (types.content_hash, lambda value: types.dump(value, File, store)):
            with pytest.raises(ValueMismatch, match="no regular file"):
                use(File(path))


def test_the_case_of_a_scheme_does_not_matter() -> None:
    fsspec.filesystem("memory").pipe_file("/case/x", b"1")
    assert File("MEMORY://case/x").read_bytes() == b"1"


def test_a_url_is_taken_for_a_file(types: TypeEngine, tmp_path: Path) -> None:
    assert types.accept("s3://bucket/key", File) == File("s3://bucket/key")
    assert types.accept("s3://bucket/folder", Directory).url == "s3://bucket/folder"
    (tmp_path / "a").write_text("1")
    assert types.accept(f"file://{tmp_path}/a", File).path == str(tmp_path / "a")
    with pytest.raises(ValueMismatch, match="no file"):
        types.accept(f"file://{tmp_path}/b", File)
