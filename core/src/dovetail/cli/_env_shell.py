"""``dovetail env shell``: a shell, or a command, in an environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import click

from dovetail.cli._env_names import Known, teller
from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.env.build import Environment, held
from dovetail.errors import UsageError

_OF_THE_HUB = ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")


@click.command("shell")
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--offline", is_flag=True, help="Use no network if it has to be built.")
@common
@click.pass_context
def shell(context: click.Context, name: str, command: tuple[str, ...], offline: bool) -> int:
    """A shell with the environment NAME on PATH, or COMMAND run so. It is built if it is not there.

    The environment is held: it is not removed for as long as the shell lives.
    """
    options, known = options_of(context), Known(options_of(context))
    words = list(command)
    if options.json and not words:
        raise UsageError("a shell has no result to write as JSON", fix=f"dovetail env shell {name} --json -- COMMAND")
    (request,) = known.chosen([name])
    environment = known.environments.sync(request, progress=teller(), offline=offline)
    environ = environment_variables(environment)
    words = words or [os.environ.get("SHELL") or "/bin/sh"]
    program = shutil.which(words[0], path=environ["PATH"])
    if program is None:
        raise UsageError(f"there is no command {words[0]!r}", who=request.who, fix="check its name")
    with held(environment.path, inherited=True):
        if options.json:
            code = subprocess.run([program, *words[1:]], env=environ, check=False, close_fds=False).returncode
            told = {"environment": environment.name, "path": str(environment.path), "command": words, "exit_code": code}
            emit_json(options, told)
            return code
        return _become(program, words, environ)


def _become(program: str, words: Sequence[str], environ: dict[str, str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(program, list(words), environ)  # noqa: S606 - the words are the user's own, and no shell reads them
    except OSError as error:
        raise UsageError(f"{words[0]!r} cannot be run", why=error.strerror, fix="check the file") from error


def environment_variables(environment: Environment) -> dict[str, str]:
    """The variables of this process as activating the environment would change them."""
    environ = {name: value for name, value in os.environ.items() if name not in _OF_THE_HUB}
    environ["VIRTUAL_ENV"] = str(environment.path)
    environ["VIRTUAL_ENV_PROMPT"] = environment.name
    environ["PATH"] = os.pathsep.join([str(environment.python.parent), environ.get("PATH", os.defpath)])
    return environ
