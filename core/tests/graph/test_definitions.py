"""What can be a task, what its nodes are called, and what is refused."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import Annotated, Any

import dovetail as dt
import polars as pl
import pytest
from dovetail.errors import DefinitionError, DovetailError, GateBlocked, WiringError
from dovetail.graph import TaskOptions, type_text
from dovetail.hub import Hub
from dovetail.quality import Gate, Suite, checks


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.task
def add(a: int, b: int) -> int:
    return a + b


class Times:
    def __init__(self, k: int) -> None:
        self.k = k

    def __call__(self, x: int) -> int:
        return x * self.k

    def method(self, x: int) -> int:
        return x * self.k


def plus(a: int, b: int) -> int:
    return a + b


class TestWhatCanBeATask:
    @pytest.mark.parametrize(
        ("function", "name"),
        [
            (functools.partial(plus, b=2), "plus"),
            (Times(3), "Times"),
            (Times(3).method, "method"),
            (lambda x: x + 2, "lambda"),
            (functools.lru_cache(inc.function), "inc"),
        ],
    )
    def test_whatever_can_be_called(self, function: Any, name: str) -> None:
        made = dt.task(function)
        assert made.name == name

        @dt.workflow
        def wf() -> Any:
            return made(1)

        assert wf() == made(1) == function(1)

    @pytest.mark.parametrize("function", [len, print, min, int, dt])
    def test_what_has_no_named_inputs_is_refused(self, function: Any) -> None:
        with pytest.raises(DefinitionError):
            dt.task(function)

    def test_generators_are_refused(self) -> None:
        async def chunks(x: int) -> Any:
            yield x

        with pytest.raises(DefinitionError, match="asynchronous or a generator"):
            dt.task(chunks)

    def test_attributes_of_the_function_hide_nothing(self) -> None:
        def f(x: int) -> int:
            return x

        f.name = f.interface = "mine"  # type: ignore[attr-defined]
        assert dt.task(f).name == "f"

    @pytest.mark.parametrize("name", ["", "a.b", "x[0]", "a" * 200, "a\u202eb", "../x", "a b", "1a"])
    def test_names_that_would_confuse_ids_are_refused(self, name: str) -> None:
        with pytest.raises(DefinitionError, match="cannot name a"):
            dt.task(name=name)(lambda: 1)
        with pytest.raises(DefinitionError, match="cannot name a"):
            dt.workflow(name=name)(lambda: 1)

    @pytest.mark.parametrize("timeout", [float("inf"), float("nan"), "9" * 400 + "s", 0, -1])
    def test_timeouts_are_positive_and_finite(self, timeout: Any) -> None:
        with pytest.raises(DefinitionError, match="timeout"):
            dt.task(timeout=timeout)

    def test_the_delay_of_the_three_thousandth_retry(self) -> None:
        assert TaskOptions(retry_delay=0).delay_before(3000) == 0
        assert TaskOptions(retry_delay=1).delay_before(3000) == 300


class TestIds:
    def test_a_nested_workflow_and_a_dynamic_node_of_one_name(self, tmp_path: Any) -> None:
        @dt.workflow(name="prep")
        def nested(x: int) -> int:
            return inc(x)

        @dt.dynamic(name="prep")
        def dynamic(x: int) -> int:
            return inc(x)

        @dt.workflow
        def wf() -> int:
            return add(nested(1), dynamic(20))

        with Hub(home=tmp_path) as hub:
            run = hub.run(wf)
            assert run.value == wf() == 23
            assert sorted(node.node_id for node in run.nodes) == ["add", "prep-2", "prep-2.inc", "prep.inc"]

    def test_the_hash_covers_the_workflow_that_is_mapped(self) -> None:
        def graph(twice: bool) -> str:
            @dt.workflow
            def inner(x: int) -> int:
                return inc(inc(x)) if twice else inc(x)

            @dt.workflow
            def wf(xs: list[int]) -> list[int]:
                return dt.map(inner, xs)

            return wf.graph.hash()

        assert graph(True) != graph(False) == graph(False)

    def test_the_text_of_a_type_holds_no_address(self) -> None:
        marked = list[Annotated[int, object()]]
        assert type_text(marked) == "list[int]"
        assert type_text(dict[str, marked] | None) == "Optional[dict[str, list[int]]]"  # type: ignore[valid-type]

    def test_a_set_is_mapped_in_the_same_order_in_every_process(self) -> None:
        script = (
            "import dovetail as dt\n"
            "@dt.task\ndef same(x: str) -> str: return x\n"
            "@dt.workflow\ndef wf(xs: set[str]) -> list[str]: return dt.map(same, xs)\n"
            "print(wf(set('abcdefgh')))"
        )
        seen = set()
        for seed in ("1", "2", "3"):
            env = {**os.environ, "PYTHONHASHSEED": seed}
            done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
            seen.add(done.stdout)
        assert len(seen) == 1


class TestMisuse:
    def test_an_input_of_another_workflow(self) -> None:
        @dt.workflow
        def wf(x: int) -> int:
            @dt.dynamic
            def inner(n: int) -> int:
                return add(n, x)

            return inner(3)

        with pytest.raises(DefinitionError, match="belongs to another workflow"):
            wf(1)

    def test_a_list_of_results_for_an_int(self) -> None:
        with pytest.raises(WiringError, match="input 'x' of task 'inc'"):

            @dt.workflow
            def wf() -> int:
                return inc([inc(1)])  # type: ignore[arg-type]

    def test_a_result_cannot_be_negated(self) -> None:
        with pytest.raises(DefinitionError, match="cannot be computed with"):

            @dt.workflow
            def wf(x: int) -> int:
                return -x

    @pytest.mark.parametrize(("x", "expected"), [(1, 2), (0, 10)])
    def test_a_condition_without_annotation_is_a_truth_value(self, x: int, expected: int, tmp_path: Any) -> None:
        @dt.task
        def condition(x: int):  # type: ignore[no-untyped-def]
            return x

        @dt.workflow
        def wf(x: int) -> int:
            return dt.when(condition(x), lambda: inc(x), lambda: add(x, 10))

        assert wf(x) == expected
        with Hub(home=tmp_path) as hub:
            assert hub.run(wf, x=x).value == expected


class TestGatesOnInputs:
    """A gate in the annotation of an input of a workflow, or of a dynamic node, gates."""

    def test_they_block(self, tmp_path: Any) -> None:
        complete = Gate(Suite("complete", [checks.not_null("a")]))
        gated = Annotated[pl.DataFrame, complete]

        @dt.task
        def count(frame: pl.DataFrame) -> int:
            return frame.height

        def body(frame: pl.DataFrame) -> int:
            return count(frame)

        body.__annotations__["frame"] = gated
        inner, dynamic = dt.workflow(name="inner")(body), dt.dynamic(name="dynamic")(body)

        @dt.workflow
        def around(frame: pl.DataFrame) -> int:
            return inner(frame)

        @dt.workflow
        def expanding(frame: pl.DataFrame) -> int:
            return dynamic(frame)

        good, bad = pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, None]})
        with Hub(home=tmp_path) as hub:
            for workflow in (inner, around, expanding):
                assert workflow(good) == hub.run(workflow, frame=good).value == 2
                with pytest.raises(GateBlocked):
                    workflow(bad)
                with pytest.raises(GateBlocked):
                    hub.run(workflow, frame=bad)
        with pytest.raises(DovetailError):
            dynamic(bad)


class TestNamesThatAreNothing:
    """A string annotation may name a type that is not imported, but not just anything."""

    def test_a_name_that_nobody_defined(self) -> None:
        with pytest.raises(DefinitionError, match="names nothing"):

            @dt.task
            def work() -> Undefined:  # type: ignore[name-defined]  # noqa: F821
                return 1

    def test_an_abbreviation_that_is_only_there_for_type_checkers(self) -> None:
        with pytest.raises(DefinitionError, match="names nothing") as caught:

            @dt.task
            def work(frames: list[pd.DataFrame]) -> int:  # type: ignore[name-defined]  # noqa: F821
                return 1

        assert caught.value.fix == "import it, or write 'pandas.DataFrame'"


def test_a_mapped_task_that_publishes_is_refused() -> None:
    @dt.task
    def part(k: int) -> Annotated[int, dt.Dataset("parts")]:
        return k

    with pytest.raises(DefinitionError, match="each of its elements would replace"):

        @dt.workflow
        def wf(ks: list[int]) -> list[int]:
            return dt.map(part, ks)


def test_options_are_for_tasks() -> None:
    @dt.task
    def yes() -> bool:
        return True

    with pytest.raises(DefinitionError, match="takes no options"):

        @dt.workflow
        def wf() -> int:
            return dt.when(yes(), 1, 2).options(retries=3)  # type: ignore[attr-defined,no-any-return]
