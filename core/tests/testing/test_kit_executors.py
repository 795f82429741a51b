"""The core's own executors pass the suite that it gives to others; each check catches the one that breaks it."""

# ruff: noqa: E501  (a defect is a line of the table)
from __future__ import annotations

import itertools
import sys
import textwrap
from pathlib import Path

import pytest
from dovetail.testing import ExecutorSuite, HubHarness, _executors, _harness, _work, never

_NUMBERS = itertools.count()
PLUGIN = "dovetail.engine.builtin_hooks"


class TestThreads(ExecutorSuite):
    plugin = PLUGIN
    executor = "threads"
    gaps = {
        "worker_death": never("its tasks live in the hub's own process"),
        "cancel": never("a thread that is busy cannot be stopped by another one", runs=False),
    }


class TestProcesses(ExecutorSuite):
    plugin = PLUGIN
    executor = "processes"


BASE = """
    from dovetail.engine._executors import ProcessExecutor, ThreadExecutor
    from dovetail.spec import ExecutorSpec, hookimpl
    from concurrent.futures import Future
    import threading

    DOVETAIL_API = 1
    STOP = threading.Event()


    @hookimpl
    def dovetail_executors():
        return [ExecutorSpec("pool", "KIT:Pool")]


    class Pool(ProcessExecutor):
        name = "pool"
"""

DEFECTS = [
    (
        "every_node_runs_once",
        "def submit(self, attempt):\n    attempt._work.element = {'number': 5} if attempt._work.element else None\n"
        "    return super().submit(attempt)",
        "12 nodes gave",
    ),
    (
        "the_error_of_a_task_arrives_as_it_was_raised",
        "def submit(self, attempt):\n    done = Future()\n    done.set_exception(OSError('lost'))\n    return done",
        "ended with PlatformError",
    ),
    ("a_worker_that_dies_is_told", "def submit(self, attempt):\n    done = Future()\n    done.set_exception(OSError('gone'))\n    return done", "ended with PlatformError"),
    (
        "a_worker_that_dies_is_told",
        "def submit(self, attempt):\n    return self._threads.call(attempt.run)",
        "in the hub's own process",
    ),
    ("cancelling_the_run_stops_what_runs", "def cancel(self, node_id):\n    pass\ndef stop(self):\n    STOP.wait(60)\n    super().stop()", "has not ended"),
    (
        "results_and_errors_are_those_of_the_attempts",
        "def submit(self, attempt):\n    done = Future()\n    try:\n        done.set_result(attempt.run())\n"
        "    except Exception as error:\n        done.set_exception(RuntimeError(str(error)))\n    return done",
        "holds RuntimeError",
    ),
    (
        "results_and_errors_are_those_of_the_attempts",
        "def submit(self, attempt):\n    return Future()",
        "have not ended",
    ),
    ("as_many_run_at_once_as_there_are_slots", "def start(self, slots):\n    super().start(1)", "did not run at once"),
    ("no_more_run_at_once_than_there_are_slots", "def start(self, slots):\n    super().start(8)", "ran at once, and start"),
    (
        "what_was_never_started_can_be_stopped",
        "def cancel(self, node_id):\n    raise LookupError(node_id)",
        "no-such-node",
    ),
    (
        "stopping_ends_everything",
        "def stop(self):\n    threading.Thread(target=STOP.wait, name='pool-manager', daemon=True).start()\n    super().stop()",
        "thread 'pool-manager'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "method", "message"), DEFECTS, ids=[f"{d[0]}-{d[2]}" for d in DEFECTS])
def test_an_executor_that_breaks_this_is_caught(
    check: str, method: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"kitpool{next(_NUMBERS)}"
    text = textwrap.dedent(BASE) + textwrap.indent(method, "    ") + "\n"
    (tmp_path / f"{name}.py").write_text(text.replace("KIT", name))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_executors, "PATIENCE", 3.0)
    monkeypatch.setattr(_work, "PATIENCE", 3.0)
    monkeypatch.setattr(_harness, "GRACE", 1.0)
    suite = type("TestPool", (ExecutorSuite,), {"plugin": name, "executor": "pool"})
    try:
        with (
            pytest.raises((AssertionError, LookupError, AttributeError), match=message),
            HubHarness(name, home=tmp_path / "hub") as hub,
        ):
            getattr(suite(), f"test_{check}")(hub)
    finally:
        sys.modules.pop(name).STOP.set()  # type: ignore[attr-defined]


def test_every_check_has_a_defect_that_it_catches() -> None:
    checks = {name for name in vars(ExecutorSuite) if name.startswith("test")}
    assert {f"test_{check}" for check, _, _ in DEFECTS} == checks
