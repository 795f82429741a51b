"""Hostile strings are inert: as values they come back as they went in, as names they are names."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from dovetail.errors import DovetailError
from dovetail_sql._database import Database, Receipt, TableName
from dovetail_sql._statement import parse


def no_name(database: Database, text: str) -> bool:
    """In MariaDB no name ends in a space."""
    return database.connection.dialect == "mariadb" and text.endswith(" ")


@pytest.fixture
def victim(database: Database) -> Database:
    """A database with a table that must outlive everything."""
    database.write(TableName("victim"), pa.table({"name": ["alive"]}), "create")
    return database


def as_a_value(victim: Database, text: str) -> None:
    found = victim.query(parse("select name from victim where name = :v").bind({"v": text}), {})
    assert found.num_rows == 0
    assert victim.query(parse("select :v as v").bind({"v": text}), {}).to_pydict() == {"v": [text]}
    inside = victim.query(parse("select count(*) as n from victim where name in :v").bind({"v": [text, "x"]}), {})
    assert inside.to_pydict() == {"n": [0]}
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


def as_the_name_of_a_table_and_of_a_column(victim: Database, text: str) -> None:
    table, rows = TableName(text), pa.table({text: [1, 2]})
    try:
        for mode in ("create", "append", "replace"):
            victim.write(table, rows, mode, Receipt(f"{mode} {text}"[:200], text[:200]))
    except DovetailError:
        assert text == "sqlite_master" or no_name(victim, text) or len(text) > 63  # more than PostgreSQL takes
    else:
        assert victim.read(table, [text]).equals(rows)
        assert text in victim.tables()
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


def as_the_name_of_something_unknown(victim: Database, text: str) -> None:
    for attempt in (
        lambda: victim.read(TableName(text), None) if text != "sqlite_master" else victim.read(TableName("no"), None),
        lambda: victim.read(TableName("victim"), [text]),
        lambda: victim.write(TableName("victim"), pa.table({text: [1]}), "append"),
        lambda: victim.write(TableName("t", schema=text), pa.table({"a": [1]}), "create"),
    ):
        with pytest.raises(DovetailError):
            attempt()
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


def as_a_literal_in_the_authors_own_statement(victim: Database, text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    statement = parse(f"select {quoted} as v, :p as p")
    assert statement.names == ("p",)
    assert victim.query(statement.bind({"p": 1}), {}).to_pydict() == {"v": [text], "p": [1]}


def as_a_key_and_as_a_condition(victim: Database, text: str) -> None:
    table = TableName("pairs")
    try:
        victim.write(table, pa.table({text: ["a"], "v": [1]}), "replace")
    except DovetailError:
        assert no_name(victim, text) or len(text) > 63
        return
    victim.write(table, pa.table({text: ["a", text], "v": [2, 3]}), "merge", keys=(text,))
    assert sorted(victim.read(table, None).to_pydict()["v"]) == [2, 3]
    assert victim.read(table, ["v"], where={text: text}).to_pydict() == {"v": [3]}
    assert victim.read(table, ["v"], where={text: [text, "a"], "v": 2}).to_pydict() == {"v": [2]}
    assert victim.read(TableName("victim"), None).to_pydict() == {"name": ["alive"]}


@pytest.mark.parametrize(
    "attack",
    [
        as_a_value,
        as_the_name_of_a_table_and_of_a_column,
        as_the_name_of_something_unknown,
        as_a_literal_in_the_authors_own_statement,
        as_a_key_and_as_a_condition,
    ],
)
def test_every_hostile_text_is_inert(
    victim: Database, subtests: pytest.Subtests, attack: Callable[[Database, str], None], hostile: list[str]
) -> None:
    for text in hostile:
        with subtests.test(text=text):
            attack(victim, text)


def test_there_are_enough_of_them(hostile: list[str]) -> None:
    assert len(set(hostile)) >= 40
