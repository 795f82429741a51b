"""What goes wrong in a worker of an environment fails the call with its reason, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from dovetail.config import Secret
from dovetail.errors import DovetailError, TaskFailed, UserError, WorkerDied

DEATHS = {
    "sigkill": ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
    "sigsegv": ("ctypes.string_at(0)", "crashed with SIGSEGV"),
    "exit": ("os._exit(7)", "exited with code 7"),
    "abort": ("os.abort()", "crashed with SIGABRT"),
    "stack": ("overflow()", "crashed with SIGSEGV"),
    "protocol": ("[os.write(n, b'nonsense' * 10) for n in range(3, 200) if writable(n)]", "broke protocol"),
}

DEADLY = """
    import ctypes, os, sys, threading

    class Endless:
        def __repr__(self):
            return repr([self])

    def overflow():
        sys.setrecursionlimit(1_000_000)
        threading.stack_size(32 * 1024)
        thread = threading.Thread(target=repr, args=[Endless()])
        thread.start()
        thread.join()

    def writable(number):
        import fcntl
        try:
            return fcntl.fcntl(number, fcntl.F_GETFL) & 3 == os.O_WRONLY
        except OSError:
            return False

    @dt.task(env="plain")
    def pid() -> int:
        return os.getpid()

    @dt.task(env="plain")
    def die() -> int:
        %s
        return 1
    """


@pytest.mark.parametrize("death", DEATHS)
def test_a_worker_that_dies_fails_its_task_and_is_replaced(pipeline, death):
    code, words = DEATHS[death]
    module = pipeline(DEADLY % code)
    before = module.pid()
    with pytest.raises(WorkerDied, match=words) as caught:
        module.die()
    assert caught.value.who == "task 'die' in environment 'plain'"
    assert module.pid() != before


def test_a_task_with_a_memory_limit_gets_a_memory_error_for_what_is_too_much_at_once(pipeline):
    module = pipeline(
        """
        @dt.task(env="plain", memory="300MB")
        def hold(size: int) -> int:
            return len(bytearray(size))
        """
    )
    assert module.hold(1000) == 1000
    with pytest.raises(TaskFailed, match="MemoryError") as caught:
        module.hold(3_000_000_000)
    assert "300,000,000 bytes" in caught.value.why
    assert module.hold(1000) == 1000


def test_a_memory_limit_holds_for_a_task_that_runs_here_too(pipeline, hub):
    module = pipeline(
        """
        @dt.task(memory="300MB")
        def hold(size: int) -> int:
            return len(bytearray(size))

        @dt.workflow
        def flow(size: int) -> int:
            return hold(size)
        """
    )
    assert hub.run(module.flow, size=1000).value == 1000
    with pytest.raises(TaskFailed, match="MemoryError"):
        hub.run(module.flow, size=3_000_000_000)


def test_a_child_of_a_worker_counts_for_the_memory_of_its_task(pipeline):
    module = pipeline(
        """
        @dt.task(env="plain", memory="300MB")
        def start() -> int:
            import subprocess, sys
            code = "held = b'x' * 600_000_000; import time; time.sleep(60)"
            return subprocess.run([sys.executable, "-c", code], preexec_fn=unlimited).returncode

        def unlimited():
            import resource
            resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
        """
    )
    with pytest.raises(WorkerDied, match="more than the 300 MB that the task may have"):
        module.start()


def test_an_environment_whose_interpreter_is_gone_says_what_to_type(pipeline, env_dir, tmp_path, settings):
    from dovetail.env.build import Environments

    environments = Environments(settings)
    made = environments.sync(environments.anonymous(["wheel"], None, "a test"))
    module = pipeline(
        """
        @dt.task(requires=["wheel"])
        def pid() -> int:
            import os
            return os.getpid()
        """
    )
    first = module.pid()
    os.kill(first, signal.SIGKILL)
    hidden = made.path.with_name("hidden")
    made.path.rename(hidden)
    try:
        from dovetail.engine._isolated import run_isolated
        from dovetail.graph import ResourceScope
        from dovetail.spec import TaskContext

        with ResourceScope() as scope, pytest.raises(WorkerDied) as caught:
            run_isolated(module.pid.compiled(), {}, TaskContext("pid"), made, scope)
    finally:
        hidden.rename(made.path)
    assert caught.value.fix == f"dovetail env sync {made.name}"
    assert module.pid() != first
    shutil.rmtree(hidden, ignore_errors=True)


# -- exceptions ------------------------------------------------------------------------------------

RAISING = """
    class Odd(Exception):
        def __init__(self, first, second):
            super().__init__(f"{first} and {second}")

    def inner():
        raise Odd("this", "that")

    @dt.task(env="%s")
    def chained() -> int:
        try:
            inner()
        except Odd as error:
            raise LookupError("nothing found") from error

    @dt.task(env="%s")
    def grouped() -> int:
        raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])
    """


@pytest.mark.parametrize("env", ["plain", "other"])
def test_an_exception_comes_with_its_type_its_cause_and_the_users_lines(pipeline, request, env):
    if env == "other":
        request.getfixturevalue("other_python")
    module = pipeline(RAISING % (env, env))
    with pytest.raises(TaskFailed) as caught:
        module.chained()
    error = caught.value
    assert isinstance(error, UserError)
    assert error.what == "task 'chained' raised LookupError: nothing found"
    assert error.details["type"] == "LookupError"
    trace = error.details["traceback"]
    assert "Odd: this and that" in trace
    assert "The above exception was the direct cause" in trace
    assert 'raise Odd("this", "that")' in trace
    files = [line for line in trace.splitlines() if line.startswith("  File")]
    assert files
    assert all("pipeline.py" in line for line in files)
    with pytest.raises(TaskFailed, match="ExceptionGroup: several") as caught:
        module.grouped()
    assert "ValueError: one" in caught.value.details["traceback"]
    assert "TypeError: two" in caught.value.details["traceback"]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("import nowhere_to_be_found", "add what brings 'nowhere_to_be_found' to what environment 'plain' requires"),
        ("dt.run(inner)", "start runs in the hub"),
    ],
)
def test_what_an_environment_lacks_is_told_with_what_to_do(pipeline, line, advice):
    module = pipeline(
        f"""
        @dt.task
        def leaf() -> int:
            return 1

        @dt.workflow
        def inner() -> int:
            return leaf()

        @dt.task(env="plain")
        def lacking() -> int:
            {line}
            return 1
        """
    )
    with pytest.raises(TaskFailed, match="ModuleNotFoundError") as caught:
        module.lacking()
    assert advice in caught.value.fix


def test_secrets_that_the_hub_knows_are_masked_in_what_a_worker_tells(pipeline, capsys):
    module = pipeline(
        """
        @dt.task(env="plain")
        def leak(text: str) -> int:
            print("printed", text)
            raise ValueError("raised " + text)
        """
    )
    Secret("geheim-4711-abc")
    with pytest.raises(TaskFailed) as caught:
        module.leak("geheim-4711-abc")
    assert "4711" not in str(caught.value.to_dict())
    assert "4711" not in capsys.readouterr().out


def test_an_error_of_the_platform_keeps_its_kind(pipeline):
    module = pipeline(
        """
        @dt.task(env="plain")
        def fail() -> int:
            from dovetail.errors import EngineUnavailable
            raise EngineUnavailable("the cluster is away", fix="start it")
        """
    )
    with pytest.raises(DovetailError, match="the cluster is away") as caught:
        module.fail()
    assert caught.value.kind == "platform"
    assert caught.value.fix == "start it"


# -- output ----------------------------------------------------------------------------------------


def test_all_that_a_task_prints_is_shown_line_by_line(pipeline, capsys):
    module = pipeline(
        """
        @dt.task(env="plain")
        def talk() -> int:
            import os, subprocess, sys
            print("from python")
            print("to stderr", file=sys.stderr)
            os.write(1, b"from native code\\n")
            subprocess.run(["echo", "from a child"])
            return 1
        """
    )
    module.talk()
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["from python", "from native code", "from a child"]
    assert shown.err.splitlines() == ["to stderr"]
