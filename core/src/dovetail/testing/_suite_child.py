"""A suite in a process of its own: its class is loaded from its file again, and asked one thing."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from dovetail.testing._base import Suite, fail
from dovetail.testing._child import load_class, where_defined
from dovetail.testing._children import run_python
from dovetail.testing._harness import HubHarness
from dovetail.testing._work import around, spying

MARK = "--dovetail-suite-child--"
RUN_ID = "to-be-killed"


def start(
    suite: type[Suite], command: str, folder: Path, env: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run one of the commands below in a fresh process, to its end.

    Args:
        suite: A class at the top of a test file.
        command: ``"fingerprint"``, ``"run-and-die"`` or ``"resume"``.
        folder: What ``suite.folder`` is there; its ``hub`` holds the stores.
        env: Further variables.

    Raises:
        AssertionError: The class is defined where no other process can find it, or the process hangs.
    """
    module = "dovetail.testing._suite_child"
    return run_python("-m", module, *where_defined(suite), command, str(folder), env=env)


def ask(suite: type[Suite], command: str, folder: Path, env: Mapping[str, str] | None = None) -> Any:
    """As :func:`start`; returns the answer.

    Raises:
        AssertionError: The process failed; holds what it printed.
    """
    done = start(suite, command, folder, env)
    mark, answer = done.stdout.rpartition(MARK)[1:]
    if done.returncode != 0 or not mark:
        fail(
            f"{command} in another process ended with code {done.returncode}", why=(done.stderr or done.stdout)[-3000:]
        )
    return json.loads(answer)


def _fingerprint(suite: Any) -> Any:
    with _hub(suite, "child"):
        return suite.make_task().fingerprint()


def _run_and_die(suite: Any) -> Any:
    """Run, and be killed by SIGKILL as soon as the job's handle is stored."""

    def die(event: Any) -> None:
        if event.type == "node.submitted":
            os.kill(os.getpid(), signal.SIGKILL)

    with _hub(suite, "hub") as hub:
        hub.run(around(suite.make_task(), suite.inputs), run_id=RUN_ID, observers=[die], **suite.inputs)
    return None  # it was not killed: nothing was submitted


def _resume(suite: Any) -> Any:
    with _hub(suite, "hub") as hub:
        task = suite.make_task()
        with spying(task.load_type(), "submit") as calls:
            result = hub.resume(RUN_ID, around(task, suite.inputs))
        suite.check_result(result.value)
        return {"submitted": len(calls["submit"]), "status": result.status}


_COMMANDS: dict[str, Callable[[Any], Any]] = {
    "fingerprint": _fingerprint,
    "run-and-die": _run_and_die,
    "resume": _resume,
}


def _hub(suite: Any, name: str) -> HubHarness:
    plugins = (suite.plugin, *suite.with_plugins)
    return HubHarness(*plugins, home=suite.folder / name, may_leave=suite.may_leave, **suite.settings)


def main(arguments: Sequence[str]) -> None:
    """Load the class, do what was asked, and print the answer as JSON."""
    file, name, command, folder = arguments
    suite = load_class(file, name)()
    suite.folder = Path(folder)
    answer = _COMMANDS[command](suite)
    sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
