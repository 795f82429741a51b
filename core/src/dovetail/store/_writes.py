"""What one commit of a run writes, row by row. Everything here runs inside a transaction that the caller holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from dovetail.errors import RunInterrupted, StoreError, nearest
from dovetail.spec import Artifact
from dovetail.store._artifact_rows import ArtifactRows
from dovetail.store._json import encode, encode_exact
from dovetail.store._moves import publish
from dovetail.store._records import NODE_STATUSES, Batch, EventRecord, NodeUpdate, ReportRecord
from dovetail.store._statements import Statements


def check_owner(statements: Statements, cursor: Any, run_id: str, owner_id: str) -> str:
    """The name of the run's workflow, if ``owner_id`` still owns the run.

    Raises:
        RunInterrupted: Another owner took it over, or it has ended.
    """
    row = statements.owned.run(cursor, (run_id,)).fetchone()
    if row is not None and row[0] == "running" and row[1] == owner_id:
        workflow: str = row[2]
        return workflow
    if row is None:
        why = "it is not in the store"
    elif row[0] != "running":
        why = f"its status is {row[0]}"
    else:
        why = "another process took it over, because this one did not renew its lease in time"
    raise RunInterrupted(
        f"run {run_id} is no longer driven by this process; nothing was written",
        why=why,
        fix=f"dovetail runs show {run_id}",
    )


def write_batch(statements: Statements, cursor: Any, batch: Batch, workflow: str, now: float) -> None:
    """All rows of a batch."""
    artifacts = ArtifactRows(now)
    run_id = batch.run_id
    if batch.nodes:
        statements.put_node.run_many(cursor, [_node_row(run_id, node, artifacts) for node in batch.nodes])
    if batch.cache:
        entries = [(entry.key, artifacts.ids(entry.outputs), run_id, now) for entry in batch.cache]
        statements.put_cache.run_many(cursor, sorted(entries))
    for artifact in batch.artifacts:
        artifacts.add(artifact)
    for publication in batch.publications:
        publish(statements, cursor, run_id, publication, artifacts, now)
    for value in batch.staged:
        row = (run_id, value.node_id, value.gate, value.artifact, value.dataset, value.created or now, None)
        statements.put_staged.run(cursor, row)
    if batch.reports:
        _put_reports(statements, cursor, batch, workflow, artifacts, now)
    artifacts.insert(statements, cursor)
    put_events(statements, cursor, run_id, batch.events, now)


def put_events(statements: Statements, cursor: Any, run_id: str, events: Iterable[EventRecord], now: float) -> None:
    """Append events to the outbox."""
    rows = [
        (e.id or uuid.uuid4().hex, e.type, e.run_id or run_id, e.node_id, e.time or now, encode(e.data)) for e in events
    ]
    statements.put_event.run_many(cursor, rows)


def _node_row(run_id: str, node: NodeUpdate, artifacts: ArtifactRows) -> tuple[Any, ...]:
    if node.status not in NODE_STATUSES:
        raise StoreError(
            f"{node.status!r} is no status of a node",
            who=node.node_id,
            fix=f"did you mean {nearest(node.status, NODE_STATUSES)}? One of: {', '.join(sorted(NODE_STATUSES))}",
        )
    return (
        run_id,
        node.node_id,
        node.task,
        node.status,
        node.attempt,
        node.started,
        node.ended,
        None if node.outputs is None else artifacts.ids(node.outputs),
        node.cache_key,
        1 if node.cached else 0,
        None if node.error is None else encode(node.error),
        None if node.handle is None else encode_exact(node.handle, f"the job handle of {node.node_id}"),
        encode(node.info) if node.info else "{}",
    )


def _put_reports(
    statements: Statements, cursor: Any, batch: Batch, workflow: str, artifacts: ArtifactRows, now: float
) -> None:
    rows = []
    history: list[tuple[Any, ...]] = []
    for item in batch.reports:
        decision = str(item.report.get("decision", ""))
        rows.append((batch.run_id, item.node_id, item.gate, decision, now, encode(item.report)))
        quarantined = item.report.get("quarantine")
        if isinstance(quarantined, dict) and "blobs" in quarantined:
            artifacts.add(Artifact.from_dict(quarantined))  # or gc would take the failing rows for garbage
        history.extend(_check_rows(batch.run_id, item, workflow, now))
    statements.put_report.run_many(cursor, rows)
    statements.put_check_result.run_many(cursor, history)


def _check_rows(run_id: str, item: ReportRecord, workflow: str, now: float) -> Iterable[tuple[Any, ...]]:
    dataset = dataset_of(item.report) or f"{workflow}/{item.node_id}"
    for check in item.report.get("checks") or ():
        evaluated = int(check.get("n_evaluated") or 0)
        failed = int(check.get("n_failed") or 0)
        observed = check.get("observed")
        value: float | None
        if isinstance(observed, int | float) and not isinstance(observed, bool):
            value = float(observed) if observed == observed else None  # SQLite makes null of a NaN, servers do not
        else:
            value = failed / evaluated if evaluated else None
        check_id = str(check.get("check_id") or check.get("id") or check.get("name") or "")
        status = str(check.get("status", ""))
        yield run_id, item.node_id, item.gate, check_id, dataset, now, status, value, evaluated, failed


def dataset_of(report: Mapping[str, Any]) -> str | None:
    """Name of the dataset that a report is about, if it says so."""
    dataset = report.get("dataset")
    if isinstance(dataset, Mapping):
        dataset = dataset.get("name")
    return dataset if isinstance(dataset, str) and dataset else None
