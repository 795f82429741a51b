"""Reading the run store: runs, nodes, events, reports, artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from dovetail.errors import ArtifactNotFound, StoreError, UsageError, listing, nearest, shorten
from dovetail.spec import Artifact
from dovetail.store import _schema as s
from dovetail.store._artifacts import blobs_of
from dovetail.store._database import Database
from dovetail.store._json import decode
from dovetail.store._owner import Owner, is_dead
from dovetail.store._records import (
    RUN_STATUSES,
    CheckResult,
    EventRecord,
    NodeRecord,
    ReportRecord,
    RunRecord,
)
from dovetail.store._statements import Statements

_CHUNK = 500
_QUIET = ("publish", "block", "")


class RunReader:
    """All that :class:`RunStore` can tell. Readers never block the writer, and see only whole commits."""

    _db: Database
    _clock: Callable[[], float]
    _statements: Statements

    # -- runs -------------------------------------------------------------------------------------

    def get_run(self, run_id: str) -> RunRecord:
        """A run by its id, by a prefix that only one id has, or by ``"latest"``.

        Raises:
            UsageError: There is no such run, or several; names the nearest.
        """
        with self._db.read() as connection:
            if run_id == "latest":
                query = select(s.run).order_by(s.run.c.created.desc(), s.run.c.run_id.desc()).limit(1)
                row = connection.execute(query).first()
                if row is None:
                    raise UsageError(
                        "there are no runs yet", who=self._db.where, fix="start one: dovetail run FILE WORKFLOW"
                    )
            else:
                row = _by_prefix(connection, s.run, s.run.c.run_id, run_id)
            if row is None:
                raise self._no_run(connection, run_id)
            return self._run_records(connection, [row])[0]

    def list_runs(self, limit: int = 50, status: str | None = None, workflow: str | None = None) -> list[RunRecord]:
        """Runs, the newest first.

        Args:
            limit: At most so many.
            status: Only those that are seen in this status, ``crashed`` included.
            workflow: Only those of this workflow.

        Raises:
            UsageError: The status is unknown.
        """
        query = select(s.run).order_by(s.run.c.created.desc(), s.run.c.run_id.desc())
        if workflow is not None:
            query = query.where(s.run.c.workflow == workflow)
        if status is not None:
            if status not in RUN_STATUSES:
                near = nearest(status, RUN_STATUSES)
                raise UsageError(
                    f"{shorten(status)} is no status of a run",
                    fix=f"did you mean {near}?" if near else f"use one of {listing(RUN_STATUSES)}",
                )
            query = query.where(s.run.c.status == ("running" if status == "crashed" else status))
        if status not in ("running", "crashed"):
            query = query.limit(limit)  # whether a run has crashed is only known after its row was read
        with self._db.read() as connection:
            rows = [row for row in connection.execute(query) if status in (None, self._seen_status(row))]
            return self._run_records(connection, rows[:limit])

    def cancel_requested(self, run_id: str) -> bool:
        """True if somebody asked the run to stop since it was last claimed. Cheap enough to be polled."""
        found = self._db.fetch(self._statements.cancel_requested.sql, self._statements.cancel_requested.bind((run_id,)))
        return bool(found and found[0][0])

    # -- what a run did ---------------------------------------------------------------------------

    def nodes(self, run_id: str) -> list[NodeRecord]:
        """The recorded nodes of a run, in the order in which they started."""
        c = s.node.c
        with self._db.read() as connection:
            rows = connection.execute(select(s.node).where(c.run_id == run_id).order_by(c.started, c.node_id)).all()
            return self._node_records(connection, rows)

    def node(self, run_id: str, node_id: str) -> NodeRecord:
        """One node of a run.

        Raises:
            UsageError: It is not recorded; names the nearest.
        """
        c = s.node.c
        with self._db.read() as connection:
            row = connection.execute(select(s.node).where(c.run_id == run_id, c.node_id == node_id)).first()
            if row is not None:
                return self._node_records(connection, [row])[0]
            known = list(connection.execute(select(c.node_id).where(c.run_id == run_id).limit(10_000)).scalars())
        near = nearest(node_id, known)
        raise UsageError(
            f"run {run_id} has no node {shorten(node_id)}",
            fix=f"did you mean {near}?" if near else f"its nodes: {listing(known)}",
        )

    def events(self, run_id: str | None = None, after_seq: int = 0, limit: int = 1000) -> list[EventRecord]:
        """Events with a greater ``seq`` than ``after_seq``, oldest first, at most ``limit``; of all runs if None is named."""
        c = s.event.c
        query = select(c.type, c.data, c.node_id, c.time, c.id, c.run_id, c.seq).where(c.seq > after_seq)
        if run_id is not None:
            query = query.where(c.run_id == run_id)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(c.seq).limit(limit)).all()
        return [EventRecord(row[0], decode(row[1]), *row[2:]) for row in rows]

    def reports(self, run_id: str) -> list[ReportRecord]:
        """The reports of the gates of a run, in the order in which they were written."""
        c = s.report.c
        query = select(c.node_id, c.gate, c.data).where(c.run_id == run_id).order_by(c.created, c.node_id, c.gate)
        with self._db.read() as connection:
            return [ReportRecord(node, gate, decode(data)) for node, gate, data in connection.execute(query)]

    def cached_reports(self, key: str) -> list[ReportRecord]:
        """The reports of the gates at the node whose outputs a cache key stands for; none if the key is unknown."""
        c, n = s.report.c, s.node.c
        query = (
            select(c.node_id, c.gate, c.data)
            .join_from(s.cache, s.node, (s.cache.c.run_id == n.run_id) & (n.cache_key == s.cache.c.key))
            .join(s.report, (c.run_id == n.run_id) & (c.node_id == n.node_id))
            .where(s.cache.c.key == key)
            .order_by(c.created, c.gate)
        )
        with self._db.read() as connection:
            return [ReportRecord(node, gate, decode(data)) for node, gate, data in connection.execute(query)]

    def check_history(self, check_id: str, dataset: str | None = None, limit: int = 100) -> list[CheckResult]:
        """Results of one check over the runs, the newest first; of all datasets if None is named."""
        c = s.check_result.c
        query = select(
            c.check_id, c.dataset, c.run_id, c.node_id, c.gate, c.time, c.status, c.value, c.n_evaluated, c.n_failed
        ).where(c.check_id == check_id)
        if dataset is not None:
            query = query.where(c.dataset == dataset)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(c.time.desc()).limit(limit)).all()
        return [CheckResult(**row._mapping) for row in rows]

    # -- values -----------------------------------------------------------------------------------

    def artifact(self, artifact_id: str) -> Artifact:
        """An artifact by its id, or by a prefix that only one id has.

        Raises:
            ArtifactNotFound: There is none.
            UsageError: The prefix fits several.
        """
        with self._db.read() as connection:
            row = _by_prefix(connection, s.artifact, s.artifact.c.id, artifact_id)
        if row is None:
            raise ArtifactNotFound(
                f"there is no artifact {shorten(artifact_id)}",
                who=self._db.where,
                fix="dovetail runs show RUN lists the artifacts of a run",
            )
        return Artifact.from_dict(decode(row.data))

    def lookup_cache(self, keys: Iterable[str]) -> dict[str, dict[str, Artifact]]:
        """Outputs by cache key, for those keys that are known. Whether their files still exist is not looked at."""
        found = {}
        cached, artifact = self._statements.cached, self._statements.artifact
        for key in keys:
            rows = self._db.fetch(cached.sql, cached.bind((key,)))
            if not rows:
                continue
            outputs = {}
            for name, artifact_id in decode(rows[0][0]).items():
                stored = self._db.fetch(artifact.sql, artifact.bind((artifact_id,)))
                if stored:
                    outputs[name] = Artifact.from_dict(decode(stored[0][0]))
            found[key] = outputs
        return found

    def live_blobs(self) -> set[str]:
        """Digests of all files that a stored artifact refers to: what :meth:`ArtifactStore.gc` must keep."""
        query = select(s.artifact.c.data).where(s.artifact.c.has_blobs == 1)
        with self._db.read() as connection:
            rows = connection.execution_options(yield_per=_CHUNK).execute(query)
            return {blob.digest for (data,) in rows for blob in blobs_of(Artifact.from_dict(decode(data)))}

    # -- rows to records --------------------------------------------------------------------------

    def _seen_status(self, row: Row[Any]) -> str:
        owner = Owner.from_dict(decode(row.owner)) if row.owner else None
        return seen_status(row.status, row.lease_expires, owner, self._clock())

    def _run_records(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[RunRecord]:
        run_ids = [row.run_id for row in rows]
        counts = _counts(connection, run_ids)
        warnings = _warnings(connection, run_ids)
        wanted = {i for row in rows for text in (row.inputs, row.outputs) for i in decode(text).values()}
        artifacts = artifacts_of(connection, wanted)
        return [
            RunRecord(
                run_id=row.run_id,
                workflow=row.workflow,
                source=decode(row.source),
                inputs={name: artifacts[i] for name, i in decode(row.inputs).items()},
                graph_hash=row.graph_hash,
                options=decode(row.options),
                status=self._seen_status(row),
                created=row.created,
                started=row.started,
                ended=row.ended,
                owner=Owner.from_dict(decode(row.owner)) if row.owner else None,
                lease_expires=row.lease_expires,
                error=decode(row.error),
                outputs={name: artifacts[i] for name, i in decode(row.outputs).items()},
                warnings=warnings.get(row.run_id, 0),
                counts=counts.get(row.run_id, {}),
                claims=row.claims,
                cancel_requested=bool(row.cancel_requested),
            )
            for row in rows
        ]

    def _node_records(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[NodeRecord]:
        named = [None if row.outputs is None else decode(row.outputs) for row in rows]
        artifacts = artifacts_of(connection, {i for names in named if names for i in names.values()})
        return [
            NodeRecord(
                node_id=row.node_id,
                task=row.task,
                status=row.status,
                attempt=row.attempt,
                started=row.started,
                ended=row.ended,
                outputs=None if names is None else {name: artifacts[i] for name, i in names.items()},
                cache_key=row.cache_key,
                cached=bool(row.cached),
                error=decode(row.error),
                handle=decode(row.handle),
                info=decode(row.info),
                run_id=row.run_id,
            )
            for row, names in zip(rows, named, strict=True)
        ]

    def _no_run(self, connection: Connection, run_id: str) -> UsageError:
        recent = select(s.run.c.run_id).order_by(s.run.c.created.desc()).limit(1000)
        near = nearest(run_id, connection.execute(recent).scalars())
        return UsageError(
            f"there is no run {shorten(run_id)}",
            who=self._db.where,
            fix=f"did you mean {near}?" if near else "list them: dovetail runs list",
        )


def seen_status(status: str, lease_expires: float | None, owner: Owner | None, now: float) -> str:
    """The status of a run as a reader sees it at ``now``: ``crashed`` if it is driven by nobody who lives."""
    if status != "running":
        return status
    if lease_expires is None or lease_expires <= now or owner is None or is_dead(owner):
        return "crashed"
    return status


def _by_prefix(connection: Connection, table: Table, column: ColumnElement[str], prefix: str) -> Row[Any] | None:
    if "\x00" in prefix:
        return None  # no id holds one, and servers take none in a text
    exact = connection.execute(select(table).where(column == prefix)).first()
    if exact is not None or not prefix:
        return exact
    # Not LIKE: its wildcards would have to be escaped, and it ignores case on SQLite.
    found = connection.execute(select(table).where(func.substr(column, 1, len(prefix)) == prefix).limit(2)).all()
    if len(found) > 1:
        raise UsageError(
            f"{shorten(prefix)} is the beginning of several ids",
            why=f"among them {found[0][0]} and {found[1][0]}",
            fix="type more of it",
        )
    return found[0] if found else None


def _counts(connection: Connection, run_ids: list[str]) -> dict[str, dict[str, int]]:
    c = s.node.c
    found: dict[str, dict[str, int]] = {}
    for part in _chunks(run_ids):
        query = select(c.run_id, c.status, func.count()).where(c.run_id.in_(part)).group_by(c.run_id, c.status)
        for run_id, status, number in connection.execute(query):
            found.setdefault(run_id, {})[status] = number
    return found


def _warnings(connection: Connection, run_ids: list[str]) -> dict[str, int]:
    c = s.report.c
    found: dict[str, int] = {}
    for part in _chunks(run_ids):
        told = c.decision.not_in(_QUIET) | ((c.decision == "block") & (s.run.c.status == "succeeded_with_warnings"))
        query = select(c.run_id, func.count()).join_from(s.report, s.run, s.run.c.run_id == c.run_id)
        query = query.where(c.run_id.in_(part), told).group_by(c.run_id)
        for run_id, number in connection.execute(query):
            found[run_id] = number
    return found


def artifacts_of(connection: Connection, ids: Iterable[str]) -> dict[str, Artifact]:
    """Artifacts by id, all of which are recorded."""
    wanted = sorted(ids)
    found = {}
    for part in _chunks(wanted):
        query = select(s.artifact.c.id, s.artifact.c.data).where(s.artifact.c.id.in_(part))
        found.update({i: Artifact.from_dict(decode(data)) for i, data in connection.execute(query)})
    if len(found) < len(wanted):
        missing = next(i for i in wanted if i not in found)
        raise StoreError(
            f"artifact {missing} is referred to but not recorded",
            why="the run store was changed by something other than dovetail",
            fix="restore it from a backup",
        )
    return found


def _chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[i : i + _CHUNK] for i in range(0, len(items), _CHUNK))
