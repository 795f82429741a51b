"""The hook implementations of dovetail-sql. Imports no engine."""

from __future__ import annotations

from dovetail.spec import CommandSpec, TaskTypeSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_task_types() -> list[TaskTypeSpec]:
    """The task type ``sql``. It names no engine: SQLite needs none, and the driver depends on the connection."""
    return [
        TaskTypeSpec(
            name="sql",
            code="dovetail_sql.task:SqlTask",
            config="dovetail_sql.config:SqlConfig",
            install="pip install 'dovetail-sql[engine]'",
            summary="SQL statements, table reads and table writes: DuckDB, SQLite and what SQLAlchemy connects to",
        )
    ]


@hookimpl
def dovetail_commands() -> list[CommandSpec]:
    """The command ``dovetail connections``."""
    return [
        CommandSpec("connections", "dovetail_sql.command:connections", "the databases of the project: list, test, add")
    ]
