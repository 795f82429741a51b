"""Doing the work of a task in the worker of an environment: what attempts of durable runs and in-process calls share.

The seam. Whoever decides *where* a task runs (``Place``) ends up with an ``Environment`` that is built, and calls one function:

* An in-process call, ``daily(month=1)``: :func:`run_isolated`, named by the string :data:`RUN_ISOLATED`, since it lies above the
  graph floor. It takes the inputs as they were given and returns the output past its gates, as ``CompiledTask.__call__`` does.
* An attempt of a durable run asks ``Services.home(work)``; where that gives an environment, the attempt goes there by itself:
  retries, timeout, gates, cache and resume work as for any other node. It waits in a thread of the ``threads`` executor.

Of an environment only what :class:`~dovetail.env.Home` names is used: ``name``, ``digest``, ``path``, ``python``,
``python_version``, ``hold()``.

Workers stay warm from run to run: they belong to the hub's process (``dovetail.env.isolated_pools()``) and end with it. What task
types open inside of them lives as long as the ``ResourceScope`` of the run that it was opened for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dovetail.env import Home
    from dovetail.graph import CompiledTask, ResourceScope
    from dovetail.spec import TaskContext

RUN_ISOLATED: Final = "dovetail.engine._isolated:run_isolated"


def run_isolated(
    compiled: CompiledTask,
    inputs: dict[str, Any],
    context: TaskContext,
    environment: Home,
    scope: ResourceScope,
    *,
    timeout: float | None = None,
    memory: int | None = None,
    on_output: Callable[[str, str], object] | None = None,
) -> Any:
    """One call of a task in a warm worker of an environment; gates are evaluated here, nothing is stored.

    Args:
        compiled: The task, bound to the type engine of the hub's current catalogue.
        inputs: Values by name, as they were given.
        context: Of the call.
        environment: Where; built and whole.
        scope: What is opened in workers for this call is closed when this scope is.
        timeout: Seconds that the work may take; None: no limit.
        memory: Bytes that the worker may hold while it works, its engine included; None: no limit.
        on_output: Takes ``"stdout"`` or ``"stderr"`` and each line that the work prints; None: they are printed here.

    Returns:
        The output as the annotation wants it; a type that this process cannot import stays an Arrow table.

    Raises:
        TaskFailed: The function raised; type, message and traceback are in ``details``.
        GateBlocked: A gate refused an input or the output.
        TaskTimeout, WorkerDied, RunInterrupted: The worker was stopped, died or was cancelled.
        DefinitionError: The function cannot be brought to that environment; says what to do.
    """
    raise NotImplementedError
