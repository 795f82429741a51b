"""The functions that make SQL tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dovetail.graph import Task
from dovetail.spec import Interface

from dovetail_sql._outputs import as_annotation
from dovetail_sql.config import Mode, Operation, SqlConfig


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
    """A task that runs a statement in a transaction of its own and returns the number of rows it changed.

    The number is 0 for statements that change no rows, such as ``create table``. A node that is run again after a crash runs
    its statement again: write it so that twice does no harm (``create table if not exists``, ``insert ... on conflict``).

    Args:
        statement: One SQL statement, with ``:names`` as in :func:`sql`.
        connection: Name of a connection in the configuration, or a URL without a password.
        inputs: Name -> type, as in :func:`sql`.
        defaults: Values of inputs that have one.
        name: For people and node ids.

    Raises:
        DefinitionError: Names, types or the connection cannot work.
    """
    return _statement_task("execute", statement, connection, inputs, int, defaults, name)


def table(
    table: str,
    *,
    connection: str,
    output: Any = "pyarrow.Table",
    columns: Sequence[str] | None = None,
    schema: str | None = None,
    name: str | None = None,
) -> Task[..., Any]:
    """A task that reads a whole table or view.

    Args:
        table: Its name as it is: nothing in it is special, neither dots nor quotes.
        connection: Name of a connection in the configuration, or a URL without a password.
        output: Dataframe type or its dotted name.
        columns: Columns to read, in this order. Default: all.
        schema: Schema of the table. Default: the connection's.
        name: For people and node ids. Default: ``read_`` and the table.

    Raises:
        DefinitionError: A name, the type or the connection cannot work.
    """
    config = SqlConfig(
        connection, "read", table=table, schema=schema, columns=None if columns is None else tuple(columns)
    )
    interface = Interface(inputs={}, outputs={"result": as_annotation(output)})
    return Task.from_type(
        task_type="sql", config=config, interface=interface, name=name or _named("read", table), doc=f"Read {table}."
    )


def to_table(
    table: str,
    *,
    connection: str,
    mode: Mode = "create",
    schema: str | None = None,
    once: bool = True,
    name: str | None = None,
) -> Task[..., int]:
    """A task that writes the rows it is given to a table and returns their number.

    The write is one transaction: others see all of it or nothing.

    Args:
        table: Its name as it is: nothing in it is special, neither dots nor quotes.
        connection: Name of a connection in the configuration, or a URL without a password.
        mode: ``"create"`` fails if the table exists; ``"append"`` adds the rows by column name, and creates the table if
            there is none; ``"replace"`` puts a new table in its place.
        schema: Schema of the table. Default: the connection's.
        once: In a durable run, ``create`` and ``append`` record the write in the table ``_dovetail_writes`` in the same
            transaction, and a node that runs again after a crash does not write again. False: no such table is made, and
            the rows may be written twice, or an existing table found.
        name: For people and node ids. Default: ``write_`` and the table.

    Raises:
        DefinitionError: A name, the mode or the connection cannot work.
    """
    config = SqlConfig(connection, "write", table=table, schema=schema, mode=mode, once=once)
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
) -> Task[..., Any]:
    interface = Interface(
        inputs={key: as_annotation(annotation) for key, annotation in (inputs or {}).items()},
        outputs={"result": output},
        defaults=dict(defaults or {}),
    )
    config = SqlConfig(connection, operation, statement=statement)
    return Task.from_type(task_type="sql", config=config, interface=interface, name=name, doc=statement)


def _named(verb: str, table: object) -> str:
    return f"{verb}_{re.sub(r'[^A-Za-z0-9_]+', '_', str(table))[:60]}"
