"""Stopping a run from outside: Ctrl-C and SIGTERM end it in good order, a second one at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SHOW_CURSOR = b"\x1b[?25h"


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. Like Ctrl-C it unwinds the run, which is then marked as interrupted."""


@contextmanager
def stoppable(tell: Callable[[str], None]) -> Iterator[None]:
    """Inside, Ctrl-C raises KeyboardInterrupt and SIGTERM raises :class:`Terminated`; a second signal ends the process.

    Args:
        tell: Says that it is stopping. It is called from the signal handler, so it must not wait for a lock.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, _stop(KeyboardInterrupt, pending, tell))
    signal.signal(signal.SIGTERM, _stop(Terminated, pending, tell))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _stop(
    kind: type[BaseException], pending: list[int], tell: Callable[[str], None]
) -> Callable[[int, FrameType | None], Any]:
    def handle(number: int, frame: FrameType | None) -> None:
        if pending:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(128 + number)
        pending.append(number)
        how = "press Ctrl-C again to stop at once" if number == signal.SIGINT else "a second signal stops at once"
        tell(f"stopping; {how}")
        raise kind

    return handle
