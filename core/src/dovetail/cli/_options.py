"""Options that every command takes, and what they said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from dovetail.cli._output import emit_json

F = TypeVar("F", bound=Callable[..., Any] | click.Command)


@dataclass
class Options:
    """What the command line said beside the command itself; one object for all levels of a command line.

    Attributes:
        home: Directory of the stores, or None for that of the settings.
        json: Write JSON, and nothing else, to standard output.
        debug: Show tracebacks of dovetail itself.
        disable_plugins: Load no plugin.
        allow: Distributions whose plugins may be loaded; None means no restriction from here.
        deny: Distributions whose plugins may not.
        strict_plugins: A plugin that cannot be used is an error.
        out: Where results are written while standard output is kept for JSON; None means standard output.
        run: Options of ``run`` that were given, by name.
    """

    home: Path | None = None
    json: bool = False
    debug: bool = False
    disable_plugins: bool = False
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] | None = None
    strict_plugins: bool = False
    out: TextIO | None = None
    run: dict[str, Any] = field(default_factory=dict)

    def overrides(self) -> dict[str, Any]:
        """The settings that were given as options, by key."""
        return {
            "home": str(self.home.absolute()) if self.home is not None else None,
            "disable_plugins": self.disable_plugins or None,
            "allow": self.allow,
            "deny": self.deny,
            "strict": self.strict_plugins or None,
            "max_workers": self.run.get("max_workers"),
        }


def options_of(context: click.Context) -> Options:
    """The options of a command line."""
    found = context.find_object(Options)
    assert found is not None  # main() puts it there
    return found


def _given(value: object) -> bool:
    return value is not None and value is not False and value != ()


def keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Callback of an option of all commands: remember it if it was given; the innermost command has the last word."""
    name = parameter.name
    if name is not None and _given(value):
        setattr(options_of(context), name, value)
    return value


def keep_for_run(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Callback of an option of ``run``."""
    name = parameter.name
    if name is not None and _given(value):
        given = options_of(context).run
        given[name] = (*given.get(name, ()), *value) if isinstance(value, tuple) else value
    return value


def common_options() -> list[click.Option]:
    """The options that every command takes."""
    return [
        click.Option(["--json"], is_flag=True, help="Write JSON, and nothing else, to standard output.", **_KEPT),
        click.Option(
            ["--home"],
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Directory of the stores.  [default: .dovetail of the project]",
            **_KEPT,
        ),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of a failure of dovetail itself.", **_KEPT),
    ]


def policy_options(hidden: bool) -> list[click.Option]:
    """The options that say which plugins are loaded; the same as settings and environment variables."""
    return [
        click.Option(["--disable-plugins"], is_flag=True, hidden=hidden, help="Load no plugin.", **_KEPT),
        click.Option(
            ["--allow"],
            multiple=True,
            metavar="NAME",
            hidden=hidden,
            help="Load plugins of this distribution only; repeatable.",
            **_KEPT,
        ),
        click.Option(
            ["--deny"],
            multiple=True,
            metavar="NAME",
            hidden=hidden,
            help="Load no plugin of this distribution; repeatable.",
            **_KEPT,
        ),
        click.Option(
            ["--strict-plugins"],
            is_flag=True,
            hidden=hidden,
            help="A plugin that cannot be used is an error at once.",
            **_KEPT,
        ),
    ]


_KEPT: dict[str, Any] = {"expose_value": False, "callback": keep}


def run_options() -> list[click.Option]:
    """The options of a run, besides those of every command."""
    return [
        click.Option(["--quiet", "-q"], is_flag=True, help="No progress; one line at the end.", **_KEPT_FOR_RUN),
        click.Option(
            ["--executor"],
            metavar="NAME",
            help="Where nodes run: threads, processes, or one that a plugin brings.  [default: threads]",
            **_KEPT_FOR_RUN,
        ),
        click.Option(
            ["--engine"],
            type=click.Choice(["auto", "here", "isolated"]),
            help="Where engines are used: here, isolated in environments, or as it fits.  [default: as configured]",
            **_KEPT_FOR_RUN,
        ),
        click.Option(["--offline"], is_flag=True, help="Build environments without any index.", **_KEPT_FOR_RUN),
        click.Option(
            ["--max-workers"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Nodes that run at once.  [default: number of CPUs, at least 4]",
            **_KEPT_FOR_RUN,
        ),
        click.Option(["--run-id"], metavar="ID", help="Id of the run.  [default: made of the time]", **_KEPT_FOR_RUN),
        click.Option(["--strict-warnings"], is_flag=True, help="Exit with 1 if a gate warned.", **_KEPT_FOR_RUN),
        click.Option(
            ["--in-process"],
            is_flag=True,
            help="Just call the workflow: nothing is recorded or stored.",
            **_KEPT_FOR_RUN,
        ),
        click.Option(
            ["--report"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.html",
            help="Write the reports of the gates as one HTML page.",
            **_KEPT_FOR_RUN,
        ),
        click.Option(
            ["--input"],
            multiple=True,
            metavar="NAME=VALUE",
            help="Set an input by name, also one whose flag is an option here; repeatable.",
            **_KEPT_FOR_RUN,
        ),
    ]


_KEPT_FOR_RUN: dict[str, Any] = {"expose_value": False, "callback": keep_for_run}


def help_option() -> click.Option:
    """``--help``, which is JSON where JSON was asked for."""
    return click.Option(
        ["--help", "-h"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_help,
        help="Show this message and exit.",
    )


def _show_help(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    options = options_of(context)
    if options.json:
        emit_json(options, {"help": context.get_help()})
    else:
        click.echo(context.get_help(), color=context.color)
    context.exit()


POLICY = ("--disable-plugins", "--allow", "--deny", "--strict-plugins")
"""The options that say which plugins are loaded: they must be known before anything is."""


def common(function: F) -> F:
    """Decorator of a command: give it the options that every command takes."""
    return _with(function, [*common_options(), *policy_options(hidden=True), help_option()])


def common_late(command: click.Command) -> None:
    """Give a command that is made after plugins were loaded the options that every command takes, but for the policy."""
    _with(command, [*common_options(), help_option()])


def _with(function: F, options: list[click.Option]) -> F:
    if isinstance(function, click.Command):
        function.params.extend(options)
    else:
        # Where click's own decorators keep options until the command is made, in reverse order.
        kept = function.__dict__.setdefault("__click_params__", [])
        kept[:0] = reversed(options)
    return function
