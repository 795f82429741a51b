"""ClickHouse inside of this process: chDB. Rows come and go as Arrow.

There are no transactions. A table that is created or replaced appears at once and whole, by a rename; appended rows
appear block by block. So no write is audited, merged or recorded: a node that runs again after a crash may append its rows twice.
"""

from __future__ import annotations

import datetime
import decimal
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConfigError, EngineUnavailable, UsageError, ValueMismatch

from dovetail_sql._connections import Connection
from dovetail_sql._contract import Receipt, TableName, Work, match_columns
from dovetail_sql._database import Database, Frame
from dovetail_sql._failures import missing_driver, statement_failed, unavailable
from dovetail_sql._relations import inside
from dovetail_sql._rows import check_columns, plain_table
from dovetail_sql._statement import Bound, Placeholder, first_word
from dovetail_sql._values import plain_values
from dovetail_sql._writes import already_there, check_rows, no_rows_returned

if TYPE_CHECKING:
    import pyarrow as pa

_STAGE = "_dovetail_stage_rows"
_CHANGES = (
    *(
        "alter",
        "attach",
        "create",
        "delete",
        "detach",
        "drop",
        "exchange",
        "grant",
        "insert",
        "kill",
        "optimize",
        "rename",
    ),
    *("revoke", "set", "system", "truncate", "update", "use"),
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
_open: dict[str, list[Any]] = {}
"""The one database of this process: path -> session and how many use it."""
_lock = threading.RLock()


class ChDatabase(Database):
    """A directory that chDB keeps its tables in; one for a process."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        try:
            import chdb.session
        except ImportError as error:
            raise missing_driver(error.name, connection) from None
        if connection.read_only:
            raise ConfigError("read_only is not known for chdb", who=connection.described, fix="drop it")
        self._path = str(connection.path or "")
        with _lock:
            others = [path for path in _open if path != self._path]
            if others:
                raise EngineUnavailable(
                    "this process has opened another chDB database already",
                    who=connection.described,
                    why=f"chDB keeps one in a process: {others[0] or 'in memory'}",
                    fix="use one connection to chdb in a run",
                )
            try:
                held = _open.setdefault(self._path, [None, 0])
                opener: Any = chdb.session.Session
                held[0] = held[0] or (opener(self._path) if self._path else opener())
                held[1] += 1
            except Exception as error:
                _open.pop(self._path, None)
                raise unavailable(error, connection) from None
            self._session = held[0]

    def _ask(self, statement: Bound, token: object = None, **tables: pa.Table) -> pa.Table | None:
        """Run one statement; tables are what ``Python(name)`` in it names."""
        import pyarrow as pa

        code, values = self._prepare(statement)
        if self.connection.statement_timeout is not None and first_word(statement) in ("select", "with"):
            code += f"\nsettings max_execution_time = {self.connection.statement_timeout}"
        with _lock, self.running(token, lambda: None):
            try:
                found = _run(self._session, code, values, tables)
            except Exception as error:  # chDB raises RuntimeError
                raise statement_failed(error, self.connection, statement, self.tables) from None
        return pa.ipc.open_stream(found).read_all() if found else None

    def _prepare(self, statement: Bound) -> tuple[str, dict[str, str]]:
        plain = plain_values(statement.values, self.connection)
        given = {key: self._given(value) for key, value in plain.items()}
        code = "".join(
            piece if isinstance(piece, str) else f"{{{piece.key}:{given[piece.key][0]}}}" for piece in statement.pieces
        )
        return re.sub(r"[;\s]+\Z", "", code), {key: text for key, (_, text) in given.items()}

    def _given(self, value: Any) -> tuple[str, str]:
        """The type and the text that a parameter is sent as."""
        if value is None:
            return "Nullable(String)", "\\N"
        if isinstance(value, bool):
            return "Bool", str(value).lower()
        if isinstance(value, int) and abs(value) < 10**76:
            return ("Int64" if -(2**63) <= value < 2**63 else "Decimal(76, 0)"), str(value)
        if isinstance(value, float):
            return "Float64", repr(value)
        if isinstance(value, decimal.Decimal) and value.is_finite():
            return f"Decimal(76, {max(0, -int(value.as_tuple().exponent))})", format(value, "f")
        if isinstance(value, datetime.datetime):
            zoned = value.astimezone(datetime.UTC) if value.tzinfo else value
            return "DateTime64(6, 'UTC')", zoned.strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, datetime.date):
            return "Date32", value.isoformat()
        if isinstance(value, str):
            return "String", value.translate(_ESCAPES)
        if type(value).__name__ == "UUID":
            return "UUID", str(value)
        raise UsageError(
            f"a value of type {type(value).__name__} cannot be bound",
            who=self.connection.described,
            fix="pass str(value) or float(value), whichever the column holds",
        )

    # -- statements -------------------------------------------------------------------------------

    def query(
        self, statement: Bound, frames: Mapping[str, Frame], token: object = None, before: Sequence[Bound] = ()
    ) -> pa.Table:
        with self._frames(frames):
            for each in before:
                self._ask(each, token)
            if first_word(statement) in _CHANGES:
                raise no_rows_returned(self.connection)
            moments = self._moments(statement) if first_word(statement) in ("select", "with") else []
            rows = self._ask(statement, token)
        if rows is None:
            raise no_rows_returned(self.connection)
        check_columns(rows.column_names, self.connection.described)
        return self._received(rows, moments)

    def _moments(self, statement: Bound) -> list[str]:
        """Columns of the type DateTime, which come as numbers."""
        found = self._ask(inside("describe table (", statement, ")"))
        kinds = (
            dict(zip(found["name"].to_pylist(), found["type"].to_pylist(), strict=True)) if found is not None else {}
        )
        return [name for name, kind in kinds.items() if re.match(r"(Nullable\()?DateTime(\(|\)|$)", kind)]

    def _received(self, rows: pa.Table, moments: Sequence[str]) -> pa.Table:
        import pyarrow as pa

        for position, field in enumerate(rows.schema):
            column = rows.column(position)
            if isinstance(field.type, pa.UuidType):
                texts = [None if value is None else str(value) for value in column.to_pylist()]
                column = pa.chunked_array([pa.array(texts, pa.string())])
            elif field.name in moments:
                column = column.cast(pa.int64()).cast(pa.timestamp("s", "UTC"))
            elif pa.types.is_timestamp(field.type):
                column = column.cast(pa.timestamp(field.type.unit, "UTC"))
            elif pa.types.is_string(field.type):
                try:
                    column.validate(full=True)
                except pa.ArrowInvalid:
                    raise ValueMismatch(
                        f"column {field.name!r} holds bytes that are no text",
                        who=self.connection.described,
                        fix="write hex(column) in the statement: ClickHouse tells texts and bytes not apart",
                    ) from None
            rows = rows.set_column(position, pa.field(field.name, column.type), column)
        return rows

    def execute(self, statement: Bound, frames: Mapping[str, Frame], token: object = None, *more: Bound) -> int:
        with self._frames(frames):
            for each in (statement, *more):
                self._ask(each, token)
        return 0  # it does not count them

    @contextmanager
    def _frames(self, frames: Mapping[str, Frame]) -> Iterator[None]:
        made = []
        try:
            for name, rows in frames.items():
                head = f"create temporary table {self.quote(name)} engine = Memory as "
                if isinstance(rows, Bound):
                    self._ask(inside(head, rows, ""))
                else:
                    check_rows(TableName(name), rows)
                    self._ask(Bound((head, "select * from Python(rows)"), {}), rows=plain_table(rows))
                made.append(name)
            yield
        finally:
            for name in made:
                self._ask(Bound((f"drop temporary table {self.quote(name)}",), {}))

    # -- tables -----------------------------------------------------------------------------------

    @contextmanager
    def working(self, about: Bound, token: object = None) -> Iterator[Work]:
        def run(statement: Bound) -> int:
            self._ask(statement, token)
            return 0

        def nothing(receipt: Receipt, table: TableName, rows: int) -> None:
            """There is no transaction that a record could be part of."""

        with _lock:
            yield Work(token, run, lambda receipt: None, nothing)

    def _sendable(self, rows: pa.Table) -> pa.Table:
        return plain_table(rows)

    def _put(self, cursor: Any, table: TableName, rows: pa.Table, mode: str, keys: Sequence[str]) -> None:
        found = self.find(table)
        if mode == "merge":
            raise UsageError(
                "chDB cannot merge rows into a table",
                who=self.connection.described,
                why="it has no transactions, so that others would see half of it",
                fix='use mode="replace" with all rows, or a ReplacingMergeTree and mode="append"',
            )
        if found is not None and mode == "create":
            raise already_there(found, self.connection)
        if found is None and any(sign in table.name for sign in "*?{"):
            raise UsageError(
                f"chDB gives no table the name {table.name!r}",
                who=self.connection.described,
                why="it takes * ? { in the name of a table that is renamed for a pattern",
                fix="choose another name",
            )
        if found is not None and mode == "append":
            names = match_columns(self.columns(found), rows.column_names, found, self.connection)
            self._insert(found, rows.rename_columns(names), cursor)
            return
        stage = TableName(_STAGE, table.schema)
        columns = ", ".join(f"{self.quote(field.name)} {self._declared(field)}" for field in rows.schema)
        self._do(f"drop table if exists {self.quoted(stage)}")
        self._do(f"create table {self.quoted(stage)} ({columns}) engine = MergeTree order by tuple()")
        self._insert(stage, rows, cursor)
        if found is None:
            self._do(f"rename table {self.quoted(stage)} to {self.quoted(table)}")
        else:
            self._do(f"exchange tables {self.quoted(stage)} and {self.quoted(found)}")
            self._do(f"drop table {self.quoted(stage)}")

    def _insert(self, table: TableName, rows: pa.Table, token: object) -> None:
        names = ", ".join(map(self.quote, rows.column_names))
        if rows.num_rows:
            code = f"insert into {self.quoted(table)} ({names}) select {names} from Python(rows)"  # noqa: S608 - identifiers, quoted
            self._ask(Bound((code,), {}), token, rows=rows)

    def _do(self, code: str) -> None:
        self._ask(Bound((code,), {}))

    def _declared(self, field: pa.Field) -> str:
        import pyarrow as pa

        kind, t = field.type, pa.types
        known = {
            pa.bool_(): "Bool", pa.float32(): "Float32", pa.float64(): "Float64", pa.date32(): "Date32",
            pa.string(): "String", pa.large_string(): "String", pa.null(): "String",
        }  # fmt: skip
        if t.is_integer(kind):
            name = str(kind).replace("uint", "UInt").replace("int", "Int")
        elif t.is_decimal(kind):
            name = f"Decimal({kind.precision}, {kind.scale})"
        elif t.is_timestamp(kind):
            name = f"DateTime64({ {'s': 0, 'ms': 3, 'us': 6}[kind.unit] }, 'UTC')"
        elif kind in known:
            name = known[kind]
        else:
            raise ValueMismatch(
                f"column {field.name!r} holds {kind}, which chDB is not given",
                who=self.connection.described,
                fix="write it as text or as a number",
            )
        return f"Nullable({name})"

    def tables(self, schema: str | None = None) -> list[str]:
        return self._names("tables", "name", schema)

    def columns(self, table: TableName) -> list[str]:
        return self._names("columns", "name", table.schema, table.name)

    def _names(self, what: str, order: str, schema: str | None, table: str | None = None) -> list[str]:
        pieces: list[str | Placeholder] = [f"select name from system.{what} where database = "]  # noqa: S608 - words of ours
        pieces += [Placeholder("schema")] if schema else ["currentDatabase()"]
        pieces += [" and table = ", Placeholder("table")] if table else []
        values = {key: value for key, value in (("schema", schema), ("table", table)) if value}
        found = self._ask(Bound((*pieces, f" order by {'position' if table else order}"), values))
        return [] if found is None else [str(name) for name in found["name"].to_pylist()]

    def quote(self, name: str) -> str:
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    @property
    def rolls_back_definitions(self) -> bool:
        return False

    @property
    def has_transactions(self) -> bool:
        return False

    def _close(self) -> None:
        with _lock:
            held = _open.get(self._path)
            if held is not None:
                held[1] -= 1
                if held[1] <= 0:
                    del _open[self._path]
                    held[0].close()


def _run(session: Any, code: str, values: Mapping[str, str], tables: Mapping[str, pa.Table]) -> bytes:
    """Run a statement where ``Python(rows)`` finds the rows: among the local names of the caller."""
    rows = tables.get("rows")
    found = session.query(code, "ArrowStream", params=dict(values) or None)
    del rows
    return bytes(found.bytes() or b"")
