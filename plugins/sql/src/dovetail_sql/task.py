"""The task type ``sql``: statements, table reads and table writes on one open database per connection and run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from dovetail.config import Settings
from dovetail.errors import DefinitionError, DovetailError, UsageError, UserError, ValueMismatch, listing, nearest
from dovetail.spec import Interface, TaskCall, TaskContext, TaskType, TypeRef

from dovetail_sql._connections import Connection, check_reference, resolve_connection
from dovetail_sql._failures import missing_driver
from dovetail_sql._outputs import bare, is_stream, is_value, shape_of, shaped
from dovetail_sql._statement import Statement, check_names, joined, parse, parse_script
from dovetail_sql.config import Mode, Operation, SqlConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail_sql._database import Database, Receipt, TableName
    from dovetail_sql.query import Query

ROWS = "rows"
"""Name of the input of a table write."""

_ATTEMPTS = 3
"""How often a transaction is begun that the database gives up because of others."""

_ARROW = TypeRef("pyarrow.Table")


class SqlTask(TaskType):
    """Runs SQL. The nodes of a run that use one connection share one open database."""

    name: ClassVar[str] = "sql"
    in_process: ClassVar[bool] = False

    def __init__(self) -> None:
        self._active: dict[object, Database] = {}  # by attempt: whom cancel() has to ask

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """Check connection, statement, names and types before anything runs.

        Raises:
            DefinitionError: One of them cannot work.
            ConversionError, UnknownType: The type of an input or of the output is no table, nor anything else that SQL knows.
        """
        if function is not None or not isinstance(config, SqlConfig):
            raise DefinitionError(
                "a SQL task is the work itself: it decorates no function",
                fix='flights = sql("select ...", connection="warehouse", output=polars.DataFrame)',
            )
        check_reference(config.connection, "SQL task")
        who = f"SQL task on connection {config.connection!r}"
        _one_of(config.operation, Operation, "operation", who)
        if config.operation in ("read", "write"):
            _check_table(config, who)
            if config.gate is not None:
                _check_gate(config.gate, who)
            if config.operation == "read":
                _check_where(interface, who)
        else:
            _check_statement(config, interface, who)
        for annotation in interface.outputs.values():
            _check_output(config, annotation, who)

    def resource_key(self, config: Any) -> Hashable:
        """The connection as it was named: it holds no secret, and two names are two databases."""
        return str(config.connection)

    def open(self, config: Any, context: TaskContext) -> Database:
        """Connect.

        Raises:
            UsageError: There is no connection of that name.
            ConfigError: The connection is malformed.
            EngineUnavailable: The driver is missing, or the database cannot be reached.
        """
        settings = context.settings if isinstance(context.settings, Settings) else _current_settings()
        return open_database(resolve_connection(config.connection, settings))

    def close(self, resource: Any) -> None:
        """Close every connection to the database."""
        resource.close()

    def execute(self, call: TaskCall) -> Any:
        """Run the statement, read the table or write the rows.

        Returns:
            An Arrow table, one value or records, as the output asks; for ``execute`` and ``write`` a number of rows.
        """
        config: SqlConfig = call.config
        token = _token(call)
        self._active[token] = call.resource
        try:
            return self._again(config, call, call.resource, token)
        except DovetailError as error:
            if error.who is None:
                error.who = f"task {call.context.node_id!r}"
            raise
        finally:
            del self._active[token]
            call.resource.forget(token)

    def _again(self, config: SqlConfig, call: TaskCall, database: Database, token: object) -> Any:
        """Run it, and again if the database gave its transaction up: then nothing of it has happened.

        And again if nobody knows whether it has happened, for a write that looks itself, or that twice does no harm.
        """
        from dovetail_sql._database import OutcomeUnknown, TransactionGivenUp

        for _ in range(_ATTEMPTS - 1):
            try:
                return self._execute(config, call, database, token)
            except (TransactionGivenUp, OutcomeUnknown) as error:
                if isinstance(error, OutcomeUnknown) and not _looks_itself(config, call):
                    raise
                if call.context.log is not None:
                    call.context.log.warning("%s; trying again", error.what)
        return self._execute(config, call, database, token)

    def _execute(self, config: SqlConfig, call: TaskCall, database: Database, token: object) -> Any:
        from dovetail_sql._lazy import folded, lazily, staying
        from dovetail_sql._pushed import write_query

        if config.operation == "write":
            if config.gate is not None and not database.has_transactions:
                raise UsageError(
                    f"{database.connection.dialect} cannot audit rows before they are published",
                    who=database.connection.described,
                    why="it has no transactions",
                    fix="gate the rows where they are made: Annotated[pyarrow.Table, dt.Gate(...)]",
                )
            query = staying(call.inputs[ROWS], database)
            if query is not None and config.gate is None and config.mode != "merge" and database.has_transactions:
                receipt = _receipt(config, call, query)
                return write_query(database, _table(config), query, config.mode, receipt, token)
            rows = _arrow(call.inputs[ROWS], ROWS)
            if config.gate is not None:
                from dovetail_sql._publish import write_audited

                return write_audited(database, config, rows, _receipt(config, call), token, call.context)
            return database.write(_table(config), rows, config.mode, _receipt(config, call), token, config.keys)
        output = next(iter(call.interface.outputs.values()), Any)
        if config.operation == "read":
            conditions = {name: call.inputs[name] for name in config.where}
            found = lazily(output, database, database.reading(_table(config), config.columns, conditions), token)
            if found is not None:
                return found
            rows = database.read(_table(config), config.columns, token, conditions)
        else:
            inputs = call.interface.inputs
            values = {name: value for name, value in call.inputs.items() if is_value(inputs[name])}
            frames = {n: _relation(value, n, database) for n, value in call.inputs.items() if n not in values}
            bound = [statement.bind(values) for statement in _statements(config)]
            if config.operation == "execute":
                return database.execute(bound[0], frames, token, *bound[1:])
            if len(bound) == 1:
                bound[0], frames = folded(bound[0], frames, database)
                found = None if frames else lazily(output, database, bound[0], token)
                if found is not None:
                    return found
                if not frames and is_stream(output):
                    return database.stream(bound[0], token)
            rows = database.query(bound[-1], frames, token, bound[:-1])
        return shaped(rows, output, f"task {call.context.node_id!r}")

    def cancel(self, call: TaskCall) -> None:
        """Interrupt the running statement."""
        token = _token(call)
        database = self._active.get(token)
        if database is not None:
            database.cancel(token)

    def kept_rows(self, place: Mapping[str, Any], settings: Any) -> Any:
        """Rows that ``to_table(gate=...)`` has set aside, as a table of Arrow."""
        from dovetail_sql._kept import read_kept

        with closing(open_database(resolve_connection(place["connection"], settings))) as database:
            return read_kept(database, place)

    def forget_rows(self, place: Mapping[str, Any], settings: Any) -> None:
        """Delete these rows from the table beside the one that was written."""
        from dovetail_sql._kept import delete_kept

        with closing(open_database(resolve_connection(place["connection"], settings))) as database:
            delete_kept(database, place)

    def fingerprint(self, config: Any, function: Callable[..., Any] | None) -> str:
        """Statement, connection, mode and gate; not the content of the database, which nobody can see from here."""
        return repr(config) + ("" if config.gate is None else config.gate.fingerprint())


def _token(call: TaskCall) -> object:
    """Names an attempt. Calls outside of runs are told apart by their contexts."""
    context = call.context
    return (context.run_id or id(context), context.node_id, context.attempt)


def open_database(connection: Connection) -> Database:
    """Open a database: DuckDB by its own driver, PostgreSQL by ADBC where that is installed, all others by SQLAlchemy.

    Raises:
        EngineUnavailable: The driver is missing, or the database cannot be reached.
    """
    if connection.dialect == "duckdb":
        from dovetail_sql._duckdb import DuckDatabase

        return DuckDatabase(connection)
    if connection.dialect == "chdb":
        from dovetail_sql._chdb import ChDatabase

        return ChDatabase(connection)
    if connection.dialect in ("mariadb", "mysql"):
        from dovetail_sql._mysql import MySqlDatabase

        return MySqlDatabase(connection)
    if connection.dialect == "sqlite" and connection.url.get_driver_name() == "adbc" and connection.path is not None:
        if find_spec("adbc_driver_sqlite") is None:
            raise missing_driver("adbc_driver_sqlite", connection)
        from dovetail_sql._sqlite_adbc import SqliteArrowDatabase

        return SqliteArrowDatabase(connection)
    if connection.dialect == "postgresql" and _reaches_arrow(connection):
        from dovetail_sql._postgresql import PostgresDatabase

        return PostgresDatabase(connection)
    from dovetail_sql._alchemy import AlchemyDatabase

    return AlchemyDatabase(connection)


def _reaches_arrow(connection: Connection) -> bool:
    """ADBC's driver is here, and the URL names a driver that takes the same settings."""
    return (
        connection.url.get_driver_name() in ("psycopg", "psycopg2") and find_spec("adbc_driver_postgresql") is not None
    )


