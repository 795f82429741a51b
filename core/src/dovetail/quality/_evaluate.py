"""One evaluation of a gate: convert, evaluate, label, decide, set aside, let through."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConversionError, DovetailError, PlatformError, UnknownType
from dovetail.quality import _rows
from dovetail.quality._lookup import (
    catalogue_of,
    engine_version,
    find_frame_spec,
    find_spec,
    load_engine,
    suite_name,
    suite_version,
)
from dovetail.quality._outcomes import Judged, judge, judge_stable, suite_error
from dovetail.quality._policy import Finding, Verdict, decide
from dovetail.quality._quarantine import quarantine_table
from dovetail.quality._references import with_references
from dovetail.quality._report import Report
from dovetail.quality._sample import add_samples
from dovetail.quality._stable import History
from dovetail.quality.checks import Suite
from dovetail.spec import CheckEngine, TypeRef
from dovetail.types import TypeEngine

if TYPE_CHECKING:
    from dovetail.quality._gate import Gate
    from dovetail.spec import Artifact, CheckOutcome, TypeTransformer

ARROW = "pyarrow.Table"


@dataclass(slots=True)
class GateResult:
    """What came of one evaluation.

    Attributes:
        value: What may be published: the value itself or its clean rows; None when the gate blocks.
        report: The result record.
        quarantined: The failing rows that were set aside (``pyarrow.Table``), or None. When the gate blocks these are the
            rows that failed, for people to look at.
        removed: Ordinals of the rows that were taken away from what may be published (ascending int64 Arrow array).
    """

    value: Any
    report: Report
    quarantined: Any = None
    removed: Any = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where an evaluation happens."""

    run_id: str | None = None
    node_id: str = ""
    attempt: int = 1
    dataset: dict[str, Any] | None = None
    history: History | None = None


Quarantine = Callable[[Any, dict[str, Any]], "Artifact | None"]


def evaluate(gate: Gate, value: Any, types: TypeEngine, where: Where, quarantine: Quarantine | None) -> GateResult:
    """See :meth:`Gate.evaluate`."""
    started, cpu = datetime.now(UTC), time.thread_time()
    catalogue = catalogue_of(types)
    engine = load_engine(find_spec(gate.suite, catalogue), catalogue)
    version = suite_version(engine, gate.suite)
    gate = with_references(gate, types)
    table = _Table.of(value, types, gate.name)
    engine = _where_the_data_are(engine, gate.suite, table, types)
    judged = _judge(gate, table, engine, types)
    judged += judge_stable(judged, gate.policy, where.history)
    removable = [j for j in judged if j.report.status == "fail" and j.report.row_scoped]
    bad = _rows.union(j.rows for j in judged if j.report.row_scoped and j.report.status in ("fail", "warn"))
    removed = _rows.union(j.rows for j in removable) if gate.policy.takes_rows else bad.slice(0, 0)
    findings = [Finding(j.report.name, j.report.status, j.report.row_scoped) for j in judged]
    verdict = decide(findings, gate.policy, table.rows, len(removed))
    report = _report(gate, verdict, version, [j.report for j in judged], engine, table, where)
    report.rows_failed = len(bad)
    add_samples(gate, judged, table.base, table.transformer)
    aside = None
    if gate.policy.on_fail == "quarantine" or verdict.decision == "block":
        aside = _set_aside(verdict, table, removable, report, started, quarantine)
    result = _let_through(gate, verdict, value, table, removed, report, types)
    report.started, report.ended = started.isoformat(), datetime.now(UTC).isoformat()
    report.cpu_ms = round((time.thread_time() - cpu) * 1000, 3)
    taken = removed if verdict.decision == "publish_clean_quarantine_rest" else None
    return GateResult(result, report, aside, taken)


def _where_the_data_are(engine: CheckEngine, suite: Any, table: _Table, types: TypeEngine) -> CheckEngine:
    """The engine that evaluates a native suite on a frame as it is, if a plugin brings one; counts are the same everywhere."""
    if not isinstance(suite, Suite):
        return engine
    catalogue = catalogue_of(types)
    spec = find_frame_spec(table.transformer.type_name, catalogue, table.rows)
    return engine if spec is None else load_engine(spec, catalogue)


@dataclass(slots=True)
class _Table:
    """The value as rows: for a lazy value the rows it was collected to, so that what was checked is what is published."""

    type_name: str
    base: Any
    transformer: TypeTransformer
    rows: int
    lazy: bool

    @classmethod
    def of(cls, value: Any, types: TypeEngine, gate: str) -> _Table:
        transformer = types.transformer_for(value)
        name, base, lazy = transformer.type_name, value, transformer.lazy
        if not transformer.is_table:
            raise _no_table(name, gate)
        if lazy:
            base = types.convert(value, TypeRef(_eager_sibling(name, types)))
            transformer = types.transformer_for(base)
        rows = transformer.num_rows(base)
        if rows is None:
            raise PlatformError(f"the transformer of {name} does not count rows", fix="implement its num_rows()")
        return cls(name, base, transformer, rows, lazy)


