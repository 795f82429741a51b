"""The suite for task types: the same result wherever it runs, errors of the right kind, and everything closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dovetail.errors import DovetailError, RunInterrupted, TaskTimeout, UserError
from dovetail.graph import Task
from dovetail.spec import TaskType
from dovetail.testing import _package
from dovetail.testing._base import Suite, fail
from dovetail.testing._harness import HubHarness
from dovetail.testing._marks import requires
from dovetail.testing._suite_child import ask
from dovetail.testing._work import around, in_time, kept_of_calls, spying, stopped

_UNSET = object()


class TaskTypeSuite(Suite):
    """What every task type owes its users. Subclass it once per task type that the plugin declares.

    Say what to run by the ``make_...`` methods: each returns a new :class:`~dovetail.Task`; in all of them
    ``self.folder`` is an empty directory, which is the project's root as well. Only :meth:`make_task` is given ``inputs``.
    A method that makes no sense for the task type is left out, and its capability stated as a gap.

    Attributes:
        task_type: Name of the task type: ``"sql"``.
        inputs: Inputs of :meth:`make_task` by name.
        expected: Its result; override :meth:`check_result` where ``==`` is not the question.
        failure: Text that the error of :meth:`make_failing_task` holds.
        secret: Text that must be seen nowhere; see :meth:`make_secret_task`.
        slots: Nodes that run at once in the test of concurrency.
        folder: Directory of the test.
    """

    task_type: ClassVar[str] = ""
    inputs: ClassVar[Mapping[str, Any]] = {}
    expected: ClassVar[Any] = _UNSET
    failure: ClassVar[str] = ""
    secret: ClassVar[str] = ""
    slots: ClassVar[int] = 4
    folder: Path

    @classmethod
    def covers(cls) -> set[str]:
        """The task type."""
        return {f"task_type.{cls.task_type}"}

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    # -- what the author says -----------------------------------------------------------------

    def make_task(self) -> Task[..., Any]:
        """A task that works, quickly."""
        raise self._not_written("make_task", "a working task")

    def check_result(self, value: Any) -> None:
        """Compare the result of :meth:`make_task` with what is expected; raise AssertionError."""
        if self.expected is _UNSET:
            raise self._not_written("check_result", "a check of the result, or expected = ...")
        try:
            equal = type(value) is type(self.expected) and bool(value == self.expected)
        except ValueError as error:  # a frame compares cell by cell
            fail(f"a {type(value).__name__} cannot be compared by ==: {error}", fix="write check_result()")
        if not equal:
            fail(f"the result is {value!r}, it should be {self.expected!r}")

    def make_other_task(self) -> Task[..., Any]:
        """The task of :meth:`make_task` with another configuration, so that it may have another result."""
        raise self._not_written("make_other_task", "the task with another configuration", "fingerprint")

    def bad_configs(self) -> Sequence[tuple[Callable[[], Any], str]]:
        """Makers of tasks whose configuration cannot work, each with a text that the error must hold: the field's name."""
        raise self._not_written("bad_configs", "pairs of a maker and a part of its message", "bad_config")

    def make_failing_task(self) -> Task[..., Any]:
        """A task whose work fails by the fault of its user: the function raises, the statement is wrong."""
        raise self._not_written("make_failing_task", "a task whose user made a mistake", "user_error")

    def make_unavailable_task(self) -> Task[..., Any]:
        """A task whose engine cannot be reached."""
        raise self._not_written("make_unavailable_task", "a task whose engine is not there", "platform_error")

    def make_slow_task(self) -> Task[..., Any]:
        """A task that works for some minutes unless it is stopped."""
        raise self._not_written("make_slow_task", "a task that takes minutes", "cancel", "timeout")

    def make_logging_task(self) -> tuple[Task[..., Any], str]:
        """A task that says something while it works, and what it says."""
        raise self._not_written("make_logging_task", "a task and what it says", "logs")

    def make_secret_task(self) -> Task[..., Any]:
        """A task that uses the secret :attr:`secret`; best one that fails with it."""
        raise self._not_written("make_secret_task", "a task that uses a secret", "secrets")

    # -- contract -----------------------------------------------------------------------------

    def test_a_task_is_of_the_type(self, hub: HubHarness) -> None:
        """What is declared is what :meth:`make_task` makes, and a name for people is there."""
        task = self.make_task()
        if task.task_type != self.task_type:
            fail(f"make_task() made a task of type {task.task_type!r}", fix=f"make one of {self.task_type!r}")
        declared = hub.catalogue.task_types().get(self.task_type)
        if declared is None:
            fail(f"{self.plugin} does not declare the task type {self.task_type!r}")
        if task.config is not None and not declared.config:
            given = type(task.config)
            fail(
                f"the tasks have a {given.__qualname__}, and {self.plugin} declares no config of {self.task_type!r}",
                why="without it, nobody can write the task in a specification, or read what may be set",
                fix=f'TaskTypeSpec(..., config="{given.__module__}:{given.__qualname__}")',
            )
        if not isinstance(task.load_type(), TaskType):
            fail(f"the code of {self.task_type!r} is no TaskType")

    def test_a_call_gives_the_result(self, hub: HubHarness) -> None:
        """Called like a function: in process, nothing stored."""
        self.check_result(hub.call(around(self.make_task(), self.inputs), **self.inputs))

    def test_a_run_gives_the_same_result(self, hub: HubHarness) -> None:
        """Run durably, the result is the same, also when it is read back from the store."""
        task = self.make_task()
        result = hub.run(around(task, self.inputs), **self.inputs)
        self.check_result(result.value)
        if result.outputs:
            self.check_result(hub.types.load(result.outputs["result"], hub.artifacts, task.output))

    def test_a_worker_process_gives_the_same_result(self, hub: HubHarness) -> None:
        """With the executor ``processes``: code, configuration and values cross to another process and back."""
        result = hub.run(around(self.make_task(), self.inputs), executor="processes", **self.inputs)
        self.check_result(result.value)

    @requires("concurrency")
    def test_several_nodes_at_once_do_not_disturb_each_other(self, hub: HubHarness) -> None:
        """One instance serves all threads of the process."""
        if self.slots < 2:
            fail(f"slots is {self.slots}, and one node does not disturb itself", fix="slots = 2 or more")
        task = self.make_task()
        kind = task.load_type()
        begins = "submit" if hasattr(kind, "submit") else "execute"
        kept = kept_of_calls(kind, begins, lambda: hub.call(around(task, self.inputs), **self.inputs))
        if kept and kind.concurrent:
            fail(
                f"{begins}() keeps what belongs to one call in self.{', self.'.join(kept)}",
                why="one instance serves all threads, so another node's call may stand there when it is read",
                fix="hand it from function to function, or keep it in the resource",
            )
        if task.output is type(None):
            hub.run(around(task, self.inputs), **self.inputs)
            return
        other = (
            None if type(self).make_other_task is TaskTypeSuite.make_other_task else self._made(self.make_other_task())
        )
        wf = around(task, self.inputs, times=2 * self.slots, beside=other)
        for value in hub.run(wf, **self.inputs).value:
            self.check_result(value)

    def test_what_is_opened_is_closed(self, hub: HubHarness) -> None:
        """Once per key and run, also when the work fails."""
        task = self.make_task()
        kind = task.load_type()
        if kind.resource_key(task.config) is None:
            return
        with spying(kind, "open", "close") as calls:
            hub.run(around(task, self.inputs, times=3), **self.inputs)
            if (len(calls["open"]), len(calls["close"])) != (1, 1):
                fail(
                    f"3 nodes with one key opened {len(calls['open'])} resources and closed {len(calls['close'])}",
                    fix="resource_key() must be equal for equal configurations",
                )
        self._closed_well(calls)

    @requires("user_error")
    def test_what_is_opened_is_closed_after_a_failure(self, hub: HubHarness) -> None:
        """A session that is left open after each failure is what fills a cluster."""
        task = self._made(self.make_failing_task())
        kind = task.load_type()
        with spying(kind, "open", "close") as calls:
            hub.fail(around(task))
        if len(calls["open"]) != len(calls["close"]):
            fail(f"{len(calls['open'])} resources were opened, and {len(calls['close'])} closed after a failure")
        self._closed_well(calls)

    # -- definition ---------------------------------------------------------------------------

    @requires("bad_config")
    def test_a_bad_configuration_is_refused_at_its_definition(self, hub: HubHarness) -> None:
        """Before anything runs, as the user's error, naming what is wrong."""
        cases = self.bad_configs()
        if not cases:
            fail("bad_configs() gives no case", fix="give one, or state a gap for 'bad_config'")
        for make, says in cases:
            try:
                made = make()
            except UserError as error:
                if not says or says not in str(error):
                    fail(f"the error of a bad configuration does not name {says!r}", why=str(error))
            except Exception as error:
                fail(
                    f"a bad configuration raises {type(error).__name__}: {error}",
                    fix="raise DefinitionError or ConfigError in TaskType.validate(), or in __post_init__ of the config",
                )
            else:
                fail(f"a configuration that cannot work was taken: {made!r}", fix="refuse it in TaskType.validate()")

    def test_the_fingerprint_is_the_same_in_another_process(
        self, hub: HubHarness, request: pytest.FixtureRequest
    ) -> None:
        """It is part of the cache key: the same task has the same, whatever the seed of hashing."""
        here = self.make_task().fingerprint()
        for seed in ("1", "2"):
            there = ask(type(self), "fingerprint", self.folder, {"PYTHONHASHSEED": seed})
            if there != here:
                fail(
                    f"the fingerprint is {here[:12]}... here and {str(there)[:12]}... in another process",
                    why=f"the text that it is made of here: {self.make_task().config!r}",
                    fix="repr() of the config must hold no address, set or time; or implement TaskType.fingerprint()",
                )

    @requires("fingerprint")
    def test_another_configuration_has_another_fingerprint(self, hub: HubHarness) -> None:
        """Otherwise the cache gives the result of the one for the other."""
        if self.make_task().fingerprint() == self._made(self.make_other_task()).fingerprint():
            fail("two tasks with different configurations have one fingerprint", fix="see TaskType.fingerprint()")

    def test_the_cache_is_hit(self, hub: HubHarness) -> None:
        """The same task with the same inputs is not run again."""
        task = self.make_task().options(cache=True)
        wf = around(task, self.inputs)
        hub.run(wf, **self.inputs)
        again = hub.run(wf, **self.inputs)
        self.check_result(again.value)
        if not all(node.cached for node in again.nodes):
            fail("the second run did the work again", why="its cache key is another one: see TaskType.fingerprint()")

    # -- failures -----------------------------------------------------------------------------

    @requires("user_error")
    def test_a_failure_of_the_work_is_the_users(self, hub: HubHarness) -> None:
        """Kind ``user``, exit code 2, recorded with the node, and the message is there."""
        self._check_failure(hub.fail(around(self._made(self.make_failing_task()))), hub)

    @requires("user_error")
    def test_a_failure_in_a_worker_process_is_the_users(self, hub: HubHarness) -> None:
        """The error crosses from process to process and stays what it was."""
        self._check_failure(hub.fail(around(self._made(self.make_failing_task())), executor="processes"), hub)

    @requires("user_error", "retries")
    def test_a_failure_is_retried(self, hub: HubHarness) -> None:
        """A second attempt is made, with what is still open, and fails in the same way."""
        error = hub.fail(around(self._made(self.make_failing_task()).options(retries=1, retry_delay=0)))
        self._check_failure(error, hub)
        attempts = [node.attempt for node in hub.nodes().values()]
        if attempts != [2]:
            fail(
                f"the node has {attempts} attempts, 2 were asked for",
                why="only TaskFailed and platform errors are repeated",
            )

    @requires("platform_error")
    def test_an_engine_that_is_not_there_is_not_the_users_fault(self, hub: HubHarness) -> None:
        """Kind ``platform``, exit code 3, and what to type next."""
        error = hub.fail(around(self._made(self.make_unavailable_task())))
        if (error.kind, error.exit_code) != ("platform", 3):
            fail(
                f"an engine that cannot be reached is a {error.kind} error: {error.what}",
                why=f"it is {type(error).__name__}",
                fix="raise dovetail.errors.EngineUnavailable from the engine's exception",
            )
        if not (error.fix or error.why):
            fail(f"the error says neither why nor what to do: {error}", fix="EngineUnavailable(..., why=..., fix=...)")

    # -- stopping -----------------------------------------------------------------------------

    @requires("cancel")
    def test_cancelling_the_run_stops_the_work(self, hub: HubHarness) -> None:
        """Soon, as RunInterrupted, and no thread or process goes on with it."""
        task = self._made(self.make_slow_task())
        error = stopped(hub, around(task), task.load_type(), self._begins)
        if not isinstance(error, RunInterrupted):
            fail(f"the run ended with {type(error).__name__}: {error}", why="it was to be RunInterrupted")
        self._stopped(hub, task)

    @requires("timeout")
    def test_a_timeout_stops_the_work(self, hub: HubHarness) -> None:
        """As TaskTimeout, the user's, and no thread or process goes on with it."""
        task = self._made(self.make_slow_task()).options(timeout=0.5)
        error = in_time(lambda: hub.fail(around(task)), "timeout")
        if not isinstance(error, TaskTimeout):
            fail(f"the run ended with {type(error).__name__}: {error}", why="its timeout of 0.5 s was over")
        self._stopped(hub, task)

    # -- telling ------------------------------------------------------------------------------

    @requires("logs")
    def test_what_the_work_says_is_heard(
        self, hub: HubHarness, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Through ``call.context.log``, or printed."""
        task, says = self.make_logging_task()
        self._made(task)
        with caplog.at_level(logging.DEBUG, logger="dovetail"):
            hub.run(around(task))
        out, err = capfd.readouterr()
        if not says or says not in "\n".join((caplog.text, out, err)):
            fail(f"nobody hears {says!r}", fix="pass the engine's messages to call.context.log")

    @requires("secrets")
    def test_secrets_are_seen_nowhere(
        self, hub: HubHarness, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Neither in the error, nor in the log, nor in a file of the stores."""
        secret = self.secret or fail('which secret? write secret = "..."')
        task = self._made(self.make_secret_task())
        places = {"repr(task)": repr(task), "repr(config)": repr(task.config)}
        with caplog.at_level(logging.DEBUG):
            try:
                hub.run(around(task))
            except DovetailError as error:
                places["the error"] = f"{error} {error.to_dict()}"
        out, err = capfd.readouterr()
        places |= {"the log": caplog.text, "output": out + err}
        hub.hub.close()
        for path in sorted(hub.settings.home.rglob("*")):
            if path.is_file() and secret.encode() in path.read_bytes():
                places[str(path.name)] = secret
        seen = [place for place, text in places.items() if secret in text]
        if seen:
            fail(
                f"the secret is seen in {', '.join(seen)}",
                fix="resolve it in open(), and hold it as dovetail.config.Secret",
            )

    # -- inside -------------------------------------------------------------------------------

    @property
    def _begins(self) -> str:
        return "execute"

    def _stopped(self, hub: HubHarness, task: Task[..., Any]) -> None:
        left = hub.left_behind()
        if left:
            fail(
                f"the run has ended, and the work goes on: {'; '.join(left)}",
                fix="implement TaskType.cancel(), or look at call.context.cancelled() every now and then",
            )

    def _closed_well(self, calls: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        for (error,) in calls["close raised"]:
            fail(
                f"close() raised {type(error).__name__}: {error}",
                why="the rest of the run's resources is still open then",
            )

    def _check_failure(self, error: DovetailError, hub: HubHarness) -> None:
        if (error.kind, error.exit_code) != ("user", 2):
            fail(
                f"a mistake of the user is a {error.kind} error, {type(error).__name__}: {error}",
                fix="let the exception of the user's code through, or raise TaskFailed",
            )
        if not self.failure:
            raise self._not_written("failure", "a text that the error of make_failing_task() holds", "user_error")
        told = f"{error} {error.details.get('traceback', '')}"
        if self.failure not in told:
            fail(
                f"the error does not say {self.failure!r}",
                why=f"it says: {error.what}" + (f"; {error.why}" if error.why else ""),
                fix="let the exception of the work through, with its message, instead of giving something back",
            )
        recorded = [node.error for node in hub.nodes().values() if node.error]
        if not any(each.get("kind") == "user" for each in recorded):
            fail(f"the node is recorded with {recorded}")
        problems = _package.pickling_problems_of(error)
        if problems:
            fail(problems[0], why="errors cross from process to process")

    def _made(self, task: Task[..., Any]) -> Task[..., Any]:
        """The task, which must be of the type that is tested: a function of Python fails, logs and stops well."""
        if task.task_type != self.task_type:
            fail(f"task {task.name!r} is of type {task.task_type!r}", fix=f"make one of {self.task_type!r}")
        return task

    def _not_written(self, name: str, what: str, *capabilities: str) -> AssertionError:
        gap = f'; or state gaps = {{"{capabilities[0]}": never("why")}}' if capabilities else ""
        return AssertionError(f"{type(self).__name__}.{name} is not written: give {what}{gap}")
