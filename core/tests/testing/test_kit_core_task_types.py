"""The core's own task types pass the suite that it gives to others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import dovetail as dt
import pytest
from dovetail.testing import TaskTypeSuite, never

PLUGIN = "dovetail.engine.builtin_hooks"
NO_ENGINE = never("it drives no engine that could be missing")
NO_SECRET = never("it takes no secret")
THREADS = never("a thread that is busy cannot be stopped by another one", runs=False)


@dt.task
def add(x: int, y: int) -> int:
    return x + y


@dt.task
def add_twice(x: int, y: int) -> int:
    return x + 2 * y


@dt.task
def fail() -> int:
    raise LookupError("no such number")


@dt.task
def sleep() -> int:
    time.sleep(600)
    return 1


@dt.task
def speak() -> int:
    dt.context().log.info("speaking")
    return 1


class TestPython(TaskTypeSuite):
    plugin = PLUGIN
    task_type = "python"
    inputs = {"x": 1, "y": 2}
    expected = 3
    failure = "no such number"
    gaps = {"platform_error": NO_ENGINE, "secrets": NO_SECRET, "cancel": THREADS}

    def make_task(self) -> dt.Task[..., Any]:
        return add

    def make_other_task(self) -> dt.Task[..., Any]:
        return add_twice

    def bad_configs(self) -> Sequence[tuple[Callable[[], Any], str]]:
        return [(lambda: dt.task(retries=-1)(lambda: 1), "retries"), (lambda: dt.task(timeout="soon"), "timeout")]

    def make_failing_task(self) -> dt.Task[..., Any]:
        return fail

    def make_slow_task(self) -> dt.Task[..., Any]:
        return sleep

    def make_logging_task(self) -> tuple[dt.Task[..., Any], str]:
        return speak, "speaking"


def python(code: str, *arguments: str, **options: Any) -> dt.Task[..., Any]:
    return dt.shell([sys.executable, "-c", code, *arguments], **options)


class TestShell(TaskTypeSuite):
    plugin = PLUGIN
    task_type = "shell"
    inputs = {"x": 1, "y": 2}
    expected = 3
    failure = "no such number"
    gaps = {"platform_error": NO_ENGINE, "secrets": NO_SECRET}

    def make_task(self) -> dt.Task[..., Any]:
        return self.adding("int(a[1]) + int(a[2])")

    def make_other_task(self) -> dt.Task[..., Any]:
        return self.adding("int(a[1]) + 2 * int(a[2])")

    def adding(self, expression: str) -> dt.Task[..., Any]:
        code = f"from sys import argv as a; print({expression})"
        return python(code, "{x}", "{y}", inputs={"x": int, "y": int}, output=int, name="add")

    def bad_configs(self) -> Sequence[tuple[Callable[[], Any], str]]:
        return [(lambda: dt.shell(["echo", "{x}"]), "x"), (lambda: dt.shell([]), "program")]

    def make_failing_task(self) -> dt.Task[..., Any]:
        return python("import sys; sys.exit('no such number')", name="fail")

    def make_slow_task(self) -> dt.Task[..., Any]:
        return python("import time; time.sleep(600)", name="sleep")

    def make_logging_task(self) -> tuple[dt.Task[..., Any], str]:
        return python("import sys; print('speaking', file=sys.stderr)", name="speak"), "speaking"


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_task_has_a_logger_and_settings_wherever_it_runs(executor: str, dovetail_hub: Any) -> None:
    @dt.task
    def look() -> list[str]:
        context = dt.context()
        return [type(context.log).__name__, type(context.settings).__name__]

    @dt.workflow
    def wf() -> list[str]:
        return look()

    expected = ["Logger", "Settings"]
    assert dovetail_hub.call(wf) == expected
    assert dovetail_hub.run(wf, executor=executor).value == expected