def _current_settings() -> Settings:
    from dovetail.plugins import current_catalogue

    return current_catalogue().settings


def _arrow(value: Any, name: str) -> pa.Table:
    from dovetail.types import current_types

    types = current_types()
    if not types.is_table(value):
        raise ValueMismatch(
            f"the input {name!r} is no table, it is a {type(value).__name__}",
            fix="give a polars or pandas DataFrame or an Arrow table",
        )
    return types.convert(value, _ARROW)


def _relation(value: Any, name: str, database: Database) -> Any:
    """What a statement reads by this name: an Arrow table, unless the rows can stay where they are."""
    from dovetail_sql._lazy import in_place

    found = in_place(value, database)
    return _arrow(value, name) if found is None else found


def _looks_itself(config: SqlConfig, call: TaskCall) -> bool:
    """A write that finds out whether it has happened, or that may happen twice."""
    recorded = bool(config.once and call.context.idempotency_key)
    return config.operation == "write" and (recorded or (config.mode in ("replace", "merge") and config.gate is None))


def _receipt(config: SqlConfig, call: TaskCall, query: Query | None = None) -> Receipt | None:
    """What a write is recorded by; None where nothing is: outside of runs, and where running twice does no harm."""
    key = call.context.idempotency_key
    if not (key and config.once and (config.mode != "replace" or config.gate is not None)):
        return None
    from dovetail.types import current_types

    from dovetail_sql._database import Receipt

    short = key if len(key) <= 200 else hashlib.sha256(key.encode()).hexdigest()
    return Receipt(short, "" if query is not None else current_types().content_hash(call.inputs[ROWS]))


