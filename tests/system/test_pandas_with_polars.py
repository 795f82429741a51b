"""pandas and polars meet over Arrow."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import dovetail_pandas.plugin
import dovetail_polars.plugin
import pandas as pd
import polars as pl
import pytest
from dovetail.config import load_settings
from dovetail.plugins import build_catalogue
from dovetail.store import ArtifactStore
from dovetail.types import TypeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

in_fixture = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)

TYPES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "i64": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "f64": (pl.Float64, st.floats()),
    "bool": (pl.Boolean, st.booleans()),
    "str": (pl.String, st.text(st.characters(codec="utf-8"), max_size=5)),
    "bin": (pl.Binary, st.binary(max_size=5)),
    "date": (pl.Date, st.dates()),
    "ns": (pl.Datetime("ns"), st.integers(-(2**60), 2**60)),
    "zone": (pl.Datetime("us", "Europe/Berlin"), st.integers(0, 10**15)),
    "dur": (pl.Duration("ms"), st.integers(-(10**10), 10**10)),
    "dec": (pl.Decimal(12, 2), st.decimals(-1000, 1000, places=2)),
    "cat": (pl.Categorical(), st.sampled_from(["a", "b", "c"])),
    "list": (pl.List(pl.Int64), st.lists(st.none() | st.integers(0, 9), max_size=3)),
}


@st.composite
def frames(draw: st.DrawFn) -> Any:
    names = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=4, unique=True))
    size = draw(st.integers(0, 6))
    return pl.DataFrame(
        [
            pl.Series(name, draw(st.lists(st.none() | TYPES[name][1], min_size=size, max_size=size)), TYPES[name][0])
            for name in names
        ]
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> TypeEngine:
    settings = load_settings(tmp_path_factory.mktemp("project"), {"disable_plugins": True}, {})
    return TypeEngine(build_catalogue(settings, [dovetail_pandas.plugin, dovetail_polars.plugin]))


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@in_fixture
@given(frame=frames())
def test_polars_to_pandas_and_back_loses_nothing(both: TypeEngine, frame: Any) -> None:
    middle = both.accept(frame, pd.DataFrame)
    again = both.accept(middle, pl.DataFrame)
    assert again.schema == frame.schema
    assert repr(again.rows()) == repr(frame.rows())
    assert both.content_hash(middle) == both.content_hash(frame) == both.content_hash(again)


@in_fixture
@given(frame=frames())
def test_what_polars_stored_loads_as_pandas_and_the_other_way(
    both: TypeEngine, store: ArtifactStore, frame: Any
) -> None:
    loaded = both.load(both.dump(frame, pl.DataFrame, store), store, pd.DataFrame)
    assert both.content_hash(loaded) == both.content_hash(frame)
    again = both.load(both.dump(loaded, pd.DataFrame, store), store, pl.DataFrame)
    assert again.schema == frame.schema and repr(again.rows()) == repr(frame.rows())


def test_the_path_goes_over_arrow_and_is_explained(both: TypeEngine) -> None:
    text = str(both.explain(pl.LazyFrame, pd.DataFrame))
    assert text.splitlines()[0] == "polars.LazyFrame -> pandas.DataFrame: 2 step(s), cost 110"
    assert "polars.LazyFrame -> pyarrow.Table  [collect" in text
    assert "-> polars.DataFrame -> pyarrow.Table -> pandas.DataFrame: costs 120 instead of 110" in text


def test_containers_are_converted_element_by_element(both: TypeEngine) -> None:
    frame = pl.DataFrame({"a": [1, None], "d": [dt.date(2024, 1, 1), None], "x": [Decimal("1.50"), None]})
    converted = both.accept([frame, frame], list[pd.DataFrame])
    assert [str(kind) for kind in converted[0].dtypes] == [
        "Int64",
        "date32[day][pyarrow]",
        "decimal128(38, 2)[pyarrow]",
    ]
    assert set(both.accept({"k": frame}, dict[str, pd.DataFrame])) == {"k"}
    assert both.accept((frame, 1), tuple[pd.DataFrame, int])[1] == 1
    assert both.accept(None, pd.DataFrame | None) is None
    assert both.check_edge(list[pl.DataFrame], list[pd.DataFrame]).cost == 20
