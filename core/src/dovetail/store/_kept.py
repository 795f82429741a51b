"""What gates leave behind: results of checks over the runs, and rows that were set aside, until they are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update

from dovetail.spec import Artifact
from dovetail.store import _schema as s
from dovetail.store._database import Database
from dovetail.store._json import decode, encode
from dovetail.store._records import CheckResult, EventRecord, NodeRecord, Quarantined
from dovetail.store._statements import Statement, Statements
from dovetail.store._writes import dataset_of, put_events

_SETS_ASIDE = ("publish_clean_quarantine_rest", "block")
_PAGE = 500
_EARLIER = 20
"""Runs that are looked at for a value that is still there."""
_NO_VALUE = ("error", "skipped")
_REPLAY = "replay"  # the node of a run that is the replay of a quarantine
_REFERRING = (
    s.node.c.outputs,
    s.cache.c.outputs,
    s.run.c.inputs,
    s.run.c.outputs,
    s.dataset_version.c.artifact,
)
"""Columns that name artifacts by their ids, which are too long to be found in another text by chance."""


class KeptReader:
    """The part of the run store that is about gates."""

    _db: Database
    _clock: Callable[[], float]
    _statements: Statements
    node: Callable[[str, str], NodeRecord]

    def check_results(
        self, name: str | None = None, check_id: str | None = None, limit: int = 100
    ) -> list[CheckResult]:
        """Results of checks over the runs, the newest first.

        Args:
            name: Only those of the gate or the dataset of this name.
            check_id: Only those of this check.
            limit: At most so many.
        """
        c = s.check_result.c
        query = select(s.check_result)
        if name is not None:
            query = query.where(or_(c.gate == name, c.dataset == name))
        if check_id is not None:
            query = query.where(c.check_id == check_id)
        query = query.order_by(c.time.desc(), c.run_id.desc(), c.node_id, c.gate, c.check_id).limit(limit)
        with self._db.read() as connection:
            return [CheckResult(**row._mapping) for row in connection.execute(query)]

    def earlier_values(self, check_id: str, gate: str, dataset: str, before: str, limit: int = 100) -> list[float]:
        """Values of a check in other runs, the newest first; what was taken from the cache or replayed is not told again.

        Args:
            check_id: Of the check.
            gate: Name of the gate.
            dataset: Name of the dataset, as reports have it.
            before: The run whose values are left out.
            limit: At most so many.
        """
        c, n = s.check_result.c, s.node.c
        query = (
            select(c.value)
            .join(s.node, (n.run_id == c.run_id) & (n.node_id == c.node_id))
            .where(c.check_id == check_id, c.dataset == dataset, c.gate == gate, c.run_id != before)
            .where(c.value.is_not(None), c.status.not_in(_NO_VALUE), n.cached == 0, n.node_id != _REPLAY)
            .order_by(c.time.desc(), c.run_id.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return [float(value) for value in connection.execute(query).scalars()]

    def let_through(self, workflow: str, node_id: str, gate: str, before: str) -> Iterator[tuple[str, NodeRecord]]:
        """Runs of a workflow in which a gate let a value through at a node, the newest first, with that node.

        Args:
            workflow: Name of the workflow.
            node_id: The node; it has succeeded in these runs.
            gate: Name of the gate.
            before: The run that is left out.
        """
        n, r = s.node.c, s.report.c
        query = (
            select(n.run_id)
            .join_from(s.node, s.run, s.run.c.run_id == n.run_id)
            .join(s.report, (r.run_id == n.run_id) & (r.node_id == n.node_id))
            .where(s.run.c.workflow == workflow, n.node_id == node_id, n.status == "succeeded", n.run_id != before)
            .where(r.gate == gate, r.decision != "block")
            .order_by(s.run.c.created.desc(), n.run_id.desc())
            .limit(_EARLIER)
        )
        with self._db.read() as connection:
            runs = list(connection.execute(query).scalars())
        return ((run_id, self.node(run_id, node_id)) for run_id in runs)

    def checked_names(self) -> list[str]:
        """Names of all gates and datasets that have results, sorted."""
        c = s.check_result.c
        with self._db.read() as connection:
            found = {
                name
                for column in (c.gate, c.dataset)
                for name in connection.execute(select(column).distinct()).scalars()
            }
        return sorted(found)

    def quarantined(self, run_id: str | None = None, dataset: str | None = None) -> list[Quarantined]:
        """The rows that gates set aside, the newest first; also those that were forgotten since.

        Args:
            run_id: Only those of this run.
            dataset: Only those of this dataset.
        """
        c = s.report.c
        query = select(c.run_id, c.node_id, c.gate, c.decision, c.created, c.data).where(c.decision.in_(_SETS_ASIDE))
        if run_id is not None:
            query = query.where(c.run_id == run_id)
        found = []
        with self._db.read() as connection:
            rows = connection.execution_options(yield_per=_PAGE).execute(
                query.order_by(c.created.desc(), c.run_id.desc(), c.node_id, c.gate)
            )
            for run, node, gate, decision, created, data in rows:
                report = decode(data)
                entry = _entry(run, node, gate, decision, created, report)
                if entry is not None and dataset in (None, entry.dataset):
                    found.append(entry)
        return found

    def forget_quarantined(self, artifact_id: str) -> bool:
        """Forget rows that were set aside. Every report that names them says since when they are gone, an event as well.

        Args:
            artifact_id: The whole id of the artifact that holds them, or of the place where they were.

        Returns:
            True if nothing refers to the artifact any more, so that :meth:`ArtifactStore.gc` takes its files; False if it is
            also an input, an output or a dataset, and stays.
        """
        now = self._clock()
        with self._db.write(durable=True) as cursor:
            for run_id, node_id, gate, data in self._reports_with(cursor, artifact_id):
                report = decode(data)
                kept = report.get("quarantine")
                if not isinstance(kept, dict) or kept.get("id") != artifact_id or "purged" in kept:
                    continue
                gone = {"id": artifact_id, "rows": _rows(kept), "bytes": _bytes(kept), "purged": _moment(now)}
                if "place" in kept:
                    gone["place"] = kept["place"]
                report["quarantine"] = gone
                self._kept("put_data").run(cursor, (encode(report), run_id, node_id, gate))
                event = EventRecord("quarantine.purged", {"gate": gate, **gone}, node_id)
                put_events(self._statements, cursor, run_id, [event], now)
            return self._drop_unless_used(cursor, artifact_id)

    def _drop_unless_used(self, cursor: Any, artifact_id: str) -> bool:
        """Forget an artifact that nothing refers to any more; False if something does."""
        free = not any(self._kept(name).run(cursor, (f"%{artifact_id}%",)).fetchone() for name in _LOOKS)
        if free:
            self._kept("drop").run(cursor, (artifact_id,))
        return free

    def _reports_with(self, cursor: Any, artifact_id: str) -> Iterable[tuple[str, str, str, str]]:
        found: list[tuple[str, str, str, str]] = self._kept("reports").run(cursor, (f"%{artifact_id}%",)).fetchall()
        return found

    def _kept(self, name: str) -> Statement:
        """A statement of this module, written at first need."""
        dialect = self._db.engine.dialect
        key = (dialect.name, dialect.paramstyle, name)
        if key not in _made:
            clause, names = _clause(name)
            _made[key] = Statement(clause, names.split(), dialect)
        return _made[key]


_LOOKS = tuple(f"look{n}" for n in range(len(_REFERRING)))
_made: dict[tuple[str, str, str], Statement] = {}


def _clause(name: str) -> tuple[Any, str]:
    c = s.report.c
    if name == "reports":
        return select(c.run_id, c.node_id, c.gate, c.data).where(c.data.like(bindparam("pattern"))), "pattern"
    if name == "put_data":
        here = (c.run_id == bindparam("run"), c.node_id == bindparam("node"), c.gate == bindparam("gate_name"))
        return update(s.report).where(*here).values(data=bindparam("told")), "told run node gate_name"
    if name == "drop":
        return delete(s.artifact).where(s.artifact.c.id == bindparam("entry")), "entry"
    column = _REFERRING[_LOOKS.index(name)]
    return select(column).where(column.like(bindparam("pattern"))), "pattern"


def _entry(
    run_id: str, node_id: str, gate: str, decision: str, created: float, report: dict[str, Any]
) -> Quarantined | None:
    kept = report.get("quarantine")
    if not isinstance(kept, dict) or not kept.get("id"):
        return None
    return Quarantined(
        run_id=run_id,
        node_id=node_id,
        gate=gate,
        decision=decision,
        dataset=dataset_of(report) or "",
        created=created,
        artifact_id=str(kept["id"]),
        rows=_rows(kept),
        bytes=_bytes(kept),
        purged=kept.get("purged"),
        artifact=Artifact.from_dict(kept) if "blobs" in kept else None,
        place=kept.get("place"),
    )


def _rows(kept: dict[str, Any]) -> int:
    return int(kept.get("rows") or (kept.get("meta") or {}).get("rows") or 0)


def _bytes(kept: dict[str, Any]) -> int:
    return int(kept.get("bytes") or sum(size for _, _, size in kept.get("blobs") or ()))


def _moment(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
