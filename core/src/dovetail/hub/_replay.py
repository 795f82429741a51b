"""Rows that were set aside, mended: the same gate looks at them again, and what passes joins the dataset."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dovetail.engine import export, new_run_id
from dovetail.errors import DovetailError, PlatformError
from dovetail.graph import Workflow
from dovetail.hub._guards import Guard, find_guard
from dovetail.hub._replayed import ADDED, NODE, RESULT, WORKFLOW, Standing, standing
from dovetail.quality import Mended, Report, read_mended
from dovetail.spec import Artifact, TypeRef
from dovetail.store import (
    Batch,
    DatasetVersion,
    EventRecord,
    NewRun,
    NodeUpdate,
    Publication,
    Quarantined,
    ReportRecord,
    current_owner,
)
from dovetail.types import whole_files

if TYPE_CHECKING:
    from dovetail.hub._hub import Hub


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay. Rows given are always ``passed + failing + already``.

    Attributes:
        given: Rows of the mended table.
        passed: Rows that pass and are, or would be, appended.
        failing: Rows that still fail a check.
        already: Rows that an earlier replay has appended to this dataset.
        rows: The failing rows (``pyarrow.Table``) with ``_dv_row`` and ``_dv_checks``; None if there are none.
        report: What the gate says of the dataset with the rows that pass; of these rows alone where ``base`` is None.
        base: The version of the dataset that the rows join; None where the gate guards no published dataset.
        version: The version that was published, or None.
        run_id: The run that records the publication, or None.
    """

    given: int
    passed: int
    failing: int
    already: int
    rows: Any
    report: Report | None
    base: DatasetVersion | None
    version: DatasetVersion | None = None
    run_id: str | None = None


def replay(
    hub: Hub,
    entry: Quarantined,
    artifact: Artifact,
    table: Any,
    *,
    publish: bool = False,
    onto_current: bool = False,
    workflow: Workflow[..., Any] | None = None,
) -> Replay:
    """Put mended rows through the gate that set them aside.

    A row is known by ``_dv_row`` and its run. The rows are looked at together with the dataset that they would join, so a
    key that is taken there fails; a check for which rows were set aside tolerates no failure among them. Doing it twice
    appends nothing twice.

    Args:
        hub: Holds the stores.
        entry: What was set aside.
        artifact: Where it is kept.
        table: The mended rows (``pyarrow.Table``): all columns, and ``_dv_row``.
        publish: Append the rows that pass: a new version of the dataset, if its current one is still that which was looked at
            and the gate, asked for the whole, does not block.
        onto_current: Append also to a version that another run has published since.
        workflow: The workflow of the run. Default: loaded from its source.

    Raises:
        UsageError: The rows are none of those; the gate cannot be found again; there is nothing to append to, or it has
            changed meanwhile.
        DataError: The mended rows have other columns or types.
        PlatformError: Rows would be lost or doubled; nothing is published.
    """
    with hub._in_use():
        guard = find_guard(hub.runs.get_run(entry.run_id), entry.node_id, entry.gate, workflow)
        mended = read_mended(hub.types.load(artifact, hub.artifacts), table)
        state = standing(hub.runs, hub.types, hub.artifacts, entry, guard, onto_current=onto_current, must=publish)
        base = None
        if state.base is not None:
            base = hub.types.load(state.base.artifact, hub.artifacts, TypeRef("pyarrow.Table"))
        new = mended.without(state.already)
        good, bad = new.sift(guard.gate, base, hub.types)
        report, whole = _audit(hub, guard, state, base, good, entry)
        done = Replay(
            given=mended.rows.num_rows,
            passed=good.rows.num_rows,
            failing=0 if bad is None else bad.num_rows,
            already=mended.rows.num_rows - new.rows.num_rows,
            rows=bad,
            report=report,
            base=state.base,
        )
        if done.given != done.passed + done.failing + done.already:
            raise _unbalanced(
                f"{done.given} rows given: {done.passed} pass, {done.failing} fail, {done.already} are there"
            )
        if not publish or not done.passed or report is None or report.blocked or state.base is None:
            return done
        return _published(hub, entry, done, state.base, whole, good)


