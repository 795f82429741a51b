"""What is special about pandas frames: dtypes, the index, and what is refused. The laws are in test_conformance.py."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dovetail.errors import ValueMismatch
from dovetail.types import TypeEngine
from pandas.testing import assert_frame_equal, assert_series_equal

PANDAS_COLUMNS: dict[str, Any] = {
    "int64": pd.Series([1, 2, 3]),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "Int64_full": pd.Series([1, 2, 3], dtype="Int64"),
    "UInt8": pd.Series([1, None, 3], dtype="UInt8"),
    "float64": pd.Series([1.0, np.nan, 3.0]),
    "float32": pd.Series([1.0, 2.0, 3.0], dtype="float32"),
    "Float64": pd.Series([1.0, None, 3.0], dtype="Float64"),
    "bool": pd.Series([True, False, True]),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "str": pd.Series(["a", None, "c"], dtype="str"),
    "string": pd.Series(["a", None, "c"], dtype="string"),
    "object": pd.Series(["a", None, "c"], dtype=object),
    "object_dates": pd.Series([dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)], dtype=object),
    "object_decimals": pd.Series([Decimal("1.50"), None, Decimal("2.25")], dtype=object),
    "datetime": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03"])),
    "datetime_zone": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03"])).dt.tz_localize("Europe/Berlin"),
    "timedelta": pd.Series(pd.to_timedelta([1, None, 3], unit="s")),
    "category": pd.Series(["a", "b", "a"], dtype="category"),
    "category_ordered": pd.Series(pd.Categorical(["a", "b", None], categories=["b", "a", "z"], ordered=True)),
    "category_int": pd.Series([1, 2, 1], dtype="category"),
    "object_lists": pd.Series([[1], None, [2, 3]], dtype=object),
    "object_floats": pd.Series([1.5, None, 2.5], dtype=object),
    "object_moments": pd.Series([dt.datetime(2024, 1, 1), None, None], dtype=object),
    "period": pd.Series(pd.period_range("2024-01", "2024-03", freq="M")),
    "interval": pd.Series(pd.interval_range(0, 3)),
    "arrow_int": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "arrow_list": pd.Series([[1], None, [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
}


@pytest.mark.parametrize("name", PANDAS_COLUMNS)
def test_a_stored_column_keeps_its_pandas_dtype(types: TypeEngine, store: Any, name: str) -> None:
    frame = pd.DataFrame({"c": PANDAS_COLUMNS[name]})
    for form in ("parquet", "arrow"):
        artifact = types.dump(frame, pd.DataFrame, store, format=form)
        loaded = types.load(artifact, store, pd.DataFrame)
        assert_frame_equal(loaded, frame)
        assert types.content_hash(loaded) == artifact.content_hash
    assert_frame_equal(types.load(types.dump(frame.iloc[:0], pd.DataFrame, store), store), frame.iloc[:0])


def test_ints_with_nulls_never_become_floats(types: TypeEngine) -> None:
    big = 2**62 + 1
    frame = types.accept(pa.table({"n": [big, None], "b": [True, None], "full": [1, 2]}), pd.DataFrame)
    assert [str(kind) for kind in frame.dtypes] == ["Int64", "boolean", "int64"]
    assert frame["n"][0] == big


def test_nan_and_null_stay_apart(types: TypeEngine) -> None:
    table = pa.table({"nulls": [1.0, None], "nans": [1.0, float("nan")], "both": pa.array([None, float("nan")])})
    frame = types.accept(table, pd.DataFrame)
    assert str(frame["nulls"].dtype) == "float64"
    again = types.accept(frame, pa.Table)
    assert [again.column(i).null_count for i in range(3)] == [1, 0, 1]


def test_the_arrays_that_come_in_can_be_written_to(types: TypeEngine) -> None:
    frame = types.accept(pa.table({"a": [1, 2], "b": [1.0, 2.0]}), pd.DataFrame)
    frame.loc[0, "a"] = 5
    frame["b"] += 1
    assert frame.to_numpy().tolist() == [[5.0, 2.0], [2.0, 3.0]]


# -- the index -----------------------------------------------------------------------------------------

INDEXES: dict[str, Any] = {
    "default": pd.RangeIndex(3),
    "range": pd.RangeIndex(10, 40, 10),
    "named_range": pd.RangeIndex(3, name="row"),
    "left_over": pd.Index([5, 2, 9]),
    "named": pd.Index(["x", "y", "z"], name="key"),
    "unnamed_text": pd.Index(["x", "y", "z"]),
    "dates": pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-03"], name="day"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["letter", "n"]),
    "unnamed_levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_every_index_is_stored(types: TypeEngine, store: Any, name: str) -> None:
    frame = pd.DataFrame({"v": [1.5, 2.5, 3.5]}, index=INDEXES[name])
    for form in ("parquet", "arrow"):
        loaded = types.load(types.dump(frame, pd.DataFrame, store, format=form), store, pd.DataFrame)
        assert_frame_equal(loaded, frame, check_freq=False)
        assert types.content_hash(loaded) == types.content_hash(frame)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("default", ["v"]),
        ("range", ["v"]),
        ("left_over", ["v"]),
        ("named_range", ["row", "v"]),
        ("named", ["key", "v"]),
        ("unnamed_text", ["index", "v"]),
        ("dates", ["day", "v"]),
        ("levels", ["letter", "n", "v"]),
        ("unnamed_levels", ["level_0", "level_1", "v"]),
    ],
)
def test_an_index_that_says_something_becomes_columns(types: TypeEngine, name: str, columns: list[str]) -> None:
    frame = pd.DataFrame({"v": [1.5, 2.5, 3.5]}, index=INDEXES[name])
    assert types.accept(frame, pa.Table).column_names == columns


def test_row_labels_that_differ_hash_differently(types: TypeEngine) -> None:
    frame = pd.DataFrame({"v": [1, 2, 3]})
    assert types.content_hash(frame.iloc[[0, 2]]) != types.content_hash(frame.iloc[[0, 2]].reset_index(drop=True))
    assert types.content_hash(frame.iloc[[0, 2]].reset_index(drop=True)) == types.content_hash(pa.table({"v": [1, 3]}))


def test_an_index_named_like_a_column_is_refused(types: TypeEngine) -> None:
    frame = pd.DataFrame({"v": [1]}, index=pd.Index(["x"], name="v"))
    with pytest.raises(ValueMismatch, match="name of a column"):
        types.accept(frame, pa.Table)


# -- refused -------------------------------------------------------------------------------------------


def test_column_names_must_be_text_and_differ(types: TypeEngine, store: Any) -> None:
    with pytest.raises(ValueMismatch, match="not text: 0, 1"):
        types.accept(pd.DataFrame(np.zeros((2, 2))), pa.Table)
    with pytest.raises(ValueMismatch, match="more than one column called 'a'"):
        types.dump(pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame, store)
    with pytest.raises(ValueMismatch, match="not text"):
        types.accept(pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), pa.Table)


def test_a_column_of_mixed_objects_is_refused_by_name(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match="'mixed'") as caught:
        types.accept(pd.DataFrame({"mixed": [1, "a", object()]}), pa.Table)
    assert caught.value.fix


# -- the rest ------------------------------------------------------------------------------------------


def test_empty_frames(types: TypeEngine, store: Any) -> None:
    for frame in (pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame({"a": pd.Series([], dtype="Int64")})):
        assert_frame_equal(types.load(types.dump(frame, pd.DataFrame, store), store), frame, check_column_type=False)
        assert types.accept(frame, pa.Table).num_columns == frame.shape[1]


@pytest.mark.parametrize("name", PANDAS_COLUMNS)
def test_series_are_stored_with_name_index_and_dtype(types: TypeEngine, store: Any, name: str) -> None:
    for series in (PANDAS_COLUMNS[name], PANDAS_COLUMNS[name].rename("v").set_axis(["x", "y", "z"])):
        artifact = types.dump(series, pd.Series, store)
        assert_series_equal(types.load(artifact, store, pd.Series), series)
        assert types.content_hash(types.load(artifact, store)) == artifact.content_hash


def test_labels_are_taken_with_their_rows_and_previewed(types: TypeEngine) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x" * 200, None, "z"]}, index=["p", "q", "r"])
    taken = types.transformer_for(frame).take_rows(frame, [0, 2])
    assert list(taken.index) == ["p", "r"]
    assert list(types.transformer_for(frame).take_rows(frame, np.array([1])).index) == ["q"]
    preview = types.preview(frame, 2)
    assert preview.columns == ("index", "a", "b") and preview.total_rows == 3
    assert len(preview.rows) == 2 and len(preview.rows[0][2]) == 80


def test_timestamps_become_datetimes_if_nothing_is_cut(types: TypeEngine) -> None:
    assert type(types.accept(pd.Timestamp("2024-01-01 12:00"), dt.datetime)) is dt.datetime
    assert type(types.accept(pd.Timedelta("1s"), dt.timedelta)) is dt.timedelta
    with pytest.raises(ValueMismatch, match="datetime"):
        types.accept(pd.Timestamp(5), dt.datetime)


def test_a_subclass_passes_for_a_frame(types: TypeEngine) -> None:
    class Special(pd.DataFrame):
        pass

    special = Special({"a": [1]})
    assert types.accept(special, pd.DataFrame) is special
    assert types.accept(special, pa.Table).num_rows == 1


def test_no_rows_of_an_extension_type_keep_it(types: TypeEngine) -> None:
    table = pa.schema([pa.field("id", pa.uuid())]).empty_table()
    assert types.convert(types.convert(table, pd.DataFrame), pa.Table).schema == table.schema
