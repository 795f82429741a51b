"""Whatever the store can hold crosses to another process and comes back equal, with its type."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dovetail as dt
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dovetail.testing import TABLE_KINDS, tables
from dovetail.types.arrow import hash_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Cross = Callable[..., Any]

PLAIN: dict[str, list[Any]] = {
    "none": [None],
    "int": [0, -1, 2**80],
    "float": [0.5, -0.0, float("inf")],
    "str": ["", "é", "x" * 200_000, "\ud800"],
    "bytes": [b"", b"\0\xff", b"x" * 1_000_000],
    "bool": [True],
    "complex": [1 + 2j],
    "list": [[], [1, 2], list(range(10_000))],
    "dict": [{"a": [1.0, 2.5]}],
    "set": [{"a", "b"}],
    "tuple": [(1, "a")],
    "datetime": [datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC)],
    "date": [datetime.date(2026, 1, 2)],
    "timedelta": [datetime.timedelta(days=-1, microseconds=3)],
    "decimal": [decimal.Decimal("1.10")],
    "uuid": [uuid.UUID(int=5)],
    "path": [Path("a/b")],
    "optional": [None, 3],
    "any": [{"a": [1, None, "x"]}, 3, "text"],
}


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_values(there_and_back: Cross, kind: str) -> None:
    for value in PLAIN[kind]:
        back = there_and_back(value, kind)
        assert back == value and type(back) is type(value)


def test_records(there_and_back: Cross, child: Any) -> None:
    for kind, value in {
        "dataclass": child.Point(1, "a"),
        "namedtuple": child.Pair(1, "a"),
        "typeddict": {"deep": True},
        "enum": child.Color.RED,
    }.items():
        back = there_and_back(value, kind)
        assert back == value and type(back) is type(value)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(table=tables(TABLE_KINDS), cut=st.integers(0, 5))
def test_tables_of_every_kind_of_column(there_and_back: Cross, table: pa.Table, cut: int) -> None:
    for each in (table, table.slice(min(cut, table.num_rows))):
        back = there_and_back(each, "table")
        assert back.schema.equals(each.schema, check_metadata=True)
        assert back.num_rows == each.num_rows
        assert hash_table(back) == hash_table(each)  # NaN equals NaN, and zero has a sign
        back.validate(full=True)


ODD_TABLES = {
    "no rows": pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}),
    "no columns": pa.table({"a": [1, 2, 3]}).select([]),
    "nothing": pa.table({}),
    "metadata": pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
    "column metadata": pa.table([[1]], schema=pa.schema([pa.field("a", pa.int64(), metadata={"k": "v"})])),
    "not null": pa.table([[1]], schema=pa.schema([pa.field("a", pa.int64(), nullable=False)])),
    "odd names": pa.table({"": [1], "a.b": [2], "é": [3]}),
    "many chunks": pa.Table.from_batches([pa.record_batch({"a": [i], "b": [str(i)]}) for i in range(500)]),
    "uneven chunks": pa.table(
        {"a": pa.chunked_array([list(range(9000)), [1]]), "b": pa.chunked_array([[1], list(range(9000))])}
    ),
    "no chunks": pa.table({"a": pa.chunked_array([], pa.int8())}),
    "dictionary": pa.table({"a": pa.array(["x", "y", None, "x"]).dictionary_encode()}),
    "dictionaries": pa.table(
        {"a": pa.chunked_array([pa.array(["x"]).dictionary_encode(), pa.array(["y", "x"]).dictionary_encode()])}
    ),
    "ordered dictionary": pa.table(
        {"a": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), ["a", "b"], ordered=True)}
    ),
    "dictionary in a list": pa.table(
        {"a": pa.array([["x", "y"], None, ["x"]], pa.list_(pa.dictionary(pa.int32(), pa.string())))}
    ),
    "large text": pa.table({"a": pa.array(["x" * 9, None], pa.large_string())}),
    "nulls": pa.table({"a": pa.nulls(4)}),
    "structs": pa.table({"a": pa.array([{"b": 1, "c": [1, 2]}, None, {"b": 2, "c": None}])}),
    "maps": pa.table({"a": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64()))}),
    "unions": pa.table(
        {"a": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])}
    ),
    "runs": pa.table({"a": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1.5, 2.5]))}),
    "halves": pa.table({"a": pa.array([1.5, None], pa.float16())}),
    "intervals": pa.table({"a": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}),
    "small decimals": pa.table({"a": pa.array([decimal.Decimal("1.5")], pa.decimal32(5, 2))}),
    "nested small decimals": pa.table({"a": pa.array([[decimal.Decimal("1.5")], None], pa.list_(pa.decimal64(9, 2)))}),
    "ids": pa.table({"a": pa.array([b"0" * 16], pa.uuid())}),
    "truths": pa.table({"a": pa.array([True, None, False] * 40_000)}),
}


@pytest.mark.parametrize("name", ODD_TABLES)
def test_odd_tables(there_and_back: Cross, name: str) -> None:
    table = ODD_TABLES[name]
    back = there_and_back(table, "table")
    assert back.schema.equals(table.schema, check_metadata=True)
    assert back.num_rows == table.num_rows and back.to_pylist() == table.to_pylist()
    back.validate(full=True)
    sliced = table.slice(1)
    assert there_and_back(sliced, "table").to_pylist() == sliced.to_pylist()


def test_view_layouts_come_back_plain_as_from_the_store(there_and_back: Cross) -> None:
    table = pa.table({"a": pa.array(["x", None, "y" * 40], pa.string_view()), "n": [1, 2, 3]})
    back = there_and_back(table, "table")
    assert back.schema.field("a").type == pa.string() and back.to_pylist() == table.to_pylist()


def test_a_table_by_its_columns_in_every_combination(there_and_back: Cross) -> None:
    declared = pa.table({"a": range(20_000), "b": range(20_000)})
    both = there_and_back(declared, "table")
    again = there_and_back(both.select(["b"]).append_column("c", pa.array(range(20_000))), "table")
    assert again.column_names == ["b", "c"] and again["b"].to_pylist() == list(range(20_000))


def test_frames_of_polars(there_and_back: Cross) -> None:
    frame = pl.DataFrame(
        {
            "a": [1, None, 3],
            "b": ["x", "y", None],
            "c": [[1], [], None],
            "d": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
        }
    )
    back = there_and_back(frame, "polars")
    assert type(back) is pl.DataFrame and back.equals(frame) and back.schema == frame.schema
    assert there_and_back(frame.lazy(), "lazy").collect().equals(frame)


def test_frames_of_pandas_keep_their_index(there_and_back: Cross) -> None:
    for index in (None, ["p", "q", "r"], pd.date_range("2026", periods=3, tz="UTC"), pd.Index([7, 5, 6], name="id")):
        frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]}, index=index)
        pd.testing.assert_frame_equal(there_and_back(frame, "pandas"), frame, check_freq=False)
    series = pd.Series([1.5, 2.5], name="s")
    pd.testing.assert_series_equal(there_and_back(series, "series"), series)


def test_one_kind_of_frame_is_received_as_another(there_and_back: Cross) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=["p", "q", "r"])
    assert there_and_back(frame, "pandas", back="polars")["a"].to_list() == [1, 2, 3]


def test_without_an_annotation_a_frame_is_received_as_a_table(there_and_back: Cross) -> None:
    back = there_and_back(pl.DataFrame({"a": [1]}), "polars", back="none")
    assert type(back) is pa.Table and back.to_pylist() == [{"a": 1}]


def test_containers_of_tables(there_and_back: Cross) -> None:
    table = pa.table({"a": range(50_000)})
    back = there_and_back([table, table.slice(3, 4), table.slice(0, 0)], "tables")
    assert [each.num_rows for each in back] == [50_000, 4, 0] and back[1]["a"].to_pylist() == [3, 4, 5, 6]
    named = there_and_back({"x": table}, "by_name")
    assert named["x"].equals(table)


def test_a_wire_is_small_however_much_there_is(shared: Any, there_and_back: Cross, types: Any) -> None:
    many = [pa.table({f"column {i}": [i] for i in range(40)}) for _ in range(800)]
    wire = shared[0].send(many, list[pa.Table], types)
    assert len(repr(wire)) < 2000
    shared[0].release(wire)
    assert there_and_back(many, "tables") == many


def test_files_and_directories(there_and_back: Cross, tmp_path: Path) -> None:
    path = tmp_path / "report 1.txt"
    path.write_text("hello")
    back = there_and_back(dt.File(path), "file")
    assert back.name == "report 1.txt" and back.read_text() == "hello" and back.path != str(path)
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "sub" / "a.txt").write_text("a")
    tree = there_and_back(dt.Directory(folder), "directory")
    assert tree.name == "tree" and tree.names() == ["sub/a.txt"] and (Path(tree.path) / "empty").is_dir()
    assert [each.read_text() for each in there_and_back([dt.File(path), dt.File(path)], "files")] == ["hello"] * 2


def test_a_file_of_the_users_may_change_after_it_was_sent(shared: Any, types: Any, tmp_path: Path) -> None:
    bridge, other = shared
    path = tmp_path / "out.txt"
    code = "import dovetail as dt; open(order['path'], 'w').write(order['text']); "
    code += "answer['wire'] = child.side.send(dt.File(order['path']), dt.File, child.types)"
    first, second = (
        bridge.receive(other.tell("raw", code=code, path=str(path), text=text)["wire"], dt.File, types)
        for text in ("one", "two")
    )
    assert (first.read_text(), second.read_text()) == ("one", "two")


def test_a_remote_file_stays_where_it_is(there_and_back: Cross) -> None:
    file = dt.File("memory://bucket/nothing.txt")
    back = there_and_back(file, "file")
    assert back.url == file.url and back.name == "nothing.txt"


def test_a_directory_of_parquet_that_a_worker_wrote_is_linked(shared: Any, types: Any) -> None:
    bridge, other = shared
    wire = other.tell("write")["wire"]
    tree = bridge.receive(wire, dt.Directory, types)
    assert (Path(tree.path) / "2.parquet").stat().st_nlink >= 2
    assert tree.names() == ["0.parquet", "1.parquet", "2.parquet"]
    assert pq.read_table(Path(tree.path) / "2.parquet").to_pylist() == [{"x": 2}]
