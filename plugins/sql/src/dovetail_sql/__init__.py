"""SQL tasks and table writes for dovetail over DuckDB, SQLite and SQLAlchemy.

The four functions make tasks; ``SqlConfig`` is what such a task is told.
"""

from dovetail_sql._tasks import execute, sql, table, to_table
from dovetail_sql.config import SqlConfig

__all__ = ["sql", "execute", "table", "to_table", "SqlConfig"]
