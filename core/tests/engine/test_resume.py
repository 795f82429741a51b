"""Resuming a run; and shell tasks."""

from __future__ import annotations

from pathlib import Path

import dovetail as dt
import polars as pl
import pytest
from dovetail.errors import (
    StoreLocked,
    TaskFailed,
    UsageError,
)
from dovetail.hub import Hub


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.workflow
def chain(x: int = 0) -> int:
    return inc(inc(inc(x)))


class TestResume:
    def test_finished_nodes_are_not_run_again(self, hub: Hub) -> None:
        calls: list[str] = []
        broken = [True]

        @dt.task
        def first() -> pl.DataFrame:
            calls.append("first")
            return pl.DataFrame({"a": [1]})

        @dt.task
        def part(x: int) -> int:
            calls.append(f"part{x}")
            if x == 2 and broken[0]:
                raise ValueError("not yet")
            return x

        @dt.task
        def last(frame: pl.DataFrame, parts: list[int]) -> int:
            calls.append("last")
            return frame.height + sum(parts)

        @dt.workflow
        def wf(values: list[int]) -> int:
            return last(first(), dt.map(part, values))

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf, values=[1, 2, 3])
        run_id = caught.value.details["run_id"]
        done = [n.node_id for n in hub.runs.nodes(run_id) if n.status == "succeeded"]
        assert "first" in done
        calls.clear()
        broken[0] = False
        result = hub.resume(run_id, wf)
        assert result.value == 7
        assert "first" not in calls
        assert len(calls) == len(set(calls))
        assert not {f"part{i + 1}" for i in range(3) if f"part[{i}]" in done} & set(calls)

    def test_a_run_that_succeeded_is_not_resumed(self, hub: Hub) -> None:
        run = hub.run(chain, x=1)
        with pytest.raises(UsageError):
            hub.resume(run.run_id, chain)

    def test_a_changed_workflow_is_not_resumed(self, hub: Hub) -> None:
        @dt.task
        def fails() -> int:
            raise ValueError("no")

        @dt.workflow
        def wf() -> int:
            return fails()

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf)

        @dt.workflow(name="wf")
        def changed() -> int:
            return inc(fails())

        with pytest.raises(UsageError, match="has changed"):
            hub.resume(caught.value.details["run_id"], changed)

    def test_a_running_run_is_not_taken_over(self, hub: Hub) -> None:
        met: list[BaseException] = []

        @dt.task
        def meddle() -> int:
            try:
                hub.resume(dt.context().run_id or "", wf)
            except StoreLocked as error:
                met.append(error)
            return 1

        @dt.workflow
        def wf() -> int:
            return meddle()

        hub.run(wf)
        assert len(met) == 1

    @pytest.mark.parametrize("harm", ["flip", "remove"])
    def test_a_damaged_output_is_noticed_and_made_again(self, hub: Hub, harm: str) -> None:
        broken = [True]
        calls: list[str] = []

        @dt.task
        def other() -> int:
            calls.append("other")
            return 1

        @dt.task
        def make() -> pl.DataFrame:
            calls.append("make")
            return pl.DataFrame({"a": [1]})

        @dt.task
        def part(frame: pl.DataFrame, k: int) -> pl.DataFrame:
            calls.append(f"part{k}")
            return frame.with_columns(k=k)

        @dt.task
        def use(frames: list[pl.DataFrame], more: int) -> int:
            if broken[0]:
                raise ValueError("not yet")
            return sum(frame["k"].sum() for frame in frames) + more

        @dt.workflow
        def wf(ks: list[int]) -> int:
            return use([part(make(), 5), part(make(), 7)], other())

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf, ks=[1, 2])
        run_id = caught.value.details["run_id"]
        node = hub.runs.node(run_id, "part-2")
        assert node.outputs is not None
        blob = hub.artifacts.open_path(node.outputs["result"].blobs[0])
        blob.chmod(0o600)
        if harm == "flip":
            blob.write_bytes(blob.read_bytes()[:-1] + b"x")
        else:
            blob.unlink()
        broken[0] = False
        calls.clear()
        assert hub.resume(run_id, wf).value == 13
        assert calls == ["part7"]

    def test_a_damaged_element_of_a_fan_out_is_made_again_alone(self, hub: Hub) -> None:
        broken = [True]
        calls: list[int] = []

        @dt.task
        def part(k: int) -> pl.DataFrame:
            calls.append(k)
            return pl.DataFrame({"k": [k]})

        @dt.task
        def use(frames: list[pl.DataFrame]) -> int:
            if broken[0]:
                raise ValueError("not yet")
            return int(sum(frame["k"].sum() for frame in frames))

        @dt.workflow
        def wf(ks: list[int]) -> int:
            return use(dt.map(part, ks))

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf, ks=[1, 2, 3])
        run_id = caught.value.details["run_id"]
        outputs = hub.runs.node(run_id, "part[1]").outputs
        assert outputs is not None
        hub.artifacts.open_path(outputs["result"].blobs[0]).unlink()
        broken[0] = False
        calls.clear()
        assert hub.resume(run_id, wf).value == 6
        assert calls == [2]


def test_shell_tasks_take_arguments_not_commands(hub: Hub, tmp_path: Path) -> None:
    echo = dt.shell(["printf", "%s", "{word}"], inputs={"word": str})

    @dt.workflow
    def wf(word: str) -> str:
        return echo(word)  # type: ignore[no-any-return]

    hostile = f"a; touch {tmp_path / 'pwned'} $(id) {{word}}"
    assert hub.run(wf, word=hostile).value == hostile
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(TaskFailed, match="exit code 1"):
        dt.shell(["false"])()
    with pytest.raises(UsageError, match="not found"):
        dt.shell(["no-such-program-here"])()
