"""Directories: what is below them is the value, local or remote; nothing leads outside, nothing changes unseen."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import fsspec
import pytest
from dovetail.errors import ArtifactCorrupt, EngineUnavailable, ValueMismatch
from dovetail.types import Directory, File, Stored, TypeEngine
from dovetail.types._copies import copies
from hypothesis import given, settings
from hypothesis import strategies as st

Put = Callable[[str, bytes], str]
TREE = {"a.csv": b"1", "sub/b.csv": b"22", "sub/deep/ü ñ.csv": b"", "z": b"333"}


@pytest.fixture
def folder(s3: Put) -> str:
    for name, data in TREE.items():
        url = s3(f"tree/{name}", data)
    s3("tree-beside/x", b"not below it")
    return url.rpartition("/")[0]


@pytest.fixture
def memory() -> Iterator[Put]:
    root = f"/{uuid.uuid4().hex}"
    fs = fsspec.filesystem("memory")

    def put(name: str, data: bytes) -> str:
        fs.pipe_file(f"{root}/{name}", data)
        return f"memory:/{root}"

    yield put
    for key in [key for key in fs.store if key.startswith(f"{root}/")]:
        del fs.store[key]


def laid_out(root: Path, tree: dict[str, bytes]) -> Directory:
    for name, data in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return Directory(root)


def contents(directory: Directory) -> dict[str, bytes]:
    root = Path(directory.path)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in directory.files()}


def test_a_remote_directory_is_listed_first_and_fetched_when_asked_for(folder: str) -> None:
    directory = Directory(folder)
    assert directory.names() == sorted(TREE) and directory.name == "tree"
    one = directory.file("sub/b.csv")
    assert (one.name, one.size, one.read_bytes()) == ("b.csv", 2, b"22")
    assert directory._held is None, "nothing was downloaded for that"
    assert contents(directory) == TREE
    assert contents(Directory(folder + "/")) == TREE
    with pytest.raises(ValueMismatch, match=r"no file 'c\.csv'"):
        directory.file("c.csv")


def test_the_place_makes_no_difference_to_the_hash(types: TypeEngine, folder: str, tmp_path: Path) -> None:
    here = laid_out(tmp_path / "other name", TREE)
    assert types.content_hash(Directory(folder)) == types.content_hash(here)
    # As it is computed since the first release: what is cached stays cached.
    listing = [[name, hashlib.sha256(data).hexdigest()] for name, data in sorted(TREE.items())]
    expected = hashlib.sha256(json.dumps(["directory", listing, []]).encode()).hexdigest()
    assert types.content_hash(here) == expected
    os.utime(tmp_path / "other name" / "z", (0, 0))
    assert types.content_hash(here) == expected, "times do not count"


def test_a_reference_is_stored_and_read_back(types: TypeEngine, store: Any, folder: str) -> None:
    artifact = types.dump(Directory(folder), Directory, store)
    assert artifact.format == "reference" and len(artifact.blobs) == 1
    loaded = types.load(artifact, store, Directory)
    assert (loaded.url, loaded.names(), contents(loaded)) == (folder, sorted(TREE), TREE)
    as_bytes = types.dump(loaded, Annotated[Directory, Stored("directory")], store)
    assert as_bytes.format == "directory" and as_bytes.content_hash == artifact.content_hash
    assert contents(types.load(as_bytes, store, Directory)) == TREE


@pytest.mark.parametrize("change", ["more", "less", "other", "same size"])
def test_a_change_is_noticed(types: TypeEngine, store: Any, s3: Put, folder: str, s3_server: Any, change: str) -> None:
    directory = types.load(types.dump(Directory(folder), Directory, store), store, Directory)
    copies.__init__()  # type: ignore[misc]  # as in another process: a copy at hand would do
    fresh = Directory(folder)
    assert fresh.names()
    if change == "more":
        s3("tree/new", b"1")
    elif change == "less":
        s3_server.fs.rm_file(f"{folder.removeprefix('s3://')}/z")
    else:
        s3("tree/z", b"4444" if change == "other" else b"444")
    for each in (directory, fresh):
        with pytest.raises(ArtifactCorrupt, match="has changed"):
            each.files()
    if change in ("other", "same size"):
        with pytest.raises(ArtifactCorrupt, match="has changed"):
            directory.file("z").read_bytes()


def test_folders_that_hold_nothing(types: TypeEngine, store: Any, s3: Put, tmp_path: Path) -> None:
    s3("marked/", b"")
    s3("marked/empty/", b"")
    s3("marked/full/", b"")
    root = s3("marked/full/file", b"1").removesuffix("/full/file")
    directory = Directory(root)
    assert directory.names() == ["full/file"]
    assert (Path(directory.path) / "empty").is_dir()
    local = laid_out(tmp_path / "local", {"full/file": b"1"})
    (tmp_path / "local" / "empty").mkdir()
    assert types.content_hash(Directory(root)) == types.content_hash(local)
    again = types.load(types.dump(Directory(root), Directory, store), store, Directory)
    assert (Path(again.path) / "empty").is_dir()
    s3("hollow/", b"")
    assert contents(Directory(root.replace("/marked", "/hollow"))) == {}


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "a//b", "./a", "a/./b", "a\\..\\b", "C:/evil", "/etc/evil", "..", "a\0b"]
)
def test_a_key_never_leads_outside(types: TypeEngine, store: Any, memory: Put, name: str, tmp_path: Path) -> None:
    """What a bucket can hold, a disk cannot, or not there."""
    root = memory("fine", b"1")
    fs = fsspec.filesystem("memory")
    prefix = root.removeprefix("memory:/")
    fs.store[f"{prefix}/{name}"] = fs.store[f"{prefix}/fine"]  # past the checks of the file system itself
    try:
        for use in (
            Directory.names,
            Directory.files,
            Directory.download,
            types.content_hash,
            lambda d: types.dump(d, Directory, store),
        ):
            with pytest.raises(ValueMismatch, match="cannot be a file in a directory"):
                use(Directory(root))
    finally:
        del fs.store[f"{prefix}/{name}"]


def test_a_file_that_is_a_folder_too(s3: Put) -> None:
    s3("both/a", b"1")
    url = s3("both/a/b", b"2").removesuffix("/a/b")
    with pytest.raises(ValueMismatch, match="files below it"):
        Directory(url).files()


def test_nothing_there_and_a_file(s3: Put) -> None:
    url = s3("single", b"1")
    with pytest.raises(ValueMismatch, match="there is nothing at"):
        Directory(url + "-not").names()
    with pytest.raises(ValueMismatch, match="is a file"):
        Directory(url).names()


def test_a_server_that_goes_away(own_s3_server: Any, storage: Any) -> None:
    storage(s3=own_s3_server.options())
    own_s3_server.put("tree/a", b"1")
    directory = Directory("s3://data/tree")
    assert directory.names() == ["a"]
    own_s3_server.stop()
    with pytest.raises(EngineUnavailable, match="cannot"):
        directory.files()


def test_ten_thousand_files(types: TypeEngine, store: Any, memory: Put, tmp_path: Path) -> None:
    tree = {f"{n % 100:02}/{n:05}.txt": str(n).encode() for n in range(10_000)}
    here = laid_out(tmp_path / "many", tree)
    for name, data in tree.items():
        url = memory(name, data)
    there = Directory(url)
    assert len(there.names()) == 10_000
    assert types.content_hash(there) == types.content_hash(here)
    artifact = types.dump(here, Directory, store)
    assert len(artifact.blobs) == 10_000
    reference = types.dump(there, Directory, store)
    assert contents(types.load(reference, store, Directory)) == tree
    shown = types.preview(there)
    assert shown.total_rows == 10_000 and len(shown.rows) == 10


def test_several_hundred_objects_come_side_by_side(types: TypeEngine, s3: Put) -> None:
    tree = {f"{n:03}": str(n).encode() for n in range(300)}
    for name, data in tree.items():
        url = s3(f"objects/{name}", data)
    directory = Directory(url.rpartition("/")[0])
    assert types.content_hash(directory)
    assert contents(directory) == tree


# -- on the disk ---------------------------------------------------------------------------------------


def test_what_is_no_file_is_refused(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    kinds: dict[str, Callable[[Path], Any]] = {
        "link to a file": lambda path: path.symlink_to("/etc/hostname"),
        "link to a directory": lambda path: path.symlink_to("/etc"),
        "link to nothing": lambda path: path.symlink_to("/nowhere"),
        "pipe": os.mkfifo,
        "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    }
    for number, (kind, make) in enumerate(kinds.items()):
        root = tmp_path / str(number)
        (root / "sub").mkdir(parents=True)
        make(root / "sub" / "x")
        for use in (types.content_hash, lambda value: types.dump(value, Directory, store), Directory.names):
            with pytest.raises(ValueMismatch, match="neither a regular file nor a directory"):
                use(Directory(root))
        assert kind


@pytest.mark.parametrize("name", ["a:b", "a\\b", "line\nbreak", "bell\x07", "\u202eevil"])
def test_names_that_a_store_cannot_keep_are_refused_before_anything_is_stored(
    types: TypeEngine, store: Any, tmp_path: Path, name: str
) -> None:
    root = laid_out(tmp_path / "odd", {name: b"1", "fine": b"2"})
    with pytest.raises(ValueMismatch, match="cannot be stored"):
        types.dump(root, Directory, store)
    assert list(store.root.iterdir()) == []


def test_a_missing_directory_is_the_users_error(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    for use in (types.content_hash, lambda value: types.dump(value, Directory, store)):
        with pytest.raises(ValueMismatch, match="cannot list"):
            use(Directory(tmp_path / "no"))


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/\\:"), min_size=1, max_size=20
)
PLAIN = NAMES.filter(lambda name: name not in (".", "..") and name.isprintable() and len(name.encode()) < 200)


@settings(max_examples=60, deadline=None)
@given(tree=st.dictionaries(PLAIN, st.binary(max_size=50), max_size=6))
def test_any_tree_comes_back(
    types: TypeEngine, tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes]
) -> None:
    from dovetail.store import ArtifactStore

    root = tmp_path_factory.mktemp("tree")
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    tree = {f"{number % 2}/{name}": data for number, (name, data) in enumerate(tree.items())}
    made = laid_out(root, tree)
    loaded = types.load(types.dump(made, Directory, store), store, Directory)
    assert contents(loaded) == contents(made) == tree
    assert types.content_hash(loaded) == types.content_hash(made)


# -- outputs -------------------------------------------------------------------------------------------


def test_a_new_file_lives_as_long_as_its_object(types: TypeEngine, store: Any) -> None:
    file = File.new(".csv")
    with file.open("w") as stream:
        stream.write("a\n1\n")
    path = Path(file.path)
    assert path.suffix == ".csv" and path.read_text() == "a\n1\n"
    other = File.new(name="report.html")
    assert (other.name, Path(other.path).parent == path.parent) == ("report.html", False)
    artifact = types.dump(file, File, store)
    del file
    assert not path.parent.exists()
    assert types.load(artifact, store, File).read_text() == "a\n1\n"


def test_a_new_directory(types: TypeEngine, store: Any) -> None:
    directory = Directory.new()
    (Path(directory) / "sub").mkdir()
    (Path(directory) / "sub" / "x").write_text("1")
    path = Path(directory.path)
    artifact = types.dump(directory, Directory, store)
    del directory
    assert not path.exists()
    assert contents(types.load(artifact, store, Directory)) == {"sub/x": b"1"}
