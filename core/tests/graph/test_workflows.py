"""Workflows: wiring, control, nesting, and what the body must not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Optional

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
def is_large(x: int) -> bool:
    return x > 10


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


class TestMap:
    def test_spreads_a_list_and_keeps_the_order(self) -> None:
        @dt.workflow
        def wf(values: list[int]) -> int:
            return total(dt.map(add, values, b=10))

        assert wf([1, 2, 3]) == 36
        assert wf([]) == 0

    def test_spreads_several_lists_together(self) -> None:
        @dt.workflow
        def wf(a: list[int], b: list[int]) -> list[int]:
            return dt.map(add, a, b)

        assert wf([1, 2], [10, 20]) == [11, 22]
        with pytest.raises(DefinitionError, match="different lengths"):
            wf([1], [1, 2])

    def test_spreads_a_workflow(self) -> None:
        @dt.workflow
        def twice(x: int) -> int:
            return inc(inc(x))

        @dt.workflow
        def wf(values: list[int]) -> list[int]:
            return dt.map(twice, values)

        assert wf([1, 2]) == [3, 4]

    def test_works_outside_a_workflow(self) -> None:
        assert dt.map(add, [1, 2], b=1) == [2, 3]

    def test_refuses_what_cannot_be_spread(self) -> None:
        with pytest.raises(WiringError, match="nothing that dt[.]map can spread"):

            @dt.workflow
            def wf(x: int) -> list[int]:
                return dt.map(inc, inc(x))

    def test_refuses_elements_of_the_wrong_type(self) -> None:
        with pytest.raises(WiringError, match="an element of"):

            @dt.workflow
            def wf(words: list[str]) -> list[int]:
                return dt.map(inc, words)


class TestWhen:
    def make(self, seen: list[str]) -> Workflow[..., int]:
        @dt.task
        def heavy(x: int) -> int:
            seen.append("heavy")
            return x * 100

        @dt.task
        def light(x: int) -> int:
            seen.append("light")
            return x

        @dt.workflow
        def wf(x: int) -> int:
            return dt.when(is_large(x), lambda: inc(heavy(x)), lambda: light(x))

        return wf

    def test_runs_one_side_only(self) -> None:
        seen: list[str] = []
        wf = self.make(seen)
        assert wf(20) == 2001
        assert wf(2) == 2
        assert seen == ["heavy", "light"]

    def test_results_made_before_the_choice_are_left_out_too(self) -> None:
        seen: list[str] = []

        @dt.task
        def costly(x: int) -> int:
            seen.append("costly")
            return x

        @dt.workflow
        def wf(x: int) -> int:
            value = costly(x)
            return dt.when(is_large(x), value, inc(x))

        assert wf(1) == 2
        assert seen == []
        assert wf(11) == 11
        assert seen == ["costly"]

    def test_what_others_need_runs_anyway(self) -> None:
        @dt.workflow
        def wf(x: int) -> int:
            value = inc(x)
            return add(value, dt.when(is_large(x), value, 0))

        assert wf(1) == 2
        assert wf(20) == 42

    def test_nested_choices(self) -> None:
        @dt.workflow
        def wf(x: int) -> int:
            return dt.when(
                is_large(x), lambda: dt.when(is_large(inc(x)), lambda: add(x, 1000), lambda: x), lambda: inc(x)
            )

        assert wf(50) == 1050
        assert wf(1) == 2

    def test_without_otherwise_gives_none(self) -> None:
        @dt.workflow
        def wf(x: int) -> Optional[int]:  # noqa: UP045
            return dt.when(is_large(x), lambda: inc(x))

        assert wf(1) is None
        assert wf(11) == 12

    def test_the_condition_is_a_bool(self) -> None:
        with pytest.raises(WiringError, match="condition"):

            @dt.workflow
            def wf(x: int) -> int:
                return dt.when(inc(x), lambda: x, lambda: x)  # type: ignore[arg-type]

    def test_works_outside_a_workflow(self) -> None:
        assert dt.when(True, lambda: 1, lambda: 2) == 1


class TestDynamic:
    def test_the_graph_depends_on_data(self) -> None:
        @dt.dynamic
        def collatz(n: int) -> int:
            steps = 0
            value = n
            while value != 1:
                value = value // 2 if value % 2 == 0 else 3 * value + 1
                steps = inc(steps)
            return steps

        @dt.workflow
        def wf(n: int) -> int:
            return inc(collatz(inc(n)))

        assert wf(5) == 9  # 6 takes 8 steps
        assert collatz(6) == 8


def test_user_exceptions_carry_a_note_with_the_node() -> None:
    @dt.task
    def fails(x: int) -> int:
        raise ValueError("no")

    @dt.workflow
    def wf(x: int) -> int:
        return fails(inc(x))

    with pytest.raises(ValueError, match="no") as caught:
        wf(1)
    assert caught.value.__notes__ == ["in node 'fails' of workflow 'wf'"]


def test_values_pass_by_reference() -> None:
    class Box:
        pass

    seen: list[object] = []

    @dt.task
    def make() -> list:  # type: ignore[type-arg]
        return [1]

    import pandas as pd

    frame = pd.DataFrame({"a": [1]})

    @dt.task
    def produce() -> pd.DataFrame:
        return frame

    @dt.task
    def consume(df: pd.DataFrame) -> int:
        seen.append(df)
        return len(df)

    @dt.workflow
    def wf() -> int:
        return consume(produce())

    assert wf() == 1
    assert seen[0] is frame
