"""What is special about polars frames: plans, frames inside records, and what is refused. The laws are in test_conformance.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.types import TypeEngine


def test_lazy_and_eager(types: TypeEngine, store: Any) -> None:
    plan = pl.LazyFrame({"a": [1, 2, 3]}).filter(pl.col("a") > 1)
    assert types.accept(plan, pl.DataFrame)["a"].to_list() == [2, 3]
    assert isinstance(types.accept(plan.collect(), pl.LazyFrame), pl.LazyFrame)
    assert [step.cost for step in types.explain(pl.LazyFrame, pa.Table).steps] == ["collect"]
    assert [step.cost for step in types.explain(pl.DataFrame, pl.LazyFrame).steps] == ["view"]
    artifact = types.dump(plan, pl.LazyFrame, store)
    assert artifact.meta["rows"] == 2
    assert artifact.content_hash == types.content_hash(plan.collect())
    assert types.load(artifact, store, pl.LazyFrame).collect()["a"].to_list() == [2, 3]


def test_a_plan_is_run_once_when_it_is_stored(types: TypeEngine, store: Any) -> None:
    runs: list[int] = []

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        runs.append(frame.height)
        return frame

    plan = pl.LazyFrame({"a": [1, 2, 3]}).map_batches(count, schema=pl.Schema({"a": pl.Int64()}))
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


def test_python_objects_are_refused_by_column(types: TypeEngine) -> None:
    frame = pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(ValueMismatch, match="'o' holds Python objects"):
        types.accept(frame, pa.Table)


def test_what_leads_nowhere_is_refused_at_definition(types: TypeEngine) -> None:
    for source, target in ((pl.DataFrame, int), (str, pl.DataFrame), (pl.DataFrame | None, pl.DataFrame)):
        with pytest.raises(ConversionError):
            types.check_edge(source, target)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (pa.decimal256(60, 2), "38 digits"),
        (pa.month_day_nano_interval(), "months"),
        (pa.timestamp("us", "+05:30"), "names"),
        (pa.uuid(), "what they are"),
        (pa.list_(pa.timestamp("us", "+05:30")), "names"),
    ],
    ids=str,
)
def test_what_polars_has_no_type_for_is_refused_and_does_not_panic(types: TypeEngine, kind: Any, reason: str) -> None:
    with pytest.raises(ValueMismatch) as told:
        types.convert(pa.schema([pa.field("a", kind)]).empty_table(), pl.DataFrame)
    assert "'a'" in told.value.what and reason in str(told.value.why)


def test_days_stay_days_and_narrow_decimals_stay_decimals(types: TypeEngine) -> None:
    days = pa.array([0, 86_400_000], pa.int64()).cast(pa.date64())
    table = pa.table({"day": days, "sum": pa.array([1, 2]).cast(pa.decimal256(20, 0))})
    assert types.convert(table, pl.DataFrame).dtypes == [pl.Date, pl.Decimal(20, 0)]


def test_an_empty_column_name_stays_empty(types: TypeEngine) -> None:
    assert types.convert(pa.table({"": [1], "a": [2]}), pl.DataFrame).columns == ["", "a"]


def test_two_columns_of_one_name_are_refused(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match="more than one column called 'a'"):
        types.convert(pa.table([[1], [2]], names=["a", "a"]), pl.DataFrame)


@pytest.mark.parametrize("kind", [pl.Int128, pl.List(pl.Int128)], ids=str)
def test_integers_of_128_bits_are_refused(types: TypeEngine, kind: Any) -> None:
    with pytest.raises(ValueMismatch, match="128 bits"):
        types.convert(pl.DataFrame({"a": pl.Series([], dtype=kind)}), pa.Table)
