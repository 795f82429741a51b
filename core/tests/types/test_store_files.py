"""Files and directories: their content travels, and nothing leads outside."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import ArtifactCorrupt, ValueMismatch
from dovetail.spec import Artifact
from dovetail.types import Directory, File, TypeEngine


def test_files_and_directories_travel_with_their_content(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    source = tmp_path / "report.txt"
    source.write_text("hello")
    artifact = types.dump(File(source), File, store)
    source.unlink()
    loaded = types.load(artifact, store, File)
    assert loaded.read_text() == "hello" and loaded.name == "report.txt"

    tree = tmp_path / "tree"
    (tree / "sub" / "empty").mkdir(parents=True)
    (tree / "a").write_text("1")
    (tree / "sub" / "b").write_text("2")
    artifact = types.dump({"out": Directory(tree)}, dict[str, Directory], store)
    assert artifact.format == "tree"
    again = types.load(artifact, store, dict[str, Directory])["out"]
    assert [path.relative_to(again).as_posix() for path in again.files()] == ["a", "sub/b"]
    assert (Path(again) / "sub" / "empty").is_dir()
    assert types.content_hash(again) == types.content_hash(Directory(tree))
    (Path(again) / "a").write_text("changed")
    assert (Path(types.load(artifact, store, dict[str, Directory])["out"]) / "a").read_text() == "1"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "", "C:/evil"])
def test_a_stored_name_never_leads_outside(types: TypeEngine, store: Any, name: str) -> None:
    blob = dataclasses.replace(store.add_bytes(b"x", "x"), name=name)
    artifact = Artifact("0" * 64, "dovetail.Directory", "directory", "", (blob,))
    with pytest.raises(ArtifactCorrupt, match="outside"):
        types.load(artifact, store, Directory)


def test_links_are_not_followed(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueMismatch, match="link"):
        types.dump(Directory(tree), Directory, store)


def test_a_missing_file_is_the_users_error(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueMismatch, match="cannot read"):
        types.dump(File(tmp_path / "no"), File, store)
