"""A law: a workflow gives the same result in process, durably, in worker processes, and interrupted and resumed."""

from __future__ import annotations

import collections
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import dovetail as dt
import pytest
from dovetail.errors import DovetailError, StoreUnwritable, TaskFailed
from dovetail.hub import Hub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KINDS = ("step", "join", "map", "map_nested", "when", "when_nested", "nested", "dynamic", "pair", "none", "after")
Op = tuple[str, int, int, int]

graphs = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=7
)
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


class Script:
    """What the tasks note, and when one of them fails."""

    def __init__(self, fails_at: int = 0) -> None:
        self.executed: list[str] = []
        self._turns = ["fail", *["go on"] * (fails_at - 1)] if fails_at else []

    def turn(self, name: str) -> None:
        self.executed.append(name)
        if self._turns and self._turns.pop() == "fail":  # in one step, whatever the threads do
            raise OSError("interrupted")


def make_tasks(turn: Any) -> SimpleNamespace:
    """The tasks, made in a function so that they travel to other processes by value."""

    class Pair(NamedTuple):
        low: int
        high: int | None

    @dt.task
    def step(x: int, k: int = 1) -> int:
        turn("step")
        return (x * 3 + k) % 101

    @dt.task
    def join(values: list[int]) -> int:
        turn("join")
        return sum(values) % 101

    @dt.task
    def several(x: int, n: int) -> list[int]:
        turn("several")
        return [x + i for i in range(n)]

    @dt.task
    def even(x: int) -> bool:
        turn("even")
        return x % 2 == 0

    @dt.task
    def pair(x: int) -> Pair:
        turn("pair")
        return Pair(x, None if x % 3 == 0 else x + 1)

    @dt.task
    def known(x: int | None) -> int:
        turn("known")
        return -1 if x is None else x

    @dt.task
    def nothing(x: int) -> None:
        turn("nothing")

    return SimpleNamespace(**{name: value for name, value in locals().items() if name != "turn"})


def make_workflows(kit: SimpleNamespace) -> None:
    """What nests, put beside the tasks."""
    step, join, even, pair, known, pair_type = kit.step, kit.join, kit.even, kit.pair, kit.known, kit.Pair

    @dt.workflow
    def inner(x: int, k: int = 2) -> pair_type:  # type: ignore[valid-type]
        made = pair(step(x, k))
        return pair_type(dt.when(even(made.low), lambda: step(made.low), lambda: x), made.high)

    @dt.dynamic
    def expand(x: int) -> int:
        return join([step(x, i) for i in range(x % 3)] + [inner(x).low])

    @dt.workflow
    def element(x: int) -> int:
        made = inner(expand(x))
        return join([made.low, known(made.high)])

    kit.inner, kit.expand, kit.element = inner, expand, element


def extend(kit: SimpleNamespace, pool: list[Any], op: Op) -> Any:
    """The value that an operation makes of values that are there."""
    kind, i, j, k = op
    a, b = pool[i % len(pool)], pool[j % len(pool)]
    if kind == "step":
        return kit.step(a, k)
    if kind == "join":
        return kit.join([a, b])
    if kind == "map":
        return kit.join(dt.map(kit.step, kit.several(a, k), k=b))
    if kind == "map_nested":
        return kit.join(dt.map(kit.element, kit.several(a, k % 3)))
    if kind == "when":
        return dt.when(kit.even(a), lambda: kit.step(b, k), lambda: k)
    if kind == "when_nested":
        return dt.when(
            kit.even(a), lambda: kit.element(b), lambda: dt.when(kit.even(b), lambda: kit.expand(a), lambda: b)
        )
    if kind == "nested":
        made = kit.inner(a, k)
        return kit.join([made.low, kit.known(made.high)])
    if kind == "dynamic":
        return kit.expand(a)
    if kind == "pair":
        low, high = kit.pair(a)
        return kit.join([low, kit.known(high)])
    if kind == "none":
        return kit.step(b).after(kit.nothing(a))
    return kit.join([kit.step(a).after(kit.element(b)), b])


