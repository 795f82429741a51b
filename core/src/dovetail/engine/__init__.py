"""The local engine: durable runs, with retries, timeouts, cache and resume."""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names

if TYPE_CHECKING:
    from dovetail.engine._export import export
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
    "export",
    "Observer",
    "Output",
    "Placement",
    "placing_calls",
    "requests",
]

# Loaded on first use: the worker of an environment has its own module in this package, and needs none of the others.
__getattr__, __dir__ = _lazy_names(
    __name__,
    {
        **dict.fromkeys(("Placement", "placing_calls", "requests"), "dovetail.engine._placement"),
        "MODULE_PREFIX": "dovetail.engine._portable",
        "export": "dovetail.engine._export",
        "RunResult": "dovetail.engine._result",
        **dict.fromkeys(("Engine", "Observer", "Output", "event_dict", "new_run_id"), "dovetail.engine._run"),
        "shell": "dovetail.engine._task_types",
    },
)
