"""What goes wrong is told as whose fault it is, with the nearest name, and without any value."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import ConfigError, DovetailError, EngineUnavailable, RunInterrupted, UsageError, ValueMismatch
from dovetail_sql._connections import resolve_connection
from dovetail_sql._database import Database, TableName
from dovetail_sql._failures import missing_driver
from dovetail_sql._statement import parse

EMBEDDED = pytest.mark.parametrize("engine", ["duckdb", "sqlite"], indirect=True)
FLIGHTS = pa.table({"carrier": ["UA"], "arr_delay": [5]})


def failure(database: Database, text: str, **values: object) -> DovetailError:
    with pytest.raises(DovetailError) as caught:
        database.query(parse(text).bind(values), {})
    return caught.value


def test_a_misspelt_table_names_the_nearest(database: Database) -> None:
    database.write(TableName("flights"), FLIGHTS, "create")
    error = failure(database, "select * from flihgts")
    assert isinstance(error, UsageError) and error.fix == "write 'flights'"
    with pytest.raises(UsageError, match="write 'flights'"):
        database.read(TableName("flight"), None)
    with pytest.raises(UsageError, match="write 'carrier'"):
        database.read(TableName("flights"), ["carier"])


def test_a_misspelt_column_is_the_users(database: Database) -> None:
    database.write(TableName("flights"), FLIGHTS, "create")
    error = failure(database, "select arr_dealy from flights")
    assert isinstance(error, UsageError) and "arr_dealy" in error.what


def test_a_syntax_error_shows_the_place_and_the_statement_shortened(database: Database) -> None:
    error = failure(database, "select 1,\n  2 frm x\nwhere " + " and ".join(["1 = 1"] * 100))
    assert isinstance(error, UsageError)
    assert "line 2" in str(error).lower() and len(str(error)) < 900


def test_bound_values_are_never_shown(database: Database) -> None:
    database.execute(parse("create table t (a varchar(99) primary key)").bind({}), {})
    secret = "hunter2 drop table"
    for _ in range(2):
        try:
            database.execute(parse("insert into t values (:a)").bind({"a": secret}), {})
        except DovetailError as error:
            assert secret not in str(error) and isinstance(error, UsageError)
            break
    else:
        pytest.fail("the second insert breaks the primary key")
    error = failure(database, "select cast(:v as integer) from nowhere where :v = 'x'", v="sesame-open")
    assert "sesame" not in str(error) and "sesame" not in repr(error.to_dict())


def test_a_value_that_cannot_be_bound_tells_its_type_only(database: Database) -> None:
    error = failure(database, "select :v", v="sesame\ud800")
    assert isinstance(error, UsageError) and "str" in error.what and "sesame" not in str(error)


def test_comments_at_the_end_and_order_are_kept(database: Database) -> None:
    database.write(TableName("t"), pa.table({"a": list(range(5000))}), "create")
    found = database.query(parse("select a from t order by a desc -- newest; first").bind({}), {})
    assert found.to_pydict()["a"] == list(range(4999, -1, -1))


def test_malformed_values_are_the_users(open_) -> None:
    assert isinstance(failure(open_("duckdb"), "select 'a'::json"), UsageError)


def test_mixed_columns_are_refused(open_) -> None:
    database = open_("sqlite")
    error = failure(database, "select 1 as a union all select 'x'")
    assert isinstance(error, ValueMismatch) and "int, str" in str(error)


@EMBEDDED
def test_a_missing_directory_is_the_platforms(engine: str, settings: Settings, open_) -> None:
    with pytest.raises(EngineUnavailable, match="mkdir -p"):
        open_(f"{engine}:///missing/x.db")


@EMBEDDED
def test_a_file_that_is_no_database(engine: str, settings: Settings, open_) -> None:
    (settings.project_root / "notes.txt").write_text("these are notes, not a database. " * 50)
    with pytest.raises(DovetailError) as caught:
        open_(f"{engine}:///notes.txt").tables()
    assert caught.value.kind == "platform" and "notes.txt" in str(caught.value)


@EMBEDDED
def test_a_directory_is_no_database(engine: str, settings: Settings, open_) -> None:
    (settings.project_root / "folder").mkdir()
    with pytest.raises(EngineUnavailable, match="is a directory"):
        open_(f"{engine}:///folder")


HOLD = {
    "duckdb": "import duckdb,sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()",
    "sqlite": "import sqlite3,sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('begin immediate');"
    "print(flush=True); input()",
}


@EMBEDDED
def test_another_process_that_holds_the_file_is_named(engine: str, settings: Settings, open_) -> None:
    path = settings.project_root / f"warehouse.{engine}"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD[engine], str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        holder.stdout.readline()
        with pytest.raises(EngineUnavailable) as caught:
            open_(f"{engine}:///warehouse.{engine}" + ("?timeout=0" if engine == "sqlite" else "")).write(
                TableName("t"), FLIGHTS, "create"
            )
    finally:
        holder.communicate(b"\n")
    if engine == "duckdb":
        assert caught.value.details["pid"] == holder.pid and str(holder.pid) in caught.value.what


@EMBEDDED
def test_read_only_refuses_writes_and_reads_on(engine: str, settings: Settings, open_) -> None:
    database = open_(engine)
    database.write(TableName("flights"), FLIGHTS, "create")
    database.close()
    table = {"url": f"{engine}:///warehouse.{engine}", "read_only": True}
    database = open_("it", Settings(project_root=settings.project_root, connections={"it": table}))
    assert database.read(TableName("flights"), None).equals(FLIGHTS)
    assert database.query(parse("select count(*) as n from rows").bind({}), {"rows": FLIGHTS}).num_rows == 1
    for write in (
        lambda: database.write(TableName("t"), FLIGHTS, "create"),
        lambda: database.execute(parse("delete from flights").bind({}), {}),
        lambda: database.query(parse("delete from flights returning carrier").bind({}), {}),
    ):
        with pytest.raises(DovetailError):
            write()
    assert database.read(TableName("flights"), None).num_rows == 1


def test_one_file_with_two_settings_in_one_process(settings: Settings, open_) -> None:
    open_("duckdb")
    table = {"url": "duckdb:///warehouse.duckdb", "read_only": True}
    with pytest.raises(EngineUnavailable, match="read_only"):
        open_("it", Settings(project_root=settings.project_root, connections={"it": table}))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written(engine: str, settings: Settings, open_) -> None:
    path = Path(settings.project_root / f"warehouse.{engine}")
    open_(engine).write(TableName("t"), FLIGHTS, "create")
    path.chmod(0o400)
    with pytest.raises(DovetailError) as caught:
        open_(engine).write(TableName("u"), FLIGHTS, "create")
    assert caught.value.kind == "platform"


@pytest.mark.parametrize("url", ["postgresql+nosuchdriver://host/db", "nosuchdialect://host/db"])
def test_a_missing_driver_tells_what_to_install(url: str, open_) -> None:
    with pytest.raises(EngineUnavailable, match="pip install"):
        open_(url)


@pytest.mark.parametrize(
    ("drivername", "module", "line"),
    [
        ("postgresql+pg8000", "pg8000", "pip install pg8000"),
        ("postgresql+psycopg", "psycopg", "pip install 'psycopg[binary]'"),
        ("mysql+mysqldb", "MySQLdb", "pip install mysqlclient"),
        ("duckdb", "duckdb", "pip install 'dovetail-sql[engine]'"),
        ("postgresql+nosuch", None, "pip install 'psycopg[binary]', and write drivername = \"postgresql+psycopg\""),
    ],
)
def test_the_driver_to_install_is_the_one_that_the_url_names(
    settings: Settings, drivername: str, module: str | None, line: str
) -> None:
    connection = resolve_connection(f"{drivername}:///db", settings)
    assert missing_driver(module, connection).fix == line


def test_read_only_where_it_is_not_known_is_an_error(settings: Settings, open_) -> None:
    table = {"url": "mssql+pyodbc://host/db", "read_only": True}
    with pytest.raises(ConfigError, match="read_only"):
        open_("it", Settings(project_root=settings.project_root, connections={"it": table}))


def test_a_running_statement_can_be_interrupted_from_another_thread(database: Database, endless: str) -> None:
    stopped = threading.Event()

    def stop() -> None:
        while not stopped.wait(0.05):  # it may not have begun yet
            database.cancel("node")

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        with pytest.raises(RunInterrupted):
            database.query(parse(endless).bind({}), {}, token="node")
    finally:
        stopped.set()
        stopper.join()
    assert database.query(parse("select 1 as a").bind({}), {}).to_pydict() == {"a": [1]}
