"""``dovetail datasets``: what was published."""

from __future__ import annotations

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._summary import SHORT, near
from dovetail.cli._text import local_time
from dovetail.cli._view import dataset_view
from dovetail.store import DatasetVersion

datasets = Verbs("datasets", help="List what was published.")
common(datasets)


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
@click.argument("name", metavar="NAME")
@common
@with_session
def show_dataset(session: Session, name: str) -> None:
    """All versions of a dataset, the newest first."""
    store = session.stored().runs
    store.dataset(name)  # says what is near if there is none
    found = store.datasets(name)
    if session.options.json:
        emit_json(session.options, {"name": name, "versions": [dataset_view(version) for version in found]})
    else:
        _show(found)


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
