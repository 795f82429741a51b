"""The process in which hook modules are imported to be looked at. Nothing imports this: it is what that process runs.

It forks once per plugin, so each is imported by a process that no plugin has touched: what raises, exits, crashes, hangs,
prints, starts threads or patches the core does so there, and the next one starts as if nothing had been. Answers go as
lines of JSON over a pipe that the plugins do not have as a standard stream.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from dovetail.errors import DovetailError, PluginError
from dovetail.plugins import _failures, _guard
from dovetail.plugins._checking import config_fields, verdicts
from dovetail.plugins._collect import Collected, collect, import_hook_module
from dovetail.plugins._failures import load_error
from dovetail.plugins._records import Identity
from dovetail.plugins._witness import Watch
from dovetail.spec import Manifest

_SLICE = 0.05
"""Seconds between two looks at whether a plugin's process still lives, where its pipe does not tell."""

_ORPHANED = 5
"""Seconds beyond its time after which a plugin's process ends by itself."""

_running = 0
_out = -1

# Kept before any plugin runs: one that patches these modules must still be told of.
_encode = json.JSONEncoder().encode
_write = os.write
_getpid = os.getpid
_exit = os._exit


def serve(request: dict[str, Any]) -> None:
    """Look at the plugins of a request, one after another.

    Args:
        request: ``limit`` in seconds for each, and ``plugins``, each with ``name``, ``distribution``, ``version``,
            ``module``, ``attribute`` and ``root``; or with ``manifest``, ``root`` and ``code``: a module whose
            code is to be imported, or the ``"module:attribute"`` of a config class whose fields are asked for.
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
    signal.signal(signal.SIGTERM, _stop)
    for item in request["plugins"]:
        _tell(_out, {"begins": True})
        _tell(_out, _answer(item, request["limit"]))
    os._exit(0)


def _tell(out: int, answer: dict[str, Any]) -> None:
    data = memoryview(_encode(answer).encode() + b"\n")
    while data:
        data = data[_write(out, data) :]


def _stop(*_: object) -> NoReturn:
    _end(_running)
    os._exit(1)


def _end(process: int) -> None:
    """Kill a plugin's process and all that it started."""
    if process:
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(process, signal.SIGKILL)


def _answer(item: dict[str, Any], limit: float) -> dict[str, Any]:
    global _running
    read, write = os.pipe()
    begun = time.monotonic()
    process = os.fork()
    if not process:
        os.close(read)
        os.close(_out)
        _look(item, write, limit)
    _running = process
    os.close(write)
    line, status = _wait(read, process, begun + limit)
    _end(process)
    os.close(read)
    if status is None:
        _, status = os.waitpid(process, 0)
    _running = 0
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError:
        hangs = time.monotonic() >= begun + limit
        answer = {"hangs": True} if hangs else {"died": os.waitstatus_to_exitcode(status)}
    return answer | {"seconds": time.monotonic() - begun}


def _wait(read: int, process: int, deadline: float) -> tuple[bytes, int | None]:
    """The line that a plugin's process writes, and its status if it has ended; what there is when the time is over."""
    told = bytearray()
    status = None
    while (left := deadline - time.monotonic()) > 0:
        # A process that was forked by the plugin may hold the pipe open, so its end cannot be relied on.
        ready, _, _ = select.select([read], [], [], min(left, _SLICE) if status is None else 0)
        chunk = os.read(read, 1 << 16) if ready else b""
        told += chunk
        if told.endswith(b"\n") or (ready and not chunk and status is not None) or (status is not None and not ready):
            break
        if status is None and not chunk:
            ended, found = os.waitpid(process, os.WNOHANG)
            status = found if ended else None
            if ready and not ended:
                time.sleep(min(left, _SLICE))  # it has closed the pipe and goes on; what is closed is always ready
    return bytes(told), status


def _look(item: dict[str, Any], write: int, limit: float) -> NoReturn:
    """In the process of one plugin: import, collect, answer and end, whatever threads it has started."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
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
    frames = [f for f in traceback.extract_tb(cause.__traceback__) if "importlib" not in f.filename]
    return {
        "class": type(error).__name__,
        "what": error.what,
        "why": error.why,
        "fix": error.fix,
        "type": type(cause).__name__,
        "message": _failures.message(cause),
        "missing": isinstance(cause, ImportError),
        "traceback": "".join(traceback.format_list(frames))[-8000:],
    }