def build(ops: list[Op], turn: Any) -> Any:
    """The workflow of a list of operations."""
    kit = make_tasks(turn)
    make_workflows(kit)

    @dt.workflow
    def wf(x: int) -> int:
        pool: list[Any] = [x]
        for op in ops:
            pool.append(extend(kit, pool, op))
        return kit.join(pool)

    return wf


def check_record(hub: Hub, run_id: str) -> None:
    """Every node has succeeded, exactly once, or was left out."""
    nodes = hub.runs.nodes(run_id)
    assert {node.status for node in nodes} <= {"succeeded", "skipped"}
    ids = [node.node_id for node in nodes]
    assert len(ids) == len({name.casefold() for name in ids})
    succeeded = collections.Counter(e.node_id for e in hub.runs.events(run_id) if e.type == "node.succeeded")
    assert succeeded == {node.node_id: 1 for node in nodes if node.status == "succeeded"}


def new_hub(folder: str) -> Hub:
    return Hub(home=Path(folder) / "store")


@few
@given(graphs, st.integers(0, 20))
def test_durably_as_in_process(ops: list[Op], x: int) -> None:
    script = Script()
    workflow = build(ops, script.turn)
    expected = workflow(x)
    plain = collections.Counter(script.executed)
    script.executed.clear()
    with tempfile.TemporaryDirectory() as folder, new_hub(folder) as hub:
        run = hub.run(workflow, x=x)
        assert run.value == expected
        assert collections.Counter(script.executed) == plain
        check_record(hub, run.run_id)


@few
@given(graphs, st.integers(0, 20), st.integers(1, 25))
def test_a_failure_at_any_node_and_resumed(ops: list[Op], x: int, fails_at: int) -> None:
    plain = Script()
    expected = build(ops, plain.turn)(x)
    script = Script(fails_at)
    workflow = build(ops, script.turn)
    with tempfile.TemporaryDirectory() as folder, new_hub(folder) as hub:
        try:
            value = hub.run(workflow, x=x, run_id="one").value
            failed = 0
        except TaskFailed:
            value = hub.resume("one", workflow).value
            failed = 1
        assert value == expected
        assert failed == (fails_at <= len(plain.executed))
        assert len(script.executed) == len(plain.executed) + failed
        check_record(hub, "one")


@few
@given(graphs, st.integers(0, 20), st.integers(1, 12), st.booleans())
def test_a_store_that_fails_at_any_commit_and_resumed(ops: list[Op], x: int, fails_at: int, before: bool) -> None:
    script = Script()
    workflow = build(ops, script.turn)
    expected = workflow(x)
    with tempfile.TemporaryDirectory() as folder, new_hub(folder) as hub, pytest.MonkeyPatch.context() as patch:
        commit, commits = hub.runs.commit, iter(range(1, 10_000))

        def failing(batch: Any) -> None:
            turn = next(commits)
            if turn < fails_at or not before:
                commit(batch)
            if turn >= fails_at:
                raise StoreUnwritable("no space left")

        patch.setattr(hub.runs, "commit", failing)
        try:
            assert hub.run(workflow, x=x, run_id="one").value == expected
        except DovetailError:
            patch.undo()
            done = [n.node_id for n in hub.runs.nodes("one") if n.status == "succeeded"]
            assert hub.resume("one", workflow).value == expected
            again = collections.Counter(e.node_id for e in hub.runs.events("one") if e.type == "node.succeeded")
            assert all(again[name] == 1 for name in done)
        check_record(hub, "one")


@settings(few, max_examples=4)
@given(graphs, st.integers(0, 20))
def test_in_worker_processes(ops: list[Op], x: int) -> None:
    workflow = build(ops, lambda name: None)
    with tempfile.TemporaryDirectory() as folder, new_hub(folder) as hub:
        run = hub.run(workflow, x=x, executor="processes")
        assert run.value == workflow(x)
        check_record(hub, run.run_id)
