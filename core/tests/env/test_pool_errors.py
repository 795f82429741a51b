"""A job in a worker process: its errors and its deaths."""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys

import pytest
from dovetail.env import WorkerPool, pack
from dovetail.errors import (
    ConfigError,
    GateBlocked,
    PlatformError,
    RunInterrupted,
    TaskFailed,
    UserError,
    WorkerDied,
)


def double(request):
    return {"doubled": request["x"] * 2}


def whoami(request):
    return {"pid": os.getpid(), "cwd": os.getcwd(), "path": sys.path}


def inner(request):
    raise KeyError("colour")


def outer(request):
    try:
        inner(request)
    except KeyError as error:
        raise ValueError("no such thing") from error


def test_a_user_exception_arrives_as_text_that_begins_in_the_users_file(call):
    with pytest.raises(TaskFailed) as caught:
        call(outer, job="clean")
    error = caught.value
    assert (error.kind, error.who, error.what) == ("user", "clean", "the task raised ValueError: no such thing")
    assert error.details["type"] == "ValueError"
    assert error.details["message"] == "no such thing"
    text = error.details["traceback"]
    assert text.splitlines()[1].startswith(f'  File "{__file__}"')
    assert "KeyError: 'colour'" in text and "direct cause" in text
    assert "dovetail/env" not in text


def test_an_exception_is_bounded_and_its_class_stays_in_the_worker(call):
    def shout(request):
        class Loud(Exception):
            pass

        raise Loud("a" * 1_000_000)

    with pytest.raises(TaskFailed) as caught:
        call(shout)
    assert caught.value.details["type"] == "Loud"
    assert len(json.dumps(caught.value.to_dict())) < 100_000


@pytest.mark.parametrize("kind", ["ValueError", "ConfigError"])
def test_a_secret_that_only_the_worker_knows_stays_there(call, kind):
    def leak(request):
        from dovetail.config import load_settings, resolve_secrets
        from dovetail.errors import ConfigError

        os.environ["DOOR"] = "swordfish-" + "42"
        word = resolve_secrets({"env": "DOOR"}, load_settings()).reveal()
        raise {"ValueError": ValueError, "ConfigError": ConfigError}[request["kind"]](f"{word} did not open")

    with pytest.raises(UserError) as caught:
        call(leak, {"kind": kind})
    assert "*** did not open" in str(caught.value)
    assert "swordfish-42" not in json.dumps(caught.value.to_dict())


def test_an_exception_that_cannot_even_be_printed(call):
    def mean(request):
        class Mean(Exception):
            def __str__(self):
                raise RuntimeError("no")

        raise Mean

    with pytest.raises(TaskFailed) as caught:
        call(mean)
    assert caught.value.details["type"] == "Mean"


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt])
def test_ending_the_program_is_an_exception_like_others(call, ending):
    def leave(request):
        raise ending("bye")

    with pytest.raises(TaskFailed) as caught:
        call(leave)
    assert caught.value.details["type"] == ending.__name__
    assert call(double, {"x": 1}) == {"doubled": 2}


def test_dovetails_own_errors_keep_class_parts_and_details(call):
    def block(request):
        from dovetail.errors import GateBlocked

        raise GateBlocked("too many nulls", who="gate", why="12 %", fix="look", report={"rows": [1, 2]}, odd={1, 2})

    with pytest.raises(GateBlocked) as caught:
        call(block, job="node")
    error = caught.value
    assert (error.what, error.who, error.why, error.fix) == ("too many nulls", "gate", "12 %", "look")
    assert error.details["report"] == {"rows": [1, 2]}
    assert error.details["odd"] == [1, 2]


def test_a_plugins_own_error_class_arrives_as_the_nearest_of_the_tree(call):
    def misconfigured(request):
        from dovetail.errors import ConfigError

        class SparkConfigError(ConfigError):
            pass

        raise SparkConfigError("no master")

    with pytest.raises(ConfigError, match="no master") as caught:
        call(misconfigured)
    assert type(caught.value) is ConfigError


@pytest.mark.parametrize(
    "value, names",
    [
        ({"a": (1, 2)}, "tuple"),
        ({"a": [{"b": float("nan")}]}, "nan"),
        ({"a": {1: 2}}, "key 1"),
        ({"a": {1, 2}}, "set"),
        ([1], "[1]"),
        (None, "None"),
    ],
)
def test_a_reply_that_is_not_json_is_a_clear_error_and_costs_no_worker(call, value, names):
    pid = call(whoami)["pid"]
    with pytest.raises(PlatformError, match="reply") as caught:
        call(lambda request: value, job="node")
    assert names in caught.value.why
    assert call(whoami)["pid"] == pid


def test_a_request_that_is_not_json_is_refused_before_anything_starts(pool, packed):
    with pytest.raises(PlatformError, match="request is not JSON"):
        pool.call(packed(double), {"x": object()})
    assert pool._idle == []


def test_a_reply_above_the_cap_says_so(call):
    with pytest.raises(PlatformError, match="reply is too large") as caught:
        call(lambda request: {"text": "x" * (65 * 1024 * 1024)})
    assert "67,108,864" in caught.value.why
    assert call(double, {"x": 1}) == {"doubled": 2}


