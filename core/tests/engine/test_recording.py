"""What a durable run records, and how values travel through it."""

from __future__ import annotations

from typing import NamedTuple

import dovetail as dt
import pandas as pd
import polars as pl
import pytest
from dovetail.errors import (
    UnknownType,
    ValueMismatch,
)
from dovetail.hub import Hub


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.task
def total(values: list[int]) -> int:
    return sum(values)


@dt.workflow
def chain(x: int = 0) -> int:
    return inc(inc(inc(x)))


@dt.workflow
def fan(values: list[int]) -> int:
    return total(dt.map(inc, values))


class TestRecording:
    def test_a_run_is_recorded_with_its_nodes_and_outputs(self, hub: Hub) -> None:
        result = hub.run(chain, x=1)
        assert result.value == 4
        assert result.status == "succeeded"
        assert [(n.node_id, n.status, n.attempt) for n in result.nodes] == [
            ("inc", "succeeded", 1),
            ("inc-2", "succeeded", 1),
            ("inc-3", "succeeded", 1),
        ]
        record = hub.runs.get_run(result.run_id)
        assert record.workflow == "chain"
        assert record.inputs["x"].inline == "1"
        assert hub.types.load(record.outputs["result"], hub.artifacts) == 4

    def test_events_come_in_order_and_reach_observers_after_the_commit(self, hub: Hub) -> None:
        heard: list[str] = []
        result = hub.run(chain, x=1, observers=[lambda event: heard.append(event.type)])
        stored = [event.type for event in hub.runs.events(result.run_id)]
        assert heard == stored
        assert stored[0] == "run.started" and stored[-1] == "run.finished"
        assert stored.count("node.succeeded") == 3

    def test_an_observer_that_raises_harms_nobody(self, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
        def bad(event: object) -> None:
            raise RuntimeError("observer")

        assert hub.run(chain, x=1, observers=[bad]).value == 4
        assert "a listener raised" in caplog.text

    def test_fan_out_records_every_element(self, hub: Hub) -> None:
        result = hub.run(fan, values=[1, 2, 3])
        assert result.value == 9
        assert {n.node_id for n in result.nodes} == {"inc", "inc[0]", "inc[1]", "inc[2]", "total"}

    def test_values_pass_by_reference_between_nodes(self, hub: Hub) -> None:
        made: list[object] = []
        seen: list[object] = []

        @dt.task
        def make() -> pd.DataFrame:
            made.append(pd.DataFrame({"a": [1, 2]}))
            return made[0]  # type: ignore[return-value]

        @dt.task
        def use(frame: pd.DataFrame) -> int:
            seen.append(frame)
            return len(frame)

        @dt.workflow
        def wf() -> int:
            return use(make())

        assert hub.run(wf).value == 2
        assert seen[0] is made[0]

    def test_frames_are_converted_stored_and_loaded(self, hub: Hub) -> None:
        @dt.task
        def make(n: int) -> pl.DataFrame:
            return pl.DataFrame({"a": list(range(n))})

        @dt.task
        def use(frame: pd.DataFrame) -> pl.DataFrame:
            assert isinstance(frame, pd.DataFrame)
            return pl.from_pandas(frame + 1)

        @dt.workflow
        def wf(n: int) -> pl.DataFrame:
            return use(make(n))

        result = hub.run(wf, n=3)
        assert result.value["a"].to_list() == [1, 2, 3]
        assert hub.types.load(result.outputs["result"], hub.artifacts, pl.DataFrame).equals(result.value)
        assert result.outputs["result"].meta["rows"] == 3

    def test_several_outputs_are_stored_one_by_one(self, hub: Hub) -> None:
        class Parts(NamedTuple):
            small: pl.DataFrame
            count: int

        @dt.task
        def parts() -> Parts:
            return Parts(pl.DataFrame({"a": [1]}), 1)

        @dt.workflow
        def wf() -> Parts:
            found = parts()
            return Parts(found.small, inc(found.count))

        result = hub.run(wf)
        assert set(result.outputs) == {"small", "count"}
        assert result.value.count == 2
        assert result.value.small.height == 1

    def test_choices_and_dynamic_graphs(self, hub: Hub) -> None:
        @dt.task
        def is_large(x: int) -> bool:
            return x > 10

        @dt.dynamic
        def repeat(n: int) -> int:
            value = 0
            for _ in range(n):
                value = inc(value)
            return value

        @dt.workflow
        def wf(x: int) -> int:
            return dt.when(is_large(x), lambda: inc(x), lambda: repeat(x))

        small = hub.run(wf, x=3)
        assert small.value == 3
        assert {n.node_id: n.status for n in small.nodes}["inc"] == "skipped"
        assert {n.node_id for n in small.nodes} >= {"repeat", "repeat.inc", "repeat.inc-2", "repeat.inc-3"}
        assert hub.run(wf, x=30).value == 31

    def test_mapped_workflows_and_lists_of_frames(self, hub: Hub) -> None:
        @dt.task
        def frame(n: int) -> pl.DataFrame:
            return pl.DataFrame({"a": range(n)})

        @dt.workflow
        def sub(n: int) -> pl.DataFrame:
            return frame(inc(n))

        @dt.task
        def heights(frames: list[pl.DataFrame]) -> list[int]:
            return [f.height for f in frames]

        @dt.workflow
        def wf(values: list[int]) -> list[int]:
            return heights(dt.map(sub, values))

        result = hub.run(wf, values=[1, 2])
        assert result.value == [2, 3]
        assert "sub[1].inc" in {n.node_id for n in result.nodes}

    def test_a_wrong_input_is_refused_before_anything_is_recorded(self, hub: Hub) -> None:
        with pytest.raises(ValueMismatch, match="input 'x' of workflow 'chain'"):
            hub.run(chain, x="one")
        assert hub.runs.list_runs() == []

    def test_a_result_that_could_not_be_stored_is_refused_before_any_work(self, hub: Hub) -> None:
        class Opaque:
            pass

        worked: list[int] = []

        @dt.task
        def make() -> Opaque:
            worked.append(1)
            return Opaque()

        @dt.task
        def use(value: Opaque) -> int:
            return 1

        @dt.workflow
        def wf() -> int:
            return use(make())

        assert wf() == 1
        with pytest.raises(UnknownType, match="the result of node 'make'"):
            hub.run(wf)
        assert len(worked) == 1
        assert hub.runs.list_runs() == []

    def test_the_context_is_at_hand(self, hub: Hub) -> None:
        @dt.task
        def who() -> list[str]:
            context = dt.context()
            return [context.run_id or "", context.node_id, context.idempotency_key, str(context.attempt)]

        @dt.workflow
        def wf() -> list[str]:
            return who()

        result = hub.run(wf)
        assert result.value == [result.run_id, "who", f"{result.run_id}/who", "1"]


class Inner(NamedTuple):
    a: int
    frame: pl.DataFrame


class Outer(NamedTuple):
    inner: Inner
    count: int


def test_a_field_may_itself_be_several_values(hub: Hub) -> None:
    @dt.task
    def make() -> Inner:
        return Inner(1, pl.DataFrame({"a": [1, 2]}))

    @dt.workflow
    def wf() -> Outer:
        found = make()
        return Outer(found, inc(found.a))

    result = hub.run(wf)
    stored = hub.types.load(result.outputs["inner"], hub.artifacts, Inner)
    for inner in (result.value.inner, stored):
        assert inner.a == 1
        assert inner.frame.height == 2
    assert result.value.count == 2
