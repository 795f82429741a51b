"""Native checks as SQL, for engines that keep their rows in a database: one compiler, so that all of them count alike.

An engine subclasses :class:`SqlChecks`, which asks it for a :class:`Source`: what to read from, the columns, a
:class:`Dialect`, and how a statement is run. Nothing here imports a database or a driver. What a database cannot tell with
exactly the core's meaning is left to Arrow, with the columns that it needs.
"""

from dovetail.quality.checks.sql._dialect import Column, Dialect, DuckDialect, LeftToArrow, family_of
from dovetail.quality.checks.sql._engine import SqlChecks
from dovetail.quality.checks.sql._source import ROW, Source
from dovetail.quality.checks.sql._text import Sql, Value, joined, say

__all__ = [
    "ROW",
    "Column",
    "Dialect",
    "DuckDialect",
    "LeftToArrow",
    "Source",
    "Sql",
    "SqlChecks",
    "Value",
    "family_of",
    "joined",
    "say",
]
