"""What a SQL task is told: which connection, and what to do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from dovetail.quality import Gate

Operation = Literal["query", "execute", "read", "write"]
Mode = Literal["create", "append", "replace", "merge"]


@dataclass(frozen=True)
class SqlConfig:
    """The work of one SQL task.

    Attributes:
        connection: Name of a connection in the configuration, or a URL without a password.
        operation: ``"query"`` returns rows, ``"execute"`` a row count, ``"read"`` a whole table, ``"write"`` fills a table.
        statement: SQL with ``:names``, for ``"query"`` and ``"execute"``.
        table: Name of the table as it is, never split or quoted, for ``"read"`` and ``"write"``.
        schema: Schema of the table; None is the connection's default.
        columns: Columns to read; None reads all.
        mode: What ``"write"`` does with a table that exists.
        keys: Columns that tell rows apart, for the mode ``"merge"``.
        where: Columns that ``"read"`` selects rows by: each is an input of that name.
        gate: What rows that are written must pass, in a staging table, before they are published.
        script: The statement may be several; ``"query"`` returns the rows of the last.
        once: A run that is resumed does not write rows again that it has written; see ``to_table``.
    """

    __dovetail_task_type__: ClassVar[str] = "sql"

    connection: str
    operation: Operation = "query"
    statement: str = ""
    table: str | None = None
    schema: str | None = None
    columns: tuple[str, ...] | None = None
    mode: Mode = "create"
    once: bool = True
    keys: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    script: bool = False
    gate: Gate | None = None