def _no_table(name: str, gate: str, why: str | None = None) -> ConversionError:
    return ConversionError(
        f"gate {gate!r} looks at tables; what it stands behind is {name}",
        why=why,
        fix="put the gate on an output or input that is a table, or take it off",
    )


def _eager_sibling(name: str, types: TypeEngine) -> str:
    """The table type that a lazy one is collected to: of the same library where there is one, else Arrow."""
    package = name.partition(".")[0]
    for other in catalogue_of(types).transformers():
        if other != name and other.partition(".")[0] == package:
            sibling = types.transformer_named(other)
            if sibling.is_table and not sibling.lazy:
                return other
    return ARROW


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
        raise _no_table(types.type_name(annotation), gate, refused.what) from refused


def _judge(gate: Gate, table: _Table, engine: CheckEngine, types: TypeEngine) -> list[Judged]:
    """The outcome of every check, verified and measured against its thresholds; a failure to evaluate is one outcome."""
    outcomes: list[CheckOutcome]
    try:
        frames = engine.frames(gate.suite)
        own = table.transformer.type_name
        frame = table.base if own in frames else _convert(table.base, frames, types)
        outcomes = engine.evaluate(gate.suite, frame)
    except Exception as error:  # whatever the engine or its library raises: not evaluated, so it blocks
        if isinstance(error, DovetailError) and error.kind == "platform":
            raise
        outcomes = [suite_error(gate.name, error)]
    return judge(outcomes, gate.policy, table.rows, suite_name(gate.suite))


def _convert(base: Any, frames: Sequence[str], types: TypeEngine) -> Any:
    refused: ConversionError | None = None
    for frame in frames:
        try:
            return types.convert(base, TypeRef(frame))
        except ConversionError as error:
            refused = refused or error
    raise refused or PlatformError("the check engine names no frame that it looks at", fix="implement its frames()")


def _report(
    gate: Gate, verdict: Verdict, version: str, checks: list[Any], engine: CheckEngine, table: _Table, where: Where
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
    table: _Table,
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
        original = table.transformer.to_arrow(table.transformer.take_rows(table.base, _rows.as_sequence(bad)))
    except Exception as error:  # values of mixed kinds in one column, for example
        if verdict.decision != "block":
            raise
        report.reason += f"; the failing rows could not be kept ({type(error).__name__})"
        return None  # nothing is published anyway, and that is what must be said
    if original.num_rows != len(bad):
        raise _unbalanced(report, f"{len(bad)} rows failed, {original.num_rows} would be quarantined")
    aside = quarantine_table(original, bad, labelled, report.run_id, at)
    if quarantine is not None:
        meta = {
            "gate": report.gate,
            "run_id": report.run_id,
            "node_id": report.node_id,
            "attempt": report.attempt,
            "decision": verdict.decision,
            "rows": aside.num_rows,
        }
        artifact = quarantine(aside, meta)
        report.quarantine = artifact.to_dict() if artifact is not None else None
    return aside


def _let_through(
    gate: Gate, verdict: Verdict, value: Any, table: _Table, removed: Any, report: Report, types: TypeEngine
) -> Any:
    """The value that may be published, with the row counts of the report; rows are neither lost nor doubled."""
    if verdict.decision == "block":
        report.rows_blocked = table.rows
        return None
    if verdict.decision != "publish_clean_quarantine_rest":
        report.rows_clean = table.rows
        return types.convert(table.base, TypeRef(table.type_name)) if table.lazy else value
    clean = table.transformer.take_rows(table.base, _rows.as_sequence(_rows.complement(removed, table.rows)))
    report.rows_clean = table.transformer.num_rows(clean) or 0
    if gate.policy.on_fail == "quarantine":
        report.rows_quarantined = len(removed)
    else:
        report.rows_dropped = len(removed)
    if report.rows_clean + len(removed) != report.rows_in:
        raise _unbalanced(report, f"{report.rows_in} in, {report.rows_clean} clean, {len(removed)} taken away")
    return types.convert(clean, TypeRef(table.type_name)) if table.lazy else clean


def _unbalanced(report: Report, why: str) -> PlatformError:
    return PlatformError(
        f"gate {report.gate!r} would lose or double rows, so nothing is published",
        who=f"{report.value_type} transformer",
        why=why,
        fix="report this as a bug of the plugin that brings the transformer",
    )
