"""The command ``dovetail`` itself: finds the command that is meant, and turns every failure into a message and an exit code.

What is imported here is paid for by ``dovetail --help``.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from dovetail import __version__
from dovetail.cli import _errors
from dovetail.cli._groups import Group
from dovetail.cli._options import Options, common_options, help_option, options_of, policy_options
from dovetail.cli._output import emit_json, guarded_stdout, lenient
from dovetail.cli._signals import Terminated
from dovetail.errors import DovetailError

COMMANDS = {
    "run": ("dovetail.cli._run:run", "Run a workflow: recorded, cached, resumable."),
    "runs": ("dovetail.cli._runs:runs", "List, show, resume and cancel runs."),
    "artifacts": (
        "dovetail.cli._artifacts:artifacts",
        "Look at stored values, take them out, remove what nobody needs.",
    ),
    "datasets": ("dovetail.cli._datasets:datasets", "Look at what was published, and set it back."),
    "publish": ("dovetail.cli._publish:publish", "Publish a value that a gate had refused."),
    "gates": ("dovetail.cli._gates:gates", "What gates found, over the runs."),
    "quarantine": (
        "dovetail.cli._quarantine:quarantine",
        "Look at the rows that gates set aside, mend and forget them.",
    ),
    "check": ("dovetail.cli._check:group", "Check a file of data against a suite."),
    "types": ("dovetail.cli._types:types", "Explain how one type becomes another."),
    "graph": ("dovetail.cli._graph:graph", "Export workflows as JSON, and look at such files."),
    "plugins": ("dovetail.cli._plugins:plugins", "List, show and check plugins; make one."),
    "env": ("dovetail.cli._env:env", "Build, lock, list and remove isolated environments."),
    "doctor": ("dovetail.cli._doctor:doctor", "Say what is wrong here, and what to type."),
}
"""Name of a command -> its code, and its help, so that the list of commands imports none of them."""


class Root(Group):
    """Commands by name: our own at first use, those of plugins only when none of ours is meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our own commands; those of plugins would have to be looked for."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            found: click.Command = getattr(importlib.import_module(module), attribute)
            return found
        if cmd_name.startswith("-"):
            return None
        from_plugin: click.Command = importlib.import_module("dovetail.cli._foreign").command(ctx, cmd_name, COMMANDS)
        return from_plugin

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with the help of the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _show_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    options = options_of(context)
    if options.json:
        emit_json(options, {"version": __version__})
    else:
        click.echo(f"dovetail {__version__}")
    context.exit()


root = Root(
    "dovetail",
    help="Typed, gated, durable data and ML pipelines.",
    epilog="Exit codes: 0 done, 1 a gate blocked, 2 your code or input, 3 platform, 130 Ctrl-C, 143 terminated.",
    context_settings={"help_option_names": ["--help", "-h"]},
    subcommand_metavar="COMMAND ...",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version.",
        ),
        *common_options(),
        *policy_options(hidden=False),
        help_option(),
    ],
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code.

    Args:
        argv: Arguments without the program's name. Default: those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Known before the line is parsed, since what goes wrong while it is parsed must be told as JSON as well.
    options = Options(json="--json" in arguments, debug="--debug" in arguments)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started this process has closed it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for good
    lenient(sys.stdout, sys.stderr)
    if argv is None:
        gc.freeze()  # this process is the command: what was loaded so far stays, and need not be searched for garbage
    with ExitStack() as stack:
        if options.json:
            stack.enter_context(guarded_stdout(options))
        return _guarded(arguments, options)


def _guarded(arguments: list[str], options: Options) -> int:
    try:
        return _invoke(arguments, options)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _errors.report(_errors.from_click(error), options)
    except DovetailError as error:
        return _errors.report(error, options)
    except Terminated:
        return _errors.interrupted(options, _errors.TERMINATED)
    except (KeyboardInterrupt, click.Abort):
        return _errors.interrupted(options, _errors.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; nothing more can be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _errors.READER_GONE
    except Exception as error:
        return _errors.report(_errors.no_room_left(error) or _errors.unexpected(error, options), options)


def _invoke(arguments: list[str], options: Options) -> int:
    with root.make_context("dovetail", arguments, obj=options) as context:
        code: Any = root.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
