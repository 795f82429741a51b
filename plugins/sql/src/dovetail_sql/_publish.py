"""Write, audit, publish: rows go into a staging table, are checked as the database holds them, and only then become the table."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dovetail.errors import DovetailError, GateBlocked, PlatformError, UsageError
from dovetail.quality import GateResult, raise_for_decision
from dovetail.quality.checks.sql import ROW
from dovetail.types import current_types

from dovetail_sql._contract import OutcomeUnknown
from dovetail_sql._database import LEDGER, Database, Receipt, TableName, match_columns
from dovetail_sql._kept import reference_to
from dovetail_sql._merge import check_keys, merge_statements
from dovetail_sql._statement import Bound, Placeholder
from dovetail_sql._writes import already_there, check_rows
from dovetail_sql.checks import SqlTableChecks, StoredTable
from dovetail_sql.config import SqlConfig

if TYPE_CHECKING:
    import pyarrow as pa
    from dovetail.spec import TaskContext

_REMOVED = "_dovetail_removed"
_ASIDE = "_dovetail_aside"
_LABELLED = "_dv_row"
"""Column of labels: the ordinal of the row that they are of."""


def _under_way(count: int) -> int:
    """In the place of a number of rows: they are audited, and only the rename is left to do. The way back is the same."""
    return -1 - count


def write_audited(
    database: Database,
    config: SqlConfig,
    rows: pa.Table,
    receipt: Receipt | None,
    token: object,
    context: TaskContext,
) -> int:
    """Write rows by way of a staging table and the gate of ``config``; returns how many were published.

    Raises:
        GateBlocked: The gate refuses. The table is as it was; the staging table stays, and the error names it.
    """
    return _Publication(database, config, receipt, token, context).run(rows)


@dataclass
class _Publication:
    """One write of one table."""

    database: Database
    config: SqlConfig
    receipt: Receipt | None
    token: object
    context: TaskContext
    table: TableName = field(init=False)
    stage: TableName = field(init=False)
    blocked: TableName = field(init=False)
    aside: TableName = field(init=False)

    def __post_init__(self) -> None:
        name, schema = self.config.table or "", self.config.schema
        self.table = TableName(name, schema)
        # the same in every attempt of one node, so that a retry finds what a crash left; else nobody else's
        whose = self.receipt.key if self.receipt is not None else uuid.uuid4().hex
        self.stage = TableName(_short("stage", name, whose), schema)
        self.blocked = TableName(_short("blocked", name), schema)
        self.aside = TableName(quarantine_name(name), schema)

    def run(self, rows: pa.Table) -> int:
        database = self.database
        database.check_writable()
        check_rows(self.table, rows)
        if self.config.mode == "merge":
            check_keys(self.table, rows, self.config.keys)
        if ROW in rows.column_names:
            raise UsageError(f"{ROW} is a column of staging tables", fix="rename the column")
        known = self._recorded()
        if known is not None:
            return self._finish(known)
        found = database.find(self.table)
        if found is not None and self.config.mode == "create":
            raise already_there(found, database.connection)
        try:
            database.write(self.stage, _numbered(rows), "replace", token=self.token)
            result = self._audit(rows)
            if result.report.blocked:
                self._refuse(result)
        except BaseException:
            self._forget_stage()
            raise
        return self._publish(result, rows.num_rows)

    # -- audit ------------------------------------------------------------------------------------

    def _audit(self, rows: pa.Table) -> GateResult:
        """What the gate says of the rows as the database holds them. They stay there, if it can check them itself."""
        gate, context = self.config.gate, self.context
        assert gate is not None
        staged = StoredTable(self.database, self.stage, rows.schema, rows.num_rows, self.token)
        result: GateResult = gate.evaluate(
            staged,
            types=current_types(),
            run_id=context.run_id,
            node_id=context.node_id,
            attempt=context.attempt,
            dataset={"namespace": self.config.connection, "name": str(self.table)},
            rows_stay=True,
        )
        if staged.failure is not None:
            raise staged.failure
        if result.report.engine.get("name") == SqlTableChecks.name:
            result.report.engine = staged.engine()
        return result

    def _refuse(self, result: GateResult) -> None:
        """Keep the staging table under a name that the next write of this table finds; raise."""
        database, report = self.database, result.report
        self._run(
            f"drop table if exists {self._quoted(self.blocked)}",
            database.rename_statement([(self.stage, self.blocked)]),
        )
        assert report.dataset is not None
        report.dataset["staged"] = str(self.blocked)
        try:
            raise_for_decision(report)
        except GateBlocked as error:
            look = f"select * from {self._quoted(self.blocked)}"  # noqa: S608 - shown to people
            error.fix = f"look at the rows: {look}; then {error.fix}"
            error.details["staged_table"] = str(self.blocked)
            raise

    # -- publish ----------------------------------------------------------------------------------

    def _publish(self, result: GateResult, rows: int) -> int:
        database, config = self.database, self.config
        removed, labels = result.removed, result.labels
        count = rows - (0 if removed is None else len(removed))
        frames: dict[str, Any] = {}
        with database.publishing:
            found = database.find(self.table)
            if found is not None and config.mode == "create":
                self._forget_stage()
                raise already_there(found, database.connection)
            swaps = found is None or config.mode in ("create", "replace")
            work: list[str | Bound] = []
            if labels is not None and config.gate is not None and config.gate.policy.on_fail == "quarantine":
                work += self._setting_aside(database.storable(labels), frames)
                assert result.report.dataset is not None
                result.report.dataset["quarantined"] = str(self.aside)
                result.report.quarantine = reference_to(config, database.find(self.aside) or self.aside, labels)
            work += self._removal(removed, frames)
            try:
                if database.rolls_back_definitions:
                    work += self._swap(found) if swaps else self._addition(found or self.table)
                    work += [*self._record(count), self._drop(self.blocked)]
                    if not swaps:
                        work.append(self._drop(self.stage))
                    self._run(*work, frames=frames)
                elif swaps:
                    self._run(*work, *self._record(_under_way(count)), frames=frames)
                    self._rename(found, count)
                else:
                    self._run(*work, *self._addition(found or self.table), *self._record(count), frames=frames)
                    self._run(self._drop(self.stage), self._drop(self.blocked))
            except BaseException as error:
                if database.rolls_back_definitions or not swaps:
                    self._forget_stage()
                    if not isinstance(error, OutcomeUnknown):
                        result.report.quarantine = None  # nothing was set aside
                raise
        return count

    def _removal(self, removed: Any, frames: dict[str, Any]) -> list[str | Bound]:
        import pyarrow as pa

        if removed is None or not len(removed):
            return []
        frames[_REMOVED] = pa.table({ROW: removed})
        row, stage = self.database.quote(ROW), self._quoted(self.stage)
        # S608: identifiers, quoted
        return [f"delete from {stage} where {row} in (select {row} from {self.database.quote(_REMOVED)})"]  # noqa: S608

    def _setting_aside(self, labels: pa.Table, frames: dict[str, Any]) -> list[str | Bound]:
        """Statements that copy the failing rows, inside of the database, to the table of such rows."""
        database, quote = self.database, self.database.quote
        frames[_ASIDE] = labels
        staged = [name for name in database.columns(self.stage) if name != ROW]
        named = dict(zip(_besides(staged, labels.column_names), (f"s.{quote(name)}" for name in staged), strict=True))
        named |= {name: f"a.{quote(name)}" for name in labels.column_names}
        found, target = database.find(self.aside), self._quoted(self.aside)
        stage, aside = self._quoted(self.stage), quote(_ASIDE)
        source = f" from {stage} s join {aside} a on s.{quote(ROW)} = a.{quote(_LABELLED)}"
        work: list[str | Bound] = []
        names, casts = list(named), {}
        if found is None:
            values = ", ".join(f"{code} as {quote(name)}" for name, code in named.items())
            empty = f"create table {target} as select {values}{source} where 1 = 0"  # identifiers, quoted
            if database.rolls_back_definitions:
                work.append(empty)
            else:
                self._run(empty, frames=frames)
        else:
            target, casts = self._quoted(found), database.casts(found)
            try:
                names = match_columns(database.columns(found), names, found, database.connection)
            except UsageError as error:
                error.fix = f"rename or drop the table {found}: rows that are set aside have other columns now"
                raise
        values = ", ".join(code + casts.get(name, "") for name, code in zip(names, named.values(), strict=True))
        into = ", ".join(map(quote, names))
        # S608: identifiers, quoted
        work.append(f"insert into {target} ({into}) select {values}{source} order by s.{quote(ROW)}")
        return work

    def _addition(self, target: TableName) -> list[str | Bound]:
        """Statements that add the staged rows to a table that exists."""
        database, quote = self.database, self.database.quote
        given = [name for name in database.columns(self.stage) if name != ROW]
        names = match_columns(database.columns(target), given, target, database.connection)
        casts = database.casts(target)
        into, stage = self._quoted(target), self._quoted(self.stage)
        if self.config.mode == "append":
            return [self._insertion(into, names, given, stage, casts)]
        values = {name: f"s.{quote(mine)}{casts.get(name, '')}" for name, mine in zip(names, given, strict=True)}
        keys = match_columns(names, self.config.keys, target, database.connection)
        return [
            *database.lock_statements(target),
            *merge_statements(into, stage, values, keys, quote=quote, update_join=not database.rolls_back_definitions),
        ]

    def _insertion(
        self, target: str, names: Sequence[str], given: Sequence[str], source: str, casts: dict[str, str]
    ) -> str:
        quote = self.database.quote
        values = ", ".join(f"{quote(mine)}{casts.get(name, '')}" for name, mine in zip(names, given, strict=True))
        return f"insert into {target} ({', '.join(map(quote, names))}) select {values} from {source}"  # noqa: S608

    def _swap(self, found: TableName | None) -> list[str | Bound]:
        return list(self.database.swap_statements(self.stage, found or self.table, found is not None, ROW))

    def _rename(self, found: TableName | None, count: int) -> None:
        """Put the staging table in the place of the table where definitions cannot be rolled back: by one rename of both."""
        database = self.database
        old = TableName(_short("old", self.table.name), self.table.schema)
        if ROW in database.columns(self.stage):
            self._run(f"alter table {self._quoted(self.stage)} drop column {database.quote(ROW)}")
        if found is not None:
            self._run(self._drop(old))
        pairs = [(self.stage, found or self.table)] if found is None else [(found, old), (self.stage, found)]
        self._run(database.rename_statement(pairs))
        self._finish(count)

    # -- record -----------------------------------------------------------------------------------

    def _recorded(self) -> int | None:
        """How many rows this write has published already; None if it has not."""
        if self.receipt is None:
            return None
        database, quote = self.database, self.database.quote
        ledger = quote(LEDGER)
        with database.publishing:
            self._run(
                f"create table if not exists {ledger} ({quote('key')} varchar(200) primary key, "
                f"content varchar(200), table_name text, {quote('rows')} bigint, "
                "written_at timestamp default current_timestamp)"
            )
        code = f"select {quote('rows')} as n, content from {ledger} where {quote('key')} = "  # noqa: S608 - ours
        known = database.query(Bound((code, Placeholder("key")), {"key": self.receipt.key}), {}, self.token)
        if not known.num_rows:
            return None
        self.receipt.check(known["content"][0].as_py(), database.connection)
        return int(known["n"][0].as_py())

    def _record(self, count: int) -> list[str | Bound]:
        if self.receipt is None:
            return []
        quote = self.database.quote
        columns = ", ".join(map(quote, ("key", "content", "table_name", "rows")))
        code = f"insert into {quote(LEDGER)} ({columns}) values ("  # noqa: S608 - our own table
        values = {"key": self.receipt.key, "content": self.receipt.content, "name": str(self.table), "count": count}
        pieces: list[str | Placeholder] = [code]
        for name in values:
            pieces += [Placeholder(name), ", "]
        return [Bound((*pieces[:-1], ")"), values)]

    def _finish(self, count: int) -> int:
        """What remains to be done of a write whose rows are published, or were found to be."""
        database = self.database
        if count < 0:
            count = _under_way(count)
            if database.find(self.stage) is not None:  # the process died before the rename, which does all or nothing
                self._publish_staged(count)
                return count
        if not database.rolls_back_definitions:
            old = TableName(_short("old", self.table.name), self.table.schema)
            self._run(*self._counted(count), self._drop(self.stage), self._drop(old), self._drop(self.blocked))
        return count

    def _publish_staged(self, count: int) -> None:
        """Publish audited rows of a process that died. Somebody may have made the table since."""
        found = self.database.find(self.table)
        if found is not None and self.config.mode == "create":
            raise already_there(found, self.database.connection)
        if found is None or self.config.mode == "replace":
            self._rename(found, count)
            return
        self._run(*self._addition(found), *self._counted(count))
        self._finish(count)

    def _counted(self, count: int) -> list[str | Bound]:
        if self.receipt is None:
            return []
        quote = self.database.quote
        code = (f"update {quote(LEDGER)} set {quote('rows')} = ", f" where {quote('key')} = ")  # noqa: S608 - ours
        pieces = (code[0], Placeholder("count"), code[1], Placeholder("key"))
        return [Bound(pieces, {"count": count, "key": self.receipt.key})]

    # -- words ------------------------------------------------------------------------------------

    def _run(self, *work: str | Bound, frames: dict[str, Any] | None = None) -> None:
        bound = [Bound((each,), {}) if isinstance(each, str) else each for each in work]
        if bound:
            self.database.execute(bound[0], frames or {}, self.token, *bound[1:])

    def _drop(self, table: TableName) -> str:
        return f"drop table if exists {self._quoted(table)}"

    def _quoted(self, table: TableName) -> str:
        return self.database.quoted(table)

    def _forget_stage(self) -> None:
        # whatever went wrong is what must be told; a crash would have left the table as well
        with suppress(DovetailError, PlatformError):
            self.database.execute(Bound((self._drop(self.stage),), {}), {})


def quarantine_name(table: str) -> str:
    """The table of the rows that are taken out of what is written to this table."""
    name = f"{table}_quarantine"
    return name if len(name.encode()) <= 60 else _short("quarantine", table)


def _short(what: str, table: str, whose: str = "") -> str:
    """A name of ours that belongs to a table: as short as the strictest database wants it, and never that of another table."""
    plain = re.sub(r"[^a-z0-9]+", "_", table.casefold()).strip("_")[:16]
    digest = hashlib.sha256(table.casefold().encode()).hexdigest()[:8]
    mine = f"_{hashlib.sha256(whose.encode()).hexdigest()[:8]}" if whose else ""
    return f"_dovetail_{what}_{plain}_{digest}{mine}"


def _besides(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Names of columns beside those of the labels: rows that were set aside before have labels of their own."""
    found: list[str] = []
    for name in names:
        other = name
        while other in labels or (other != name and other in names):
            other += "_in"
        found.append(other)
    return found


def _numbered(rows: pa.Table) -> pa.Table:
    import pyarrow as pa

    return rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int64()))
