"""``dovetail quarantine``: the rows that gates have set aside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._kept import artifact_of, find_quarantined
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._preview import document_parts, preview_document
from dovetail.cli._session import Session, with_session
from dovetail.cli._summary import SHORT, gate_lines
from dovetail.cli._table_files import read_table
from dovetail.cli._text import bytes_text, iso, local_time, one_line, plural
from dovetail.cli._view import dataset_view
from dovetail.config import parse_size, seconds
from dovetail.errors import DataError, DefinitionError, DovetailError, PlatformError, UsageError
from dovetail.hub import Hub, Replay, forget_rows, kept_rows, replay
from dovetail.store import Quarantined

quarantine = Verbs("quarantine", help="Look at the rows that gates set aside, mend and forget them.")
common(quarantine)

WHICH = (
    "WHICH is RUN:NODE, RUN where one gate set rows aside, or an artifact id or a unique beginning of one; RUN may be "
    '"latest".'
)


@quarantine.command("ls")
@click.option("--dataset", metavar="NAME", help="Only those of this dataset.")
@click.option("--run", "run_id", metavar="RUN", help="Only those of this run.")
@common
@with_session
def list_quarantined(session: Session, dataset: str | None, run_id: str | None) -> None:
    """Rows that were set aside, the newest first; also those that were purged since."""
    found: list[Quarantined] = []
    if session.has_runs:
        runs = session.hub.runs
        found = runs.quarantined(None if run_id is None else runs.get_run(run_id).run_id, dataset)
    elif run_id is not None:
        session.stored()
    if session.options.json:
        emit_json(session.options, {"quarantine": [entry_view(entry) for entry in found]})
        return
    if not found:
        show(text("no rows were set aside" + (" there" if dataset or run_id else "")))
        return
    rows = [
        (
            f"{entry.run_id}:{entry.node_id}",
            entry.gate,
            entry.dataset,
            f"{entry.rows:,}",
            "" if entry.place else bytes_text(entry.bytes),
            _state(entry),
            local_time(entry.created),
            entry.artifact_id[:SHORT],
        )
        for entry in found
    ]
    columns = ("run:node", "gate", "dataset", "rows", "size", "state", "set aside", "artifact")
    show(table(columns, rows, right=("rows", "size"), spare=("set aside", "size", "gate")))


@quarantine.command(
    "show", help=f"The rows, the checks that each of them failed, and how many failed which.\n\n{WHICH}"
)
@click.argument("which", metavar="WHICH")
@click.option("--rows", type=click.IntRange(0, 1000), default=10, metavar="N", help="Rows to show.  [default: 10]")
@common
@with_session
@click.pass_context
def show_quarantined(context: click.Context, session: Session, which: str, rows: int) -> None:
    """See ``help``."""
    hub = session.stored()
    session.activate(context)
    entry = find_quarantined(hub.runs, which)
    document = {**entry_view(entry), **_look(hub, entry, rows)}
    if session.options.json:
        emit_json(session.options, document)
        return
    refused = ", which refused the others as well" if _blocked(entry) else ""
    show(
        text(
            f"{plural(entry.rows, 'row')} of {entry.dataset}, set aside by gate {entry.gate} at {entry.node_id}{refused}"
        ),
        text(f"run {entry.run_id}, {local_time(entry.created)}, {_where(entry)}", "dim"),
        text(""),
        table(("check", "rows"), [(name, f"{n:,}") for name, n in document["checks"].items()], right=("rows",)),
        text("\nrows", "bold"),
        *document_parts(document),
        *_next(entry),
    )


@quarantine.command("purge")
@click.option("--older-than", metavar="TIME", help="Forget what was set aside longer ago: 30d, 12h.")
@click.option("--keep-bytes", metavar="SIZE", help="Forget the oldest until the others are not more than this: 10GB.")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@common
@with_session
def purge_quarantined(session: Session, older_than: str | None, keep_bytes: str | None, dry_run: bool) -> int:
    """Forget rows that were set aside. The reports stay and say so; the files go with: dovetail artifacts gc.

    Rows that a task keeps in a database are deleted there. They have no size here, and go by their age alone.
    """
    if older_than is None and keep_bytes is None:
        raise UsageError("it is not said what to forget", fix="--older-than 30d, or --keep-bytes 10GB, or both")
    age = None if older_than is None else seconds(older_than, "--older-than")
    room = None if keep_bytes is None else _size(keep_bytes)
    found = session.hub.runs.quarantined() if session.has_runs else []
    doomed = _doomed(found, None if age is None else time.time() - age, room)
    doomed, held, failed = (doomed, 0, []) if dry_run else _forget(session.hub, doomed)
    size = sum(entry.bytes for entry in doomed)
    code = PlatformError.exit_code if failed else 0
    if session.options.json:
        told = {"purged": [entry_view(entry) for entry in doomed], "bytes": size, "held": held, "dry_run": dry_run}
        kept = [{**entry_view(entry), "error": error.to_dict()} for entry, error in failed]
        emit_json(session.options, {**told, "failed": kept, "exit_code": code})
        return code
    for entry in doomed:
        show(text(f"  {entry.run_id}:{entry.node_id}, gate {entry.gate}: {plural(entry.rows, 'row')}", "dim"))
    verb = "would be forgotten" if dry_run else "forgotten"
    show(text(f"{plural(len(doomed), 'set')} of rows {verb}, {bytes_text(size)}"))
    if held:
        show(text(f"{held} of them are also inputs, outputs or datasets; these files stay", "yellow"))
    for entry, error in failed:
        show(text(f"still there: {entry.run_id}:{entry.node_id}, {_where(entry)}: {one_line(error)}", "red"))
    if not dry_run and any(entry.place is None for entry in doomed):
        show(text("next: dovetail artifacts gc", "cyan"))
    return code


def _forget(
    hub: Hub, doomed: list[Quarantined]
) -> tuple[list[Quarantined], int, list[tuple[Quarantined, DovetailError]]]:
    """What was forgotten; how many of these are held by something else; and what a database did not let go."""
    forgotten, held, failed = list[Quarantined](), 0, list[tuple[Quarantined, DovetailError]]()
    for entry in doomed:
        try:
            held += not forget_rows(hub, entry)
        except DovetailError as error:
            if entry.place is None:
                raise
            failed.append((entry, error))  # the next one may be in a database that answers
        else:
            forgotten.append(entry)
    return forgotten, held, failed


@quarantine.command(
    "replay",
    help=f"""Put mended rows through the gate that set them aside; its checks come from the source of the workflow.

