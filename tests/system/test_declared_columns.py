"""Declared columns and Arrow streams between real libraries: every frame is projected as Arrow would be."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Annotated, Any

import dovetail as dt
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
from dovetail.config import load_settings
from dovetail.errors import ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.types import TypeEngine, current_types
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES: dict[str, Any] = {
    "arrow": pa.Table,
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "pandas": pd.DataFrame,
}
COLUMNS: dict[str, tuple[pa.DataType, Any, st.SearchStrategy[Any]]] = {
    "small": (pa.int8(), int, st.integers(-128, 127)),
    "whole": (pa.int64(), int, st.integers(-(2**63), 2**63 - 1)),
    "half": (pa.float32(), float, st.floats(width=32, allow_nan=False)),
    "real": (pa.float64(), float, st.floats(allow_nan=False)),
    "text": (pa.string(), str, st.text()),
    "^kind$": (pa.dictionary(pa.int32(), pa.string()), str, st.sampled_from(["a", "b"])),
    "*": (pa.bool_(), bool, st.booleans()),
    "day": (pa.date32(), datetime.date, st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1))),
    "a.b": (
        pa.timestamp("us"),
        datetime.datetime,
        st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    ),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 4))
    chosen = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, unique=True))
    exactly = {"min_size": rows, "max_size": rows}
    arrays = {
        name: pa.array(draw(st.lists(st.none() | COLUMNS[name][2], **exactly)), COLUMNS[name][0]) for name in chosen
    }
    return pa.table(arrays)


@pytest.mark.parametrize("target", FRAMES)
@pytest.mark.parametrize("source", FRAMES)
@given(table=tables(), order=st.randoms())
@settings(max_examples=25, deadline=None)
def test_every_pair_of_frames_is_projected_as_arrow_is(source: str, target: str, table: pa.Table, order: Any) -> None:
    types = current_types()
    names = order.sample(table.column_names, order.randint(1, table.num_columns))
    declared = dt.columns({name: dt.Column(COLUMNS[name][1], nullable=True) for name in names})
    expected = types.accept(table, Annotated[pa.Table, declared])
    given_frame = types.accept(table, FRAMES[source])
    got = types.accept(given_frame, Annotated[FRAMES[target], declared])
    assert isinstance(got, FRAMES[target])
    back = types.accept(got, pa.Table)
    assert back.column_names == names
    assert back.to_pylist() == expected.to_pylist()
    assert not any(pa.types.is_dictionary(kind) for kind in back.schema.types)


@pytest.mark.parametrize("frame", ["arrow", "polars", "pandas"])
def test_nulls_are_counted_in_every_eager_frame(frame: str) -> None:
    value = current_types().accept(pa.table({"n": [1, None, None]}), FRAMES[frame])
    with pytest.raises(ValueMismatch, match="got 2 nulls"):
        current_types().accept(value, Annotated[FRAMES[frame], dt.columns(n=int)])


def test_a_plan_gets_a_selection_and_is_not_run() -> None:
    def explode(frame: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("the plan was run")

    plan = pl.LazyFrame({"a": [1], "b": ["x"], "c": [1.5]}).map_batches(explode, schema={"a": pl.Int64, "b": pl.String})
    accepted = current_types().accept(plan, Annotated[pl.LazyFrame, dt.columns(b=str)])
    assert accepted.collect_schema().names() == ["b"]
    with pytest.raises(ValueMismatch, match="expected str, got int64"):
        current_types().accept(plan, Annotated[pl.LazyFrame, dt.columns(a=str)])


def test_what_is_dropped_is_dropped_before_a_plan_is_run(tmp_path: Any) -> None:
    path = tmp_path / "wide.parquet"
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(path)
    accepted = current_types().accept(pl.scan_parquet(path), Annotated[pl.LazyFrame, dt.columns(a=int)])
    assert "1/2 COLUMNS" in accepted.explain()


def test_the_index_of_pandas_is_a_column_if_it_matters() -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    out = current_types().accept(frame, Annotated[pd.DataFrame, dt.columns(n=int, key=str)])
    assert list(out.columns) == ["n", "key"] and out["key"].tolist() == ["x", "y"]
    filtered = pd.DataFrame({"n": [1, 2, 3], "m": [0, 0, 0]}).query("n > 1")
    assert current_types().accept(filtered, Annotated[pd.DataFrame, dt.columns(n=int)]).index.tolist() == [1, 2]


# -- streams ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> TypeEngine:
    """An engine to which polars, pandas and DuckDB are strangers."""
    settings = load_settings(tmp_path_factory.mktemp("bare"), {"disable_plugins": True}, {})
    return TypeEngine(build_catalogue(settings))


class Foreign:
    """A library's own frame, which nobody declares and which is no Arrow object: it hands out a stream."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def strangers() -> Iterator[Any]:
    yield Foreign(pa.table({"n": [1, 2], "t": ["a", "b"]}))
    yield pl.DataFrame({"n": [1, 2], "t": ["a", "b"]})
    yield pd.DataFrame({"n": [1, 2], "t": ["a", "b"]})
    duckdb = pytest.importorskip("duckdb")
    yield duckdb.sql("select * from (values (1::bigint, 'a'), (2, 'b')) as v(n, t)")


def test_whatever_offers_an_arrow_stream_is_taken_for_a_table(bare: TypeEngine) -> None:
    for value in strangers():
        expected = {"n": [1, 2], "t": ["a", "b"]}
        if hasattr(type(value), "__arrow_c_stream__"):
            assert bare.check_edge(type(value), pa.Table).steps[0].source == "an Arrow stream"
            assert bare.accept(value, pa.Table).to_pydict() == expected


def test_streams_reach_other_frames_and_their_columns_are_enforced() -> None:
    types = current_types()
    reader = pa.table({"n": pa.array([1], pa.int16()), "t": ["a"]}).to_reader()
    assert types.accept(reader, Annotated[pl.DataFrame, dt.columns(n=int)]).schema == {"n": pl.Int64}
    assert types.check_edge(pa.RecordBatchReader, pl.DataFrame).steps
    for frame in (pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.RecordBatch, pa.RecordBatchReader, pa.dataset.Dataset):
        made = types.accept(Foreign(pa.table({"n": [1, None]})), frame)
        assert isinstance(made, frame) and types.accept(made, pa.Table).to_pydict() == {"n": [1, None]}
    with pytest.raises(ValueMismatch, match="column 'm'"):
        types.accept(pa.table({"n": [1]}).to_reader(), Annotated[pd.DataFrame, dt.columns(m=int)])


def test_an_annotation_of_an_unknown_type_takes_its_own_values_only(bare: TypeEngine) -> None:
    frame = Foreign(pa.table({"n": [1]}))
    assert bare.accept(frame, Foreign) is frame
    with pytest.raises(ValueMismatch):
        bare.accept(pa.table({"n": [1]}), Foreign)
