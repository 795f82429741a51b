"""Rows that are read while they are made: a few segments at a time, the next written when the reader has taken one.

The sender listens on a socket in its own directory; the reader connects when it receives the wire. Then lines of JSON go one way,
a piece of the rows each, and a byte for every piece that was taken goes the other. Whoever ends, for whatever reason, closes the
socket, and the other one sees it.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.env.bridge._homes import HOME, ITEM, Root, is_name, token
from dovetail.env.bridge._mappings import Mappings, gone
from dovetail.env.bridge._segments import Segment, Segments
from dovetail.env.bridge._tables import TableReader, lay_table
from dovetail.errors import TaskFailed, WorkerDied

if TYPE_CHECKING:
    import pyarrow as pa

AHEAD = 2
"""Pieces that are written before the reader has taken the one before them."""
PIECE = 32 << 20
"""Bytes of rows from which on a piece is sent."""
_TEXT = 2000
_LONGEST = 100
"""Characters of a path that a socket may have on every system."""


class StreamSender:
    """The rows of one reader or plan, made in a thread of their own once somebody connects."""

    def __init__(
        self, root: Root, home: str, segments: Segments, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        self._segments, self._schema, self._batches = segments, schema, batches
        name = token("k")
        header, _ = lay_table(schema.empty_table(), segments, Mappings({}))
        self.wire = {"at": [root.key, home, name], "header": header}
        self._path = root.path / home / name
        self._listener = socket.socket(socket.AF_UNIX)
        with _short(self._path) as path:
            self._listener.bind(path)
        self._path.chmod(0o600)
        self._listener.listen(1)
        self._connected = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._serve,), name="dovetail-stream", daemon=True)
        self._thread.start()

    def abandon(self) -> None:
        """Nobody will connect any more; a reader that has is served to the end."""
        if not self._connected:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            with self._listener:
                connection, _ = self._listener.accept()
                self._connected = True
        except OSError:
            return
        finally:
            self._path.unlink(missing_ok=True)
        flying: list[Segment] = []
        try:
            with connection, contextlib.suppress(OSError):
                self._give(connection, flying)
        finally:
            for segment in flying:
                self._segments.land(segment)
            close = getattr(self._batches, "close", None)
            if close is not None:
                with contextlib.suppress(Exception):
                    close()
            self._batches = ()

    def _give(self, pipe: socket.socket, flying: list[Segment]) -> None:
        open_pieces: list[list[Segment]] = []
        try:
            for piece in _pieces(self._schema, self._batches):
                wire, written = lay_table(piece, self._segments, Mappings({}))
                flying += written
                open_pieces.append(written)
                _say(pipe, {"piece": wire})
                while len(open_pieces) >= AHEAD:
                    if not pipe.recv(1):
                        return  # nobody reads any more
                    for segment in open_pieces.pop(0):
                        flying.remove(segment)
                        self._segments.land(segment)
            _say(pipe, {"end": True})
        except OSError:
            raise
        except Exception as error:  # of the plan; told to who reads
            _say(pipe, {"error": type(error).__name__, "text": str(error)[:_TEXT]})
        for _ in open_pieces:
            if not pipe.recv(1):
                return


def _say(pipe: socket.socket, what: dict[str, Any]) -> None:
    pipe.sendall(json.dumps(what).encode("ascii") + b"\n")


def _pieces(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Some batches at a time."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= PIECE:
            yield pa.Table.from_batches(held, schema)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held, schema)


def receive_stream(wire: dict[str, Any], roots: dict[str, Root], mappings: Mappings) -> pa.RecordBatchReader:
    """The reader of a stream; its sender is connected to from now on.

    Raises:
        PlatformError: The sender is gone, or somebody else reads it.
    """
    import pyarrow as pa

    key, home, name = wire["at"]
    if key not in roots or not is_name(HOME, home) or not is_name(ITEM, name):
        raise gone(f"{home}/{name}", "it is no stream of this bridge")
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short(roots[key].path / home / name) as path:
            connection.connect(path)
    except OSError as error:
        connection.close()
        raise gone(f"the stream {home}/{name}", error.strerror) from error
    schema = TableReader(mappings).schema(wire["header"])
    return pa.RecordBatchReader.from_batches(schema, _rows(_Line(connection), mappings))


class _Line:
    """The reader's end. It is hung up when nobody holds the rows any more, whether they were asked for or not."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def hear(self) -> dict[str, Any]:
        """What the sender says; nothing if it has ended."""
        try:
            line = self._lines.readline()
            said = json.loads(line) if line.endswith(b"\n") else {}
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def took(self) -> None:
        """Tell it to go on."""
        with contextlib.suppress(OSError):
            self._connection.sendall(b"+")

    def hang_up(self) -> None:
        self._lines.close()
        self._connection.close()

    __del__ = hang_up


def _rows(line: _Line, mappings: Mappings) -> Iterator[pa.RecordBatch]:
    try:
        while True:
            said = line.hear()
            if said.get("end"):
                return
            if "error" in said:
                raise TaskFailed(
                    f"the stream broke off: {said['error']}: {said['text']}", fix="look at what produces the rows"
                )
            if "piece" not in said:
                raise WorkerDied("the process that made a stream of rows ended in the middle of it", fix="run it again")
            batches = TableReader(mappings).table(said["piece"]).to_batches()
            line.took()
            while batches:
                yield batches.pop(0)
    finally:
        line.hang_up()


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path, or a shorter one to the same place."""
    if len(os.fspath(path)) < _LONGEST:
        yield os.fspath(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
