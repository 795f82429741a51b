"""What the code in a worker logs reaches the logging of the hub: same logger, level and text."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from dovetail.env._frames import BrokenProtocol
from dovetail.errors import shorten

_MOST: Final = 10_000
"""Characters of a message; of what was raised, three times as many."""
_NAME: Final = 200
_TOP: Final = "dovetail"


def levels() -> list[int]:
    """In the hub: what its root logger and that of dovetail let through, for :meth:`Forwarder.listen`."""
    return [logging.getLogger().level, logging.getLogger(_TOP).level]


class Forwarder(logging.Handler):
    """In a worker: hands records on while a job runs. Of a process that the job forked, warnings are printed.

    Args:
        send: Takes the JSON form of a record.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._forward = send
        self._pid = os.getpid()
        self._listening = False

    def listen(self, levels: list[int]) -> None:
        """A job begins; these are the hub's :func:`levels`."""
        root, top = logging.getLogger(), logging.getLogger(_TOP)
        root.setLevel(levels[0])
        top.setLevel(levels[1])
        if self not in root.handlers:
            root.addHandler(self)
        self._listening = True

    def stop(self) -> None:
        """The job is over: what its threads still log is nobody's."""
        self.acquire()
        self._listening = False
        self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        if os.getpid() != self._pid:
            if logging.lastResort is not None and record.levelno >= logging.lastResort.level:
                logging.lastResort.handle(record)  # to stderr, which the hub hears
            return
        if not self._listening:
            return
        try:
            raised = record.exc_text
            if raised is None and record.exc_info:
                raised = logging.Formatter().formatException(record.exc_info)
            described = {
                "name": record.name[:_NAME],
                "level": record.levelno,
                "text": _bounded(record.getMessage(), _MOST),
                "raised": None if raised is None else _bounded(raised, 3 * _MOST),
                "file": record.pathname[:1000],
                "line": record.lineno,
                "function": record.funcName,
            }
        except Exception:  # the record's own arguments may do anything
            self.handleError(record)
            return
        self._forward(described)


def log_here(described: dict[str, Any]) -> None:
    """In the hub: log what a worker has logged, in the calling thread. What this process's loggers leave out is left out.

    Raises:
        BrokenProtocol: It is no record.
    """
    name, level, text, raised = (described.get(key) for key in ("name", "level", "text", "raised"))
    file, line, function = (described.get(key) for key in ("file", "line", "function"))
    whole = all(isinstance(each, str) for each in (name, text, file)) and type(level) is type(line) is int
    if not whole or not all(each is None or isinstance(each, str) for each in (raised, function)):
        raise BrokenProtocol(f"a record arrived as {shorten(described)}")
    logger = logging.getLogger(str(name))
    if not logger.isEnabledFor(int(str(level))):
        return
    record = logger.makeRecord(
        str(name), int(str(level)), str(file), int(str(line)), _masked(str(text)), (), None, function
    )
    record.exc_text = None if raised is None else _masked(str(raised))
    logger.handle(record)


def _bounded(text: str, limit: int) -> str:
    """Masked first: half of a secret would not be found."""
    text = _masked(text)
    return text if len(text) <= limit else f"{text[:limit]} ... {len(text) - limit:,} characters left out"


def _masked(text: str) -> str:
    config = sys.modules.get("dovetail.config")  # not loaded: no secret can have been resolved here
    return text if config is None else str(config.redact(text))
