"""``dovetail publish``: what a gate had refused."""

from __future__ import annotations

import click

from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._summary import SHORT
from dovetail.cli._text import clean, one_line
from dovetail.cli._view import dataset_view
from dovetail.errors import UsageError, listing, nearest
from dovetail.hub import publish_staged
from dovetail.store import RunStore, Staged


@click.command("publish")
@click.argument("which", metavar="WHICH")
@click.option("--as", "name", metavar="NAME", help="Name of the dataset.  [default: the one that it was to become]")
@click.option("--force", is_flag=True, help="Publish it although its gate refuses it; the history says so.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the history; needed with --force.")
@click.option("--onto-current", is_flag=True, help="Also after a version that was published since the run was started.")
@common
@with_session
@click.pass_context
def publish(
    context: click.Context, session: Session, which: str, name: str | None, force: bool, reason: str, onto_current: bool
) -> None:
    """Publish a value that a gate had refused.

    It was kept, so nothing is computed anew. WHICH is RUN:NODE, RUN where one gate refused something, or an artifact id or a
    unique beginning of one; RUN may be "latest".
    The gates look at it again, as the source of the workflow has them now; the exit code is 1 if one still blocks.
    """
    if force and not reason.strip():
        raise UsageError("it is not said why", why="the history of the dataset keeps the reason", fix='--reason "..."')
    hub = session.stored()
    session.activate(context)
    staged = find_staged(hub.runs, which)
    version = publish_staged(hub, staged, name, force=force, reason=reason, onto_current=onto_current)
    if session.options.json:
        emit_json(session.options, dataset_view(version))
        return
    forced = f", although gate {staged.gate} refuses it: {one_line(reason, 200)}" if force else ""
    show(
        text(f"published {version.name} v{version.version} (artifact {version.artifact.id[:SHORT]}){forced}"),
        text(f"next: dovetail datasets history {version.name}", "cyan"),
    )


def find_staged(runs: RunStore, which: str) -> Staged:
    """The value that is meant: ``RUN``, ``RUN:NODE``, or an artifact id or a unique beginning of one; the newest that is kept.

    Raises:
        UsageError: No gate refused anything there, or more than one did; names what there is.
    """
    run, separator, node_id = which.partition(":")
    found = [] if separator or not which else runs.staged(artifact=which)
    where = f"are called {clean(which)!r}"
    if not found:
        record = runs.get_run(run)
        found = runs.staged(record.run_id)
        where = f"in run {record.run_id}"
    there = [each for each in found if not separator or each.node_id == node_id]
    if not there:
        nodes = [each.node_id for each in found]
        close = nearest(node_id, nodes)
        raise UsageError(
            f"no values that gates refused {where}" + (f" at node {clean(node_id)!r}" if separator else ""),
            fix=f"did you mean {run}:{close}?" if close else f"there are: {listing(nodes)}" if nodes else None,
        )
    places = {(each.run_id, each.node_id) for each in there}
    if len(places) > 1:
        raise UsageError(
            f"gates have refused {len(places)} values that could be meant",
            why=listing(f"{run_id}:{node}" for run_id, node in sorted(places)),
            fix="name one as RUN:NODE",
        )
    return next((each for each in there if each.forgotten is None), there[0])
