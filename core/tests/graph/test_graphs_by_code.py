"""Laws of graphs that are built by code: the same graph, the same results, as the decorators make of the same calls."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import dovetail as dt
import dovetail.graph
import jsonschema
import pytest
from dovetail.graph import Workflow, WorkflowBuilder
from dovetail.hub import Hub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KINDS = (
    "step",
    "float",
    "join",
    "map",
    "map_nested",
    "when",
    "when_nested",
    "nested",
    "dynamic",
    "pair",
    "none",
    "after",
)
Op = tuple[str, int, int, int]

graphs = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=8
)
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


SCHEMA = jsonschema.Draft202012Validator(
    json.loads(Path(dovetail.graph.__file__).with_name("graph-spec-1.schema.json").read_text())
)


class Pair(NamedTuple):
    low: int
    high: int | None


@dt.task
def step(x: int, k: int = 1) -> int:
    return (x * 3 + k) % 101


@dt.task
def halved(x: float) -> float:
    return x / 2


@dt.task
def rounded(x: float) -> int:
    return int(x)


@dt.task
def join(values: list[int]) -> int:
    return sum(values) % 101


@dt.task
def several(x: int, n: int) -> list[int]:
    return [x + i for i in range(n)]


@dt.task
def even(x: int) -> bool:
    return x % 2 == 0


@dt.task
def pair(x: int) -> Pair:
    return Pair(x, None if x % 3 == 0 else x + 1)


@dt.task
def known(x: int | None) -> int:
    return -1 if x is None else x


@dt.task
def nothing(x: int) -> None:
    """Gives nothing."""


@dt.dynamic
def expand(x: int) -> int:
    return join([step(x, i) for i in range(x % 3)] + [inner(x).low])


class Calls:
    """The calls as a traced body makes them."""

    when = staticmethod(dt.when)
    map = staticmethod(dt.map)

    def add(self, target: Any, *args: Any, after: Any = None, **named: Any) -> Any:
        made = target(*args, **named)
        return made if after is None else made.after(after)


Maker = Calls | WorkflowBuilder


def inner_body(make: Maker, x: Any, k: Any) -> Pair:
    made = make.add(pair, make.add(step, x, k))
    chosen = make.when(make.add(even, made.low), lambda: make.add(step, made.low), lambda: x)
    return Pair(chosen, made.high)


def element_body(make: Maker, inner: Any, x: Any) -> Any:
    made = make.add(inner, make.add(expand, x))
    return make.add(join, [made.low, make.add(known, made.high)])


@dt.workflow
def inner(x: int, k: int = 2) -> Pair:
    return inner_body(Calls(), x, k)


@dt.workflow
def element(x: int) -> int:
    return element_body(Calls(), inner, x)  # type: ignore[no-any-return]


def built_inner() -> Workflow[..., Any]:
    builder = dt.WorkflowBuilder("inner")
    x, k = builder.input("x", int), builder.input("k", int, default=2)
    builder.output(inner_body(builder, x, k), Pair)
    return builder.build()


def built_element() -> Workflow[..., Any]:
    builder = dt.WorkflowBuilder("element")
    builder.output(element_body(builder, built_inner(), builder.input("x", int)), int)
    return builder.build()


def extend(make: Maker, inner: Any, element: Any, pool: list[Any], op: Op) -> Any:
    """The value that an operation makes of values that are there."""
    kind, i, j, k = op
    a, b = pool[i % len(pool)], pool[j % len(pool)]
    if kind == "step":
        return make.add(step, a, k)
    if kind == "float":
        return make.add(rounded, make.add(halved, a))
    if kind == "join":
        return make.add(join, [a, b])
    if kind == "map":
        return make.add(join, make.map(step, make.add(several, a, k), k=b))
    if kind == "map_nested":
        return make.add(join, make.map(element, make.add(several, a, k % 3)))
    if kind == "when":
        return make.when(make.add(even, a), lambda: make.add(step, b, k), lambda: k)
    if kind == "when_nested":
        return make.when(
            make.add(even, a),
            lambda: make.add(element, b),
            lambda: make.when(make.add(even, b), lambda: make.add(expand, a), lambda: b),
        )
    if kind == "nested":
        made = make.add(inner, a, k)
        return make.add(join, [made.low, make.add(known, made.high)])
    if kind == "dynamic":
        return make.add(expand, a)
    if kind == "pair":
        low, high = make.add(pair, a)
        return make.add(join, [low, make.add(known, high)])
    if kind == "none":
        return make.add(step, b, after=make.add(nothing, a))
    return make.add(join, [make.add(step, a, after=make.add(element, b)), b])


def body(make: Maker, inner: Any, element: Any, ops: list[Op], x: Any) -> Any:
    pool = [x]
    for op in ops:
        pool.append(extend(make, inner, element, pool, op))
    return make.add(join, pool)


def decorated(ops: list[Op]) -> Workflow[..., Any]:
    @dt.workflow
    def wf(x: int) -> int:
        return body(Calls(), inner, element, ops, x)  # type: ignore[no-any-return]

    return wf


def built(ops: list[Op]) -> Workflow[..., Any]:
    builder = dt.WorkflowBuilder("wf")
    x = builder.input("x", int)
    builder.output(body(builder, built_inner(), built_element(), ops, x))
    return builder.build()


def nested_twice(workflow: Workflow[..., Any]) -> Workflow[..., Any]:
    """Nested twice, once fed by a node and once by an input that is converted, and mapped."""

    @dt.workflow
    def outer(x: int, y: float = 1.0) -> int:
        first = workflow(step(x))
        return join([first, workflow(rounded(y)), join(dt.map(workflow, several(first, 2)))])

    return outer


@few
@given(graphs)
def test_the_builder_makes_the_graph_that_the_decorator_makes(ops: list[Op]) -> None:
    traced, coded = decorated(ops), built(ops)
    assert coded.graph.structure() == traced.graph.structure()
    assert coded.graph.hash() == traced.graph.hash()
    assert [node.id for node in coded.graph.nodes] == [node.id for node in traced.graph.nodes]
    assert nested_twice(coded).graph.hash() == nested_twice(traced).graph.hash()


@few
@given(graphs, st.integers(0, 20))
def test_it_gives_the_same_results(ops: list[Op], x: int) -> None:
    expected = decorated(ops)(x)
    assert built(ops)(x) == expected
    assert nested_twice(built(ops))(x) == nested_twice(decorated(ops))(x)


@settings(few, max_examples=15)
@given(graphs, st.integers(0, 20))
def test_it_runs_durably(ops: list[Op], x: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Hub(home=Path(folder) / "store") as hub:
        assert hub.run(built(ops), x=x).value == decorated(ops)(x)


@few
@given(graphs, st.integers(0, 20))
def test_what_was_exported_and_loaded_is_the_same(ops: list[Op], x: int) -> None:
    workflow = decorated(ops)
    document = workflow.to_spec()
    SCHEMA.validate(document)
    text = json.dumps(document, allow_nan=False)
    loaded = dt.load_workflow_spec(json.loads(text), drift="error")
    assert json.dumps(loaded.to_spec()) == text
    assert loaded.graph.structure() == workflow.graph.structure()
    assert loaded.graph.hash() == workflow.graph.hash()
    assert loaded(x) == workflow(x)
    assert nested_twice(loaded)(x) == nested_twice(workflow)(x)


@settings(few, max_examples=15)
@given(graphs, st.integers(0, 20), st.randoms(use_true_random=False))
def test_the_order_of_nodes_that_say_their_ids_does_not_matter(ops: list[Op], x: int, random: Any) -> None:
    workflow = decorated(ops)
    document = workflow.to_spec()
    for node in document["nodes"]:
        node.pop("name", None)
    random.shuffle(document["nodes"])
    loaded = dt.load_workflow_spec(document)
    assert {node.id for node in loaded.graph.nodes} == {node.id for node in workflow.graph.nodes}
    assert loaded(x) == workflow(x)


@settings(few, max_examples=15)
@given(graphs, st.integers(0, 20))
def test_a_run_of_the_one_is_resumed_with_the_other(ops: list[Op], x: int) -> None:
    from dovetail.errors import StoreUnwritable

    workflow = decorated(ops)
    loaded = dt.load_workflow_spec(workflow.to_spec())
    with tempfile.TemporaryDirectory() as folder, Hub(home=Path(folder) / "store") as hub:
        with pytest.MonkeyPatch.context() as patch:
            commit, commits = hub.runs.commit, iter(range(100))

            def failing(batch: Any) -> None:
                if next(commits) > 1:
                    raise StoreUnwritable("no space left")
                commit(batch)

            patch.setattr(hub.runs, "commit", failing)
            with contextlib.suppress(dt.errors.DovetailError):
                assert hub.run(workflow, x=x, run_id="one").value == workflow(x)
                return
        assert hub.resume("one", loaded).value == workflow(x)
