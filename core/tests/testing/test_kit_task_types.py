"""Every check of TaskTypeSuite passes for a good task type, and catches the one that breaks exactly that."""

# ruff: noqa: E501  (a defect is a line of the table)
from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import DovetailError
from dovetail.testing import HubHarness, RemoteTaskTypeSuite, TaskTypeSuite, _harness, _work

SAMPLES = Path(__file__).with_name("kit_samples")
"""Two task types and their suites, as an author writes them; KIT stands for the name of the hook module."""

CLASSES = {"local": "TestShout", "remote": "TestQueue"}
_NUMBERS = itertools.count()
Load = Callable[..., type[TaskTypeSuite]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes a sample, with changes ``(old, new)``, and loads its suite from the author's test file."""
    made: list[str] = []

    def write(sample: str, *changes: tuple[str, str]) -> type[TaskTypeSuite]:
        name = f"kittask{next(_NUMBERS)}"
        plugin, suite = ((SAMPLES / sample / f"{part}.py").read_text() for part in ("plugin", "suite"))
        for old, new in changes:
            assert old in plugin + suite, f"the sample does not hold {old!r}"
            plugin, suite = plugin.replace(old, new, 1), suite.replace(old, new, 1)
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        for file, text in ((f"{name}.py", plugin), (f"test_{name}.py", suite)):
            (site / file).write_text(text.replace("KIT", name), encoding="utf-8")
            made.append(file.removesuffix(".py"))
        monkeypatch.syspath_prepend(site)
        found: type[TaskTypeSuite] = getattr(importlib.import_module(f"test_{name}"), CLASSES[sample])
        return found

    yield write
    for name in made:
        sys.modules.pop(name, None)


def run(suite: type[TaskTypeSuite], check: str, request: pytest.FixtureRequest, folder: Path) -> None:
    """One check, called as pytest would."""
    made = suite()
    made.folder = folder / "project"
    made.folder.mkdir()
    method = getattr(made, check)
    names = method.__code__.co_varnames[1 : method.__code__.co_argcount]
    with ExitStack() as stack:
        given: dict[str, Any] = {"request": request}
        if "hub" in names:
            hub = HubHarness(suite.plugin, home=made.folder / "hub", may_leave=suite.may_leave, **suite.settings)
            given["hub"] = stack.enter_context(hub)
        method(**{name: given[name] if name in given else request.getfixturevalue(name) for name in names})


def checks_of(suite: type) -> list[str]:
    return sorted(name for base in suite.__mro__ for name in vars(base) if name.startswith("test"))


@pytest.mark.parametrize("check", checks_of(TaskTypeSuite))
def test_a_good_task_type_passes(check: str, load: Load, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run(load("local"), check, request, tmp_path)


@pytest.mark.parametrize("check", [name for name in checks_of(RemoteTaskTypeSuite) if "secret" not in name])
def test_a_good_remote_one_passes(check: str, load: Load, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run(load("remote"), check, request, tmp_path)


LOOP = "not call.context.cancelled()"
WORK = 'call.inputs.get("text", "").upper() * config.times'
CALL, RUN = "a_call_gives_the_result", "a_run_gives_the_same_result"
WORKER, CLOSED = "a_worker_process_gives_the_same_result", "what_is_opened_is_closed"
CLOSED_AFTER = "what_is_opened_is_closed_after_a_failure"
ONCE = "several_nodes_at_once_do_not_disturb_each_other"
BAD = "a_bad_configuration_is_refused_at_its_definition"
SAME, OTHER = "the_fingerprint_is_the_same_in_another_process", "another_configuration_has_another_fingerprint"
CACHED, USERS = "the_cache_is_hit", "a_failure_of_the_work_is_the_users"
CROSSING, RETRIED = "a_failure_in_a_worker_process_is_the_users", "a_failure_is_retried"
ENGINE = "an_engine_that_is_not_there_is_not_the_users_fault"
CANCEL, TIMEOUT = "cancelling_the_run_stops_the_work", "a_timeout_stops_the_work"
HEARD, SECRET = "what_the_work_says_is_heard", "secrets_are_seen_nowhere"
EXECUTE = "def execute(self, call):\n"
NAME = 'name = "shout"\n'
TYPE = "a_task_is_of_the_type"

OF_PYTHON = "__import__('dovetail').task(__import__('textwrap').dedent)"

LOCAL_DEFECTS = [
    (TYPE, ('task_type = "shout"', 'task_type = "python"'), "made a task of type 'shout'"),
    (TYPE, (', config="KIT:Shout"', ""), r'config="kittask\d+:Shout"'),
    (CALL, ('inputs = {"text"', 'inputs = {"txt"'), "has no input txt\n  why: its inputs are text\n"),
    (CALL, ("expected = ", "unexpected = "), "check_result is not written"),
    (CALL, (WORK, f"{WORK} + 'x'"), "the result is 'HEY HEY x', it should be 'HEY HEY '"),
    (RUN, (WORK, f"{WORK} + (call.context.run_id or '')"), "it should be 'HEY HEY '"),
    (WORKER, (NAME, f"{NAME}\n    def __init__(self):\n        self.lock = threading.Lock()\n"), "pickle"),
    (ONCE, (NAME, f"{NAME}    busy = threading.Lock()\n"), "disturbed"),
    (CLOSED, ("return config.server", "return object()"), "opened 3 resources"),
    (CLOSED, ("resource.clear()", "resource.shut()"), r"close\(\) raised AttributeError"),
    (CLOSED, ("return [context", "threading.Thread(target=STOP.wait, name='desk', daemon=True).start()\n        return [context"), "thread 'desk'"),
    (CLOSED_AFTER, ("resource.clear()", "resource.shut()"), r"close\(\) raised AttributeError"),
    (BAD, ("if config.times < 1:", "if False:"), "was taken"),
    (BAD, ('raise DefinitionError("times must be at least 1", fix="times=1")', "1 / 0"), "raises ZeroDivisionError"),
    (BAD, ('"times must be at least 1", fix="times=1"', '"it must be 1"'), "does not name 'times'"),
    (BAD, ('return [(lambda: shout(times=0), "times")]', "return []"), "gives no case"),
    (SAME, ("seconds: float = 0", "tags: frozenset = frozenset('abcdefgh')\n    seconds: float = 0"), "in another process"),
    (OTHER, (NAME, f"{NAME}\n    def fingerprint(self, config, function):\n        return ''\n"), "have one fingerprint"),
    (CACHED, (NAME, f"{NAME}\n    def fingerprint(self, config, function):\n        return str(time.time_ns())\n"), "did the work again"),
    (USERS, ("raise ValueError(config.fail)", "raise EngineUnavailable(config.fail)"), "is a platform error"),
    (USERS, ("raise ValueError(config.fail)", "raise ValueError"), "does not say 'no voice left'\n  why: it says: .*\n  fix: let the exception"),
    (USERS, ('failure = "no', 'feature = "no'), "failure is not written"),
    (CROSSING, ("raise ValueError(config.fail)", "__import__('os')._exit(3)"), "is a platform error, WorkerDied"),
    (RETRIED, ("raise ValueError(config.fail)", "from dovetail.errors import UsageError; raise UsageError(config.fail)"), r"has \[1\] attempts"),
    (ENGINE, ('raise EngineUnavailable("the server', 'raise ValueError("the server'), "is a user error"),
    (ENGINE, ('EngineUnavailable("the server is down", fix="start the server")', 'EngineUnavailable("down")'), "neither why nor what"),
    (CANCEL, (LOOP, "not STOP.is_set()"), "the work goes on: thread '"),
    (CANCEL, ("seconds=120", "seconds=0"), "succeeded, although it had to fail\n  why: .*\n  fix: let the exceptions"),
    (TIMEOUT, (f"and {LOOP}:", "and not STOP.is_set():\n            self.in_process"), "the work goes on: thread '"),
    (HEARD, ("call.context.log.info(config.say)", "pass"), "nobody hears 'clears its throat'"),
    (SECRET, ("raise ValueError(config.fail)", "raise ValueError(call.resource[0])"), "is seen in the error"),
    (SECRET, ("raise ValueError(config.fail)", "print(call.resource)"), "is seen in output"),
    (SECRET, ('secret = "battery-of-KIT"', 'secret = ""'), "which secret"),
    (ONCE, ('task_type = "shout"', 'task_type = "shout"\n    slots = 1'), "slots is 1"),
    *((check, (f"return {work}", f"return {OF_PYTHON}"), "is of type 'python'") for check, work in (
        (OTHER, "shout(times=3)"),
        (USERS, 'shout(fail="no voice left")'),
        (CROSSING, 'shout(fail="no voice left")'),
        (RETRIED, 'shout(fail="no voice left")'),
        (CLOSED_AFTER, 'shout(fail="no voice left")'),
        (ENGINE, 'shout(server="down")'),
        (CANCEL, "shout(seconds=120)"),
        (TIMEOUT, "shout(seconds=120)"),
        (HEARD, 'shout(say="clears its throat")'),
        (SECRET, 'shout(fail="with the secret at hand")'),
    )),
]  # fmt: skip


def _also(check: str) -> list[tuple[str, str]]:
    """What a defect needs beside its one change, to show."""
    if check == ONCE:
        guard = "        if not self.busy.acquire(blocking=False):\n            raise RuntimeError('disturbed')\n"
        held = "threading.Event().wait(0.2)\n        self.busy.release()\n        return call.inputs"
        return [(EXECUTE, EXECUTE + guard), ("return call.inputs", held)]
    if check == TIMEOUT:
        return [(NAME, f"{NAME}    in_process = False\n")]
    return []


@pytest.mark.parametrize(
    ("check", "change", "message"), LOCAL_DEFECTS, ids=[f"{check}-{told}" for check, _, told in LOCAL_DEFECTS]
)
def test_a_task_type_that_breaks_this_is_caught(
    check: str,
    change: tuple[str, str],
    message: str,
    load: Load,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_work, "PATIENCE", 8.0)
    monkeypatch.setattr(_harness, "GRACE", 1.0)
    suite = load("local", change, *_also(check), ("DOVETAIL_API = 1", "DOVETAIL_API = 1\nSTOP = threading.Event()"))
    try:
        with pytest.raises((AssertionError, DovetailError), match=message):
            run(suite, f"test_{check}", request, tmp_path)
    finally:
        sys.modules[suite.plugin].STOP.set()  # type: ignore[attr-defined]


HANDLE, STORED = "the_handle_is_a_small_json_value", "the_handle_is_stored_before_waiting_begins"
KILLED, LOOKING = "a_job_is_not_submitted_twice_when_the_hub_is_killed", "looking_at_a_job_changes_nothing"
LOST, LOG = "a_lost_job_is_not_the_users_fault", "the_error_of_a_failed_job_holds_its_log"
TWICE, REMOTE_TYPE = "cancelling_a_job_twice_is_harmless", "it_is_a_remote_task_type"
LOGS = 'return ["the job begins", "the job ends"]'

REMOTE_DEFECTS = [
    (REMOTE_TYPE, ("poll_interval = 0.02", "poll_interval = 0"), "poll_interval is 0"),
    (HANDLE, ('{"job": str(path)}', '{"job": str(path), "at": (1, 2)}'), "when it is read back"),
    (HANDLE, ('{"job": str(path)}', '{"job": str(path), "input": "x" * 70_000}'), "at most 65536 are stored"),
    (STORED, ('return {"job": str(path)}', 'self.status({"job": str(path)}, config)\n        return {"job": str(path)}'), "before the handle was stored"),
    (KILLED, ('if job.get("cancelled"):', 'if job.get("cancelled") or job["by"] != os.getpid():'), "submitted again"),
    (KILLED, ('if job.get("cancelled"):', 'if job["by"] != os.getpid():\n            return JobStatus("lost")\n        if False:'), "ended with code 1"),
    (LOOKING, ('return JobStatus("failed", job["fail"]) if', 'path.unlink()\n        return JobStatus("failed", job["fail"]) if'), "FileNotFoundError|No such file"),
    (LOOKING, (LOGS, "return [str(uuid.uuid4())]"), "differ from call to call"),
    (LOOKING, (LOGS, "return 'the job'"), "something else than lines"),
    (LOST, ('return JobStatus("lost", "no such job")', "raise LookupError(path)"), "raises LookupError"),
    (LOST, ('JobStatus("lost", "no such job")', 'JobStatus("failed", "no such job")'), "is 'failed'"),
    (LOST, ('JobStatus("lost", "no such job")', 'JobStatus("gone")'), "gives JobStatus"),
    (LOG, (LOGS, "return []"), "does not hold the log line"),
    (LOG, ('failure_log = ', 'failing_log = '), "failure_log is not written"),
    (TWICE, ('if time.time() < job["ends"]:\n            path', 'if time.time() > 0:\n            path'), "is 'cancelled' after"),
    (TWICE, ("def cancel_job(self, handle, config):\n", "def cancel_job(self, handle, config):\n        Path(handle['job'] + '.cancelled').touch(exist_ok=False)\n"), "File exists"),
    (CANCEL, ('json.dumps({**job, "cancelled": True})', "json.dumps(job)"), "is still 'running'"),
    (TIMEOUT, ('json.dumps({**job, "cancelled": True})', "json.dumps(job)"), "is still 'running'"),
    (USERS, ('JobStatus("failed", job["fail"])', 'JobStatus("lost", job["fail"])'), "is a platform error"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "change", "message"), REMOTE_DEFECTS, ids=[f"{check}-{told}" for check, _, told in REMOTE_DEFECTS]
)
def test_a_remote_one_that_breaks_this_is_caught(
    check: str, change: tuple[str, str], message: str, load: Load, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    suite = load("remote", change)
    with pytest.raises((AssertionError, DovetailError, OSError), match=message):
        run(suite, f"test_{check}", request, tmp_path)


def test_every_check_has_a_defect_that_it_catches() -> None:
    caught = {f"test_{check}" for check, _, _ in (*LOCAL_DEFECTS, *REMOTE_DEFECTS)}
    assert caught == set(checks_of(RemoteTaskTypeSuite))


def test_what_is_not_written_says_how_to_do_without(load: Load, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    suite = load("local", ("def make_slow_task", "def make_slower_task"))
    with pytest.raises(AssertionError, match=r"make_slow_task is not written[\s\S]*gaps = \{\"cancel\": never"):
        run(suite, f"test_{CANCEL}", request, tmp_path)


@pytest.mark.parametrize("kept", ["call", "call.context", "call.inputs", 'call.inputs["text"]', "call.config"])
def test_what_belongs_to_a_call_is_not_kept_in_the_task_type(
    kept: str, load: Load, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    keeping = f'{EXECUTE}        self.kept = {kept} if "text" in call.inputs else None\n'
    with pytest.raises(AssertionError, match=r"keeps what belongs to one call in self\.kept"):
        run(load("local", (EXECUTE, f"{keeping}        self.kept = None\n")), f"test_{ONCE}", request, tmp_path)


def test_a_task_type_may_keep_what_belongs_to_no_call(
    load: Load, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    keeping = f'{EXECUTE}        self.ready, self.version = True, "1"\n'
    run(load("local", (EXECUTE, keeping)), f"test_{ONCE}", request, tmp_path)
