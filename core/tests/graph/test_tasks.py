"""Tasks as plain functions, their interfaces, and what a definition refuses."""

from __future__ import annotations

import functools
import importlib
import threading
from pathlib import Path
from typing import Annotated, NamedTuple

import dovetail as dt
import pytest
from dovetail.errors import DefinitionError, EngineUnavailable, UsageError, ValueMismatch
from dovetail.graph import Task, TaskOptions, code_fingerprint, seconds
from dovetail.hub import Hub
from dovetail.spec import JobStatus


@dt.task
def double(x: int) -> int:
    """Twice the value.

    Args:
        x: The value.
    """
    return 2 * x


class TestCallingATask:
    def test_works_like_the_function(self) -> None:
        assert double(4) == 8
        assert double(x=4) == 8

    def test_keeps_name_and_docstring(self) -> None:
        assert double.__name__ == "double"
        assert (double.__doc__ or "").startswith("Twice")
        assert double.interface.help == {"x": "The value."}

    def test_works_where_it_is_defined_inside_a_function(self) -> None:
        class Local(NamedTuple):
            total: int

        @dt.task
        def make(n: int) -> Local:
            return Local(n)

        assert make(3) == Local(3)

    def test_takes_defaults(self) -> None:
        @dt.task
        def scale(x: int, factor: int = 3) -> int:
            return x * factor

        assert scale(2) == 6
        assert scale(2, factor=5) == 10

    def test_lets_the_functions_own_exception_out(self) -> None:
        @dt.task
        def fails(x: int) -> int:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            fails(1)

    def test_refuses_a_value_of_the_wrong_type_and_names_the_input(self) -> None:
        with pytest.raises(ValueMismatch) as caught:
            double("4")  # type: ignore[arg-type]
        assert "input 'x' of task 'double'" in str(caught.value)

    def test_refuses_a_result_of_the_wrong_type(self) -> None:
        @dt.task
        def liar(x: int) -> int:
            return str(x)  # type: ignore[return-value]

        with pytest.raises(ValueMismatch, match="liar"):
            liar(1)

    @pytest.mark.parametrize(
        ("args", "kwargs", "words"),
        [
            ((), {}, "misses its input 'x'"),
            ((1, 2), {}, "takes 1 inputs, not 2"),
            ((), {"y": 1}, "has no input 'y'"),
            ((1,), {"x": 1}, "given twice"),
        ],
    )
    def test_refuses_arguments_that_do_not_match(
        self, args: tuple[int, ...], kwargs: dict[str, int], words: str
    ) -> None:
        with pytest.raises(DefinitionError, match=words):
            double(*args, **kwargs)  # type: ignore[call-arg]

    def test_suggests_the_nearest_input(self) -> None:
        @dt.task
        def fly(carrier: str) -> str:
            return carrier

        with pytest.raises(DefinitionError, match="did you mean 'carrier'"):
            fly(carier="AA")  # type: ignore[call-arg]


class TestDefiningATask:
    def test_takes_options(self) -> None:
        @dt.task(retries=2, timeout="5m", cache=True)
        def work(x: int) -> int:
            return x

        assert work.defaults == TaskOptions(retries=2, timeout=300.0, cache=True)
        assert work.options(retries=0).defaults.retries == 0
        assert work.defaults.retries == 2

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"retrys": 1}, "did you mean 'retries'"),
            ({"retries": -1}, "whole number"),
            ({"retries": True}, "whole number"),
            ({"timeout": "5 parsecs"}, "not a duration"),
            ({"timeout": -1}, "must be positive"),
            ({"backoff": 0.5}, "at least 1"),
        ],
    )
    def test_refuses_options_that_make_no_sense(self, options: dict[str, object], words: str) -> None:
        with pytest.raises(DefinitionError, match=words):
            dt.task(**options)

    def test_refuses_signatures_without_names(self) -> None:
        with pytest.raises(DefinitionError, match="named and typed"):

            @dt.task
            def varied(*values: int) -> int:
                return sum(values)

    def test_refuses_coroutines_and_generators(self) -> None:
        with pytest.raises(DefinitionError, match="asynchronous or a generator"):

            @dt.task
            async def later() -> int:
                return 1

    def test_refuses_an_unknown_task_type_with_the_nearest(self) -> None:
        with pytest.raises(UsageError) as caught:
            dt.task("pyton")
        assert "python" in str(caught.value)

    def test_refuses_a_config_that_is_none(self) -> None:
        with pytest.raises(DefinitionError, match="no config of a task type"):
            dt.task(3)

    def test_refuses_output_fields_that_hide_methods(self) -> None:
        class Out(NamedTuple):
            after: int

        with pytest.raises(DefinitionError, match="cannot be called 'after'"):

            @dt.task
            def work() -> Out:
                return Out(1)

    def test_accepts_types_that_are_not_imported(self) -> None:
        @dt.task
        def spark(frame: pyspark.sql.DataFrame) -> pyspark.sql.DataFrame:  # type: ignore[name-defined]  # noqa: F821
            return frame

        assert repr(spark.interface.inputs["frame"]) == "pyspark.sql.DataFrame"

    def test_reads_help_from_annotated(self) -> None:
        @dt.task
        def work(month: Annotated[int, "month, 1 to 12"]) -> int:
            return month

        assert work.interface.help["month"] == "month, 1 to 12"


