"""What was kept of a probe: never another answer than a look would give, and nobody else's."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from dovetail.plugins import PluginListing, list_plugins

NAMED = "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec(NAME, 'json:loads')]\n"


@pytest.fixture
def declared(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is declared now, once the last change lies far enough back to be told from the next."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def now() -> set[str]:
        threading.Event().wait(0.03)
        return set(shelf.catalogue().task_types())

    return now


def kept(folder: Path) -> list[Path]:
    """Files of the cache."""
    return list((folder / "cache").rglob("*.json"))


# -- what decided it ---------------------------------------------------------------------------------


def test_a_module_that_now_comes_first_on_the_path_is_seen(
    shelf: Any, declared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("late", "early"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "shelf_shadowed.py").write_text(f"NAME = {place!r}")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "late")])
    shelf.plugin("shadowed", "from shelf_shadowed import NAME\n" + NAMED)
    assert declared() == {"late"}
    assert kept(tmp_path), "nothing was kept, so nothing is tested"
    monkeypatch.setattr(sys, "path", [str(tmp_path / "early"), *sys.path])
    assert declared() == {"early"}


def test_a_further_portion_of_a_namespace_is_seen(
    shelf: Any, declared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("late", "early"):
        (tmp_path / place / "shelf_space").mkdir(parents=True)
        (tmp_path / place / "shelf_space" / "part.py").write_text(f"NAME = {place!r}")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "late")])
    shelf.plugin("portions", "from shelf_space.part import NAME\n" + NAMED)
    assert declared() == {"late"}
    assert kept(tmp_path), "nothing was kept, so nothing is tested"
    monkeypatch.setattr(sys, "path", [str(tmp_path / "early"), *sys.path])
    assert declared() == {"early"}


@pytest.mark.parametrize(
    "ask",
    [
        "os.environb.get(b'SHELF_ASKED', b'unset').decode()",
        "dict(os.environ).get('SHELF_ASKED', 'unset')",
        "next((name for name in os.environ.keys() if name == 'SHELF_ASKED'), 'unset')",
    ],
)
def test_a_variable_is_noted_however_it_is_asked_for(
    ask: str, shelf: Any, declared: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SHELF_ASKED", raising=False)
    shelf.plugin("asks", f"import os\nNAME = {ask}\n" + NAMED)
    assert declared() == {"unset"}
    assert kept(tmp_path), "nothing was kept, so nothing is tested"
    monkeypatch.setenv("SHELF_ASKED", "SHELF_ASKED")
    assert declared() == {"SHELF_ASKED"}


@pytest.mark.parametrize("read", ["open('shelf.txt').read()", "(pathlib.Path.cwd() / 'shelf.txt').read_text()"])
def test_what_is_read_where_the_process_works_is_read_there(
    read: str, shelf: Any, declared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "shelf.txt").write_text(place)
    shelf.plugin("local", f"import pathlib\nNAME = {read}\n" + NAMED)
    monkeypatch.chdir(tmp_path / "here")
    assert declared() == {"here"}
    assert kept(tmp_path), "nothing was kept, so nothing is tested"
    monkeypatch.chdir(tmp_path / "there")
    assert declared() == {"there"}


def test_a_look_from_elsewhere_is_kept_where_that_does_not_matter(
    shelf: Any, declared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.task_type("own", "own")
    declared()
    (file,) = kept(tmp_path)
    before = file.stat().st_mtime_ns
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    assert declared() == {"own"}
    assert file.stat().st_mtime_ns == before


def test_what_another_process_said_is_asked_each_time(shelf: Any, declared: Any, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text("before")
    program = (
        f"import subprocess\nNAME = subprocess.run(['cat', {str(said)!r}], capture_output=True, text=True).stdout\n"
    )
    shelf.plugin("outside", program + NAMED)
    assert declared() == {"before"}
    said.write_text("after")
    assert declared() == {"after"}


def test_what_failed_is_tried_again_after_a_while(shelf: Any, tmp_path: Path) -> None:
    shelf.plugin("mended", "import os\nos._exit(3)")
    threading.Event().wait(0.03)
    assert [each.error_type for each in shelf.catalogue().skipped if each.name == "mended"]
    (file,) = kept(tmp_path)
    data = json.loads(file.read_text())
    data["answer"]["died"] = 4
    file.write_text(json.dumps(data))
    (reason,) = [each.reason for each in shelf.catalogue().skipped if each.name == "mended"]
    assert "exit code 4" in reason, "it was not kept, so nothing is tested"
    data["at"] -= 3601
    file.write_text(json.dumps(data))
    (reason,) = [each.reason for each in shelf.catalogue().skipped if each.name == "mended"]
    assert "exit code 3" in reason


# -- whose it is -------------------------------------------------------------------------------------


def plant(folder: Path) -> Path:
    """Change what was kept, as somebody would who wants his own code to be run."""
    (file,) = kept(folder)
    data = json.loads(file.read_text())
    data["answer"]["manifest"]["declarations"][0]["name"] = "planted"
    file.write_text(json.dumps(data))
    return file


def test_what_was_planted_would_be_taken(shelf: Any, declared: Any, tmp_path: Path) -> None:
    shelf.task_type("own", "own")
    assert declared() == {"own"}
    plant(tmp_path)
    assert declared() == {"planted"}, "the tests below cannot fail"


def test_a_file_that_others_may_write_is_not_taken(shelf: Any, declared: Any, tmp_path: Path) -> None:
    shelf.task_type("own", "own")
    assert declared() == {"own"}
    plant(tmp_path).chmod(0o666)
    assert declared() == {"own"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_taken(shelf: Any, declared: Any, tmp_path: Path) -> None:
    shelf.task_type("own", "own")
    assert declared() == {"own"}
    os.chown(plant(tmp_path), 65534, -1)
    assert declared() == {"own"}


def test_a_link_or_a_pipe_is_not_taken(shelf: Any, declared: Any, tmp_path: Path) -> None:
    shelf.task_type("own", "own")
    assert declared() == {"own"}
    file = plant(tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert declared() == {"own"}
    file.unlink()
    os.mkfifo(file)
    assert declared() == {"own"}  # and it does not wait for somebody to write into it


def test_what_is_kept_is_for_its_user_alone(shelf: Any, declared: Any, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        shelf.task_type("own", "own")
        declared()
    finally:
        os.umask(before)
    (file,) = kept(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_link_where_it_would_be_written_is_not_followed(
    shelf: Any, declared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.task_type("own", "own")
    declared()
    (file,) = kept(tmp_path)
    file.unlink()
    mine = tmp_path / "mine"
    mine.write_text("precious")
    temporary = file.with_name(f"{file.stem}-{os.getpid()}-{threading.get_ident()}.tmp")
    temporary.symlink_to(mine)
    assert declared() == {"own"}
    assert mine.read_text() == "precious"


# -- what is kept to be told only --------------------------------------------------------------------


def listed(shelf: Any, name: str) -> PluginListing:
    """The line of one plugin."""
    return next(each for each in list_plugins(shelf.settings()) if each.name == name)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('no licence')", "no licence"),
        ("raise SystemExit(3)", "sys.exit(3)"),
        ("DOVETAIL_API = 7", "DOVETAIL_API is 7"),
        ("import acme_radar", "it needs the module acme_radar"),
    ],
)
def test_a_listing_tells_of_what_was_found_broken(shelf: Any, declared: Any, body: str, reason: str) -> None:
    module = shelf.plugin("broken", body)
    before = listed(shelf, "broken")
    assert before.enabled and before.known_by == ""
    assert declared() == set()
    listing = listed(shelf, "broken")
    assert not listing.enabled and not listing.by_policy
    assert reason in listing.reason
    assert listing.fix.endswith("dovetail plugins check broken looks again")
    (shelf.root / f"{module}.py").write_text("from dovetail.spec import *\nDOVETAIL_API = 1\n")
    after = listed(shelf, "broken")
    assert after.enabled, "its file has changed, so what was kept does not count"


def test_what_failed_quickly_is_told_and_not_believed(shelf: Any, declared: Any, tmp_path: Path) -> None:
    flag = tmp_path / "licence"
    shelf.plugin(
        "moody",
        f"import os\nif not os.access({str(flag)!r}, os.F_OK): raise RuntimeError\n" + NAMED.replace("NAME", "'m'"),
    )
    assert declared() == set()
    flag.write_text("")
    assert declared() == {"m"}


def test_a_module_that_was_missing_and_is_there_now_is_no_longer_told(shelf: Any, declared: Any) -> None:
    shelf.plugin("needy", "import shelf_acme_late")
    assert declared() == set()
    assert not listed(shelf, "needy").enabled
    shelf.module("", "shelf_acme_late")
    assert listed(shelf, "needy").enabled