def test_a_task_that_cannot_be_loaded_is_the_users_error_with_its_traceback(call, tmp_path, monkeypatch):
    module = tmp_path / "only_in_the_hub.py"
    module.write_text("def f(request): return {}")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_in_the_hub

    payload = pack(only_in_the_hub.f)
    module.write_text("1 / 0")
    with WorkerPool() as pool, pytest.raises(TaskFailed) as caught:
        pool.call(payload, {})
    assert caught.value.details["type"] == "ZeroDivisionError"


def test_a_memory_limit_makes_a_memory_error_that_names_it(packed):
    def eat(request):
        return {"size": len(bytearray(8 << 30))}

    with WorkerPool(memory_limit=1 << 30) as pool:
        with pytest.raises(TaskFailed) as caught:
            pool.call(packed(eat), {})
        assert caught.value.details["type"] == "MemoryError"
        assert "1,073,741,824" in caught.value.why
        assert pool.call(packed(double), {"x": 1}) == {"doubled": 2}


# --- deaths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "death, words, facts",
    [
        (lambda request: os._exit(3), "exited with code 3", {"exit_code": 3}),
        (lambda request: os.kill(os.getpid(), 9), "killed by SIGKILL, perhaps for memory", {"signal": "SIGKILL"}),
        (lambda request: os.kill(os.getpid(), 12), "ended by SIGUSR2", {"signal": "SIGUSR2"}),
        (lambda request: faulthandler._sigsegv(), "crashed with SIGSEGV", {"signal": "SIGSEGV"}),
        (lambda request: faulthandler._stack_overflow(), "crashed with SIG", {}),
        (lambda request: os.abort(), "crashed with SIGABRT", {"signal": "SIGABRT"}),
    ],
    ids=["exit", "kill", "usr2", "segv", "stack", "abort"],
)
def test_a_worker_that_dies_names_its_death_and_the_pool_goes_on(call, death, words, facts):
    with pytest.raises(WorkerDied, match=words) as caught:
        call(death, job="node")
    assert caught.value.who == "node"
    assert facts.items() <= caught.value.details.items()
    assert call(double, {"x": 1}) == {"doubled": 2}


def test_the_last_words_of_a_crash_are_kept(call):
    with pytest.raises(WorkerDied) as caught:
        call(lambda request: faulthandler._sigsegv())
    assert "Segmentation fault" in caught.value.why


@pytest.mark.parametrize("junk", [b"hello, I am no frame", b"dt\x09\x06\0\0\0\0", b"dt\x01\x06\xff\xff\xff\xff"])
def test_junk_on_the_protocol_costs_the_worker_only(call, junk):
    def scribble(request):
        import fcntl
        import pathlib

        for number in (int(path.name) for path in pathlib.Path("/proc/self/fd").iterdir()):
            try:
                if number > 2 and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
                    os.write(number, bytes(request["junk"]))
            except OSError:
                pass
        return {}

    with pytest.raises(WorkerDied, match="broke protocol"):
        call(scribble, {"junk": list(junk)})
    assert call(double, {"x": 1}) == {"doubled": 2}


def test_a_job_that_closes_the_protocol_costs_the_worker_only(call):
    with pytest.raises(WorkerDied):
        call(lambda request: os.closerange(3, 1000) or {})
    assert call(double, {"x": 1}) == {"doubled": 2}


def test_a_fork_that_comes_back_has_no_say(call):
    def fork(request):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return {"child": child == 0}

    assert call(fork) == {"child": False}
    assert call(fork) == {"child": False}


def test_a_worker_that_died_while_idle_is_replaced_unseen(call, gone):
    pid = call(whoami)["pid"]
    os.kill(pid, 9)
    assert gone(pid)
    assert call(whoami)["pid"] != pid


def test_an_interpreter_that_is_none(packed):
    with WorkerPool(python="/nonexistent/python") as pool, pytest.raises(WorkerDied, match="could not be started"):
        pool.call(packed(double), {"x": 1})


def test_an_interpreter_without_dovetail(packed, tmp_path):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    with WorkerPool(python=str(bare)) as pool, pytest.raises(WorkerDied, match="before it began") as caught:
        pool.call(packed(double), {"x": 1})
    assert "dovetail" in caught.value.why


def test_the_hubs_own_interpreter_finds_dovetail_where_the_hub_found_it(packed, tmp_path, monkeypatch):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')  # finds nothing by itself
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with WorkerPool(python=str(bare)) as pool:
        assert pool.call(packed(double), {"x": 1}) == {"doubled": 2}


def test_a_closed_pool_says_so(packed):
    pool = WorkerPool()
    pool.close()
    pool.close()
    with pytest.raises(RunInterrupted, match="closed"):
        pool.call(packed(double), {"x": 1})


def test_a_worker_imports_nothing_heavy(call):
    loaded = call(lambda request: {"modules": sorted(sys.modules)})["modules"]
    heavy = {"pluggy", "stevedore", "sqlalchemy", "pydantic", "pyarrow", "rich", "jinja2", "subprocess", "pytest"}
    assert not heavy.intersection(loaded)


def test_importing_the_floor_imports_neither_subprocess_nor_cloudpickle():
    code = "import sys, dovetail.env; print(sorted({'subprocess', 'cloudpickle', 'pickle'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
