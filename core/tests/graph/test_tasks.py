"""Tasks as plain functions, their interfaces, and what a definition refuses."""

from __future__ import annotations

import functools
from typing import Annotated, NamedTuple

import dovetail as dt
import pytest
from dovetail.errors import DefinitionError, UsageError, ValueMismatch
from dovetail.graph import Task, TaskOptions, code_fingerprint, seconds


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
