"""Scripts in one transaction, SQL files, merges by key, and reading with columns and rows chosen in the database."""

from pathlib import Path

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import DefinitionError, DovetailError, UsageError, ValueMismatch
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail_sql import execute, sql, sql_file, table, to_table
from dovetail_sql._database import Database, Receipt, TableName
from dovetail_sql._statement import parse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

HERE = TableName("t")


@pytest.fixture(autouse=True)
def project(settings: Settings):
    with use_catalogue(build_catalogue(settings)):
        yield


def test_a_script_is_one_transaction(engine: str) -> None:
    execute("create table t (a integer primary key); create table u (a integer)", connection=engine)()
    add = execute(
        "insert into t values (:first), (:second); -- and; so on\n insert into u select a from t;",
        connection=engine,
        inputs={"first": int, "second": int},
    )
    assert add(1, 2) == 4
    count = sql("select (select count(*) from t) + (select count(*) from u)", connection=engine, output=int)
    with pytest.raises(UsageError):
        execute("insert into u values (9); insert into t values (1)", connection=engine)()
    assert count() == 4


def test_a_query_is_one_statement(engine: str) -> None:
    with pytest.raises(DefinitionError, match="more than one statement"):
        sql("select 1; select 2", connection=engine)


def test_a_file_of_statements_returns_the_rows_of_the_last(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "late flights.sql"
    file.write_text(
        "create temporary table late (a integer);\ninsert into late values (:a), (2);\nselect * from late order by a;\n"
    )
    late = sql_file(file, connection=engine, inputs={"a": int}, output=pa.Table)
    assert late.name == "late_flights"
    assert late(a=1).to_pydict() == {"a": [1, 2]}


def test_a_file_without_an_output_counts_rows(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "load.sql"
    file.write_text("create table t (a integer);\ninsert into t values (1), (2);")
    assert sql_file(file, connection=engine)() == 2


def test_a_relative_path_starts_from_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("select 1")
    code = "from dovetail_sql import sql_file\none = sql_file('one.sql', connection='sqlite', output=int)"
    (tmp_path / "pipeline.py").write_text(code)
    names = {"__file__": str(tmp_path / "pipeline.py")}
    exec(compile(code, "pipeline.py", "exec"), names)
    assert names["one"]() == 1  # type: ignore[operator]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"-- nothing\n"])
def test_a_file_that_is_no_sql(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x.sql").write_bytes(content)
    with pytest.raises(DefinitionError):
        sql_file(tmp_path / "x.sql", connection="sqlite")


def test_rows_and_columns_are_chosen_in_the_database(engine: str) -> None:
    rows = pa.table({"carrier": ["UA", "AA", None], "month": [1, 2, 3], "delay": [1.5, None, 2.5]})
    to_table("flights", connection=engine)(rows)
    read = table("flights", connection=engine, columns=["delay"], where={"carrier": list[str], "month": int})
    assert read(carrier=["UA", "AA"], month=1).to_pydict() == {"delay": [1.5]}
    assert read(carrier=[], month=1).num_rows == 0
    assert table("flights", connection=engine, where={"carrier": str | None})(carrier=None).to_pydict()["month"] == [3]
    with pytest.raises(UsageError, match="write 'carrier'"):
        table("flights", connection=engine, where={"carier": str})(carier="UA")


def test_where_takes_values(engine: str) -> None:
    with pytest.raises(DefinitionError, match="where"):
        table("flights", connection=engine, where={"carrier": pa.Table})


def test_a_merge_updates_and_adds(database: Database) -> None:
    keys = ("id", "day")
    first = pa.table({"id": [1, 2], "day": ["a", "a"], "v": [10, 20], "w": ["x", "y"]})
    assert database.write(HERE, first, "merge", keys=keys) == 2  # creates the table
    more = pa.table({"v": [21, 30], "ID": [2, 2], "day": ["a", "b"]})
    assert database.write(HERE, more, "merge", keys=keys) == 2
    found = sorted(database.read(HERE, None).to_pylist(), key=lambda row: (row["id"], row["day"]))
    assert [tuple(row.values()) for row in found] == [(1, "a", 10, "x"), (2, "a", 21, "y"), (2, "b", 30, None)]


def test_a_merge_of_keys_alone_adds_what_is_missing(database: Database) -> None:
    database.write(HERE, pa.table({"id": [1, 2]}), "create")
    database.write(HERE, pa.table({"id": [2, 3]}), "merge", keys=("id",))
    assert sorted(database.read(HERE, None).to_pydict()["id"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "keys", "said"),
    [
        ({"id": [1, 1], "v": [1, 2]}, ("id",), "more than one row"),
        ({"id": [1, None], "v": [1, 2]}, ("id",), "null"),
        ({"v": [1]}, ("id",), "no column 'id'"),
    ],
)
def test_keys_tell_rows_apart(database: Database, rows: dict, keys: tuple[str, ...], said: str) -> None:
    database.write(HERE, pa.table({"id": [1], "v": [0]}), "create")
    with pytest.raises(ValueMismatch, match=said):
        database.write(HERE, pa.table(rows), "merge", keys=keys)
    assert database.read(HERE, None).to_pydict() == {"id": [1], "v": [0]}


def test_a_merge_that_fails_changes_nothing(database: Database) -> None:
    database.execute(parse("create table t (id integer primary key, v integer not null)").bind({}), {})
    database.write(HERE, pa.table({"id": [1], "v": [1]}), "append")
    with pytest.raises(DovetailError):
        database.write(HERE, pa.table({"id": [1, 2], "v": [7, None]}), "merge", Receipt("k", "c"), keys=("id",))
    assert database.read(HERE, None).to_pydict() == {"id": [1], "v": [1]}


ROWS = st.dictionaries(st.integers(0, 9), st.integers(-5, 5), min_size=1)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(batches=st.lists(ROWS, min_size=1, max_size=4))
def test_merges_are_what_a_dict_would_hold(database: Database, batches: list[dict[int, int]]) -> None:
    expected: dict[int, int] = {}
    for number, batch in enumerate(batches):
        expected |= batch
        rows = pa.table({"k": list(batch), "v": list(batch.values())})
        database.write(HERE, rows, "replace" if number == 0 else "merge", keys=() if number == 0 else ("k",))
        if number:  # twice is once
            database.write(HERE, rows, "merge", keys=("k",))
    found = database.read(HERE, None).to_pydict()
    assert dict(zip(found["k"], found["v"], strict=True)) == expected and len(found["k"]) == len(expected)


def test_keys_go_with_a_merge_alone() -> None:
    with pytest.raises(DefinitionError, match="needs keys"):
        to_table("t", connection="sqlite", mode="merge")
    with pytest.raises(DefinitionError, match="mean nothing"):
        to_table("t", connection="sqlite", mode="append", keys=["id"])


def test_what_is_refused_here_rolls_back_as_well(database: Database) -> None:
    """Not the database's error, but ours: the result has two columns of one name."""
    database.write(TableName("t"), pa.table({"a": [1]}), "create")
    insert, read = parse("insert into t values (2)").bind({}), parse("select 1 as a, 2 as a").bind({})
    with pytest.raises(DovetailError):
        database.query(read, {}, None, [insert])
    assert database.read(TableName("t"), None).to_pydict() == {"a": [1]}
