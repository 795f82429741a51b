"""The worker's side: one process, one conversation, one job at a time in the main thread."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import io
import os
import signal
import sys
import threading
from typing import Any, NoReturn

from dovetail.env import _frames
from dovetail.env._frames import BrokenProtocol, frame, object_from_json, parse_header, to_json
from dovetail.env._lifeline import tie
from dovetail.env._logs import Forwarder
from dovetail.env._memory import limited
from dovetail.env._outcomes import describe_as_json
from dovetail.env._payload import Target, unpack
from dovetail.env._project import project_is_at
from dovetail.errors import PlatformError, shorten

# Made before memory can be short.
_NO_MEMORY = (
    b'{"type":"TaskFailed","kind":"user","what":"MemoryError","who":null,"why":"the worker ran out of memory, also for '
    b'telling where","fix":"give the task less data at once, or raise the memory limit",'
    b'"details":{"type":"MemoryError","message":"","traceback":""}}'
)

_serving = False
_worker: _Worker | None = None


def loaded() -> None:
    """Tell the hub that the code of the running job is there, so that from now on its own time counts."""
    if _worker is not None:
        _worker.tell_loaded()


def in_worker() -> bool:
    """True in a worker process: its group is stopped as a whole by the hub, which hears what it prints."""
    return _serving


def serve(request: int, reply: int, lifeline: int) -> None:
    """Answer calls until the hub closes the pipe.

    Args:
        request: File descriptor to read frames from.
        reply: File descriptor to write frames to.
        lifeline: File descriptor of a pipe that nobody writes to; when its other end goes, so does this process group.
    """
    global _serving, _worker
    _serving = True
    for descriptor in (request, reply, lifeline):
        os.set_inheritable(descriptor, False)
    tie(lifeline)
    sys.argv[:] = ["dovetail-worker"]
    faulthandler.enable()
    worker = _worker = _Worker(request, reply)
    signal.signal(signal.SIGTERM, worker.stop)
    sys.stdout, sys.stderr = _text_to(1), _text_to(2)
    try:
        worker.serve()
    except BrokenPipeError:  # the hub is gone
        os._exit(0)
    except BrokenProtocol as error:
        sys.exit(f"dovetail worker: {error}")


class _Worker:
    def __init__(self, request: int, reply: int) -> None:
        self._request = request
        self._reply = reply
        self._pid = os.getpid()
        self._targets: dict[str, bytes | Target] = {}
        self._memory_limit: int | None = None
        self._stopping = False
        self._loading = False
        self._sending = threading.Lock()
        self._sender: int | None = None
        self._log = Forwarder(self._send_record)

    def tell_loaded(self) -> None:
        """Say so if the hub has asked to be told; once for each job."""
        if self._loading and os.getpid() == self._pid:
            self._loading = False
            self._send(_frames.LOADED, b"{}")

    def stop(self, signum: int, _frame: object) -> NoReturn:
        """SIGTERM unwinds the job, so that its ``finally`` blocks and exit handlers run within the grace it has."""
        self._stopping = True
        sys.exit(128 + signum)

    def serve(self) -> None:
        hello = {"pid": self._pid, "python": list(sys.version_info[:3]), "dovetail": _frames.own_version()}
        self._send(_frames.HELLO, to_json(hello, "hello"))
        while (received := self._receive()) is not None:
            kind, body = received
            if kind == _frames.CALL:
                self._call(object_from_json(body))
            elif kind == _frames.PAYLOAD:
                self._targets[body[: _frames.DIGEST_SIZE].hex()] = body[_frames.DIGEST_SIZE :]
            elif kind == _frames.FORGET:
                self._targets.clear()
            elif kind == _frames.SETUP:
                self._set_up(object_from_json(body))
            else:
                raise BrokenProtocol(f"a message of the unknown kind {kind}")

    def _set_up(self, setup: dict[str, Any]) -> None:
        self._memory_limit = setup["memory_limit"]
        if self._memory_limit is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (self._memory_limit, self._memory_limit))

    def _call(self, call: dict[str, Any]) -> None:
        self._send(_frames.STARTED, b"{}")
        self._loading = call["tell_loaded"]
        self._log.listen(call["log"])
        stdin, streams = sys.stdin, (sys.stdout, sys.stderr)
        try:
            with limited(call["memory"]):
                kind, body = _frames.REPLY, self._run(call)
        except BaseException as error:
            if self._stopping:
                raise
            kind, body = _frames.ERROR, _describe(error, call["memory"] or self._memory_limit)
        if os.getpid() != self._pid:  # a fork made by the job came back through here: it has no say
            os._exit(0)
        for stream in (sys.stdout, sys.stderr, *streams):
            _flush(stream)
        sys.stdin = stdin
        sys.stdout, sys.stderr = (
            _text_to(number) if stream.closed else stream for number, stream in enumerate(streams, start=1)
        )
        self._loading = False
        self._log.stop()
        self._send(kind, body)

    def _run(self, call: dict[str, Any]) -> bytes:
        _take_place(call)
        target = self._targets[call["payload"]]
        if isinstance(target, bytes):
            target = self._targets[call["payload"]] = unpack(target)
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        reply = target(call["request"])
        if type(reply) is not dict:
            raise PlatformError("the reply of a worker process is not a dict", why=f"it is {shorten(reply)}")
        return to_json(reply, "reply")

    def _send(self, kind: int, body: bytes) -> None:
        data = memoryview(frame(kind, body))
        with self._sending:  # threads of the job log
            self._sender = threading.get_ident()
            while data:
                data = data[os.write(self._reply, data) :]
            self._sender = None

    def _send_record(self, record: dict[str, Any]) -> None:
        if self._sender != threading.get_ident():  # else a finaliser logs, in the middle of another message
            self._send(_frames.LOG, to_json(record, "record"))

    def _receive(self) -> tuple[int, bytes] | None:
        header = self._read(_frames.HEADER.size)
        if not header:
            return None
        kind, length = parse_header(header)
        return kind, self._read(length)

    def _read(self, size: int) -> bytes:
        """``size`` bytes, or none at all at the end of the file."""
        data = bytearray()
        while len(data) < size:
            part = os.read(self._request, min(size - len(data), 1 << 20))
            if not part:
                if data:
                    raise BrokenProtocol("the hub's message ends in its middle")
                break
            data += part
        return bytes(data)


_own_path = tuple(sys.path)


def _take_place(call: dict[str, Any]) -> None:
    """Stand where the hub stands, whatever an earlier job did to the working directory or the module path."""
    if call["cwd"] is not None:
        try:
            os.chdir(call["cwd"])
        except OSError as error:
            raise PlatformError("a worker process cannot enter the hub's working directory", why=str(error)) from error
    path = call["path"] if call["path"] is not None else [*_own_path, *call["beside"]]
    if call["path"] is None:
        project_is_at(call["beside"])
    if sys.path != path:
        import importlib

        sys.path[:] = path
        importlib.invalidate_caches()


def _describe(error: BaseException, memory_limit: int | None) -> bytes:
    try:
        return describe_as_json(error, memory_limit)
    except MemoryError:
        error.__traceback__ = None  # lets go of what the job's frames hold
        return _NO_MEMORY
    except Exception as problem:  # an exception whose own class misbehaves
        return describe_as_json(
            PlatformError(f"a {type(error).__name__} cannot be described", why=f"{type(problem).__name__} was raised")
        )


def _text_to(descriptor: int) -> io.TextIOWrapper:
    """A stream that passes each line on when it is complete, whatever the locale says."""
    raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115  lives as long as the process
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _flush(stream: Any) -> None:
    with contextlib.suppress(Exception):  # closed or replaced by the job: nothing that we could still save
        stream.flush()
