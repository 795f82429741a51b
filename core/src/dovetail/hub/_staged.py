"""Publishing what a gate had refused: because it passes now, or in spite of the gate and for a reason."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING, Any

from dovetail.engine import export
from dovetail.errors import PublishConflict, UsageError
from dovetail.graph import Workflow, checked_dataset
from dovetail.hub._re_audit import check_kept, re_audit
from dovetail.quality import Gate, raise_for_decision
from dovetail.spec import TypeRef
from dovetail.store import DatasetVersion, Staged
from dovetail.types import whole_files

if TYPE_CHECKING:
    from dovetail.hub._hub import Hub
    from dovetail.spec import Artifact


def publish_staged(
    hub: Hub,
    staged: Staged,
    name: str | None = None,
    *,
    force: bool = False,
    reason: str = "",
    onto_current: bool = False,
    workflow: Workflow[..., Any] | None = None,
) -> DatasetVersion:
    """Publish a value that a gate refused, without computing it again.

    It is audited again, by the gate as it is now and by those after it, unless it is forced.

    Args:
        hub: Holds the stores.
        staged: The value.
        name: Name of the dataset. Default: the one that it was to become.
        force: Publish it although its gate refuses it; the history says so, with who and why.
        reason: Why; needed if it is forced.
        onto_current: Publish also after a version that somebody else has published since the run was started.
        workflow: The workflow of the run. Default: loaded from its source.

    Raises:
        UsageError: The value was forgotten, it was to become no dataset, the gate cannot be found again, or nothing says why.
        GateBlocked: A gate still refuses it.
        PublishConflict: Somebody else has published the dataset.
    """
    with hub._in_use():
        record = hub.runs.get_run(staged.run_id)
        check_kept(hub, staged.run_id, staged.artifact)
        target = name or (staged.dataset if staged.dataset != f"{record.workflow}/{staged.node_id}" else "")
        if not target:
            raise UsageError(
                f"what gate {staged.gate!r} refused was to become no dataset",
                who=f"node {staged.node_id} of run {staged.run_id}",
                fix="name the dataset: --as NAME",
            )
        if force and not reason.strip():
            raise UsageError("it is not said why", why="the history keeps the reason", fix='--reason "..."')
        artifact = hub.runs.artifact(staged.artifact) if force else _audited(hub, staged, workflow)
        hub.artifacts.verify(artifact)
        hub.artifacts.persist(artifact)
        known = (record.options.get("datasets") or {}).get("expected") or {}
        expected = None if onto_current else known.get(target)
        try:
            return hub.runs.publish_staged(
                staged,
                checked_dataset(target),
                artifact,
                expected=expected,
                who=somebody(),
                reason=reason,
                forced=force,
            )
        except PublishConflict as error:
            error.fix = f"if this one is to come after it: --onto-current; see dovetail datasets history {target}"
            raise


def _audited(hub: Hub, staged: Staged, workflow: Workflow[..., Any] | None) -> Artifact:
    """The stored form of what all gates let through now."""
    audit = re_audit(hub, staged.run_id, staged.node_id, workflow)
    raise_for_decision(audit.now)
    if audit.guard.output is None:
        raise UsageError(
            f"gate {staged.gate!r} guards an input, and what is made of it is something else",
            who=f"node {staged.node_id} of run {staged.run_id}",
            fix=f"dovetail runs resume {staged.run_id}",
        )
    if audit.artifact_id != staged.artifact:
        raise UsageError(
            f"node {staged.node_id} of run {staged.run_id} has refused another value since",
            fix=f"publish that one: dovetail publish {staged.run_id}:{staged.node_id}",
        )
    value = audit.value
    for gate in audit.guard.then:
        value = _past(hub, staged, gate, value)
    kept = hub.runs.artifact(staged.artifact)
    with whole_files():
        kind = TypeRef(kept.type)
        return hub.types.dump(hub.types.convert(value, kind), kind, hub.artifacts)


def _past(hub: Hub, staged: Staged, gate: Gate, value: Any) -> Any:
    """What a gate that stands between the one that refused and the dataset lets through."""
    result = gate.evaluate(
        value,
        types=hub.types,
        run_id=staged.run_id,
        node_id=staged.node_id,
        dataset={"name": staged.dataset},
        history=lambda check: hub.runs.earlier_values(check, gate.name, staged.dataset, staged.run_id),
    )
    raise_for_decision(result.report)
    return result.value


def roll_back(hub: Hub, name: str, version: int | None, reason: str) -> DatasetVersion:
    """Make an earlier version of a dataset the current one again; the copy that is kept at a path follows.

    Args:
        hub: Holds the stores.
        name: Name of the dataset.
        version: Default: the one before the present one.
        reason: Why, for the history.

    Raises:
        UsageError: There is no such version, it is the current one, or nothing says why.
        ArtifactNotFound, ArtifactCorrupt: The stored value of that version is not whole; the pointer stays.
    """
    with hub._in_use():
        present = hub.runs.dataset(name)
        target = present.previous if version is None else version
        if target is not None:
            hub.artifacts.verify(hub.runs.dataset(name, target).artifact)
        found = hub.runs.roll_back(name, version, reason, somebody())
        if found.path is not None:
            export(found.artifact, found.path, hub.artifacts, hub.settings.project_root)
        return found


def somebody() -> str:
    """Who drives this process, for the history: ``user@host``."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # no name for this user id
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
