"""Which rows that a gate set aside are meant."""

from __future__ import annotations

from dovetail.cli._text import clean
from dovetail.errors import UsageError, listing, nearest
from dovetail.hub import gone
from dovetail.spec import Artifact
from dovetail.store import Quarantined, RunRecord, RunStore

SUFFIX = ".quarantine"
_LIST = "dovetail quarantine ls"


def find_quarantined(runs: RunStore, which: str) -> Quarantined:
    """The rows that are meant: ``RUN``, ``RUN:NODE``, ``RUN:NODE.quarantine``, or an artifact id or a unique beginning of one.

    Raises:
        UsageError: Nothing was set aside there, or more than one gate did; names what there is.
    """
    run, separator, place = which.partition(":")
    if separator:
        record = runs.get_run(run)
        return _only(runs.quarantined(record.run_id), record.run_id, place)
    found_run, unknown = _run_called(runs, which)
    if found_run is not None and which in (found_run.run_id, "latest"):
        return _only(runs.quarantined(found_run.run_id), found_run.run_id, "")
    # One artifact may be named by several reports, where a later run used the output again: the first one set it aside.
    found = [entry for entry in runs.quarantined() if which and entry.artifact_id.startswith(which)]
    same = {entry.artifact_id: entry for entry in found}
    if len(same) == 1:
        return next(iter(same.values()))
    if same:
        raise UsageError(f"{clean(which)} is the beginning of several ids", why=listing(same), fix="type more of it")
    if found_run is None:
        raise UsageError(
            f"no rows that were set aside are called {clean(which)!r}",
            why="it is neither a run nor an artifact that a gate made",
            fix=_LIST,
        ) from unknown
    return _only(runs.quarantined(found_run.run_id), found_run.run_id, "")


def _run_called(runs: RunStore, which: str) -> tuple[RunRecord | None, UsageError | None]:
    try:
        return runs.get_run(which), None
    except UsageError as error:
        return None, error


def artifact_of(entry: Quarantined) -> Artifact:
    """The artifact that holds the rows.

    Raises:
        UsageError: It was forgotten; or the rows are elsewhere.
    """
    if entry.place is not None and entry.purged is None:
        place = clean(str(entry.place.get("shown")))
        raise UsageError(
            f"the {entry.rows:,} rows that gate {entry.gate!r} set aside are no artifact: they are in {place}",
            who=f"run {entry.run_id}, node {entry.node_id}",
            why="the task wrote them there itself, beside the rows that it published",
            fix="mend them there, and run the workflow again on what is mended; to look at them: "
            f"dovetail quarantine show {entry.run_id}:{entry.node_id}",
        )
    if entry.artifact is None:
        raise gone(entry)
    return entry.artifact


def _only(found: list[Quarantined], run_id: str, place: str) -> Quarantined:
    node_id = place.removesuffix(SUFFIX)
    there = [entry for entry in found if entry.node_id in (place, node_id)] if place else found
    if len(there) == 1:
        return there[0]
    if there:
        raise UsageError(
            f"{len(there)} gates of run {run_id} have set rows aside",
            why="\n".join(f"{e.node_id}: gate {e.gate}, artifact {e.artifact_id[:12]}" for e in there[:12]),
            fix="name the artifact" if place else f"name the node, as in {run_id}:{there[0].node_id}, or the artifact",
        )
    nodes = [entry.node_id for entry in found]
    close = nearest(node_id, nodes) if place else None
    where = f"node {clean(node_id)!r} of run {run_id}" if place else f"run {run_id}"
    raise UsageError(
        f"no gate has set rows aside at {where}",
        fix=f"did you mean {run_id}:{close}?" if close else f"there are: {listing(nodes)}" if nodes else _LIST,
    )
