"""Statements for databases that are not here: their dialects compile them, and nothing is sent.

What this shows: values stay parameters, lists become one parameter for each element, names are quoted as the database does.
What it does not show: that a live server takes them.
"""

from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from dovetail.config import Settings
from dovetail.errors import UsageError
from dovetail_sql._alchemy import AlchemyDatabase, text_of
from dovetail_sql._connections import resolve_connection
from dovetail_sql._contract import TableName
from dovetail_sql._merge import merge_statements
from dovetail_sql._statement import parse

DIALECTS = {
    "trino": ("trino://u@h/catalog/main", '"{}"'),
    "snowflake": ("snowflake://u@account/db/main", '"{}"'),
    "bigquery": ("bigquery://project/main", "`{}`"),
    "mssql": ("mssql+pyodbc://u@h/db?driver=x", "[{}]"),
}
"""Connection, and how a name is quoted."""


class Compiling(AlchemyDatabase):
    """Makes the statements of a database that nobody connects to."""

    def __init__(self, url: str, root: Any) -> None:
        self.connection = resolve_connection(url, Settings(project_root=root))
        dialect: Any = self.connection.url.get_dialect()()
        self._engine = type("Engine", (), {"dialect": dialect})()  # type: ignore[assignment]

    @property
    def dialect(self) -> Any:
        return self._engine.dialect


@pytest.fixture(params=DIALECTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(name: str, tmp_path: Any) -> Compiling:
    return Compiling(DIALECTS[name][0], tmp_path)


def quoted(name: str, identifier: str) -> str:
    return DIALECTS[name][1].format(identifier)


def compiled(database: Compiling, statement: Any, **kwargs: Any) -> Any:
    return statement.compile(dialect=database.dialect, **kwargs)


def test_values_stay_parameters(database: Compiling) -> None:
    bound = parse("select * from t where a = :a and b in :b and c = 'it''s :no' and d = a::int").bind(
        {"a": "x'; drop table t; --", "b": [1, 2, 3]}
    )
    result = compiled(database, sa.text(text_of(bound)))
    code = str(result)
    assert "drop" not in code and "'it''s :no'" in code and "a::int" in code
    assert sorted(result.params, key=str) == ["p0", "p1_0", "p1_1", "p1_2"]
    if result.positional:
        assert list(result.positiontup) == ["p0", "p1_0", "p1_1", "p1_2"]


def test_rows_and_columns_are_selected_by_the_database(database: Compiling, name: str) -> None:
    chosen = [("Group", ["a", "b'"]), ("when", None), ("n", 5)]
    select = database._selecting(TableName("my table", "main"), ["select", "n"], chosen)
    result = compiled(database, select, compile_kwargs={"render_postcompile": True})
    code = " ".join(str(result).split())
    for identifier in ("my table", "select", "Group", "when"):
        assert quoted(name, identifier) in code, code
    assert f"{quoted(name, 'when')} IS NULL" in code and "b'" not in code
    values = [value for key, value in result.params.items() if value is not None]
    flat = [
        each for value in values for each in (value if isinstance(value, list) else [value])
    ]  # BigQuery binds arrays
    assert sorted(map(str, flat)) == ["5", "a", "b'"]


def test_a_limit_is_the_databases_own(database: Compiling, name: str) -> None:
    select = database._selecting(TableName("t"), ["a"], []).limit(3)
    code = str(compiled(database, select, compile_kwargs={"literal_binds": True})).upper()
    assert ("TOP 3" if name == "mssql" else "LIMIT 3") in code


def test_tables_are_declared_with_types_of_the_database(database: Compiling, name: str) -> None:
    rows = pa.table(
        {
            "id": pa.array([1], pa.int64()),
            "amount": pa.array([None], pa.decimal128(12, 2)),
            "at": pa.array([None], pa.timestamp("us", "UTC")),
            "day": pa.array([None], pa.date32()),
            "text": ["x"],
            "real": [1.5],
        }
    )
    table = database._declare(TableName("new", "main"), rows)
    code = " ".join(str(compiled(database, sa.schema.CreateTable(table))).split())
    assert quoted(name, "amount") in code and "12, 2" in code and "BIGINT" in code.upper().replace("INT64", "BIGINT")
    insert = str(compiled(database, table.insert()))
    assert quoted(name, "new") in insert and quoted(name, "text") in insert
    drop = str(compiled(database, sa.schema.DropTable(table)))
    assert quoted(name, "new") in drop


def test_a_merge_quotes_as_the_database_does(database: Compiling, name: str) -> None:
    quote = database.quote
    columns = {column: f"s.{quote(column)}" for column in ("id", "value")}
    update, insert = merge_statements(quote("target"), quote("stage"), columns, ["id"], quote=quote)
    same = f"{quoted(name, 'target')}.{quoted(name, 'id')} = s.{quoted(name, 'id')}"
    assert same in update and f"set {quoted(name, 'value')} = s.{quoted(name, 'value')}" in update
    assert "not exists" in insert and quoted(name, "stage") in insert


def test_hostile_names_are_quoted_or_refused(database: Compiling, name: str) -> None:
    for text in ('a"; drop table t; --', "a`b", "a]b", "a'b", "a\\`b", "a\n"):
        if name == "bigquery" and any(sign in text for sign in "`\\\n"):  # its dialect would leave the quote as it is
            with pytest.raises(UsageError, match="no name such as"):
                database.quote(text)
            with pytest.raises(UsageError, match="no name such as"):
                database._declare(TableName("t"), pa.table({text: [1]}))
            continue
        found = database.quote(text)
        inner, closing = found[1:-1], found[-1]
        assert closing not in inner.replace(closing * 2, ""), found
