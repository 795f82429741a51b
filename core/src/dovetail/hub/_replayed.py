"""Where a replay stands: which version of a dataset the rows would join, and which of them are in it already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.errors import UsageError
from dovetail.hub._guards import Guard
from dovetail.store import DatasetVersion, Quarantined

if TYPE_CHECKING:
    from dovetail.store import ArtifactStore, RunStore
    from dovetail.types import TypeEngine

WORKFLOW = "quarantine replay"
"""Name under which replays are recorded as runs."""
NODE = "replay"
RESULT = "result"
ADDED = "added"


@dataclass(frozen=True, slots=True)
class Standing:
    """The version that rows would join, None if there is none; and ``_dv_row`` of the rows that are in it already."""

    base: DatasetVersion | None = None
    already: frozenset[int] = frozenset()


def standing(
    runs: RunStore,
    types: TypeEngine,
    artifacts: ArtifactStore,
    entry: Quarantined,
    guard: Guard,
    *,
    onto_current: bool,
    must: bool,
) -> Standing:
    """Where a replay stands.

    Args:
        runs, types, artifacts: The stores of the hub, and its type engine.
        entry: What was set aside.
        guard: The gate.
        onto_current: Take the current version, whoever has published it.
        must: Raise rather than say that there is no version.

    Raises:
        UsageError: There is nothing that rows could join; or another run has published the dataset since.
    """
    why = _why_not(runs, entry, guard)
    if why is not None:
        if must:
            raise UsageError(
                "there is no dataset that these rows can be appended to",
                who=f"gate {entry.gate!r} at node {entry.node_id} of run {entry.run_id}",
                why=why,
                fix="mend them where they come from, and run the workflow again",
            )
        return Standing()
    base = runs.dataset(str(guard.dataset))
    already, version = set[int](), base
    while (record := runs.get_run(version.run_id)).workflow == WORKFLOW:
        if record.options.get("quarantine") == entry.artifact_id:
            added = types.load((runs.node(record.run_id, NODE).outputs or {})[ADDED], artifacts)
            already.update(added["_dv_row"].to_pylist())
        version = runs.dataset(base.name, int(record.options["base"]))
    if version.run_id != entry.run_id and not onto_current:
        raise UsageError(
            f"dataset {base.name} was published anew since: version {base.version} goes back to run {version.run_id}",
            who=f"rows of run {entry.run_id}",
            why="that run may have read the same rows, mended; then they would be there twice",
            fix="if it has not, add --onto-current",
        )
    return Standing(base, frozenset(already))


def _why_not(runs: RunStore, entry: Quarantined, guard: Guard) -> str | None:
    if guard.output is None:
        return "the gate guards an input, and what is made of it is something else"
    if guard.dataset is None:
        return "the output that the gate guards is not published: by no dt.publish, and it has no dt.Dataset"
    if not guard.alone:
        return f"other gates stand before dataset {guard.dataset}, and rows would pass them by"
    if entry.decision == "block":
        return "the gate refused the rows that did not fail as well, so they are not in the dataset either"
    audit = (entry.node_id, entry.gate)
    versions = (each for each in runs.datasets(guard.dataset) if each.run_id == entry.run_id)
    if not any(each.node_id == entry.node_id or audit in each.gates for each in versions):
        return f"the run has not published dataset {guard.dataset}"
    return None
