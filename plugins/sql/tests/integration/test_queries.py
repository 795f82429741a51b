"""Queries as values: rows pass between SQL nodes without leaving the database, and from the store without leaving their file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import dovetail
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from dovetail.config import Settings
from dovetail.errors import UsageError
from dovetail.hub import Hub
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.spec import TypeRef
from dovetail.types import current_types
from dovetail_sql import Query, execute, sql, table, to_table
from dovetail_sql._database import LEDGER, Database, TableName
from dovetail_sql._relations import with_relations
from dovetail_sql._statement import parse

pl = pytest.importorskip("polars")

FLIGHTS = pl.DataFrame({"carrier": ["UA", "AA", "UA", "DL"], "month": [1, 1, 2, 2], "delay": [5, None, -3, 7]})


@pytest.fixture(autouse=True)
def project(settings: Settings):
    with use_catalogue(build_catalogue(settings)):
        yield


@pytest.fixture
def flights(engine: str) -> str:
    to_table("flights", connection=engine)(rows=FLIGHTS)
    return engine


def recent(connection: str) -> Any:
    code = "select * from flights where month >= :month -- a comment"
    return sql(code, connection=connection, inputs={"month": int}, output=Query, name="recent")


def counted(connection: str, frame: Any = Query, code: str = "select carrier, count(*) as n from recent") -> Any:
    code += " where month < :limit group by carrier order by carrier"
    inputs = {"recent": frame, "limit": int}
    return sql(code, connection=connection, inputs=inputs, output=pl.DataFrame, name="counted")


def sent(database_class: type, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What databases are asked from now on: statement and relations."""
    seen: list[tuple[str, Any]] = []
    for name in ("query", "execute"):
        original = getattr(database_class, name)

        def spy(self: Database, statement: Any, frames: Any, *rest: Any, _original: Any = original) -> Any:
            seen.append(("".join(p if isinstance(p, str) else "?" for p in statement.pieces), dict(frames)))
            return _original(self, statement, frames, *rest)

        monkeypatch.setattr(database_class, name, spy)
    return seen


