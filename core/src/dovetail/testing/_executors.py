"""The suite for executors: everything runs, as much at once as was allowed, and whatever happens is told."""

from __future__ import annotations

import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from dovetail.errors import DovetailError, RunInterrupted, TaskFailed, WorkerDied
from dovetail.graph import Task, map_, task, workflow
from dovetail.spec import Executor
from dovetail.testing._base import Suite, fail
from dovetail.testing._harness import HubHarness
from dovetail.testing._marks import requires
from dovetail.testing._work import PATIENCE, around, in_time

_NOT_THE_HUB = "this is the process of the hub"


class ExecutorSuite(Suite):
    """What every executor owes the scheduler. Subclass it once per executor that the plugin declares.

    Attributes:
        executor: Name of the executor: ``"ray"``.
    """

    executor: ClassVar[str] = ""

    @classmethod
    def covers(cls) -> set[str]:
        """The executor."""
        return {f"executor.{cls.executor}"}

    # -- runs ---------------------------------------------------------------------------------

    def test_every_node_runs_once(self, hub: HubHarness) -> None:
        """Many nodes, each with its own result, in their places."""
        count = 12

        @workflow
        def many(numbers: list[int]) -> list[int]:
            return map_(_task(_square), numbers)

        result = hub.run(many, executor=self.executor, numbers=list(range(count)))
        expected = [number * number for number in range(count)]
        if result.value != expected:
            fail(f"{count} nodes gave {result.value}, they should have given {expected}")
        odd = {
            node.node_id: (node.status, node.attempt)
            for node in result.nodes
            if node.status != "succeeded" or node.attempt > 1
        }
        if odd:
            fail(f"not every node succeeded at its first attempt: {odd}")

    def test_the_error_of_a_task_arrives_as_it_was_raised(self, hub: HubHarness) -> None:
        """TaskFailed, of kind user, with type, message and a traceback that begins in the user's file."""
        error = hub.fail(around(_task(_raise), {"number": int}), executor=self.executor, number=7)
        if not isinstance(error, TaskFailed) or error.details.get("type") != "ZeroDivisionError":
            fail(
                f"a task that raised ZeroDivisionError ended with {type(error).__name__}: {error}",
                why=str(error.details),
            )
        if "seven" not in str(error) or "_raise" not in error.details.get("traceback", ""):
            fail("message or traceback are lost", why=f"{error}\n{error.details}")

    @requires("worker_death")
    def test_a_worker_that_dies_is_told(self, hub: HubHarness) -> None:
        """As WorkerDied, a platform error; the hub goes on."""
        wf = around(_task(_die), {"hub": str})
        error = in_time(lambda: hub.fail(wf, executor=self.executor, hub=_process()), "worker-death")
        if _NOT_THE_HUB in error.what:
            fail(
                "a task runs in the hub's own process, which it would take with it when it dies",
                fix="call attempt.run(call) with a call that runs the work elsewhere; where that is meant so: "
                'gaps = {"worker_death": never("why")}',
            )
        if not isinstance(error, WorkerDied):
            fail(f"a task that killed its process ended with {type(error).__name__}: {error}")
        again = hub.run(around(_task(_square), {"number": int}), executor=self.executor, number=3)
        if again.value != 9:
            fail("after a worker's death the executor gives wrong results")

    @requires("cancel")
    def test_cancelling_the_run_stops_what_runs(self, hub: HubHarness) -> None:
        """Soon, whatever the task is doing."""
        mark = hub.settings.project_root / "running"
        wf = around(_task(_hang), {"mark": str})
        stopper = threading.Thread(
            target=_cancel_when, args=(mark.exists, hub), daemon=True, name="conformance-stopper"
        )
        stopper.start()
        error = in_time(lambda: hub.fail(wf, executor=self.executor, run_id="to-be-stopped", mark=str(mark)), "cancel")
        stopper.join(PATIENCE)
        if not isinstance(error, RunInterrupted):
            fail(
                f"a cancelled run ended with {type(error).__name__}: {error}",
                fix="stop the attempt in Executor.cancel()",
            )

    # -- the protocol -------------------------------------------------------------------------

    def test_results_and_errors_are_those_of_the_attempts(self, hub: HubHarness) -> None:
        """Each future holds what its attempt returned, or the very exception that it raised."""
        problem = LookupError("not here")

        def raising() -> NoReturn:
            raise problem

        with self._started(hub, 2) as executor:
            futures = [executor.submit(_Attempt(f"n{number}", partial(abs, number))) for number in range(8)]
            failing = executor.submit(_Attempt("bad", raising))
            _all_done([*futures, failing])
            results = [future.result() for future in futures]
            if results != list(range(8)):
                fail(
                    f"the futures of 8 attempts hold {results}",
                    fix="set each future with what its attempt.run() returned",
                )
            if type(failing.exception()) is not LookupError or str(failing.exception()) != str(problem):
                fail(f"the future of an attempt that raised {problem!r} holds {failing.exception()!r}")

    def test_as_many_run_at_once_as_there_are_slots(self, hub: HubHarness) -> None:
        """Not fewer: two that wait for each other meet."""
        meeting = threading.Barrier(2)

        def meet() -> bool:
            meeting.wait(PATIENCE / 3)
            return True

        with self._started(hub, 2) as executor:
            futures = [executor.submit(_Attempt(f"n{number}", meet)) for number in range(2)]
            _all_done(futures)
            if any(future.exception() for future in futures):
                fail("with 2 slots, two attempts did not run at once", why=repr(futures[0].exception()))

    @requires("capacity")
    def test_no_more_run_at_once_than_there_are_slots(self, hub: HubHarness) -> None:
        """Not more: a third one waits for its turn."""
        lock, running, most = threading.Lock(), [0], [0]

        def count() -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.01)  # gives the others every chance to break the limit
            with lock:
                running[0] -= 1

        with self._started(hub, 2) as executor:
            _all_done([executor.submit(_Attempt(f"n{number}", count)) for number in range(16)])
        if most[0] > 2:
            fail(f"{most[0]} attempts ran at once, and start() was told 2")

    def test_what_was_never_started_can_be_stopped(self, hub: HubHarness) -> None:
        """``stop`` is called also after failures; ``cancel`` for nodes that have ended, or never ran."""
        with self._started(hub, 2) as executor:
            executor.cancel("no-such-node")
        self._class(hub)().stop()

    def test_stopping_ends_everything(self, hub: HubHarness) -> None:
        """After ``stop`` there is neither a thread nor a process of the executor; found when the hub is closed."""
        with self._started(hub, 2) as executor:
            _all_done([executor.submit(_Attempt(f"n{number}", lambda: None)) for number in range(4)])

    # -- inside -------------------------------------------------------------------------------

    def _class(self, hub: HubHarness) -> Callable[[], Executor]:
        spec = hub.catalogue.executor(self.executor)
        found: Any = hub.catalogue.load(spec.code, spec)
        return found  # type: ignore[no-any-return]

    @contextmanager
    def _started(self, hub: HubHarness, slots: int) -> Iterator[Executor]:
        executor = self._class(hub)()
        executor.start(slots)
        try:
            yield executor
        finally:
            executor.stop()


