"""What engines raise, told as dovetail's errors: whose fault it is, the nearest name, and no value of any parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dovetail.config import redact
from dovetail.errors import (
    DovetailError,
    EngineUnavailable,
    UsageError,
    listing,
    nearest,
)

from dovetail_sql._connections import Connection
from dovetail_sql._contract import LEDGER, OutcomeUnknown, TransactionGivenUp, interrupted, timed_out
from dovetail_sql._statement import Bound

_MASK = "***"
_NO_TABLE = (
    re.compile(r"no such table: (?P<name>.+)", re.IGNORECASE),
    re.compile(r"Table with name (?P<name>.+?) does not exist", re.IGNORECASE),
    re.compile(r'relation "(?P<name>.+?)" does not exist', re.IGNORECASE),
    re.compile(r"Table '(?P<name>.+?)' doesn't exist", re.IGNORECASE),
    re.compile(r"(?:Unknown table expression identifier '|Table `default`\.`)(?P<name>.+?)['`]"),
)
_NO_COLUMN = (
    re.compile(r"no such column: (?P<name>.+?)(?: - |$)", re.IGNORECASE | re.MULTILINE),
    re.compile(r"has no column named (?P<name>.+)", re.IGNORECASE),
    re.compile(r'Referenced column "(?P<name>.+?)" (?:not found|was not found)', re.IGNORECASE),
    re.compile(r'column "?(?P<name>[^"]+?)"? does not exist', re.IGNORECASE),
    re.compile(r"Unknown column '(?P<name>.+?)'", re.IGNORECASE),
)
_CANDIDATES = re.compile(r"Candidate bindings: (?P<names>.+)")
_NEAR = re.compile(r'near "(?P<token>[^"]+)": syntax error|syntax error at or near "(?P<word>[^"]+)"')
_ECHO = re.compile(r"\s*^query(?: was)?: ", re.MULTILINE)
"""Behind it ADBC's drivers repeat the whole statement."""
_PID = re.compile(r"PID (?P<pid>\d+)")

_PLATFORM_TYPES = {
    # DuckDB
    "ConnectionException",
    "FatalException",
    "HTTPException",
    "InternalException",
    "InternalError",
    "OutOfMemoryException",
    "TransactionException",
    # any DB-API driver: the connection itself is gone
    "InterfaceError",
}
_PLATFORM_TEXTS = (
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "disk i/o error",
    "is full",
    "no space left",
    "unable to open database file",
    "readonly database",
    "disk image is malformed",
    "not a database",
    "not a valid duckdb database",
    "could not set lock",
    "connection refused",
    "could not connect",
    "connection failed",
    "server closed the connection",
    "terminating connection",
    "permission denied",
)


_FULL = ("is full", "no space left", "could not extend file", "temporary file size exceeds")
_REJECTED = ("password authentication failed", "access denied for user", "no password supplied", "no pg_hba.conf entry")
_TOO_LONG = (
    "(TIMEOUT_EXCEEDED)",
    "due to statement timeout",
    "max_statement_time exceeded",
    "maximum statement execution time exceeded",
)
_STOPPED = ("due to user request", "Query execution was interrupted")


def statement_failed(
    error: BaseException,
    connection: Connection,
    statement: Bound,
    table_names: Callable[[], list[str]],
) -> DovetailError:
    """The error to raise for what a statement raised.

    Args:
        error: What the driver raised.
        connection: Where the statement was sent.
        statement: With its values, which are masked in the message.
        table_names: Lists the tables, for the nearest name; only called if a table is missing.
    """
    message = mask(driver_message(error), statement.values)
    who = connection.described
    if any(text in message for text in _TOO_LONG):
        return timed_out(connection)
    if type(error).__name__ == "InterruptException" or message == "interrupted" or any(t in message for t in _STOPPED):
        return interrupted(connection)
    missing = _match(_NO_TABLE, message)
    if missing:
        return _missing_table(missing.removeprefix(f"{connection.url.database}."), who, table_names)
    if _given_up(error, message):
        return TransactionGivenUp(
            "the database gave the transaction up so that another could go on",
            who=who,
            why=message,
            fix="run it again; tasks that change the same rows at the same time can be ordered by .after()",
        )
    if _is_platform(error, message):
        return unavailable(error, connection, message)
    shown = shown_statement(statement)
    column = _match(_NO_COLUMN, message)
    if column:
        candidates = _CANDIDATES.search(message)
        names = re.findall(r'"([^"]+)"', candidates["names"]) if candidates else []
        close = nearest(column, names)
        return UsageError(
            f"the statement names a column {column!r} that is not there",
            who=who,
            why=message + f"\nstatement: {shown}",
            fix=f"write {close!r}" if close else "look at the columns with: select * from the_table limit 1",
        )
    return UsageError(
        "the database refuses the statement",
        who=who,
        why=f"{message}{_position(message, statement)}\nstatement: {shown}",
        fix="correct the statement, or the values bound to it",
    )


