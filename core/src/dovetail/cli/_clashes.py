"""Commands of plugins that nobody can call, because a command of our own has the name."""

from __future__ import annotations

from collections.abc import Iterator

import click

from dovetail.plugins import Catalogue, Finding, Identity


def own_commands(catalogue: Catalogue) -> Iterator[Finding]:
    """One finding for each of them; needs a click context."""
    context = click.get_current_context()
    own = context.find_root().command
    names = own.list_commands(context) if isinstance(own, click.Group) else []
    for name, spec in catalogue.commands().items():
        if name in names:
            owner = catalogue.owner_of(spec)
            reason = f"it declares the command {name}, which is dovetail's own; dovetail keeps it"
            yield Finding(Identity.of(owner).who, "clash with core", reason, "rename it in the plugin", (owner.key,))
