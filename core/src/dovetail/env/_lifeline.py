"""No worker outlives its hub, however the hub ends."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading


def tie(lifeline: int) -> None:
    """Kill this whole process group as soon as the other end of the pipe ``lifeline`` is closed.

    On Linux the kernel does it, by a signal on the pipe: that works even while native code holds the interpreter lock.
    (The parent-death signal would not do. It fires when the *thread* that started the process ends.) Elsewhere a thread
    watches, which is as prompt as the interpreter lock allows.
    """
    group = os.getpgrp()
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -group)
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        watch = select.poll()
        watch.register(lifeline, select.POLLIN)
        if watch.poll(0):  # closed before the kernel was told to watch
            os.killpg(group, signal.SIGKILL)
        return

    def wait() -> None:
        os.read(lifeline, 1)
        os.killpg(group, signal.SIGKILL)

    threading.Thread(target=wait, name="dovetail-lifeline", daemon=True).start()
