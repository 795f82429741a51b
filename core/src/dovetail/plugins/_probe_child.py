"""The process in which hook modules are imported to be looked at. Nothing imports this: it is what that process runs.

It forks once per plugin, so each is imported by a process that no plugin has touched: what raises, exits, crashes, hangs,
prints, starts threads or patches the core does so there, and the next one starts as if nothing had been. One that takes
long does not hold up the next. Answers go as lines of JSON over a pipe that the plugins do not have as a standard stream.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from dovetail.errors import DovetailError, PluginError
from dovetail.plugins import _failures, _guard
from dovetail.plugins._blame import trace
from dovetail.plugins._checking import config_fields, verdicts
from dovetail.plugins._collect import Collected, collect, import_hook_module
from dovetail.plugins._failures import load_error
from dovetail.plugins._records import Identity
from dovetail.plugins._witness import Watch
from dovetail.spec import Manifest

_SLICE = 0.05
"""Seconds between two looks at whether a plugin's process still lives, where its pipe does not tell."""

_PATIENCE = 1.0
"""Seconds after which the next plugin no longer waits for this one. Most take milliseconds, and would only be in each
other's way."""

_ORPHANED = 5
"""Seconds beyond its time after which a plugin's process ends by itself."""

_LONGEST = 32 << 20
"""Bytes of one answer."""

_running: dict[int, _Look] = {}
_out = -1

# Kept before any plugin runs: one that patches these modules must still be told of.
_encode = json.JSONEncoder().encode
_write = os.write
_getpid = os.getpid
_exit = os._exit


def serve(request: dict[str, Any]) -> None:
    """Look at the plugins of a request.

    Args:
        request: ``limit`` in seconds for each; ``side_by_side``, how many at most at a time; and ``plugins``, each with
            ``name``, ``distribution``, ``version``, ``module``, ``attribute`` and ``root``; or with ``manifest``, ``root``
            and ``code``: a module whose code is to be imported, or the ``"module:attribute"`` of a config class whose
            fields are asked for.
    """
    global _out
    _out = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    _guard.inside_a_probe = True
    _failures.widen()
    for module in ("pluggy", "dovetail.spec._hookspecs"):  # loaded once, for all
        importlib.import_module(module)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a plugin that crashes leaves no core file
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a hub that ignores its children hands that on
    signal.signal(signal.SIGTERM, _stop)
    with suppress(BrokenPipeError):  # nobody is left to be told
        _look_at_all(request["plugins"], request["limit"], request["side_by_side"])
    _stop()


def _look_at_all(items: Sequence[dict[str, Any]], limit: float, side_by_side: int) -> None:
    """Tell of each that it begins, and its answer, in the order of the items, for as long as the hub lives."""
    hub = os.getppid()
    answers: dict[int, dict[str, Any]] = {}
    begun = told = 0
    while told < len(items):
        late = time.monotonic() - _PATIENCE
        if begun < len(items) and len(_running) < side_by_side and all(each.begun < late for each in _running.values()):
            _tell(_out, {"begins": True})
            _begin(begun, items[begun], limit)
            begun += 1
        for each in _wait(list(_running.values()), limit):
            answers[each.number] = _answer(each, limit)
        while told in answers:
            _tell(_out, answers.pop(told))
            told += 1
        if os.getppid() != hub:
            return


def _tell(out: int, answer: dict[str, Any]) -> None:
    data = memoryview(_encode(answer).encode() + b"\n")
    while data:
        data = data[_write(out, data) :]


def _stop(*_: object) -> NoReturn:
    for each in _running.values():
        _end(each)
    os._exit(1)


@dataclass(slots=True)
class _Look:
    """A plugin's process, and what it has told so far."""

    number: int
    process: int
    pipe: int
    begun: float
    told: bytearray = field(default_factory=bytearray)
    status: int | None = None
    closed: bool = False


def _begin(number: int, item: dict[str, Any], limit: float) -> None:
    read, write = os.pipe()
    # Between being forked and being known, a process could be forgotten.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    process = os.fork()
    if not process:
        _look(item, write, limit, [read, _out, *(each.pipe for each in _running.values())])
    _running[process] = _Look(number, process, read, time.monotonic())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    os.close(write)


