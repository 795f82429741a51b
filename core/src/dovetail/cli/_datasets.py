"""``dovetail datasets``: what was published, and setting it back."""

from __future__ import annotations

from typing import Any

import click

from dovetail.cli._artifacts import look
from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._summary import SHORT, gate_lines, near
from dovetail.cli._text import iso, local_time, one_line
from dovetail.cli._view import dataset_view
from dovetail.graph import dataset
from dovetail.hub import roll_back
from dovetail.store import DatasetMove, DatasetVersion

datasets = Verbs("datasets", help="Look at what was published, and set it back.")
common(datasets)

_COLOURS = {"forced": "yellow", "rolled_back": "yellow"}


@datasets.command("list")
@common
@with_session
def list_datasets(session: Session) -> None:
    """The current version of every dataset."""
    found = session.hub.runs.datasets() if session.has_runs else []
    if session.options.json:
        emit_json(session.options, {"datasets": [dataset_view(version) for version in found]})
    elif not found:
        show(text("no datasets were published"))
    else:
        _show(found)


@datasets.command("show")
@click.argument("name", metavar="NAME[@VERSION]")
@common
@with_session
@click.pass_context
def show_dataset(context: click.Context, session: Session, name: str) -> None:
    """All versions of a dataset, the newest first; or all that is known of one: schema, gates, and what came before it."""
    hub = session.stored()
    which = dataset(name)
    found = hub.runs.dataset(which.name, which.version)  # says what is near if there is none
    if which.version is not None:
        session.activate(context)
        _show_version(session, found)
        return
    versions = hub.runs.datasets(which.name)
    if session.options.json:
        emit_json(session.options, {"name": which.name, "versions": [dataset_view(version) for version in versions]})
    else:
        _show(versions)


@datasets.command("history")
@click.argument("name", metavar="NAME")
@common
@with_session
def dataset_history(session: Session, name: str) -> None:
    """Every time another version became the current one, the newest first: when, by whom and why."""
    moves = session.stored().runs.dataset_moves(name)
    if session.options.json:
        emit_json(session.options, {"name": name, "moves": [move_view(move) for move in moves]})
        return
    rows = [
        (
            local_time(move.time),
            text(move.kind.replace("_", " "), _COLOURS.get(move.kind, "")),
            f"v{move.version}",
            "" if move.previous is None else f"v{move.previous}",
            one_line(move.who, 60),
            one_line(move.reason, 200),
        )
        for move in moves
    ]
    show(table(("time", "what", "version", "before", "who", "why"), rows, spare=("before", "who"), prose=("why",)))


@datasets.command("rollback")
@click.argument("name", metavar="NAME[@VERSION]")
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the history.")
@common
@with_session
def roll_back_dataset(session: Session, name: str, reason: str) -> None:
    """Make an earlier version the current one again; without @VERSION, the one before the present one.

    No version is removed. Runs that have begun go on with the version that they have begun with.
    """
    which = dataset(name)
    hub = session.stored()
    before = hub.runs.dataset(which.name).version
    version = roll_back(hub, which.name, which.version, reason)
    if session.options.json:
        emit_json(session.options, {**dataset_view(version), "instead_of": before})
    else:
        show(text(f"{version.name} is at v{version.version} again, instead of v{before}: {one_line(reason, 200)}"))


def move_view(move: DatasetMove) -> dict[str, Any]:
    """One move of the pointer of a dataset, as JSON."""
    gates = [{"node_id": node_id, "gate": gate} for node_id, gate in move.gates]
    return {**move.to_dict(), "time": iso(move.time), "gates": gates}


def _show_version(session: Session, version: DatasetVersion) -> None:
    hub = session.hub
    schema = look(hub, version.artifact, 0)["schema"]
    reports = [
        {**each.report, "node_id": each.node_id}
        for each in hub.runs.reports(version.run_id)
        if (each.node_id, each.gate) in version.gates
    ]
    if session.options.json:
        emit_json(session.options, {**dataset_view(version), "schema": schema, "reports": reports})
        return
    rows = version.artifact.meta.get("rows")
    facts = [
        ("dataset", f"{version.name} v{version.version}" + (", current" if version.current else "")),
        ("published", f"{local_time(version.created)} by run {version.run_id}, node {version.node_id}"),
        ("instead of", "" if version.previous is None else f"v{version.previous}"),
        ("forced", one_line(f"by {version.who}: {version.reason}", 200) if version.forced else ""),
        ("artifact", version.artifact.id),
        ("type", version.artifact.type),
        ("rows", "" if rows is None else f"{rows:,}"),
        ("content hash", version.artifact.content_hash),
        ("file", near(version.path)),
    ]
    width = max(len(name) for name, _ in facts)
    show(*(text(f"{name:{width}}  {value}") for name, value in facts if value))
    if reports:
        show(text("\ngates", "bold"), *gate_lines(reports))
    if schema:
        fields = [(one_line(f["name"], 120), one_line(f["type"], 120)) for f in schema[:100]]
        show(text("\ncolumns", "bold"), table(("name", "type"), fields))


def _show(found: list[DatasetVersion]) -> None:
    rows = [
        (
            each.name,
            text(f"v{each.version}" + (" current" if each.current else ""), "green" if each.current else ""),
            each.artifact.type,
            "" if each.artifact.meta.get("rows") is None else f"{each.artifact.meta['rows']:,}",
            local_time(each.created),
            each.run_id,
            each.artifact.id[:SHORT],
            near(each.path),
        )
        for each in found
    ]
    columns = ("dataset", "version", "type", "rows", "published", "run", "artifact", "file")
    show(table(columns, rows, right=("rows",), spare=("published", "type", "artifact", "run")))
