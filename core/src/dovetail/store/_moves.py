"""Moving the pointer that says which version of a dataset is the current one. Runs inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dovetail.errors import PublishConflict
from dovetail.store._artifact_rows import ArtifactRows
from dovetail.store._json import encode
from dovetail.store._names import check_dataset_name
from dovetail.store._records import Publication
from dovetail.store._statements import Statements

PUBLISHED, FORCED, ROLLED_BACK = "published", "forced", "rolled_back"


def publish(
    statements: Statements,
    cursor: Any,
    run_id: str,
    item: Publication,
    artifacts: ArtifactRows,
    now: float,
    *,
    kind: str = PUBLISHED,
    who: str = "",
    reason: str = "",
) -> int | None:
    """Make a stored value the next version of a dataset, if the version that it expects is still the current one.

    Returns:
        The version; None for what the same node has published already.

    Raises:
        PublishConflict: Another version is the current one.
    """
    name = check_dataset_name(item.name)
    artifact_id = artifacts.add(item.artifact)
    current = locked(statements, cursor, name)
    if statements.published.run(cursor, (name, run_id, item.node_id, item.output, artifact_id)).fetchone():
        return None  # a repeated commit
    if item.expected not in (None, current):
        by = statements.version_run.run(cursor, (name, current)).fetchone() if current else None
        if not item.own or by is None or by[0] != run_id:
            raise _conflict(name, item, current, None if by is None else by[0])
    # After a roll-back the newest version is not the current one, and no number is ever given twice.
    version = int(statements.newest_version.run(cursor, (name,)).fetchone()[0] or 0) + 1
    row = (name, version, artifact_id, run_id, item.node_id, item.output, item.path, now)
    statements.put_version.run(cursor, row)
    move(statements, cursor, name, kind, version, current, now, who, reason, item.gates)
    return version


def locked(statements: Statements, cursor: Any, name: str) -> int:
    """The current version, 0 if there is none; nobody else moves the pointer before the transaction ends."""
    statements.put_dataset.run(cursor, (name, 0))
    return int(statements.current_version.run(cursor, (name,)).fetchone()[0])


def move(
    statements: Statements,
    cursor: Any,
    name: str,
    kind: str,
    version: int,
    previous: int,
    now: float,
    who: str = "",
    reason: str = "",
    gates: Sequence[tuple[str, str]] = (),
) -> None:
    """Set the pointer and write down that it was set."""
    number = int(statements.newest_move.run(cursor, (name,)).fetchone()[0] or 0) + 1
    told = encode([list(pair) for pair in gates])
    statements.put_move.run(cursor, (name, number, kind, version, previous or None, now, who, reason, told))
    statements.set_current.run(cursor, (version, name))


def _conflict(name: str, item: Publication, current: int, by: str | None) -> PublishConflict:
    before = f"version {item.expected}" if item.expected else "no version"
    return PublishConflict(
        f"dataset {name} has changed meanwhile: version {current} is current, not {item.expected}"
        if item.expected
        else f"dataset {name} has changed meanwhile: version {current} is current, and there was none",
        who=f"node {item.node_id!r}",
        why=f"run {by} has published it since {before} was looked up; nothing was published over it" if by else None,
        fix="look at both: dovetail datasets history " + name + "; then do it again, or let the last one win: "
        'on_conflict="retry"',
        name=name,
        node_id=item.node_id,
        expected=item.expected,
        current=current,
    )
