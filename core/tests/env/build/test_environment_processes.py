"""Several processes: one builds and the others wait; whoever is killed leaves nothing that is used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .conftest import Project

SYNC = """
import json, sys
from pathlib import Path
from dovetail.config import load_settings
from dovetail.env.build import Environments
made = Environments(load_settings(Path(sys.argv[1])))
tell = lambda line: print(line, flush=True)
built = made.sync(made.request("one"), progress=tell)
print("done " + json.dumps([str(built.path), built.packages["demo"]]), flush=True)
"""

UV = """#!/bin/sh
case "$*" in
*"pip install"*)
    if mv "{gate}/armed" "{gate}/stopped" 2>/dev/null; then
        echo here > "{gate}/reached"
        read line < "{gate}/open"
    fi;;
esac
exec "{uv}" "$@"
"""


class Gate:
    """Holds up the first installation until it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("reached", "open"):
            os.mkfifo(folder / name)
        (folder / "armed").touch()

    def reached(self) -> None:
        """Wait until somebody stands before it."""
        assert (self.folder / "reached").read_text() == "here\n"

    def open(self) -> None:
        """Let them through."""
        (self.folder / "open").write_text("go\n")

    def open_if_anybody_waits(self) -> None:
        """Let them through, if there is somebody."""
        with suppress(OSError):
            gate = os.open(self.folder / "open", os.O_WRONLY | os.O_NONBLOCK)
            os.write(gate, b"go\n")
            os.close(gate)


@pytest.fixture
def gate(tmp_path: Path, real_uv: str, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A uv, first on PATH, that stops before it installs anything, once."""
    folder = tmp_path / "gate"
    folder.mkdir()
    script = folder / "uv"
    script.write_text(UV.format(gate=folder, uv=real_uv), encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Gate(folder)


@pytest.fixture
def start(project: Project, gate: Gate) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that syncs the environment ``one``."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SYNC, str(project.root)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()  # uv may outlive it, and has its pipes
    gate.open_if_anybody_waits()


def until(process: subprocess.Popen[str], beginning: str) -> str:
    """Read what a process tells until a line begins so; that line."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
    raise AssertionError(f"no line begins with {beginning!r}:\n{''.join(seen)}")


def test_one_builds_and_the_other_waits_and_says_for_whom(
    project: Project, gate: Gate, start: Callable[[], subprocess.Popen[str]]
) -> None:
    project.configure('[envs.one]\nrequires = ["demo"]')
    first = start()
    gate.reached()
    second = start()
    waited_for = until(second, "waiting for ")
    assert f"process {first.pid} " in waited_for and "builds environment one" in waited_for
    gate.open()
    built = json.loads(until(first, "done "))
    assert built[1] == "2.0"
    assert second.stdout is not None
    rest = second.stdout.read()
    assert "building environment" not in rest
    assert json.loads(rest.partition("done ")[2]) == built


def test_a_builder_that_is_killed_leaves_nothing_that_is_used(
    project: Project, gate: Gate, start: Callable[[], subprocess.Popen[str]]
) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    first = start()
    gate.reached()
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert list(project.env_dir.glob("[0-9a-f]*")), "it was killed too early"
    assert made.find(made.request("one")) is None
    second = start()
    until(second, "waiting for ")  # uv outlived its builder, and may still write
    assert made.find(made.request("one")) is None
    gate.open()
    path, version = json.loads(until(second, "done "))
    assert version == "2.0"
    found = made.find(made.request("one"))
    assert found is not None and str(found.path) == path
    run = [str(found.python), "-I", "-c", "import demo; print(demo.version)"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "2.0\n"


def test_a_builder_that_is_interrupted_takes_uv_along_and_cleans_up(
    project: Project, gate: Gate, start: Callable[[], subprocess.Popen[str]]
) -> None:
    project.configure('[envs.one]\nrequires = ["demo"]')
    first = start()
    gate.reached()
    first.send_signal(signal.SIGINT)
    assert first.wait() != 0
    assert not list(project.env_dir.glob("[0-9a-f]*/dovetail.json"))
    gate.open_if_anybody_waits()  # it was interrupted while it started uv, which nobody could end then
    assert json.loads(until(start(), "done "))[1] == "2.0"
