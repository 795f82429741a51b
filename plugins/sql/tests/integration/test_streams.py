"""Results larger than memory: rows arrive bit by bit, and outlive the connection that they were asked over."""

import threading
from decimal import Decimal

import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import DovetailError, UsageError
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail_sql import sql
from dovetail_sql._database import Database, TableName
from dovetail_sql._statement import parse

ROWS = pa.table({"a": list(range(3_000)), "b": [None if i % 7 == 0 else f"t{i}" for i in range(3_000)]})
HERE = TableName("t")


@pytest.fixture
def big(database: Database) -> Database:
    database.write(HERE, ROWS, "create")
    return database


def bound(text: str, **values: object):
    return parse(text).bind(values)


@pytest.mark.parametrize("text", ["select * from t order by a", "select * from t where a >= :low order by a"])
def test_a_stream_is_what_a_query_is(big: Database, text: str) -> None:
    statement = bound(text, low=0) if ":low" in text else bound(text)
    reader = big.stream(statement)
    assert isinstance(reader, pa.RecordBatchReader)
    batches = list(reader)
    assert pa.Table.from_batches(batches).equals(ROWS)


@pytest.mark.parametrize("condition", ["", " where i > :low"])
def test_rows_arrive_bit_by_bit(engine: str, open_, condition: str) -> None:
    if engine not in ("duckdb", "postgresql"):
        pytest.skip("all rows are read first")
    series = "range(300000) r(i)" if engine == "duckdb" else "generate_series(0, 299999) i"
    code = f"select i, md5(cast(i as text)) as t, md5(cast(-i as text)) as u from {series}{condition}"
    batches = [batch.num_rows for batch in open_(engine).stream(bound(code, **({"low": -1} if condition else {})))]
    assert sum(batches) == 300_000 and max(batches) < 300_000


def test_a_stream_outlives_its_database(big: Database) -> None:
    reader = big.stream(bound("select a from t"))
    big.close()
    assert sum(batch.num_rows for batch in reader) == ROWS.num_rows


def test_a_stream_that_nobody_reads_holds_nobody_up(big: Database) -> None:
    reader = big.stream(bound("select a from t"))
    reader.read_next_batch()
    del reader
    assert big.query(bound("select count(*) as n from t"), {}).to_pydict() == {"n": [ROWS.num_rows]}


def test_a_stream_without_rows_has_columns(big: Database) -> None:
    found = big.stream(bound("select a, b from t where a < :a", a=0)).read_all()
    assert found.num_rows == 0 and found.column_names == ["a", "b"]


def test_what_fails_in_a_stream_is_the_databases_error(database: Database) -> None:
    with pytest.raises(UsageError, match="no table 'nowhere'"):
        database.stream(bound("select * from nowhere")).read_all()
    with pytest.raises(DovetailError):
        database.stream(bound("create table t (a integer)")).read_all()
    assert database.tables() == []


def test_numerics_of_a_stream_have_one_type(postgresql, open_) -> None:
    database = open_("postgresql")
    code = "select i::numeric / 8 as n from generate_series(1, 300000) i where i > :low"
    found = database.stream(bound(code, low=0)).read_all()
    assert found.num_rows == 300_000 and found.column("n")[0].as_py() == Decimal("0.125")
    with pytest.raises(DovetailError, match="cast"):
        code = "select case when i < 290000 then 1.5 else 1e-20 end::numeric as n from generate_series(1, 300000) i"
        database.stream(bound(code)).read_all()


def test_streams_side_by_side(big: Database) -> None:
    counts: list[int] = []

    def count() -> None:
        counts.append(sum(batch.num_rows for batch in big.stream(bound("select a from t"))))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [ROWS.num_rows] * 3


def test_a_task_gives_a_stream_where_one_is_wanted(engine: str, settings: Settings, big: Database) -> None:
    with use_catalogue(build_catalogue(settings)):
        for output in (pa.RecordBatchReader, "pyarrow.RecordBatchReader"):
            found = sql("select a from t where a < :n", connection=engine, inputs={"n": int}, output=output)(n=9)
            assert isinstance(found, pa.RecordBatchReader) and found.read_all().num_rows == 9
