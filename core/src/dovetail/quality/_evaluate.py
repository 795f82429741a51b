"""One evaluation of a gate: convert, evaluate, label, decide, set aside, let through."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConversionError, DovetailError, PlatformError, UnknownType
from dovetail.quality import _rows
from dovetail.quality._in_memory import InMemory, no_table
from dovetail.quality._lookup import catalogue_of, engine_version, find_spec, load_engine, suite_name, suite_version
from dovetail.quality._on_disk import OnDisk, is_native, staged_rows
from dovetail.quality._outcomes import Judged, judge, judge_stable, suite_error
from dovetail.quality._policy import Finding, Verdict, decide
from dovetail.quality._quarantine import label_table, quarantined_rows
from dovetail.quality._references import with_references
from dovetail.quality._report import Report
from dovetail.quality._sample import add_samples, profile_of
from dovetail.quality._stable import History
from dovetail.quality.checks import Suite
from dovetail.spec import CheckEngine, TypeRef
from dovetail.types import TypeEngine
from dovetail.types.table_files import Place

if TYPE_CHECKING:
    from dovetail.quality._gate import Gate
    from dovetail.spec import Artifact, CheckOutcome


@dataclass(slots=True)
class GateResult:
    """What came of one evaluation.

    Attributes:
        value: What may be published: the value itself or its clean rows; None when the gate blocks.
        report: The result record.
        quarantined: The failing rows that were set aside, or None: a ``pyarrow.Table``, or, of a plan or stream with many of
            them, a ``pyarrow.RecordBatchReader``. When the gate blocks these are the
            rows that failed, for people to look at.
        removed: Ordinals of the rows that were taken away from what may be published (ascending int64 Arrow array).
        labels: With ``rows_stay``: the failing rows by ordinal, as :func:`label_table` tells them; None if there are none.
        refused: When the gate blocks: the rows that it looked at. A plan or stream is not to be run again for them.
    """

    value: Any
    report: Report
    quarantined: Any = None
    removed: Any = None
    refused: Any = None
    labels: Any = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where an evaluation happens."""

    run_id: str | None = None
    node_id: str = ""
    attempt: int = 1
    dataset: dict[str, Any] | None = None
    history: History | None = None
    place: Place | None = None
    rows_stay: bool = False


Quarantine = Callable[[Any, dict[str, Any]], "Artifact | None"]


def evaluate(gate: Gate, value: Any, types: TypeEngine, where: Where, quarantine: Quarantine | None) -> GateResult:
    """See :meth:`Gate.evaluate`."""
    started, cpu = datetime.now(UTC), time.thread_time()
    catalogue = catalogue_of(types)
    engine = load_engine(find_spec(gate.suite, catalogue), catalogue)
    version = suite_version(engine, gate.suite)
    gate = with_references(_with_limits(gate, engine), types)
    table = _rows_of(value, gate.suite, types, gate.name, where.place)
    engine = table.engine(engine, gate.suite)
    if isinstance(table, OnDisk):
        table.run(engine, gate.suite)
    judged = _judge(gate, table, engine)
    judged += judge_stable(judged, gate.policy, where.history)
    removable = [j for j in judged if j.report.status == "fail" and j.report.row_scoped]
    bad = _rows.union(j.rows for j in judged if j.report.row_scoped and j.report.status in ("fail", "warn"))
    removed = _rows.union(j.rows for j in removable) if gate.policy.takes_rows else bad.slice(0, 0)
    findings = [Finding(j.report.name, j.report.status, j.report.row_scoped) for j in judged]
    verdict = decide(findings, gate.policy, table.rows, len(removed))
    report = _report(gate, verdict, version, [j.report for j in judged], engine, table, where)
    report.rows_failed = len(bad)
    add_samples(gate, judged, table)
    report.profile = profile_of(gate, table)
    aside = labels = None
    if where.rows_stay:
        labels = label_table([(j.report.check_id, j.rows) for j in removable], where.run_id, started)
    elif gate.policy.on_fail == "quarantine" or verdict.decision == "block":
        aside = _set_aside(verdict, table, removable, report, started, quarantine)
    result = _let_through(gate, verdict, value, table, removed, report)
    report.started, report.ended = started.isoformat(), datetime.now(UTC).isoformat()
    report.cpu_ms = round((time.thread_time() - cpu) * 1000, 3)
    taken = removed if verdict.decision == "publish_clean_quarantine_rest" else None
    return GateResult(result, report, aside, taken, _refused(verdict, value, table, where), labels=labels)


def _with_limits(gate: Gate, engine: CheckEngine) -> Gate:
    """The gate with the limits that its suite sets itself, behind its own."""
    limits = engine.thresholds(gate.suite)
    if not limits:
        return gate
    limited = copy.copy(gate)
    object.__setattr__(limited, "policy", gate.policy.with_thresholds(limits))
    return limited


def _rows_of(value: Any, suite: Any, types: TypeEngine, gate: str, place: Place | None) -> InMemory | OnDisk:
    """The rows of a value: in memory, or, where they are many and come as a stream, on their way to a file."""
    transformer = types.transformer_for(value)
    if not (transformer.is_table and transformer.lazy and is_native(suite)):
        return InMemory.of(value, types, gate)
    on_disk, few = staged_rows(value, types, place)
    return on_disk if on_disk is not None else InMemory.of(value, types, gate, few)


