"""kill -9 at any moment, and Ctrl-C: what was committed stays, and is never run again."""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from dovetail.hub import Hub

PIPELINE = """
import os, sys, pathlib
import dovetail as dt
import polars as pl

LOG = pathlib.Path(os.environ["EXECUTIONS"])

def note(name: str) -> None:
    with LOG.open("a") as file:
        file.write(name + "\\n")

@dt.task
def load(n: int) -> pl.DataFrame:
    note("load")
    return pl.DataFrame({"a": range(n)})

@dt.task
def part(frame: pl.DataFrame, k: int) -> int:
    note(f"part{k}")
    return int(frame["a"].sum()) + k

@dt.task
def step(x: int, k: int) -> int:
    note(f"step{k}")
    return x + k

@dt.task
def join(parts: list[int], x: int) -> int:
    note("join")
    return sum(parts) + x

@dt.workflow
def pipeline(n: int = 10) -> int:
    frame = load(n)
    x = n
    for k in range(12):
        x = step(x, k)
    return join([part(frame, k) for k in range(12)], x)

if __name__ == "__main__":
    from dovetail.hub import Hub, load_workflow
    hub = Hub()
    workflow = load_workflow(__file__, "pipeline")
    runs = hub.runs.list_runs()
    result = hub.resume(runs[0].run_id) if runs else hub.run(workflow)
    print(result.value)
"""

EXPECTED = sum(45 + k for k in range(12)) + 10 + sum(range(12))
KILLS = 12


def test_kill_9_at_random_moments_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.py"
    file.write_text(textwrap.dedent(PIPELINE))
    log = tmp_path / "executions"
    log.touch()
    env = {**os.environ, "DOVETAIL_HOME": str(tmp_path / "store"), "EXECUTIONS": str(log)}
    command = [sys.executable, str(file)]
    dice = random.Random(7)
    kills = 0
    committed: set[str] = set()
    executed_at_commit: collections.Counter[str] = collections.Counter()
    while kills < KILLS:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        begun = len(log.read_text().splitlines())
        wait_for = begun + dice.randint(0, 4)
        while process.poll() is None and len(log.read_text().splitlines()) <= wait_for:
            os.sched_yield()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        _, err = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
        executed = collections.Counter(log.read_text().splitlines())
        for name in committed:  # what was committed before this start was not executed by it
            assert executed[name] == executed_at_commit[name], name
        with Hub(home=tmp_path / "store") as hub:
            runs = hub.runs.list_runs()
            if not runs:
                continue
            if runs[0].status == "succeeded":  # killed between its last commit and its exit
                break
            assert runs[0].status == "crashed"
            nodes = hub.runs.nodes(runs[0].run_id)
        committed = {_executed_name(n.node_id) for n in nodes if n.status == "succeeded"}
        executed_at_commit = executed
    else:
        subprocess.run(command, env=env, check=True, capture_output=True)
    with Hub(home=tmp_path / "store") as hub:
        run = hub.runs.get_run("latest")
        assert run.status == "succeeded"
        assert hub.types.load(run.outputs["result"], hub.artifacts) == EXPECTED
    executions = collections.Counter(log.read_text().splitlines())
    assert set(executions) == {"load", "join", *(f"part{k}" for k in range(12)), *(f"step{k}" for k in range(12))}
    assert sum(executions.values()) <= 26 + 4 * kills  # at most what ran at the same moment is repeated, once per kill


def _executed_name(node_id: str) -> str:
    """``part-3`` is the third call, of ``k = 2``."""
    name, _, number = node_id.partition("-")
    return name if name in ("load", "join") else f"{name}{int(number or 1) - 1}"


