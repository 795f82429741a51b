"""What is told about a run, as one JSON-able document: the summary for people is made from it alone."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from dovetail.cli._text import clean, iso
from dovetail.config import redact
from dovetail.errors import StoreError
from dovetail.hub import Hub
from dovetail.spec import NO_ENGINE, Artifact, Place
from dovetail.store import DatasetVersion, EventRecord, NodeRecord, RunRecord, RunStore

_PAGE = 1000


def artifact_view(artifact: Artifact) -> dict[str, Any]:
    """An artifact: ``id, type, format, rows, columns, bytes, value`` (small values only, as JSON text)."""
    return {
        "id": artifact.id,
        "type": artifact.type,
        "format": artifact.format,
        "rows": artifact.meta.get("rows"),
        "columns": artifact.meta.get("columns"),
        "bytes": artifact.meta.get("bytes"),
        "value": artifact.inline if not artifact.children else None,
    }


def value_text(inline: str | None) -> str:
    """A small value as people read it: JSON with its letters as they are and without control characters.

    Args:
        inline: Its JSON text, as stored; None if it is not small.
    """
    if inline is None:
        return ""
    try:
        value = json.loads(inline)
    except ValueError:
        return clean(redact(inline))
    return redact(json.dumps(_cleaned(value), ensure_ascii=False, separators=(",", ":")))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(redact(value))  # while its control characters are characters
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return value


def _located(hub: Hub, artifact: Artifact) -> dict[str, Any]:
    """An artifact with ``path``: where its file lies, None if it has none, several, or lost it."""
    path = None
    if len(artifact.blobs) == 1:
        try:
            path = str(hub.artifacts.open_path(artifact.blobs[0]))
        except StoreError:
            path = None
    return {**artifact_view(artifact), "path": path}


def run_line(record: RunRecord) -> dict[str, Any]:
    """A run in a list."""
    return {
        "run_id": record.run_id,
        "workflow": record.workflow,
        "status": record.status,
        "created": iso(record.created),
        "started": iso(record.started),
        "ended": iso(record.ended),
        "duration_seconds": _duration(record.started, record.ended),
        "counts": record.counts,
        "warnings": record.warnings,
        "resumed": max(record.claims - 1, 0),
    }


def nodes_done(counts: Mapping[str, int], options: Mapping[str, Any]) -> str:
    """Nodes that have succeeded, of all: ``2/3``. Those that never started count as well.

    Args:
        counts: Recorded nodes by status; the elements of maps are nodes here.
        options: Of the run; ``nodes`` is the number of nodes of the graph, which older runs do not have.
    """
    done = sum(counts.get(status, 0) for status in ("succeeded", "skipped", "blocked"))
    return f"{done}/{max(int(options.get('nodes') or 0), sum(counts.values()))}"


def run_view(hub: Hub, run_id: str) -> dict[str, Any]:
    """All that is told about a run.

    Args:
        hub: Holds the stores.
        run_id: Id, unique beginning of one, or ``latest``.
    """
    runs = hub.runs
    record = runs.get_run(run_id)
    nodes = runs.nodes(record.run_id)
    return {
        **run_line(record),
        "home": str(hub.settings.home),
        "source": record.source,
        "options": record.options,
        "inputs": {name: artifact_view(artifact) for name, artifact in record.inputs.items()},
        "outputs": {name: _located(hub, artifact) for name, artifact in record.outputs.items()},
        "nodes": [node_view(node) for node in nodes],
        "gates": [{**report.report, "node_id": report.node_id} for report in runs.reports(record.run_id)],
        "datasets": [dataset_view(version) for version in _published(runs, record.run_id)],
        "error": record.error,
    }


def node_view(node: NodeRecord) -> dict[str, Any]:
    """A node of a run."""
    return {
        "node_id": node.node_id,
        "task": node.task,
        "status": node.status,
        "attempt": node.attempt,
        "started": iso(node.started),
        "ended": iso(node.ended),
        "duration_seconds": None if node.cached else _duration(node.started, node.ended),
        "cached": node.cached,
        "gates": list(node.info.get("gates", ())),
        "place": None if node.cached or node.started is None else _place(node).to_dict(),
        "outputs": {name: artifact_view(artifact) for name, artifact in (node.outputs or {}).items()},
        "because": node.info.get("because"),
        "error": node.error,
    }


def _place(node: NodeRecord) -> Place:
    """Where a node was run; of those without an engine nothing is recorded."""
    told = node.info.get("place")
    return Place.from_dict(told) if isinstance(told, dict) else Place("here", None, NO_ENGINE)


def dataset_view(version: DatasetVersion) -> dict[str, Any]:
    """One version of a dataset."""
    return {
        "name": version.name,
        "version": version.version,
        "current": version.current,
        "created": iso(version.created),
        "run_id": version.run_id,
        "node_id": version.node_id,
        "output": version.output,
        "path": version.path,
        "previous": version.previous,
        "forced": version.forced,
        "who": version.who,
        "reason": version.reason,
        "gates": [{"node_id": node_id, "gate": gate} for node_id, gate in version.gates],
        "content_hash": version.artifact.content_hash,
        "artifact": artifact_view(version.artifact),
    }


def event_views(runs: RunStore, run_id: str, limit: int) -> list[dict[str, Any]]:
    """The last ``limit`` events of a run, oldest first."""
    last = deque(_events(runs, run_id), maxlen=limit)
    return [
        {"time": iso(event.time), "type": event.type, "node_id": event.node_id or None, "data": event.data}
        for event in last
    ]


def _events(runs: RunStore, run_id: str) -> Iterator[EventRecord]:
    after = 0
    while page := runs.events(run_id, after, _PAGE):
        yield from page
        after = page[-1].seq


def _published(runs: RunStore, run_id: str) -> list[DatasetVersion]:
    names = [str(event.data["name"]) for event in _events(runs, run_id) if event.type == "dataset.published"]
    return [
        version
        for name in dict.fromkeys(names)
        for version in reversed(runs.datasets(name))
        if version.run_id == run_id
    ]


def _duration(started: float | None, ended: float | None) -> float | None:
    return None if started is None or ended is None else round(max(ended - started, 0.0), 6)
