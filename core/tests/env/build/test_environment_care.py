"""Removing environments: never one that is in use, always what is half-built, and what was not used for long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dovetail.env.build import Environment, Environments
from dovetail.errors import EngineUnavailable, UsageError

from .conftest import Project

HOLD = """
import sys
from pathlib import Path
from dovetail.config import load_settings
from dovetail.env.build import Environments
made = Environments(load_settings(Path(sys.argv[1])))
with made.find(made.request("one")).hold():
    print("held", flush=True)
    sys.stdin.read()
"""
DAY = 86400.0


@pytest.fixture
def made(project: Project) -> Environments:
    """The project asks for ``one``."""
    return project.configure('[envs.one]\nrequires = ["demo"]')


@pytest.fixture
def built(made: Environments) -> Environment:
    """It is built."""
    return made.sync(made.request("one"))


@contextmanager
def holder(project: Project) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the environment."""
    command = [sys.executable, "-c", HOLD, str(project.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def last_used(environment: Environment, days: float) -> None:
    """Let it look as if nobody had used it for so many days."""
    lock = environment.path.parent / ".locks" / f"{environment.path.name}.lock"
    then = time.time() - days * DAY
    os.utime(lock, (then, then))


def test_rm_takes_it_away_for_good(made: Environments, built: Environment) -> None:
    (removed,) = made.remove("one", made.configured())
    assert (removed.what, removed.path) == ("environment one", built.path)
    assert removed.size > 0 and not built.path.exists()
    assert made.find(made.request("one")) is None
    assert made.remove("one", made.configured()) == []
    with pytest.raises(EngineUnavailable, match="was removed a moment ago"), built.hold():
        pass


def test_rm_knows_the_beginning_of_a_digest_too(made: Environments, built: Environment) -> None:
    with pytest.raises(UsageError, match="there is no environment 'on'"):
        made.remove("on", made.configured())
    (removed,) = made.remove(built.digest[:6], {})
    assert removed.path == built.path


def test_one_that_a_process_uses_stays(project: Project, made: Environments, built: Environment) -> None:
    last_used(built, 400)
    with holder(project) as process:
        with pytest.raises(UsageError, match="environment one is in use") as error:
            made.remove("one", made.configured())
        assert f"process {process.pid} " in str(error.value.why)
        last_used(built, 400)
        done = made.gc()
        assert not done.removed
        ((name, who),) = done.in_use
        assert name == "one" and f"process {process.pid} " in who
        assert made.find(made.request("one")) == built
    last_used(built, 400)
    assert [each.path for each in made.gc().removed] == [built.path], "a process that died holds nothing"


def test_gc_removes_what_was_not_used_for_long(made: Environments, built: Environment) -> None:
    last_used(built, 29)
    assert not made.gc().removed
    last_used(built, 31)
    (would,) = made.gc(dry_run=True).removed
    assert would.why == "not used for 31 days" and built.path.exists()
    assert would.size == built.size
    assert made.gc(dry_run=True).removed, "looking is no use"
    (removed,) = made.gc().removed
    assert removed.path == built.path and not built.path.exists()


def test_using_one_keeps_it(made: Environments, built: Environment) -> None:
    last_used(built, 400)
    with built.hold():
        pass
    assert not made.gc().removed
    last_used(built, 400)
    made.sync(made.request("one"))
    assert not made.gc().removed


def test_gc_removes_what_was_never_finished_or_is_not_whole(
    project: Project, made: Environments, built: Environment
) -> None:
    half = project.env_dir / ("0" * 16)
    (half / "bin").mkdir(parents=True)
    built.python.unlink()
    why = {each.path: each.why for each in made.gc().removed}
    assert why == {half: "it was never finished", built.path: "it is not whole any more"}
    assert not half.exists() and not built.path.exists()


def test_gc_forgets_what_led_to_environments_that_are_gone(
    project: Project, made: Environments, built: Environment
) -> None:
    made.remove("one", made.configured())
    assert list((project.env_dir / ".requests").glob("*.json"))
    made.gc(0)
    assert not list((project.env_dir / ".requests").iterdir())


def test_gc_leaves_alone_what_is_not_its_own(project: Project, made: Environments, built: Environment) -> None:
    (project.env_dir / "notes.txt").write_text("mine", encoding="utf-8")
    (project.env_dir / "folder").mkdir()
    made.gc(0)
    assert not built.path.exists()
    assert {"notes.txt", "folder"} <= set(os.listdir(project.env_dir))


def test_gc_removes_worker_roots_that_lead_nowhere(project: Project, made: Environments, tmp_path: Path) -> None:
    root = project.env_dir / ".roots" / "stale"
    root.mkdir(parents=True)
    (root / "gone").symlink_to(tmp_path / "not-there")
    assert [each.what for each in made.gc().removed] == ["worker roots"]
    assert not root.exists()


def test_the_listing_says_what_is_built_and_for_whom(project: Project, built: Environment) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]\n[envs.two]\nrequires = ["demo<2"]\npython = ">=3.11"')
    theirs = made.sync(made.anonymous(["demo==1.0"], None, "task score"))
    one, two, other = made.listing(made.configured().values())
    assert (one.name, one.state, one.path, one.ours) == ("one", "built", built.path, True)
    assert (one.packages, one.size) == (len(built.packages), built.size)
    assert one.used is not None and abs(time.time() - one.used) < DAY
    assert (two.name, two.state, two.python) == ("two", "not built", ">=3.11")
    assert (other.path, other.ours) == (theirs.path, False)
    assert other.asked_by == (f"task score in {project.root}",)
