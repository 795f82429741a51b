"""Writing down what happens in a run: every commit is one transaction with the nodes' states, outputs and events."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dovetail.config import redact_data
from dovetail.engine._attempt import Outcome
from dovetail.engine._work import Work
from dovetail.errors import DovetailError, PublishConflict
from dovetail.quality import Report
from dovetail.spec import Artifact
from dovetail.store import Batch, CacheEntry, EventRecord, NodeUpdate, Publication, ReportRecord, Staged

if TYPE_CHECKING:
    from dovetail.store import RunStore

log = logging.getLogger("dovetail.engine")
Observer = Callable[[EventRecord], None]

_SHOW_AFTER = 0.2
_BEAT = 0.25


class Journal:
    """Buffers what happened and commits it; shared by the scheduler and the pulse thread."""

    def __init__(
        self,
        runs: RunStore,
        run_id: str,
        owner_id: str,
        lease: float,
        observers: Iterable[Observer] = (),
        claim: int = 1,
    ) -> None:
        self._runs = runs
        self._run_id = run_id
        self._owner_id = owner_id
        self._lease = lease
        self._observers = list(observers)
        self._lock = threading.RLock()
        self._starting: dict[str, tuple[float, NodeUpdate]] = {}
        self._nodes: dict[str, NodeUpdate] = {}
        self._cache: list[CacheEntry] = []
        self._publications: list[Publication] = []
        self._reports: list[ReportRecord] = []
        self._artifacts: list[Artifact] = []
        self._staged: list[Staged] = []
        self.refused: dict[str, PublishConflict] = {}
        self._events: list[EventRecord] = []
        self._count = 0
        self._series = f"{run_id}-{owner_id[:8]}-{claim}"  # one process may drive a run twice
        self._stop = threading.Event()
        self._pulse: threading.Thread | None = None
        self.warnings = 0
        self.cancelled = threading.Event()
        self.lost = False

    def event(self, type_: str, node_id: str = "", **data: Any) -> None:
        """Add an event to the next commit."""
        with self._lock:
            self._count += 1
            self._events.append(
                EventRecord(
                    type_,
                    data,
                    node_id,
                    time.time(),
                    f"{self._series}-{self._count}",
                    self._run_id,
                )
            )

    def last_event(self, type_: str, **data: Any) -> EventRecord:
        """The event that ends the run; it is committed with the run's end."""
        return EventRecord(type_, data, time=time.time(), id=f"{self._series}-end", run_id=self._run_id)

    def started(self, work: Work) -> None:
        """An attempt begins. It is written down when it takes longer than a moment."""
        with self._lock:
            now = time.time()
            work.started = now
            update = NodeUpdate(work.id, work.name, "running", work.attempt, now, handle=work.handle, info=_info(work))
            self._starting[work.id] = (now, update)

    def save_handle(self, work: Work, handle: Any) -> None:
        """Write down the handle of a remote job, now."""
        with self._lock:
            self._starting.pop(work.id, None)
            self._nodes[work.id] = NodeUpdate(work.id, work.name, "running", work.attempt, work.started, handle=handle)
            self.event("node.submitted", work.id, handle=handle)
            self.commit()

    def succeeded(self, work: Work, outcome: Outcome, cached: bool = False) -> None:
        """A node is done."""
        with self._lock:
            self._starting.pop(work.id, None)
            info = _told(work, outcome, cached)
            reusable = work.cache_key if not outcome.replaced else None
            self._nodes[work.id] = NodeUpdate(
                node_id=work.id,
                task=work.name,
                status="succeeded",
                attempt=work.attempt,
                started=outcome.started,
                ended=outcome.ended,
                outputs=outcome.artifacts,
                cache_key=reusable,
                cached=cached,
                info=info,
            )
            if reusable is not None and not cached:
                self._cache.append(CacheEntry(reusable, outcome.artifacts))
            self._keep(work, outcome)
            for publication in outcome.publications:
                self._publications.append(publication)
                self.event("dataset.published", work.id, name=publication.name, artifact=publication.artifact.id)
            rows = {n: a.meta["rows"] for n, a in outcome.artifacts.items() if "rows" in a.meta}
            self.event("node.succeeded", work.id, cached=cached, rows=rows)

    def _keep(self, work: Work, outcome: Outcome) -> None:
        self._artifacts.extend(outcome.kept)
        self._staged.extend(outcome.staged)
        for report in outcome.reports:
            self.add_report(work.id, report)

    def add_report(self, node_id: str, report: Report) -> None:
        """Add a gate's report."""
        with self._lock:
            if report.decision in ("publish_with_warnings", "publish_clean_quarantine_rest") or report.downstream:
                self.warnings += 1
            record = report.to_dict()
            self._reports.append(ReportRecord(node_id, report.gate, record))
            self.event("gate.evaluated", node_id, gate=report.gate, decision=report.decision, summary=report.summary())

    def skipped(self, work: Work, because: str = "", outcome: Outcome | None = None) -> None:
        """A choice fell the other way, or a gate refused what the node reads; ``outcome``: that of a gate of its own."""
        with self._lock:
            self._starting.pop(work.id, None)
            info = {"because": because} if because else {}
            if outcome is not None:
                info |= _told(work, outcome)
                self._keep(work, outcome)
            self._nodes[work.id] = NodeUpdate(work.id, work.name, "skipped", work.attempt if outcome else 0, info=info)
            self.event("node.skipped", work.id, **({"because": because} if because else {}))

    def blocked(self, work: Work, outcome: Outcome) -> None:
        """A gate refused the output of the node, and all that read it can do without."""
        refused, error = outcome.refused, outcome.refusal
        assert refused is not None and error is not None
        with self._lock:
            self._starting.pop(work.id, None)
            earlier = refused.previous.artifacts if refused.previous is not None else {}
            told = {
                "effect": refused.effect,
                "why": refused.why,
                "outputs": {name: artifact.to_dict() for name, artifact in outcome.artifacts.items()},
                "previous": {name: artifact.to_dict() for name, artifact in earlier.items()},
            }
            facts = redact_data(error.to_dict())
            self._nodes[work.id] = NodeUpdate(
                node_id=work.id,
                task=work.name,
                status="blocked",
                attempt=work.attempt,
                started=outcome.started,
                ended=outcome.ended,
                error=facts,
                info={**_told(work, outcome), "refused": told},
            )
            self._artifacts.extend((*outcome.artifacts.values(), *earlier.values()))
            self._keep(work, outcome)
            self.event("node.blocked", work.id, attempt=work.attempt, error=facts["what"])

    def failed(self, work: Work, outcome: Outcome, error: DovetailError, retry_in: float | None) -> None:
        """An attempt failed; ``retry_in`` seconds it is repeated, or not if that is None."""
        with self._lock:
            self._starting.pop(work.id, None)
            facts = redact_data(error.to_dict())
            if retry_in is not None:
                update = NodeUpdate(
                    work.id, work.name, "pending", work.attempt, outcome.started, error=facts, info=_info(work)
                )
                self.event("node.retrying", work.id, attempt=work.attempt, error=facts["what"], delay=retry_in)
            else:
                update = NodeUpdate(
                    work.id,
                    work.name,
                    "failed",
                    work.attempt,
                    outcome.started,
                    outcome.ended,
                    error=facts,
                    info=_info(work),
                )
                self._keep(work, outcome)
                self.event("node.failed", work.id, attempt=work.attempt, error=facts["what"], kind=error.kind)
            self._nodes[work.id] = update

    def abandoned(self, work: Work) -> None:
        """The run stops while this node is being worked on."""
        with self._lock:
            self._starting.pop(work.id, None)
            self._nodes[work.id] = NodeUpdate(
                work.id, work.name, "cancelled", work.attempt, work.started, handle=work.handle
            )

    def commit(self) -> None:
        """Write all that was buffered, in one transaction; then tell the observers."""
        with self._lock:
            if not (self._nodes or self._events or self._reports):
                return
            while True:
                try:
                    self._runs.commit(self._batch())
                    break
                except PublishConflict as error:  # of this batch nothing is written; without that node the rest will be
                    self._refuse(error)
            events = tuple(self._events)
            for buffer in (self._cache, self._publications, self._reports, self._events, self._artifacts, self._staged):
                buffer.clear()
            self._nodes.clear()
        self.tell(events)

    def _batch(self) -> Batch:
        return Batch(
            run_id=self._run_id,
            owner_id=self._owner_id,
            nodes=tuple(self._nodes.values()),
            cache=tuple(self._cache),
            publications=tuple(self._publications),
            reports=tuple(self._reports),
            events=tuple(self._events),
            artifacts=tuple(self._artifacts),
            staged=tuple(self._staged),
        )

    def _refuse(self, error: PublishConflict) -> None:
        """Somebody else has published the dataset: the node that was to has failed."""
        node_id = str(error.details["node_id"])
        done = self._nodes[node_id]
        self._publications = [each for each in self._publications if each.node_id != node_id]
        self._cache = [each for each in self._cache if each.key != done.cache_key]
        told = ("dataset.published", "node.succeeded")
        self._events = [each for each in self._events if each.node_id != node_id or each.type not in told]
        facts = redact_data(error.to_dict())
        self._nodes[node_id] = replace(done, status="failed", outputs=None, cache_key=None, error=facts)
        self._artifacts.extend((done.outputs or {}).values())
        self.refused[node_id] = error
        self.event("node.failed", node_id, attempt=done.attempt, error=facts["what"], kind=error.kind)

    def first_refused(self, works: Iterable[Work]) -> tuple[Work, DovetailError] | None:
        """The first of these works whose publication was refused at a commit, with the error; None: none was."""
        return next(((work, self.refused[work.id]) for work in works if work.id in self.refused), None)

    def accepted(self, works: Iterable[Work]) -> list[Work]:
        """Those of these works that are committed as done."""
        return [work for work in works if work.id not in self.refused]

    def tell(self, events: Iterable[EventRecord]) -> None:
        """Tell the observers; what they raise is logged and harms nobody."""
        for observer in self._observers:
            for event in events:
                try:
                    observer(event)
                except Exception:
                    log.exception("a listener raised on event %s", event.type)

    # ---------------------------------------------------------------------------------------------
    # The pulse: renews the lease, shows what is running, hears of cancellation
    # ---------------------------------------------------------------------------------------------

    def start_pulse(self) -> None:
        """Begin to renew the lease."""
        self._pulse = threading.Thread(target=self._beat, name="dovetail-pulse", daemon=True)
        self._pulse.start()

    def stop_pulse(self) -> None:
        """Stop renewing; returns when no more commit can come from the pulse."""
        self._stop.set()
        if self._pulse is not None:
            self._pulse.join()

    def _beat(self) -> None:
        renewed = time.monotonic()
        looked = renewed
        while not self._stop.wait(_BEAT):
            try:
                self._show_running()
                now = time.monotonic()
                if now - renewed >= self._lease / 3:
                    renewed = now
                    if not self._runs.heartbeat(self._run_id, self._owner_id, self._lease):
                        self.lost = True
                        self.cancelled.set()
                if now - looked >= 1.0:
                    looked = now
                    if self._runs.cancel_requested(self._run_id):
                        self.cancelled.set()
            except DovetailError as error:
                # The scheduler meets the same trouble at its next commit and reports it; the pulse only tries again.
                log.warning("the run store did not answer: %s", error.what)
            except Exception:  # without a pulse, a living run would be taken for a crashed one
                log.exception("the pulse of run %s stumbled", self._run_id)

    def _show_running(self) -> None:
        with self._lock:
            now = time.time()
            due = [node_id for node_id, (begun, _) in self._starting.items() if now - begun >= _SHOW_AFTER]
            for node_id in due:
                _, update = self._starting.pop(node_id)
                self._nodes[node_id] = update
                self.event("node.started", node_id, attempt=update.attempt)
            if due:
                self.commit()


def _told(work: Work, outcome: Outcome, cached: bool = False) -> dict[str, Any]:
    """What is known of a node whose attempt has ended: where it was run, what its gates decided and what came of that."""
    info = {} if cached else _info(work)
    if outcome.reports:
        info["gates"] = [report.decision for report in outcome.reports]
    if outcome.passed:
        info["passed"] = {gate: artifact.to_dict() for gate, artifact in outcome.passed.items()}
    if outcome.replaced:
        info["replaced"] = dict(outcome.replaced)
    return info


def _info(work: Work) -> dict[str, Any]:
    """Where a node is run, for people."""
    return {} if work.place is None else {"place": work.place.to_dict()}
