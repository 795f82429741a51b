"""How a database writes what checks need, and of which family its columns are."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, Literal

from dovetail.quality.checks.sql._text import Sql, Value, say

Family = Literal["int", "float", "float32", "text", "bool", "date", "moment", "instant"]
"""What checks tell apart. A moment is a timestamp without a zone, an instant one with it; both in microseconds."""

INT64 = (-(2**63), 2**63 - 1)
_EXACT = 2**53


class LeftToArrow(Exception):
    """The database would count something else, or it is not sure."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source.

    Attributes:
        name: Its name.
        kind: Its type in Arrow; None where that depends on the values.
        family: Of the value; None for a type that only ``not_null`` knows.
        limits: Least and greatest integer of the type.
        code: How the database is asked for it: its quoted name, or something made of it.
    """

    name: str
    kind: Any
    family: Family | None
    limits: tuple[int, int]
    code: str


def family_of(kind: Any) -> tuple[Family | None, tuple[int, int]]:
    """The family of an Arrow type, and the limits of its integers."""
    import pyarrow.types as t

    if t.is_integer(kind):
        bits = kind.bit_width
        return "int", (0, 2**bits - 1) if t.is_unsigned_integer(kind) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if t.is_timestamp(kind):
        return (("instant" if kind.tz else "moment") if kind.unit == "us" else None), INT64
    families: list[tuple[bool, Family]] = [
        (t.is_float64(kind), "float"),
        (t.is_float32(kind), "float32"),
        (t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind), "text"),
        (t.is_dictionary(kind) and t.is_string(kind.value_type), "text"),
        (t.is_boolean(kind), "bool"),
        (t.is_date32(kind), "date"),
    ]
    return next((family for fits, family in families if fits), None), INT64


class Dialect:
    """Standard SQL, of a database whose texts compare by code points and whose floats know no NaN.

    Attributes:
        name: Of the database.
        double: The type of floats of 64 bits.
        stddev: Function of the standard deviation of a sample; None if there is none.
        sorts_faster: It counts distinct values, by sorting them, faster than it groups by them.
        settled: Families whose Arrow type is the same whatever the values are.
    """

    name: str = "sql"
    double: str = "double precision"
    stddev: str | None = "stddev_samp"
    sorts_faster: bool = False
    settled: frozenset[str] = frozenset(("int", "float", "float32", "text", "bool", "date", "moment", "instant"))

    def bound(self, value: Any, family: Family) -> Sql:
        """A value of a family, where it is compared with others of it."""
        return say(Value(value))

    def text(self, code: Sql) -> Sql:
        """A text that compares by code points."""
        return code

    def time(self, code: Sql, family: Family) -> Sql:
        """A date, moment or instant that compares as such."""
        return code

    def is_nan(self, code: Sql) -> Sql | None:
        """True for NaN; None where a column cannot hold it."""
        return None

    def length(self, code: Sql) -> Sql:
        """Code points of a text."""
        return say("char_length(", code, ")")

    def unsure_length(self, code: Sql) -> Sql | None:
        """True for texts that :meth:`length` may count otherwise."""
        return None

    def unsure_key(self, code: Sql, family: Family) -> Sql | None:
        """True for values that grouping may confuse."""
        return None

    def matches(self, code: Sql, pattern: str) -> Sql:
        """True where the whole text matches a pattern of RE2.

        Raises:
            LeftToArrow: The database has no such patterns.
        """
        raise LeftToArrow

    # -- what follows of these -----------------------------------------------------------------

    def column(self, column: Column) -> Sql:
        """A column as it is."""
        return say(column.code)

    def value(self, column: Column) -> Sql:
        """A column's value as it is compared: NaN is null.

        Raises:
            LeftToArrow: Its type is of no family.
        """
        code = self.column(column)
        match column.family:
            case None:
                raise LeftToArrow
            case "text":
                return self.text(code)
            case "float" | "float32":
                nan = self.is_nan(code)
                return code if nan is None else say("case when ", nan, " then null else ", code, " end")
            case "date" | "moment" | "instant":
                return self.time(code, column.family)
        return code

    def constant(self, value: Any, family: Family | None, limits: tuple[int, int] = INT64) -> Sql:
        """A value that is exactly of a column's family.

        Raises:
            LeftToArrow: It is not.
        """
        if family == "int" and type(value) is int and limits[0] <= value <= limits[1]:
            return self.bound(value, family)
        if family == "float" and type(value) in (int, float) and _is_exact(value):
            return self.bound(float(value), family)
        if family == "text" and type(value) is str and _is_plain(value):
            return self.text(self.bound(value, family))
        if family == "date" and type(value) is dt.date:
            return self.time(self.bound(value, family), family)
        if family == "moment" and type(value) is dt.datetime and value.tzinfo is None:
            return self.time(self.bound(value, family), family)
        if family == "instant" and type(value) is dt.datetime and value.tzinfo is not None:
            return self.time(self.bound(_in_utc(value), family), family)
        raise LeftToArrow


def _in_utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise LeftToArrow from None


def _is_exact(value: float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= _EXACT


def _is_plain(text: str) -> bool:
    """Texts that every database takes: valid Unicode without NUL."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


class DuckDialect(Dialect):
    """DuckDB, which two plugins speak: over a connection, and over relations."""

    name = "duckdb"
    double = "double"

    def text(self, code: Sql) -> Sql:
        """A column may have been declared with a collation, and so may all of them."""
        return say("(", code, ' collate "binary")')

    def bound(self, value: Any, family: Family) -> Sql:
        """With its type: a constant alone would take that of what it stands beside."""
        kind = {"float": "double", "instant": "timestamptz", "moment": "timestamp", "date": "date"}.get(family)
        if family in ("instant", "moment"):
            value = value.isoformat(sep=" ")
        return say(Value(value)) if kind is None else say("cast(", Value(value), f" as {kind})")

    def is_nan(self, code: Sql) -> Sql | None:
        """It has a function for it."""
        return say("isnan(", code, ")")

    def length(self, code: Sql) -> Sql:
        """Code points, not graphemes."""
        return say("length(", code, ")")

    def matches(self, code: Sql, pattern: str) -> Sql:
        """Its patterns are RE2's."""
        if not _is_plain(pattern):
            raise LeftToArrow
        return say("regexp_matches(", code, ", ", Value(rf"\A(?:{pattern})\z"), ")")
