"""``dovetail artifacts``: looking at stored values, and taking them out."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._kept import artifact_of, find_quarantined
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._preview import document_parts, preview_document
from dovetail.cli._session import Session, with_session
from dovetail.cli._text import bytes_text, clean, one_line, plural
from dovetail.cli._view import artifact_view
from dovetail.cli._written import in_one_step
from dovetail.config import seconds
from dovetail.errors import (
    ConversionError,
    DovetailError,
    EngineUnavailable,
    StoreError,
    UnknownType,
    UsageError,
    listing,
    nearest,
)
from dovetail.hub import Hub
from dovetail.plugins import use_catalogue
from dovetail.spec import Artifact, TypeRef

artifacts = Verbs("artifacts", help="Look at stored values, take them out, remove what nobody needs.")
common(artifacts)

_COLUMNS = 100
"""Columns of a schema that are shown to people."""
_WIDE = 120
"""Characters of a name or type that are shown to people."""
_WHICH = """WHICH is an artifact id, a unique beginning of one, or RUN:NODE, RUN:NODE.OUTPUT, where RUN may be "latest".
RUN:NODE.quarantine is the rows that a gate set aside there."""


@artifacts.command("show", help=f"Type, schema, rows, size, files, and a look at the first rows.\n\n{_WHICH}")
@click.argument("which", metavar="WHICH")
@click.option("--rows", type=click.IntRange(0, 1000), default=10, metavar="N", help="Rows to show.  [default: 10]")
@common
@with_session
@click.pass_context
def show_artifact(context: click.Context, session: Session, which: str, rows: int) -> None:
    """See ``help``."""
    hub = session.stored()
    session.activate(context)
    artifact = find(hub, which)
    document = {**artifact_view(artifact), "content_hash": artifact.content_hash, "files": _files(hub, artifact)}
    document |= {"children": [artifact_view(child) for child in artifact.children], **look(hub, artifact, rows)}
    if session.options.json:
        emit_json(session.options, document)
        return
    facts = [
        ("artifact", artifact.id),
        ("type", artifact.type),
        ("format", artifact.format),
        ("rows", "" if document["rows"] is None else f"{document['rows']:,}"),
        ("size", bytes_text(document["bytes"])),
        ("content hash", artifact.content_hash),
        *(
            ("file" if n == 0 else "", f"{file['path']}  ({file['name']})")
            for n, file in enumerate(document["files"][:20])
        ),
    ]
    width = max(len(name) for name, _ in facts)
    show(*(text(f"{name:{width}}  {value}") for name, value in facts if value))
    if document["schema"]:
        fields = [
            (one_line(f["name"], _WIDE), one_line(f["type"], _WIDE), "" if f["nullable"] else "not null")
            for f in document["schema"][:_COLUMNS]
        ]
        show(text("\ncolumns", "bold"), table(("name", "type", ""), fields))
        hidden = len(document["schema"]) - len(fields)
        if hidden > 0:
            show(text(f"... and {plural(hidden, 'more column')}; --json has all", "dim"))
    show(text("\nvalue", "bold"), *document_parts(document))


@artifacts.command("export", help=f"Copy a stored value to PATH.\n\n{_WHICH}")
@click.argument("which", metavar="WHICH")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there.")
@common
@with_session
def export_artifact(session: Session, which: str, path: Path, force: bool) -> None:
    """See ``help``."""
    hub = session.stored()
    artifact = find(hub, which)
    if path.exists() and not force:
        raise UsageError(f"{str(path)!r} exists already", fix="name another path, or replace it with --force")
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a directory, which is never replaced", fix="name another path")
    _export(hub, artifact, path)
    if session.options.json:
        emit_json(session.options, {"artifact": artifact.id, "path": str(path.absolute())})
    else:
        show(text(f"wrote {path} ({artifact.type}, {artifact.format})"))


@artifacts.command("gc")
@click.option(
    "--older-than", default="1h", metavar="TIME", help="Spare files younger than this: 90s, 1h, 7d.  [default: 1h]"
)
@common
@with_session
def collect(session: Session, older_than: str) -> None:
    """Remove stored files that no run, dataset or quarantine refers to, and what dead processes left unfinished.

    Values that gates refused are forgotten first, when they are older than the setting staged_days says.
    """
    age = seconds(older_than, "--older-than")
    hub = session.stored()
    forgotten = hub.runs.forget_staged(session.settings.staged_days * 86_400.0)
    done = hub.artifacts.gc(hub.runs.live_blobs(), age)
    if session.options.json:
        told = {"files": done.files, "bytes": done.bytes, "temporary": done.temporary, "forgotten": forgotten}
        emit_json(session.options, told)
    else:
        if forgotten:
            show(text(f"forgot {plural(forgotten, 'value')} that gates had refused"))
        more = f", and {plural(done.temporary, 'unfinished one')}" if done.temporary else ""
        show(text(f"removed {plural(done.files, 'file')} ({bytes_text(done.bytes)}){more}"))


def find(hub: Hub, which: str) -> Artifact:
    """The artifact that is meant.

    Raises:
        UsageError: The run, the node or the output is not there; names the nearest.
        ArtifactNotFound: There is no artifact of that id.
    """
    run, separator, place = which.partition(":")
    if not separator:
        return hub.runs.artifact(which)
    record = hub.runs.get_run(run)
    known = {node.node_id: node for node in hub.runs.nodes(record.run_id)}
    node_id, output = place, ""
    if place not in known and place.rpartition(".")[0] in known:
        node_id, _, output = place.rpartition(".")
    if node_id not in known:
        close = nearest(node_id, known)
        raise UsageError(
            f"run {record.run_id} has no node {clean(node_id)!r}",
            fix=f"did you mean {record.run_id}:{close}?" if close else f"its nodes: {listing(known)}",
        )
    outputs = known[node_id].outputs or {}
    if output in outputs:
        return outputs[output]
    if not output and len(outputs) == 1:
        return next(iter(outputs.values()))
    if output == "quarantine":
        return artifact_of(find_quarantined(hub.runs, f"{record.run_id}:{node_id}"))
    raise _no_output(record.run_id, known[node_id].status, node_id, output, outputs)


def _no_output(run_id: str, status: str, node_id: str, output: str, outputs: dict[str, Artifact]) -> UsageError:
    if not outputs:
        return UsageError(f"node {node_id} of run {run_id} stored nothing", why=f"it has {status}")
    if not output:
        return UsageError(
            f"node {node_id} of run {run_id} has several outputs",
            fix=f"name one: {', '.join(f'{run_id}:{node_id}.{name}' for name in outputs)}",
        )
    close = nearest(output, outputs)
    return UsageError(
        f"node {node_id} of run {run_id} has no output {clean(output)!r}",
        fix=f"did you mean {run_id}:{node_id}.{close}?" if close else f"its outputs: {listing(outputs)}",
    )


def _files(hub: Hub, artifact: Artifact) -> list[dict[str, Any]]:
    """The stored files, each verified.

    Raises:
        ArtifactNotFound, ArtifactCorrupt: One is gone or changed.
    """
    return [
        {"name": blob.name, "digest": blob.digest, "bytes": blob.size, "path": str(hub.artifacts.open_path(blob))}
        for blob in artifact.blobs
    ]


def _loaded(hub: Hub, artifact: Artifact) -> Any:
    """The value; as Arrow where its library is not here, as after work in an environment."""
    try:
        return hub.types.load(artifact, hub.artifacts)
    except EngineUnavailable:
        with suppress(ConversionError, UnknownType, EngineUnavailable):
            return hub.types.load(artifact, hub.artifacts, TypeRef("pyarrow.Table"))
        raise


def look(hub: Hub, artifact: Artifact, rows: int) -> dict[str, Any]:
    """Schema and first rows of a stored value, each None where it has none; ``reason`` says why."""
    try:
        value = _loaded(hub, artifact)
    except StoreError:
        raise
    except UnknownType as error:
        return {"schema": None, "preview": None, "reason": f"{error.what}; {error.fix}"}
    except DovetailError as error:
        return {"schema": None, "preview": None, "reason": error.what}
    found = preview_document(hub.types, value, rows)
    return {"schema": found["schema"], "preview": found["preview"], "reason": found.get("reason", "")}


def _export(hub: Hub, artifact: Artifact, path: Path) -> None:
    """One file as it is, several as a directory, a small value as its JSON text; in one step."""
    if artifact.children:
        raise UsageError(
            f"a {artifact.type} is made of {plural(len(artifact.children), 'artifact')}",
            fix="export them one by one: " + ", ".join(child.id[:12] for child in artifact.children[:6]),
        )
    with in_one_step(path, f"the {artifact.type}", "name another path") as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        if artifact.inline is not None and not artifact.blobs:
            temporary.write_text(artifact.inline, encoding="utf-8")
        elif artifact.format == "reference":
            with use_catalogue(hub.catalogue):  # it has the credentials, and no plugin that was not to be loaded
                content = hub.types.load(artifact, hub.artifacts).download()
            (shutil.copytree if content.is_dir() else shutil.copyfile)(content, temporary)
        elif len(artifact.blobs) == 1 and "/" not in artifact.blobs[0].name and artifact.type != "dovetail.Directory":
            shutil.copyfile(hub.artifacts.open_path(artifact.blobs[0]), temporary)
        else:
            for blob in artifact.blobs:
                target = temporary / blob.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(hub.artifacts.open_path(blob), target)
