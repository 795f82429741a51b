"""Groups of commands."""

from __future__ import annotations

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


class Verbs(Group):
    """A group of commands that answers a misspelt one with the nearest."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command.

        Raises:
            UsageError: There is none of that name.
        """
        found = super().get_command(ctx, cmd_name)
        if found is None and not cmd_name.startswith("-"):
            known = self.list_commands(ctx)
            close = nearest(cmd_name, known)
            raise UsageError(
                f"there is no command {clean(cmd_name)!r}",
                who=ctx.command_path,
                fix=f"did you mean {ctx.command_path} {close}?" if close else f"there are: {', '.join(known)}",
            )
        return found
