"""Rows that gates set aside, wherever they are: in an artifact, or where a task type keeps them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail.errors import UsageError
from dovetail.graph import load_task_type
from dovetail.plugins import use_catalogue
from dovetail.store import Quarantined

if TYPE_CHECKING:
    from collections.abc import Callable

    from dovetail.hub._hub import Hub
    from dovetail.spec import TaskType


def kept_rows(hub: Hub, entry: Quarantined) -> Any:
    """The rows, with why each of them was set aside (``pyarrow.Table``).

    Raises:
        UsageError: They are gone; or nobody here can reach the place where they are.
        EngineUnavailable: That place cannot be reached now.
    """
    if entry.artifact is not None:
        return hub.types.load(entry.artifact, hub.artifacts)
    if entry.purged is not None or entry.place is None:
        raise gone(entry)
    return _asked(hub, entry, lambda kind, place: kind.kept_rows(place, hub.settings))


def forget_rows(hub: Hub, entry: Quarantined) -> bool:
    """Forget the rows: the reports stay and say so. Those in a place of a task type are deleted there first.

    Returns:
        True; False if the artifact is also an input, an output or a dataset, and stays.

    Raises:
        UsageError: Nobody here can reach the place where they are.
        EngineUnavailable: That place cannot be reached now. Nothing is forgotten then.
    """
    if entry.place is not None and entry.purged is None:
        _asked(hub, entry, lambda kind, place: kind.forget_rows(place, hub.settings))
    return hub.runs.forget_quarantined(entry.artifact_id)


def gone(entry: Quarantined) -> UsageError:
    """The error for rows that were purged."""
    return UsageError(
        f"the {entry.rows:,} rows that gate {entry.gate!r} set aside are gone",
        who=f"run {entry.run_id}, node {entry.node_id}",
        why=f"they were purged at {entry.purged}",
        fix="run it again; the report stays: dovetail gates show " + entry.run_id,
    )


def _asked(hub: Hub, entry: Quarantined, ask: Callable[[TaskType, dict[str, Any]], Any]) -> Any:
    place = entry.place or {}
    with use_catalogue(hub.catalogue):
        try:
            return ask(load_task_type(str(place.get("task_type"))), place)
        except NotImplementedError:
            raise UsageError(
                f"the rows that gate {entry.gate!r} set aside cannot be reached from here",
                who=f"run {entry.run_id}, node {entry.node_id}",
                why=f"they are in {place.get('shown')}, and task type {place.get('task_type')!r} gives no access to it",
                fix="install the plugin of that task type here, in the version that wrote them",
            ) from None