@pytest.mark.parametrize(
    ("text", "value"),
    [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("2d", 172800), (7, 7.0), ("1.5 s", 1.5)],
)
def test_durations(text: str | int, value: float) -> None:
    assert seconds(text) == value


class TestFingerprints:
    def test_ignore_comments_and_lines_but_not_constants(self) -> None:
        def define(text: str) -> object:
            names: dict[str, object] = {"__name__": "m"}
            exec(compile(text, "f.py", "exec"), names)
            return names["f"]

        base = code_fingerprint(define("def f(x):\n    return x + 1\n"))  # type: ignore[arg-type]
        assert base == code_fingerprint(define("\n\n# a comment\ndef f(x):\n\n    return x + 1  # same\n"))  # type: ignore[arg-type]
        assert base != code_fingerprint(define("def f(x):\n    return x + 2\n"))  # type: ignore[arg-type]

    def test_follow_helpers_globals_and_captured_values(self) -> None:
        def define(text: str) -> object:
            names: dict[str, object] = {"__name__": "m"}
            exec(compile(text, "f.py", "exec"), names)
            return names["f"]

        template = "LIMIT = {}\ndef helper(x):\n    return x * {}\ndef f(x):\n    return helper(x) + LIMIT\n"
        prints = {code_fingerprint(define(template.format(a, b))) for a in (1, 2) for b in (3, 4)}  # type: ignore[arg-type]
        assert len(prints) == 4

        def captured(limit: int) -> object:
            def inner(x: int) -> int:
                return x + limit

            return inner

        assert code_fingerprint(captured(1)) != code_fingerprint(captured(2))  # type: ignore[arg-type]
        assert code_fingerprint(captured(1)) == code_fingerprint(captured(1))  # type: ignore[arg-type]

    def test_follow_helpers_into_other_files_of_ones_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        prints = []
        for number, body in enumerate(("x + 1", "x + 2")):
            (tmp_path / f"own_helper_{number}.py").write_text(f"def helper(x):\n    return {body}\n")
            (tmp_path / f"own_user_{number}.py").write_text(
                f"import own_helper_{number} as h\nfrom own_helper_{number} import helper\n"
                "def by_name(x):\n    return helper(x)\ndef by_module(x):\n    return h.helper(x)\n"
            )
            module = importlib.import_module(f"own_user_{number}")
            prints.append({code_fingerprint(module.by_name), code_fingerprint(module.by_module)})
        assert not prints[0] & prints[1]

    def test_survive_recursion_and_builtins(self) -> None:
        def fact(n: int) -> int:
            return 1 if n < 2 else n * fact(n - 1)

        assert code_fingerprint(fact) == code_fingerprint(fact)
        assert code_fingerprint(functools.partial(max, 1))


def test_a_task_type_in_a_few_lines() -> None:
    @dt.task_type("shout-test")
    class Shout(dt.TaskType):
        """Calls the function and shouts."""

        def execute(self, call: dt.TaskCall) -> str:
            assert call.function is not None
            return str(call.function(**call.inputs)).upper() + "!"

    @dt.task("shout-test")
    def greet(name: str) -> str:
        return f"hello {name}"

    assert greet("world") == "HELLO WORLD!"
    assert isinstance(greet, Task)


def test_a_remote_task_can_be_called_like_a_function() -> None:
    @dt.task_type("remote-test")
    class Remote(dt.RemoteTaskType):
        """Is done at the second look."""

        poll_interval = 0.001

        def submit(self, call: dt.TaskCall) -> dict[str, int]:
            self.looks = 0
            return {"job": call.inputs["x"]}

        def status(self, handle: dict[str, int], config: object) -> JobStatus:
            self.looks += 1
            return JobStatus("running" if self.looks < 2 else "succeeded")

        def result(self, handle: dict[str, int], call: dt.TaskCall) -> int:
            return handle["job"] * 10

    @dt.task("remote-test")
    def remote(x: int) -> int: ...  # type: ignore[empty-body]

    assert remote(4) == 40


def test_the_log_of_a_lost_job_is_not_asked_for() -> None:
    @dt.task_type("lost-test")
    class Lost(dt.RemoteTaskType):
        """Forgets its jobs, and what they printed."""

        def submit(self, call: dt.TaskCall) -> str:
            return "a job"

        def status(self, handle: str, config: object) -> JobStatus:
            return JobStatus("lost", "no such job")

        def result(self, handle: str, call: dt.TaskCall) -> None: ...

        def logs(self, handle: str, config: object) -> list[str]:
            raise FileNotFoundError(handle)

    @dt.task("lost-test")
    def forgotten() -> None: ...

    with pytest.raises(EngineUnavailable, match="was lost"):
        forgotten()


def test_a_task_type_that_is_not_concurrent_is_called_by_one_thread_at_a_time(tmp_path: Path) -> None:
    busy = threading.Semaphore(1)

    @dt.task_type("alone-test")
    class Alone(dt.TaskType):
        """Fails when two calls meet."""

        concurrent = False

        def execute(self, call: dt.TaskCall) -> int:
            assert busy.acquire(blocking=False), "two calls met"
            try:
                sum(range(50_000))  # long enough for others to come in
                return 1
            finally:
                busy.release()

    @dt.task("alone-test")
    def work(x: int) -> int: ...  # type: ignore[empty-body]

    @dt.workflow
    def wf() -> list[int]:
        return dt.map(work, list(range(40)))

    with Hub(home=tmp_path / "store") as hub:
        assert hub.run(wf).value == [1] * 40
