"""The local engine: durable runs, with retries, timeouts, cache and resume."""

from dovetail.engine._placement import Placement, placing_calls, requests
from dovetail.engine._portable import MODULE_PREFIX
from dovetail.engine._result import RunResult
from dovetail.engine._run import Engine, Observer, Output, event_dict, new_run_id
from dovetail.engine._task_types import shell

__all__ = [
    "MODULE_PREFIX",
    "Engine",
    "RunResult",
    "shell",
    "new_run_id",
    "event_dict",
    "Observer",
    "Output",
    "Placement",
    "placing_calls",
    "requests",
]
