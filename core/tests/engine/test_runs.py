"""Durable runs: what is recorded, retried, cached, stopped and resumed."""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path
from typing import Annotated, NamedTuple

import dovetail as dt
import pandas as pd
import polars as pl
import pytest
from dovetail.errors import (
    ArtifactCorrupt,
    GateBlocked,
    RunInterrupted,
    StoreLocked,
    TaskFailed,
    TaskTimeout,
    UsageError,
    ValueMismatch,
    WorkerDied,
)
from dovetail.hub import Hub
from dovetail.quality.checks import in_range, not_null


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


class TestFailures:
    def test_a_failing_function_is_a_user_failure_with_its_own_traceback(self, hub: Hub) -> None:
        @dt.task
        def fails(x: int) -> int:
            raise KeyError("mine")

        @dt.workflow
        def wf(x: int) -> int:
            return inc(fails(inc(x)))

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf, x=1)
        error = caught.value
        assert error.kind == "user"
        assert error.details["type"] == "KeyError"
        first = error.details["traceback"].splitlines()[1]
        assert __file__ in first
        assert isinstance(error.__cause__, KeyError)
        record = hub.runs.get_run(error.details["run_id"])
        assert record.status == "failed"
        states = {n.node_id: n.status for n in hub.runs.nodes(record.run_id)}
        assert states == {"inc": "succeeded", "fails": "failed"}

    def test_retries_with_backoff_until_it_works(self, hub: Hub) -> None:
        attempts: list[int] = []

        @dt.task(retries=3, retry_delay=0.01)
        def flaky() -> int:
            attempts.append(dt.context().attempt)
            if len(attempts) < 3:
                raise OSError("not yet")
            return 7

        @dt.workflow
        def wf() -> int:
            return flaky()

        result = hub.run(wf)
        assert result.value == 7
        assert attempts == [1, 2, 3]
        types = [event.type for event in hub.runs.events(result.run_id)]
        assert types.count("node.retrying") == 2

    def test_retries_end(self, hub: Hub) -> None:
        attempts: list[int] = []

        @dt.task(retries=1, retry_delay=0.01)
        def fails() -> int:
            attempts.append(1)
            raise OSError("never")

        @dt.workflow
        def wf() -> int:
            return fails()

        with pytest.raises(TaskFailed):
            hub.run(wf)
        assert len(attempts) == 2

    def test_independent_nodes_that_run_are_committed_when_another_fails(self, hub: Hub) -> None:
        go = threading.Event()

        @dt.task
        def slow() -> int:
            assert go.wait(20)
            return 1

        @dt.task
        def fails() -> int:
            go.set()
            raise ValueError("no")

        @dt.task
        def both(a: int, b: int) -> int:
            return a + b

        @dt.workflow
        def wf() -> int:
            return both(slow(), fails())

        with pytest.raises(TaskFailed):
            hub.run(wf)
        run = hub.runs.list_runs()[0]
        assert {n.node_id: n.status for n in hub.runs.nodes(run.run_id)} == {"slow": "succeeded", "fails": "failed"}

    def test_sys_exit_in_a_task_fails_the_task_only(self, hub: Hub) -> None:
        @dt.task
        def leave() -> int:
            raise SystemExit(0)

        @dt.workflow
        def wf() -> int:
            return leave()

        with pytest.raises(TaskFailed, match="SystemExit"):
            hub.run(wf)

    def test_a_result_of_the_wrong_type_is_a_user_failure(self, hub: Hub) -> None:
        @dt.task
        def liar() -> int:
            return "one"  # type: ignore[return-value]

        @dt.workflow
        def wf() -> int:
            return liar()

        with pytest.raises(ValueMismatch, match="the result of task 'liar'"):
            hub.run(wf)


class TestStopping:
    def test_a_timeout_really_stops_the_work(self, hub: Hub, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"

        @dt.task(timeout=1.0)
        def hang(path: str) -> int:
            import os
            import pathlib

            pathlib.Path(path).write_text(str(os.getpid()))
            while True:
                pass

        @dt.workflow
        def wf(path: str) -> int:
            return hang(path)

        with pytest.raises(TaskTimeout):
            hub.run(wf, path=str(pid_file))
        if pid_file.exists():  # a loaded machine may not have got so far
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid_file.read_text()), 0)

    def test_processes_give_the_same_results(self, hub: Hub) -> None:
        @dt.task(executor="processes")
        def where(frame: pl.DataFrame) -> list[int]:
            import os

            return [os.getpid(), frame.height]

        @dt.task
        def make() -> pl.DataFrame:
            return pl.DataFrame({"a": [1, 2]})

        @dt.workflow
        def wf() -> list[int]:
            return where(make())

        pid, height = hub.run(wf).value
        assert pid != os.getpid()
        assert height == 2

    def test_a_process_that_dies_fails_its_node_with_that_reason(self, hub: Hub) -> None:
        @dt.task(executor="processes")
        def die() -> int:
            import os

            os._exit(3)

        @dt.workflow
        def wf() -> int:
            return die()

        with pytest.raises(WorkerDied, match="3") as caught:
            hub.run(wf)
        assert caught.value.kind == "platform"

    def test_a_run_can_be_cancelled_from_outside(self, hub: Hub) -> None:
        @dt.task(executor="processes")
        def hang() -> int:
            while True:
                pass

        @dt.workflow
        def wf() -> int:
            return hang()

        def cancel(event: object) -> None:
            if getattr(event, "type", "") == "node.started":
                hub.runs.request_cancel("to-be-cancelled")

        with pytest.raises(RunInterrupted):
            hub.run(wf, run_id="to-be-cancelled", observers=[cancel])
        assert hub.runs.get_run("to-be-cancelled").status == "cancelled"


