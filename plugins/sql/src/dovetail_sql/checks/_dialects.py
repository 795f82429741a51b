"""How each database writes what checks need."""

from __future__ import annotations

from typing import Any

from dovetail.quality.checks.sql import Dialect, DuckDialect, LeftToArrow, Sql, Value, say

from dovetail_sql.checks._patterns import in_postgresql


class _PostgreSql(Dialect):
    name = "postgresql"
    sorts_faster = True

    def bound(self, value: Any, family: Any) -> Sql:
        kinds = {"int": "bigint", "float": "double precision", "text": "text", "date": "date"}
        kind = kinds.get(family) or ("timestamp" if family == "moment" else "timestamptz")
        return say("cast(", Value(value), f" as {kind})")

    def text(self, code: Sql) -> Sql:
        return say("(", code, ' collate "C")')

    def is_nan(self, code: Sql) -> Sql | None:
        return say(code, " = 'NaN'")

    def matches(self, code: Sql, pattern: str) -> Sql:
        translated = in_postgresql(pattern)
        if translated is None:
            raise LeftToArrow
        return say("(", code, ' collate "C" ~ ', self.bound(translated, "text"), ")")


class _Sqlite(Dialect):
    name = "sqlite"
    double = "real"
    stddev = None

    def text(self, code: Sql) -> Sql:
        return say("(", code, " collate binary)")

    def length(self, code: Sql) -> Sql:
        return say("length(", code, ")")

    def unsure_length(self, code: Sql) -> Sql | None:
        """SQLite counts up to the first NUL."""
        return say("instr(cast(", code, " as blob), x'00') > 0")


class _MySql(Dialect):
    name = "mariadb"
    double = "double"

    def text(self, code: Sql) -> Sql:
        """As bytes of UTF-8, whatever character set and collation a column has."""
        return say("cast(convert(", code, " using utf8mb4) as binary)")

    def time(self, code: Sql, family: Any) -> Sql:
        """A TIMESTAMP takes no constant before 1970, a DATETIME does; the session is in UTC."""
        return say("cast(", code, " as date)" if family == "date" else " as datetime(6))")

    def unsure_key(self, code: Sql, family: Any) -> Sql | None:
        """Of longer texts it sorts by the beginning (max_sort_length)."""
        return say("octet_length(convert(", code, " using utf8mb4)) > 1000") if family == "text" else None


_DIALECTS: dict[str, Dialect] = {
    "duckdb": DuckDialect(),
    "postgresql": _PostgreSql(),
    "sqlite": _Sqlite(),
    "mariadb": _MySql(),
    "mysql": _MySql(),
}


def dialect_of(name: str) -> Dialect | None:
    """The dialect of a database; None for one of which it is not known how it counts."""
    return _DIALECTS.get(name)
