"""The four functions, as people use them: called plainly, in a workflow, and durably."""

import dataclasses
import datetime as dt
import enum
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import dovetail
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import (
    ConversionError,
    DefinitionError,
    DovetailError,
    TaskTimeout,
    UnknownType,
    UsageError,
    UserError,
    ValueMismatch,
)
from dovetail.hub import Hub
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail_sql import execute, sql, table, to_table

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

FLIGHTS = pl.DataFrame({"carrier": ["UA", "AA", "UA"], "month": [1, 1, 2], "arr_delay": [5, None, -3]})


@pytest.fixture(autouse=True)
def project(settings: Settings):
    """The test's own settings and catalogue are current."""
    with use_catalogue(build_catalogue(settings)):
        yield


@pytest.fixture
def flights(engine: str) -> str:
    """A connection whose database holds the table ``flights``."""
    to_table("flights", connection=engine)(rows=FLIGHTS)
    return engine


def test_a_statement_is_a_plain_function(flights: str) -> None:
    task = sql(
        "select * from flights where month = :month", connection=flights, inputs={"month": int}, output=pl.DataFrame
    )
    assert task(month=1).equals(FLIGHTS.filter(pl.col("month") == 1))
    assert task(2).height == 1


@pytest.mark.parametrize("output", [pl.DataFrame, pd.DataFrame, pa.Table, "polars.DataFrame", "pandas.DataFrame"])
def test_the_output_is_the_frame_that_was_asked_for(flights: str, output: Any) -> None:
    found = sql("select carrier from flights", connection=flights, output=output)()
    name = output if isinstance(output, str) else f"{output.__module__.split('.')[0]}.{output.__name__}"
    assert f"{type(found).__module__.split('.')[0]}.{type(found).__name__}" in (name, "pyarrow.Table")
    assert len(found) == 3 and type(found).__name__ == name.split(".")[1]


class Carrier(enum.Enum):
    UNITED = "UA"


@dataclasses.dataclass
class Delay:
    carrier: str
    delay: int | None


class Row(TypedDict):
    carrier: str
    delay: int | None


@pytest.mark.parametrize(
    ("output", "statement", "expected"),
    [
        (int, "select count(*) from flights", 3),
        (int, "select sum(month) from flights", 4),
        (float, "select 1", 1.0),
        (str, "select 'x'", "x"),
        (bool, "select 1 = 1", True),
        (int | None, "select arr_delay from flights where carrier = 'AA'", None),
        (dt.date, "select '2013-01-01'", dt.date(2013, 1, 1)),
        (Carrier, "select carrier from flights where month = 2", Carrier.UNITED),
        (Annotated[int, "a marker"], "select 5", 5),
    ],
)
def test_a_scalar_output(flights: str, output: Any, statement: str, expected: Any) -> None:
    found = sql(statement, connection=flights, output=output)()
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("statement", ["select 1 where 1 = 0", "select 1 as a, 2 as b", "select month from flights"])
def test_a_scalar_is_exactly_one_row_of_one_column(flights: str, statement: str) -> None:
    with pytest.raises(ValueMismatch, match="exactly one row of one column"):
        sql(statement, connection=flights, output=int)()


def test_rows_as_records(flights: str) -> None:
    statement = "select carrier, arr_delay as delay from flights where month = 1"
    assert sql(statement, connection=flights, output=list[Delay])() == [Delay("UA", 5), Delay("AA", None)]
    assert sql(statement, connection=flights, output=list[Row])() == [
        {"carrier": "UA", "delay": 5},
        {"carrier": "AA", "delay": None},
    ]
    assert sql(statement + " and carrier = 'UA'", connection=flights, output=Delay)() == Delay("UA", 5)
    with pytest.raises(ValueMismatch, match="exactly one"):
        sql(statement, connection=flights, output=Delay)()
    with pytest.raises(ValueMismatch, match="fields of Delay"):
        sql("select carrier from flights", connection=flights, output=list[Delay])()


@pytest.mark.parametrize(
    ("kind", "frame"), [(pl.DataFrame, FLIGHTS), (pa.Table, FLIGHTS.to_arrow()), (pd.DataFrame, None)]
)
def test_a_frame_is_a_relation(engine: str, kind: Any, frame: Any) -> None:
    frame = FLIGHTS.to_pandas() if frame is None else frame
    task = sql(
        "select carrier, avg(arr_delay) as mean from clean group by 1 order by 1",
        connection=engine,
        inputs={"clean": kind},
        output=pl.DataFrame,
    )
    assert task(clean=frame).rows() == [("AA", None), ("UA", 1.0)]


