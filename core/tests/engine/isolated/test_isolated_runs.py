"""Durable runs with nodes in environments: all that holds for other nodes holds for them."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest
from dovetail.errors import TaskFailed, TaskTimeout, WorkerDied

TABLES = """
    import polars as pl
    import pyarrow as pa
    from typing import Annotated, NamedTuple
    from sums import total

    class Halves(NamedTuple):
        low: pa.Table
        high: pa.Table
        count: int

    @dt.task(env="plain")
    def made(n: int) -> pa.Table:
        return pa.table({"a": list(range(n))})

    @dt.task(env="plain")
    def halves(table: pa.Table) -> Halves:
        middle = table.num_rows // 2
        return Halves(table.slice(0, middle), table.slice(middle), table.num_rows)

    @dt.task
    def in_polars(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(b=pl.col("a") * 2)

    @dt.workflow
    def flow(n: int = 10) -> int:
        parts = halves(made(n))
        return total(in_polars(parts.high), parts.count)
    """


SUMS = """
    import dovetail as dt
    import pyarrow as pa

    @dt.task(env="other")
    def total(table: pa.Table, count: int) -> int:
        import pyarrow.compute as pc
        return pc.sum(table["b"]).as_py() + 1000 * count
    """


def test_tables_go_from_environment_to_environment_and_through_the_hub(pipeline, hub, other_python):
    module = pipeline(TABLES, sums=SUMS)
    expected = sum(2 * n for n in range(5, 10)) + 10_000
    assert hub.run(module.flow, n=10).value == expected
    assert module.flow(n=10) == expected


def node(hub, run_id):
    (found,) = hub.runs.nodes(run_id)
    return found


def test_what_a_run_has_stored_does_not_depend_on_where_its_nodes_ran(pipeline, hub):
    module = pipeline(
        """
        import pyarrow as pa

        def rows(n: int) -> pa.Table:
            return pa.table({"a": list(range(n)), "b": [str(i) for i in range(n)]})

        here = dt.task(name="rows")(rows)
        there = dt.task(env="plain", name="rows")(rows)

        @dt.workflow
        def at_home(n: int = 5) -> pa.Table:
            return here(n)

        @dt.workflow
        def away(n: int = 5) -> pa.Table:
            return there(n)
        """
    )
    first, second = hub.run(module.at_home), hub.run(module.away)
    ids = [node(hub, run.run_id).outputs["result"].id for run in (first, second)]
    assert ids[0] == ids[1]
    assert first.value.equals(second.value)


def test_elements_of_a_map_run_in_workers(pipeline, hub):
    module = pipeline(
        """
        @dt.task(env="plain")
        def square(x: int) -> int:
            return x * x

        @dt.workflow
        def squares(n: int = 6) -> list[int]:
            return dt.map(square, list(range(6)))
        """
    )
    assert hub.run(module.squares).value == [0, 1, 4, 9, 16, 25]


# -- options ---------------------------------------------------------------------------------------


def test_a_retry_gets_a_new_worker(pipeline, hub, tmp_path):
    module = pipeline(
        """
        import os
        from pathlib import Path

        @dt.task(env="plain", retries=2, retry_delay=0)
        def shaky(marks: str) -> int:
            with open(marks, "a") as file:
                file.write(f"{os.getpid()}\\n")
            if dt.context().attempt < 3:
                os.kill(os.getpid(), 9)
            return dt.context().attempt

        @dt.workflow
        def flow(marks: str) -> int:
            return shaky(marks)
        """
    )
    assert hub.run(module.flow, marks=str(tmp_path / "marks")).value == 3
    pids = (tmp_path / "marks").read_text().split()
    assert len(set(pids)) == 3


def test_a_timeout_stops_the_worker_and_the_hub_goes_on(pipeline, hub):
    module = pipeline(
        """
        @dt.task(env="plain", timeout=0.2)
        def spin() -> int:
            while True:
                pass

        @dt.task(env="plain")
        def fine() -> int:
            return 1

        @dt.workflow
        def bad() -> int:
            return spin()

        @dt.workflow
        def good() -> int:
            return fine()
        """
    )
    with pytest.raises(TaskTimeout, match=r"timeout of 0\.2 s") as caught:
        hub.run(module.bad)
    assert "spin" in str(caught.value.who)
    assert hub.run(module.good).value == 1


def test_loading_code_is_not_the_tasks_time_and_must_end_too(pipeline, hub, monkeypatch):
    from dovetail.engine import _isolated

    monkeypatch.setattr(_isolated, "_LOAD_SECONDS", 0.3)
    module = pipeline(
        """
        import hanging

        @dt.task(env="plain")
        def work() -> int:
            return hanging.thing()

        @dt.workflow
        def flow() -> int:
            return work()
        """,
        hanging="""
        import sys

        class Stuck:
            def __reduce__(self):
                return wait, ()

        def wait():
            import threading
            threading.Event().wait()

        stuck = Stuck()

        def thing():
            return stuck
        """,
    )
    with pytest.raises(WorkerDied, match=r"code of the task loaded within 0\.3 s"):
        hub.run(module.flow)


def test_the_output_of_an_isolated_node_is_used_again(pipeline, hub, tmp_path):
    module = pipeline(
        """
        @dt.task(env="plain", cache=True)
        def noted(x: int, marks: str) -> int:
            with open(marks, "a") as file:
                file.write("ran ")
            return x + 1

        @dt.workflow
        def flow(x: int, marks: str) -> int:
            return noted(x, marks)
        """
    )
    marks = str(tmp_path / "marks")
    assert [hub.run(module.flow, x=x, marks=marks).value for x in (1, 1, 2)] == [2, 2, 3]
    assert (tmp_path / "marks").read_text() == "ran ran "


def test_a_run_that_failed_goes_on_where_it_was(pipeline, hub, tmp_path):
    module = pipeline(
        """
        import os
        import pyarrow as pa

        @dt.task(env="plain")
        def first(marks: str) -> pa.Table:
            with open(marks, "a") as file:
                file.write("first ")
            return pa.table({"a": [1, 2, 3]})

        @dt.task(env="plain")
        def second(table: pa.Table, marks: str) -> int:
            if not os.path.exists(marks + ".ready"):
                raise RuntimeError("not yet")
            return table.num_rows

        @dt.workflow
        def flow(marks: str) -> int:
            return second(first(marks), marks)
        """
    )
    marks = tmp_path / "marks"
    with pytest.raises(TaskFailed, match="node 'second' raised RuntimeError: not yet") as caught:
        hub.run(module.flow, marks=str(marks))
    (tmp_path / "marks.ready").touch()
    assert hub.resume(caught.value.details["run_id"], module.flow).value == 3
    assert marks.read_text() == "first "


def test_output_carries_the_name_of_its_node(pipeline, hub):
    module = pipeline(
        """
        @dt.task(env="plain")
        def talk(x: int) -> int:
            print("x is", x)
            return x

        @dt.workflow
        def flow() -> list[int]:
            return dt.map(talk, [1, 2])
        """
    )
    heard = []
    hub.run(module.flow, on_output=lambda node, stream, line: heard.append((node, stream, line)))
    assert sorted(heard) == [("talk[0]", "stdout", "x is 1"), ("talk[1]", "stdout", "x is 2")]


# -- stopping --------------------------------------------------------------------------------------


def test_ctrl_c_stops_the_worker_and_the_run_can_be_resumed(settings, tmp_path, hub, gone):
    (tmp_path / "pipeline.py").write_text(
        textwrap.dedent(
            """
            import dovetail as dt
            import os, sys, time

            @dt.task(env="plain")
            def slow(marks: str) -> int:
                if os.path.exists(marks):
                    return 7
                with open(marks, "w") as file:
                    file.write(str(os.getpid()))
                print("at work", flush=True)
                time.sleep(600)
                return 0

            @dt.workflow
            def flow(marks: str) -> int:
                return slow(marks)
            """
        )
    )
    (tmp_path / "dovetail.toml").write_text(f'env_dir = "{settings.env_dir}"\n[envs.plain]\nrequires = []\n')
    marks = tmp_path / "marks"
    process = subprocess.Popen(
        [sys.executable, "-m", "dovetail", "run", "pipeline.py", "flow", "--marks", str(marks)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "at work" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[0]
    assert process.returncode == 130, rest
    assert gone(int(marks.read_text()))
    resumed = subprocess.run(
        [sys.executable, "-m", "dovetail", "runs", "resume", "latest"], cwd=tmp_path, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
