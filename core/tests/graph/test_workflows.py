"""Workflows: wiring, control, nesting, and what the body must not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import dovetail as dt
import pytest
from dovetail.errors import DefinitionError, WiringError
from dovetail.graph import Workflow


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.task
def add(a: int, b: int) -> int:
    return a + b


@dt.task
def text(x: int) -> str:
    return str(x)


@dt.task
def total(values: list[int]) -> int:
    return sum(values)


class Split(NamedTuple):
    low: list[int]
    high: list[int]


@dt.task
def split(values: list[int]) -> Split:
    return Split([v for v in values if v < 5], [v for v in values if v >= 5])


def ids(workflow: Workflow[..., object]) -> list[str]:
    return [node.id for node in workflow.graph.nodes]


class TestTracing:
    def test_runs_like_a_function(self) -> None:
        @dt.workflow
        def wf(x: int, y: int = 10) -> int:
            return add(inc(x), y)

        assert wf(1) == 12
        assert wf(x=1, y=1) == 3

    def test_body_runs_once_however_often_it_is_called(self) -> None:
        calls = []

        @dt.workflow
        def wf(x: int) -> int:
            calls.append(1)
            return inc(x)

        assert [wf(1), wf(2)] == [2, 3]
        assert len(calls) == 1

    def test_ids_are_unique_and_readable(self) -> None:
        @dt.workflow
        def wf(x: int) -> int:
            return inc(inc(inc(x).named("first")))

        assert ids(wf) == ["first", "inc", "inc-2"]

    def test_names_that_clash_are_refused(self) -> None:
        with pytest.raises(DefinitionError, match="unique"):

            @dt.workflow
            def wf(x: int) -> int:
                return inc(inc(x).named("same")).named("Same")

    def test_several_outputs_by_name_and_by_unpacking(self) -> None:
        @dt.workflow
        def wf(values: list[int]) -> int:
            low, _ = split(values)
            return add(total(low), total(split(values).high))

        assert wf([1, 2, 7]) == 10

    def test_workflow_with_several_outputs(self) -> None:
        class Out(NamedTuple):
            small: int
            label: str

        @dt.workflow
        def wf(x: int) -> Out:
            return Out(small=inc(x), label=text(x))

        assert wf(1) == Out(2, "1")

        @dt.workflow
        def outer(x: int) -> str:
            return wf(x).label

        assert outer(5) == "5"

    def test_parts_of_dataclasses_dicts_and_lists(self) -> None:
        @dataclass
        class Point:
            x: int
            tags: dict[str, int]

        @dt.task
        def make(x: int) -> Point:
            return Point(x, {"a": x + 1})

        @dt.workflow
        def wf(x: int) -> int:
            point = make(x)
            return add(point.x, point.tags["a"])

        assert wf(3) == 7

    def test_results_inside_lists_and_dicts(self) -> None:
        @dt.task
        def join(parts: dict[str, int]) -> str:
            return ",".join(f"{k}={v}" for k, v in parts.items())

        @dt.workflow
        def wf(x: int) -> str:
            return join({"a": inc(x), "b": total([inc(x), x, 5])})

        assert wf(1) == "a=2,b=8"

    def test_nested_workflows_become_part_of_the_outer_one(self) -> None:
        @dt.workflow
        def inner(x: int) -> int:
            return inc(inc(x))

        @dt.workflow
        def outer(x: int) -> int:
            return add(inner(x), inner(5))

        assert outer(1) == 10
        assert ids(outer) == ["inner.inc", "inner.inc-2", "inner.inc-3", "inner.inc-4", "add"]

    def test_after_orders_without_a_value(self) -> None:
        seen: list[str] = []

        @dt.task
        def note(word: str) -> None:
            seen.append(word)

        @dt.workflow
        def wf() -> None:
            first = note("late")
            second = note("early")
            first.after(second)  # type: ignore[attr-defined]

        wf()
        assert seen == ["early", "late"]

    def test_a_circle_of_after_is_refused(self) -> None:
        with pytest.raises(DefinitionError, match="circle"):

            @dt.workflow
            def wf(x: int) -> int:
                first = inc(x)
                second = inc(first)
                first.after(second)  # type: ignore[attr-defined]
                return second

    def test_a_large_graph_is_built_quickly_enough_to_be_tested(self) -> None:
        @dt.workflow
        def wf(x: int) -> int:
            for _ in range(20_000):
                x = inc(x)
            return x

        assert wf(0) == 20_000

    def test_the_hash_shows_structure_not_values(self) -> None:
        def make(twice: bool) -> Workflow[..., object]:
            @dt.workflow
            def wf(x: int) -> int:
                return inc(inc(x)) if twice else inc(x)

            return wf

        assert make(True).graph.hash() == make(True).graph.hash()
        assert make(True).graph.hash() != make(False).graph.hash()


class TestWiring:
    def test_a_wrong_type_names_both_ends(self) -> None:
        with pytest.raises(WiringError) as caught:

            @dt.workflow
            def wf(x: int) -> int:
                return inc(text(x))  # type: ignore[arg-type]

        message = str(caught.value)
        assert "node 'text'" in message
        assert "input 'x' of task 'inc'" in message
        assert "(str)" in message and "(int)" in message

    def test_a_wrong_constant_is_refused_at_definition(self) -> None:
        with pytest.raises(WiringError, match="input 'b' of task 'add'"):

            @dt.workflow
            def wf(x: int) -> int:
                return add(x, "2")  # type: ignore[arg-type]

    def test_an_element_of_the_wrong_type_is_refused(self) -> None:
        with pytest.raises(WiringError, match="an element of 'values'"):

            @dt.workflow
            def wf(x: int) -> int:
                return total([inc(x), text(x)])  # type: ignore[list-item]

    def test_the_result_of_the_workflow_is_checked(self) -> None:
        with pytest.raises(WiringError, match="its return value"):

            @dt.workflow
            def wf(x: int) -> int:
                return text(x)  # type: ignore[return-value]

    def test_returning_nothing_is_refused(self) -> None:
        with pytest.raises(DefinitionError, match="returns nothing"):

            @dt.workflow
            def wf(x: int) -> int:  # type: ignore[return]
                inc(x)

    def test_results_of_another_workflow_are_refused(self) -> None:
        kept: list[int] = []

        @dt.workflow
        def one(x: int) -> int:
            kept.append(inc(x))
            return kept[0]

        with pytest.raises(DefinitionError, match="another workflow"):

            @dt.workflow
            def two(x: int) -> int:
                return add(x, kept[0])

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (lambda x: 1 if x else 2, "tested"),
            (lambda x: x + 1, "computed with"),
            (lambda x: x == 1, "computed with"),
            (lambda x: f"{x}", "put into text"),
            (lambda x: list(x), "iterated"),
            (lambda x: len(x), "measured"),
            (lambda x: x.real, "has no .real"),
            (lambda x: x["a"], "has no \\['a'\\]"),
        ],
    )
    def test_computing_with_a_result_is_refused_and_says_what_to_do(
        self, body: Callable[[int], object], words: str
    ) -> None:
        with pytest.raises(DefinitionError, match=words) as caught:

            @dt.workflow
            def wf(x: int) -> int:
                return body(inc(x))  # type: ignore[return-value]

        assert caught.value.fix
