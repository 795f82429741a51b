"""DuckDB relations: lazy, shared memory, parallel tasks, and what is refused."""

from __future__ import annotations

import datetime as dt
import gc
import threading
import weakref
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from dovetail.errors import PlatformError, ValueMismatch
from dovetail.testing import HubHarness
from dovetail.types import TypeEngine
from dovetail_duckdb.transformers import RelationTransformer, from_arrow, to_arrow

RELATION = duckdb.DuckDBPyRelation


@pytest.fixture
def types(tmp_path: Path) -> Iterator[TypeEngine]:
    with HubHarness("dovetail_duckdb.plugin", home=tmp_path / "hub") as hub:
        yield hub.types


def query(text: str) -> duckdb.DuckDBPyRelation:
    return duckdb.connect().sql(text)


def test_a_table_is_read_where_it_lies(types: TypeEngine) -> None:
    assert [(step.cost, step.lazy) for step in types.explain(pa.Table, RELATION).steps] == [("view", True)]
    assert [step.cost for step in types.explain(RELATION, pa.Table).steps] == ["collect"]
    table = pa.table({"n": range(1_000_000)})
    before = pa.total_allocated_bytes()
    relation = types.accept(table, RELATION)
    assert relation.columns == ["n"]
    assert pa.total_allocated_bytes() - before < table.nbytes / 100


def test_a_relation_as_it_was_made_gives_back_the_table_that_it_reads(types: TypeEngine) -> None:
    table = pa.table({"n": range(1_000_000), "t": ["a"] * 1_000_000})
    relation = types.accept(table, RELATION)
    before = pa.total_allocated_bytes()
    again = types.accept(relation, pa.Table)
    assert pa.total_allocated_bytes() - before < table.nbytes / 100
    assert again.column("n").chunk(0).buffers()[1].address == table.column("n").chunk(0).buffers()[1].address
    assert again.equals(to_arrow(relation.filter("true")))


@pytest.mark.parametrize(
    ("alter", "left"),
    [
        (lambda r: r.filter("n > 1"), [2, 3]),
        (lambda r: r.order("n desc"), [3, 2, 1]),
        (lambda r: r.limit(1), [1]),
        (lambda r: r.project("n + 1 as n"), [2, 3, 4]),
        (lambda r: r.union(r), [1, 2, 3, 1, 2, 3]),
        (lambda r: r.query("rows", "select n * 2 as n from rows"), [2, 4, 6]),
        (lambda r: r.set_alias("other"), [1, 2, 3]),
        (lambda r: r.create_view("rows"), [1, 2, 3]),
    ],
)
def test_an_altered_relation_is_not_taken_for_the_table_it_began_with(alter: Any, left: list[int]) -> None:
    relation = from_arrow(pa.table({"n": [1, 2, 3]}))
    altered = alter(relation)
    for _ in range(2):
        assert to_arrow(altered).column("n").to_pylist() == left
        assert [n for batch in RelationTransformer().batches(altered) for n in batch.column(0).to_pylist()] == left
        assert to_arrow(relation).column("n").to_pylist() == [1, 2, 3]


def test_types_come_back_the_same_whether_a_relation_was_altered_or_not() -> None:
    table = pa.table({"id": pa.array([b"ab"], pa.binary(2)), "at": pa.array([1], pa.time32("s"))})
    relation = from_arrow(table)
    assert to_arrow(relation).schema == to_arrow(relation.filter("true")).schema


def test_a_relation_that_is_gone_holds_no_table() -> None:
    table = pa.table({"n": [1, 2, 3]})
    kept, relation = weakref.ref(table), from_arrow(table)
    del table
    gc.collect()
    assert to_arrow(relation).num_rows == 3
    del relation
    gc.collect()
    assert kept() is None


def test_relations_that_dovetail_made_meet_in_sql(types: TypeEngine) -> None:
    flights = types.accept(pa.table({"carrier": ["UA", "AA"], "delay": [3, 4]}), RELATION)
    carriers = types.accept(pa.table({"carrier": ["UA"], "name": ["United"]}), RELATION)
    found = duckdb.default_connection().cursor().sql("select name, delay from flights join carriers using (carrier)")
    assert found.fetchall() == [("United", 3)]
    del flights, carriers


def test_parallel_tasks_do_not_meet_on_one_connection(types: TypeEngine) -> None:
    wrong: list[Exception] = []
    together = threading.Barrier(4)

    def work(low: int) -> None:
        together.wait()
        try:
            for _ in range(20):
                relation = from_arrow(pa.table({"n": range(1000)})).filter(f"n >= {low}")
                assert to_arrow(relation).num_rows == 1000 - low
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(low,)) for low in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_one_relation_for_several_threads_is_waited_for() -> None:
    relation = from_arrow(pa.table({"n": range(200_000)})).aggregate("sum(n)::bigint as total")
    found: list[Any] = []

    def work() -> None:
        found.extend(to_arrow(relation)["total"].to_pylist() for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[sum(range(200_000))]] * 40


