"""Tasks, plugins and listeners that misbehave; what other processes get."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dovetail as dt
import pytest
from dovetail import spec
from dovetail.config import load_settings
from dovetail.errors import DovetailError, TaskFailed, WorkerDied
from dovetail.hub import Hub, load_workflow


class Panic(BaseException):
    """As engines written in other languages raise."""


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no")

    __repr__ = __str__


@dt.task
def inc(x: int) -> int:
    return x + 1


class TestWhatTasksRaise:
    @pytest.mark.parametrize("kind", [Panic, KeyboardInterrupt, GeneratorExit, Mute])
    def test_whatever_a_task_raises_in_a_thread_is_its_own_failure(self, hub: Hub, kind: type[BaseException]) -> None:
        @dt.task
        def fails() -> int:
            raise kind("x")

        @dt.workflow
        def wf() -> int:
            return fails()

        with pytest.raises(TaskFailed, match=f"raised {kind.__name__}"):
            hub.run(wf)
        assert hub.runs.list_runs()[0].status == "failed"

    @pytest.mark.parametrize("kind", [Panic, GeneratorExit, Mute])
    def test_also_where_the_scheduler_runs_it_itself(self, hub: Hub, kind: type[BaseException]) -> None:
        @dt.task
        def fails_at_2(x: int) -> int:
            if x == 2:
                raise kind("x")
            return x + 1

        @dt.workflow
        def wf() -> int:
            return fails_at_2(fails_at_2(fails_at_2(0)))

        with pytest.raises(TaskFailed, match=f"raised {kind.__name__}"):
            hub.run(wf)

    def test_an_error_with_details_that_json_cannot_hold(self, hub: Hub) -> None:
        @dt.task
        def fails() -> int:
            raise TaskFailed("mine", thing=object(), some={1, 2}, number=float("nan"))

        @dt.workflow
        def wf() -> int:
            return fails()

        with pytest.raises(TaskFailed, match="mine"):
            hub.run(wf)
        assert hub.runs.list_runs()[0].status == "failed"


class Cancelling(spec.Executor):
    """An executor that loses what it is given."""

    name = "cancelling"

    def submit(self, attempt: spec.Attempt) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    def stop(self) -> None:
        raise RuntimeError("cannot stop")


class Vague(spec.Executor):
    """An executor that gives something else than an outcome."""

    name = "vague"

    def submit(self, attempt: spec.Attempt) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result("done")
        return future


class TestExecutorsThatMisbehave:
    @pytest.fixture
    def hub(self, tmp_path: Path) -> Hub:
        hub = Hub(home=tmp_path / "store")
        executors = {"cancelling": Cancelling, "vague": Vague}

        class Catalogue:
            """Brings two more executors."""

            def __getattr__(self, name: str) -> Any:
                return getattr(hub_catalogue, name)

            def executor(self, name: str) -> Any:
                return executors.get(name) or hub_catalogue.executor(name)

            def load(self, code: Any, who: Any) -> Any:
                return who if isinstance(who, type) else hub_catalogue.load(code, who)

        hub_catalogue = hub.catalogue
        for kind in executors.values():
            kind.code = kind.name  # type: ignore[attr-defined]
        hub._made["catalogue"] = Catalogue()
        hub._made["types"] = hub.types
        return hub

    @pytest.mark.parametrize(("executor", "error"), [("cancelling", WorkerDied), ("vague", DovetailError)])
    def test_the_run_ends_and_says_so(self, hub: Hub, executor: str, error: type[Exception]) -> None:
        @dt.workflow
        def wf() -> int:
            return inc(1)

        with pytest.raises(error):
            hub.run(wf, executor=executor)
        assert hub.runs.list_runs()[0].status == "failed"


def test_events_of_a_run_that_one_process_drives_twice_have_ids_of_their_own(hub: Hub) -> None:
    broken = [True]

    @dt.task
    def flaky() -> int:
        if broken[0]:
            raise ValueError("not yet")
        return 1

    @dt.workflow
    def wf() -> int:
        return flaky()

    seen: list[str] = []
    with pytest.raises(TaskFailed):
        hub.run(wf, run_id="twice", observers=[lambda event: seen.append(event.id)])
    broken[0] = False
    hub.resume("twice", wf, observers=[lambda event: seen.append(event.id)])
    assert len(seen) == len(set(seen)) == 6


PIPELINE = """
import dataclasses, enum
from typing import NamedTuple
import dovetail as dt