class _Attempt:
    """An attempt whose work is a function of this process."""

    def __init__(self, node_id: str, work: Callable[[], Any]) -> None:
        self.node_id = node_id
        self.timeout: float | None = None
        self._work = work

    def run(self, call: Callable[..., dict[str, Any]] | None = None) -> Any:
        return self._work()


def _all_done(futures: list[Future[Any]]) -> None:
    left = wait(futures, PATIENCE).not_done
    if left:
        fail(f"{len(left)} of {len(futures)} attempts have not ended after {PATIENCE:g} s", fix="set every future")


def _cancel_when(begun: Callable[[], bool], hub: HubHarness) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not begun():
        threading.Event().wait(0.01)
    try:
        hub.runs.request_cancel("to-be-stopped")
    except DovetailError:  # it has ended, or never began: the check says so
        return


def _task(function: Callable[..., Any]) -> Task[..., Any]:
    made: Task[..., Any] = task(function)
    return made


# Tasks, found by name in a worker.


def _square(number: int) -> int:
    return number * number


def _raise(number: int) -> int:
    raise ZeroDivisionError("seven" if number == 7 else "other")


def _process() -> str:
    """Names this process among those of all machines that work for the hub."""
    return f"{os.getpid()} on {platform.node()}"


def _die(hub: str) -> int:
    if _process() == hub:
        raise RuntimeError(_NOT_THE_HUB)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def _hang(mark: str) -> int:
    Path(mark).touch()
    while True:
        time.sleep(0.05)
