"""What a worker pool is asked to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from dovetail.env._worker import Worker

Key = tuple[str, str]
"""What a job leaves open in its worker: whom it belongs to, and which one of theirs it is."""


@dataclass(eq=False, slots=True)
class Call:
    """A waiting call. What it is waiting for is changed under the pool's lock only."""

    payload: bytes
    body: bytes
    job: str = ""
    timeout: float | None = None
    load_timeout: float | None = None
    memory: int | None = None
    key: Key | None = None
    on_output: Callable[[str, str], object] | None = None
    cancelled: bool = False
    worker: Worker | None = None
    has_slot: bool = False
    answered: bool = False
    thread: int = field(default_factory=threading.get_ident)