def convertible(types: TypeEngine, annotation: Any, frames: Sequence[str], gate: str) -> None:
    """Check that a value of the annotated type converts to one of the frames.

    Args:
        types: The type engine.
        annotation: What the gate stands behind.
        frames: Names of the tables that the gate's engine looks at.
        gate: Name of the gate.

    Raises:
        ConversionError: It converts to none of them.
        UnknownType: Nobody knows the annotated type.
    """
    refused: ConversionError | None = None
    for frame in frames:
        try:
            types.check_edge(annotation, TypeRef(frame))
            return
        except ConversionError as error:
            refused = refused or error
    if isinstance(refused, UnknownType):
        raise refused
    if refused is not None:
        raise no_table(types.type_name(annotation), gate, refused.what) from refused


def _judge(gate: Gate, table: InMemory | OnDisk, engine: CheckEngine) -> list[Judged]:
    """The outcome of every check, verified and measured against its thresholds; a failure to evaluate is one outcome."""
    outcomes: list[CheckOutcome]
    try:
        outcomes = table.outcomes(engine, gate.suite)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the engine or its library raises: not evaluated, so it blocks
        if isinstance(error, DovetailError) and error.kind == "platform":
            raise
        outcomes = [suite_error(gate.name, error)]
    asked = [check.info for check in gate.suite.checks] if isinstance(gate.suite, Suite) else []
    return judge(outcomes, gate.policy, table.rows, suite_name(gate.suite), asked)


def _report(
    gate: Gate,
    verdict: Verdict,
    version: str,
    checks: list[Any],
    engine: CheckEngine,
    table: InMemory | OnDisk,
    where: Where,
) -> Report:
    return Report(
        gate=gate.name,
        version=version,
        decision=verdict.decision,
        reason=verdict.reason,
        policy=gate.policy.to_dict(),
        suite=suite_name(gate.suite),
        engine={"name": engine.name, "version": engine_version(engine)},
        checks=checks,
        rows_in=table.rows,
        run_id=where.run_id,
        node_id=where.node_id,
        attempt=where.attempt,
        dataset=where.dataset,
        value_type=table.type_name,
    )


def _set_aside(
    verdict: Verdict,
    table: InMemory | OnDisk,
    removable: Sequence[Judged],
    report: Report,
    at: datetime,
    quarantine: Quarantine | None,
) -> Any:
    """Write the failing rows before the clean ones are let through. What goes wrong here is raised."""
    labelled = [(j.report.check_id, j.rows) for j in removable if len(j.rows)]
    bad = _rows.union(rows for _, rows in labelled)
    if not len(bad):
        return None
    try:
        aside, count = quarantined_rows(table, bad, labelled, report.run_id, at)
    except Exception as error:  # values of mixed kinds in one column, for example
        if verdict.decision != "block":
            raise
        report.reason += f"; the failing rows could not be kept ({type(error).__name__})"
        return None  # nothing is published anyway, and that is what must be said
    if count != len(bad):
        raise _unbalanced(report, f"{len(bad)} rows failed, {count} would be quarantined")
    if quarantine is not None:
        meta = {
            "gate": report.gate,
            "run_id": report.run_id,
            "node_id": report.node_id,
            "attempt": report.attempt,
            "decision": verdict.decision,
            "rows": count,
        }
        artifact = quarantine(aside, meta)
        report.quarantine = artifact.to_dict() if artifact is not None else None
    return aside


def _let_through(
    gate: Gate, verdict: Verdict, value: Any, table: InMemory | OnDisk, removed: Any, report: Report
) -> Any:
    """The value that may be published, with the row counts of the report; rows are neither lost nor doubled."""
    if verdict.decision == "block":
        report.rows_blocked = table.rows
        return None
    if verdict.decision != "publish_clean_quarantine_rest":
        report.rows_clean = table.rows
        return table.whole(value)
    clean, report.rows_clean = table.without(removed)
    if gate.policy.on_fail == "quarantine":
        report.rows_quarantined = len(removed)
    else:
        report.rows_dropped = len(removed)
    if report.rows_clean + len(removed) != report.rows_in:
        raise _unbalanced(report, f"{report.rows_in} in, {report.rows_clean} clean, {len(removed)} taken away")
    return clean


def _refused(verdict: Verdict, value: Any, table: InMemory | OnDisk, where: Where) -> Any:
    """What the gate looked at and refused, where ``value`` would have to be run again to tell."""
    if verdict.decision != "block":
        return None
    if isinstance(table, OnDisk) and where.place is None:
        table.drop()  # nobody waits for it
        return None
    return table.refused(value)


def _unbalanced(report: Report, why: str) -> PlatformError:
    return PlatformError(
        f"gate {report.gate!r} would lose or double rows, so nothing is published",
        who=f"{report.value_type} transformer",
        why=why,
        fix="report this as a bug of the plugin that brings the transformer",
    )
