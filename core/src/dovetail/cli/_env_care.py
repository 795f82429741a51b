"""``dovetail env rm`` and ``dovetail env gc``."""

from __future__ import annotations

from typing import Any

import click

from dovetail.cli._env_names import Known
from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import say
from dovetail.cli._text import bytes_text
from dovetail.config import load_settings
from dovetail.env.build import Environments, Removed


@click.command("rm")
@click.argument("name")
@common
@click.pass_context
def rm(context: click.Context, name: str) -> None:
    """Remove the environment NAME, also for other projects that share it. It is built again when it is needed.

    NAME may be the beginning of its directory's name. An environment that a process uses stays.
    """
    options, known = options_of(context), Known(options_of(context))
    removed = known.environments.remove(name, known.requests)
    if options.json:
        emit_json(options, {"removed": [_document(each) for each in removed]})
    elif not removed:
        say(f"environment {name} is not built")
    for each in removed if not options.json else ():
        say(f"removed {each.what} ({bytes_text(each.size)})")


@click.command("gc")
@click.option(
    "--days", type=click.FloatRange(min=0), default=30.0, metavar="N", help="Days without use.  [default: 30]"
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@common
@click.pass_context
def gc(context: click.Context, days: float, dry_run: bool) -> None:
    """Remove environments that are not whole or were not used for 30 days, and what processes that died have left."""
    options = options_of(context)
    done = Environments(load_settings(overrides=options.overrides())).gc(days, dry_run=dry_run)
    if options.json:
        in_use = [{"name": name, "held_by": who} for name, who in done.in_use]
        told = {"dry_run": dry_run, "removed": [_document(each) for each in done.removed], "in_use": in_use}
        emit_json(options, told)
        return
    verb = "would remove" if dry_run else "removed"
    for each in done.removed:
        say(f"{verb} {each.what}: {each.why}" + (f" ({bytes_text(each.size)})" if each.size else ""))
    for name, who in done.in_use:
        say(f"kept environment {name}: held by {who}", "amber")
    if not done.removed and not done.in_use:
        say("nothing to remove")


def _document(each: Removed) -> dict[str, Any]:
    return {"what": each.what, "path": str(each.path) if each.path else None, "bytes": each.size, "why": each.why}
