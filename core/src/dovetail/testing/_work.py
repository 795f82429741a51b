"""Helpers of the suites that run tasks: a workflow around a task, spies on a task type, and a bound on waiting."""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from dovetail.errors import DovetailError, listing
from dovetail.graph import Task, Workflow, workflow
from dovetail.spec import TaskType
from dovetail.testing._base import fail
from dovetail.testing._harness import HubHarness

PATIENCE = 30.0
"""Seconds within which something that was asked to stop must have stopped. Bounds a wait; nothing is measured."""


def around(
    task: Task[..., Any],
    inputs: Mapping[str, Any] | None = None,
    *,
    times: int = 1,
    beside: Task[..., Any] | None = None,
) -> Workflow[..., Any]:
    """A workflow that calls a task, with the inputs that are given; its result is that of the call.

    Args:
        task: The task.
        inputs: Names of the inputs that the workflow takes; the others have defaults.
        times: Number of nodes, none of which waits for another; with more than one the result is a list.
        beside: Another task with the same inputs, called as often, whose results are dropped.
    """
    names = list(inputs or {})
    if unknown := [name for name in names if name not in task.interface.inputs]:
        fail(
            f"task {task.name!r} has no input {listing(unknown)}",
            why=f"its inputs are {listing(task.interface.inputs)}",
            fix="inputs = {...} of the suite goes by the names of the arguments of make_task()",
        )

    def conformance(**values: Any) -> Any:
        found = []
        for _ in range(times):
            if beside is not None:
                beside(**values)
            found.append(task(**values))
        return found[0] if times == 1 else found

    output: Any = task.output if times == 1 else list[task.output]  # type: ignore[name-defined]
    conformance.__annotations__ = {**{name: task.interface.inputs[name] for name in names}, "return": output}
    conformance.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=task.interface.inputs[name])
            for name in names
        ],
        return_annotation=output,
    )
    return workflow(conformance)


@contextmanager
def spying(target: object, *names: str) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Note the arguments of calls of methods of one object, which do what they always do.

    What a method ``close`` raises is noted under ``"close raised"``.
    """
    calls: dict[str, list[tuple[Any, ...]]] = {}
    with ExitStack() as stack:
        for name in names:
            _spy(target, name, calls.setdefault(name, []), calls.setdefault(f"{name} raised", []), stack)
        yield calls


def _spy(target: object, name: str, calls: list[Any], raised: list[Any], stack: ExitStack) -> None:
    method = getattr(target, name)

    def noting(*args: Any) -> Any:
        calls.append(args)
        try:
            return method(*args)
        except BaseException as error:
            raised.append((error,))
            raise

    setattr(target, name, noting)
    stack.callback(lambda: delattr(target, name))


def kept_of_calls(kind: TaskType, begins: str, run: Callable[[], Any]) -> list[str]:
    """Names of attributes that a task type set to what belongs to one call of it, while something was run.

    Args:
        kind: The task type, whose attributes are watched.
        begins: Its method that is given the call.
        run: Runs a task of the type in this process.
    """
    own = type(kind)
    noted: list[tuple[str, Any]] = []

    def note(self: Any, name: str, value: Any) -> None:
        if self is kind:
            noted.append((name, value))
        own.__setattr__(self, name, value)

    with spying(kind, begins) as calls:
        noted.clear()  # the spy itself
        try:
            kind.__class__ = type(
                own.__name__, (own,), {"__slots__": (), "__setattr__": note, "__module__": own.__module__}
            )
        except TypeError:  # a layout that cannot be watched
            run()
            return []
        try:
            run()
        finally:
            kind.__class__ = own
        parts = [part for arguments in calls[begins] for part in _parts(arguments[0])]
    return sorted({name for name, value in noted if any(value is part for part in parts)})


def _parts(call: Any) -> Iterator[Any]:
    """What belongs to one call: itself and what it holds, but for values that are the same object everywhere."""
    yield call
    for name in ("inputs", "context", "config"):
        yield getattr(call, name, call)
    for value in getattr(call, "inputs", {}).values():
        if not isinstance(value, (type(None), int, float)) and not (isinstance(value, (str, bytes)) and len(value) < 2):
            yield value


@contextmanager
def before_calls(target: object, name: str, first: Callable[..., None]) -> Iterator[None]:
    """Call ``first`` with the arguments of a method of one object before each of its calls."""
    method = getattr(target, name)

    def ahead(*args: Any) -> Any:
        first(*args)
        return method(*args)

    setattr(target, name, ahead)
    try:
        yield
    finally:
        delattr(target, name)


def stopped(hub: HubHarness, wf: Workflow[..., Any], kind: TaskType, begins: str, **options: Any) -> DovetailError:
    """Run a workflow, ask for its cancellation once its work has begun, and return what ended it.

    Args:
        hub: Where.
        wf: One node that takes long.
        kind: The task type of the node.
        begins: The method of ``kind`` whose call means that the work has begun.
        options: Of :meth:`HubHarness.run`.

    Raises:
        AssertionError: The run succeeded, or did not end in time.
    """
    begun = threading.Event()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(hub.fail(wf, run_id="to-be-stopped", **options))
        except BaseException as error:
            ended.append(error)
        finally:
            begun.set()

    with before_calls(kind, begins, lambda *_: begun.set()):
        thread = threading.Thread(
            target=contextvars.copy_context().run, args=(run,), daemon=True, name="conformance-run"
        )
        thread.start()
        if not begun.wait(PATIENCE):
            fail(f"{begins}() was not called within {PATIENCE:g} s")
        if not ended:
            hub.runs.request_cancel("to-be-stopped")
        thread.join(PATIENCE)
    return _ending(ended, thread)


def in_time(run: Callable[[], DovetailError], what: str) -> DovetailError:
    """Call something that must end by itself, in a thread that cannot hang the tests.

    Raises:
        AssertionError: It did not end in time.
    """
    ended: list[BaseException] = []

    def body() -> None:
        try:
            ended.append(run())
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(body,), daemon=True, name=f"conformance-{what}"
    )
    thread.start()
    thread.join(PATIENCE)
    return _ending(ended, thread)


def _ending(ended: list[BaseException], thread: threading.Thread) -> DovetailError:
    if thread.is_alive() or not ended:
        fail(f"the run has not ended {PATIENCE:g} s after it was asked to stop")
    if isinstance(ended[0], DovetailError):
        return ended[0]
    raise ended[0]
