"""``dovetail env sync`` and ``dovetail env lock``."""

from __future__ import annotations

import click

from dovetail.cli._env_list import environment_document
from dovetail.cli._env_names import Known, teller
from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import say
from dovetail.cli._text import bytes_text, plural


@click.command("sync")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--offline", is_flag=True, help="Use no network, only what uv has cached and folders of wheels.")
@click.option("--upgrade", is_flag=True, help="Resolve anew, to the newest versions, what dovetail.lock does not pin.")
@common
@click.pass_context
def sync(context: click.Context, names: tuple[str, ...], offline: bool, upgrade: bool) -> None:
    """Build the environments NAME, or all of the config, that are not there."""
    options, known = options_of(context), Known(options_of(context))
    built = []
    for request in known.chosen(names):
        before = None if upgrade else known.environments.find(request)
        found = known.environments.sync(request, progress=teller(), offline=offline, upgrade=upgrade)
        built.append({**environment_document(found), "state": "present" if before == found else "built"})
        if not options.json:
            what = "is there" if before == found else "built"
            version = ".".join(map(str, found.python_version))
            say(
                f"{found.name}: {what}: Python {version}, {plural(len(found.packages), 'package')}, {bytes_text(found.size)}"
            )
            for who, why in found.problems:
                say(f"  {who} cannot be used: {why}", "amber")
    if options.json:
        emit_json(options, {"environments": built})
    elif not built:
        say("nothing to build: the config has no [envs.NAME]")
        if known.requests:
            say(f"  of plugins: dovetail env sync {' '.join(sorted(known.requests))}", "cyan")


@click.command("lock")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--offline", is_flag=True, help="Use no network, only what uv has cached and folders of wheels.")
@click.option("--upgrade", is_flag=True, help="To the newest versions; without it, those that are locked and fit stay.")
@common
@click.pass_context
def lock(context: click.Context, names: tuple[str, ...], offline: bool, upgrade: bool) -> None:
    """Pin what the environments NAME, or all of the config, hold, for this platform, in dovetail.lock."""
    options, known = options_of(context), Known(options_of(context))
    requests = known.chosen(names)
    path = known.environments.lock(requests, progress=teller(), offline=offline, upgrade=upgrade)
    if options.json:
        emit_json(options, {"path": str(path), "environments": [each.name for each in requests]})
    else:
        say(f"wrote {path}: {', '.join(each.name for each in requests) or 'no environment'}")
