"""The hub's end of the conversation with one worker."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dovetail.env import _frames
from dovetail.env._frames import BrokenProtocol, FrameBuffer, frame, object_from_json, to_json
from dovetail.env._lines import Lines
from dovetail.env._logs import levels, log_here
from dovetail.env._memory import WATCH_SECONDS, TooMuch, held_by, kills_for_memory
from dovetail.env._process import WorkerProcess, deadline_after
from dovetail.env._scratch import Scratch

_CHUNK = 1 << 16
_MAX_PAYLOADS = 32
_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
_LONGEST_WAIT = 3600.0  # the system's limit is some 24 days; a timeout may be longer
_EXIT_SECONDS = 1.0
_DRAIN_READS = 16  # of 64 KiB, the size of a pipe: all that came before the reply, without following a flood for ever

_digest = functools.lru_cache(maxsize=16)(lambda payload: hashlib.sha256(payload).digest())

Deliver = Callable[[str, str], object]


class Gone(Exception):
    """The process went away during a call. ``started``: it had begun the job."""

    def __init__(self, started: bool) -> None:
        super().__init__(started)
        self.started = started


class Expired(Exception):
    """The time is up: of ``"start"``, in which a worker has to come up; of ``"load"``; or of the ``"job"``."""

    def __init__(self, phase: str, seconds: float | None) -> None:
        super().__init__(phase, seconds)
        self.phase = phase
        self.seconds = seconds


class Cancelled(Exception):
    """The call was cancelled."""


class Worker:
    """One worker process and what the hub knows about it. Used by one thread at a time, but for :meth:`wake`."""

    def __init__(
        self,
        python: str,
        environ: Mapping[str, str] | None,
        memory_limit: int | None,
        flags: Sequence[str] = (),
        version: tuple[int, ...] | None = None,
        scratch: Scratch | None = None,
    ) -> None:
        self.process = WorkerProcess(python, environ, flags, scratch)
        self._version = version
        self.calls = 0
        self._kills = kills_for_memory()
        self._frames = FrameBuffer()
        self._greeted = False
        self._started = False
        self._loaded = True
        self._payloads: dict[bytes, int] = {}
        self._lines: dict[int, Lines] = {}
        self._outgoing = memoryview(frame(_frames.SETUP, to_json({"memory_limit": memory_limit}, "setup")))
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        self._poll = select.poll()
        watched = [self.process.reply, self._wake_read, *self.process.streams]
        if self.process.exit_watch is not None:
            watched.append(self.process.exit_watch)
        for descriptor in watched:
            self._poll.register(descriptor, select.POLLIN)
        self._open_streams = set(self.process.streams)

    @property
    def reusable(self) -> bool:
        """Alive, with both output streams open: fit for another job."""
        return len(self._open_streams) == len(self.process.streams) and not self.process.exited

    def kills_for_memory(self) -> bool:
        """True if the system has killed something for memory since this worker was started."""
        return kills_for_memory() > self._kills

    def wake(self) -> None:
        """Make a waiting :meth:`call` look at its ``cancelled`` again. From any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"\0")

    def end(self, grace: float, *, ask: bool = True) -> int | None:
        """End the process, see :meth:`WorkerProcess.end`, and let go of everything."""
        try:
            return self.process.end(grace, ask=ask)
        finally:
            for descriptor in (self._wake_read, self._wake_write):
                if descriptor >= 0:
                    os.close(descriptor)
            self._wake_read = self._wake_write = -1

    def stderr_tail(self) -> str:
        """The last lines that the current job wrote to stderr."""
        for descriptor, name in self.process.streams.items():
            if name == "stderr" and descriptor in self._lines:
                return self._lines[descriptor].tail()
        return ""

    def call(
        self,
        payload: bytes,
        header: dict[str, Any],
        request: bytes,
        *,
        timeout: float | None,
        start_timeout: float,
        cancelled: Callable[[], bool],
        on_output: Deliver | None,
        memory: int | None = None,
        load_timeout: float | None = None,
    ) -> tuple[int, bytes]:
        """One job. The time starts when the job does; for a worker that is already up, when it is sent.

        With ``load_timeout``, until the job says that its code is loaded, that is the time that it has.

        Returns:
            ``REPLY`` or ``ERROR``, and the body that came with it.

        Raises:
            Gone, Expired, Cancelled, TooMuch, BrokenProtocol: The process is then of no more use: :meth:`end` it.
        """
        fresh = self.calls == 0
        if not fresh:
            self._read_streams(deliver=False)  # written since the last job was over: nobody's
        self.calls += 1
        self._lines = {descriptor: Lines(name, on_output) for descriptor, name in self.process.streams.items()}
        self._send(
            payload, {**header, "memory": memory, "tell_loaded": load_timeout is not None, "log": levels()}, request
        )
        phases = [("start", start_timeout)] if fresh else []
        phases += [] if load_timeout is None else [("load", load_timeout)]
        try:
            outcome = self._converse([*phases, ("job", timeout)], cancelled, memory)
        except (Gone, Expired, TooMuch):
            self._finish_streams()
            raise
        self._finish_streams()
        return outcome

    def _converse(
        self, phases: list[tuple[str, float | None]], cancelled: Callable[[], bool], memory: int | None
    ) -> tuple[int, bytes]:
        look_at = time.monotonic()
        self._started = self._loaded = False
        phase, seconds = phases.pop(0)
        deadline = deadline_after(seconds)
        while True:
            if cancelled():
                raise Cancelled
            self._write()
            gone = self._read(self._wait(deadline, memory is not None))
            if (outcome := self._outcome()) is not None:
                return outcome
            if gone:
                raise Gone(self._started)
            if memory is not None and (now := time.monotonic()) >= look_at:
                if (held := held_by(self.process.pid)) > memory:
                    raise TooMuch(held, memory)
                look_at = now + WATCH_SECONDS
            while (phase == "start" and self._started) or (phase == "load" and self._loaded):
                phase, seconds = phases.pop(0)
                deadline = deadline_after(seconds)
            if deadline is not None and time.monotonic() >= deadline:
                raise Expired(phase, seconds)

    def _outcome(self) -> tuple[int, bytes] | None:
        """Go through the messages that have arrived whole; the last one of a job is its outcome."""
        while (received := self._frames.next()) is not None:
            kind, body = received
            if kind == _frames.HELLO and not self._greeted:
                self._greeted = True
                self._check_hello(object_from_json(body))
            elif kind == _frames.STARTED and not self._started:
                self._started = True
            elif kind == _frames.LOADED and self._started and not self._loaded:
                self._loaded = True
            elif kind == _frames.LOG and self._started:
                log_here(object_from_json(body))
            elif kind in (_frames.REPLY, _frames.ERROR) and self._started:
                return kind, body
            else:
                raise BrokenProtocol(f"a message of kind {kind} that is not due")
        return None

    def _check_hello(self, hello: dict[str, Any]) -> None:
        version = _frames.own_version()
        if hello.get("dovetail") != version:
            raise BrokenProtocol(f"the worker has dovetail {hello.get('dovetail')}, this process {version}")
        python = hello.get("python")
        if self._version is not None and python != list(self._version):
            raise BrokenProtocol(f"the worker runs Python {python}, not {list(self._version)}")

    def _send(self, payload: bytes, header: dict[str, Any], request: bytes) -> None:
        digest = _digest(payload)
        parts = [bytes(self._outgoing)]
        if digest not in self._payloads:
            held = sum(self._payloads.values()) + len(payload)
            if self._payloads and (len(self._payloads) >= _MAX_PAYLOADS or held > _MAX_PAYLOAD_BYTES):
                self._payloads.clear()
                parts.append(frame(_frames.FORGET, b"{}"))
            self._payloads[digest] = len(payload)
            parts.append(frame(_frames.PAYLOAD, digest + payload, "code of the task"))
        # The request is JSON already: put into its place as it is, instead of being built twice.
        head = to_json({**header, "payload": digest.hex()}, "request")
        parts.append(frame(_frames.CALL, head[:-1] + b',"request":' + request + b"}", "request"))
        self._outgoing = memoryview(b"".join(parts))

    def _write(self) -> None:
        if not self._outgoing:
            return
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[os.write(self.process.request, self._outgoing[: 1 << 20]) :]
        except BlockingIOError:
            self._poll.register(self.process.request, select.POLLOUT)
            return
        except BrokenPipeError:  # gone, or going: its exit will be seen
            self._outgoing = memoryview(b"")
        with contextlib.suppress(KeyError):
            self._poll.unregister(self.process.request)

    def _wait(self, deadline: float | None, watched: bool) -> set[int]:
        seconds = None if deadline is None else min(max(deadline - time.monotonic(), 0), _LONGEST_WAIT)
        if self.process.exit_watch is None or watched:
            seconds = WATCH_SECONDS if seconds is None else min(seconds, WATCH_SECONDS)
        # Rounded up to whole milliseconds: waking early would only mean waiting again.
        return {descriptor for descriptor, _ in self._poll.poll(None if seconds is None else int(seconds * 1000) + 1)}

    def _read(self, ready: set[int]) -> bool:
        """Read what is ready, once each, so that a flood cannot keep us from looking at the clock. True: the process is gone."""
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, _CHUNK)
        for descriptor in ready & self._open_streams:
            self._read_stream(descriptor)
        gone = self.process.exited if self.process.exit_watch is None else self.process.exit_watch in ready
        if gone:  # what it still said fits into the pipe
            for _ in range(_DRAIN_READS):
                if not self._read_reply():
                    break
        elif self.process.reply in ready and not self._read_reply():
            # A process that ends closes its files a moment before it counts as ended.
            if not self.process.wait(_EXIT_SECONDS):
                raise BrokenProtocol("the worker closed the pipe for replies")
            gone = True
        return gone

    def _read_reply(self) -> bool:
        """Read once; False when nothing was there, or nothing will come any more."""
        try:
            data = os.read(self.process.reply, _CHUNK)
        except BlockingIOError:
            return False
        self._frames.feed(data)
        return bool(data)

    def _read_stream(self, descriptor: int, deliver: bool = True) -> bool:
        """Read once; False when nothing was there."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if not data:  # closed by the job
            self._poll.unregister(descriptor)
            self._open_streams.discard(descriptor)
            return False
        if deliver:
            self._lines[descriptor].feed(data)
        return True

    def _read_streams(self, deliver: bool = True) -> None:
        for descriptor in tuple(self._open_streams):
            for _ in range(_DRAIN_READS):
                if not self._read_stream(descriptor, deliver):
                    break

    def _finish_streams(self) -> None:
        """All that the job wrote until now is in the pipes."""
        self._read_streams()
        for lines in self._lines.values():
            lines.finish()