def _end(look: _Look) -> None:
    """Kill a plugin's process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(look.process, signal.SIGKILL)
    if look.status is None:  # else somebody else may have the number
        with suppress(ProcessLookupError, PermissionError):
            os.kill(look.process, signal.SIGKILL)


def _answer(look: _Look, limit: float) -> dict[str, Any]:
    """What a plugin's process has told, or how it failed to; it is ended."""
    seconds = time.monotonic() - look.begun
    _end(look)
    if look.status is None:
        _, look.status = os.waitpid(look.process, 0)
    os.close(look.pipe)
    del _running[look.process]
    try:
        answer = json.loads(look.told)
        if not isinstance(answer, dict):
            raise ValueError
    except (ValueError, RecursionError):
        hangs = seconds >= limit
        answer = {"hangs": True} if hangs else {"died": os.waitstatus_to_exitcode(look.status)}
    return {**answer, "seconds": seconds}


def _wait(looks: list[_Look], limit: float) -> list[_Look]:
    """Those that have come to an end, after a short while: told, ended, or out of time."""
    pipes = [each.pipe for each in looks if not each.closed]
    ready, _, _ = select.select(pipes, [], [], _SLICE)
    return [each for each in looks if _is_over(each, each.pipe in ready, limit)]


def _is_over(look: _Look, ready: bool, limit: float) -> bool:
    # A process that was forked by the plugin may hold the pipe open, so its end cannot be relied on; nor does a plugin
    # that has closed the pipe have to end. So both are asked.
    if look.status is None and not ready:
        ended, status = os.waitpid(look.process, os.WNOHANG)
        if ended:
            look.status = status
            ready = bool(select.select([look.pipe], [], [], 0)[0]) and not look.closed
    if ready:
        chunk = os.read(look.pipe, 1 << 16)
        look.told += chunk
        look.closed = not chunk
    over = look.told.endswith(b"\n") or len(look.told) > _LONGEST or time.monotonic() >= look.begun + limit
    return over or (look.status is not None and (look.closed or not ready))


def _look(item: dict[str, Any], write: int, limit: float, others: Iterable[int]) -> NoReturn:
    """In the process of one plugin: import, collect, answer and end, whatever threads it has started."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        for descriptor in others:
            os.close(descriptor)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this goes, and not the hub
        signal.alarm(int(limit) + _ORPHANED)  # should whoever watches the time be gone
        own = _getpid()
        answer = _code_of(item) if "code" in item else _looked_at(item)
        if _getpid() == own:  # else the plugin has forked, and this is the copy
            _tell(write, answer)
    finally:
        _exit(0)


def _looked_at(item: dict[str, Any]) -> dict[str, Any]:
    identity = Identity(item["name"], item["distribution"], item["version"], item["module"])
    watch = Watch()
    answer: dict[str, Any]
    try:
        collected = _collected(item, identity)
        answer = {"manifest": collected.manifest.to_dict(), "listens": collected.listener is not None}
    except PluginError as error:
        answer = {"error": _described(error)}
    with suppress(BaseException):  # a plugin that patches what this needs is looked at each time
        answer |= {"own": watch.own(identity.module), "seen": watch.report()}
    return answer


def _code_of(item: dict[str, Any]) -> dict[str, Any]:
    manifest, root = Manifest.from_dict(item["manifest"]), Path(item["root"])
    if ":" not in item["code"]:
        return {"code": verdicts(manifest, item["code"], root)}
    try:
        return {"fields": config_fields(manifest, item["code"], root)}
    except DovetailError as error:
        return {"error": _described(error)}


def _collected(item: dict[str, Any], identity: Identity) -> Collected:
    try:
        root = Path(item["root"]) if item["root"] else None
        return collect(import_hook_module(item["module"], item["attribute"], identity, root), identity)
    except KeyboardInterrupt as error:  # nobody pressed it here: this process has no terminal
        raise load_error(error, "the plugin cannot be imported", identity) from error


def _described(error: DovetailError) -> dict[str, Any]:
    cause = error.__cause__ or error
    return {
        "class": type(error).__name__,
        "what": error.what,
        "why": error.why,
        "fix": error.fix,
        "type": type(cause).__name__,
        "message": _failures.message(cause),
        "missing": isinstance(cause, ImportError),
        "absent": (cause.name or "").partition(".")[0] if isinstance(cause, ModuleNotFoundError) else "",
        "traceback": trace(cause)[-8000:],
    }