def test_an_open_result_is_told() -> None:
    relation = query("select range as n from range(10000000)")
    reader = relation.to_arrow_reader(1000)
    with pytest.raises(PlatformError, match="is in use"):
        to_arrow(relation)
    del reader


def test_rows_come_in_batches_and_columns_alone() -> None:
    transformer, relation = RelationTransformer(), query("select range as n, 'x' as t from range(250000)")
    batches = list(transformer.batches(relation))
    assert [batch.num_rows for batch in batches] and sum(batch.num_rows for batch in batches) == 250_000
    assert max(batch.num_rows for batch in batches) <= 100_000
    projected = transformer.project(query('select 1::int as "a""b", 2 as c'), {'a"b': pa.int64()})
    assert to_arrow(projected).schema == pa.schema([('a"b', pa.int64())])
    assert transformer.project(relation, {"t": None}).columns == ["t"]


def test_arrow_columns_are_known_without_a_run() -> None:
    runs: list[int] = []

    def count(number: int) -> int:
        runs.append(number)
        return number

    connection = duckdb.connect()
    connection.create_function("watch", count, ["BIGINT"], "BIGINT")
    relation = connection.sql("select sum(watch(range)) as s, now() as m from range(3)")
    assert RelationTransformer().arrow_schema(relation).types == [pa.decimal128(38, 0), pa.timestamp("us", "UTC")]
    assert runs == []


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "UTC", "America/New_York"])
def test_the_zone_of_a_connection_does_not_show(zone: str) -> None:
    connection = duckdb.connect()
    connection.execute(f"set timezone = '{zone}'")
    relation = connection.sql(
        "select timestamptz '2020-01-01 00:00:00+00' as m, [timestamptz '2020-01-01 00:00:00+00'] as l"
    )
    table = to_arrow(relation)
    assert table.schema.types[0] == pa.timestamp("us", "UTC")
    assert table.schema.types[1] == pa.list_(pa.timestamp("us", "UTC"))
    assert table.column("m").to_pylist() == [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)]


def test_wide_integers_become_decimals_as_long_as_they_fit() -> None:
    assert to_arrow(query("select sum(range) as s from range(3)")).column("s").to_pylist() == [Decimal(3)]
    with pytest.raises(ValueMismatch, match="more than 38 digits"):
        to_arrow(query("select 340282366920938463463374607431768211455::uhugeint as x"))


@pytest.mark.parametrize(
    "text",
    [
        "select '101'::bit as x",
        "select 1::bignum as x",
        "select '10:00:00+02'::timetz as x",
        "select [1::hugeint] as x",
        "select {'a': '101'::bit} as x",
        "select 'infinity'::timestamp as x",
        "select '-infinity'::date as x",
        "select 'infinity'::timestamptz as x",
    ],
)
def test_what_arrow_does_not_carry_is_refused_by_column(text: str) -> None:
    with pytest.raises(ValueMismatch, match="'x'"):
        to_arrow(query(text))


@pytest.mark.parametrize("names", [["a", "A"], ["", "b"], ["a\0b", "c"], ["x", "x"]])
def test_names_that_duckdb_would_change_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueMismatch):
        from_arrow(pa.table([[1], [2]], names=names))


def test_two_columns_of_one_name_are_refused_going_out() -> None:
    with pytest.raises(ValueMismatch, match="more than one column"):
        to_arrow(query("select 1 as a, 2 as a"))


@pytest.mark.parametrize("kind", [pa.float16(), pa.decimal256(50, 2), pa.list_(pa.duration("s"))])
def test_types_that_duckdb_does_not_have_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(ValueMismatch):
        from_arrow(pa.table({"x": pa.array([None], kind)}))


def test_a_mistake_in_the_query_stays_the_users_own() -> None:
    with pytest.raises(duckdb.ConversionException):
        to_arrow(query("select t::integer as x from (values ('a')) v(t)"))


class Period(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no stubs
    def __init__(self) -> None:
        super().__init__(pa.int64(), "tests.period")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> Period:
        return cls()


def test_periods_are_not_taken_for_numbers(types: TypeEngine) -> None:
    table = pa.table({"month": pa.ExtensionArray.from_storage(Period(), pa.array([648]))})
    with pytest.raises(ValueMismatch, match=r"'month' holds values of the type tests\.period"):
        types.convert(table, RELATION)
