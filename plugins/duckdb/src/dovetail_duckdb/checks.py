"""Native checks on DuckDB relations, as SQL: only counts and the ordinals of failing rows leave DuckDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

import duckdb
from dovetail.quality.checks.sql import ROW, Column, DuckDialect, Source, Sql, SqlChecks, Value, family_of, say

from dovetail_duckdb._carried import quote
from dovetail_duckdb.transformers import RelationTransformer, run_when_free, to_arrow

_ROWS = "_dovetail_rows"
"""What a relation is called in the queries over it."""


class DuckChecks(SqlChecks):
    """Evaluates native suites on ``duckdb.DuckDBPyRelation``. The query of the relation is run once for each pass."""

    name: ClassVar[str] = "duckdb"

    def frames(self, suite: Any) -> tuple[str, ...]:
        """Relations."""
        return ("duckdb.DuckDBPyRelation",)

    def version(self) -> str:
        """Version of DuckDB."""
        return str(duckdb.__version__)

    def columns(self, value: duckdb.DuckDBPyRelation) -> list[str]:
        """The names of the relation's columns."""
        return list(run_when_free(lambda: value.columns))

    def rows(self, value: duckdb.DuckDBPyRelation) -> int:
        """The number of rows; runs the query."""
        return int(run_when_free(lambda: value.aggregate("count(*) as n").fetchall())[0][0])

    def to_arrow(self, value: duckdb.DuckDBPyRelation, columns: Sequence[str]) -> Any:
        """These columns as an Arrow table."""
        return run_when_free(lambda: to_arrow(value.project(", ".join(map(quote, columns)))))

    def source(self, value: duckdb.DuckDBPyRelation, columns: Sequence[str]) -> Source:
        """The relation, numbered in the order in which it gives its rows."""
        return _RelationSource(value, columns)


class _RelationSource(Source):
    def __init__(self, relation: duckdb.DuckDBPyRelation, columns: Sequence[str]) -> None:
        self._relation = relation
        self.dialect = _Dialect()
        self.columns = {}

        def look() -> Any:
            chosen = relation.project(", ".join(map(quote, columns))) if columns else relation
            return RelationTransformer().arrow_schema(chosen)

        for field in run_when_free(look):
            family, limits = family_of(field.type)
            name = quote(field.name)
            code = f"cast({name} as varchar)" if family == "text" else name  # an ENUM has an order of its own
            self.columns[field.name] = Column(field.name, field.type, family, limits, code)
        self.row = quote(ROW)
        # S608: names of ours
        self.table = say(f"(select *, row_number() over () - 1 as {self.row} from {_ROWS}) t")  # noqa: S608

    def fetch(self, statement: Sql) -> Any:
        """Values stand in the query as constants: a query over a relation takes no others."""
        text = "".join(piece if isinstance(piece, str) else _constant(piece) for piece in statement.pieces)

        def ask() -> Any:
            asked = self._relation.query(_ROWS, text)
            assert asked is not None
            return asked.to_arrow_table()

        return run_when_free(ask)


class _Dialect(DuckDialect):
    settled = frozenset(("int", "float", "float32", "bool", "date", "moment"))
    """A text may be an ENUM, and an instant is shown in the zone of the connection."""


def _constant(piece: Value) -> str:
    """A value as DuckDB reads it: in a text nothing but the quote has a meaning. NUL does not come here."""
    value = piece.value
    if type(value) is int:
        return str(value)
    if isinstance(value, (str, dt.date)):
        return "'" + str(value).replace("'", "''") + "'"
    return f"'{value!r}'"
