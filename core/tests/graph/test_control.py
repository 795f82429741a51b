"""Fan-out, choice, dynamic graphs, and what calling a workflow passes on."""

from __future__ import annotations

from typing import Optional

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
def is_large(x: int) -> bool:
    return x > 10


@dt.task
def total(values: list[int]) -> int:
    return sum(values)


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
        with pytest.raises(WiringError, match=r"nothing that dt\.map can spread"):

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
