"""What checks are compiled for: rows in a database, numbered from 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dovetail.quality.checks.sql._dialect import Column, Dialect
from dovetail.quality.checks.sql._text import Sql

ROW = "_dovetail_row"
"""What the column of ordinals is called where dovetail makes one."""


class Source:
    """Rows that checks look at, where they are. Subclass it for a kind of database.

    Attributes:
        dialect: How the database writes things.
        columns: The columns by name, in order.
        table: What stands behind ``from`` to get the rows: it has all columns and the ordinals.
        row: The column of the ordinals, quoted; they begin at 0 and have no gaps.
    """

    dialect: Dialect
    columns: Mapping[str, Column]
    table: Sql
    row: str

    def fetch(self, statement: Sql) -> Any:
        """Run a query; its rows as a ``pyarrow.Table``. May raise whatever the database says."""
        raise NotImplementedError(f"{type(self).__name__} does not implement fetch()")
