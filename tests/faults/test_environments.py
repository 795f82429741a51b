"""Workers of environments, and hubs that have some, killed at random moments: runs go on, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dovetail.config import Settings
from dovetail.env import isolated_pools
from dovetail.env.bridge import Swept, sweep
from dovetail.env.build import Environments
from dovetail.errors import WorkerDied
from dovetail.hub import Hub
from dovetail.hub._load import load_module
from dovetail.plugins import build_catalogue, use_catalogue

WORKERS_TO_KILL = 70
HUBS_TO_KILL = 30
AT_ONCE = 2
LONGEST = 2.0
"""Seconds that a hub lives, at most."""

PIPELINE = """
import os
import dovetail as dt
import pyarrow as pa

@dt.task(env="plain")
def rows(n: int) -> pa.Table:
    return pa.table({"a": list(range(n))})

@dt.task(env="plain", retries=3, retry_delay=0.001)
def doubled(table: pa.Table) -> pa.Table:
    print("pid", os.getpid(), flush=True)
    return table.set_column(0, "a", pa.array([2 * x for x in table["a"].to_pylist()]))

@dt.task
def total(table: pa.Table) -> int:
    return sum(table["a"].to_pylist())

@dt.workflow
def flow(n: int = 20000) -> int:
    table = rows(n)
    for _ in range(4):
        table = doubled(table)
    return total(table)
"""

EXPECTED = 16 * sum(range(20000))


@pytest.fixture
def seed() -> int:
    """Printed, so that a failure can be had again."""
    found = int(os.environ.get("DOVETAIL_FAULT_SEED") or random.SystemRandom().randrange(10**6))
    print(f"DOVETAIL_FAULT_SEED={found}")
    return found


@pytest.fixture(scope="module")
def env_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("envs")
    isolated_pools().close()


@pytest.fixture
def project(tmp_path: Path, env_dir: Path) -> Settings:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "dovetail.toml").write_text(f'lease_seconds = 1\nenv_dir = "{env_dir}"\n[envs.plain]\nrequires = []\n')
    settings = Settings(tmp_path, env_dir=env_dir, envs={"plain": {"requires": []}}, lease_seconds=1.0, max_workers=2)
    environments = Environments(settings)
    environments.sync(environments.request("plain"))
    return settings


def workers_alive(env_dir: Path) -> list[int]:
    """Processes that run an interpreter of these environments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0")[0].decode("utf-8", "replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if command.startswith(str(env_dir)) and state != "Z":
                found.append(int(entry.name))
    return found


