"""Hostile strings are inert: as values they come back as they went in, as names they are names."""

import pyarrow as pa
import pytest
from dovetail.errors import DovetailError
from dovetail_sql._database import Database, Receipt, TableName
from dovetail_sql._statement import parse

HOSTILE = [
    "'; drop table victim; --",
    '"; drop table victim; --',
    "x' or '1'='1",
    "') or 1=1 --",
    "1; delete from victim",
    "victim; delete from victim",
    "a' union select name from victim --",
    "/* */ drop table victim",
    "-- drop table victim",
    "\\'; drop table victim; --",
    "`; drop table victim; --",
    "]; drop table victim; --",
    "$$; drop table victim; $$",
    ":name",
    ":p0",
    "::int",
    "\\:name",
    "?",
    "$p0",
    "%s %(p0)s %%",
    "{0} {name.__class__} {{7*7}}",
    "main.victim",
    "victim.name",
    "sqlite_master",
    "select",
    "a\nb; drop table victim",
    "read_csv('/etc/passwd')",
    "ünï\u202ecode\u200b",
    'q"u""o"""te',
    "it''s",
    " ",
    "a" * 300,
]


@pytest.fixture
def victim(database: Database) -> Database:
    """A database with a table that must outlive everything."""
    database.write(TableName("victim"), pa.table({"name": ["alive"]}), "create")
    return database


@pytest.mark.parametrize("text", HOSTILE)
def test_as_a_value(victim: Database, text: str) -> None:
    found = victim.query(parse("select name from victim where name = :v").bind({"v": text}), {})
    assert found.num_rows == 0
    assert victim.query(parse("select :v as v").bind({"v": text}), {}).to_pydict() == {"v": [text]}
    inside = victim.query(parse("select count(*) as n from victim where name in :v").bind({"v": [text, "x"]}), {})
    assert inside.to_pydict() == {"n": [0]}
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


@pytest.mark.parametrize("text", HOSTILE)
def test_as_the_name_of_a_table_and_of_a_column(victim: Database, text: str) -> None:
    table, rows = TableName(text), pa.table({text: [1, 2]})
    try:
        for mode in ("create", "append", "replace"):
            victim.write(table, rows, mode, Receipt(f"{mode} {text}"[:200], text[:200]))
    except DovetailError:
        # SQLite keeps a name for itself, and in MariaDB none ends in a space
        reserved = text == "sqlite_master" or (text == " " and victim.connection.dialect == "mariadb")
        assert reserved or len(text) > 63  # more than PostgreSQL takes
    else:
        assert victim.read(table, [text]).equals(rows)
        assert text in victim.tables()
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


@pytest.mark.parametrize("text", HOSTILE)
def test_as_the_name_of_something_unknown(victim: Database, text: str) -> None:
    for attempt in (
        lambda: victim.read(TableName(text), None) if text != "sqlite_master" else victim.read(TableName("no"), None),
        lambda: victim.read(TableName("victim"), [text]),
        lambda: victim.write(TableName("victim"), pa.table({text: [1]}), "append"),
        lambda: victim.write(TableName("t", schema=text), pa.table({"a": [1]}), "create"),
    ):
        with pytest.raises(DovetailError):
            attempt()
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


@pytest.mark.parametrize("text", HOSTILE)
def test_as_a_literal_in_the_authors_own_statement(victim: Database, text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    statement = parse(f"select {quoted} as v, :p as p")
    assert statement.names == ("p",)
    assert victim.query(statement.bind({"p": 1}), {}).to_pydict() == {"v": [text], "p": [1]}
