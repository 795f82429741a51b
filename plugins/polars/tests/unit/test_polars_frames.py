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
    assert [step.cost for step in types.explain(pl.LazyFrame, pa.Table).steps] == ["collect", "copy"]
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
