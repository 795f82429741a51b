"""Failing, retrying and stopping."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import dovetail as dt
import polars as pl
import pytest
from dovetail.errors import (
    RunInterrupted,
    TaskFailed,
    TaskTimeout,
    ValueMismatch,
    WorkerDied,
)
from dovetail.hub import Hub


@dt.task
def inc(x: int) -> int:
    return x + 1


class TestFailures:
    def test_a_failing_function_is_a_user_failure_with_its_own_traceback(self, hub: Hub) -> None:
        @dt.task
        def fails(x: int) -> int:
            raise KeyError("mine")

        @dt.workflow
        def wf(x: int) -> int:
            return inc(fails(inc(x)))

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf, x=1)
        error = caught.value
        assert error.kind == "user"
        assert error.details["type"] == "KeyError"
        first = error.details["traceback"].splitlines()[1]
        assert __file__ in first
        assert isinstance(error.__cause__, KeyError)
        record = hub.runs.get_run(error.details["run_id"])
        assert record.status == "failed"
        states = {n.node_id: n.status for n in hub.runs.nodes(record.run_id)}
        assert states == {"inc": "succeeded", "fails": "failed"}

    def test_retries_with_backoff_until_it_works(self, hub: Hub) -> None:
        attempts: list[int] = []

        @dt.task(retries=3, retry_delay=0.01)
        def flaky() -> int:
            attempts.append(dt.context().attempt)
            if len(attempts) < 3:
                raise OSError("not yet")
            return 7

        @dt.workflow
        def wf() -> int:
            return flaky()

        result = hub.run(wf)
        assert result.value == 7
        assert attempts == [1, 2, 3]
        types = [event.type for event in hub.runs.events(result.run_id)]
        assert types.count("node.retrying") == 2

    def test_retries_end(self, hub: Hub) -> None:
        attempts: list[int] = []

        @dt.task(retries=1, retry_delay=0.01)
        def fails() -> int:
            attempts.append(1)
            raise OSError("never")

        @dt.workflow
        def wf() -> int:
            return fails()

        with pytest.raises(TaskFailed):
            hub.run(wf)
        assert len(attempts) == 2

    def test_independent_nodes_that_run_are_committed_when_another_fails(self, hub: Hub) -> None:
        go = threading.Event()

        @dt.task
        def slow() -> int:
            assert go.wait(20)
            return 1

        @dt.task
        def fails() -> int:
            go.set()
            raise ValueError("no")

        @dt.task
        def both(a: int, b: int) -> int:
            return a + b

        @dt.workflow
        def wf() -> int:
            return both(slow(), fails())

        with pytest.raises(TaskFailed):
            hub.run(wf)
        run = hub.runs.list_runs()[0]
        assert {n.node_id: n.status for n in hub.runs.nodes(run.run_id)} == {"slow": "succeeded", "fails": "failed"}

    def test_sys_exit_in_a_task_fails_the_task_only(self, hub: Hub) -> None:
        @dt.task
        def leave() -> int:
            raise SystemExit(0)

        @dt.workflow
        def wf() -> int:
            return leave()

        with pytest.raises(TaskFailed, match="SystemExit"):
            hub.run(wf)

    def test_a_result_of_the_wrong_type_is_a_user_failure(self, hub: Hub) -> None:
        @dt.task
        def liar() -> int:
            return "one"  # type: ignore[return-value]

        @dt.workflow
        def wf() -> int:
            return liar()

        with pytest.raises(ValueMismatch, match="the result of task 'liar'"):
            hub.run(wf)


class TestStopping:
    def test_a_timeout_really_stops_the_work(self, hub: Hub, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"

        @dt.task(timeout=1.0)
        def hang(path: str) -> int:
            import os
            import pathlib

            pathlib.Path(path).write_text(str(os.getpid()))
            while True:
                pass

        @dt.workflow
        def wf(path: str) -> int:
            return hang(path)

        with pytest.raises(TaskTimeout):
            hub.run(wf, path=str(pid_file))
        if pid_file.exists():  # a loaded machine may not have got so far
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid_file.read_text()), 0)

    def test_processes_give_the_same_results(self, hub: Hub) -> None:
        @dt.task(executor="processes")
        def where(frame: pl.DataFrame) -> list[int]:
            import os

            return [os.getpid(), frame.height]

        @dt.task
        def make() -> pl.DataFrame:
            return pl.DataFrame({"a": [1, 2]})

        @dt.workflow
        def wf() -> list[int]:
            return where(make())

        pid, height = hub.run(wf).value
        assert pid != os.getpid()
        assert height == 2

    def test_a_process_that_dies_fails_its_node_with_that_reason(self, hub: Hub) -> None:
        @dt.task(executor="processes")
        def die() -> int:
            import os

            os._exit(3)

        @dt.workflow
        def wf() -> int:
            return die()

        with pytest.raises(WorkerDied, match="3") as caught:
            hub.run(wf)
        assert caught.value.kind == "platform"

    def test_a_run_can_be_cancelled_from_outside(self, hub: Hub) -> None:
        @dt.task(executor="processes")
        def hang() -> int:
            while True:
                pass

        @dt.workflow
        def wf() -> int:
            return hang()

        def cancel(event: object) -> None:
            if getattr(event, "type", "") == "node.started":
                hub.runs.request_cancel("to-be-cancelled")

        with pytest.raises(RunInterrupted):
            hub.run(wf, run_id="to-be-cancelled", observers=[cancel])
        assert hub.runs.get_run("to-be-cancelled").status == "cancelled"


class TestCancellingATaskType:
    """A task type that holds a session cannot be moved to a process; it is told to stop."""

    @pytest.fixture
    def stopped(self) -> threading.Event:
        return threading.Event()

    @pytest.fixture
    def wf(self, stopped: threading.Event) -> dt.Workflow:  # type: ignore[type-arg]
        @dt.task_type("session-test")
        class Session(dt.TaskType):
            in_process = False

            def resource_key(self, config: object) -> str:
                return "one"

            def open(self, config: object, context: object) -> threading.Event:
                return threading.Event()

            def execute(self, call: dt.TaskCall) -> int:
                if not call.resource.wait(30):
                    return 1
                raise RuntimeError("the session was closed")

            def cancel(self, call: dt.TaskCall) -> None:
                call.resource.set()
                stopped.set()

        @dt.task("session-test")
        def query() -> int: ...  # type: ignore[empty-body]

        @dt.workflow
        def wf() -> int:
            return query()

        return wf

    def test_when_its_timeout_is_over(self, hub: Hub, wf: dt.Workflow, stopped: threading.Event) -> None:  # type: ignore[type-arg]
        wf.graph.nodes[0].options = wf.graph.nodes[0].options.updated({"timeout": "100ms"})
        with pytest.raises(TaskTimeout):
            hub.run(wf)
        assert stopped.is_set()

    def test_when_the_run_is_cancelled(self, hub: Hub, wf: dt.Workflow, stopped: threading.Event) -> None:  # type: ignore[type-arg]
        @dt.task
        def other() -> int:
            assert stopped.wait(30)
            return 1

        @dt.task
        def both(a: int, b: int) -> int:
            return a + b

        @dt.workflow
        def outer() -> int:
            return both(wf(), other())

        def cancel(event: object) -> None:
            if getattr(event, "type", "") == "node.started":
                hub.runs.request_cancel("cancel-me")

        with pytest.raises(RunInterrupted):
            hub.run(outer, run_id="cancel-me", observers=[cancel])
        assert stopped.is_set()


def test_a_dynamic_body_that_raises_is_a_user_failure_that_shows_its_line(hub: Hub) -> None:
    @dt.dynamic
    def body(n: int) -> int:
        raise LookupError(f"nothing for {n}")

    @dt.workflow
    def wf(n: int) -> int:
        return body(n)

    with pytest.raises(TaskFailed, match="nothing for 3") as caught:
        hub.run(wf, n=3)
    assert "raise LookupError" in caught.value.details["traceback"]
