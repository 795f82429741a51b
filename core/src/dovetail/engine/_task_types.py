"""The task types of the core: Python functions, and programs with arguments."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dovetail.errors import DefinitionError, TaskFailed, UsageError, nearest
from dovetail.graph import RESULT, Task, base_type
from dovetail.spec import Interface, TaskCall, TaskType

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

    def execute(self, call: TaskCall) -> Any:
        """Run it; the output is what it printed, without the last line break."""
        argv = [_PLACE.sub(lambda m: str(call.inputs[m[1]]), argument) for argument in call.config.argv]
        try:
            done = subprocess.run(argv, cwd=call.config.cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        except FileNotFoundError as error:
            raise UsageError(
                f"the program {argv[0]!r} was not found",
                who=f"node {call.context.node_id!r}",
                fix="check its name and PATH",
            ) from error
        except OSError as error:
            raise UsageError(
                f"{argv[0]!r} cannot be started", who=f"node {call.context.node_id!r}", why=str(error)
            ) from error
        if done.returncode != 0:
            stderr = done.stderr.decode("utf-8", "replace").strip()
            raise TaskFailed(
                f"{argv[0]!r} ended with exit code {done.returncode}",
                who=f"node {call.context.node_id!r}",
                why=stderr[-_TAIL:] or None,
                type="ExitCode",
                message=str(done.returncode),
                traceback="",
            )
        wanted = base_type(call.interface.outputs.get(RESULT, str))
        if wanted is bytes:
            return done.stdout
        text = done.stdout.decode("utf-8", "replace").rstrip("\n")
        return int(text) if wanted is int else float(text) if wanted is float else text


def shell(
    argv: Sequence[str],
    *,
    inputs: Mapping[str, Any] | None = None,
    output: Any = str,
    name: str | None = None,
    cwd: str | None = None,
) -> Task[..., Any]:
    """A task that runs a program: ``dt.shell(["wc", "-l", "{path}"], inputs={"path": Path})``.

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
