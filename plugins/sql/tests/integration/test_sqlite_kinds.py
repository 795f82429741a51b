"""SQLite tells the type of each value and none of a column: a column of several kinds is an error that names the row."""

import datetime as dt

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import ConfigError, ValueMismatch
from dovetail_sql._connections import resolve_connection
from dovetail_sql._database import Database, TableName
from dovetail_sql._statement import parse
from dovetail_sql.task import open_database


@pytest.fixture(params=["sqlite", "sqlite+adbc"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(database: Database, text: str, **values: object) -> pa.Table:
    return database.query(parse(text).bind(values), {})


NUMBERS = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :last)"


@pytest.mark.parametrize("row", [2, 3_000, 70_000])
@pytest.mark.parametrize("other", ["'x'", "x'00'"])
def test_the_row_is_named(database: Database, row: int, other: str) -> None:
    code = f"{NUMBERS} select i, case when i = :row then {other} when i > 1 then i end as a from n"
    if row == 2:
        code = f"{NUMBERS} select i, case when i = 1 + :row then {other} else i end as a from n"
    with pytest.raises(ValueMismatch, match=rf"column 'a' .*(.|\n)*row {row + (row == 2)} of the result"):
        ask(database, code, last=row + 10, row=row)


def test_whole_numbers_and_fractions_have_a_type_together(database: Database) -> None:
    found = ask(database, f"{NUMBERS} select case when i < 69000 then i else i + 0.5 end as a from n", last=70_000)
    assert found.schema.field("a").type == pa.float64() and found["a"][-1].as_py() == 70_000.5
    with pytest.raises(ValueMismatch, match="no single type"):
        ask(database, "select 9007199254740993 as a union all select 0.5")


def test_nulls_tell_no_type(database: Database) -> None:
    code = f"{NUMBERS} select case when i > 69000 then 'x' end as a, null as b from n"
    found = ask(database, code, last=70_000)
    assert found.schema.types == [pa.string(), pa.null()] and found["a"].null_count == 69_000


def test_both_drivers_store_the_same(tmp_path) -> None:
    """What one has written the other one reads, byte for byte."""
    at = [dt.datetime(1969, 12, 31, 23, 59, 59, 5), dt.datetime(2020, 1, 1), None]
    rows = pa.table(
        {
            "flag": [True, False, None],
            "whole": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
            "real": [0.1, float("inf"), None],
            "text": ["ü\x00x", "", None],
            "raw": [b"\x00", b"", None],
            "day": [dt.date(1950, 1, 2), dt.date(2020, 1, 1), None],
            "at": pa.array(at, pa.timestamp("us")),
            "zoned": pa.array(at, pa.timestamp("us", "Europe/Berlin")),
            "time": pa.array([dt.time(1, 2, 3, 4), dt.time(1, 2), None], pa.time64("us")),
            "none": pa.nulls(3),
        }
    )
    settings = Settings(project_root=tmp_path)
    for index, driver in enumerate(("sqlite", "sqlite+adbc")):
        database = open_database(resolve_connection(f"{driver}:///one.db", settings))
        database.write(TableName(f"t{index}"), rows, "create")
        database.close()
    kinds = ", ".join(f"quote({name}), typeof({name})" for name in rows.column_names)
    for driver in ("sqlite", "sqlite+adbc"):
        database = open_database(resolve_connection(f"{driver}:///one.db", settings))
        code = f"select '0' as q from t0 where (select count(*) from (select {kinds} from t0 except select {kinds} from t1)) > 0"
        assert ask(database, code).num_rows == 0
        assert database.read(TableName("t0"), None).equals(database.read(TableName("t1"), None))
        declared = "select distinct replace(sql, 't1', 't0') as d from sqlite_master where name in ('t0', 't1')"
        assert ask(database, declared).num_rows == 1
        database.close()


def test_a_limit_of_time_would_mean_nothing(tmp_path) -> None:
    connections = {"s": {"url": "sqlite+adbc:///one.db", "statement_timeout": 5}}
    with pytest.raises(ConfigError, match="cannot stop"):
        open_database(resolve_connection("s", Settings(project_root=tmp_path, connections=connections)))
