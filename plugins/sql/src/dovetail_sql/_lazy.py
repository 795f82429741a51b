"""Rows that stay where they are: what a SQL task makes of queries, files and relations that it is given, and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail_sql._outputs import is_query, is_relation
from dovetail_sql._relations import inside, with_relations
from dovetail_sql._statement import Bound, first_word
from dovetail_sql._writes import no_rows_returned
from dovetail_sql.query import READS, Query

if TYPE_CHECKING:
    from dovetail_sql._database import Database


def lazily(output: Any, database: Database, statement: Bound, token: object) -> Any:
    """What will give the rows of a statement, where no rows are wanted: a query, or DuckDB's relation. Else None."""
    if is_query(output):
        return query_of(database, statement, token)
    return database.relation(statement) if is_relation(output) else None


def query_of(database: Database, statement: Bound, token: object) -> Query:
    """A statement as a value. The database looks at it, and tells its columns, but not one row is fetched.

    Raises:
        UsageError: It is no query, or the database refuses it.
    """
    if first_word(statement) not in READS:
        error = no_rows_returned(database.connection)
        error.fix = (
            "only a query can be handed on without its rows: use execute(), or ask for rows: output=polars.DataFrame"
        )
        raise error
    empty = database.query(inside("select * from (", statement, ") as q where 1 = 0"), {}, token)
    return Query(empty.schema, database=database, statement=statement)


def staying(value: Any, database: Database) -> Query | None:
    """The value, if it is a query that this database can run itself."""
    return value if isinstance(value, Query) and value.on(database) is not None else None


def in_place(value: Any, database: Database) -> Any:
    """What a statement can read as a relation without its rows passing through here; None where they have to."""
    query = staying(value, database)
    return database.in_place(value) if query is None else query.statement


def folded(statement: Bound, relations: dict[str, Any], database: Database) -> tuple[Bound, dict[str, Any]]:
    """The statement with the queries that it reads inside of it, and the relations that are left."""
    queries = {name: each for name, each in relations.items() if isinstance(each, Bound)}
    whole = with_relations(statement, queries, database.quote)
    if whole is None:
        return statement, relations
    return whole, {name: each for name, each in relations.items() if name not in queries}
