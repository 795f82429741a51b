"""A gate that refused a value, asked again: the value was kept, so nothing is computed anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail.errors import EngineUnavailable, UsageError
from dovetail.graph import Workflow
from dovetail.hub._guards import Guard, find_guard
from dovetail.quality import Report
from dovetail.spec import TypeRef

if TYPE_CHECKING:
    from dovetail.hub._hub import Hub


@dataclass(frozen=True, slots=True)
class Audit:
    """What a gate says now of what it refused, what it said then, and the artifact that it looked at."""

    now: Report
    then: Report
    artifact_id: str
    guard: Guard
    value: Any = None
    """What the gate lets through now; None if it blocks."""


def re_audit(hub: Hub, run_id: str, node_id: str, workflow: Workflow[..., Any] | None = None) -> Audit:
    """Evaluate a gate anew on the value that it refused, with the checks and limits that it has now.

    Nothing is recorded or published: the run is resumed for that.

    Args:
        hub: Holds the stores.
        run_id: Id, unique beginning of one, or ``"latest"``.
        node_id: The node whose gate blocked.
        workflow: The workflow of the run. Default: loaded from its source.

    Raises:
        UsageError: No gate blocked there, the value was not kept, or the gate cannot be found again.
        ArtifactNotFound: The value was kept and is gone.
    """
    with hub._in_use():
        record = hub.runs.get_run(run_id)
        node = hub.runs.node(record.run_id, node_id)
        details = (node.error or {}).get("details") or {}
        told = details.get("report")
        if not isinstance(told, dict):
            raise UsageError(
                f"no gate has refused anything at node {node_id} of run {record.run_id}",
                why=f"the node has {node.status}",
                fix=f"look at the run: dovetail runs show {record.run_id}",
            )
        then = Report.from_dict(told)
        guard = find_guard(record, node_id, then.gate, workflow)
        staged = details.get("staged")
        check_kept(hub, record.run_id, staged)
        if not staged:
            raise UsageError(
                f"what gate {then.gate!r} refused was not kept",
                why="it could not be stored; the log of the run says why",
                fix=f"dovetail runs resume {record.run_id}",
            )
        artifact = hub.runs.artifact(staged)
        try:
            value = hub.types.load(artifact, hub.artifacts)
        except EngineUnavailable:  # the value comes from an environment, and its library is not here
            value = hub.types.load(artifact, hub.artifacts, TypeRef("pyarrow.Table"))
        name = str((then.dataset or {}).get("name") or f"{record.workflow}/{node_id}")
        result = guard.gate.evaluate(
            value,
            types=hub.types,
            run_id=record.run_id,
            node_id=node_id,
            attempt=node.attempt,
            dataset=then.dataset,
            history=lambda check: hub.runs.earlier_values(check, then.gate, name, record.run_id),
        )
        return Audit(result.report, then, staged, guard, result.value)


def check_kept(hub: Hub, run_id: str, artifact: str | None) -> None:
    """Refuse what was forgotten.

    Raises:
        UsageError: It was.
    """
    gone = next((each for each in hub.runs.staged(run_id, artifact) if artifact and each.forgotten is not None), None)
    if gone is not None:
        raise UsageError(
            f"what gate {gone.gate!r} refused was forgotten {hub.settings.staged_days} days or more after that",
            who=f"node {gone.node_id} of run {run_id}",
            fix=f"compute it again: dovetail runs resume {run_id}; the setting staged_days says how long such values are kept",
        )