_LOST_TEXTS = (
    "server closed the connection",
    "lost connection",
    "connection reset",
    "broken pipe",
    "server has gone away",
    "could not receive data",
    "no connection to the server",
    "connection not open",
    "terminating connection",
    "eof detected",
)


def commit_failed(
    error: BaseException,
    connection: Connection,
    statement: Bound,
    table_names: Callable[[], list[str]],
) -> DovetailError:
    """The error to raise for what a server's driver raised at ``commit``: without a connection nobody knows the outcome."""
    failure = statement_failed(error, connection, statement, table_names)
    message = mask(driver_message(error), statement.values)
    if isinstance(failure, TransactionGivenUp) or not any(text in message.lower() for text in _LOST_TEXTS):
        return failure
    return OutcomeUnknown(
        "the connection was lost while the transaction was being committed: it has happened as a whole, or not at all",
        who=connection.described,
        why=message,
        fix="look for its rows before you run it again, unless twice does no harm: "
        f"{shown_statement(statement)}. A to_table() of a durable run looks itself, in {LEDGER}, when it is run again",
    )


def unavailable(error: BaseException, connection: Connection, message: str | None = None) -> DovetailError:
    """The error to raise when a database cannot be opened or reached, or, with a message, when it breaks down later."""
    broken = "the database cannot be opened" if message is None else "the database failed"
    message = redact(driver_message(error)) if message is None else message
    who, lowered = connection.described, message.lower()
    pid = _PID.search(message)
    if "could not set lock" in lowered:
        holder = f"process {pid['pid']}" if pid else "another process"
        look = f" (ps {pid['pid']} shows what it is)" if pid else ""
        return EngineUnavailable(
            f"{holder} holds the database {connection.path}",
            who=who,
            why=message,
            fix=f"end it{look}: a DuckDB file is open for writing in one process at a time",
            **({"pid": int(pid["pid"])} if pid else {}),
        )
    if "different configuration" in lowered:
        return EngineUnavailable(
            f"this process has opened {connection.path} already, with other settings",
            who=who,
            why=message,
            fix="use one connection for a file in one run, or give all of them the same read_only and query settings",
        )
    if "locked" in lowered:
        return EngineUnavailable(
            f"another process is writing to the database {connection.path}",
            who=who,
            why=message,
            fix="wait for it, or raise the seconds to wait: query = { timeout = 120 }",
        )
    if "not a database" in lowered or "not a valid duckdb database" in lowered:
        return EngineUnavailable(
            f"{connection.path} is not a {connection.dialect} database",
            who=who,
            why=message,
            fix="correct the path, or move the file away so that a database can be created there",
        )
    if any(text in lowered for text in _FULL):
        return EngineUnavailable(
            "the database has no room left",
            who=who,
            why=message,
            fix="make room where it keeps its files, then run again: nothing of the transaction has happened",
        )
    if "permission denied" in lowered or "readonly database" in lowered or "unable to open" in lowered:
        return EngineUnavailable(
            "the database cannot be opened for this",
            who=who,
            why=message,
            fix=f"check the permissions: ls -ld {connection.path or connection.shown}",
        )
    if any(text in lowered for text in _REJECTED):
        return EngineUnavailable(
            "the database does not let us in",
            who=who,
            why=message,
            fix=f"correct username or password, then: dovetail connections test {connection.name}",
        )
    return EngineUnavailable(broken, who=who, why=message, fix="check that it is up and reachable, then run again")


_DRIVERS = {
    "MySQLdb": "mysqlclient",
    "adbc_driver_sqlite": "dovetail-sql[sqlite-adbc]",
    "chdb": "dovetail-sql[chdb]",
    "duckdb": "dovetail-sql[engine]",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "snowflake": "snowflake-sqlalchemy",
}
"""What to install for the module of a driver, where the module is not called so."""

_USUAL = {
    "mariadb": ("mariadb+pymysql", "pymysql"),
    "mysql": ("mysql+pymysql", "pymysql"),
    "postgresql": ("postgresql+psycopg", "psycopg"),
}
"""The usual drivername of a dialect, and the module of its driver."""


