"""The suite for task types whose work runs elsewhere: submitted once, re-attached, cancelled, and never confused."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from typing import Any, ClassVar

import pytest

from dovetail.errors import PlatformError
from dovetail.graph import Task
from dovetail.spec import JobStatus, RemoteTaskType, TaskCall
from dovetail.testing._base import fail
from dovetail.testing._harness import HubHarness
from dovetail.testing._marks import overrides, requires
from dovetail.testing._suite_child import ask, start
from dovetail.testing._task_types import TaskTypeSuite
from dovetail.testing._work import around, before_calls, spying

_LARGEST = 64 * 1024
_STATES = ("pending", "running", "succeeded", "failed", "cancelled", "lost")


class RemoteTaskTypeSuite(TaskTypeSuite):
    """What a :class:`~dovetail.spec.RemoteTaskType` owes its users, beside what every task type does.

    The jobs must outlive the process that submits them, as they do on a cluster: :meth:`make_task` is run in a process that
    is killed once the handle is stored, and resumed in another one. Keep what stands for the cluster in ``self.folder``.

    Attributes:
        failure_log: A line that the job of :meth:`make_failing_task` prints; it must be found in the error.
    """

    failure_log: ClassVar[str] = ""

    def lost_handle(self) -> Any:
        """A handle, well formed, of a job that is not there any more."""
        raise self._not_written("lost_handle", "a handle of a job that is gone", "lost")

    # -- the handle ---------------------------------------------------------------------------

    def test_it_is_a_remote_task_type(self, hub: HubHarness) -> None:
        """Its class is a RemoteTaskType that looks at its jobs at a sensible pace."""
        kind = self._kind(self.make_task())
        if not 0 < kind.poll_interval <= 60:
            fail(f"poll_interval is {kind.poll_interval!r} seconds", fix="between 0 and 60, such as 1.0")

    def test_the_handle_is_a_small_json_value(self, hub: HubHarness) -> None:
        """It comes back from JSON as it was, so that a later process can use it."""
        for handle in self._run_and_see(hub)["handles"]:
            try:
                text = json.dumps(handle)
                again = json.loads(text)
            except (TypeError, ValueError) as error:
                fail(f"the handle is no JSON value: {handle!r}", why=str(error), fix="return ids as text, in a dict")
            if again != handle or handle is None:
                fail(f"the handle {handle!r} is {again!r} when it is read back", fix="use lists, text keys; never None")
            if len(text) > _LARGEST:
                fail(f"the handle takes {len(text)} bytes, at most {_LARGEST} are stored", fix="keep ids, not contents")

    def test_the_handle_is_stored_before_waiting_begins(self, hub: HubHarness) -> None:
        """At the first look at the job, a later process could already re-attach to it."""
        if not self._run_and_see(hub)["stored"]:
            fail("status() was called before the handle was stored", fix="submit() must not wait for the job")

    # -- surviving ----------------------------------------------------------------------------

    def test_a_job_is_not_submitted_twice_when_the_hub_is_killed(self, request: pytest.FixtureRequest) -> None:
        """Killed after the submission, the run is resumed by another process, which re-attaches to the job."""
        died = start(type(self), "run-and-die", self.folder)
        if died.returncode != -signal.SIGKILL:
            fail(
                f"the process that was to die after the submission ended with code {died.returncode}",
                why=(died.stderr or died.stdout)[-3000:],
            )
        answer = ask(type(self), "resume", self.folder)
        if answer["submitted"]:
            fail(
                f"the job was submitted again by the process that resumed the run ({answer['submitted']} times)",
                fix="status() of a running or finished job must not be 'cancelled' only because its hub died",
            )

    # -- states -------------------------------------------------------------------------------

    def test_looking_at_a_job_changes_nothing(self, hub: HubHarness) -> None:
        """``status``, ``result`` and ``logs`` of a finished job say the same each time."""
        task = self.make_task()
        kind = self._kind(task)
        with spying(kind, "result") as calls:
            hub.run(around(task, self.inputs), **self.inputs)
        if not calls["result"]:
            fail("result() was not called")
        handle, call = calls["result"][0]
        for _ in range(2):
            status = self._status(kind, handle, task.config)
            if status.state != "succeeded":
                fail(f"a job that has succeeded is {status.state!r} when it is looked at again")
            self.check_result(kind.result(handle, call))
            lines = self._logs(kind, handle, task.config)
            if lines != self._logs(kind, handle, task.config):
                fail("logs() of a finished job differ from call to call", fix="read them from the beginning each time")

    @requires("lost")
    def test_a_lost_job_is_not_the_users_fault(self, hub: HubHarness) -> None:
        """``status`` says ``lost`` instead of raising, and the run fails as a platform error."""
        task = self.make_task()
        kind, handle = self._kind(task), self.lost_handle()
        status = self._status(kind, handle, task.config)
        if status.state != "lost":
            fail(f"a job that is gone is {status.state!r}", fix='return JobStatus("lost", "no such job")')
        submit = kind.submit
        kind.submit = lambda call: handle  # type: ignore[method-assign]
        try:
            error = hub.fail(around(task, self.inputs), **self.inputs)
        finally:
            kind.submit = submit  # type: ignore[method-assign]
        if not isinstance(error, PlatformError):
            fail(f"a lost job is a {error.kind} error: {error}")

    @requires("user_error", "logs")
    def test_the_error_of_a_failed_job_holds_its_log(self, hub: HubHarness) -> None:
        """The last lines that the job printed, so that nobody needs to go and look for them."""
        if not self.failure_log:
            raise self._not_written("failure_log", "a line that the failing job prints", "logs")
        error = hub.fail(around(self._made(self.make_failing_task())))
        if self.failure_log not in str(error.details.get("traceback", "")):
            fail(f"the error does not hold the log line {self.failure_log!r}", why=str(error.details), fix="see logs()")

    @requires("logs")
    @overrides(reason="what a job prints is not heard while it runs, it is read by logs()")
    def test_what_the_work_says_is_heard(
        self, hub: HubHarness, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """In the lines of ``logs`` of the job."""
        task, says = self.make_logging_task()
        self._made(task)
        kind = self._kind(task)
        with spying(kind, "result") as calls:
            hub.run(around(task))
        lines = self._logs(kind, calls["result"][0][0], task.config)
        if not says or not any(says in line for line in lines):
            fail(f"the log of the job does not hold {says!r}", why="\n".join(lines[-20:]), fix="see logs()")

    @requires("cancel")
    def test_cancelling_a_job_twice_is_harmless(self, hub: HubHarness) -> None:
        """Also a finished one: the hub may ask when it is too late."""
        task = self.make_task()
        kind = self._kind(task)
        with spying(kind, "result") as calls:
            hub.run(around(task, self.inputs), **self.inputs)
        handle = calls["result"][0][0]
        for _ in range(2):
            kind.cancel_job(handle, task.config)
        state = self._status(kind, handle, task.config).state
        if state != "succeeded":
            fail(
                f"a job that has succeeded is {state!r} after a late cancel_job()",
                why="a run that is resumed submits a cancelled job again",
            )

    # -- inside -------------------------------------------------------------------------------

    @property
    def _begins(self) -> str:
        return "status"

    def _stopped(self, hub: HubHarness, task: Task[..., Any]) -> None:
        super()._stopped(hub, task)
        kind = self._kind(task)
        events = hub.events(type="node.submitted")
        handles = [node.handle for node in hub.nodes().values() if node.handle is not None]
        handles += [event.data["handle"] for event in events if "handle" in event.data]
        if not handles:
            fail("no handle of the stopped job is stored")
        status = self._status(kind, handles[0], task.config)
        if not status.done or status.state == "succeeded":
            fail(
                f"the job is still {status.state!r} after its run was stopped",
                fix="stop it in cancel_job(), and let status() tell 'cancelled'",
            )

    def _run_and_see(self, hub: HubHarness) -> dict[str, Any]:
        task = self.make_task()
        kind = self._kind(task)
        seen: dict[str, Any] = {"handles": [], "stored": None}
        submit = kind.submit

        def submitting(call: TaskCall) -> Any:
            seen["handles"].append(submit(call))
            return seen["handles"][-1]

        def looking(handle: Any, config: Any) -> None:
            if seen["stored"] is None:
                seen["stored"] = any(node.handle is not None for node in hub.nodes("seen").values())

        kind.submit = submitting  # type: ignore[method-assign]
        try:
            with before_calls(kind, "status", looking):
                hub.run(around(task, self.inputs), run_id="seen", **self.inputs)
        finally:
            del kind.submit
        if not seen["handles"]:
            fail("submit() was not called")
        return seen

    def _kind(self, task: Task[..., Any]) -> RemoteTaskType:
        kind = task.load_type()
        if not isinstance(kind, RemoteTaskType):
            fail(f"{task.task_type!r} is no RemoteTaskType", fix="its tests are a TaskTypeSuite")
        return kind

    def _status(self, kind: RemoteTaskType, handle: Any, config: Any) -> JobStatus:
        try:
            status = kind.status(handle, config)
        except Exception as error:
            fail(f"status() raises {type(error).__name__}: {error}", fix='return JobStatus("lost", "...")')
        if not isinstance(status, JobStatus) or status.state not in _STATES:
            fail(f"status() gives {status!r}", fix=f"return JobStatus of one of {', '.join(_STATES)}")
        return status

    def _logs(self, kind: RemoteTaskType, handle: Any, config: Any) -> list[str]:
        lines: Iterable[Any] = kind.logs(handle, config)
        found = [] if isinstance(lines, str) else list(lines)
        if isinstance(lines, str) or not all(isinstance(line, str) for line in found):
            fail("logs() gives something else than lines of text", fix="return a list of str, one per line")
        return found
