"""Executing a workflow durably: a new run, or one that is resumed."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dovetail.config import Settings, redact_data
from dovetail.engine._attempt import Services
from dovetail.engine._datasets import Datasets
from dovetail.engine._downstream import result_missing
from dovetail.engine._expand import frame_result
from dovetail.engine._journal import Journal
from dovetail.engine._placement import Placement
from dovetail.engine._places import Places
from dovetail.engine._result import RunResult
from dovetail.engine._scheduler import Scheduler
from dovetail.engine._values import MISSING, Slot, Values
from dovetail.engine._work import Frame
from dovetail.errors import DataError, DovetailError, PlatformError, RunInterrupted, UnknownType, UsageError
from dovetail.graph import PublishedDataset, ResourceScope, Workflow, base_type
from dovetail.plugins import Catalogue
from dovetail.spec import Artifact, EngineChoice, Executor
from dovetail.store import ArtifactStore, EventRecord, NewRun, RunRecord, current_owner
from dovetail.types import TypeEngine

if TYPE_CHECKING:
    from dovetail.store import RunStore

log = logging.getLogger("dovetail.engine")
Observer = Callable[[EventRecord], None]
Output = Callable[[str, str, str], None]


@dataclass(slots=True)
class Engine:
    """What runs need: the catalogue, the type engine, the stores and the settings."""

    settings: Settings
    catalogue: Catalogue
    types: TypeEngine
    runs: RunStore
    artifacts: ArtifactStore
    executor: str = "threads"
    observers: tuple[Observer, ...] = ()
    plugins: tuple[object, ...] = ()
    engine: EngineChoice | None = None
    offline: bool = False
    on_output: Output = field(default=lambda node_id, stream, line: print(line))  # noqa: T201  (a task's own output)

    def start(
        self,
        workflow: Workflow[..., Any],
        inputs: dict[str, Any],
        source: dict[str, Any],
        run_id: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> RunResult:
        """Run a workflow from the beginning.

        Args:
            workflow: The workflow.
            inputs: Its inputs by name; those with a default may be absent.
            source: Where the workflow can be loaded from again, JSON-able.
            run_id: Default: made of the time and four random hex digits.
            options: Kept with the run, JSON-able.

        Raises:
            DovetailError: What ended the run; ``details["run_id"]`` says which run it was.
        """
        self._check_storable(workflow)
        places = self._places(workflow)
        values = workflow.bind_values((), inputs)
        annotations = workflow.interface.inputs
        datasets = Datasets(self.runs)
        datasets.look(workflow.graph, values.values())
        stored = {n: self._stored(v, annotations[n], datasets) for n, v in values.items()}
        run_id = run_id or new_run_id()
        said = {} if self.engine is None else {"engine": self.engine}
        self.runs.create_run(
            NewRun(
                run_id,
                workflow.name,
                source,
                stored,
                workflow.graph.hash(),
                {
                    "executor": self.executor,
                    "nodes": len(workflow.graph.nodes),
                    **said,
                    **datasets.told(),
                    **(options or {}),
                },
            )
        )
        slots = {n: Slot(annotations[n], {"result": stored[n]}, value=_at_hand(v)) for n, v in values.items()}
        return self._drive(run_id, workflow, slots, places)

    def _stored(self, value: Any, annotation: Any, datasets: Datasets) -> Artifact:
        """The stored form of an input; of a dataset it is there already."""
        if isinstance(value, PublishedDataset):
            return datasets.artifact(value)
        return self.types.dump(value, base_type(annotation), self.artifacts)

    def _places(self, workflow: Workflow[..., Any], done: Collection[str] = ()) -> Places:
        """Where the nodes are run; what they need for that is built now, before the first of them runs."""
        places = Places(Placement(self.settings, self.catalogue, self.engine, offline=self.offline))
        places.prepare(workflow.graph, workflow.name, done)
        return places

    def _check_storable(self, workflow: Workflow[..., Any]) -> None:
        """Say before the work, not after it, that a result could not be stored."""
        seen: set[int] = set()
        for node in workflow.graph.nodes:
            if id(node.output) in seen:
                continue
            seen.add(id(node.output))
            for annotation in node.interface.outputs.values():
                try:
                    self.types.check_storable(base_type(annotation))
                except UnknownType as error:
                    error.who = f"the result of node {node.id!r} of workflow {workflow.name!r}"
                    raise

    def resume(self, record: RunRecord, workflow: Workflow[..., Any]) -> RunResult:
        """Go on with a run that crashed, failed or was stopped: finished nodes are not run again.

        Raises:
            UsageError: The workflow is not the one that was run, or the run has succeeded.
        """
        if record.graph_hash != workflow.graph.hash():
            raise UsageError(
                f"workflow {workflow.name!r} has changed since run {record.run_id} was started",
                why="its nodes or their connections are different, so the finished nodes cannot be matched",
                fix=f"undo the change and resume, or start a new run: dovetail run FILE {workflow.name}",
            )
        annotations = workflow.interface.inputs
        slots = {name: Slot(annotations[name], {"result": artifact}) for name, artifact in record.inputs.items()}
        done = {node.node_id for node in self.runs.nodes(record.run_id) if node.status == "succeeded"}
        return self._drive(record.run_id, workflow, slots, self._places(workflow, done))

    def _drive(self, run_id: str, workflow: Workflow[..., Any], inputs: dict[str, Slot], places: Places) -> RunResult:
        owner = current_owner()
        lease = self.settings.lease_seconds
        listeners = self._listeners()
        record = self.runs.claim(run_id, owner, lease)
        recorded = {node.node_id: node for node in self.runs.nodes(run_id)} if record.claims > 1 else {}
        journal = Journal(self.runs, run_id, owner.id, lease, listeners, record.claims)
        values = Values(self.types, self.artifacts)
        executors = _Executors(self.catalogue, self.settings.max_workers)
        frame = Frame(workflow.graph, "", inputs)
        journal.event("run.started", workflow=workflow.name, resumed=bool(recorded), nodes=len(workflow.graph.nodes))
        journal.start_pulse()
        scope = ResourceScope()
        services = Services(
            run_id=run_id,
            workflow=workflow.name,
            values=values,
            scope=scope,
            settings=self.settings,
            datasets=Datasets(self.runs, record.options.get("datasets"), record.run_id),
            cancelled=journal.cancelled,
            save_handle=journal.save_handle,
            on_output=self.on_output,
            plugins=self.plugins,
            home=places.home,
            earlier=self.runs.earlier_values,
            previous=lambda node_id, gate: self.runs.let_through(workflow.name, node_id, gate, run_id),
        )
        slots = self.settings.max_workers
        scheduler = Scheduler(services, journal, executors.get, self.executor, slots, recorded, self.runs)
        status: str = "failed"
        error: DovetailError | None = None
        artifacts: dict[str, Artifact] = {}
        try:
            journal.commit()
            scheduler.run(frame)
            artifacts, value = frame_result(frame, values)
            warned = journal.warnings + sum(r.report["decision"] != "publish" for r in self._earlier_reports(record))
            status = "succeeded_with_warnings" if warned else "succeeded"
        except BaseException as problem:
            status, error = _ending(problem, run_id)
            raise
        finally:
            journal.stop_pulse()
            executors.stop()
            for trouble in scope.close():
                log.warning("a resource of run %s could not be closed", run_id, exc_info=trouble)
            if not journal.lost:
                self._finish(journal, run_id, owner.id, status, error, artifacts)
        result = Slot(workflow.output, artifacts, value, lost=result_missing(frame))
        return RunResult(run_id, workflow.output, result, values, self.runs)

    def _finish(
        self,
        journal: Journal,
        run_id: str,
        owner_id: str,
        status: str,
        error: DovetailError | None,
        outputs: dict[str, Artifact],
    ) -> None:
        event = journal.last_event("run.finished", status=status)
        facts = redact_data(error.to_dict()) if error else None
        try:
            self.runs.finish(run_id, owner_id, status, facts, outputs, [event])
        except DovetailError as trouble:
            if error is None:
                raise
            # The first error is the one to be told; the lease runs out, and the run can be resumed.
            log.warning("the end of run %s could not be recorded: %s", run_id, trouble.what)
        journal.tell([event])

    def _earlier_reports(self, record: RunRecord) -> Iterable[Any]:
        return self.runs.reports(record.run_id) if record.claims > 1 else ()

    def _listeners(self) -> list[Observer]:
        def deliver(listener: Callable[..., Any]) -> Observer:
            return lambda event: listener(event=event_dict(event))

        return [*self.observers, *(deliver(listener) for listener in self.catalogue.listeners())]


def _at_hand(value: Any) -> Any:
    """The value of an input, where it is in memory."""
    return MISSING if isinstance(value, PublishedDataset) else value


def _ending(problem: BaseException, run_id: str) -> tuple[str, DovetailError]:
    """Status of a run that ended with this exception, and the error that is recorded."""
    if isinstance(problem, DovetailError):
        problem.details.setdefault("run_id", run_id)
        kinds = ((RunInterrupted, "cancelled"), (DataError, "blocked"), (DovetailError, "failed"))
        return next(status for kind, status in kinds if isinstance(problem, kind)), problem
    if isinstance(problem, Exception):
        why = f"{type(problem).__name__}: {problem}"
        return "failed", PlatformError("the run ended by a defect of dovetail", why=why)
    # Ctrl-C, or what a signal handler raises
    return "interrupted", RunInterrupted("the run was interrupted", fix=f"dovetail runs resume {run_id}")


class _Executors:
    """The executors of a run, started at first need."""

    def __init__(self, catalogue: Catalogue, slots: int) -> None:
        self._catalogue = catalogue
        self._slots = slots
        self._started: dict[str, Executor] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Executor:
        """The executor of this name.

        Raises:
            UsageError: Nobody brings it.
        """
        with self._lock:
            if name not in self._started:
                spec = self._catalogue.executor(name)
                loaded: Any = self._catalogue.load(spec.code, spec)
                executor: Executor = loaded()
                executor.start(self._slots)
                self._started[name] = executor
            return self._started[name]

    def stop(self) -> None:
        """Stop all; what goes wrong is logged, for the run must still be ended."""
        for name, executor in self._started.items():
            try:
                executor.stop()
            except Exception:
                log.exception("executor %r could not be stopped", name)


def new_run_id() -> str:
    """Sorts by time: ``20260131-235959-1a2b``."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def event_dict(event: EventRecord) -> dict[str, Any]:
    """An event as listeners of ``dovetail_on_event`` hear it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(event.time)) + f".{int(event.time % 1 * 1e6):06d}Z"
    return {
        "id": event.id,
        "type": event.type,
        "run_id": event.run_id,
        "node_id": event.node_id or None,
        "time": moment,
        "data": event.data,
    }
