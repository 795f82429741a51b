"""What passes between a hub and its workers: framed, versioned messages with a length cap.

A frame is a header of eight bytes (magic ``dt``, protocol version, kind, length of the body as a big-endian 32-bit number)
and a body. All bodies are JSON in ASCII, except that of ``PAYLOAD``. A conversation::

    worker                          hub
    HELLO  {pid, python, dovetail}  SETUP   {memory_limit}           once, each its own way
                                    PAYLOAD digest, packed target    once per target and worker
                                    CALL    {payload, request, ...}
    STARTED {}
    LOADED  {}                      if the call asks for it: the job's code is there, and its own time begins
    LOG     {name, level, text, ...}                                 for each record that the job logs
    REPLY  {reply} | ERROR {error}
                                    FORGET  {}                       drop all payloads; no answer
                                    (end of file: the worker exits)
"""

from __future__ import annotations

import json
import math
import struct
import sys
from typing import Any, Final

from dovetail.errors import PlatformError, shorten

VERSION: Final = 3
MAX_FRAME: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 100
DIGEST_SIZE: Final = 32

HELLO: Final = 1
SETUP: Final = 2
PAYLOAD: Final = 3
CALL: Final = 4
STARTED: Final = 5
REPLY: Final = 6
ERROR: Final = 7
FORGET: Final = 8
LOADED: Final = 9
LOG: Final = 10

HEADER: Final = struct.Struct(">2sBBI")
_MAGIC: Final = b"dt"


def own_version() -> str:
    """The version of dovetail that runs here. Looked up, since the package at the top names all floors for type checkers."""
    return str(sys.modules["dovetail"].__version__)


class BrokenProtocol(Exception):
    """The other end sent what no dovetail of this version sends."""


def frame(kind: int, body: bytes, what: str = "message") -> bytes:
    """One frame.

    Raises:
        PlatformError: The body is larger than the cap.
    """
    if len(body) > MAX_FRAME:
        raise too_large(what, len(body))
    return HEADER.pack(_MAGIC, VERSION, kind, len(body)) + body


def too_large(what: str, size: int) -> PlatformError:
    """The error about a body above the cap."""
    return PlatformError(
        f"the {what} is too large for a worker process",
        why=f"it takes {size:,} bytes; a message holds at most {MAX_FRAME:,}",
        fix="hand large values over as files, or as tables, instead of inside a message",
    )


def parse_header(header: bytes | bytearray) -> tuple[int, int]:
    """Kind and body length.

    Raises:
        BrokenProtocol: Not a header, of another version, or above the cap.
    """
    magic, version, kind, length = HEADER.unpack_from(header)
    if magic != _MAGIC:
        raise BrokenProtocol(f"expected a message, got the bytes {bytes(header[: HEADER.size])!r}")
    if version != VERSION:
        raise BrokenProtocol(f"the other end speaks protocol version {version}, this one version {VERSION}")
    if length > MAX_FRAME:
        raise BrokenProtocol(f"a message of {length:,} bytes was announced; the cap is {MAX_FRAME:,}")
    return kind, length


class FrameBuffer:
    """Takes bytes in any portions and gives whole frames back."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Append what has arrived."""
        self._bytes += data

    def next(self) -> tuple[int, bytes] | None:
        """The next whole frame as (kind, body), or None until more has arrived."""
        if len(self._bytes) < HEADER.size:
            return None
        kind, length = parse_header(self._bytes)
        end = HEADER.size + length
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[HEADER.size : end])
        del self._bytes[:end]
        return kind, body


def to_json(value: Any, what: str) -> bytes:
    """``value`` as JSON, if it comes back equal: str keys, lists, no tuples, finite numbers, no subclasses.

    Raises:
        PlatformError: It would not, or is too deep or too large; says which part.
    """
    problem = _not_json(value)
    if problem:
        raise PlatformError(
            f"the {what} is not JSON",
            why=problem,
            fix="encode it with the type engine, or return plain dicts, lists, strings, numbers, booleans and None",
        )
    try:
        body = json.dumps(value, allow_nan=False, separators=(",", ":"), check_circular=False).encode("ascii")
    except ValueError as error:  # an integer above Python's limit of digits
        raise PlatformError(f"the {what} is not JSON", why=str(error)) from error
    if len(body) > MAX_FRAME:
        raise too_large(what, len(body))
    return body


def from_json(body: bytes) -> Any:
    """The value in a body.

    Raises:
        BrokenProtocol: Not JSON, or too deep.
    """
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BrokenProtocol(f"a message is not JSON: {shorten(error)}") from error
    problem = _not_json(value)
    if problem:
        raise BrokenProtocol(f"a message is not acceptable JSON: {problem}")
    return value


def object_from_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        BrokenProtocol: Not JSON, too deep, or not an object.
    """
    value = from_json(body)
    if not isinstance(value, dict):
        raise BrokenProtocol(f"a message holds {shorten(value)} instead of an object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_LEAVES = frozenset({str, int, bool, type(None)})


def _not_json(value: Any) -> str | None:
    """Why ``value`` would not survive JSON unchanged, or None. A loop, not a recursion: depth is what it guards against."""
    stack: list[tuple[Any, str, int]] = [(value, "it", 0)]
    seen = 0
    while stack:
        item, path, depth = stack.pop()
        kind = type(item)
        if kind is dict:
            for key in item:
                if type(key) is not str:
                    return f"{path} has the key {shorten(key)}, which is no str"
            parts: Any = item.items()
        elif kind is list:
            parts = enumerate(item)
        else:
            problem = _not_leaf(item, path)
            if problem:
                return problem
            continue
        if depth >= MAX_DEPTH:
            return f"{shorten(path)} is nested deeper than {MAX_DEPTH} levels"
        for key, part in parts:
            seen += 1
            if type(part) not in _LEAVES:
                stack.append((part, f"{path}[{shorten(key)}]", depth + 1))
        if seen > MAX_FRAME:  # each part takes a byte at least; small objects shared many times can blow up without end
            return f"it has more than {MAX_FRAME:,} parts"
    return None


def _not_leaf(item: Any, path: str) -> str | None:
    kind = type(item)
    if kind in _LEAVES:
        return None
    if kind is float:
        return None if math.isfinite(item) else f"{path} is {item!r}, a number that JSON does not have"
    return f"{path} is of type {kind.__module__}.{kind.__qualname__}: {shorten(item)}"
