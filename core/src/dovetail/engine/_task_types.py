"""The task types of the core: Python functions, and programs with arguments."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dovetail.config import redact
from dovetail.engine._program import run_program
from dovetail.env import in_worker
from dovetail.errors import DefinitionError, RunInterrupted, TaskFailed, UsageError, nearest
from dovetail.graph import RESULT, Task, base_type
from dovetail.spec import Interface, TaskCall, TaskContext, TaskType

_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
_TAIL = 4000


class PythonTask(TaskType):
    """Calls a Python function in process."""

    name: ClassVar[str] = "python"

    def execute(self, call: TaskCall) -> Any:
        """Call the function with the inputs by name."""
        if call.function is None:
            raise DefinitionError("a python task needs a function", fix="decorate one with @dt.task")
        return call.function(**call.inputs)

    def fingerprint(self, config: Any, function: Callable[..., Any] | None) -> str:
        """Nothing beside the code."""
        return ""


@dataclass(frozen=True, slots=True)
class ShellConfig:
    """What a shell task runs.

    Attributes:
        argv: The program and its arguments; ``{name}`` stands for an input.
        cwd: Directory to run in; default the current one.
    """

    __dovetail_task_type__: ClassVar[str] = "shell"
    argv: tuple[str, ...]
    cwd: str | None = None


class ShellTask(TaskType):
    """Runs a program with arguments. No shell reads them, so no input can become a command."""

    name: ClassVar[str] = "shell"

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """Every place names an input."""
        if not isinstance(config, ShellConfig) or not config.argv or function is not None:
            raise DefinitionError("a shell task is made by dt.shell([program, argument, ...])")
        for argument in config.argv:
            for place in _PLACE.findall(argument):
                if place not in interface.inputs:
                    close = nearest(place, interface.inputs)
                    raise DefinitionError(
                        f"the argument {argument!r} names the input {place!r}, which the task does not have",
                        fix=f"did you mean {{{close}}}?" if close else f"add {place!r} to inputs",
                    )

    def __init__(self) -> None:
        self._stops: dict[int, threading.Event] = {}  # by the identity of the context, which lives as long as the call

    def execute(self, call: TaskCall) -> Any:
        """Run it; the output is what it printed, without the last line break. Its standard error is logged as it comes."""
        argv = [_PLACE.sub(lambda m: str(call.inputs[m[1]]), argument) for argument in call.config.argv]
        context = call.context
        stop = self._stops[id(context)] = threading.Event()
        who = f"node {context.node_id!r}"
        try:
            ended = run_program(argv, call.config.cwd, _ear(context), lambda: stop.is_set() or context.cancelled())
        except FileNotFoundError as error:
            raise UsageError(
                f"the program {argv[0]!r} was not found", who=who, fix="check its name and PATH"
            ) from error
        except OSError as error:
            raise UsageError(f"{argv[0]!r} cannot be started", who=who, why=str(error)) from error
        finally:
            del self._stops[id(context)]
        if ended.stopped:
            raise RunInterrupted(f"{argv[0]!r} was stopped", who=who)
        if ended.code != 0:
            raise TaskFailed(
                f"{argv[0]!r} ended with exit code {ended.code}",
                who=who,
                why=redact(ended.complaint).strip()[-_TAIL:] or None,
                type="ExitCode",
                message=str(ended.code),
                traceback="",
            )
        wanted = base_type(call.interface.outputs.get(RESULT, str))
        if wanted is bytes:
            return ended.output
        text = ended.output.decode("utf-8", "replace").rstrip("\n")
        return int(text) if wanted is int else float(text) if wanted is float else text

    def cancel(self, call: TaskCall) -> None:
        """Stop the program and what it has started."""
        stop = self._stops.get(id(call.context))
        if stop is not None:
            stop.set()


def _ear(context: TaskContext) -> Callable[[str], object]:
    """Where the standard error of a program goes, line by line: to the log; in a worker process to the hub."""
    if in_worker():
        return lambda line: print(line, file=sys.stderr)  # noqa: T201  (the hub listens)
    log = context.log
    return lambda line: log.info("%s", redact(line)) if log is not None else None


def shell(
    argv: Sequence[str],
    *,
    inputs: Mapping[str, Any] | None = None,
    output: Any = str,
    name: str | None = None,
    cwd: str | None = None,
) -> Task[..., Any]:
    """A task that runs a program: ``dt.shell(["wc", "-l", "{path}"], inputs={"path": Path})``.

    What the program writes to standard error is logged while it runs. When the run is stopped or the time is up, it is ended
    with all that it has started: by SIGTERM, and 1 s later by SIGKILL.

    Args:
        argv: The program and its arguments; ``{name}`` is replaced by an input. No shell is involved.
        inputs: Types of the inputs by name. Default none.
        output: ``str`` (default; the printed text without the last line break), ``bytes``, ``int``, ``float`` or None.
        name: Default is the program's name.
        cwd: Directory to run in; default the current one.

    Raises:
        DefinitionError: An argument names an input that is not there.
    """
    if isinstance(argv, str) or not argv:
        raise DefinitionError("dt.shell takes a list: the program, then its arguments", fix='dt.shell(["ls", "-l"])')
    outputs = {} if output is None else {RESULT: output}
    program = re.split(r"[/\\]", argv[0])[-1]
    return Task.from_type(
        task_type="shell",
        config=ShellConfig(tuple(argv), cwd),
        interface=Interface(dict(inputs or {}), outputs),
        name=name or re.sub(r"\W+", "_", program).strip("_") or "shell",
    )
