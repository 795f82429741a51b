"""What the pages for builders promise: task types of few lines that survive, pipelines in YAML, decorators of one's own."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PageOf = Callable[[str], Any]
TASK_TYPES = "docs/how-to/write-a-task-type.md"
LIMIT = 240  # seconds; what hangs shall not hang the tests


@pytest.fixture
def folder(page: PageOf, tmp_path: Path) -> Path:
    for name in ("shout.py", "cluster.py", "jobs.py"):
        (tmp_path / name).write_text(page(TASK_TYPES).file(name))
    return tmp_path


def dovetail(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dovetail", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(folder: Path, *arguments: str, code: int = 0) -> str:
    process = dovetail(folder, *arguments)
    printed, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == code, printed
    return printed


def code_lines(source: str, cls: str) -> int:
    """Lines of the imports and of a class with its decorator, without blank ones."""
    tree = ast.parse(source)
    kept = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    kept += [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls]
    assert len(kept) > 1
    lines = source.splitlines()
    spans = [
        (min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]), node.end_lineno) for node in kept
    ]
    return sum(bool(line.strip()) for first, last in spans for line in lines[first - 1 : last])


@pytest.mark.parametrize(("name", "cls"), [("shout.py", "Shout"), ("jobs.py", "ClusterJob")])
def test_a_task_type_takes_fewer_than_twenty_lines(page: PageOf, name: str, cls: str) -> None:
    assert code_lines(page(TASK_TYPES).file(name), cls) < 20


def submitted(folder: Path, run_id: str) -> str:
    """The only job there is, as soon as its handle is stored."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        shown = subprocess.run(
            [sys.executable, "-m", "dovetail", "runs", "show", run_id, "--events", "--json"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        events = json.loads(shown.stdout).get("events", []) if shown.returncode == 0 else []
        handles = [event["data"]["handle"] for event in events if event["type"] == "node.submitted"]
        if handles:
            assert len(handles) == 1
            return str(handles[0])
    raise AssertionError("no job was submitted")


def jobs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "jobs").iterdir())


def state(folder: Path, job: str) -> str:
    return (folder / "jobs" / job / "state").read_text()


def is_running(folder: Path, job: str) -> bool:
    pid = (folder / "jobs" / job / "pid").read_text()
    shown = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()
    return bool(shown) and not shown.startswith("Z")


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_job_outlives_a_killed_run_and_is_never_submitted_twice(
    folder: Path, processes: list[subprocess.Popen[str]]
) -> None:
    run = dovetail(folder, "run", "jobs.py", "counting", "--n", "4", "--seconds", "8", "--run-id", "one")
    processes.append(run)
    job = submitted(folder, "one")
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run.returncode == -signal.SIGKILL
    assert is_running(folder, job)
    assert "succeeded" in told(folder, "runs", "resume", "one")
    assert jobs(folder) == [job]
    assert state(folder, job) == "succeeded"
    assert json.loads(told(folder, "runs", "show", "one", "--json"))["status"] == "succeeded"


@pytest.mark.slow
def test_a_cancelled_run_takes_its_job_with_it(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    run = dovetail(folder, "run", "jobs.py", "counting", "--seconds", "600", "--run-id", "one")
    processes.append(run)
    job = submitted(folder, "one")
    assert is_running(folder, job)
    told(folder, "runs", "cancel", "one")
    run.communicate(timeout=LIMIT)
    assert state(folder, job) == "cancelled"
    assert not is_running(folder, job)
    assert json.loads(told(folder, "runs", "show", "one", "--json"))["status"] == "cancelled"
