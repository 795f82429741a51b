"""Native checks on tables where they are: compiled to SQL, so that only counts and the ordinals of failing rows come back.

This is how a gate of ``to_table()`` audits its staging table.
"""

from dovetail_sql.checks._engine import SqlTableChecks
from dovetail_sql.checks._stored import StoredTable, StoredTableTransformer, to_arrow

__all__ = ["SqlTableChecks", "StoredTable", "StoredTableTransformer", "to_arrow"]
