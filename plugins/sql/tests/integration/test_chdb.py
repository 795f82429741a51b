"""chDB: ClickHouse in this process, for real. What it cannot do, it says."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import DovetailError, UsageError
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.quality import Gate
from dovetail.quality.checks import not_null
from dovetail_sql import Query, execute, sql, table, to_table
from dovetail_sql._database import Database, TableName
from dovetail_sql._statement import parse

ROWS = pa.table({"carrier": ["UA", "AA", None], "delay": [5, None, -3]})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(project_root=tmp_path, connections={"ch": {"url": "chdb:///warehouse.chdb"}})


@pytest.fixture(autouse=True)
def project(settings: Settings):
    with use_catalogue(build_catalogue(settings)):
        yield


@pytest.fixture
def database(open_) -> Database:
    return open_("ch")


def ask(database: Database, text: str, **values: object) -> dict:
    return database.query(parse(text).bind(values), {}).to_pydict()


def test_tasks(project: None) -> None:
    assert to_table("flights", connection="ch")(rows=ROWS) == 3
    with pytest.raises(UsageError, match="exists already"):
        to_table("flights", connection="ch")(rows=ROWS)
    assert to_table("flights", connection="ch", mode="append")(rows=ROWS.slice(0, 1).select(["delay", "carrier"])) == 1
    read = table("flights", connection="ch", columns=["delay"], where={"carrier": str})
    assert read(carrier="UA").to_pydict() == {"delay": [5, 5]}
    count = sql(
        "select count(*) from flights where carrier in :c", connection="ch", inputs={"c": list[str]}, output=int
    )
    assert count(c=["UA", "AA"]) == 3 and count(c=[]) == 0
    assert to_table("flights", connection="ch", mode="replace")(rows=ROWS) == 3
    assert len(table("flights", connection="ch")()) == 3
    execute("create table other engine = Memory as select 1 as a", connection="ch")()
    joined = "select count(*) from flights join frame using (carrier)"
    assert (
        sql(joined, connection="ch", inputs={"frame": pa.Table}, output=int)(frame=pa.table({"carrier": ["UA"]})) == 1
    )
    late = sql("select * from flights where delay > :d", connection="ch", inputs={"d": int}, output=Query)(d=0)
    assert sql("select count(*) from late", connection="ch", inputs={"late": Query}, output=int)(late=late) == 1


def test_types_come_back(database: Database) -> None:
    utc = dt.timezone.utc  # noqa: UP017
    rows = pa.table(
        {
            "flag": [True, None],
            "small": pa.array([-1, None], pa.int8()),
            "wide": pa.array([2**64 - 1, None], pa.uint64()),
            "real": [1.5, None],
            "text": ["ü\n\\", None],
            "day": [dt.date(1950, 1, 2), None],
            "at": pa.array([dt.datetime(2020, 1, 1, 0, 0, 0, 5, tzinfo=utc), None], pa.timestamp("us", "UTC")),
            "exact": pa.array([Decimal("-12.34"), None], pa.decimal128(20, 2)),
        }
    )
    database.write(TableName("t"), rows, "create")
    assert database.read(TableName("t"), None).equals(rows)
    assert ask(database, "select toDateTime('2020-01-01 00:00:00', 'UTC') as d")["d"][0] == dt.datetime(
        2020, 1, 1, tzinfo=utc
    )
    for value in (True, 7, 2**70, 1.5, "a\tb", Decimal("1.25"), dt.date(2000, 1, 1), None):
        assert ask(database, "select :v as v", v=value)["v"] in (
            [value],
            [Decimal(value)] if value == 2**70 else [value],
        )


def test_what_is_no_text_is_told(database: Database) -> None:
    with pytest.raises(DovetailError, match="no text"):
        ask(database, "select unhex('ff') as b")
    with pytest.raises(DovetailError, match="chDB is not given"):
        database.write(TableName("t"), pa.table({"b": [b"x"]}), "create")
    assert database.tables() == []


def test_errors_are_told_apart(database: Database) -> None:
    database.write(TableName("flights"), ROWS, "create")
    with pytest.raises(UsageError, match="flights"):
        ask(database, "select * from fligths")
    with pytest.raises(UsageError, match="refuses"):
        ask(database, "selec 1")
    with pytest.raises(UsageError, match="Multiple expressions"):
        ask(database, "select 1 as a, 2 as a from flights")


def test_every_hostile_text_is_inert(database: Database, hostile: list[str], subtests: pytest.Subtests) -> None:
    victim = TableName("victim")
    database.write(victim, pa.table({"name": ["alive"]}), "create")
    for text in hostile:
        with subtests.test(text=text):
            assert ask(database, "select :v as v", v=text) == {"v": [text]}
            assert ask(database, "select count(*) as n from victim where name in :v", v=[text, "x"]) == {"n": [0]}
            rows, named = pa.table({text: [1, 2]}), TableName(text)
            try:
                for mode in ("create", "append", "replace"):
                    database.write(named, rows, mode)
            except DovetailError:
                assert len(text) > 63 or any(sign in text for sign in "*?{")  # no file, and no pattern, has such a name
            else:
                assert database.read(named, [text], where={text: 2}).to_pydict() == {text: [2]}
            with pytest.raises(DovetailError):
                database.read(victim, [text])
            assert database.read(victim, None).to_pydict() == {"name": ["alive"]}


def test_what_needs_a_transaction_is_refused(project: None) -> None:
    to_table("t", connection="ch")(rows=ROWS)
    with pytest.raises(UsageError, match="cannot merge"):
        to_table("t", connection="ch", mode="merge", keys=["delay"])(rows=ROWS.slice(0, 1))
    gated = to_table("t", connection="ch", mode="replace", gate=Gate([not_null("carrier")]))
    with pytest.raises(UsageError, match="cannot audit"):
        gated(rows=ROWS.slice(0, 1))
    assert len(table("t", connection="ch")()) == 3


def test_a_process_has_one_database(open_, settings: Settings) -> None:
    open_("ch")
    with pytest.raises(DovetailError, match="another chDB database"):
        open_("chdb:///elsewhere.chdb")
