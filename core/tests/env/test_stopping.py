"""Stopping work that does not want to stop, and leaving nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from dovetail.env import WorkerPool
from dovetail.errors import RunInterrupted, TaskTimeout, WorkerDied

LAW = 2.0  # seconds that a timeout may be late
SLACK = 5.0  # for a loaded machine


def trivial(request):
    return {"pid": os.getpid()}


def deaf_sleep(request):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def busy_loop(request):
    while True:
        pass


def in_c(request):
    re.match(r"(a+)+$", "a" * 60 + "b")  # holds the interpreter lock: not even signal handlers run


def swallows_everything(request):
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(600)


def stopped(request):
    os.kill(os.getpid(), signal.SIGSTOP)


def flood(request):
    while True:
        print("x" * 1000)


def flood_of_one_line(request):
    while True:
        os.write(2, b"y" * 65536)


@pytest.mark.parametrize(
    "work",
    [deaf_sleep, busy_loop, in_c, swallows_everything, stopped, flood, flood_of_one_line],
    ids=lambda work: work.__name__,
)
def test_a_timeout_really_stops_the_work(pool, packed, gone, work):
    pid = pool.call(packed(trivial), {})["pid"]
    began = time.monotonic()
    with pytest.raises(TaskTimeout) as caught:
        pool.call(packed(work), {}, timeout=0.2, job="node")
    assert time.monotonic() - began < 0.2 + LAW + SLACK
    assert gone(pid)
    assert caught.value.kind == "user"
    assert caught.value.who == "node"
    assert pool.call(packed(trivial), {})["pid"] != pid


def with_grandchildren(request):
    script = (
        "import os, signal, time; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    )
    subprocess.Popen([sys.executable, "-c", script])
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    print(child, flush=True)
    if request["then"] == "exit":
        os._exit(3)
    time.sleep(600)


def test_grandchildren_are_stopped_with_the_job(pool, packed, gone):
    seen = []

    def stop_at_two(stream, line):
        seen.append(int(line))
        if len(seen) == 2:
            pool.cancel("node")

    with pytest.raises(RunInterrupted):
        pool.call(packed(with_grandchildren), {"then": "sleep"}, job="node", on_output=stop_at_two)
    assert len(seen) == 2
    assert all(gone(pid) for pid in seen)


def test_grandchildren_of_a_worker_that_died_are_stopped_and_its_death_is_seen_at_once(pool, packed, gone):
    seen = []
    with pytest.raises(WorkerDied, match="code 3"):  # although the fork still holds the pipe for replies
        pool.call(
            packed(with_grandchildren), {"then": "exit"}, timeout=300, on_output=lambda _, line: seen.append(int(line))
        )
    assert seen
    assert all(gone(pid) for pid in seen)


def test_a_stopped_job_may_clean_up_within_the_grace(packed, tmp_path):
    def tidy(request):
        try:
            print("ready", flush=True)
            time.sleep(600)
        finally:
            open(request["path"], "w").close()

    with WorkerPool(grace=30) as pool, pytest.raises(RunInterrupted):
        pool.call(packed(tidy), {"path": str(tmp_path / "tidy")}, job="n", on_output=lambda *_: pool.cancel("n"))
    assert (tmp_path / "tidy").exists()


def test_the_time_does_not_run_while_waiting_for_a_worker(packed):
    with WorkerPool(size=1) as pool:
        first = threading.Event()

        def hold(request):
            print("busy", flush=True)
            time.sleep(0.5)
            return {}

        thread = threading.Thread(
            target=pool.call, args=(packed(hold), {}), kwargs={"on_output": lambda *_: first.set()}
        )
        thread.start()
        assert first.wait(30)
        # Were the half second of the other job counted, this could not succeed.
        assert pool.call(packed(trivial), {}, timeout=0.45)
        thread.join()


# --- cancelling --------------------------------------------------------------------------------------------------------


def announce_and_sleep(request):
    print(os.getpid(), flush=True)
    time.sleep(600)


def test_cancel_from_another_thread_kills_the_worker(pool, packed, gone):
    pids, ready, errors = [], threading.Event(), []

    def heard(_, line):
        pids.append(int(line))
        ready.set()

    def run():
        try:
            pool.call(packed(announce_and_sleep), {}, job="score[3]", on_output=heard)
        except RunInterrupted as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(30)
    assert not pool.cancel("score[4]")
    assert pool.cancel("score[3]")
    thread.join(30)
    assert [error.who for error in errors] == ["score[3]"]
    assert gone(pids[0])
    assert pool.call(packed(trivial), {})["pid"] != pids[0]
    assert not pool.cancel("score[3]")


def test_a_job_that_waits_for_a_worker_can_be_cancelled(packed):
    with WorkerPool(size=1) as pool:
        ready, raised = threading.Event(), []

        def run(job):
            try:
                pool.call(packed(announce_and_sleep), {}, job=job, on_output=lambda *_: ready.set())
            except RunInterrupted as error:
                raised.append(error.who)

        first = threading.Thread(target=run, args=["first"])
        first.start()
        assert ready.wait(30)
        second = threading.Thread(target=run, args=["second"])
        second.start()
        while not pool.cancel("second"):  # until it is in the queue
            os.sched_yield()
        second.join(30)
        assert raised == ["second"]
        pool.cancel("first")
        first.join(30)
        assert raised == ["second", "first"]


def test_closing_ends_running_and_idle_workers(packed, gone):
    pool = WorkerPool(size=2)
    idle = pool.call(packed(trivial), {})["pid"]
    pids, ready, raised = [], threading.Event(), []

    def heard(_, line):
        pids.append(int(line))
        ready.set()

    def run():
        try:
            pool.call(packed(announce_and_sleep), {}, on_output=heard)
        except RunInterrupted as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(30)
    pool.close()
    thread.join(30)
    assert len(raised) == 1
    assert gone(idle) and gone(pids[0])


def test_an_idle_worker_runs_its_exit_handlers_when_the_pool_closes(packed, tmp_path):
    def register(request):
        import atexit

        atexit.register(lambda: open(request["path"], "w").close())
        return {}

    with WorkerPool(grace=30) as pool:
        pool.call(packed(register), {"path": str(tmp_path / "closed")})
    assert (tmp_path / "closed").exists()


# --- the hub's own end -------------------------------------------------------------------------------------------------

HUB = """
import os, subprocess, sys, time, re
from dovetail.env import WorkerPool, pack