def test_a_query_is_part_of_the_statement_that_reads_it(flights: str, open_, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = sent(type(open_(flights)), monkeypatch)

    @dovetail.workflow
    def pipeline(month: int, limit: int) -> pl.DataFrame:
        return counted(flights)(recent=recent(flights)(month=month), limit=limit)

    assert pipeline(month=1, limit=3).to_dict(as_series=False) == {"carrier": ["AA", "DL", "UA"], "n": [1, 1, 2]}
    assert pipeline(month=2, limit=3)["n"].to_list() == [1, 1]
    probe, whole = seen[:2]
    assert probe[0].rstrip().endswith("where 1 = 0")  # its own node looks at the columns, and fetches no row
    assert whole[0].startswith("with ") and "from flights where month >= ?" in whole[0] and whole[1] == {}


@pytest.mark.parametrize(
    "code",
    [
        "with big as (select * from recent) select carrier, count(*) as n from big",
        "/* c */ WITH recursive one(i) as (select 1) select carrier, count(*) as n from recent, one",
    ],
)
def test_a_statement_may_begin_with_its_own_relations(flights: str, code: str) -> None:
    found = counted(flights, code=code)(recent=recent(flights)(month=1), limit=2)
    assert found.to_dict(as_series=False) == {"carrier": ["AA", "UA"], "n": [1, 1]}


def test_queries_of_queries(flights: str) -> None:
    late = sql(
        "select * from recent where delay > :d", connection=flights, inputs={"recent": Query, "d": int}, output=Query
    )
    query = late(recent=recent(flights)(month=1), d=0)
    assert isinstance(query, Query) and query.columns == ["carrier", "month", "delay"]
    assert sorted(query.to_arrow().column("delay").to_pylist()) == [5, 7]
    both = sql(
        "select a.carrier from a join b on a.carrier = b.carrier where b.month = :m order by 1",
        connection=flights,
        inputs={"a": Query, "b": Query, "m": int},
        output=pl.DataFrame,
    )
    found = both(a=query, b=recent(flights)(month=2), m=2)
    assert found["carrier"].to_list() == ["DL", "UA"]


def test_a_table_without_its_rows(flights: str) -> None:
    read = table("flights", connection=flights, columns=["carrier", "delay"], where={"month": list[int]}, output=Query)
    query = read(month=[1, 7])
    assert query.columns == ["carrier", "delay"] and sorted(query.to_arrow()["carrier"].to_pylist()) == ["AA", "UA"]
    with pytest.raises(UsageError, match="no table 'fligths'"):
        table("fligths", connection=flights, output=Query)()


def test_other_statements_read_it_as_a_temporary_table(flights: str) -> None:
    drop = execute(
        "delete from flights where carrier in (select carrier from recent)",
        connection=flights,
        inputs={"recent": Query},
    )
    assert drop(recent=recent(flights)(month=2)) == 3
    assert table("flights", connection=flights, output=pl.DataFrame)()["carrier"].to_list() == ["AA"]


def test_rows_are_fetched_where_they_are_wanted(flights: str, tmp_path: Path) -> None:
    """By a function, by a statement on another connection, by a reader."""

    @dovetail.task
    def height(rows: pl.DataFrame) -> int:
        return rows.height

    @dovetail.task
    def readable(rows: pa.RecordBatchReader) -> int:
        return sum(batch.num_rows for batch in rows)

    query = recent(flights)(month=2)
    assert height(query) == 2 and readable(query) == 2
    assert counted(f"sqlite:///{tmp_path}/other.db")(recent=query, limit=3)["n"].to_list() == [1, 1]


@pytest.mark.parametrize("statement", ["delete from flights", "create table x (a int)"])
def test_only_queries_stay(flights: str, statement: str) -> None:
    with pytest.raises(UsageError, match="no rows"):
        sql(statement, connection=flights, output=Query)()
    assert len(table("flights", connection=flights)()) == 4


def test_a_wrong_query_fails_at_its_own_node(flights: str) -> None:
    with pytest.raises(UsageError, match="flihgts"):
        sql("select * from flihgts", connection=flights, output=Query)()


def test_to_table_inserts_what_a_query_selects(flights: str, open_, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = sent(type(open_(flights)), monkeypatch)
    query = recent(flights)(month=1)
    monkeypatch.setattr(Query, "to_arrow", lambda self: pytest.fail("the rows were fetched"))
    monkeypatch.setattr(Query, "reader", lambda self: pytest.fail("the rows were fetched"))
    monkeypatch.setattr(type(open_(flights)), "_put", lambda *_: pytest.fail("rows were sent"))
    assert to_table("copy", connection=flights)(rows=query) == 4
    with pytest.raises(UsageError, match="exists already"):
        to_table("copy", connection=flights)(rows=query)
    assert to_table("copy", connection=flights, mode="append")(rows=recent(flights)(month=2)) == 2
    assert sql("select count(*) from copy", connection=flights, output=int)() == 6
    assert to_table("copy", connection=flights, mode="replace")(rows=recent(flights)(month=2)) == 2
    # the statement reads the table that it replaces
    half = sql("select carrier, delay from copy where delay > :d", connection=flights, inputs={"d": int}, output=Query)
    assert to_table("copy", connection=flights, mode="replace")(rows=half(d=0)) == 1
    found = open_(flights).read(TableName("copy"), None)
    assert found.to_pydict() == {"carrier": ["DL"], "delay": [7]}
    assert [name for name in open_(flights).tables() if name.startswith("_dovetail")] == []
    assert seen


def test_a_column_that_the_table_lacks(flights: str) -> None:
    to_table("narrow", connection=flights)(rows=FLIGHTS.select("carrier"))
    with pytest.raises(UsageError, match="no column 'month'"):
        to_table("narrow", connection=flights, mode="append")(rows=recent(flights)(month=1))
    assert len(table("narrow", connection=flights)()) == 4


def test_a_merge_looks_at_the_rows(flights: str) -> None:
    to_table("totals", connection=flights)(rows=pl.DataFrame({"carrier": ["UA"], "n": [100]}))
    query = sql("select carrier, count(*) as n from flights group by carrier", connection=flights, output=Query)()
    assert to_table("totals", connection=flights, mode="merge", keys=["carrier"])(rows=query) == 3
    assert sorted(table("totals", connection=flights)()["n"].to_pylist()) == [1, 1, 2]


def test_a_durable_run_hands_queries_on_and_stores_what_they_come_to(
    flights: str, settings: Settings, open_, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = sent(type(open_(flights)), monkeypatch)

    @dovetail.workflow
    def pipeline(month: int) -> int:
        query = recent(flights)(month=month)
        return to_table("copy", connection=flights, mode="append")(rows=query).named("write")

    result = Hub(settings=settings).run(pipeline, month=1)
    assert result.value == 4
    written = open_(flights).read(TableName(LEDGER), None).to_pydict()
    assert written["rows"] == [4] and written["content"] == [""]
    assert len(open_(flights).read(TableName("copy"), None)) == 4
    assert not any(frames for _, frames in seen)


def test_a_workflow_may_return_one(flights: str) -> None:
    """The connection of its run is closed by then; the query opens another."""

    @dovetail.workflow
    def pipeline() -> Query:
        return recent(flights)(month=2)

    found = pipeline()
    assert found.to_arrow().num_rows == 2 and repr(found).startswith("<Query on")
    execute("delete from flights where carrier = 'DL'", connection=flights)()
    assert found.to_arrow().num_rows == 1  # it sees the table as it is


def test_a_database_in_memory_takes_its_queries_along() -> None:
    query = sql("select 1 as a", connection="sqlite:///:memory:", output=Query)()
    with pytest.raises(UsageError, match="in memory"):
        query.to_arrow()


def test_hostile_values_stay_values(flights: str) -> None:
    text = "x'; drop table flights; --"
    query = sql("select :t as t, carrier from flights", connection=flights, inputs={"t": str}, output=Query)(t=text)
    to_table("kept", connection=flights)(rows=query)
    assert set(table("kept", connection=flights)()["t"].to_pylist()) == {text}
    again = sql("select count(*) from q where t = :t", connection=flights, inputs={"q": Query, "t": str}, output=int)
    assert again(q=query, t=text) == 4


def test_names_of_values_do_not_meet() -> None:
    inner = parse("select :a as x, :b as y;").bind({"a": 1, "b": [2, 3]})
    whole = with_relations(parse("select :a from q, r").bind({"a": 9}), {"q": inner, "r": inner}, lambda n: f'"{n}"')
    assert whole is not None
    assert sorted(whole.values.values()) == [1, 1, 2, 2, 3, 3, 9]
    assert with_relations(parse("insert into t select 1").bind({}), {"q": inner}, str) is None


# -- DuckDB: relations, and Parquet where it lies --------------------------------------------------------


def duckdb_flights() -> None:
    pytest.importorskip("duckdb")
    to_table("flights", connection="duckdb", mode="replace")(rows=FLIGHTS)


def test_relations_over_the_connection_pass_between_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb_flights()
    from dovetail_sql._duckdb import DuckDatabase

    source = sql(
        "select * from flights where month >= :m",
        connection="duckdb",
        inputs={"m": int},
        output="duckdb.DuckDBPyRelation",
    )

    @dovetail.task
    def late(flights: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":  # noqa: F821
        return flights.filter("delay > 0")

    @dovetail.workflow
    def pipeline() -> pl.DataFrame:
        relation = "duckdb.DuckDBPyRelation"
        return counted("duckdb", frame=TypeRef(relation))(recent=late(source(m=1)), limit=3)

    seen = sent(DuckDatabase, monkeypatch)
    assert pipeline()["carrier"].to_list() == ["DL", "UA"]
    (frame,) = [frames["recent"] for _, frames in seen if frames]
    assert type(frame).__name__ == "DuckDBPyRelation"


def test_a_relation_of_another_database_is_read_through_arrow() -> None:
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.connect().sql("select 'UA' as carrier, 1 as month union all select 'UA', 2")
    found = counted("duckdb", frame=TypeRef("duckdb.DuckDBPyRelation"))(recent=relation, limit=2)
    assert found["n"].to_list() == [1]


def stored(rows: pa.Table, settings: Settings, want: Any = Query) -> Any:
    """The rows as another run finds them in the store."""
    hub = Hub(settings=settings)
    artifact = current_types().dump(rows, pa.Table, hub.artifacts)
    return current_types().load(artifact, hub.artifacts, want)


def test_duckdb_reads_the_stores_parquet_where_it_lies(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb_flights()
    from dovetail_sql._duckdb import DuckDatabase

    query = stored(FLIGHTS.to_arrow(), settings)
    assert isinstance(query, Query) and query.file is not None
    monkeypatch.setattr(pq, "read_table", lambda *_, **__: pytest.fail("it was loaded"))
    monkeypatch.setattr(Query, "to_arrow", lambda self: pytest.fail("it was loaded"))
    monkeypatch.setattr(Query, "reader", lambda self: pytest.fail("it was loaded"))
    seen = sent(DuckDatabase, monkeypatch)
    assert counted("duckdb")(recent=query, limit=3)["n"].to_list() == [1, 1, 2]
    assert seen[-1][1] == {"recent": query.file}
    plan = sql("explain select carrier from recent where month = 1", connection="duckdb", inputs={"recent": Query})
    text = " ".join(plan(recent=query).column(1).to_pylist())
    assert "PARQUET_SCAN" in text and "month" in text.split("Filters")[1]


def test_types_that_a_reader_of_parquet_would_change_come_by_a_dataset(settings: Settings) -> None:
    duckdb_flights()
    rows = pa.table({"t": pa.array([0, 3_600_000_000], pa.timestamp("us", "Europe/Berlin")), "month": [1, 2]})
    query = stored(rows, settings)
    found = sql("select * from rows order by month", connection="duckdb", inputs={"rows": Query})(rows=query)
    assert found.column("t").cast(pa.int64()).to_pylist() == [0, 3_600_000_000]
    dataset = ds.dataset(rows)
    count = sql(
        "select count(*) from rows where month = 2", connection="duckdb", inputs={"rows": ds.Dataset}, output=int
    )
    assert count(rows=dataset) == 1


MEMORY = """
import resource, sys
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.config import Settings
from pathlib import Path
from dovetail_sql import sql, Query
from dovetail_sql.query import QueryParquet
from dovetail.types import current_types
with use_catalogue(build_catalogue(Settings(project_root=Path(sys.argv[1])))):
    count = sql("select sum(a + b) from big where a > :low / 100.0", connection="duckdb:///:memory:?memory_limit=100MB",
                inputs={"big": Query, "low": int}, output=float)
    count(big=QueryParquet().read(Path(sys.argv[3])), low=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count(big=QueryParquet().read(Path(sys.argv[2])), low=1)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_file_is_not_loaded(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    import numpy as np

    numbers = np.random.default_rng(1)
    big = pa.table({name: numbers.random(10_000_000) for name in "ab"})
    pq.write_table(big, tmp_path / "big.parquet", compression="none")
    pq.write_table(big.slice(0, 10), tmp_path / "small.parquet")
    command = [
        sys.executable,
        "-c",
        MEMORY,
        str(tmp_path),
        str(tmp_path / "big.parquet"),
        str(tmp_path / "small.parquet"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100, "MB more, for a file of 160 MB"
