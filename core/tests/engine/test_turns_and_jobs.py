"""Task types that are called by one thread at a time, and remote jobs that are cancelled."""

from __future__ import annotations

import threading
from typing import Any

import dovetail as dt
import pytest
from dovetail.errors import EngineUnavailable, RunInterrupted, TaskTimeout
from dovetail.hub import Hub
from dovetail.spec import JobStatus


class TestTurns:
    @pytest.fixture
    def release(self) -> threading.Event:
        return threading.Event()

    @pytest.fixture
    def wf(self, release: threading.Event) -> Any:
        @dt.task_type("one-by-one")
        class OneByOne(dt.TaskType):
            in_process = False
            concurrent = False

            def execute(self, call: dt.TaskCall) -> int:
                release.wait(call.inputs["seconds"])
                return 1

        @dt.task("one-by-one", timeout=0.5)
        def hold(seconds: float) -> int: ...  # type: ignore[empty-body]

        @dt.workflow
        def wf(times: list[float]) -> list[int]:
            return dt.map(hold, times)

        return wf

    def test_waiting_for_a_turn_does_not_count_as_running(self, hub: Hub, wf: Any) -> None:
        assert hub.run(wf, times=[0.2] * 5).value == [1] * 5

    def test_a_call_that_never_stops_does_not_hang_the_next_one(
        self, hub: Hub, wf: Any, release: threading.Event
    ) -> None:
        try:
            with pytest.raises((TaskTimeout, EngineUnavailable)):
                hub.run(wf, times=[60.0, 60.0])
            states = {node.status for node in hub.runs.nodes(hub.runs.list_runs()[0].run_id)}
            assert "running" not in states
        finally:
            release.set()


class TestJobs:
    @pytest.fixture
    def jobs(self) -> dict[int, str]:
        return {}

    @pytest.fixture
    def wf(self, jobs: dict[int, str]) -> Any:
        @dt.task_type("slow-queue")
        class Queue(dt.RemoteTaskType):
            poll_interval = 60.0

            def submit(self, call: dt.TaskCall) -> int:
                jobs[len(jobs)] = "succeeded" if jobs else "running"
                return len(jobs) - 1

            def status(self, handle: Any, config: Any) -> JobStatus:
                return JobStatus(jobs[handle])  # type: ignore[arg-type]

            def result(self, handle: Any, call: dt.TaskCall) -> int:
                return int(handle)

            def cancel_job(self, handle: Any, config: Any) -> None:
                jobs[handle] = "cancelled"

        @dt.task("slow-queue")
        def remote() -> int: ...  # type: ignore[empty-body]

        @dt.workflow
        def wf() -> int:
            return remote()

        return wf

    def test_cancelling_a_run_cancels_its_job_however_rarely_it_is_asked(
        self, hub: Hub, wf: Any, jobs: dict[int, str]
    ) -> None:
        def cancel(event: Any) -> None:
            if event.type == "node.submitted":
                hub.runs.request_cancel("remote")

        with pytest.raises(RunInterrupted):
            hub.run(wf, run_id="remote", observers=[cancel])
        assert jobs == {0: "cancelled"}
        assert hub.resume("remote", wf).value == 1

    def test_a_job_that_was_cancelled_with_its_run_is_submitted_anew(
        self, hub: Hub, wf: Any, jobs: dict[int, str]
    ) -> None:
        from dovetail.graph import ResourceScope, run_job
        from dovetail.spec import TaskContext

        jobs[0] = "cancelled"
        compiled = wf.graph.nodes[0].target.compiled()
        call = compiled.call({}, TaskContext(node_id="remote"), ResourceScope())
        assert run_job(compiled.task_type, call, handle=0) == 1
