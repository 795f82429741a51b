"""The core's own executors pass the suite that it gives to others."""

from __future__ import annotations

from dovetail.testing import ExecutorSuite, never

PLUGIN = "dovetail.engine.builtin_hooks"


class TestThreads(ExecutorSuite):
    plugin = PLUGIN
    executor = "threads"
    gaps = {
        "worker_death": never("its tasks live in the hub's own process", runs=False),
        "cancel": never("a thread that is busy cannot be stopped by another one", runs=False),
    }


class TestProcesses(ExecutorSuite):
    plugin = PLUGIN
    executor = "processes"
