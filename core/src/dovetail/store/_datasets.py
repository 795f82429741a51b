"""Datasets in the run store: versions, the pointer to the current one and its history, and values that wait for approval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select, update

from dovetail.errors import UsageError, listing, nearest, shorten
from dovetail.spec import Artifact
from dovetail.store import _schema as s
from dovetail.store._artifact_rows import ArtifactRows
from dovetail.store._database import Database
from dovetail.store._json import decode
from dovetail.store._kept import KeptReader
from dovetail.store._moves import FORCED, PUBLISHED, ROLLED_BACK, locked, move, publish
from dovetail.store._reads import artifacts_of
from dovetail.store._records import DatasetMove, DatasetVersion, EventRecord, Publication, Staged
from dovetail.store._statements import Statement, Statements
from dovetail.store._writes import put_events


class DatasetKeeper(KeptReader):
    """The part of the run store that is about datasets."""

    _db: Database
    _clock: Callable[[], float]
    _statements: Statements

    # -- versions ---------------------------------------------------------------------------------

    def dataset(self, name: str, version: int | None = None) -> DatasetVersion:
        """A published dataset: its current version, or the one that is asked for.

        Raises:
            UsageError: There is no such dataset or version; names the nearest.
        """
        c = s.dataset_version.c
        query = _versions().where(c.name == name)
        query = query.where(c.version == (s.dataset.c.current_version if version is None else version))
        with self._db.read() as connection:
            row = connection.execute(query).first()
            if row is not None:
                return self._datasets(connection, [row])[0]
            known = list(connection.execute(select(s.dataset.c.name).where(s.dataset.c.current_version > 0)).scalars())
            newest = connection.execute(select(func.max(c.version)).where(c.name == name)).scalar()
        if newest is not None:
            raise UsageError(f"dataset {name} has no version {version}", fix=f"it has versions 1 to {newest}")
        near = nearest(name, known)
        raise UsageError(
            f"there is no dataset {shorten(name)}",
            why="no version of it has been published",
            fix=_near(near, known),
        )

    def datasets(self, name: str | None = None) -> list[DatasetVersion]:
        """The current version of every dataset, by name; or all versions of one dataset, the newest first."""
        c = s.dataset_version.c
        query = _versions()
        if name is None:
            query = query.where(c.version == s.dataset.c.current_version).order_by(c.name)
        else:
            query = query.where(c.name == name).order_by(c.version.desc())
        with self._db.read() as connection:
            return self._datasets(connection, connection.execute(query).all())

    def current_versions(self, names: Sequence[str]) -> dict[str, int]:
        """The number of the current version of each of these datasets; 0 where none is published."""
        found = dict.fromkeys(names, 0)
        with self._db.read() as connection:
            for name in found:
                query = select(s.dataset.c.current_version).where(s.dataset.c.name == name)
                found[name] = int(connection.execute(query).scalar() or 0)
        return found

    def dataset_moves(self, name: str) -> list[DatasetMove]:
        """Every move of the pointer of a dataset, the newest first.

        Raises:
            UsageError: There is no such dataset; names the nearest.
        """
        self.dataset(name)
        c = s.dataset_move.c
        with self._db.read() as connection:
            rows = connection.execute(select(s.dataset_move).where(c.name == name).order_by(c.move.desc())).all()
        return [DatasetMove(**{**row._mapping, "gates": _pairs(row.gates)}) for row in rows]

    # -- moving the pointer -----------------------------------------------------------------------

    def roll_back(self, name: str, version: int | None, reason: str, who: str) -> DatasetVersion:
        """Make an earlier version the current one again. No version goes, and the next one gets a number of its own.

        Args:
            name: Name of the dataset.
            version: Default: the one that was current before the present one was published.
            reason: Why, for the history.
            who: Who does it, for the history.

        Raises:
            UsageError: There is no such version, it is the current one, or nothing says why.
        """
        _check_reason(reason)
        present = self.dataset(name)
        target = present.previous if version is None else version
        if target is None:
            raise UsageError(f"dataset {name} has no version before {present.version}", fix="publish another one")
        self.dataset(name, target)
        if target == present.version:
            raise UsageError(f"version {target} of dataset {name} is the current one already")
        now = self._clock()
        with self._db.write(durable=True) as cursor:
            current = locked(self._statements, cursor, name)
            if current != present.version:
                raise UsageError(
                    f"dataset {name} has changed meanwhile: version {current} is current, not {present.version}",
                    fix="look at it, then do it again: dovetail datasets history " + name,
                )
            move(self._statements, cursor, name, ROLLED_BACK, target, current, now, who, reason)
            facts = {"name": name, "version": target, "previous": current, "who": who, "reason": reason}
            event = EventRecord("dataset.rolled_back", facts, present.node_id)
            put_events(self._statements, cursor, present.run_id, [event], now)
        return self.dataset(name)

    def publish_staged(
        self, value: Staged, name: str, artifact: Artifact, *, expected: int | None, who: str, reason: str, forced: bool
    ) -> DatasetVersion:
        """Publish what a gate had refused: because it passes now, or in spite of it.

        Args:
            value: What was refused.
            name: Name of the dataset.
            artifact: What is published: the value, or what the gate lets through of it.
            expected: As for :class:`Publication`.
            who: Who does it, for the history.
            reason: Why, for the history.
            forced: The gate still refuses it.

        Raises:
            UsageError: It is forced and nothing says why; or the node has published the same before.
            PublishConflict: Another version is the current one.
        """
        if forced:
            _check_reason(reason)
        now = self._clock()
        artifacts = ArtifactRows(now)
        item = Publication(
            name, value.node_id, "result", artifact, expected=expected, gates=((value.node_id, value.gate),)
        )
        kind = FORCED if forced else PUBLISHED
        with self._db.write(durable=True) as cursor:
            version = publish(
                self._statements, cursor, value.run_id, item, artifacts, now, kind=kind, who=who, reason=reason
            )
            if version is None:
                raise UsageError(f"dataset {name} has a version of this value from this node already")
            artifacts.insert(self._statements, cursor)
            facts = {"name": name, "version": version, "artifact": artifact.id, "forced": forced}
            event = EventRecord("dataset.published", {**facts, "who": who, "reason": reason}, value.node_id)
            put_events(self._statements, cursor, value.run_id, [event], now)
        return self.dataset(name, version)

    # -- what gates refused -----------------------------------------------------------------------

    def staged(self, run_id: str | None = None, artifact: str | None = None) -> list[Staged]:
        """Values that gates refused, the newest first; also those that were forgotten since.

        Args:
            run_id: Only those of this run.
            artifact: Only those whose artifact id begins with this.
        """
        c = s.staged.c
        query = select(s.staged).order_by(c.created.desc(), c.run_id.desc(), c.node_id, c.gate)
        if run_id is not None:
            query = query.where(c.run_id == run_id)
        with self._db.read() as connection:
            found = [Staged(**row._mapping) for row in connection.execute(query)]
        return [each for each in found if artifact is None or each.artifact.startswith(artifact)]

    def forget_staged(self, older_than: float) -> int:
        """Forget values that gates refused more than so many seconds ago, unless something else holds on to them.

        That a gate refused them stays known. :meth:`ArtifactStore.gc` takes their files.

        Args:
            older_than: Seconds.

        Returns:
            How many were forgotten.
        """
        now = self._clock()
        doomed = [each for each in self.staged() if each.forgotten is None and each.created < now - older_than]
        if not doomed:
            return 0
        with self._db.write(durable=True) as cursor:
            for each in doomed:
                key = (each.run_id, each.node_id, each.gate, each.artifact)
                self._staged_statement("forget").run(cursor, (now, *key))
                facts = {"gate": each.gate, "artifact": each.artifact, "dataset": each.dataset}
                put_events(
                    self._statements, cursor, each.run_id, [EventRecord("staged.forgotten", facts, each.node_id)], now
                )
            for artifact in sorted({each.artifact for each in doomed}):
                held = self._staged_statement("held").run(cursor, (artifact,)).fetchone()
                if held is None and not self._is_quarantine(cursor, artifact):
                    self._drop_unless_used(cursor, artifact)
        return len(doomed)

    def _is_quarantine(self, cursor: Any, artifact: str) -> bool:
        reports = (decode(data) for *_, data in self._reports_with(cursor, artifact))
        return any((told.get("quarantine") or {}).get("id") == artifact for told in reports)

    def _staged_statement(self, name: str) -> Statement:
        dialect = self._db.engine.dialect
        key = (dialect.name, dialect.paramstyle, name)
        if key not in _made:
            _made[key] = Statement(*_staged_clause(name), dialect)
        return _made[key]

    def _datasets(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[DatasetVersion]:
        artifacts = artifacts_of(connection, {row.artifact for row in rows})
        return [
            DatasetVersion(
                name=row.name,
                version=row.version,
                artifact=artifacts[row.artifact],
                run_id=row.run_id,
                node_id=row.node_id,
                output=row.output,
                path=row.path,
                created=row.created,
                current=row.version == row.current_version,
                previous=row.previous,
                forced=row.kind == FORCED,
                who=row.who,
                reason=row.reason,
                gates=_pairs(row.gates),
            )
            for row in rows
        ]


def _versions() -> Any:
    """Versions, each with the pointer of its dataset and with the move that published it."""
    m, v = s.dataset_move.c, s.dataset_version.c
    published = and_(m.name == v.name, m.version == v.version, m.kind != ROLLED_BACK)
    return (
        select(s.dataset_version, s.dataset.c.current_version, m.kind, m.previous, m.who, m.reason, m.gates)
        .join(s.dataset, s.dataset.c.name == v.name)
        .join(s.dataset_move, published)
    )


def _near(near: str | None, known: Sequence[str]) -> str:
    if near is not None:
        return f"did you mean {near}?"
    return f"there are: {listing(known)}" if known else "run the workflow that publishes it"


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(node_id), str(gate)) for node_id, gate in decode(text))


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("it is not said why", why="the history of the dataset keeps the reason", fix='--reason "..."')


_made: dict[tuple[str, str, str], Statement] = {}


def _staged_clause(name: str) -> tuple[Any, list[str]]:
    c = s.staged.c
    if name == "held":
        return select(c.run_id).where(c.artifact == bindparam("entry"), c.forgotten.is_(None)), ["entry"]
    here = and_(
        c.run_id == bindparam("run"),
        c.node_id == bindparam("node"),
        c.gate == bindparam("gate_name"),
        c.artifact == bindparam("entry"),
    )
    return update(s.staged).where(here).values(forgotten=bindparam("moment")), [
        "moment",
        "run",
        "node",
        "gate_name",
        "entry",
    ]
