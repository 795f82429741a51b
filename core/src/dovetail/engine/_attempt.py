"""One attempt of one node: inputs in, work, gates, output stored. Runs in a thread of an executor."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dovetail.config import Settings, redact
from dovetail.engine._datasets import Datasets, destined, handled
from dovetail.engine._downstream import Downstream, named_for
from dovetail.engine._export import export
from dovetail.engine._failures import user_failure
from dovetail.engine._isolated import Limits, Wires, gate_inputs, isolated, named, received_as, whole
from dovetail.engine._portable import portable
from dovetail.engine._spool import Spool
from dovetail.engine._values import MISSING, Refused
from dovetail.engine._work import Work, given_values, input_values, output_annotation, output_names, plain_output
from dovetail.errors import DovetailError, GateBlocked, TaskFailed, TaskTimeout
from dovetail.graph import (
    RESULT,
    CompiledTask,
    Dataset,
    NodeLeftOut,
    ResourceScope,
    Task,
    base_type,
    is_named_tuple,
    markers,
    run_job,
    work_of,
)
from dovetail.quality import Gate, Report, collect_reports, raise_for_decision
from dovetail.spec import Artifact, RemoteTaskType, TaskCall, TaskContext
from dovetail.store import NodeRecord, Publication, Staged

if TYPE_CHECKING:
    from dovetail.engine._values import Values
    from dovetail.env import Home

Call = Callable[..., dict[str, Any]]
log = logging.getLogger("dovetail.task")
_GRACE = 2.0


@dataclass(slots=True)
class Services:
    """What the attempts of one run share."""

    run_id: str
    workflow: str
    values: Values
    scope: ResourceScope
    settings: Settings
    datasets: Datasets
    cancelled: threading.Event
    save_handle: Callable[[Work, Any], None]
    on_output: Callable[[str, str, str], None]
    plugins: tuple[object, ...] = ()
    home: Callable[[Work], Home | None] = lambda work: None
    """The environment that a node's task is run in; None: in this process, or wherever its executor has put it."""
    payloads: dict[Task[..., Any], bytes] = field(default_factory=dict)
    earlier: Callable[[str, str, str, str], list[float]] | None = None
    """Values of a check (its id, gate, dataset) in other runs than the one that is named."""
    previous: Callable[[str, str], Iterable[tuple[str, NodeRecord]]] = lambda node_id, gate: ()
    """Earlier runs in which a gate let a value through at a node, the newest first, with that node."""


@dataclass(slots=True)
class Outcome:
    """What came of an attempt."""

    started: float
    ended: float = 0.0
    value: Any = None
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    bridged: dict[str, Any] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    kept: list[Artifact] = field(default_factory=list)
    staged: list[Staged] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    passed: dict[str, Artifact] = field(default_factory=dict)
    """What gates of inputs let through, by gate, where a later run may want it."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Inputs that a gate refused, and what the task was given instead."""
    refused: Refused | None = None
    refusal: GateBlocked | None = None
    left_out: str = ""
    error: DovetailError | None = None


