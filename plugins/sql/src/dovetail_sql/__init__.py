"""SQL tasks and table writes for dovetail over DuckDB, SQLite and SQLAlchemy.

The five functions make tasks; ``SqlConfig`` is what such a task is told, ``Query`` are rows that stay in
the database. All are found at first use, so that the hook module
beside them costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail_sql._tasks import execute, sql, sql_file, table, to_table
    from dovetail_sql.config import SqlConfig
    from dovetail_sql.query import Query

__all__ = ["sql", "sql_file", "execute", "table", "to_table", "Query", "SqlConfig"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = {"SqlConfig": "dovetail_sql.config", "Query": "dovetail_sql.query"}.get(name, "dovetail_sql._tasks")
    value = globals()[name] = getattr(importlib.import_module(module), name)
    return value
