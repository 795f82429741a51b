"""The functions that make SQL tasks."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import DefinitionError
from dovetail.graph import Task
from dovetail.spec import Interface

from dovetail_sql._outputs import as_annotation
from dovetail_sql.config import Mode, Operation, SqlConfig

if TYPE_CHECKING:
    from dovetail.quality import Gate


def sql(
    statement: str,
    *,
    connection: str,
    inputs: Mapping[str, Any] | None = None,
    output: Any = "pyarrow.Table",
    defaults: Mapping[str, Any] | None = None,
    name: str = "sql",
) -> Task[..., Any]:
    """A task that runs a statement and returns its rows.

    Every ``:name`` in the statement is a parameter: its value is bound, never written into the text. A list is bound element
    by element: ``where carrier in :carriers``. An input that is a dataframe type is a relation of its name: ``from clean``.

    Args:
        statement: One SQL statement. A plain colon before a word is written ``\\:``; in quotes, comments and ``::`` it stays.
        connection: Name of a connection in the configuration, or a URL without a password.
        inputs: Name -> type, or its dotted name as text. They and the ``:names`` agree exactly.
        output: Dataframe type or its dotted name; or one type such as ``int``: exactly one row of one column; or a
            dataclass or TypedDict: exactly one row; or a list of those.
        defaults: Values of inputs that have one.
        name: For people and node ids.

    Raises:
        DefinitionError: Names, types or the connection cannot work.
    """
    return _statement_task("query", statement, connection, inputs, as_annotation(output), defaults, name)


def execute(
    statement: str,
    *,
    connection: str,
    inputs: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    name: str = "execute",
) -> Task[..., int]:
    """A task that runs statements in one transaction and returns the number of rows they changed.

    Several statements are divided by semicolons; all of them happen, or none (MariaDB and MySQL commit at each definition of a
    table). The number is 0 for statements that change no rows, such as ``create table``. A node that is run again after a
    crash runs its statement again: write it so that twice does no harm (``create table if not exists``,
    ``insert ... on conflict``).

    Args:
        statement: SQL statements, with ``:names`` as in :func:`sql`.
        connection: Name of a connection in the configuration, or a URL without a password.
        inputs: Name -> type, as in :func:`sql`.
        defaults: Values of inputs that have one.
        name: For people and node ids.

    Raises:
        DefinitionError: Names, types or the connection cannot work.
    """
    return _statement_task("execute", statement, connection, inputs, int, defaults, name, script=True)


def sql_file(
    path: str | os.PathLike[str],
    *,
    connection: str,
    inputs: Mapping[str, Any] | None = None,
    output: Any = None,
    defaults: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Task[..., Any]:
    """A task that runs the statements of a file in one transaction.

    The file is read here, once: the task is its text, so a changed file is a changed task.

    Args:
        path: The file, in UTF-8. A relative path starts from the directory of the file that calls this function.
        connection: Name of a connection in the configuration, or a URL without a password.
        inputs: Name -> type, as in :func:`sql`.
        output: As in :func:`sql`, of the last statement. Default: the number of rows changed, as :func:`execute` returns.
        defaults: Values of inputs that have one.
        name: For people and node ids. Default: the name of the file without its ending.

    Raises:
        DefinitionError: The file cannot be read, or names, types or the connection cannot work.
    """
    file = _beside_caller(Path(path))
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise DefinitionError(f"the SQL file {file} cannot be read", why=why, fix="correct the path") from None
    operation: Operation = "execute" if output is None else "query"
    annotation = int if output is None else as_annotation(output)
    return _statement_task(
        operation, text, connection, inputs, annotation, defaults, name or _named("", file.stem).strip("_"), script=True
    )


def _beside_caller(path: Path) -> Path:
    """A relative path from the directory of the file that called our caller."""
    if path.is_absolute():
        return path
    caller = sys._getframe(2).f_globals.get("__file__")
    return (Path(caller).resolve().parent if caller else Path.cwd()) / path


def table(
    table: str,
    *,
    connection: str,
    output: Any = "pyarrow.Table",
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    schema: str | None = None,
    name: str | None = None,
) -> Task[..., Any]:
    """A task that reads a table or view: all of it, or the columns and rows that are asked for, chosen in the database.

    Args:
        table: Its name as it is: nothing in it is special, neither dots nor quotes.
        connection: Name of a connection in the configuration, or a URL without a password.
        output: Dataframe type or its dotted name.
        columns: Columns to read, in this order. Default: all.
        where: Column -> type: an input of the task, whose value the rows have in that column. A list is any of its elements,
            None is null.
        defaults: Values of those inputs that have one.
        schema: Schema of the table. Default: the connection's.
        name: For people and node ids. Default: ``read_`` and the table.

    Raises:
        DefinitionError: A name, the type or the connection cannot work.
    """
    config = SqlConfig(
        connection,
        "read",
        table=table,
        schema=schema,
        columns=None if columns is None else tuple(columns),
        where=tuple(where or ()),
    )
    interface = Interface(
        inputs={key: as_annotation(annotation) for key, annotation in (where or {}).items()},
        outputs={"result": as_annotation(output)},
        defaults=dict(defaults or {}),
    )
    return Task.from_type(
        task_type="sql", config=config, interface=interface, name=name or _named("read", table), doc=f"Read {table}."
    )


def to_table(
    table: str,
    *,
    connection: str,
    mode: Mode = "create",
    keys: Sequence[str] = (),
    schema: str | None = None,
    once: bool = True,
    gate: Gate | None = None,
    name: str | None = None,
) -> Task[..., int]:
    """A task that writes the rows it is given to a table and returns their number.

    The write is one transaction: others see all of it or nothing.

    Args:
        table: Its name as it is: nothing in it is special, neither dots nor quotes.
        connection: Name of a connection in the configuration, or a URL without a password.
        mode: ``"create"`` fails if the table exists; ``"append"`` adds the rows by column name, and creates the table if
            there is none; ``"replace"`` puts a new table in its place; ``"merge"`` updates the rows whose ``keys`` are there,
            adds the others, and creates the table if there is none.
        keys: Columns that tell rows apart, for ``"merge"``. In the rows given, none is null and no combination stands twice.
        schema: Schema of the table. Default: the connection's.
        once: In a durable run, ``create``, ``append`` and ``merge`` record the write in the table ``_dovetail_writes`` in
            the same transaction, and a node that runs again after a crash does not write again. False: no such table is made, and
            the rows may be written twice, or an existing table found. With a gate, ``replace`` records itself too.
        gate: What the rows must pass before anybody sees them. They are written to a staging table, checked as the database
            holds them, and published in one step; the number returned is that of the rows published. Rows that it sets aside
            go to the table ``<table>_quarantine``. If it blocks, the table stays as it is, and so does the staging table.
        name: For people and node ids. Default: ``write_`` and the table.

    Raises:
        DefinitionError: A name, the mode or the connection cannot work.
    """
    config = SqlConfig(
        connection, "write", table=table, schema=schema, mode=mode, once=once, keys=tuple(keys), gate=gate
    )
    interface = Interface(
        inputs={"rows": Any}, outputs={"result": int}, help={"rows": "a table of any type: polars, pandas, Arrow"}
    )
    return Task.from_type(
        task_type="sql", config=config, interface=interface, name=name or _named("write", table), doc=f"Write {table}."
    )


def _statement_task(
    operation: Operation,
    statement: str,
    connection: str,
    inputs: Mapping[str, Any] | None,
    output: Any,
    defaults: Mapping[str, Any] | None,
    name: str,
    script: bool = False,
) -> Task[..., Any]:
    interface = Interface(
        inputs={key: as_annotation(annotation) for key, annotation in (inputs or {}).items()},
        outputs={"result": output},
        defaults=dict(defaults or {}),
    )
    config = SqlConfig(connection, operation, statement=statement, script=script)
    return Task.from_type(task_type="sql", config=config, interface=interface, name=name, doc=statement)


def _named(verb: str, table: object) -> str:
    return f"{verb}_{re.sub(r'[^A-Za-z0-9_]+', '_', str(table))[:60]}"