class NodeAttempt:
    """One attempt of a task or gate node."""

    __slots__ = ("_cancel", "_outcome", "_services", "_spool", "_work", "node_id", "timeout")

    def __init__(self, work: Work, services: Services) -> None:
        self._work = work
        self._services = services
        self.node_id = work.id
        self.timeout = work.node.options.timeout
        self._outcome = Outcome(0.0)
        self._cancel: Callable[[], None] | None = None
        self._spool = Spool(services.values.store)

    def cancel(self) -> None:
        """From another thread: ask the task type to stop the work, where its engine can. What it raises is logged."""
        if self._cancel is not None:
            try:
                self._cancel()
            except Exception:
                log.exception("node %r could not be cancelled", self.node_id)

    def run(self, call: Call | None = None) -> Outcome:
        """Run it; user, data and platform failures are in the outcome, only an interrupt of the main thread is raised."""
        outcome = self._outcome = Outcome(time.time())
        try:
            if self._work.task is None:
                self._run_gate()
            else:
                self._run_task(self._work.task.compiled(), call)
        except NodeLeftOut as reason:
            outcome.left_out = str(reason)
        except DovetailError as error:
            error.who = error.who or f"node {self.node_id!r}"
            outcome.error = error
        except BaseException as error:  # engines raise panics that are no Exception
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise
            outcome.error = user_failure(self.node_id, self._work.name, error)
        finally:
            self._spool.remove()
        outcome.ended = time.time()
        return outcome

    def _run_gate(self) -> None:
        work, values = self._work, self._services.values
        value = values.types.accept(input_values(work, values)["value"], plain_output(work))
        self._finish(self._gate(work.node.target, value))

    def _run_task(self, compiled: CompiledTask, call: Call | None) -> None:
        work, services = self._work, self._services
        if handled(work, services.datasets, services.values, self._outcome):
            self._outcome.value = MISSING  # loaded by whoever needs it
            return
        home = None if isinstance(compiled.task_type, RemoteTaskType) else services.home(work)
        if home is not None:
            self._finish(self._isolated(compiled, self._context(), home))
            return
        away = call is not None and compiled.task_type.in_process
        # What lies in the store is loaded by the process that does the work, unless a gate here looks at it.
        inputs = input_values(work, services.values, unless_stored=away and not compiled.has_input_gates)
        context = self._context()
        if call is not None and away:
            value = self._elsewhere(compiled, inputs, context, call)
        else:
            inputs = compiled.convert_inputs(inputs, self._gate) if compiled.task.interface.inputs else {}
            value = compiled.convert_output(self._here(compiled, inputs, context))
        self._finish(compiled.gate_output(value, self._gate) if compiled.gated else value)

    def _context(self) -> TaskContext:
        work, services = self._work, self._services
        return TaskContext(
            node_id=work.id,
            run_id=services.run_id,
            attempt=work.attempt,
            idempotency_key=f"{services.run_id}/{work.id}",
            settings=services.settings,
            log=log,
            cancelled=services.cancelled.is_set,
        )

    def _isolated(self, compiled: CompiledTask, context: TaskContext, home: Home) -> Any:
        """The work in the worker of an environment; its outputs are stored there, its gates evaluated here."""
        services, values, outcome = self._services, self._services.values, self._outcome
        work = isolated(services.scope).work(compiled, home, context)
        self._cancel = work.cancel
        gated = compiled.has_input_gates
        given = input_values(self._work, values) if gated else given_values(self._work, values)
        given = gate_inputs(compiled, given, self._gate)
        limits = Limits(self.timeout, self._work.node.options.memory)
        try:
            wires: Wires = "all" if compiled.gated else "tables"
            done = work(given, limits, self._show, store=values.store, wires=wires)
        except TaskFailed as error:
            raise named(error, f"node {self.node_id!r}", f"task {self._work.name!r}") from None
        outcome.artifacts = done.artifacts
        if not compiled.gated:
            outcome.bridged = done.values
            return MISSING  # loaded by whoever needs it here
        before = whole(compiled.task, done.values)
        value = compiled.gate_output(before, self._gate)
        if value is before:
            return value
        # What a gate took rows from is stored anew; as Arrow, where this process does not know its type.
        several = is_named_tuple(type(value))
        for name in done.values:
            part = getattr(value, name) if several else value
            if part is not done.values[name]:
                annotation = compiled.task.interface.outputs[name]
                outcome.artifacts[name] = values.dump_one(part, annotation if received_as(annotation) else type(part))
        return value

    def _show(self, stream: str, line: str) -> None:
        self._services.on_output(self.node_id, stream, redact(line))

    def _here(self, compiled: CompiledTask, inputs: dict[str, Any], context: TaskContext) -> Any:
        with collect_reports() as told:
            try:
                return self._worked(compiled, inputs, context)
            finally:  # a task type may hold what it writes to a gate, in the name of this node
                self._outcome.reports += [report for report in told if report.node_id == self.node_id]

    def _worked(self, compiled: CompiledTask, inputs: dict[str, Any], context: TaskContext) -> Any:
        if not compiled.plain:
            self._cancel = lambda: compiled.cancel(inputs, context, self._services.scope)
        if isinstance(compiled.task_type, RemoteTaskType):
            return self._job(compiled.task_type, compiled.call(inputs, context, self._services.scope))
        if self.timeout is None:
            return compiled.work(inputs, context, self._services.scope)
        # The work may hold a session, so it cannot be moved to a process that is killed: it is told to stop, and left
        # behind if it does not.
        context_of = contextvars.copy_context()
        done: Future[Any] = Future()
        scope = self._services.scope
        if compiled.takes_turns:
            scope.take_turn(compiled.task_type, context.cancelled)  # waiting for it does not count

        def work() -> None:
            try:
                result = context_of.run(compiled.work_now, inputs, context, scope)
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(result)
            finally:
                if compiled.takes_turns:
                    scope.end_turn(compiled.task_type)

        threading.Thread(target=work, name=f"dovetail-{self.node_id}", daemon=True).start()
        if not wait([done], self.timeout).done:
            self.cancel()
            if not wait([done], _GRACE).done and compiled.takes_turns:
                scope.stuck(compiled.task_type)
            raise TaskTimeout(f"node {self.node_id!r} ran longer than its timeout of {self.timeout:g} s")
        return done.result()

    def _job(self, kind: RemoteTaskType, call: TaskCall) -> Any:
        work = self._work

        def submitted(handle: Any) -> None:
            work.handle = handle
            self._services.save_handle(work, handle)

        try:
            return run_job(kind, call, work.handle, submitted, self.timeout)
        finally:
            work.handle = None  # a retry submits anew

    def _elsewhere(self, compiled: CompiledTask, inputs: dict[str, Any], context: TaskContext, call: Call) -> Any:
        services = self._services
        inputs = compiled.gate_inputs(inputs, self._gate)
        payload, request = portable(
            self._work, compiled, inputs, context, services.values, services.payloads, services.plugins
        )
        memory = self._work.node.options.memory
        limits = {} if memory is None else {"memory": memory}
        try:
            with work_of(context):
                reply = call(payload, request, timeout=self.timeout, job=self.node_id, on_output=self._show, **limits)
        except TaskFailed as error:
            raise named(error, f"node {self.node_id!r}", f"task {self._work.name!r}") from None
        artifacts = {name: Artifact.from_dict(data) for name, data in reply["outputs"].items()}
        if not compiled.gated and not self._datasets():
            self._outcome.artifacts = artifacts
            return MISSING  # loaded by whoever needs it here
        return services.values.fresh(output_annotation(self._work), artifacts)

    def _gate(self, gate: Gate, value: Any) -> Any:
        services, outcome = self._services, self._outcome
        values = services.values

        def keep(table: Any, meta: dict[str, Any]) -> Artifact:
            artifact = values.types.dump(table, type(table), values.store)
            outcome.kept.append(artifact)
            return artifact

        dataset = self._dataset_facts()
        earlier = services.earlier
        with named_for(self._work, services, gate):
            result = gate.evaluate(
                value,
                types=values.types,
                run_id=services.run_id,
                node_id=self.node_id,
                attempt=self._work.attempt,
                dataset=dataset,
                quarantine=keep,
                history=earlier and (lambda check: earlier(check, gate.name, dataset["name"], services.run_id)),
                place=self._spool.place,
            )
        outcome.reports.append(result.report)
        downstream = Downstream(self._work, services, outcome)
        try:
            raise_for_decision(result.report)
        except GateBlocked as error:
            value = value if result.refused is None else result.refused
            self._keep_refused(gate, value, error)
            error.who = f"node {self.node_id!r}" + (f", evaluated by {error.who}" if error.who else "")
            return downstream.refused(gate, value, error)
        downstream.passed(gate, result.value)
        return result.value

    def _keep_refused(self, gate: Gate, value: Any, error: GateBlocked) -> None:
        values = self._services.values
        try:
            staged = values.types.dump(value, type(value), values.store)
        except DovetailError as trouble:
            log.warning("what gate %r refused could not be kept: %s", gate.name, trouble.what)
        else:
            self._outcome.kept.append(staged)
            self._services.datasets.refuse(staged, error.what)
            name = self._dataset_facts()["name"]
            self._outcome.staged.append(Staged(self.node_id, gate.name, staged.id, name))
            error.details["staged"] = staged.id

    def _dataset_facts(self) -> dict[str, Any]:
        found = self._datasets()
        return {
            "namespace": self._services.workflow,
            "name": found[0][1].name if found else destined(self._work) or f"{self._services.workflow}/{self.node_id}",
        }

    def _datasets(self) -> list[tuple[str, Dataset]]:
        work = self._work
        annotation = output_annotation(work)
        places = output_names(work).items() if is_named_tuple(base_type(annotation)) else [(RESULT, annotation)]
        return [(name, m) for name, a in places for m in markers(a) if isinstance(m, Dataset)]

    def _finish(self, value: Any) -> None:
        """Store the output, then export and publish it; the node is committed by the scheduler."""
        work, outcome, values = self._work, self._outcome, self._services.values
        annotation = output_annotation(work)
        if not outcome.artifacts:
            outcome.artifacts = values.dump(value, annotation, output_names(work))
        outcome.value = self._spool.outliving(value)
        if outcome.refused is None:
            self._publish(outcome)

    def reuse(self, artifacts: dict[str, Artifact], reports: list[Report]) -> Outcome:
        """The outcome of a node whose outputs were found in the cache: published anew, with the reports of its gates."""
        now = time.time()
        outcome = Outcome(now, artifacts=artifacts)
        for report in reports:
            origin = report.run_id
            report.run_id, report.node_id, report.attempt = self._services.run_id, self.node_id, self._work.attempt
            report.reason = f"{report.reason} (evaluated in run {origin}, whose output is used again)"
            outcome.reports.append(report)
        self._publish(outcome)
        outcome.ended = time.time()
        return outcome

    def _publish(self, outcome: Outcome) -> None:
        work, values = self._work, self._services.values
        for name, dataset in self._datasets():
            artifact = outcome.artifacts[name]
            values.store.persist(artifact)
            path = None
            if dataset.path is not None:
                path = str(export(artifact, dataset.path, values.store, self._services.settings.project_root))
            gates = tuple((work.id, report.gate) for report in outcome.reports)
            outcome.publications.append(Publication(dataset.name, work.id, name, artifact, path, gates=gates))