def wait_until_gone(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            watch = os.pidfd_open(pid)
            poll = select.poll()
            poll.register(watch, select.POLLIN)
            gone = poll.poll(20_000)
            os.close(watch)
            assert gone, f"worker {pid} outlived its hub"


def nothing_is_left(settings: Settings) -> None:
    Environments(settings).gc()
    assert sweep([settings.home]) == Swept()
    folder = settings.home / "bridge"
    assert not folder.is_dir() or list(folder.iterdir()) == []
    assert workers_alive(settings.env_dir) == []  # type: ignore[arg-type]


def test_workers_that_are_killed_at_random_are_replaced_and_leave_nothing(project: Settings, seed: int) -> None:
    chance = random.Random(seed)
    killed: set[int] = set()
    stop = threading.Event()

    def kill() -> None:
        while len(killed) < WORKERS_TO_KILL and not stop.wait(chance.expovariate(1 / 0.1)):
            for pid in workers_alive(project.env_dir)[:1]:  # type: ignore[arg-type]
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
        stop.set()

    with use_catalogue(build_catalogue(project)), Hub(project) as hub:
        module = load_module(project.project_root / "pipeline.py")
        assert hub.run(module.flow, n=10).value == 16 * sum(range(10))
        descriptors = len(os.listdir("/proc/self/fd"))
        killer = threading.Thread(target=kill)
        killer.start()
        deaths = 0
        try:
            while not stop.is_set():
                try:
                    assert hub.run(module.flow, on_output=lambda *_: None).value == EXPECTED
                except WorkerDied as error:
                    deaths += 1
                    run_id = error.details["run_id"]
                    with contextlib.suppress(WorkerDied):
                        assert hub.resume(run_id, module.flow, on_output=lambda *_: None).value == EXPECTED
        finally:
            stop.set()
            killer.join()
        assert hub.run(module.flow).value == EXPECTED
        assert len(os.listdir("/proc/self/fd")) <= descriptors + 16  # one more worker, at most
        isolated_pools().close()
    assert len(killed) >= WORKERS_TO_KILL
    nothing_is_left(project)


HUBS = """
import os, signal, sys, traceback
from pathlib import Path
import dovetail as dt
import pyarrow, pyarrow.parquet
from dovetail.env import isolated_pools
from dovetail.engine import _isolated
from dovetail.env.build import Environments
from dovetail.errors import StoreLocked, UsageError
from dovetail.hub import Hub
from dovetail.hub._load import load_module

def work():
    with Hub() as hub:
        module = load_module(Path("pipeline.py"))
        for record in hub.runs.list_runs():
            if record.status not in ("succeeded", "succeeded_with_warnings") and record.status != "running":
                try:
                    hub.resume(record.run_id, module.flow)
                except (StoreLocked, UsageError) as error:  # the other hub was faster
                    if "driven by process" not in error.what and "it has succeeded" not in error.what:
                        raise
        while True:
            print("run", hub.run(module.flow).value, file=sys.stderr)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if not os.fork():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.write(1, b"%d\\n" % os.getpid())
        os.dup2(2, 1)
        try:
            work()
        except BaseException:
            traceback.print_exc()
        os._exit(1)
"""


class Hubs:
    """Starts hubs by forking a process that has imported everything: most of a hub's life is work, not imports."""

    def __init__(self, root: Path) -> None:
        (root / "hubs.py").write_text(HUBS)
        self._said = root / "hubs.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "hubs.py"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
            )

    def start(self) -> tuple[int, int]:
        """A hub: its number and a file descriptor that tells of its end."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        return pid, os.pidfd_open(pid)

    def kill(self, pid: int, watch: int, moment: float) -> None:
        """Kill a hub at that moment, and wait for its end. It must not have ended by itself."""
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        ended = poll.poll(max(moment - time.monotonic(), 0) * 1000)
        assert not ended, f"a hub ended by itself: {self.said()[-5000:]}"
        signal.pidfd_send_signal(watch, signal.SIGKILL)
        assert poll.poll(20_000), "a hub outlived kill -9"
        os.close(watch)

    def said(self) -> str:
        return self._said.read_text(errors="replace")

    def end(self) -> None:
        self.process.communicate()


@pytest.fixture
def hubs(project: Settings) -> Iterator[Hubs]:
    hubs = Hubs(project.project_root)
    yield hubs
    hubs.end()


def test_hubs_that_are_killed_at_random_leave_no_worker_and_no_memory_and_their_runs_go_on(
    project: Settings, hubs: Hubs, seed: int
) -> None:
    chance = random.Random(seed)

    def start() -> tuple[int, int, float]:
        return *hubs.start(), time.monotonic() + chance.uniform(0.05, LONGEST)

    alive = [start() for _ in range(AT_ONCE)]
    killed = 0
    while alive:
        hubs.kill(*alive.pop(0))
        killed += 1
        if killed + len(alive) < HUBS_TO_KILL:
            alive.append(start())
    assert killed == HUBS_TO_KILL
    assert f"run {EXPECTED}" in hubs.said(), "no run came to its end: the hubs were killed too early"
    wait_until_gone(workers_alive(project.env_dir))  # type: ignore[arg-type]
    with use_catalogue(build_catalogue(project)), Hub(project) as hub:
        module = load_module(project.project_root / "pipeline.py")
        unfinished = [run for run in hub.runs.list_runs() if run.status == "crashed"]
        assert unfinished, "no hub was killed in the middle of a run"
        for run in unfinished[:3]:
            assert hub.resume(run.run_id, module.flow).value == EXPECTED
        isolated_pools().close()
    nothing_is_left(project)
