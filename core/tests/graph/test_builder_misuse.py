"""What goes wrong with a builder is told by the call that does it, and never becomes another graph than was asked for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import dovetail as dt
import pytest
from dovetail.errors import DefinitionError, WiringError


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.task
def positive(x: int) -> bool:
    return x > 0


@dt.workflow
def given(x: int) -> int:
    return x


@dt.workflow
def five(x: int) -> int:
    return 5


@pytest.fixture
def builder() -> dt.WorkflowBuilder:
    return dt.WorkflowBuilder("own")


@pytest.fixture
def x(builder: dt.WorkflowBuilder) -> Any:
    return builder.input("x", int)


@pytest.fixture
def other() -> Any:
    """A result of another builder, which has an input of the same name."""
    builder = dt.WorkflowBuilder("other")
    return builder.add(inc, builder.input("x", int))


class TestOtherBuilders:
    def test_a_result_of_another_builder_is_no_output(self, builder: dt.WorkflowBuilder, other: Any) -> None:
        with pytest.raises(DefinitionError, match="the result of node 'inc' belongs to another workflow"):
            builder.output(other)
        with pytest.raises(DefinitionError, match="belongs to another workflow"):
            builder.output([{"deep": other}])

    def test_an_input_of_another_builder_is_not_that_of_the_same_name(
        self, builder: dt.WorkflowBuilder, x: Any
    ) -> None:
        with pytest.raises(DefinitionError, match="the workflow input 'x' belongs to another workflow"):
            builder.output(dt.WorkflowBuilder("other").input("x", int))

    def test_nothing_waits_for_it(self, builder: dt.WorkflowBuilder, x: Any, other: Any) -> None:
        with pytest.raises(DefinitionError, match="belongs to another workflow"):
            builder.add(inc, x, after=other)
        builder.add(inc, x).after(other)
        with pytest.raises(DefinitionError, match="node 'inc' needs 'inc', which is no node of this workflow"):
            builder.build()


class TestNestedWorkflowsWithoutNodes:
    """A nested workflow may give what it was given, or a constant: then there is no node that could be changed."""

    @pytest.mark.parametrize("target", [given, five])
    @pytest.mark.parametrize("change", [{"name": "other"}, {"options": {"retries": 9}}, {"after": True}])
    def test_the_node_before_is_not_changed(
        self, builder: dt.WorkflowBuilder, x: Any, target: Any, change: dict[str, Any]
    ) -> None:
        before = builder.add(inc, x)
        given = {"after": before} if "after" in change else change
        with pytest.raises(DefinitionError, match="the call adds no node"):
            builder.add(target, before, **given)
        builder.output(before)
        (node,) = builder.build().graph.nodes
        assert (node.id, node.options.retries, node.controls) == ("inc", 0, [])


class TestChoices:
    def test_what_a_side_makes_cannot_be_used_outside_of_it(self, builder: dt.WorkflowBuilder, x: Any) -> None:
        made = []

        def side() -> Any:
            made.append(builder.add(inc, x))
            return made[0]

        builder.when(builder.add(positive, x), side, 0)
        builder.output(made[0])
        with pytest.raises(
            DefinitionError, match="the result of the workflow uses 'inc', which exists only where 'when'"
        ):
            builder.build()

    def test_nor_in_a_traced_workflow(self) -> None:
        def body(x: int) -> int:
            made: list[int] = []
            dt.when(positive(x), lambda: made.append(inc(x)) or made[0], 0)
            return inc(made[0])

        with pytest.raises(DefinitionError, match="node 'inc-2' uses 'inc', which exists only where 'when' takes"):
            dt.workflow(body)

    def test_a_side_does_not_build(self, builder: dt.WorkflowBuilder, x: Any) -> None:
        with pytest.raises(DefinitionError, match=r"build\(\) is called by a side of a choice"):
            builder.when(builder.add(positive, x), builder.build, 0)

    def test_what_a_failed_side_made_is_not_used(self, builder: dt.WorkflowBuilder, x: Any) -> None:
        made = []

        def side() -> Any:
            made.append(builder.add(inc, x, name="early"))
            return builder.add(inc, "no number")

        with pytest.raises(WiringError):
            builder.when(builder.add(positive, x), side, 0)
        builder.add(inc, made[0])
        with pytest.raises(DefinitionError, match="needs 'early', which is no node of this workflow"):
            builder.build()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda b: b.add(inc, 1, after=5), "takes results of tasks, not int"),
        (lambda b: b.add(inc, 1, after="inc"), "takes results of tasks, not str"),
        (lambda b: b.add(inc, 1, options=["retries"]), "options are a mapping"),
        (lambda b: b.add(inc, inputs=["x"]), "inputs are a mapping"),
    ],
)
def test_arguments_of_another_kind(builder: dt.WorkflowBuilder, call: Callable[[Any], object], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        call(builder)
    assert [node.id for node in builder.build().graph.nodes] == []


@pytest.fixture
def eager_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switches")
def test_threads_share_a_builder_and_a_failed_call_of_one_takes_nothing_of_another(
    builder: dt.WorkflowBuilder, x: Any
) -> None:
    def add(thread: int) -> None:
        for i in range(60):
            builder.add(inc, x, name=f"n{thread}-{i}")
            with pytest.raises(WiringError):
                builder.add(inc, "no number")

    threads = [threading.Thread(target=add, args=(i,)) for i in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {n.id for n in builder.build().graph.nodes} == {f"n{t}-{i}" for t in range(4) for i in range(60)}
