"""Several outputs, and values that cross the border of a nested workflow."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import dovetail as dt
import polars as pl
import pytest
from dovetail.errors import DefinitionError
from dovetail.hub import Hub
from dovetail.spec import TypeRef

Untyped = collections.namedtuple("Untyped", "a b")


class Pair(NamedTuple):
    number: int
    text: str


class One(NamedTuple):
    result: int


class Gated(NamedTuple):
    rows: Annotated[pl.DataFrame, dt.Dataset("rows")]
    number: int


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.task
def pair() -> Pair:
    return Pair(1, "x")


@dt.task
def show(value: Any) -> str:
    return f"{type(value).__name__}:{value}"


def both_ways(workflow: Any, tmp_path: Path, **inputs: Any) -> Any:
    """The output in process; durably it is the same."""
    plain = workflow(**inputs)
    with Hub(home=tmp_path / "store") as hub:
        durable = hub.run(workflow, **inputs).value
    assert durable == plain
    assert type(durable) is type(plain)
    return plain


def test_a_namedtuple_without_annotations_has_its_fields_as_outputs(tmp_path: Path) -> None:
    @dt.task
    def make() -> Untyped:
        return Untyped(1, "x")

    @dt.workflow
    def wf() -> Untyped:
        return make()

    assert make() == Untyped(1, "x")
    assert both_ways(wf, tmp_path) == Untyped(1, "x")


def test_a_namedtuple_with_one_field_called_result(tmp_path: Path) -> None:
    @dt.task
    def make() -> One:
        return One(3)

    @dt.workflow
    def wf() -> int:
        return inc(make().result)

    assert both_ways(wf, tmp_path) == 4


def test_a_namedtuple_with_a_help_text(tmp_path: Path) -> None:
    @dt.task
    def make() -> Annotated[Pair, "a pair"]:
        return Pair(1, "x")

    @dt.workflow
    def wf() -> Annotated[Pair, "a pair"]:
        return make()

    assert both_ways(wf, tmp_path) == Pair(1, "x")


class Framed(NamedTuple):
    rows: nowhere_installed.Frame  # noqa: F821  (a type of an engine that is not here)
    number: int


class Misspelt(NamedTuple):
    number: Unknwon  # noqa: F821


def test_a_field_may_name_a_type_that_is_not_imported_here() -> None:
    @dt.task
    def make() -> Framed:
        raise NotImplementedError

    assert make.interface.outputs == {"rows": TypeRef("nowhere_installed.Frame"), "number": int}


def test_a_field_whose_type_names_nothing_is_refused() -> None:
    def make() -> Misspelt:
        raise NotImplementedError

    with pytest.raises(DefinitionError, match="'Unknwon' of Misspelt names nothing") as caught:
        dt.task(make)
    assert caught.value.who == "Misspelt.number"


def test_a_marker_behind_a_whole_namedtuple_is_refused() -> None:
    with pytest.raises(DefinitionError, match="as a whole"):

        @dt.task
        def make() -> Annotated[Pair, dt.Dataset("pair")]:
            return Pair(1, "x")


class TestNested:
    def test_the_whole_output_is_the_namedtuple(self, tmp_path: Path) -> None:
        @dt.workflow
        def inner() -> Pair:
            made = pair()
            return Pair(made.number, made.text)

        @dt.workflow
        def wf() -> str:
            return show(inner())

        assert both_ways(wf, tmp_path) == "Pair:Pair(number=1, text='x')"

    def test_its_fields_by_name_by_position_and_unpacked(self, tmp_path: Path) -> None:
        @dt.workflow
        def inner() -> Pair:
            made = pair()
            return Pair(made.number, made.text)

        @dt.workflow
        def wf() -> tuple[int, str, int]:
            made = inner()
            _, text = made
            return made[0], text, inc(made.number)

        assert both_ways(wf, tmp_path) == (1, "x", 2)

    def test_inputs_and_outputs_have_the_annotated_types(self, tmp_path: Path) -> None:
        @dt.workflow
        def half(x: float) -> str:
            return show(x)

        @dt.workflow
        def whole() -> float:
            return inc(1)

        @dt.workflow
        def wf() -> tuple[str, str]:
            return half(inc(1)), show(whole())

        assert both_ways(wf, tmp_path) == ("float:2.0", "float:2.0")

    def test_a_workflow_without_outputs_may_return_a_task_without_outputs(self, tmp_path: Path) -> None:
        done: list[int] = []

        @dt.task
        def save(x: int) -> None:
            done.append(x)

        @dt.workflow
        def wf() -> None:
            return save(1)

        assert both_ways(wf, tmp_path) is None
        assert done == [1, 1]

    def test_after_holds_for_all_nodes_of_a_nested_workflow(self) -> None:
        order: list[str] = []

        @dt.task
        def note(name: str) -> None:
            order.append(name)

        @dt.workflow
        def sub(a: str, b: str) -> None:
            note(a)
            note(b)

        @dt.workflow
        def wf() -> None:
            second = sub("c", "d")
            first = sub("a", "b")
            second.after(first)

        wf()
        assert order == ["a", "b", "c", "d"]
