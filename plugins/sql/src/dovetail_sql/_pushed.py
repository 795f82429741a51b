"""Writing a query to a table of the same database: ``insert ... select``, whose rows never leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dovetail_sql._contract import Receipt, TableName, match_columns
from dovetail_sql._relations import inside
from dovetail_sql._statement import Bound
from dovetail_sql._writes import already_there, check_target

if TYPE_CHECKING:
    from dovetail_sql._database import Database
    from dovetail_sql.config import Mode
    from dovetail_sql.query import Query

_STAGE = "_dovetail_stage_query"
_OLD = "_dovetail_old_query"


def write_query(
    database: Database,
    table: TableName,
    query: Query,
    mode: Mode,
    receipt: Receipt | None = None,
    token: object = None,
) -> int:
    """Write what a query comes to, in one transaction; returns the number of rows.

    Args:
        database: Where both are.
        table: Where to.
        query: What: a statement of this database.
        mode: ``"create"``, ``"append"`` or ``"replace"``, as for rows. A merge looks at the rows first: it fetches them.
        receipt: As for rows; its ``content`` is empty.
        token: As for rows.

    Raises:
        UsageError: The table is there already, or has no such columns, or the database refuses the statement.
    """
    statement = query.on(database)
    assert statement is not None and mode != "merge"
    database.check_writable()
    check_target(table, query.columns)
    about = Bound((f"write to {table}",), {})
    with database.publishing:
        # looked up before the transaction: in memory another connection is the same one, and would roll it back
        found = database.find(table)
        known = [] if found is None or mode != "append" else database.columns(found)
        with database.working(about, token) as work:
            written = None if receipt is None else work.recorded(receipt)
            if written is not None:
                return written
            if found is not None and mode == "create":
                raise already_there(found, database.connection)
            before, target, after = _around(database, found, table, statement, mode)
            for each in before:
                work.run(each)
            names = match_columns(known, query.columns, table, database.connection) if known else query.columns
            into, given = (", ".join(map(database.quote, chosen)) for chosen in (names, query.columns))
            head = f"insert into {database.quoted(target)} ({into}) select {given} from ("  # noqa: S608 - identifiers, quoted
            count = work.run(inside(head, statement, ") as q"))
            for each in after:
                work.run(each)
            if receipt is not None:
                work.record(receipt, table, count)
    return count


def _around(
    database: Database, found: TableName | None, table: TableName, statement: Bound, mode: Mode
) -> tuple[list[Bound], TableName, list[Bound]]:
    """Statements before the rows are inserted, the table that they are inserted into, and statements after."""
    if found is not None and mode == "append":
        return [], found, []
    # a statement may read the table that it replaces, so that this one goes last
    target = table if found is None else TableName(_STAGE, table.schema)
    head = f"create table {database.quoted(target)} as select * from ("  # noqa: S608 - identifiers, quoted
    empty = inside(head, statement, ") as q where 1 = 0")
    if found is None:
        return [empty], target, []
    old = TableName(_OLD, table.schema)
    drop, forget = (f"drop table if exists {database.quoted(each)}" for each in (target, old))
    if database.rolls_back_definitions:
        before, after = [drop], database.swap_statements(target, found, True)
    else:
        before, after = [drop, forget], [database.rename_statement([(found, old), (target, found)]), forget]
    return [*(Bound((code,), {}) for code in before), empty], target, [Bound((code,), {}) for code in after]
