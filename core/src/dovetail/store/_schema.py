"""The tables of the run store, and their version. Portable: no column type or default that only one database has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    select,
)

from dovetail.store._json import decode

SCHEMA_VERSION = 2
"""Version of the tables that this code reads and writes."""

metadata = MetaData()


def _table(name: str, *columns: Any) -> Table:
    # Rows live in the index of their key: half the pages per commit, where neighbours are written together.
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


schema_version = Table(
    "dovetail_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created", Double, nullable=False),
)

# Columns marked JSON hold compact JSON text. Outputs and inputs map a name to the id of an artifact.
run = _table(
    "run",
    Column("run_id", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("source", Text, nullable=False),  # JSON
    Column("inputs", Text, nullable=False),  # JSON
    Column("graph_hash", Text, nullable=False),
    Column("options", Text, nullable=False),  # JSON
    Column("status", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("owner_id", Text),
    Column("owner", Text),  # JSON
    Column("lease_expires", Double),
    Column("claims", Integer, nullable=False),
    Column("cancel_requested", Integer, nullable=False),
    Column("error", Text),  # JSON
    Column("outputs", Text, nullable=False),  # JSON
    Index("run_created", "created"),
)

node = _table(
    "node",
    Column("run_id", Text, ForeignKey("run.run_id"), nullable=False),
    Column("node_id", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("outputs", Text),  # JSON
    Column("cache_key", Text),
    Column("cached", Integer, nullable=False),
    Column("error", Text),  # JSON
    Column("handle", Text),  # JSON
    Column("info", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("run_id", "node_id"),
)

event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("time", Double, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Index("event_run", "run_id", "seq"),
    sqlite_autoincrement=True,  # a number is never used twice, even after old events were removed
)

# Keys that are hashes scatter over the index: only the keys go there, the rows are appended.
artifact = Table(
    "artifact",
    metadata,
    Column("id", Text, primary_key=True),
    Column("has_blobs", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("data", Text, nullable=False),  # JSON
)

cache = Table(
    "cache",
    metadata,
    Column("key", Text, primary_key=True),
    Column("outputs", Text, nullable=False),  # JSON
    Column("run_id", Text, nullable=False),
    Column("created", Double, nullable=False),
)

report = _table(
    "report",
    Column("run_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("run_id", "node_id", "gate"),
)

check_result = _table(
    "check_result",
    Column("run_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("check_id", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("time", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("value", Double),
    Column("n_evaluated", Integer, nullable=False),
    Column("n_failed", Integer, nullable=False),
    PrimaryKeyConstraint("run_id", "node_id", "gate", "check_id"),
    Index("check_history", "check_id", "dataset", "time"),
)

dataset = _table(
    "dataset",
    Column("name", Text, primary_key=True),
    Column("current_version", Integer, nullable=False),
)

dataset_version = _table(
    "dataset_version",
    Column("name", Text, ForeignKey("dataset.name"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("artifact", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("path", Text),
    Column("created", Double, nullable=False),
    PrimaryKeyConstraint("name", "version"),
    UniqueConstraint("name", "run_id", "node_id", "output", "artifact"),
)

# Every move of the pointer of a dataset: published, published against its gate, or set back. Rows are only ever added.
dataset_move = _table(
    "dataset_move",
    Column("name", Text, ForeignKey("dataset.name"), nullable=False),
    Column("move", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("previous", Integer),
    Column("time", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("gates", Text, nullable=False),  # JSON: pairs of node id and gate
    PrimaryKeyConstraint("name", "move"),
)

# Values that gates refused, kept for a while so that they can be audited again without being computed again.
staged = _table(
    "staged",
    Column("run_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("artifact", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("forgotten", Double),
    PrimaryKeyConstraint("run_id", "node_id", "gate", "artifact"),
)


def _add_moves_and_staged(connection: Connection) -> None:
    """Version 1 knew versions of datasets but no history of the pointer, and named staged values in errors of nodes only."""
    for table in (dataset_move, staged):
        table.create(connection, checkfirst=True)
    v = dataset_version.c
    moves: dict[str, int] = {}
    for name, version, created in connection.execute(
        select(v.name, v.version, v.created).order_by(v.name, v.version)
    ).all():
        move = moves[name] = moves.get(name, 0) + 1
        row = {"name": name, "move": move, "kind": "published", "version": version, "previous": version - 1 or None}
        connection.execute(dataset_move.insert().values(**row, time=created, who="", reason="", gates="[]"))
    c = node.c
    failed = select(c.run_id, c.node_id, c.ended, c.started, c.error).where(c.error.like('%"staged"%'))
    for run_id, node_id, ended, started, error in connection.execute(failed).all():
        details = decode(error).get("details") or {}
        if isinstance(details.get("staged"), str):
            told = details.get("report") or {}
            row = {
                "run_id": run_id,
                "node_id": node_id,
                "gate": str(told.get("gate", "")),
                "artifact": details["staged"],
            }
            of = str((told.get("dataset") or {}).get("name") or "")
            connection.execute(staged.insert().values(**row, dataset=of, created=ended or started or 0.0))


MIGRATIONS: dict[int, Callable[[Connection], None]] = {1: _add_moves_and_staged}
"""What leads from a version to the next; the key is the version that it starts from."""
