"""Commands that plugins bring. Only here are plugins looked for because of a name."""

from __future__ import annotations

from collections.abc import Iterable

import click

from dovetail.cli._session import session_of
from dovetail.cli._text import clean
from dovetail.errors import PluginLoadError, UsageError, nearest


def command(context: click.Context, name: str, own: Iterable[str]) -> click.Command:
    """The command of this name that a plugin declares.

    Raises:
        UsageError: Nobody declares it; names the nearest command.
        PluginLoadError: Its code cannot be imported, or is no command.
    """
    catalogue = session_of(context).catalogue
    declared = catalogue.commands()
    if name in declared:
        found = catalogue.load(declared[name].code, declared[name])
        if isinstance(found, click.Command):
            session_of(context).activate(context)
            return found
        raise PluginLoadError(
            f"the command {name!r} cannot be used",
            who=catalogue.owner_of(declared[name]).key,
            why=f"{declared[name].code} is a {type(found).__name__}, not a click.Command",
            fix="mend the plugin",
        )
    known = [*own, *declared]
    close = nearest(name, known)
    raise UsageError(
        f"there is no command {clean(name)!r}",
        fix=f"did you mean dovetail {close}?" if close else f"there are: {', '.join(known)}",
    )
