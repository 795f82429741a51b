"""Programs that shell tasks run: heard while they run, and stopped with all that they have started."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import dovetail as dt
import pytest
from dovetail.errors import RunInterrupted, TaskTimeout
from dovetail.hub import Hub

# The child will not hear SIGTERM, and says who both are once that is so.
STUBBORN = """
import os, signal, subprocess, sys, time
child = '''
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", os.getppid(), os.getpid(), file=sys.stderr, flush=True)
time.sleep(600)
'''
subprocess.run([sys.executable, "-c", child])
"""


class Ear(logging.Handler):
    """Calls a function with each message that tasks log."""

    def __init__(self, hear: Callable[[str], object]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record.getMessage())


@pytest.fixture
def heard() -> Any:
    """``heard(function)``: call it with each line that tasks of this process log, until the test is over."""
    logger, before, ears = logging.getLogger("dovetail.task"), logging.getLogger("dovetail.task").level, []

    def listen(hear: Callable[[str], object]) -> None:
        ears.append(Ear(hear))
        logger.addHandler(ears[-1])

    logger.setLevel(logging.INFO)
    yield listen
    logger.setLevel(before)
    for ear in ears:
        logger.removeHandler(ear)


def program(code: str, **options: Any) -> Any:
    work = dt.shell([sys.executable, "-c", code], name="work", output=None).options(**options)

    @dt.workflow
    def wf() -> None:
        work()

    return wf


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_that_is_stopped_stops_the_program_and_what_it_started(
    hub: Hub, heard: Any, executor: str, gone: Callable[[int], bool]
) -> None:
    pids: list[int] = []

    def hear(line: str) -> None:
        if line.startswith("ready"):
            pids.extend(map(int, line.split()[1:]))
            hub.runs.request_cancel("stopped")

    heard(hear)
    with pytest.raises(RunInterrupted):
        hub.run(program(STUBBORN), run_id="stopped", executor=executor, on_output=lambda node, stream, line: hear(line))
    assert len(pids) == 2 and all(map(gone, pids))


def test_a_timeout_stops_the_program_and_what_it_started(hub: Hub, gone: Callable[[int], bool]) -> None:
    pids: list[int] = []

    def hear(node: str, stream: str, line: str) -> None:
        pids.extend(map(int, line.split()[1:]))

    with pytest.raises(TaskTimeout):
        hub.run(program(STUBBORN, timeout=3), on_output=hear)
    assert len(pids) == 2 and all(map(gone, pids))


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_standard_error_is_heard_while_the_program_runs(
    hub: Hub, heard: Any, executor: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on only when what it said was heard."""
    fifo = tmp_path / "go-on"
    os.mkfifo(fifo)
    code = f"import sys; print('speaking', file=sys.stderr, flush=True); open({str(fifo)!r}).read()"
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        fifo.write_text("go on")

    heard(hear)
    hub.run(program(code), executor=executor, on_output=lambda node, stream, line: hear(line))
    assert lines == ["speaking"]


def test_what_a_program_leaves_running_after_success_is_not_stopped(hub: Hub) -> None:
    code = (
        "import subprocess, sys; n = subprocess.DEVNULL\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=n, stderr=n)\nprint(p.pid)"
    )
    pid = dt.shell([sys.executable, "-c", code], output=int)()
    os.kill(pid, 0)  # raises if it is gone
    os.kill(pid, 9)


def test_much_of_both_outputs_does_not_block(hub: Hub) -> None:
    code = "import sys\nfor _ in range(3000): print('o' * 99); print('e' * 99, file=sys.stderr)"
    assert len(dt.shell([sys.executable, "-c", code])()) == 3000 * 100 - 1
