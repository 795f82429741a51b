"""Nothing is left: descriptors, processes, threads, files."""

from __future__ import annotations

import gc
import os
import pathlib
import threading

import pytest
from dovetail.env import WorkerPool
from dovetail.errors import TaskTimeout, WorkerDied


def children():
    """Processes, zombies included, whose parent is this one."""
    found = set()
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone since
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


def held():
    gc.collect()
    return {
        "descriptors": set(os.listdir("/proc/self/fd")),
        "children": children(),
        "threads": set(threading.enumerate()),
    }


def echo(request):
    print("a line")
    return request


def spin(request):
    while True:
        pass


def test_calls_and_kills_leak_nothing(packed, tmp_path):
    before = held()
    with WorkerPool(size=2, environ={**os.environ, "TMPDIR": str(tmp_path)}) as pool:
        payload = packed(echo)
        pool.call(payload, {})
        warm = held()
        for number in range(200):
            assert pool.call(payload, {"number": number}) == {"number": number}
        assert held() == warm
        for _ in range(20):
            with pytest.raises(WorkerDied):
                pool.call(packed(lambda request: os.kill(os.getpid(), 9)), {})
        for _ in range(5):
            with pytest.raises(TaskTimeout):
                pool.call(packed(spin), {}, timeout=0.05)
        pool.call(payload, {})
        assert len(held()["descriptors"]) == len(warm["descriptors"])
        assert len(children()) == len(warm["children"])
    assert held() == before
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_cannot_be_started_leaks_nothing(packed):
    before = held()
    with WorkerPool(python="/nonexistent/python") as pool:
        for _ in range(3):
            with pytest.raises(WorkerDied):
                pool.call(packed(echo), {})
    assert held() == before


def test_a_forgotten_pool_ends_its_workers(packed):
    before = held()
    WorkerPool().call(packed(echo), {})
    assert held() == before


def test_a_worker_holds_its_three_descriptors_and_its_jobs_children_hold_none(packed):
    def look(request):
        import subprocess
        import sys

        code = "import os; print(len(os.listdir('/proc/self/fd')))"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, close_fds=False)
        return {"mine": len(os.listdir("/proc/self/fd")), "childs": int(run.stdout)}

    with WorkerPool() as pool:
        assert pool.call(packed(look), {}) == {"mine": 7, "childs": 4}  # 0, 1, 2, three of ours, and the listing itself
