"""The output of a worker, line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

MAX_LINE: Final = 16 * 1024
"""Bytes; a longer line arrives in several pieces."""

_TAIL_LINES = 20
_TAIL_WIDTH = 1000


class Lines:
    """Cuts one stream into lines of text and hands them on.

    Args:
        stream: ``"stdout"`` or ``"stderr"``: the first argument of ``deliver``.
        deliver: Called with the stream's name and one line, without its end; None drops the lines.
    """

    def __init__(self, stream: str, deliver: Callable[[str, str], object] | None) -> None:
        self._stream = stream
        self._deliver = deliver
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def feed(self, data: bytes) -> None:
        """Take what has arrived; deliver the lines that it completes."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = b""
        for line in whole:
            self._emit(self._without_pieces(line))
        self._rest = self._without_pieces(rest)

    def finish(self) -> None:
        """Deliver a last line that has no end."""
        rest, self._rest = self._rest, b""
        if rest:
            self._emit(rest)

    def tail(self) -> str:
        """The last lines, shortened: what a crash has left behind."""
        return "\n".join(self._tail)

    def _without_pieces(self, line: bytes) -> bytes:
        """Deliver all of an overlong line but its last piece, which is returned."""
        while len(line) > MAX_LINE:
            cut = MAX_LINE
            while cut > MAX_LINE - 3 and line[cut] & 0xC0 == 0x80:  # not inside a UTF-8 character
                cut -= 1
            self._emit(line[:cut])
            line = line[cut:]
        return line

    def _emit(self, line: bytes) -> None:
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        self._tail.append(text[:_TAIL_WIDTH])
        if self._deliver is not None:
            self._deliver(self._stream, text)
