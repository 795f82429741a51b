"""Whole runs while other processes use the same store, while the disk is full, and with a store that was tampered with."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from dovetail.hub import Hub

PIPELINE = """
import os
import dovetail as dt
import polars as pl

@dt.task(cache=True)
def square(x: int) -> int:
    return x * x

@dt.task
def total(values: list[int]) -> int:
    return sum(values)

@dt.task
def numbers(n: int) -> list[int]:
    return list(range(n))

@dt.workflow
def squares(n: int = 100) -> int:
    return total(dt.map(square, numbers(n)))

@dt.task
def small() -> int:
    return 20_000

@dt.task
def large(rows: int) -> pl.DataFrame:
    if os.environ.get("FULL"):
        import resource
        # No file may grow past this: writes fail as they do on a full disk. (Python itself would then leave half
        # written bytecode behind, so it is told to write none.)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return pl.DataFrame({"a": [os.urandom(8) for _ in range(rows)]})

@dt.task
def height(frame: pl.DataFrame) -> int:
    return frame.height

@dt.workflow
def frames() -> int:
    return height(large(small()))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.py").write_text(textwrap.dedent(PIPELINE))
    (tmp_path / "dovetail.toml").write_text("")
    return tmp_path


def start(project: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DOVETAIL_")}
    return subprocess.Popen(
        [sys.executable, "-m", "dovetail", *arguments],
        cwd=project,
        env={**clean, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_runs_of_several_processes_share_one_store(project: Path) -> None:
    processes = [start(project, "run", "pipeline.py", "squares", "--quiet") for _ in range(4)]
    for process in processes:
        _, err = process.communicate()
        assert process.returncode == 0, err
    with Hub(home=project / ".dovetail") as hub:
        runs = hub.runs.list_runs()
        assert [run.status for run in runs] == ["succeeded"] * 4
        values = {hub.types.load(run.outputs["result"], hub.artifacts) for run in runs}
    assert values == {sum(x * x for x in range(100))}


def test_a_full_disk_fails_the_node_clearly_and_the_run_resumes_when_there_is_space(project: Path) -> None:
    full = start(project, "run", "pipeline.py", "frames", FULL="1", PYTHONDONTWRITEBYTECODE="1")
    _, err = full.communicate()
    assert full.returncode == 3, err
    assert "platform error" in err
    with Hub(home=project / ".dovetail") as hub:
        record = hub.runs.get_run("latest")
        assert record.status in ("failed", "crashed")  # crashed: not even the end could be written
        states = {node.node_id: node.status for node in hub.runs.nodes(record.run_id)}
        assert states["small"] == "succeeded"
        assert not any((hub.settings.home / "artifacts" / "tmp").iterdir())
    resumed = start(project, "runs", "resume", "latest")
    _, err = resumed.communicate()
    assert resumed.returncode == 0, err
    with Hub(home=project / ".dovetail") as hub:
        record = hub.runs.get_run("latest")
        assert hub.types.load(record.outputs["result"], hub.artifacts) == 20_000


def test_a_store_of_another_program_is_refused_and_left_alone(project: Path) -> None:
    home = project / ".dovetail"
    home.mkdir()
    (home / "runs.db").write_bytes(b"not a database" * 100)
    run = start(project, "run", "pipeline.py", "squares")
    _, err = run.communicate()
    assert run.returncode == 3
    assert "runs.db" in err
    assert (home / "runs.db").read_bytes() == b"not a database" * 100
