"""What happens to the readers of a refused value, said by a builder and by a graph document."""

from __future__ import annotations

from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality.checks import not_null

good = dt.Gate([not_null("a")], name="good")
lenient = dt.Gate([not_null("a")], name="lenient", downstream="continue")


@dt.task
def read() -> pa.Table:
    return pa.table({"a": [1, None]})


@dt.task
def count(rows: pa.Table) -> int:
    return rows.num_rows


@dt.task
def counted(rows: Annotated[pa.Table, dt.OnBlocked("continue")]) -> int:
    return rows.num_rows


@dt.task
def guarded(rows: Annotated[pa.Table, good, dt.OnBlocked("continue")]) -> int:
    return rows.num_rows


@dt.workflow
def by_call() -> int:
    return count(dt.on_blocked(good(read()), "continue"))


@dt.workflow
def by_annotation() -> int:
    return counted(good(read()))


@dt.workflow
def by_gate() -> int:
    return count(lenient(read()))


@dt.workflow
def at_an_input() -> int:
    return guarded(read())


@dt.workflow
def of_an_input(rows: pa.Table) -> int:
    return guarded(dt.on_blocked(rows, "skip"))


@dt.workflow
def inner(rows: Annotated[pa.Table, dt.OnBlocked("continue")]) -> int:
    return count(rows)


@dt.workflow
def nested() -> int:
    return inner(good(read()))


@pytest.mark.parametrize("workflow", [by_call, by_annotation, by_gate, at_an_input, nested], ids=lambda w: w.name)
def test_a_document_says_it_too(workflow: Any) -> None:
    document = workflow.to_spec()
    again = dt.load_workflow_spec(document)
    assert again.to_spec() == document
    assert again.graph.hash() == workflow.graph.hash()
    assert workflow() == again() == 2


def test_of_an_input() -> None:
    document = of_an_input.to_spec()
    assert document["nodes"][0]["inputs"]["rows"] == {"input": "rows", "on_blocked": "skip"}
    assert dt.load_workflow_spec(document).to_spec() == document


def test_what_is_said_counts_for_resuming() -> None:
    @dt.workflow(name="by_call")
    def other() -> int:
        return count(dt.on_blocked(good(read()), "skip"))

    assert other.graph.hash() != by_call.graph.hash()


def test_a_gate_as_data_and_its_edges() -> None:
    document = {
        "dovetail_graph": 1,
        "name": "daily",
        "output": {"type": "int"},
        "tasks": {
            "read": {"name": "read", "type": "python", "ref": f"{__name__}:read"},
            "count": {"name": "count", "type": "python", "ref": f"{__name__}:count"},
        },
        "gates": {
            "sane": {
                "name": "sane",
                "downstream": "skip",
                "suite": {"name": "sane", "checks": [{"check": "not_null", "column": "a"}]},
            }
        },
        "nodes": [
            {"id": "read", "kind": "task", "task": "read"},
            {"id": "sane", "kind": "gate", "gate": "sane", "inputs": {"value": {"node": "read"}}},
            {
                "id": "count",
                "kind": "task",
                "task": "count",
                "inputs": {"rows": {"node": "sane", "on_blocked": "continue"}},
            },
        ],
        "result": {"node": "count"},
    }
    workflow = dt.load_workflow_spec(document)
    assert workflow() == 2
    written = workflow.to_spec()
    assert written["gates"]["sane"]["downstream"] == "skip"
    document["nodes"][2]["inputs"]["rows"]["on_blocked"] = "go"  # type: ignore[index]
    with pytest.raises(DefinitionError, match=r"on_blocked: 'go' is none of"):
        dt.load_workflow_spec(document)


def test_a_builder_takes_the_same_words() -> None:
    builder = dt.WorkflowBuilder("by_call")
    clean = builder.add(good, builder.add(read))
    builder.output(builder.add(count, dt.on_blocked(clean, "continue")), int)
    built = builder.build()
    assert built() == 2
    assert built.graph.hash() == by_call.graph.hash()