class TestCache:
    def test_same_code_and_content_are_not_computed_again(self, hub: Hub) -> None:
        calls: deque[int] = deque()  # what it holds is, unlike that of a list, no part of the cache key

        @dt.task(cache=True)
        def cost(frame: pl.DataFrame, n: int) -> int:
            calls.append(n)
            return frame.height + n

        @dt.task
        def make(rows: int) -> pl.DataFrame:
            return pl.DataFrame({"a": range(rows)})

        @dt.workflow
        def wf(rows: int, n: int) -> int:
            return cost(make(rows), n)

        assert hub.run(wf, rows=3, n=1).value == 4
        again = hub.run(wf, rows=3, n=1)
        assert again.value == 4
        assert {n.node_id: n.cached for n in again.nodes} == {"make": False, "cost": True}
        assert hub.run(wf, rows=3, n=2).value == 5
        assert hub.run(wf, rows=4, n=1).value == 5
        assert list(calls) == [1, 2, 1]

    def test_other_code_is_computed_again(self, hub: Hub) -> None:
        def make(offset: int) -> dt.Workflow:  # type: ignore[type-arg]
            @dt.task(cache=True)
            def shift(x: int) -> int:
                return x + offset

            @dt.workflow
            def wf(x: int) -> int:
                return shift(x)

            return wf

        assert hub.run(make(1), x=1).value == 2
        assert hub.run(make(2), x=1).value == 3

    def test_a_damaged_entry_is_computed_again(self, hub: Hub) -> None:
        @dt.task(cache=True)
        def make(n: int) -> pl.DataFrame:
            return pl.DataFrame({"a": range(n)})

        @dt.workflow
        def wf(n: int) -> pl.DataFrame:
            return make(n)

        first = hub.run(wf, n=3)
        blob = hub.artifacts.open_path(first.outputs["result"].blobs[0])
        blob.chmod(0o600)
        blob.write_bytes(b"no parquet")
        again = hub.run(wf, n=3)
        assert again.nodes[0].cached is False
        assert again.value.height == 3


class TestGates:
    @staticmethod
    def workflow(on_fail: str) -> dt.Workflow:  # type: ignore[type-arg]
        gate = dt.Gate([not_null("a"), in_range("a", 0, 10)], on_fail=on_fail, max_quarantined="50%", name="limits")  # type: ignore[arg-type]

        @dt.task
        def make() -> Annotated[pl.DataFrame, gate, dt.Dataset("clean", path="out/clean.parquet")]:
            return pl.DataFrame({"a": [1, 2, None, 99, 3]})

        @dt.task
        def count(frame: pl.DataFrame) -> int:
            return frame.height

        @dt.workflow
        def wf() -> int:
            return count(make())

        return wf

    def test_quarantine_keeps_the_rows_and_publishes_the_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with Hub(home=tmp_path / "store") as hub:
            result = hub.run(self.workflow("quarantine"))
            assert result.value == 3
            assert result.status == "succeeded_with_warnings"
            (report,) = result.reports
            assert report.decision == "publish_clean_quarantine_rest"
            published = hub.runs.dataset("clean")
            assert hub.types.load(published.artifact, hub.artifacts, pl.DataFrame)["a"].to_list() == [1, 2, 3]
            assert pl.read_parquet(hub.settings.project_root / "out/clean.parquet")["a"].to_list() == [1, 2, 3]
            assert list((hub.settings.project_root / "out").iterdir()) == [
                hub.settings.project_root / "out" / "clean.parquet"
            ]

    def test_block_is_a_data_failure_and_publishes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with Hub(home=tmp_path / "store") as hub:
            with pytest.raises(GateBlocked) as caught:
                hub.run(self.workflow("block"))
            assert caught.value.kind == "data"
            assert hub.runs.list_runs()[0].status == "blocked"
            assert hub.runs.datasets() == []
            assert not (tmp_path / "out").exists()
            staged = hub.runs.artifact(caught.value.details["staged"])
            assert hub.types.load(staged, hub.artifacts, pl.DataFrame).height == 5

    def test_a_gate_as_a_node(self, hub: Hub) -> None:
        gate = dt.Gate(not_null("a"), on_fail="drop", max_quarantined="90%", name="no nulls!")

        @dt.task
        def make() -> pl.DataFrame:
            return pl.DataFrame({"a": [1, None]})

        @dt.workflow
        def wf() -> pl.DataFrame:
            return gate(make())  # type: ignore[no-any-return]

        assert wf().height == 1
        result = hub.run(wf)
        assert result.value.height == 1
        assert "no_nulls_" in {n.node_id for n in result.nodes}
        assert len(result.reports) == 1


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

    def test_a_damaged_output_is_noticed_and_never_used(self, hub: Hub) -> None:
        broken = [True]

        @dt.task
        def make() -> pl.DataFrame:
            return pl.DataFrame({"a": [1]})

        @dt.task
        def use(frame: pl.DataFrame) -> int:
            if broken[0]:
                raise ValueError("not yet")
            return frame.height

        @dt.workflow
        def wf() -> int:
            return use(make())

        with pytest.raises(TaskFailed) as caught:
            hub.run(wf)
        run_id = caught.value.details["run_id"]
        node = hub.runs.node(run_id, "make")
        assert node.outputs is not None
        blob = hub.artifacts.open_path(node.outputs["result"].blobs[0])
        blob.chmod(0o600)
        blob.write_bytes(blob.read_bytes()[:-1] + b"x")
        broken[0] = False
        with pytest.raises(ArtifactCorrupt):
            hub.resume(run_id, wf)


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
