"""The two ends of a bridge: a hub's, and a worker's."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from dovetail.config import available_memory
from dovetail.env.bridge._homes import (
    DISK,
    HOME,
    ITEM,
    MEMORY,
    Lock,
    Root,
    Taken,
    is_name,
    join_root,
    make_root,
    memory_parents,
    remove_if_free,
    token,
)
from dovetail.env.bridge._mappings import Mappings, gone
from dovetail.env.bridge._segments import Segments
from dovetail.env.bridge._sweep import clean_home, dead_homes, sweep_parent
from dovetail.env.bridge._tables import lies_in
from dovetail.env.bridge._wire import Incoming, Outgoing, no_place
from dovetail.errors import DovetailError, PlatformError, no_room
from dovetail.spec import Artifact
from dovetail.types import TypeEngine

VERSION = 1
_KEEP = 512 << 20
_WIRE = 1 << 20
"""Characters of a wire above which it goes into a file."""
_TIDY = 10.0
"""Seconds between looks at which workers have died."""


class Side:
    """What both ends do."""

    def __init__(self, roots: dict[str, Root], home: str, room: int | None, keep: int, once: bool) -> None:
        self._roots, self._home = roots, home
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._sent: dict[str, Outgoing] = {}
        self._spare: list[Path] = []
        for root in roots.values():
            (root.path / home).mkdir(0o700)
        self.segments = Segments(roots, home, room, keep, once)
        self.mappings = Mappings(roots)

    def _send(self, value: Any, annotation: Any, types: TypeEngine, lends: bool) -> dict[str, Any]:
        outgoing = Outgoing(self._roots, self._home, self.segments, self.mappings, self._spare, lends)
        try:
            artifact = types.transit.dump(value, Any if annotation is None else annotation, outgoing)
            wire: dict[str, Any] = {
                "v": VERSION,
                "id": token("k"),
                "home": self._home,
                "value": artifact.to_dict(),
                "tables": outgoing.tables,
            }
            if len(artifact.children) > 64 or outgoing.tables:
                text = json.dumps([wire["value"], wire["tables"]])
                if len(text) > _WIRE:
                    blob = outgoing.add_bytes(text.encode("ascii"), "wire.json")
                    wire |= {"value": blob.digest, "tables": []}
            if outgoing.streams:
                wire["streams"] = [each.wire for each in outgoing.streams]
            folder = outgoing.finish()
            if folder is not None:
                wire["folder"] = [self._home, folder]
        except BaseException as error:
            outgoing.drop()
            if isinstance(error, OSError) and self._is_ours(error):  # of a plan that is run here, it is the user's
                raise no_place(self._roots[DISK].path, error) from error
            raise
        if outgoing.written or outgoing.held or outgoing.streams or folder is not None:
            with self._lock:
                self._sent[wire["id"]] = outgoing
            wire["held"] = True
        return wire

    def _is_ours(self, error: OSError) -> bool:
        """Whether an error is about a place of the bridge."""
        name = os.fspath(error.filename) if isinstance(error.filename, (str, os.PathLike)) else ""
        return no_room(error) is not None or any(name.startswith(str(root.path)) for root in self._roots.values())

    def _receive(self, wire: dict[str, Any], annotation: Any, types: TypeEngine, borrows: bool) -> Any:
        wire = _checked(wire)
        try:
            incoming = Incoming(wire, self._roots, self.mappings, borrows)
            if isinstance(wire["value"], str):
                wire["value"], wire["tables"] = json.loads(incoming.spilled(wire["value"]))
                incoming.hold(wire["tables"])
            artifact = Artifact.from_dict(wire["value"])
        except (LookupError, TypeError, ValueError) as error:
            raise _broken(str(error)) from error
        self._arrived(wire)
        return types.transit.load(artifact, incoming, annotation)

    def _arrived(self, wire: dict[str, Any]) -> None:
        raise NotImplementedError

    def _release(self, id: str) -> bool:
        with self._lock:
            outgoing = self._sent.pop(id, None)
        if outgoing is not None:
            outgoing.drop()
        return outgoing is not None

    @property
    def stats(self) -> dict[str, Any]:
        """Counters, for people and tests: tables ``written``, segments ``recycled``, ``disk`` (how often memory had no room) with
        ``why``, ``bytes`` in segments of this side, values ``sent`` and not released, ``mapped`` segments."""
        return {
            "written": self.segments.written,
            "recycled": self.segments.recycled,
            "disk": self.segments.fallbacks,
            "why": self.segments.why_disk,
            "bytes": self.segments.held(),
            "sent": len(self._sent),
            "mapped": self.mappings.count(),
        }


class Bridge(Side):
    """The hub's end: one for all workers of a hub process. Safe to use from several threads.

    Tables lie on a tmpfs if there is one with room, else on the disk, for this user alone. What a hub that died has left there is
    removed first.

    Args:
        fallback: Directory on a disk; made if need be.
        room: Most bytes to lay into memory at a time; None: what the tmpfs and the memory leave. 0: none.
        keep: Bytes of memory that each side keeps for its next table, most.

    Raises:
        PlatformError: The directory cannot be used.
    """

    def __init__(self, fallback: Path, *, room: int | None = None, keep: int | None = None) -> None:
        name = token("b")
        self.why = ""
        roots: dict[str, Root] = {}
        try:
            roots[DISK] = make_root(DISK, Path(fallback).absolute() / "bridge", name)
        except OSError as error:
            raise no_place(Path(fallback), error) from error
        if room == 0:
            self.why = "the room in memory was set to 0"
        else:
            for parent in memory_parents():
                try:
                    roots[MEMORY] = make_root(MEMORY, parent, name)
                    break
                except (OSError, PlatformError, Taken) as error:
                    self.why = str(error)
            else:
                self.why = self.why or "there is no memory file system that may be written"
        if keep is None:
            keep = min(_KEEP, available_memory() // 16)
        super().__init__(roots, "hub", room, keep, False)
        self._room = room
        self.place: dict[str, Any] = {
            "version": VERSION,
            "roots": {key: os.fspath(root.path) for key, root in roots.items()},
            "room": room,
            "keep": keep,
            "why": self.why,
        }
        self._at_exit = weakref.finalize(self, _remove, os.getpid(), list(roots.values()))
        self._tidied = time.monotonic()
        self._dead: dict[str, float] = {}
        for root in roots.values():
            sweep_parent(root.path.parent)

    def send(self, value: Any, annotation: Any, types: TypeEngine) -> dict[str, Any]:
        """A value for a worker, as a JSON-able wire. What it refers to is held until :meth:`release`.

        Args:
            value: What the type engine can store.
            annotation: What it is sent as; None or ``Any``: as what it is.
            types: The type engine.

        Raises:
            ValueMismatch, UnknownType, ConversionError: As for storing it.
            DataError: A table holds an extension type that carries code.
            PlatformError: There is no room.
        """
        self._tidy()
        return self._send(value, annotation, types, True)

    def folder(self) -> Path:
        """A fresh directory on the disk, for files that are no values: the caller removes it, else the bridge's end does.

        Raises:
            PlatformError: There is no room.
        """
        path = self._roots[DISK].path / self._home / token("f")
        try:
            path.mkdir(0o700)
        except OSError as error:
            raise no_place(path, error) from error
        return path

    def _tidy(self) -> None:
        """Now and then: what workers left that have been dead for a while, so that no answer of theirs is still on its way."""
        now = time.monotonic()
        with self._lock:
            if now - self._tidied < _TIDY:
                return
            self._tidied = now
        self._dead = {home: self._dead.get(home, now) for home in dead_homes(self._roots)}
        for home, since in self._dead.items():
            if now - since >= _TIDY:
                clean_home(self._roots, home)

    def receive(self, wire: dict[str, Any], annotation: Any, types: TypeEngine) -> Any:
        """The value that a worker has sent. Tables refer to the memory where it laid them, for as long as they are used.

        Receive before what was sent to that worker for it is released: the value may refer to it.

        Args:
            wire: From a worker of this bridge.
            annotation: What it is wanted as; ``Any``: as it was sent; None: the same, but a table as ``pyarrow.Table``.
            types: The type engine.

        Raises:
            PlatformError: What it refers to is gone, damaged, or nothing that this bridge made.
            ValueMismatch, ConversionError: It does not fit the annotation.
        """
        try:
            return self._receive(wire, annotation, types, False)
        except BaseException:
            with contextlib.suppress(DovetailError):
                self._arrived(_checked(wire))  # it is not waited for any longer
            raise

    def _arrived(self, wire: dict[str, Any]) -> None:
        if wire.get("held") and wire["home"] != self._home:
            self._acknowledge(wire["home"], wire["id"])

    def _acknowledge(self, home: str, id: str) -> None:
        """Tell a worker that what it sent need not be held any more."""
        root = self._roots.get(MEMORY, self._roots[DISK])
        with contextlib.suppress(OSError):
            (root.path / home / id).unlink()

    def release(self, wire: dict[str, Any]) -> None:
        """Let go of what was sent, or of what a worker has sent and nobody will receive. Does no harm twice."""
        wire = _checked(wire)
        if not self._release(wire["id"]) and wire["home"] != self._home:
            self._arrived(wire)
            for root, home, name in lies_in(wire["tables"], self._roots):
                remove_if_free(root, home, name, given_up=True)

    def clean(self) -> None:
        """Remove what workers that died have left, and what nobody reads any more."""
        self.segments.trim()
        for home in dead_homes(self._roots):
            clean_home(self._roots, home)

    def close(self) -> None:
        """Remove everything. Values that were received stay as they are. May be called more than once."""
        if os.getpid() != self._pid:  # a fork of the hub
            return
        with self._lock:
            sent, self._sent = list(self._sent.values()), {}
        for outgoing in sent:
            outgoing.drop()
        for root in self._roots.values():
            root.remove()
        self._at_exit.detach()

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False


class WorkerSide(Side):
    """A worker's end of a bridge: one for the life of the process.

    Args:
        place: :attr:`Bridge.place`.

    Raises:
        PlatformError: The hub is gone, or speaks another version.
    """

    def __init__(self, place: dict[str, Any]) -> None:
        if place["version"] != VERSION:
            raise PlatformError(
                f"the hub's bridge has version {place['version']}, this worker's {VERSION}",
                fix="use the same version of dovetail for both",
            )
        try:
            roots = {key: join_root(key, Path(path)) for key, path in place["roots"].items()}
            while True:
                home = token("w")
                with contextlib.suppress(Taken):
                    self._alive = Lock(roots[DISK].path / f"{home}.lock")
                    break
            super().__init__(roots, home, place["room"], place["keep"], True)
        except (OSError, Taken) as error:
            raise gone("the bridge", f"its hub has ended: {error}") from error
        self._marks = roots.get(MEMORY, roots[DISK]).path / home

    def send(self, value: Any, annotation: Any, types: TypeEngine) -> dict[str, Any]:
        """A value for the hub; as :meth:`Bridge.send`. What it refers to is held until the hub has received or released it."""
        self._settle()
        wire = self._send(value, annotation, types, False)
        if wire.get("held"):
            try:
                os.close(os.open(self._marks / wire["id"], os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            except OSError as error:
                self._release(wire["id"])
                raise no_place(self._marks, error) from error
        return wire

    def receive(self, wire: dict[str, Any], annotation: Any, types: TypeEngine) -> Any:
        """A value that the hub has sent; as :meth:`Bridge.receive`. Files are valid until the hub releases the wire."""
        self._settle()
        return self._receive(wire, annotation, types, True)

    def _arrived(self, wire: dict[str, Any]) -> None: ...

    def _settle(self) -> None:
        """Let go of what the hub has received."""
        with self._lock:
            waiting = list(self._sent)
        for id in waiting:
            if not (self._marks / id).exists():
                self._release(id)
        self.segments.trim()

    def close(self) -> None:
        """Let go of everything but what the hub has yet to receive."""
        self._settle()
        self._alive.close()


def _remove(pid: int, roots: list[Root]) -> None:
    if os.getpid() == pid:  # a fork of the hub has nothing to remove
        for root in roots:
            root.remove()


def _checked(wire: Any) -> dict[str, Any]:
    """A wire of the right shape; names in it lead nowhere else."""
    try:
        whole = wire["v"] == VERSION and is_name(ITEM, wire["id"]) and is_name(HOME, wire["home"])
        if not whole or not isinstance(wire["tables"], list):
            raise _broken("its header is none of ours")
    except (LookupError, TypeError) as error:
        raise _broken(str(error)) from error
    return dict(wire)


def _broken(why: str) -> DovetailError:
    return PlatformError(
        "a value arrived in a form that no bridge makes",
        why=why,
        fix="run it again; if it stays, report it to dovetail",
    )
