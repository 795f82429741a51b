"""``dovetail env list`` and ``dovetail env path``."""

from __future__ import annotations

from typing import Any

import click

from dovetail.cli._env_names import Known
from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import Cell, plain_table, say
from dovetail.cli._text import bytes_text, iso, local_time
from dovetail.env.build import Environment, Listed
from dovetail.errors import EngineUnavailable

_STYLES = {"built": "green", "not built": "dim", "half-built": "amber", "damaged": "amber"}


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that other projects have built.")
@common
@click.pass_context
def list_environments(context: click.Context, everything: bool) -> None:
    """The environments of this project and of its plugins, built or not."""
    options, known = options_of(context), Known(options_of(context))
    listed = known.environments.listing(known.requests.values())
    shown = [each for each in listed if each.ours or everything]
    if options.json:
        emit_json(
            options, {"directory": str(known.environments.places.root), "environments": [_document(e) for e in shown]}
        )
        return
    if shown:
        columns = ["environment", "state", "python", "packages", "size", "last used", "asked for by"]
        plain_table(columns, [_row(each) for each in shown], spare=("last used", "packages"), prose=("asked for by",))
    else:
        say("no environments: the config has no [envs.NAME], and no plugin brings one")
    others = [each for each in listed if not each.ours]
    if others and not everything:
        total = bytes_text(sum(each.size for each in others))
        say(f"and {len(others)} of other projects or earlier requests ({total}): dovetail env list --all", "dim")


@click.command("path")
@click.argument("name")
@common
@click.pass_context
def path(context: click.Context, name: str) -> None:
    """The directory of the environment NAME, which has to be built."""
    options, known = options_of(context), Known(options_of(context))
    (request,) = known.chosen([name])
    found = known.environments.find(request)
    if found is None:
        raise EngineUnavailable(f"environment {name} is not built", who=request.who, fix=f"dovetail env sync {name}")
    if options.json:
        emit_json(options, environment_document(found))
    else:
        click.echo(str(found.path))


def environment_document(found: Environment) -> dict[str, Any]:
    """A built environment as JSON."""
    return {
        "name": found.name,
        "digest": found.digest,
        "path": str(found.path),
        "python": str(found.python),
        "python_version": ".".join(map(str, found.python_version)),
        "packages": dict(found.packages),
        "plugins": [each.key for each in found.manifests],
        "problems": [{"plugin": who, "reason": why} for who, why in found.problems],
        "bytes": found.size,
    }


def _document(each: Listed) -> dict[str, Any]:
    return {
        "name": each.name,
        "state": each.state,
        "digest": each.digest or None,
        "path": str(each.path) if each.path else None,
        "python": each.python or None,
        "packages": each.packages,
        "bytes": each.size,
        "last_used": iso(each.used),
        "asked_by": list(each.asked_by),
        "ours": each.ours,
    }


def _row(each: Listed) -> list[Cell]:
    built = each.state == "built"
    return [
        each.name or each.digest,
        (each.state, _STYLES[each.state]),
        each.python,
        str(each.packages) if built else "",
        bytes_text(each.size) if built else "",
        local_time(each.used) if each.used else "",
        "; ".join(each.asked_by),
    ]
