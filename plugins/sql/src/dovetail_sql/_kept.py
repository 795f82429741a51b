"""Rows that a gate set aside beside the table that was written: where they are, as reports tell it, and the way there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dovetail.errors import UsageError

from dovetail_sql._contract import TableName
from dovetail_sql._statement import Bound, Placeholder

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail_sql._database import Database
    from dovetail_sql.config import SqlConfig

_CHECKS, _RUN, _AT = "_dv_checks", "_dv_run", "_dv_at"


def reference_to(config: SqlConfig, table: TableName, labels: pa.Table) -> dict[str, Any]:
    """What a report says of the rows with these labels in this table: its ``quarantine``."""
    place = {
        "task_type": "sql",
        "shown": f"table {table} of connection {config.connection!r}",
        "connection": config.connection,
        "schema": table.schema,
        "table": table.name,
        "run": labels[_RUN][0].as_py(),
        "at": labels[_AT][0].as_py().isoformat(),
    }
    name = hashlib.sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()
    return {"id": name, "rows": labels.num_rows, "bytes": 0, "place": place}


def read_kept(database: Database, place: Mapping[str, Any]) -> pa.Table:
    """The rows of a place that :func:`reference_to` named.

    Raises:
        UsageError: There is no such table any more, or the rows are gone from it.
        EngineUnavailable: The database failed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = database.read(_table(place), None, None, _which(place))
    if not rows.num_rows:
        raise UsageError(
            f"the rows are gone from {place['shown']}",
            who=database.connection.described,
            why="somebody has deleted them there",
            fix="run the workflow again",
        )
    position = rows.column_names.index(_CHECKS)
    if not pa.types.is_list(rows.schema.field(position).type):  # a text with a line for each, where there are no lists
        rows = rows.set_column(position, _CHECKS, pc.split_pattern(rows.column(position), "\n"))
    return rows


def delete_kept(database: Database, place: Mapping[str, Any]) -> None:
    """Delete the rows of a place that :func:`reference_to` named. The table stays, with the rows of other writes.

    Raises:
        UsageError: The connection is read-only.
        EngineUnavailable: The database failed.
    """
    table = database.find(_table(place))
    if table is None:
        return
    quote = database.quote
    start = f"delete from {database.quoted(table)} where {quote(_RUN)} = "  # noqa: S608 - identifiers, quoted
    pieces = (start, Placeholder("run"), f" and {quote(_AT)} = ", Placeholder("at"))
    database.execute(Bound(pieces, {"run": place["run"], "at": _moment(place)}), {})


def _table(place: Mapping[str, Any]) -> TableName:
    return TableName(place["table"], place["schema"])


def _which(place: Mapping[str, Any]) -> dict[str, Any]:
    return {_RUN: place["run"], _AT: _moment(place)}


def _moment(place: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(place["at"])
