"""Temporary files of workers go with them, also when hub and worker are killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dovetail.env._scratch import Scratch, sweep_scratch


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_removed_with_all_that_is_in_it() -> None:
    scratch = Scratch()
    (scratch.path / "engine").mkdir()
    (scratch.path / "engine" / "data").write_bytes(b"x" * 10)
    scratch.remove()
    scratch.remove()
    assert not scratch.path.parent.exists()


def test_many_at_once_do_not_disturb_each_other() -> None:
    def use(_: int) -> None:
        scratch = Scratch()
        (scratch.path / "f").write_text("mine")
        sweep_scratch()
        assert (scratch.path / "f").read_text() == "mine"
        scratch.remove()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(200)))


def test_a_sweep_leaves_what_a_living_process_holds() -> None:
    scratch = Scratch()
    assert sweep_scratch() == (0, 0)
    assert scratch.path.exists()
    scratch.remove()


def test_a_sweep_removes_what_a_killed_process_held(place: Path) -> None:
    program = (
        "import os, signal, tempfile\nfrom dovetail.env._scratch import Scratch\n"
        f"tempfile.tempdir = {str(place)!r}\n"
        "s = Scratch(); (s.path / 'f').write_bytes(b'x' * 10); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert sweep_scratch() == (1, 10)
    assert sweep_scratch() == (0, 0)


def test_a_place_that_is_a_link_or_open_to_others_is_not_used(place: Path) -> None:
    scratch = Scratch()
    home = scratch.path.parent
    scratch.remove()
    home.mkdir(mode=0o755)
    with pytest.raises(PermissionError):
        Scratch()
    home.rmdir()
    home.symlink_to(place)
    with pytest.raises(PermissionError):
        Scratch()


def test_the_path_leaves_room_for_the_sockets_of_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    scratch = Scratch()
    assert len(str(scratch.path)) < 30
    scratch.remove()
