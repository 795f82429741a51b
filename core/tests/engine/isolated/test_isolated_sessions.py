"""What task types open inside of workers: once for a run, in one worker, closed at its end."""

from __future__ import annotations

import gc
import os
import pathlib
import subprocess
import sys
import textwrap
import threading

import pytest
from dovetail.env import isolated_pools
from dovetail.errors import WorkerDied

SESSIONS = """
    import os
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass(frozen=True)
    class Session:
        __dovetail_task_type__: ClassVar[str] = "session"
        log: str
        name: str = "s"

    def note(config, word):
        with open(config.log, "a") as file:
            file.write(f"{word} {config.name} {os.getpid()}\\n")

    @dt.task_type("session")
    class SessionTask(dt.TaskType):
        def resource_key(self, config):
            return config.name

        def open(self, config, context):
            note(config, "open")
            return config

        def close(self, resource):
            note(resource, "close")

        def execute(self, call):
            note(call.config, "use")
            return call.function(**call.inputs)
    """


def told(path):
    return [tuple(line.split()) for line in path.read_text().splitlines()]


@pytest.fixture
def sessions(pipeline, tmp_path):
    log = tmp_path / "log"
    module = pipeline(
        SESSIONS
        + f"""
    @dt.task(Session({str(log)!r}), env="plain")
    def use(x: int) -> int:
        if x < 0:
            os.kill(os.getpid(), 9)
        return x + 1

    @dt.workflow
    def chain(x: int = 1) -> int:
        return use(use(use(x)))

    @dt.workflow
    def fan() -> list[int]:
        return dt.map(use, [1, 2, 3, 4, 5, 6])
    """
    )
    return module, log


@pytest.mark.parametrize("way", ["run", "call"])
def test_a_session_is_opened_once_used_by_all_and_closed_at_the_end_of_the_run(sessions, hub, way):
    module, log = sessions
    assert (hub.run(module.chain).value if way == "run" else module.chain()) == 4
    words = told(log)
    assert [word for word, *_ in words] == ["open", "use", "use", "use", "close"]
    assert len({pid for *_, pid in words}) == 1


def test_nodes_that_could_run_at_once_share_the_one_session(sessions, hub):
    module, log = sessions
    assert hub.run(module.fan).value == [2, 3, 4, 5, 6, 7]
    words = told(log)
    assert sorted(word for word, *_ in words) == ["close", "open", *["use"] * 6]
    assert len({pid for *_, pid in words}) == 1


def test_the_next_run_opens_anew_in_the_same_warm_worker(sessions, hub):
    module, log = sessions
    hub.run(module.chain)
    hub.run(module.chain)
    words = told(log)
    assert [word for word, *_ in words] == ["open", "use", "use", "use", "close"] * 2
    assert len({pid for *_, pid in words}) == 1


def test_a_session_that_died_with_its_worker_is_opened_again(sessions, hub):
    module, log = sessions
    with pytest.raises(WorkerDied):
        hub.run(module.chain, x=-1)
    assert hub.run(module.chain).value == 4
    assert [word for word, *_ in told(log)] == ["open", "use", "open", "use", "use", "use", "close"]


# -- nothing is left -------------------------------------------------------------------------------


def children():
    found = set()
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone since
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


def resident(pid="self"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no RssAnon")


def held():
    gc.collect()
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": children(),
        "threads": threading.active_count(),
    }


def segments(bridge):
    return sum(len(files) for root in bridge.place["roots"].values() for _, _, files in os.walk(root))


def test_a_thousand_warm_calls_leave_nothing(pipeline, hub):
    module = pipeline(
        """
        import pyarrow as pa

        @dt.task(env="plain")
        def step(table: pa.Table, x: int) -> pa.Table:
            return table.append_column(f"c{x % 3}", table["a"])

        @dt.task(env="plain")
        def add(x: int) -> int:
            return x + 1

        @dt.task(env="plain")
        def pid() -> int:
            import os
            return os.getpid()
        """
    )
    import pyarrow as pa
    from dovetail.engine._placement import in_process
    from dovetail.graph import ResourceScope
    from dovetail.spec import TaskContext

    table = pa.table({"a": list(range(2000))})
    step, add = (in_process(task.compiled(), task.defaults) for task in (module.step, module.add))

    def calls(number):
        with ResourceScope() as scope:
            for x in range(number):
                assert add({"x": x}, TaskContext("add"), scope) == x + 1
                if x % 8 == 0:
                    assert step({"table": table, "x": x}, TaskContext("step"), scope).num_columns == 2

    calls(400)
    worker, before = module.pid(), held()
    bridge = isolated_pools().bridge(hub.settings.home)
    files, here, there = segments(bridge), resident(), resident(worker)
    calls(1000)
    assert module.pid() == worker
    assert held() == before
    assert segments(bridge) <= files + 2
    assert resident() - here < 8
    assert resident(worker) - there < 8


def test_a_fork_of_the_hub_has_workers_of_its_own(pipeline, hub):
    module = pipeline(
        """
        @dt.task(env="plain")
        def pid() -> int:
            import os
            return os.getpid()
        """
    )
    before = module.pid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(write, str(module.pid()).encode())
            isolated_pools().close()
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as told:
        other = int(told.read())
    assert os.waitpid(child, 0)[1] == 0
    assert other != before
    assert module.pid() == before


def test_a_fork_that_lives_on_keeps_no_worker_alive(settings, tmp_path, hub, gone):
    (tmp_path / "dovetail.toml").write_text(f'env_dir = "{settings.env_dir}"\n[envs.plain]\nrequires = []\n')
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            import os, sys
            import dovetail as dt

            @dt.task(env="plain")
            def pid() -> int:
                return os.getpid()

            if __name__ == "__main__":
                worker = pid()
                if os.fork() == 0:
                    sys.stdin.read()
                    os._exit(0)
                print(worker, flush=True)
                os.kill(os.getpid(), 9)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    assert gone(int(process.stdout.readline()))
    process.stdin.close()
    process.wait()
