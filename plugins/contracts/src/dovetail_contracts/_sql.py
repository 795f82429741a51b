"""Rules in SQL: one query over the table that is checked, in an engine that sees nothing else."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dovetail.errors import shorten

if TYPE_CHECKING:
    import pyarrow as pa

SECONDS = 60.0
"""How long one query may take."""
_MEMORY = "1GB"

_PLACE = re.compile(r"\$?\{\s*(object|table|property|column)\s*\}")


class NoAnswer(Exception):
    """The query gave nothing that can be compared; the text says why."""


def answer(query: str, table: pa.Table, name: str, column: str, seconds: float = SECONDS) -> Fraction | float | bool:
    """What a query over the table gives: one number, or one truth value.

    Args:
        query: One SELECT. ``{object}`` stands for the table, ``{property}`` for the column; ``${table}`` and ``${column}`` too.
        table: The data; the only thing that the query can read.
        name: What the contract calls the table.
        column: The column of the property that the rule stands at, or empty.
        seconds: How long it may take.

    Raises:
        NoAnswer: DuckDB is missing, the query is none, fails, takes too long, or gives something else.
    """
    try:
        import duckdb
    except ImportError:
        raise NoAnswer("rules in SQL need DuckDB: pip install 'dovetail-contracts[engine]'") from None
    statement = _filled(query, name, column)
    config: Mapping[str, str] = {
        "enable_external_access": "false",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": _MEMORY,
        "threads": "2",
    }
    connection = duckdb.connect(":memory:", config=dict(config))
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    try:
        connection.register(name, table)
        connection.execute("set lock_configuration = true")
        found = connection.extract_statements(statement)
        if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
            raise NoAnswer("the query is not one SELECT")
        timer.start()
        rows = connection.execute(found[0]).fetchmany(2)
    except duckdb.InterruptException:
        raise NoAnswer(f"the query took longer than {seconds:g} s") from None
    except duckdb.Error as error:
        raise NoAnswer(str(error).partition("\n")[0]) from None
    finally:
        timer.cancel()
        connection.close()
    return _value(rows)


def _value(rows: list[tuple[Any, ...]]) -> Fraction | float | bool:
    if len(rows) != 1 or len(rows[0]) != 1:
        raise NoAnswer(f"the query gives {'no' if not rows else 'more than one'} value; one is compared")
    value = rows[0][0]
    if isinstance(value, bool) or (isinstance(value, float) and math.isinf(value)):
        return value
    if isinstance(value, int) or (isinstance(value, (float, Decimal)) and not math.isnan(value)):
        return Fraction(value)
    raise NoAnswer(f"the query gives {shorten(value)}, which is no number")


def _filled(query: str, name: str, column: str) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1] in ("object", "table"):
            return _quoted(name)
        if not column:
            raise NoAnswer(f"{match[0]} stands in a rule of an object, which has no column")
        return _quoted(column)

    return _PLACE.sub(fill, query)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