def missing_driver(module: str | None, connection: Connection) -> EngineUnavailable:
    """The error to raise when the driver of a URL is not installed.

    Args:
        module: What could not be imported; None where SQLAlchemy does not know the dialect.
        connection: Whose driver it is.
    """
    dialect = connection.dialect
    root = (module or "").partition(".")[0]
    if root.isidentifier():
        fix = _pip_install(root)
    elif dialect in _USUAL:
        drivername, usual = _USUAL[dialect]
        fix = f'{_pip_install(usual)}, and write drivername = "{drivername}"'
    else:
        fix = f"correct the drivername, or pip install the package that brings the SQLAlchemy dialect {dialect!r}"
    return EngineUnavailable(
        f"the driver of {dialect} is not installed",
        who=connection.described,
        why=f"cannot import {module}" if module else f"SQLAlchemy knows no dialect {connection.url.drivername!r}",
        fix=fix,
    )


def _pip_install(module: str) -> str:
    requirement = _DRIVERS.get(module, module)
    return f"pip install '{requirement}'" if "[" in requirement else f"pip install {requirement}"


def driver_message(error: BaseException) -> str:
    """What the driver says, without SQLAlchemy's echo of statement and parameters."""
    original = getattr(error, "orig", None)
    if isinstance(details := getattr(error, "details", None), (list, tuple)):  # ADBC's
        said = {str(key, "ascii", "replace") if isinstance(key, bytes) else key: value for key, value in details}
        primary = said.get("PG_DIAG_MESSAGE_PRIMARY")
        if isinstance(primary, bytes):
            return primary.decode("utf-8", "replace").strip()
    text = str(error if original is None else original).strip()
    return _ECHO.split(text)[0] if type(error).__module__.startswith("adbc_") else text


def mask(message: str, values: Mapping[str, Any]) -> str:
    """The message with every bound value, and every secret, replaced by ``***``."""
    texts = set()
    for value in values.values():
        for form in (str(value), repr(value)) if not isinstance(value, (bytes, bool, type(None))) else ():
            if len(form) >= 3:
                texts.add(form)
    for text in sorted(texts, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)" if text.isalnum() else re.escape(text), _MASK, message)
    return redact(message)


def shown_statement(statement: Bound, width: int = 200) -> str:
    """The statement on one line, shortened, with placeholders where values go."""
    text = "".join(piece if isinstance(piece, str) else f":{piece.key}" for piece in statement.pieces)
    line = " ".join(text.split())
    return redact(line if len(line) <= width else line[: width - 3] + "...")


def _missing_table(name: str, who: str, table_names: Callable[[], list[str]]) -> UsageError:
    name = name.strip().strip('"')
    try:
        names = table_names()
    except Exception:  # the message must not depend on a second statement
        names = []
    close = nearest(name.rsplit(".", 1)[-1], names)
    return UsageError(
        f"there is no table {name!r}",
        who=who,
        why=f"tables: {listing(names)}",
        fix=f"write {close!r}" if close else "create it first, or give it as an input of the task",
    )


def _match(patterns: tuple[re.Pattern[str], ...], message: str) -> str | None:
    for pattern in patterns:
        if found := pattern.search(message):
            return found["name"].strip()
    return None


def _given_up(error: BaseException, message: str) -> bool:
    """A deadlock, or a transaction that could not be put in order with others."""
    state = str(getattr(getattr(error, "orig", None) or error, "sqlstate", "") or "")
    return state in ("40001", "40P01") or "Deadlock found" in message


def _is_platform(error: BaseException, message: str) -> bool:
    original = getattr(error, "orig", None) or error
    state = str(getattr(original, "sqlstate", "") or "")
    if getattr(error, "connection_invalidated", False) or state[:2] in ("08", "53", "57", "58", "XX"):
        return True
    if state[:2] == "42":  # syntax errors, and what the user may not touch
        return False
    lowered = message.lower()
    if "constraint failed" in lowered:  # which ADBC's driver for SQLite calls an internal error
        return False
    return type(original).__name__ in _PLATFORM_TYPES or any(text in lowered for text in _PLATFORM_TEXTS)


def _position(message: str, statement: Bound) -> str:
    """Line and column of the token that the database stumbles over, where it stands there only once."""
    near = _NEAR.search(message)
    if near is None:
        return ""
    text = "".join(piece if isinstance(piece, str) else f":{piece.key}" for piece in statement.pieces)
    token = near["token"] or near["word"]
    start = text.find(token)
    if start < 0 or text.find(token, start + 1) >= 0:
        return ""
    line = text.count("\n", 0, start) + 1
    return f" at line {line}, column {start - text.rfind(chr(10), 0, start)}"