def _table(config: SqlConfig) -> TableName:
    from dovetail_sql._database import TableName

    return TableName(config.table or "", config.schema)


def _one_of(value: object, choice: Any, what: str, who: str) -> None:
    allowed = get_args(choice)
    if value not in allowed:
        close = nearest(str(value), allowed)
        raise DefinitionError(
            f"{what}={value!r} is unknown",
            who=who,
            fix=f"write {close!r}" if close else f"use one of {listing(allowed)}",
        )


def _statements(config: SqlConfig) -> tuple[Statement, ...]:
    return parse_script(config.statement) if config.script else (parse(config.statement),)


def _check_statement(config: SqlConfig, interface: Interface, who: str) -> None:
    try:
        statement = joined(_statements(config))
    except DefinitionError as error:
        error.who = who
        raise
    values = [name for name, annotation in interface.inputs.items() if is_value(annotation)]
    frames = [name for name in interface.inputs if name not in values]
    check_names(statement, values, frames, who)
    for name in frames:
        _check_edge(interface.inputs[name], _ARROW, f"input {name!r} of the {who}")


def _check_table(config: SqlConfig, who: str) -> None:
    _one_of(config.mode, Mode, "mode", who)
    columns = config.columns if config.columns is not None else ("all",)
    if not columns:
        raise DefinitionError("columns= names no column", who=who, fix="leave it out to read all columns")
    if bool(config.keys) != (config.mode == "merge"):
        raise DefinitionError(
            "a merge needs keys" if not config.keys else f'keys= mean nothing to mode="{config.mode}"',
            who=who,
            fix='mode="merge", keys=["id"]',
        )
    columns = (*columns, *config.keys, *config.where)
    for what, name in (("table", config.table), ("schema", config.schema or "main"), *(("column", c) for c in columns)):
        if not isinstance(name, str) or not name or "\x00" in name:
            raise DefinitionError(f"{name!r} is no name of a {what}", who=who, fix="give its name as text, unquoted")


def _check_gate(gate: Any, who: str) -> None:
    from dovetail.quality import Gate
    from dovetail.types import current_types

    if not isinstance(gate, Gate):
        raise DefinitionError(f"gate={gate!r} is no gate", who=who, fix='gate=Gate([not_null("id")])')
    gate.check(current_types(), _ARROW)


def _check_where(interface: Interface, who: str) -> None:
    for name, annotation in interface.inputs.items():
        if not is_value(annotation):
            raise DefinitionError(
                f"where= selects by values, and {name!r} is {annotation}", who=who, fix=f"where={{{name!r}: int}}"
            )


def _check_output(config: SqlConfig, annotation: Any, who: str) -> None:
    if config.operation in ("execute", "write"):
        return
    if shape_of(annotation, who) != "table":
        if config.operation == "read":
            raise DefinitionError("table() returns a dataframe", who=who, fix="output=polars.DataFrame")
        return
    _check_edge(_ARROW, annotation, f"output of the {who}")


def _check_edge(source: Any, target: Any, who: str) -> None:
    from dovetail.types import current_types

    try:
        current_types().check_edge(source, bare(target))
    except UserError as error:  # no road, or a type that nobody knows: it says which plugin would
        error.who = error.who or who
        raise
