"""The suite of a task type whose engine lives in an environment."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dovetail.env import isolated_pools
from dovetail.errors import DovetailError
from dovetail.graph import Task, task
from dovetail.testing import _isolated_tasks
from dovetail.testing._base import fail
from dovetail.testing._harness import HubHarness
from dovetail.testing._isolated import IsolatedSuite
from dovetail.testing._marks import requires
from dovetail.testing._work import around

_UNSET = object()
_TIMES = 3


class IsolatedTaskTypeSuite(IsolatedSuite):
    """What users rely on of a task type whose engine is in an environment of its own. Subclass it once per task type.

    :class:`~dovetail.testing.TaskTypeSuite` asks for the rest, where the engine can be imported. Tasks are made in a process that
    does not have the engine: import it inside of their functions alone.

    Attributes:
        task_type: Name of the task type: ``"spark"``.
        inputs: Inputs of :meth:`make_task` by name.
        expected: Its result; override :meth:`check_result` where ``==`` is not the question.
        failure: Text that the error of :meth:`make_failing_task` holds.
        failure_type: Name of the exception that it raises: ``"ZeroDivisionError"``.
        folder: Directory of the test.
    """

    task_type: ClassVar[str] = ""
    inputs: ClassVar[Mapping[str, Any]] = {}
    expected: ClassVar[Any] = _UNSET
    failure: ClassVar[str] = ""
    failure_type: ClassVar[str] = ""
    folder: Path
    _own_settings: ClassVar[Mapping[str, Any]] = {"max_workers": 1}  # so that all of a run is in the one worker

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    # -- what the author says ------------------------------------------------------------------

    def make_task(self) -> Task[..., Any]:
        """A task that works, quickly."""
        raise self._not_written("make_task", "a working task")

    def check_result(self, value: Any) -> None:
        """Compare the result of :meth:`make_task` with what is expected; raise AssertionError."""
        if self.expected is _UNSET:
            raise self._not_written("check_result", "a check of the result, or expected = ...")
        if type(value) is not type(self.expected) or value != self.expected:
            fail(f"the result is {value!r}, it should be {self.expected!r}")

    def make_failing_task(self) -> Task[..., Any]:
        """A task whose function raises :attr:`failure_type`, saying :attr:`failure`."""
        raise self._not_written(
            "make_failing_task", 'a task whose user made a mistake, or state a gap for "user_error"'
        )

    # -- contract ------------------------------------------------------------------------------

    def test_a_call_gives_the_result(self, hub: HubHarness) -> None:
        """Called like a function: a worker does it, and nothing is stored."""
        self.check_result(hub.call(around(self._made(hub, self.make_task), self.inputs), **self.inputs))

    def test_a_run_gives_the_same_result(self, hub: HubHarness) -> None:
        """Run durably, also when it is read back from the store."""
        made = self._made(hub, self.make_task)
        result = hub.run(around(made, self.inputs), **self.inputs)
        self.check_result(result.value)
        self._was_there(hub.nodes(result))
        if result.outputs:
            self.check_result(hub.types.load(result.outputs["result"], hub.artifacts, made.output))

    @requires("user_error")
    def test_an_error_keeps_its_type_and_its_place(self, hub: HubHarness) -> None:
        """The user's fault, with the type and the words of the exception, and a traceback through the user's file."""
        made = self._made(hub, self.make_failing_task)
        for way in ("run", "call"):
            self._check_failure(way, made, self._failure_of(hub, made, way))

    @requires("session")
    def test_a_session_is_opened_once_and_closed(self, hub: HubHarness) -> None:
        """By the first node of a run that needs it, in the worker; the others use it; it is closed when the run ends."""
        made = self._made(hub, self.make_task)
        if made.load_type().resource_key(made.config) is None:
            fail(f"resource_key() of {self.task_type} is None: nothing is opened", fix="state a gap for 'session'")
        lines = self._sessions(hub, made)
        raised = [line for line in lines if " raised " in line]
        counts = Counter(line.split()[0] for line in lines)
        if raised:
            fail(f"a session does not open or close well: {'; '.join(raised)}", why="what is open then stays open")
        if (counts["open"], counts["close"]) != (1, 1):
            fail(
                f"{_TIMES} nodes with one key opened {counts['open']} sessions and closed {counts['close']}",
                fix="resource_key() must be equal for equal configurations, in any process",
            )

    # -- inside --------------------------------------------------------------------------------

    def _sessions(self, hub: HubHarness, made: Task[..., Any]) -> list[str]:
        """What a run of a few nodes has opened and closed, in order."""
        note = self.folder / "sessions.txt"
        _isolated_tasks.note_sessions.__annotations__ = {"task_type": str, "note": str, "return": bool}
        noting = task(env=self.environment)(_isolated_tasks.note_sessions)
        isolated_pools().close()  # one worker, which is listened to, does all of it
        try:
            noting(self.task_type, str(note))
            hub.run(around(made, self.inputs, times=_TIMES), **self.inputs)
        finally:
            isolated_pools().close()
        return note.read_text(encoding="utf-8").splitlines() if note.exists() else []

    def _failure_of(self, hub: HubHarness, made: Task[..., Any], way: str) -> DovetailError:
        if way == "run":
            return hub.fail(around(made))
        try:
            value = hub.call(around(made))
        except DovetailError as error:
            return error
        return fail(f"the call gave {value!r}, although it had to fail")

    def _check_failure(self, way: str, made: Task[..., Any], error: DovetailError) -> None:
        for name in ("failure", "failure_type"):
            if not getattr(self, name):
                raise self._not_written(name, "what the error of make_failing_task() tells")
        if (error.kind, error.exit_code) != ("user", 2):
            fail(
                f"a mistake of the user is a {error.kind} error of the {way}, {type(error).__name__}: {error}",
                fix="let the exception of the user's code through",
            )
        if error.details.get("type") != self.failure_type:
            fail(
                f"the {way} tells of {error.details.get('type')}, and {self.failure_type} was raised",
                why="who handles failures goes by the type",
                fix="let the exception of the user's code through",
            )
        traceback = str(error.details.get("traceback", ""))
        if self.failure not in f"{error} {traceback}":
            fail(f"the error of the {way} does not say {self.failure!r}", why=f"it says: {error}")
        file = inspect.getsourcefile(made.function) if made.function is not None else None
        if file and Path(file).name not in traceback:
            fail(f"the traceback of the {way} does not lead to {Path(file).name}", why=traceback or "there is none")

    def _made(self, hub: HubHarness, make: Callable[[], Task[..., Any]]) -> Task[..., Any]:
        """The task, which must be of the type that is tested, and run in the environment."""
        try:
            made = make()
        except ImportError as error:
            fail(
                f"a task of type {self.task_type} cannot be made where the engine is not installed: {error}",
                fix="import the engine in open() and execute() of the task type, and inside of functions of tasks",
            )
        if made.task_type != self.task_type:
            fail(f"task {made.name!r} is of type {made.task_type!r}", fix=f"make one of {self.task_type!r}")
        self._placed(hub, made)
        return made

    def _not_written(self, name: str, what: str) -> AssertionError:
        return AssertionError(f"{type(self).__name__}.{name} is not written: give {what}")