def _audit(
    hub: Hub, guard: Guard, state: Standing, base: Any, good: Mended, entry: Quarantined
) -> tuple[Report | None, Any]:
    """What the gate says of the table that would be published, as its policy is; and that table."""
    if not good.rows.num_rows:
        return None, None
    whole = good.rows if base is None else good.joined(base)
    if base is not None and whole.num_rows != base.num_rows + good.rows.num_rows:
        raise _unbalanced(f"{base.num_rows} and {good.rows.num_rows} rows would become {whole.num_rows}")
    gate = guard.gate if guard.gate.policy.on_fail == "warn" else guard.gate.with_options(on_fail="block")
    if base is None:
        gate = gate.with_options(min_rows=0)
    name = entry.dataset if state.base is None else state.base.name
    result = gate.evaluate(
        whole,
        types=hub.types,
        node_id=NODE,
        dataset={"name": name},
        history=lambda check: hub.runs.earlier_values(check, entry.gate, name, entry.run_id),
    )
    return result.report, whole


def _published(hub: Hub, entry: Quarantined, done: Replay, base: DatasetVersion, whole: Any, good: Mended) -> Replay:
    """Append, record and publish, in one commit."""
    types, store, runs = hub.types, hub.artifacts, hub.runs
    value = types.convert(whole, TypeRef(base.artifact.type))
    if types.transformer_for(value).num_rows(value) not in (None, whole.num_rows):
        raise _unbalanced(f"{whole.num_rows} rows became another number as {base.artifact.type}")
    with whole_files():
        result = types.dump(value, TypeRef(base.artifact.type), store)
    added = types.dump(good.told(), TypeRef("pyarrow.Table"), store)
    for artifact in (result, added):
        store.persist(artifact)
    run_id, owner = f"replay-{new_run_id()}", current_owner()
    options = {"of_run": entry.run_id, "quarantine": entry.artifact_id, "base": base.version}
    runs.create_run(NewRun(run_id, WORKFLOW, {"replay": entry.artifact_id}, options=options))
    moment = runs.claim(run_id, owner, hub.settings.lease_seconds).started
    assert done.report is not None  # whoever publishes has asked the gate
    done.report.run_id = run_id
    node = NodeUpdate(NODE, WORKFLOW, "succeeded", started=moment, ended=moment, outputs={RESULT: result, ADDED: added})
    audits = ((NODE, done.report.gate),)
    publication = Publication(base.name, NODE, RESULT, result, base.path, expected=base.version, gates=audits)
    record = ReportRecord(NODE, done.report.gate, done.report.to_dict())
    facts = {"of_run": entry.run_id, "of_node": entry.node_id, "gate": entry.gate, "rows": done.passed}
    events = (
        EventRecord("quarantine.replayed", facts, NODE),
        EventRecord("dataset.published", {"name": base.name, "artifact": result.id}, NODE),
    )
    try:
        runs.commit(
            Batch(run_id, owner.id, nodes=(node,), publications=(publication,), reports=(record,), events=events)
        )
    except DovetailError as error:
        with suppress(DovetailError):  # the first error is the one to be told
            runs.finish(run_id, owner.id, "failed", error.to_dict())
        raise
    if base.path is not None:
        export(result, base.path, store, hub.settings.project_root)
    status = "succeeded" if done.report.decision == "publish" else "succeeded_with_warnings"
    runs.finish(run_id, owner.id, status, outputs={RESULT: result})
    version = next(each for each in runs.datasets(base.name) if each.run_id == run_id)
    return replace(done, version=version, run_id=run_id)


def _unbalanced(why: str) -> PlatformError:
    return PlatformError(
        "the replay would lose or double rows, so nothing is published", why=why, fix="report this as a bug"
    )