@pytest.mark.parametrize(
    "point", ["before-commit", "after-commit", "before-artifact", "after-artifact", "before-finish"]
)
def test_kill_9_at_named_points(tmp_path: Path, point: str) -> None:
    """The process kills itself at the point, in its second node; then the run is resumed."""
    file = tmp_path / "pipeline.py"
    file.write_text(textwrap.dedent(PIPELINE))
    log = tmp_path / "executions"
    log.touch()
    crash = tmp_path / "crash.py"
    crash.write_text(
        textwrap.dedent(
            """
            import os, signal, sys, itertools
            from dovetail.store import ArtifactStore, RunStore
            point = sys.argv[1]
            def die(*_):
                os.kill(os.getpid(), signal.SIGKILL)
            def patched(cls, name, before, after, at):
                original, count = getattr(cls, name), itertools.count(1)
                def wrapper(*args, **kwargs):
                    turn = next(count)
                    if before and turn == at: die()
                    result = original(*args, **kwargs)
                    if after and turn == at: die()
                    return result
                setattr(cls, name, wrapper)
            kind, _, what = point.partition("-")
            cls, name, at = {"commit": (RunStore, "commit", 5), "artifact": (ArtifactStore, "add_file", 1),
                         "finish": (RunStore, "finish", 1)}[what]
            patched(cls, name, kind == "before", kind == "after", at)
            sys.argv = ["pipeline.py"]
            import runpy
            runpy.run_path(os.environ["PIPELINE"], run_name="__main__")
            """
        )
    )
    env = {
        **os.environ,
        "DOVETAIL_HOME": str(tmp_path / "store"),
        "EXECUTIONS": str(log),
        "PIPELINE": str(file),
    }
    died = subprocess.run([sys.executable, str(crash), point], env=env, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with Hub(home=tmp_path / "store") as hub:
        run = hub.runs.list_runs()[0]
        assert run.status == "crashed"
        done = {_executed_name(n.node_id) for n in hub.runs.nodes(run.run_id) if n.status == "succeeded"}
        assert hub.runs.datasets() == []
    before = collections.Counter(log.read_text().splitlines())
    resumed = subprocess.run([sys.executable, str(file)], env=env, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert int(resumed.stdout) == EXPECTED
    after = collections.Counter(log.read_text().splitlines())
    assert {name for name in done if after[name] != before[name]} == set()


def test_ctrl_c_marks_the_run_and_it_can_be_resumed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, pathlib, signal, sys
            import dovetail as dt
            from dovetail.hub import Hub
            flag = pathlib.Path(sys.argv[1])

            @dt.task
            def first() -> int:
                return 1

            @dt.task
            def second(x: int) -> int:
                if not flag.exists():
                    flag.touch()
                    os.kill(os.getpid(), signal.SIGINT)
                    while True:
                        pass
                return x + 1

            @dt.workflow
            def wf() -> int:
                return second(first())

            hub = Hub()
            if sys.argv[2] == "run":
                hub.run(wf, run_id="the-run")
            else:
                print(hub.resume("the-run", wf).value)
            """
        )
    )
    env = {**os.environ, "DOVETAIL_HOME": str(tmp_path / "store")}
    command = [sys.executable, str(script), str(tmp_path / "flag")]
    stopped = subprocess.run([*command, "run"], env=env, capture_output=True, text=True)
    assert stopped.returncode != 0
    assert "KeyboardInterrupt" in stopped.stderr
    with Hub(home=tmp_path / "store") as hub:
        assert hub.runs.get_run("the-run").status == "interrupted"
        states = {n.node_id: n.status for n in hub.runs.nodes("the-run")}
        assert states == {"first": "succeeded", "second": "cancelled"}
    resumed = subprocess.run([*command, "resume"], env=env, capture_output=True, text=True)
    assert resumed.stdout.strip() == "2", resumed.stderr


def test_a_remote_job_is_submitted_once_and_re_attached_after_a_kill(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, pathlib, signal, sys
            import dovetail as dt
            from dovetail.hub import Hub
            from dovetail.spec import JobStatus
            folder = pathlib.Path(sys.argv[1])

            @dt.task_type("queue")
            class Queue(dt.RemoteTaskType):
                poll_interval = 0.01

                def submit(self, call):
                    with (folder / "submissions").open("a") as file:
                        file.write("one\\n")
                    return {"job": 17}

                def status(self, handle, config):
                    if not (folder / "killed").exists():
                        (folder / "killed").touch()
                        os.kill(os.getpid(), signal.SIGKILL)
                    return JobStatus("succeeded")

                def result(self, handle, call):
                    return handle["job"] + call.inputs["x"]

            @dt.task("queue")
            def remote(x: int) -> int: ...

            @dt.workflow
            def wf() -> int:
                return remote(1)

            hub = Hub()
            if hub.runs.list_runs():
                print(hub.resume("latest", wf).value)
            else:
                hub.run(wf)
            """
        )
    )
    env = {**os.environ, "DOVETAIL_HOME": str(tmp_path / "store")}
    command = [sys.executable, str(script), str(tmp_path)]
    assert subprocess.run(command, env=env, capture_output=True).returncode == -signal.SIGKILL
    resumed = subprocess.run(command, env=env, capture_output=True, text=True)
    assert resumed.stdout.strip() == "18", resumed.stderr
    assert (tmp_path / "submissions").read_text() == "one\n"
