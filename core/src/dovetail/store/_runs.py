"""The run store: what was run, by whom, how far it got, and what it published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import StoreError, StoreLocked, UsageError, listing
from dovetail.spec import Artifact
from dovetail.store._artifact_rows import ArtifactRows
from dovetail.store._artifacts import Durability
from dovetail.store._database import Database
from dovetail.store._datasets import DatasetKeeper
from dovetail.store._json import decode, encode, encode_exact
from dovetail.store._names import check_run_id
from dovetail.store._owner import Owner
from dovetail.store._reads import RunReader, seen_status
from dovetail.store._records import ENDED, Batch, EventRecord, NewRun, RunRecord
from dovetail.store._statements import statements_for
from dovetail.store._writes import check_owner, put_events, write_batch

if TYPE_CHECKING:
    from dovetail.config import Settings

_CLAIMABLE = frozenset(("pending", "crashed", "interrupted", "failed", "blocked", "cancelled"))


class RunStore(RunReader, DatasetKeeper):
    """Records runs in a database: SQLite by default, or any server that SQLAlchemy reaches by URL.

    Every method is one transaction. Threads may share a store; processes open their own. What a method returns or
    raises is decided by the database alone, so any number of processes may work on one store.

    Args:
        url: File of an SQLite database (made when first used), or a SQLAlchemy URL.
        durability: ``"process"``: a commit survives the death of the process. ``"power"``: also a power cut, at the price
            of a flush to the disk per commit. A commit that publishes a dataset is always flushed.
        busy_timeout: Seconds to wait for other processes that write, before :class:`StoreLocked`.
        clock: Gives seconds since the epoch.
    """

    def __init__(
        self,
        url: Path | str,
        *,
        durability: Durability = "process",
        busy_timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = Database(url, durable=durability == "power", busy_timeout=busy_timeout)
        self._clock = clock
        self._statements = statements_for(self._db.engine.dialect)

    def open(self) -> None:
        """Open the store now rather than at its first use, making or migrating its tables.

        Raises:
            StoreVersion: A newer dovetail wrote it. Nothing is changed.
            StoreUnwritable: No permission, no space, read-only.
            StoreLocked: Another process holds it.
            StoreError: It is damaged, or no run store.
        """
        self._db.open()

    def close(self) -> None:
        """Close the connections. The store opens again when it is next used."""
        self._db.close()

    def __enter__(self) -> RunStore:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- life of a run ----------------------------------------------------------------------------

    def create_run(self, new: NewRun) -> None:
        """Record a run, pending.

        Raises:
            UsageError: The id is taken or malformed.
        """
        check_run_id(new.run_id)
        now = self._clock()
        artifacts = ArtifactRows(now)
        source = encode_exact(new.source, "the source of the run")
        options = encode_exact(new.options, "the options of the run")
        row = (new.run_id, new.workflow, source, artifacts.ids(new.inputs), new.graph_hash, options, "pending", now)
        with self._db.write() as cursor:
            if self._statements.run_row.run(cursor, (new.run_id,)).fetchone():
                raise UsageError(
                    f"there is already a run {new.run_id}",
                    fix=f"go on with it: dovetail runs resume {new.run_id}; or choose another id",
                )
            self._statements.put_run.run(cursor, (*row, None, None, None, None, None, 0, 0, None, "{}"))
            artifacts.insert(self._statements, cursor)

    def claim(self, run_id: str, owner: Owner, lease_seconds: float) -> RunRecord:
        """Become the owner of a run that nobody drives: a new one, or one that crashed, failed or was stopped.

        Of several owners that try at once, one succeeds. From then on only its commits are accepted.

        Args:
            run_id: The whole id.
            owner: :func:`current_owner`.
            lease_seconds: How long the claim holds unless :meth:`heartbeat` renews it.

        Raises:
            StoreLocked: A living owner drives it; ``details`` has its ``pid`` and ``host``.
            UsageError: There is no such run, or it has already succeeded.
        """
        now = self._clock()
        with self._db.write() as cursor:
            status, lease, holder, started = self._row(cursor, run_id)
            seen = seen_status(status, lease, holder, now)
            if seen == "running" and holder is not None:
                raise _held(run_id, holder, owner, (lease or now) - now)
            if seen not in _CLAIMABLE:
                raise UsageError(
                    f"run {run_id} can't be resumed: it has {seen.replace('_', ' ')}",
                    fix=f"look at it: dovetail runs show {run_id}",
                )
            begun = now if started is None else started
            owner_text = encode_exact(owner.to_dict(), "the owner")
            self._statements.take.run(cursor, (begun, owner.id, owner_text, now + lease_seconds, run_id))
        return self.get_run(run_id)

    def heartbeat(self, run_id: str, owner_id: str, lease_seconds: float) -> bool:
        """Renew the lease; False if the run is no longer owned by ``owner_id``, which must then stop working on it."""
        with self._db.write() as cursor:
            renewed = self._statements.renew.run(cursor, (self._clock() + lease_seconds, run_id, owner_id))
            return int(renewed.rowcount) > 0

    def commit(self, batch: Batch) -> None:
        """Write a batch: all of it, or nothing.

        Nodes, cache entries and reports replace what was stored under the same key; artifacts that are already there are
        kept; a publication that was committed before is not repeated, so a whole batch may be committed twice.

        Raises:
            RunInterrupted: ``batch.owner_id`` no longer owns the run.
            PublishConflict: A dataset has another current version than a publication expects.
            StoreLocked, StoreUnwritable, StoreError: The database failed; the batch can be committed again.
        """
        with self._db.write(durable=bool(batch.publications)) as cursor:
            workflow = check_owner(self._statements, cursor, batch.run_id, batch.owner_id)
            write_batch(self._statements, cursor, batch, workflow, self._clock())

    def finish(
        self,
        run_id: str,
        owner_id: str,
        status: str,
        error: dict[str, Any] | None = None,
        outputs: dict[str, Artifact] | None = None,
        events: Iterable[EventRecord] = (),
    ) -> None:
        """End a run.

        Args:
            status: Any of :data:`RunStatus` but ``pending``, ``running`` and ``crashed``.
            error: What ended it, as ``DovetailError.to_dict`` gives it.
            outputs: The stored outputs of the workflow by name.

        Raises:
            RunInterrupted: ``owner_id`` no longer owns the run.
        """
        if status not in ENDED:
            raise StoreError(f"a run can't end as {status!r}", who=run_id, fix=f"use one of {listing(ENDED)}")
        now = self._clock()
        artifacts = ArtifactRows(now)
        failure = None if error is None else encode(error)
        row = (status, now, failure, artifacts.ids(outputs or {}), run_id)
        with self._db.write() as cursor:
            check_owner(self._statements, cursor, run_id, owner_id)
            artifacts.insert(self._statements, cursor)
            self._statements.end.run(cursor, row)
            put_events(self._statements, cursor, run_id, events, now)

    def request_cancel(self, run_id: str) -> bool:
        """Ask a run to stop. Its owner sees it by :meth:`cancel_requested`; one that nobody drives is cancelled at once.

        Returns:
            False if the run has already ended, so that there was nothing to stop.

        Raises:
            UsageError: There is no such run.
        """
        now = self._clock()
        with self._db.write() as cursor:
            status, lease, holder, _ = self._row(cursor, run_id)
            seen = seen_status(status, lease, holder, now)
            if seen == "running":
                self._statements.ask_cancel.run(cursor, (run_id,))
            elif seen in ("pending", "crashed", "interrupted"):
                self._statements.cancel_idle.run(cursor, (now, run_id))
            return seen in ("running", "pending", "crashed", "interrupted")

    def _row(self, cursor: Any, run_id: str) -> tuple[str, float | None, Owner | None, float | None]:
        row = self._statements.run_row.run(cursor, (run_id,)).fetchone()
        if row is None:
            with self._db.read() as connection:
                raise self._no_run(connection, run_id)
        status, lease, owner, started = row
        return status, lease, Owner.from_dict(decode(owner)) if owner else None, started


def _held(run_id: str, holder: Owner, owner: Owner, seconds: float) -> StoreLocked:
    if holder.id == owner.id:
        who, fix = "this process", "wait for it to end"
    elif holder.host == owner.host:
        who = f"process {holder.pid} on this host"
        fix = f"stop it: dovetail runs cancel {run_id}, or kill {holder.pid}"
    else:
        who = f"process {holder.pid} on {holder.host}"
        fix = (
            f"stop it: dovetail runs cancel {run_id}; if that host is gone, wait {max(seconds, 0):.0f} s and try again"
        )
    return StoreLocked(
        f"run {run_id} is being driven by {who}",
        who=run_id,
        why=f"its lease holds for another {max(seconds, 0):.0f} s",
        fix=fix,
        pid=holder.pid,
        host=holder.host,
    )


def open_run_store(settings: Settings) -> RunStore:
    """The run store of a project: ``<settings.home>/runs.db``."""
    return RunStore(settings.home / "runs.db", durability=settings.durability)
