"""polars frames: round trips through Arrow and files, hashes, and what is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.types import TypeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

in_fixture = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)

ENUM = pl.Enum(["low", "high"])
TYPES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "i8": (pl.Int8, st.integers(-128, 127)),
    "i64": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "u64": (pl.UInt64, st.integers(0, 2**64 - 1)),
    "f32": (pl.Float32, st.floats(width=32)),
    "f64": (pl.Float64, st.floats()),
    "bool": (pl.Boolean, st.booleans()),
    "str": (pl.String, st.text(st.characters(codec="utf-8"), max_size=20)),
    "bin": (pl.Binary, st.binary(max_size=20)),
    "date": (pl.Date, st.dates()),
    "time": (pl.Time, st.times()),
    "us": (pl.Datetime("us"), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))),
    "zone": (pl.Datetime("ms", "Europe/Berlin"), st.integers(0, 10**12)),
    "dur": (pl.Duration("us"), st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000))),
    "dec": (pl.Decimal(12, 2), st.decimals(-1000, 1000, places=2)),
    "cat": (pl.Categorical(), st.sampled_from(["a", "b", "c"])),
    "enum": (ENUM, st.sampled_from(["low", "high"])),
    "list": (pl.List(pl.Int64), st.lists(st.none() | st.integers(0, 9), max_size=3)),
    "array": (pl.Array(pl.Int32, 2), st.lists(st.integers(0, 9), min_size=2, max_size=2)),
    "struct": (
        pl.Struct({"x": pl.Int64, "y": pl.String}),
        st.fixed_dictionaries({"x": st.integers(0, 9), "y": st.just("t")}),
    ),
    "null": (pl.Null, st.none()),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    names = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=4, unique=True))
    size = draw(st.integers(0, 6))
    return pl.DataFrame(
        [
            pl.Series(name, draw(st.lists(st.none() | TYPES[name][1], min_size=size, max_size=size)), TYPES[name][0])
            for name in names
        ]
    )


@in_fixture
@given(frame=frames())
def test_arrow_and_back(types: TypeEngine, frame: pl.DataFrame) -> None:
    table = types.accept(frame, pa.Table)
    assert not any("view" in str(kind) or "large" in str(kind) for kind in table.schema.types)
    assert_frame_equal(types.accept(table, pl.DataFrame), frame, categorical_as_str=True)
    assert types.accept(table, pl.DataFrame).schema == frame.schema


@in_fixture
@given(frame=frames(), form=st.sampled_from(["parquet", "arrow"]))
def test_stored_and_loaded(types: TypeEngine, store: Any, frame: pl.DataFrame, form: str) -> None:
    form = None if form == "parquet" else form  # what Parquet forgets goes to Arrow by itself
    artifact = types.dump(frame, pl.DataFrame, store, format=form)
    loaded = types.load(artifact, store, pl.DataFrame)
    assert loaded.schema == frame.schema
    assert_frame_equal(loaded, frame, categorical_as_str=True)
    assert artifact.content_hash == types.content_hash(frame) == types.content_hash(loaded)
    assert types.content_hash(types.load(artifact, store, pa.Table)) == artifact.content_hash


@in_fixture
@given(frame=frames(), cut=st.integers(0, 6))
def test_chunks_do_not_matter_and_arrow_hashes_the_same(types: TypeEngine, frame: pl.DataFrame, cut: int) -> None:
    chunked = pl.concat([frame.head(cut), frame.slice(cut)], rechunk=False)
    assert types.content_hash(chunked) == types.content_hash(frame) == types.content_hash(types.accept(frame, pa.Table))


def test_a_frame_passes_by_reference(types: TypeEngine) -> None:
    frame = pl.DataFrame({"a": [1]})
    assert types.accept(frame, pl.DataFrame) is frame
    assert types.accept([frame], list[pl.DataFrame])[0] is frame
    assert types.accept(frame, pl.DataFrame | None) is frame


def test_lazy_and_eager(types: TypeEngine, store: Any) -> None:
    plan = pl.LazyFrame({"a": [1, 2, 3]}).filter(pl.col("a") > 1)
    assert types.accept(plan, pl.DataFrame)["a"].to_list() == [2, 3]
    assert isinstance(types.accept(plan.collect(), pl.LazyFrame), pl.LazyFrame)
    assert [step.cost for step in types.explain(pl.LazyFrame, pa.Table).steps] == ["collect", "copy"]
    assert [step.cost for step in types.explain(pl.DataFrame, pl.LazyFrame).steps] == ["view"]
    artifact = types.dump(plan, pl.LazyFrame, store)
    assert artifact.meta["rows"] == 2
    assert artifact.content_hash == types.content_hash(plan.collect())
    assert types.load(artifact, store, pl.LazyFrame).collect()["a"].to_list() == [2, 3]


def test_a_plan_is_run_once_when_it_is_stored_and_never_when_it_is_looked_at(types: TypeEngine, store: Any) -> None:
    runs: list[int] = []

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        runs.append(frame.height)
        return frame

    plan = pl.LazyFrame({"a": [1, 2, 3]}).map_batches(count, schema=pl.Schema({"a": pl.Int64()}))
    assert types.num_rows(plan) is None
    assert types.schema(plan) is not None
    assert types.preview(plan).text
    assert runs == []
    types.dump(plan, pl.LazyFrame, store)
    assert runs == [3]


def test_frames_inside_records(types: TypeEngine, store: Any) -> None:
    @dataclass
    class Split:
        train: pl.DataFrame
        rest: pl.DataFrame | None = None

    split = Split(pl.DataFrame({"a": [1]}))
    assert types.accept(split, Split) is split
    loaded = types.load(types.dump(split, Split, store), store, Split)
    assert loaded.train.equals(split.train) and loaded.rest is None
    from_arrow = types.accept(Split(pa.table({"a": [1]})), Split)
    assert from_arrow.train.equals(split.train)


def test_take_rows_and_previews(types: TypeEngine) -> None:
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
    transformer = types.transformer_for(frame)
    assert transformer.take_rows(frame, [0, 2]).rows() == [(1, "x"), (3, None)]
    assert transformer.take_rows(frame, []).schema == frame.schema
    preview = types.preview(frame, 2)
    assert preview.rows == (("1", "x"), ("2", "y")) and preview.total_rows == 3


def test_python_objects_are_refused_by_column(types: TypeEngine) -> None:
    frame = pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(ValueMismatch, match="'o' holds Python objects"):
        types.accept(frame, pa.Table)


def test_what_leads_nowhere_is_refused_at_definition(types: TypeEngine) -> None:
    for source, target in ((pl.DataFrame, int), (str, pl.DataFrame), (pl.DataFrame | None, pl.DataFrame)):
        with pytest.raises(ConversionError):
            types.check_edge(source, target)


def test_decimals_and_zones_keep_their_type(types: TypeEngine) -> None:
    frame = pl.DataFrame({"d": [Decimal("1.50")]}, schema={"d": pl.Decimal(10, 2)})
    assert types.accept(types.accept(frame, pa.Table), pl.DataFrame).schema == frame.schema
