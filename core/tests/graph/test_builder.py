"""Building a workflow by code: inputs, nodes, choices, several outputs, gates, and what is refused."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import dovetail as dt
import polars as pl
import pytest
from dovetail.errors import DefinitionError, WiringError
from dovetail.graph import Task
from dovetail.hub import Hub
from dovetail.quality.checks import in_range, not_null


class Split(NamedTuple):
    low: list[int]
    high: list[int]


@dt.task
def inc(x: int, by: int = 1) -> int:
    return x + by


@dt.task
def split(values: list[int]) -> Split:
    return Split([v for v in values if v < 5], [v for v in values if v >= 5])


@dt.task
def table(n: int) -> pl.DataFrame:
    return pl.DataFrame({"n": list(range(n))})


def plain(x: int) -> str:
    return f"<{x}>"


class TestNodes:
    def test_a_chain_with_a_name_an_option_and_an_order(self) -> None:
        builder = dt.WorkflowBuilder("daily", doc="Counts.\n\nMore.")
        x = builder.input("x", int, default=1, help="where to begin")
        first = builder.add(inc, x, name="first", options={"retries": 2})
        second = builder.add(inc, x, by=5, after=first)
        builder.output(builder.add(plain, builder.add(inc, second)))
        daily = builder.build()
        assert daily() == "<7>"
        assert daily(x=2) == "<8>"
        assert [node.id for node in daily.graph.nodes] == ["first", "inc", "inc-2", "plain"]
        assert daily.graph.by_id["first"].options.retries == 2
        assert daily.graph.by_id["inc"].controls == [daily.graph.by_id["first"]]
        assert daily.interface.help == {"x": "where to begin"}
        assert daily.__doc__ == "Counts.\n\nMore."

    def test_inputs_that_are_called_like_an_argument_of_add(self) -> None:
        def tell(name: str, after: str) -> str:
            return f"{name} {after}"

        builder = dt.WorkflowBuilder("wf")
        builder.output(builder.add(tell, inputs={"name": "a", "after": "b"}, name="told"))
        assert builder.build()() == "a b"

    def test_a_task_that_is_the_work_itself(self) -> None:
        echo = dt.shell(["echo", "{word}"], inputs={"word": str})
        assert isinstance(echo, Task)
        builder = dt.WorkflowBuilder("wf")
        builder.output(builder.add(echo, word=builder.input("word", str)))
        assert builder.build()(word="hi") == "hi"

    def test_a_gate_is_a_node_and_stands_at_inputs_and_outputs(self) -> None:
        few = dt.Gate([in_range("n", 0, 2)], on_fail="drop", max_quarantined=1.0, name="few")
        some = dt.Gate([not_null("n")], name="some")
        builder = dt.WorkflowBuilder("wf")
        given = builder.input("given", Annotated[pl.DataFrame, some])
        builder.add(few, given)
        builder.output(builder.add(few, builder.add(table, 5)), Annotated[pl.DataFrame, some, dt.Dataset("rows")])
        made = builder.build()

        @dt.workflow(name="wf")
        def traced(given: Annotated[pl.DataFrame, some]) -> Annotated[pl.DataFrame, some, dt.Dataset("rows")]:
            few(given)
            return few(table(5))  # type: ignore[no-any-return]

        assert made.graph.structure() == traced.graph.structure()
        assert made(pl.DataFrame({"n": [1]}))["n"].to_list() == [0, 1, 2]

    def test_the_workflow_can_be_nested_with_values_and_with_results(self) -> None:
        builder = dt.WorkflowBuilder("twice")
        builder.output(builder.add(inc, builder.add(inc, builder.input("x", int))))
        twice = builder.build()

        @dt.workflow
        def outer(x: int) -> list[int]:
            return [twice(x), twice(10)]

        assert outer(1) == [3, 12]
        assert [node.id for node in outer.graph.nodes] == ["twice.inc", "twice.inc-2", "twice.inc-3", "twice.inc-4"]


class TestOutputs:
    def test_several_by_name(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        low, high = builder.add(split, builder.input("values", list[int]))
        builder.output(low=low, high=high, top=1)
        made = builder.build()
        assert made([1, 7])._asdict() == {"low": [1], "high": [7], "top": 1}
        assert made.interface.outputs["low"] == list[int]

    def test_several_by_a_class(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.output(builder.add(split, [1, 7]), Split)
        assert builder.build()() == Split([1], [7])

    def test_none(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.add(inc, 1)
        assert builder.build()() is None


class TestSource:
    def test_a_run_is_resumed_from_where_the_workflow_is_found(self, tmp_path: Any) -> None:
        reader = (
            "import dovetail as dt\ndef make(t):\n"
            "    b = dt.WorkflowBuilder('wf')\n    b.output(b.add(t))\n    return b.build()\n"
        )
        (tmp_path / "reader.py").write_text(reader)
        pipeline = tmp_path / "pipeline.py"
        pipeline.write_text(
            "import pathlib\nimport dovetail as dt\nimport reader\n"
            f"FLAG = pathlib.Path({str(tmp_path / 'flag')!r})\n"
            "@dt.task\ndef t() -> int:\n    return int(FLAG.read_text())\n"
            "daily = reader.make(t)\n"
        )
        from dovetail.hub import load_workflow

        with Hub(home=tmp_path / "store") as hub:
            with pytest.raises(dt.errors.TaskFailed):
                hub.run(load_workflow(pipeline, "daily"), run_id="one")
            (tmp_path / "flag").write_text("3")
            assert hub.resume("one").value == 3


class TestRefused:
    def test_both_ends_of_an_edge_that_does_not_fit_are_named(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        made = builder.add(plain, 1)
        with pytest.raises(WiringError) as caught:
            builder.add(inc, made)
        assert "the result of node 'plain'" in caught.value.what
        assert "input 'x' of task 'inc'" in caught.value.what

    def test_an_output_that_does_not_fit(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.output(builder.add(plain, 1), int)
        with pytest.raises(WiringError, match=r"the result of node 'plain'.*return value.*workflow 'wf'"):
            builder.build()

    def test_a_misspelt_input(self) -> None:
        with pytest.raises(DefinitionError, match="did you mean 'by'"):
            dt.WorkflowBuilder("wf").add(inc, 1, bye=2)

    def test_a_result_of_another_builder(self) -> None:
        other = dt.WorkflowBuilder("other").add(inc, 1)
        with pytest.raises(DefinitionError, match="belongs to another workflow"):
            dt.WorkflowBuilder("wf").add(inc, other)

    def test_one_name_for_two_nodes(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.add(inc, 1, name="same")
        builder.add(inc, 2, name="same")
        with pytest.raises(DefinitionError, match="two nodes of workflow 'wf' are named 'same'"):
            builder.build()

    def test_a_circle_of_orders(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        first = builder.add(inc, 1)
        first.after(builder.add(inc, 2, after=first))
        with pytest.raises(DefinitionError, match="wait for each other in a circle"):
            builder.build()

    def test_what_can_be_no_node(self) -> None:
        with pytest.raises(DefinitionError, match="cannot be a node"):
            dt.WorkflowBuilder("wf").add(3)

    def test_a_gate_on_a_value(self) -> None:
        with pytest.raises(DefinitionError, match="given no result of a node"):
            dt.WorkflowBuilder("wf").add(dt.Gate([not_null("n")]), [1])

    def test_names_of_inputs_are_python_names_and_used_once(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.input("x", int)
        with pytest.raises(DefinitionError, match="there is an input 'x' already"):
            builder.input("x", int)
        with pytest.raises(DefinitionError, match="cannot name an input"):
            builder.input("a-b", int)

    def test_what_a_failed_call_added_is_taken_out(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        with pytest.raises(WiringError):
            builder.when(True, lambda: builder.add(inc, builder.add(plain, 1)))
        with pytest.raises(DefinitionError, match="no task option"):
            builder.add(inc, 1, options={"retry": 1})
        builder.output(builder.add(inc, 1))
        assert [node.id for node in builder.build().graph.nodes] == ["inc"]

    def test_two_outputs(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.output(builder.add(inc, 1))
        with pytest.raises(DefinitionError, match="declared twice"):
            builder.output(1)

    def test_changes_after_it_was_built(self) -> None:
        builder = dt.WorkflowBuilder("wf")
        builder.build()
        with pytest.raises(DefinitionError, match="built already"):
            builder.add(inc, 1)
