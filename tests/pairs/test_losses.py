"""What a frame has no place for is refused by column, and arrives without it where that is allowed."""

from __future__ import annotations

from typing import Annotated, Any

import dovetail as dt
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from datasets import Dataset
from dovetail.errors import ConversionError
from dovetail.testing._pairs import PairTable
from dovetail.types import current_types

RELATION = duckdb.DuckDBPyRelation
ZONED = pa.table({"n": [1], "at": pa.array([0], pa.timestamp("us", "Europe/Berlin"))})
WORDS = pa.table({"n": [1, 2, 3], "c": pa.DictionaryArray.from_arrays([1, None, 0], ["low", "it's"])})
NUMBERS = pa.table({"c": pa.DictionaryArray.from_arrays([1, 0], [10, 20])})
INSIDE = pa.table({"l": pa.array([[0]], pa.list_(pa.timestamp("us", "Asia/Tokyo")))})


@pytest.mark.parametrize(
    ("table", "target", "column", "lost"),
    [
        (ZONED, RELATION, "at", "the zone Europe/Berlin"),
        (INSIDE, RELATION, "l", "the zone Asia/Tokyo"),
        (NUMBERS, RELATION, "c", "its categories and their order"),
        (NUMBERS, pl.DataFrame, "c", "its categories"),
        (NUMBERS, pl.LazyFrame, "c", "its categories"),
        (WORDS, Dataset, "c", "its categories and their order"),
    ],
)
def test_a_loss_is_refused_by_column_and_arrives_where_it_is_allowed(
    table: pa.Table, target: Any, column: str, lost: str
) -> None:
    types = current_types()
    with pytest.raises(ConversionError) as caught:
        types.accept(table, target)
    assert caught.value.details["column"] == column
    assert caught.value.details["lost"] == lost
    assert "allow_lossy=True" in (caught.value.fix or "") and "dt.Lossy()" in (caught.value.fix or "")
    for made in (types.convert(table, target, allow_lossy=True), types.accept(table, Annotated[target, dt.Lossy()])):
        assert types.accept(made, pa.Table).num_rows == table.num_rows
    with pytest.raises(ConversionError):  # what was allowed once is not allowed again
        types.accept(table, target)


@pytest.mark.parametrize("zone", ["UTC", "+00:00", None])
def test_what_loses_nothing_passes_freely(zone: str | None) -> None:
    table = pa.table({"at": pa.array([0, None], pa.timestamp("us", zone)), "t": ["a", "b"]})
    assert current_types().accept(table, RELATION).project("t").fetchall() == [("a",), ("b",)]


def test_categories_of_text_are_an_enum_in_duckdb_and_come_back() -> None:
    types = current_types()
    relation = types.accept(WORDS, RELATION)
    assert str(relation.types[1]) == "ENUM('low', 'it''s')"
    again = types.accept(relation.filter("n > 0"), pa.Table)
    assert pa.types.is_dictionary(again.schema.field("c").type)
    assert again.column("c").to_pylist() == ["it's", None, "low"]
    assert again.column("c").chunk(0).dictionary.to_pylist() == ["low", "it's"]
    for empty in (WORDS.slice(0, 0), pa.table({"c": pa.array([None], pa.dictionary(pa.int8(), pa.string()))})):
        assert pa.types.is_dictionary(types.accept(types.accept(empty, RELATION), pa.Table).schema.field("c").type)


def test_more_categories_than_a_type_in_sql_holds_are_a_loss() -> None:
    many = pa.table({"c": pa.array([str(n) for n in range(10_001)]).dictionary_encode()})
    with pytest.raises(ConversionError, match="its categories"):
        current_types().accept(many, RELATION)


def test_an_order_of_categories_goes_to_polars_and_back() -> None:
    types = current_types()
    frame = pd.DataFrame({"c": pd.Categorical(["low", None, "high"], categories=["low", "mid", "high"], ordered=True)})
    plan = types.accept(frame, pl.DataFrame)
    assert plan.schema["c"] == pl.Enum(["low", "mid", "high"])
    pd.testing.assert_frame_equal(types.accept(plan, pd.DataFrame), frame)


def test_a_dataset_is_read_by_duckdb_each_time_and_refused_for_what_it_would_lose(tmp_path: Any) -> None:
    types = current_types()
    relation = types.accept(ds.dataset(pa.table({"n": [1, 2], "t": ["a", "b"]})), RELATION)
    for _ in range(2):
        assert relation.filter("n = 2").fetchall() == [(2, "b")]
    assert str(types.accept(ds.dataset(WORDS), RELATION).types[1]) == "ENUM('low', 'it''s')"
    with pytest.raises(ConversionError, match="would lose"):
        types.accept(ds.dataset(ZONED), RELATION)


@dt.task
def moments() -> pa.Table:
    return ZONED


@dt.task
def hours(rows: Annotated[duckdb.DuckDBPyRelation, dt.Lossy()]) -> int:
    return int(rows.aggregate("count(*)").fetchall()[0][0])


@dt.task
def strict(rows: duckdb.DuckDBPyRelation) -> int:
    return int(rows.aggregate("count(*)").fetchall()[0][0])


@dt.workflow
def allowed() -> int:
    return hours(moments())


@dt.workflow
def refused() -> int:
    return strict(moments())


def test_an_annotation_allows_a_loss_for_one_input() -> None:
    assert allowed() == 1
    with pytest.raises(ConversionError, match="would lose the zone Europe/Berlin") as caught:
        refused()
    assert "rows" in str(caught.value.who)


def test_the_table_says_what_is_lost_where_it_is_allowed(table: PairTable) -> None:
    found = table.tried(ZONED, ZONED, "duckdb.DuckDBPyRelation", allow_lossy=True)
    assert found.told == "as timestamp[us, tz=UTC]"