FILE holds some of the rows or all, mended: all columns, and _dv_row, which tells which row is which. The rows that pass are
appended to the dataset with --publish, as a new version. The exit code is 1 if rows still fail.

{WHICH}""",
)
@click.argument("which", metavar="WHICH")
@click.argument("file", metavar="FILE")
@click.option("--publish", is_flag=True, help="Append the rows that pass to the dataset.")
@click.option("--onto-current", is_flag=True, help="Also to a version that another run has published since.")
@common
@with_session
@click.pass_context
def replay_rows(
    context: click.Context, session: Session, which: str, file: str, publish: bool, onto_current: bool
) -> int:
    """See ``help``."""
    hub = session.stored()
    session.activate(context)
    entry = find_quarantined(hub.runs, which)
    artifact = artifact_of(entry)
    done = replay(hub, entry, artifact, read_table(file), publish=publish, onto_current=onto_current)
    refused = done.report is not None and done.report.blocked
    code = DataError.exit_code if done.failing or refused else 0
    if session.options.json:
        emit_json(session.options, {**_replay_view(entry, done), "exit_code": code})
        return code
    show(*_replay_lines(entry, done, publish, f"dovetail quarantine replay {which} {file} --publish"))
    if done.rows is not None:
        show(text("\nrows that fail", "bold"), *document_parts(preview_document(hub.types, _ours_first(done.rows))))
    return code


def _replay_view(entry: Quarantined, done: Replay) -> dict[str, Any]:
    return {
        "run_id": entry.run_id,
        "node_id": entry.node_id,
        "gate": entry.gate,
        "given": done.given,
        "passed": done.passed,
        "failing": done.failing,
        "already": done.already,
        "checks": {} if done.rows is None else _counts(done.rows),
        "report": None if done.report is None else done.report.to_dict(),
        "base": None if done.base is None else dataset_view(done.base),
        "published": None if done.version is None else dataset_view(done.version),
    }


def _replay_lines(entry: Quarantined, done: Replay, publish: bool, again: str) -> Iterator[Any]:
    counts = f"{done.passed:,} pass, {done.failing:,} fail"
    counts += f", {done.already:,} are in the dataset already" if done.already else ""
    yield text(f"{plural(done.given, 'row')} of gate {entry.gate} at {entry.node_id}, run {entry.run_id}: {counts}")
    if done.report is not None and (done.report.blocked or done.base is not None):
        yield from gate_lines([done.report.to_dict()])
    if done.version is not None:
        rows = f"{done.version.artifact.meta.get('rows') or 0:,}"
        told = f"published {done.version.name} v{done.version.version}: {rows} rows, {done.passed:,} of them new"
        yield text(told, "green")
    elif done.report is not None and done.report.blocked:
        yield text("nothing can be appended" if done.base is not None else f"refused: {done.report.reason}", "red")
    elif done.base is not None and done.passed and not publish:
        yield text(f"next: {again}", "cyan")
    elif publish and not done.passed:
        yield text("nothing to publish")


def entry_view(entry: Quarantined) -> dict[str, Any]:
    """Rows that were set aside, as JSON."""
    return {
        "run_id": entry.run_id,
        "node_id": entry.node_id,
        "gate": entry.gate,
        "decision": entry.decision,
        "dataset": entry.dataset,
        "created": iso(entry.created),
        "artifact": entry.artifact_id,
        "rows": entry.rows,
        "bytes": entry.bytes,
        "purged": entry.purged,
        "place": entry.place,
    }


def _state(entry: Quarantined) -> Any:
    if entry.purged:
        return text("purged", "dim")
    return text("blocked", "red") if _blocked(entry) else _where(entry) if entry.place else ""


def _where(entry: Quarantined) -> str:
    return one_line(entry.place.get("shown")) if entry.place else f"artifact {entry.artifact_id[:SHORT]}"


def _next(entry: Quarantined) -> Iterator[Any]:
    if entry.place is None:
        yield text("\nnext", "bold")
        yield text(f"  dovetail artifacts export {entry.run_id}:{entry.node_id}.quarantine rows.parquet", "cyan")


def _blocked(entry: Quarantined) -> bool:
    return entry.decision == "block"


def _look(hub: Hub, entry: Quarantined, limit: int) -> dict[str, Any]:
    """How many rows failed which check, and the first rows, what is ours first."""
    rows = kept_rows(hub, entry)
    found = preview_document(hub.types, _ours_first(rows), limit)
    return {
        "checks": _counts(rows),
        "schema": found["schema"],
        "preview": found["preview"],
        "reason": found.get("reason", ""),
    }


def _ours_first(rows: Any) -> Any:
    names = [name for name in ("_dv_row", "_dv_checks") if name in rows.column_names]
    others = [name for name in rows.column_names if not name.startswith("_dv_") or name.endswith("_in")]
    return rows.select([*names, *others])


def _counts(rows: Any) -> dict[str, int]:
    import pyarrow.compute as pc

    counts = pc.value_counts(pc.list_flatten(rows["_dv_checks"].combine_chunks()))
    found = {str(each["values"]): int(each["counts"]) for each in counts.to_pylist()}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _doomed(found: list[Quarantined], before: float | None, room: int | None) -> list[Quarantined]:
    """What is to be forgotten, the oldest first; an artifact that several reports name once, as old as its youngest report."""
    youngest: dict[str, Quarantined] = {}
    for entry in found:
        if entry.purged is None:
            youngest.setdefault(entry.artifact_id, entry)
    doomed, used = [], 0
    for entry in youngest.values():
        used += entry.bytes
        if (before is not None and entry.created < before) or (room is not None and used > room and not entry.place):
            doomed.append(entry)
    return doomed[::-1]


def _size(given: str) -> int:
    try:
        return parse_size(given)
    except (DefinitionError, ValueError) as error:
        raise UsageError(f"--keep-bytes: {given!r} is not a size", fix="--keep-bytes 10GB") from error
