"""The loop that drives a run: dispatch what is ready, collect what is done, commit, release what waited for it."""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from dovetail.engine._attempt import NodeAttempt, Outcome, Services
from dovetail.engine._cache import cache_key
from dovetail.engine._downstream import lacking, part_missing, take_over
from dovetail.engine._expand import choose, expand_dynamic, expand_map, expansions, gather
from dovetail.engine._failures import internal_error, repeatable, user_failure
from dovetail.engine._journal import Journal
from dovetail.engine._work import Frame, Work, guarded_out, open_frame, output_names, read_slots
from dovetail.errors import (
    DovetailError,
    RunInterrupted,
    UsageError,
    WorkerDied,
    shorten,
)
from dovetail.graph import Task
from dovetail.quality import Report
from dovetail.spec import Executor
from dovetail.store import NodeRecord

if TYPE_CHECKING:
    from dovetail.store import RunStore

log = logging.getLogger("dovetail.engine")
_GRACE = 2.0
_QUICK = 0.005


class Scheduler:
    """Drives one run. Only the thread that calls :meth:`run` changes the state of works.

    A node's outputs are committed before anything that depends on it starts, so a later process never sees a node whose
    inputs are not stored.
    """

    def __init__(
        self,
        services: Services,
        journal: Journal,
        executors: Callable[[str], Executor],
        default_executor: str,
        slots: int,
        recorded: dict[str, NodeRecord],
        runs: RunStore,
    ) -> None:
        self._services = services
        self._values = services.values
        self._journal = journal
        self._executors = executors
        self._default = default_executor
        self._slots = slots
        self._recorded = recorded
        self._runs = runs
        self._expansions: dict[str, str] | None = None
        self._fingerprints: dict[Task[..., Any], str] = {}
        self._seconds: dict[int, float] = {}
        self._ready: deque[Work] = deque()
        self._retries: list[tuple[float, int, Work]] = []
        self._running: dict[str, tuple[Work, Executor, NodeAttempt, Future[Any]]] = {}
        self._completed: queue.SimpleQueue[tuple[Work, Outcome]] = queue.SimpleQueue()
        self._settled: list[Work] = []
        self._tickets = itertools.count()
        self.failure: tuple[Work, DovetailError] | None = None

    def run(self, frame: Frame) -> None:
        """Run all nodes of the frame that are not done.

        Raises:
            DovetailError: The first failure, after what was running has been committed.
            BaseException: Ctrl-C, or what a signal handler raises; what was running is marked as cancelled.
            RunInterrupted: The run was cancelled from outside, or another process took it over.
        """
        self._ready.extend(open_frame(frame, self._recorded, self._values))
        try:
            while self._step():
                pass
        except DovetailError:
            raise
        except BaseException:  # Ctrl-C, or a signal handler that raises
            self._abandon()
            raise
        if self.failure is not None:
            raise self.failure[1]

    def _step(self) -> bool:
        """One round; False when nothing is left to do."""
        if self._services.cancelled.is_set():
            self._abandon()
            why = "another process took the run over" if self._journal.lost else "its cancellation was requested"
            raise RunInterrupted("the run was stopped", why=why)
        self._dispatch()
        if self._settled:
            self._commit()
            return True
        if not self._running and (self.failure is not None or not (self._retries or self._ready)):
            self._journal.commit()
            return False
        self._collect()
        return True

    # ---------------------------------------------------------------------------------------------
    # Dispatch
    # ---------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        if self.failure is not None:
            return
        now = time.monotonic()
        while self._retries and self._retries[0][0] <= now:
            self._ready.append(heapq.heappop(self._retries)[2])
        while self._ready and self.failure is None and len(self._running) < self._slots:
            work = self._ready.popleft()
            try:
                self._begin(work)
            except DovetailError as error:
                error.who = error.who or f"node {work.id!r}"
                self._fail(work, Outcome(time.time(), time.time()), error)
            except Exception as error:  # the body of a dynamic node, or a fingerprint, may raise anything
                self._fail(work, Outcome(time.time(), time.time()), user_failure(work.id, work.name, error))

    def _begin(self, work: Work) -> None:
        if guarded_out(work, self._values):
            self._leave_out(work)
            return
        if because := lacking(work, self._values):
            self._leave_out(work, because)
            return
        kind = work.node.kind
        if work.element is None and kind in ("map", "dynamic"):
            self._expand(work)
            return
        if kind == "when":
            self._done(work, choose(work, self._values))
            return
        work.attempt += 1 if work.handle is None else 0
        if work.node.options.cache and work.task is not None and self._from_cache(work):
            return
        self._submit(work)

    def _leave_out(self, work: Work, because: str = "", outcome: Outcome | None = None) -> None:
        """Skip a work; ``because`` says what it lacks, ``""`` that a choice fell the other way."""
        work.slot.skipped = True
        work.slot.lost = because
        work.frame.disturbed = work.frame.disturbed or bool(because)
        self._journal.skipped(work, because, outcome)
        self._settled.append(work)

    def _expand(self, work: Work) -> None:
        work.started = time.time()
        make = expand_map if work.node.kind == "map" else expand_dynamic
        ready = make(work, self._values, self._recorded)
        if work.node.kind == "dynamic":
            self._note_expansion(work)
        if work.pending == 0:
            self._gather(work)
        self._ready.extend(ready)

    def _note_expansion(self, work: Work) -> None:
        """Write down which graph the body of a dynamic node connected; on resume it must connect the same again.

        Raises:
            UsageError: It connected another one, so the finished nodes cannot be matched.
        """
        digest = work.frames[0].graph.hash()
        if any(name.startswith(f"{work.id}.") for name in self._recorded):
            if self._expansions is None:
                self._expansions = expansions(self._runs, self._services.run_id)
            if self._expansions.get(work.id, digest) != digest:
                raise UsageError(
                    f"the body of dynamic node {work.id!r} connects other nodes than before",
                    why="a run that is resumed calls it again, and what it connected then cannot be matched with that",
                    fix="let it depend on nothing but its inputs (no time, chance or files), and start a new run",
                )
            if work.id in self._expansions:
                return
        self._journal.event("node.expanded", work.id, graph=digest, nodes=len(work.frames[0].graph.nodes))

    def _from_cache(self, work: Work) -> bool:
        task = work.task
        assert task is not None
        fingerprint = self._fingerprints.get(task)
        if fingerprint is None:
            fingerprint = self._fingerprints[task] = task.fingerprint(exact=True)
        home = self._services.home(work)
        digest = "" if home is None else home.digest
        work.cache_key = cache_key(work, task, fingerprint, self._values, self._services.datasets, digest)
        found = self._runs.lookup_cache([work.cache_key]).get(work.cache_key)
        if found is None or set(found) != set(output_names(work)) or not self._values.intact(found):
            return False
        kept = self._runs.cached_reports(work.cache_key) if task.compiled().gated else []
        reports = [Report.from_dict(record.report) for record in kept]
        self._done(work, NodeAttempt(work, self._services).reuse(found, reports), cached=True)
        return True

    def _submit(self, work: Work) -> None:
        attempt = NodeAttempt(work, self._services)
        executor = self._executor_for(work)
        self._journal.started(work)
        alone = not self._running and not self._ready
        here = work.task is None or self._services.home(work) is None
        if alone and here and executor.name == "threads" and self._seconds.get(id(work.node.target), 1.0) < _QUICK:
            # Nothing else can run beside it, and it was quick before: the thread change would only cost time.
            try:
                outcome = attempt.run()
            except BaseException:  # Ctrl-C, or a signal handler that raises
                self._journal.abandoned(work)
                raise
            self._receive(work, outcome)
            return
        # Known to be running before it runs: an interrupt may come at any moment, also between two lines.
        self._running[work.id] = (work, executor, attempt, Future())
        future = executor.submit(attempt)
        self._running[work.id] = (work, executor, attempt, future)
        future.add_done_callback(lambda done: self._completed.put((work, _outcome_of(work, done))))

    def _executor_for(self, work: Work) -> Executor:
        options = work.node.options
        name = options.executor or self._default
        task = work.task
        if task is not None and self._services.home(work) is not None:
            return self._executors("threads")  # where it waits for its worker
        movable = task is not None and task.load_type().in_process
        if not movable:
            return self._executors("threads")
        if (options.timeout is not None or options.memory is not None) and name == "threads":
            name = "processes"  # a thread cannot be stopped, nor told from others by what it holds
        return self._executors(name)

    # ---------------------------------------------------------------------------------------------
    # Collect
    # ---------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Wait for something to happen; take all that is done."""
        timeout = 0.5
        if self._retries:
            timeout = min(timeout, max(self._retries[0][0] - time.monotonic(), 0.001))
        try:
            item = self._completed.get(timeout=timeout)
        except queue.Empty:
            return
        while True:
            work, outcome = item
            self._running.pop(work.id, None)
            self._receive(work, outcome)
            try:
                item = self._completed.get_nowait()
            except queue.Empty:
                break
        self._commit()

    def _receive(self, work: Work, outcome: Outcome) -> None:
        self._seconds[id(work.node.target)] = outcome.ended - outcome.started
        if outcome.error is None:
            self._conclude(work, outcome)
        else:
            self._fail(work, outcome, outcome.error)

    def _conclude(self, work: Work, outcome: Outcome) -> None:
        """An attempt without an error has ended: with an output, or with what its gates have left of it."""
        if outcome.left_out:
            self._leave_out(work, outcome.left_out, outcome)
        elif outcome.refused is not None:
            take_over(work, outcome)
            self._journal.blocked(work, outcome)
            self._settled.append(work)
        else:
            self._done(work, outcome)

    def _done(self, work: Work, outcome: Outcome, cached: bool = False) -> None:
        work.slot.artifacts = outcome.artifacts
        if not cached:
            work.slot.value = outcome.value
            work.slot.bridged = outcome.bridged
        self._journal.succeeded(work, outcome, cached)
        self._settled.append(work)

    def _fail(self, work: Work, outcome: Outcome, error: DovetailError) -> None:
        options = work.node.options
        attempted = work.element is not None or work.node.kind in ("task", "gate")
        if attempted and repeatable(error) and work.attempt <= options.retries and self.failure is None:
            delay = options.delay_before(work.attempt + 1) * random.uniform(0.9, 1.1)  # noqa: S311  (jitter)
            self._journal.failed(work, outcome, error, delay)
            heapq.heappush(self._retries, (time.monotonic() + delay, next(self._tickets), work))
        else:
            self._journal.failed(work, outcome, error, None)
            if self.failure is None:
                self.failure = (work, error)
        self._journal.commit()

    def _commit(self) -> None:
        """Commit the round, then release what waited for it; a map whose last element is done settles in the next round."""
        self._journal.commit()
        settled, self._settled = self._settled, []
        self.failure = self.failure or self._journal.first_refused(settled)
        for work in self._journal.accepted(settled):
            self._release(work)

    def _release(self, work: Work) -> None:
        work.done = True
        for slot in read_slots(work):
            slot.readers -= 1
            if slot.readers == 0:
                self._values.release(slot)
        if work.element is not None:
            work.element = {}
            self._part_done(work.parent)
            return
        if work.slot.readers == 0:
            self._values.release(work.slot)
        for follower in work.followers:
            follower.waiting -= 1
            if follower.waiting == 0:
                self._ready.append(follower)
        frame = work.frame
        frame.remaining -= 1
        if frame.remaining == 0 and frame.owner is not None:
            self._part_done(frame.owner)

    def _part_done(self, owner: Work | None) -> None:
        assert owner is not None
        owner.pending -= 1
        if owner.pending == 0:
            try:
                self._gather(owner)
            except DovetailError as error:
                self._fail(owner, Outcome(time.time(), time.time()), error)

    def _gather(self, owner: Work) -> None:
        if because := part_missing(owner):
            self._leave_out(owner, because)
        else:
            self._done(owner, gather(owner, self._values))

    def _abandon(self) -> None:
        """Stop: kill what can be killed, give threads a moment, and mark what did not finish."""
        self._services.cancelled.set()
        for node_id, (_, executor, attempt, _) in self._running.items():
            try:
                executor.cancel(node_id)
            except Exception:
                log.exception("executor %r could not cancel node %r", executor.name, node_id)
            attempt.cancel()
        deadline = time.monotonic() + _GRACE
        while self._running and time.monotonic() < deadline:
            try:
                work, outcome = self._completed.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                break
            self._running.pop(work.id, None)
            self._settle_late(work, outcome)
        for work, _, _, future in self._running.values():
            # An interrupt may have come between taking an outcome and looking at it: the future still has it.
            self._settle_late(work, _outcome_of(work, future) if future.done() else None)
        if not self._journal.lost:
            self._journal.commit()

    def _settle_late(self, work: Work, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.error is None:
            self._conclude(work, outcome)
        else:
            self._journal.abandoned(work)


def _outcome_of(work: Work, future: Future[Any]) -> Outcome:
    now = time.time()
    if future.cancelled():
        gone = WorkerDied(f"the executor cancelled node {work.id!r}", who=f"node {work.id!r}")
        return Outcome(work.started or now, now, error=gone)
    error = future.exception()
    if error is None:
        if isinstance(result := future.result(), Outcome):
            return result
        error = TypeError(f"the executor gave {shorten(result)} for an outcome")
    wrapped = error if isinstance(error, DovetailError) else internal_error(work.id, error)
    return Outcome(work.started or now, now, error=wrapped)