def test_defaults_lists_and_literals(flights: str) -> None:
    task = sql(
        "select count(*) from flights where carrier in :carriers and month <= :last",
        connection=flights,
        inputs={"carriers": list[str], "last": Literal[1, 2]},
        defaults={"last": 2},
        output=int,
    )
    assert (task(["UA"]), task(["UA", "AA"], last=1), task([])) == (2, 2, 0)


def test_execute_counts_rows(flights: str) -> None:
    task = execute("update flights set month = :m where carrier = :c", connection=flights, inputs={"m": int, "c": str})
    assert task(m=7, c="UA") == 2
    assert execute("create table empty (a integer)", connection=flights)() == 0


def test_a_table_and_its_columns(flights: str) -> None:
    assert table("flights", connection=flights, output=pl.DataFrame)().equals(FLIGHTS)
    assert table("flights", connection=flights, columns=["month"], output=pl.DataFrame)().columns == ["month"]
    with pytest.raises(UsageError, match="write 'carrier'"):
        table("flights", connection=flights, columns=["carier"])()


def test_to_table_takes_any_table_and_nothing_else(engine: str) -> None:
    write = to_table("t", connection=engine, mode="replace")
    assert write(FLIGHTS) == write(FLIGHTS.to_pandas()) == write(FLIGHTS.to_arrow()) == 3
    with pytest.raises(UserError, match="no table"):
        write([1, 2, 3])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: sql("select :month", connection="duckdb", inputs={"moth": int}), "write :moth"),
        (lambda: sql("select 1", connection="duckdb", output=tuple[int, int]), "cannot return"),
        (lambda: sql("select 1", connection="postgresql://me:hunter2@host/db"), "password"),
        (lambda: sql("", connection="duckdb"), "empty"),
        (lambda: to_table("t", connection="duckdb", mode="apend"), "'append'"),
        (lambda: to_table("", connection="duckdb"), "no name of a table"),
        (lambda: table("t", connection="duckdb", columns=[]), "no column"),
        (lambda: table("t", connection="duckdb", output=int), "dataframe"),
        (lambda: table("t", connection="duckdb", columns=["a\x00b"]), "no name of a column"),
    ],
)
def test_what_cannot_work_is_told_at_definition(make, said: str) -> None:
    with pytest.raises(DefinitionError, match=said) as caught:
        make()
    assert "hunter2" not in str(caught.value)


def test_types_that_are_no_tables_are_told_at_definition() -> None:
    with pytest.raises((ConversionError, UnknownType)):
        sql("select 1", connection="duckdb", output="nosuch.DataFrame")
    with pytest.raises((ConversionError, UnknownType)):
        sql("select * from x", connection="duckdb", inputs={"x": "nosuch.DataFrame"})


def test_an_unknown_connection_is_told_when_it_is_opened() -> None:
    with pytest.raises(UsageError, match="write 'duckdb'"):
        sql("select 1", connection="duckbd")()


def pipeline(connection: str, path: Path | None = None):
    by_month = sql(
        "select * from flights where month = :month", connection=connection, inputs={"month": int}, output=pl.DataFrame
    )
    summary = sql(
        "select carrier, count(*) as n from late group by 1 order by 1",
        connection=connection,
        inputs={"late": pl.DataFrame},
        output=pd.DataFrame,
    )
    save = to_table("summary", connection=connection, mode="append")
    check = sql("select count(*) from summary", connection=connection, output=int, name="check")

    @dovetail.task
    def late(flights: pl.DataFrame) -> pl.DataFrame:
        return flights.filter(pl.col("arr_delay").is_not_null())

    @dovetail.task
    def stop_once(rows: int) -> int:
        if path is not None and not path.exists():
            path.touch()
            raise RuntimeError("the first time")
        return rows

    @dovetail.workflow
    def daily(month: int = 1) -> int:
        written = save(summary(late(by_month(month=month))))
        return check().after(stop_once(written))

    return daily


def test_a_workflow_in_process_and_durably(flights: str, settings: Settings) -> None:
    daily = pipeline(flights)
    assert daily() == 1
    with Hub(settings) as hub:
        assert hub.run(daily, month=2).value == 2