class Colour(enum.Enum):
    RED = "r"

@dataclasses.dataclass
class Point:
    x: int
    colour: Colour
    tags: list[str] = dataclasses.field(default_factory=list)

class Pair(NamedTuple):
    point: Point
    number: int

@dt.task_type("shout-in-file")
class Shout(dt.TaskType):
    def execute(self, call):
        return call.function(**call.inputs).upper()

@dt.task
def make(x: int) -> Point:
    return Point(x, Colour.RED)

@dt.task
def use(point: Point, colour: Colour = Colour.RED) -> Pair:
    assert isinstance(point, Point) and point.colour is Colour.RED is colour
    return Pair(Point(inc(point.x), point.colour, ["used"]), point.x)

@dt.task
def inc(x: int) -> int:
    return x + 1

@dt.task("shout-in-file")
def shout(x: int) -> str:
    return f"v{x}"

@dt.task
def finish(pair: Pair, text: str) -> Pair:
    return Pair(pair.point, pair.number + len(text))

@dt.workflow
def wf(x: int = 1, first: Point = Point(3, Colour.RED)) -> Pair:
    return finish(use(make(x)), shout(use(first).number))

@dt.workflow
def mapped(xs: list[int]) -> list[Pair]:
    return dt.map(use, dt.map(make, xs))
"""


class TestProcesses:
    def test_types_and_task_types_of_a_pipeline_file(self, hub: Hub, tmp_path: Path) -> None:
        file = tmp_path / "pipeline.py"
        file.write_text(PIPELINE)
        for name, inputs in (("wf", {}), ("mapped", {"xs": [1, 2]})):
            workflow = load_workflow(file, name)
            expected = workflow(**inputs)
            assert hub.run(workflow, **inputs).value == expected
            assert hub.run(workflow, executor="processes", **inputs).value == expected

    def test_they_have_the_settings_of_their_hub(self, tmp_path: Path) -> None:
        settings = load_settings(overrides={"home": str(tmp_path), "connections": {"w": {"url": "sqlite://"}}})

        @dt.task(executor="processes")
        def there() -> list[str]:
            return sorted(dt.context().settings.connections)

        @dt.workflow
        def wf() -> list[str]:
            return there()

        with Hub(settings) as hub:
            assert hub.run(wf).value == ["w"]

    def test_they_have_the_plugins_of_their_hub(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "hooks_of_mine.py").write_text(
            "import dovetail as dt\n"
            "from dovetail.spec import TaskTypeSpec, hookimpl\n"
            "DOVETAIL_API = 1\n"
            "class Loud(dt.TaskType):\n"
            "    name = 'loud'\n"
            "    def execute(self, call): return call.function(**call.inputs) + '!'\n"
            "@hookimpl\n"
            "def dovetail_task_types():\n"
            "    return [TaskTypeSpec(name='loud', code='hooks_of_mine:Loud', summary='loud')]\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        import hooks_of_mine  # type: ignore[import-not-found]

        @dt.task(executor="processes")
        def known() -> bool:
            from dovetail.plugins import current_catalogue

            return "loud" in current_catalogue().task_types()

        @dt.workflow
        def wf() -> bool:
            return known()

        with Hub(home=tmp_path / "store", plugins=[hooks_of_mine]) as hub:
            assert hub.run(wf).value is True

    def test_classes_that_were_made_in_a_function(self, hub: Hub) -> None:
        class Both(NamedTuple):
            number: int | None
            parts: list[int]

        @dataclass
        class Point:
            x: int

        @dt.task(executor="processes")
        def make(x: int) -> Point:
            return Point(x)

        @dt.task(executor="processes")
        def several(point: Point) -> Both:
            return Both(None, [point.x])

        @dt.task(executor="processes")
        def use(both: Both) -> str:
            return f"{type(both).__name__} {both.number} {both.parts}"

        @dt.workflow
        def wf() -> str:
            return use(several(make(3)))

        assert hub.run(wf).value == wf() == "Both None [3]"