def work(request):
    child = subprocess.Popen(["sleep", "600"])
    print(os.getpid(), child.pid, flush=True)
    if request["how"] == "c":
        re.match(r"(a+)+$", "a" * 60 + "b")
    time.sleep(600)

def pids(request):
    return {"pid": os.getpid()}

pool = WorkerPool()
how = sys.argv[1]
if how == "idle":
    print(pool.call(pack(pids), {})["pid"], flush=True)
    if len(sys.argv) < 3:
        sys.stdin.read()
else:
    try:
        pool.call(pack(work), {"how": how}, on_output=lambda _, line: print(line, flush=True))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.fixture
def hub(tmp_path):
    script = tmp_path / "hub.py"
    script.write_text(textwrap.dedent(HUB))
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, [int(pid) for pid in process.stdout.readline().split()]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.parametrize("how", ["sleep", "c", "idle"])
def test_no_worker_survives_a_killed_hub(hub, gone, how):
    process, pids = hub(how)
    assert pids
    process.kill()
    assert all(gone(pid) for pid in pids)


def test_no_worker_survives_a_hub_that_forgets_to_close(hub, gone):
    process, pids = hub("idle", "and leave")
    assert process.wait(30) == 0
    assert all(gone(pid) for pid in pids)


def test_ctrl_c_in_the_waiting_thread_kills_the_job(hub, gone):
    process, pids = hub("sleep")
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert all(gone(pid) for pid in pids)


def test_ctrl_c_in_the_terminal_does_not_reach_a_worker(call):
    ids = call(lambda request: {"group": os.getpgrp(), "session": os.getsid(0)})
    assert ids["group"] != os.getpgrp()
    assert ids["session"] != os.getsid(0)


# --- systems that can do less than Linux -------------------------------------------------------------------------------


def test_without_process_descriptors_deaths_and_timeouts_are_still_seen(packed, monkeypatch):
    from dovetail.env import _process

    monkeypatch.setattr(_process, "_open_pidfd", lambda pid: None)
    with WorkerPool() as pool:
        assert pool.call(packed(trivial), {})["pid"]
        with pytest.raises(WorkerDied, match="code 3"):
            pool.call(packed(lambda request: os._exit(3)), {})
        with pytest.raises(TaskTimeout):
            pool.call(packed(deaf_sleep), {}, timeout=0.1)
        with pytest.raises(RunInterrupted):
            pool.call(packed(announce_and_sleep), {}, job="n", on_output=lambda *_: pool.cancel("n"))
        assert pool.call(packed(trivial), {})["pid"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kernel", ["signals", "does not"])
def test_a_process_is_tied_to_its_lifeline_also_where_the_kernel_does_not_signal(gone, kernel, when):
    script = """if True:
        import fcntl, sys, threading
        if sys.argv[2] != "signals":
            del fcntl.F_SETSIG
        from dovetail.env._lifeline import tie
        sys.stdin.readline()
        tie(int(sys.argv[1]))
        print("tied", flush=True)
        threading.Event().wait()
    """
    theirs, ours = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(theirs), kernel],
        pass_fds=[theirs],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    os.close(theirs)
    if when == "before":
        os.close(ours)
    process.stdin.write(b"\n")
    process.stdin.flush()
    if when == "after":
        assert process.stdout.readline() == b"tied\n"
        os.close(ours)
    assert process.wait(30) == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
