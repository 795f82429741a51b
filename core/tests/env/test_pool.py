"""A job in a worker process: its reply and its output."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from dovetail.env import WorkerPool
from dovetail.errors import (
    PlatformError,
)


def double(request):
    return {"doubled": request["x"] * 2}


def whoami(request):
    return {"pid": os.getpid(), "cwd": os.getcwd(), "path": sys.path}


def test_a_call_brings_the_reply_back(call):
    assert call(double, {"x": 21}) == {"doubled": 42}


def test_workers_are_kept_warm_and_are_other_processes(call):
    pids = {call(whoami)["pid"] for _ in range(5)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_making_a_pool_starts_nothing_and_a_call_starts_one(packed):
    with WorkerPool(size=8) as pool:
        assert pool._idle == []
        pool.call(packed(double), {"x": 1})
        assert len(pool._idle) == 1


def test_calls_at_once_use_as_many_workers_as_the_pool_has(pool, packed):
    meeting = threading.Barrier(2, timeout=30)  # broken unless both jobs run at the same time
    replies = []

    def announce(request):
        print("here", flush=True)
        return {"pid": os.getpid()}

    def run():
        replies.append(pool.call(packed(announce), {}, on_output=lambda *_: meeting.wait()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len({reply["pid"] for reply in replies}) == 2


def test_more_calls_than_workers_wait_for_their_turn(packed):
    replies = []
    with WorkerPool(size=1) as pool:
        payload = packed(double)
        threads = [
            threading.Thread(target=lambda x=x: replies.append(pool.call(payload, {"x": x})["doubled"]))
            for x in range(8)
        ]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert sorted(replies) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_many_payloads_of_one_worker(call):
    for _ in range(2):
        for number in range(40):  # more than a worker is asked to remember
            assert call(lambda request, number=number: {"is": number}) == {"is": number}


def test_large_requests_and_replies_pass_also_while_the_job_prints(call):
    def chatter(request):
        print("x" * 1_000_000)
        return {"back": request["text"], "size": len(request["text"])}

    lines = []
    text = "täxt" * 1_000_000
    reply = call(chatter, {"text": text}, on_output=lambda stream, line: lines.append(line))
    assert reply == {"back": text, "size": len(text)}
    assert sum(map(len, lines)) == 1_000_000


# --- where a job stands ------------------------------------------------------------------------------------------------


def test_the_job_stands_where_the_hub_stands(call, tmp_path, monkeypatch):
    call(whoami)  # warm before we move
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    there = call(whoami)
    assert there["cwd"] == os.getcwd()
    assert there["path"] == sys.path


def test_what_one_job_does_to_its_place_does_not_meet_the_next(call):
    def vandal(request):
        os.chdir("/")
        sys.path.clear()
        sys.stdout = None

    before = call(whoami)
    with pytest.raises(PlatformError):  # its reply is no dict
        call(vandal)
    assert call(whoami) == before


def test_the_environment_can_be_given(packed):
    with WorkerPool(environ={**os.environ, "COLOUR": "teal"}) as pool:
        assert pool.call(packed(lambda request: {"colour": os.environ["COLOUR"]}), {}) == {"colour": "teal"}


def test_a_module_in_the_working_directory_cannot_replace_a_standard_one(call, tmp_path, monkeypatch):
    (tmp_path / "struct.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert call(double, {"x": 1}) == {"doubled": 2}


# --- output ------------------------------------------------------------------------------------------------------------


def test_output_arrives_line_by_line_and_whole_before_the_call_returns(call):
    def speak(request):
        print("one\ntwo")
        print("warning", file=sys.stderr)
        os.write(1, b"raw \xff bytes\n")
        sys.stdout.write("no end")
        return {}

    lines = []
    call(speak, on_output=lambda *line: lines.append(line))
    assert [text for stream, text in lines if stream == "stdout"] == ["one", "two", "raw � bytes", "no end"]
    assert [text for stream, text in lines if stream == "stderr"] == ["warning"]


def test_what_is_written_between_two_jobs_is_nobodys(call, tmp_path):
    go, done = tmp_path / "go", tmp_path / "done"
    os.mkfifo(go)
    os.mkfifo(done)

    def leave_a_thread(request):
        import threading

        def later():
            open(request["go"]).close()
            os.write(1, b"late\n")
            open(request["done"], "w").close()

        threading.Thread(target=later, daemon=True).start()
        return {}

    call(leave_a_thread, {"go": str(go), "done": str(done)})
    go.open("w").close()
    done.open().close()
    lines = []
    call(double, {"x": 1}, on_output=lambda *line: lines.append(line))
    assert lines == []


def test_what_a_listener_raises_stops_the_job_and_is_raised(call, pool):
    def endless(request):
        while True:
            print("again")

    with pytest.raises(LookupError, match="enough"):
        call(endless, on_output=lambda *_: (_ for _ in ()).throw(LookupError("enough")))
    assert call(double, {"x": 1}) == {"doubled": 2}


def test_a_job_that_closes_its_streams_does_not_silence_the_next(call):
    def close(request):
        sys.stdout.close()
        sys.stderr = None
        return {}

    lines = []
    call(close)
    call(lambda request: print("still here") or {}, on_output=lambda *line: lines.append(line))
    assert lines == [("stdout", "still here")]


def test_a_worker_whose_output_cannot_be_read_any_more_is_replaced(call):
    pid = call(lambda request: os.close(1) or {"pid": os.getpid()})["pid"]
    assert call(whoami)["pid"] != pid