def test_resume_does_not_write_twice(flights: str, settings: Settings, tmp_path: Path) -> None:
    daily = pipeline(flights, tmp_path / "stopped")
    with Hub(settings) as hub:
        with pytest.raises(DovetailError):
            hub.run(daily, run_id="first")
        assert hub.resume("first", daily).value == 1


CRASH = """
import os, sys
import dovetail, pyarrow as pa
from dovetail.hub import Hub
from dovetail.config import load_settings
from dovetail_sql import _alchemy, _duckdb, _postgresql, _sqlite_adbc, to_table

for database in (
    _alchemy.AlchemyDatabase, _duckdb.DuckDatabase, _postgresql.PostgresDatabase, _sqlite_adbc.SqliteArrowDatabase
):
    def write(self, *args, original=database.write, **named):
        original(self, *args, **named)
        os._exit(9)  # the rows are committed, and nobody has heard of it
    if sys.argv[2:] == ["crash"]:
        database.write = write

save = to_table("t", connection="it", mode=sys.argv[1])

@dovetail.task
def make(number: int) -> pa.Table:
    return pa.table({"a": [number, 2, 3]})

@dovetail.workflow
def daily(number: int = 1) -> int:
    return save(make(number=number))

if __name__ == "__main__":
    with Hub() as hub:
        if sys.argv[2:] == ["crash"]:
            hub.run(daily, run_id="it")
        else:
            print(hub.resume("it", daily).value)
"""


@pytest.mark.parametrize("mode", ["create", "append", "replace"])
def test_a_write_survives_a_crash_between_its_commit_and_the_runs(engine: str, settings: Settings, mode: str) -> None:
    root = settings.project_root
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.connections[engine].items())
    (root / "dovetail.toml").write_text(f"[connections.it]\n{keys}")
    (root / "daily.py").write_text(CRASH)
    if mode == "append":
        to_table("t", connection=engine)(pa.table({"a": [0]}))

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "daily.py", mode, *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    crashed = start("crash")
    assert crashed.returncode == 9, crashed.stderr
    resumed = start()
    assert resumed.stdout.strip() == "3", resumed.stderr
    assert table("t", connection=engine)().num_rows == (4 if mode == "append" else 3)


@pytest.mark.parametrize("url", ["duckdb:///:memory:", "sqlite:///:memory:"])
def test_a_database_in_memory_lives_as_long_as_the_run(url: str) -> None:
    save = to_table("t", connection=url)
    add = to_table("t", connection=url, mode="append")
    count = sql("select count(*) from t", connection=url, output=int)

    @dovetail.workflow
    def daily() -> int:
        return count().after(add(FLIGHTS).after(save(FLIGHTS)))

    assert daily() == daily() == 6
    with pytest.raises(UsageError, match="no table 't'"):
        count()


def test_a_timeout_stops_the_statement(engine: str, settings: Settings, endless: str) -> None:
    task = sql(endless, connection=engine, output=int).options(timeout="300ms")

    @dovetail.workflow
    def daily() -> int:
        return task()

    with Hub(settings) as hub, pytest.raises(TaskTimeout):
        hub.run(daily)


def test_a_password_reaches_no_store(settings: Settings, monkeypatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "topsecret-password")
    table = {"drivername": "postgresql+psycopg", "password": {"env": "DB_PASSWORD"}, "host": "127.0.0.1", "port": 1}
    settings = dataclasses.replace(settings, connections={"far": table})
    count = sql("select 1", connection="far", output=int)

    @dovetail.workflow
    def daily() -> int:
        return count()

    with Hub(settings) as hub, pytest.raises(DovetailError) as caught:
        hub.run(daily)
    assert caught.value.kind == "platform" and "topsecret" not in str(caught.value)
    for file in settings.home.rglob("*"):
        assert not file.is_file() or b"topsecret" not in file.read_bytes(), file


def test_the_fingerprint_covers_statement_connection_and_mode() -> None:
    prints = [
        task.fingerprint()
        for task in (
            sql("select 1", connection="duckdb"),
            sql("select 2", connection="duckdb"),
            sql("select 1", connection="sqlite"),
            to_table("t", connection="duckdb"),
            to_table("t", connection="duckdb", mode="append"),
            to_table("u", connection="duckdb"),
        )
    ]
    assert len(set(prints)) == len(prints)
    assert sql("select 1", connection="duckdb").fingerprint() == prints[0]
