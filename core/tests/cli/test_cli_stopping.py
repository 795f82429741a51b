"""Ctrl-C, SIGTERM and kill -9: what is left behind, and going on with it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dovetail.cli._errors import show_error
from dovetail.errors import RunInterrupted

PIPELINE = '''
import os, time
from pathlib import Path
import dovetail as dt

@dt.task
def first() -> int:
    with Path("calls.txt").open("a") as calls:
        calls.write("first\\n")
    return 1

@dt.task
def hit(x: int, number: int, times: int) -> int:
    if Path("go").exists():
        return x
    os.kill(os.getpid(), number)
    while not dt.context().cancelled():
        time.sleep(0.01)
    if times > 1:
        os.kill(os.getpid(), number)
    while True:  # it never listens
        time.sleep(0.01)

@dt.task
def other(x: int) -> int:
    return x

@dt.task
def add(a: int, b: int) -> int:
    return a + b

@dt.workflow
def alone(number: int, times: int = 1) -> int:
    """Its nodes run one by one, in the main thread."""
    return hit(first(), number, times)

@dt.workflow
def beside(number: int, times: int = 1) -> int:
    """Two nodes run side by side, in threads."""
    x = first()
    return add(hit(x, number, times), other(x))
'''


@pytest.fixture
def stopping(project):
    (project / "stopping.py").write_text(PIPELINE, encoding="utf-8")
    return project


@pytest.mark.parametrize("workflow", ["alone", "beside"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_good_order_and_it_can_be_resumed(stopping, process, cli, workflow, number, code):
    stopped = process("run", "stopping.py", workflow, "--number", str(int(number)), "--run-id", "r")
    assert stopped.code == code
    assert "run r of" in stopped.out and "interrupted" in stopped.out
    assert "dovetail runs resume r" in stopped.out
    shown = cli("runs", "show", "r", "--json").json
    assert shown["status"] == "interrupted"
    told = cli("runs", "show", "r").out
    assert "interrupted: the run was interrupted" in told and "error" not in told
    assert {node["node_id"]: node["status"] for node in shown["nodes"]}["hit"] == "cancelled"

    (stopping / "go").touch()
    resumed = cli("runs", "resume", "r", "--json")
    assert (resumed.code, resumed.json["status"], resumed.json["resumed"]) == (0, "succeeded", 1)
    assert (stopping / "calls.txt").read_text() == "first\n"


@pytest.mark.parametrize("status", ["interrupted", "cancelled"])
def test_a_run_that_was_stopped_is_no_error(status):
    told = io.StringIO()
    show_error(RunInterrupted("the run was stopped").to_dict(), told, status)
    assert told.getvalue() == f"{status}: the run was stopped\n"


def test_json_is_told_even_when_stopped(stopping, process):
    done = process("run", "stopping.py", "alone", "--number", "2", "--json")
    assert done.code == done.json["exit_code"] == 130
    assert done.json["status"] == "interrupted"


def test_in_process_too(stopping, process):
    done = process("run", "stopping.py", "alone", "--number", "15", "--in-process", "--json")
    assert done.code == done.json["error"]["exit_code"] == 143
    assert process("run", "stopping.py", "alone", "--number", "2", "--in-process").code == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_it_at_once(stopping, process, cli, number, code):
    done = process("run", "stopping.py", "beside", "--number", str(int(number)), "--times", "2", "--run-id", "r")
    assert done.code == code
    assert done.out == ""
    assert cli("runs", "show", "r", "--json").json["status"] == "crashed"


@pytest.mark.parametrize("workflow", ["alone", "beside"])
def test_a_killed_run_is_seen_as_crashed_and_goes_on(stopping, process, cli, workflow):
    killed = process("run", "stopping.py", workflow, "--number", "9", "--run-id", "r")
    assert killed.code == -signal.SIGKILL
    listed = cli("runs", "list", "--json").json["runs"]
    assert [(run["run_id"], run["status"]) for run in listed] == [("r", "crashed")]

    (stopping / "go").touch()
    resumed = cli("runs", "resume")
    assert resumed.code == 0
    assert "resumed once" in resumed.out
    assert (stopping / "calls.txt").read_text() == "first\n"


def test_signals_are_as_before_afterwards(cli):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    cli("run", "pipeline.py", "plain", "--month", "1")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_interrupt_while_the_command_is_loaded_ends_it_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "dovetail", "plugins", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("", "")
