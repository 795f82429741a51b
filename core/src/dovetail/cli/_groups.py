"""Groups of commands."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from dovetail.cli._text import clean
from dovetail.errors import UsageError, nearest


class Group(click.Group):
    """A group that shows its help on standard error, with exit code 2, when no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, but for no arguments at all."""
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(UsageError.exit_code)
        return super().parse_args(ctx, args)


_SAME = {"ls": "list", "list": "ls"}
"""What people type for one another."""


class Verbs(Group):
    """A group of commands that answers a misspelt one with the nearest."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command.

        Raises:
            UsageError: There is none of that name.
        """
        found = super().get_command(ctx, cmd_name) or super().get_command(ctx, _SAME.get(cmd_name, cmd_name))
        if found is None and not cmd_name.startswith("-"):
            known = self.list_commands(ctx)
            close = nearest(cmd_name, known)
            raise UsageError(
                f"there is no command {clean(cmd_name)!r}",
                who=ctx.command_path,
                fix=f"did you mean {ctx.command_path} {close}?" if close else f"there are: {', '.join(known)}",
            )
        return found


class LazyVerbs(Verbs):
    """A group whose commands are imported when they are called.

    Args:
        name: Name of the group.
        verbs: Name of a command -> its code, ``"module:attribute"``, and its help, so that listing them imports none.
        help: What the group is for.
    """

    def __init__(self, name: str, verbs: Mapping[str, tuple[str, str]], help: str) -> None:
        super().__init__(name, help=help)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now. Raises as in :class:`Verbs`."""
        if cmd_name not in self.verbs:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.verbs[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with the help of the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.verbs.items()])
