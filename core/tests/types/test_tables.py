"""Arrow tables: hashes, files, previews, and what is refused."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import ArtifactCorrupt, DataError, UnknownType, UsageError, ValueMismatch
from dovetail.types import TypeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow")
arrow = pytest.importorskip("dovetail.types.arrow")

in_fixture = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)

TYPES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int8": (pa.int8(), st.integers(-128, 127)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float64": (pa.float64(), st.floats()),
    "bool": (pa.bool_(), st.booleans()),
    "string": (pa.string(), st.text(max_size=6)),
    "large_string": (pa.large_string(), st.text(max_size=6)),
    "string_view": (pa.string_view(), st.text(max_size=20)),
    "binary": (pa.binary(), st.binary(max_size=6)),
    "fixed_binary": (pa.binary(3), st.binary(min_size=3, max_size=3)),
    "date32": (pa.date32(), st.dates()),
    "time64": (pa.time64("us"), st.times()),
    "timestamp_s": (pa.timestamp("s"), st.integers(0, 10**9)),
    "timestamp_ns": (pa.timestamp("ns"), st.integers(-(2**62), 2**62)),
    "timestamp_zone": (pa.timestamp("us", "Europe/Berlin"), st.integers(0, 10**15)),
    "duration": (pa.duration("ms"), st.integers(-(10**12), 10**12)),
    "decimal": (pa.decimal128(10, 2), st.decimals(-1000, 1000, places=2)),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b", "c"])),
    "list": (pa.list_(pa.int64()), st.lists(st.none() | st.integers(0, 9), max_size=3)),
    "list_of_lists": (pa.list_(pa.list_(pa.string())), st.lists(st.lists(st.text(max_size=2), max_size=2), max_size=2)),
    "fixed_list": (pa.list_(pa.int32(), 2), st.lists(st.integers(0, 9), min_size=2, max_size=2)),
    "struct": (
        pa.struct([("x", pa.int64()), ("y", pa.string())]),
        st.fixed_dictionaries({"x": st.none() | st.integers(0, 9), "y": st.text(max_size=2)}),
    ),
    "map": (pa.map_(pa.string(), pa.int64()), st.lists(st.tuples(st.text(max_size=2), st.integers(0, 9)), max_size=2)),
    "null": (pa.null(), st.none()),
    "date64": (pa.date64(), st.dates()),
    "time32": (pa.time32("s"), st.integers(0, 86_399)),
    "decimal256": (pa.decimal256(50, 2), st.decimals(-1000, 1000, places=2)),
    "dictionary_int": (pa.dictionary(pa.int16(), pa.int64()), st.integers(0, 5)),
    "dictionary_ordered": (pa.dictionary(pa.int32(), pa.string(), ordered=True), st.sampled_from(["a", "b"])),
    "list_of_dictionaries": (
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
        st.lists(st.sampled_from(["a", "b"]), max_size=2),
    ),
    "list_of_maps": (
        pa.list_(pa.map_(pa.string(), pa.int64())),
        st.lists(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 9)), max_size=2), max_size=2),
    ),
    "list_view": (pa.list_view(pa.int64()), st.lists(st.integers(0, 9), max_size=3)),
}


@st.composite
def tables(draw: st.DrawFn) -> Any:
    names = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=4, unique=True))
    size = draw(st.integers(0, 8))
    columns = []
    for name in names:
        kind, values = TYPES[name]
        items = draw(st.lists(st.none() | values, min_size=size, max_size=size))
        columns.append(pa.array(items, kind))
    return pa.Table.from_arrays(columns, names=names)


def rechunked(table: Any, cuts: list[int]) -> Any:
    """The same rows in other chunks, with offsets."""
    edges = sorted({0, *(cut % (table.num_rows + 1) for cut in cuts), table.num_rows})
    return pa.concat_tables([table.slice(a, b - a) for a, b in itertools.pairwise(edges)]) if len(edges) > 1 else table


@in_fixture
@given(table=tables(), cuts=st.lists(st.integers(0, 8), max_size=3))
def test_chunks_and_offsets_do_not_matter(types: TypeEngine, table: Any, cuts: list[int]) -> None:
    expected = types.content_hash(table)
    assert types.content_hash(rechunked(table, cuts)) == expected
    padded = pa.concat_tables([table, table]).combine_chunks()
    assert types.content_hash(padded.slice(table.num_rows)) == expected
    assert types.content_hash(table.replace_schema_metadata({"any": "thing"})) == expected


@in_fixture
@given(table=tables(), cuts=st.lists(st.integers(0, 8), max_size=2), form=st.sampled_from(["parquet", "arrow"]))
def test_round_trip_through_files(types: TypeEngine, store: Any, table: Any, cuts: list[int], form: str) -> None:
    form = None if form == "parquet" else form  # what Parquet forgets goes to Arrow by itself
    artifact = types.dump(table, pa.Table, store, format=form)
    loaded = types.load(artifact, store, pa.Table)
    assert types.content_hash(loaded) == artifact.content_hash == types.content_hash(table)
    assert loaded.num_rows == table.num_rows and loaded.column_names == table.column_names
    assert repr(loaded.to_pylist()) == repr(table.to_pylist())
    assert artifact.meta["rows"] == table.num_rows and artifact.meta["columns"] == table.num_columns
    assert types.dump(rechunked(table, cuts), pa.Table, store, format=form).id == artifact.id
    assert types.load(artifact, store).equals(loaded) or "float64" in table.column_names


@in_fixture
@given(table=tables(), row=st.integers(0, 7))
def test_a_changed_cell_changes_the_hash(types: TypeEngine, table: Any, row: int) -> None:
    row = row % max(table.num_rows, 1)
    for position, name in enumerate(table.column_names):
        column = table.column(name)
        if name == "null" or not table.num_rows:
            continue
        items = column.to_pylist()
        items[row] = None if items[row] is not None else _other(name)
        changed = table.set_column(position, name, pa.array(items, column.type))
        assert types.content_hash(changed) != types.content_hash(table)


def _other(name: str) -> Any:
    return _SAMPLES[name]


_SAMPLES: dict[str, Any] = {
    **dict.fromkeys(["int8", "int64", "uint64", "timestamp_s", "timestamp_ns", "timestamp_zone", "duration"], 0),
    "float64": 0.0,
    **dict.fromkeys(["string", "large_string", "string_view"], ""),
    "bool": False,
    "binary": b"",
    "fixed_binary": b"\0\0\0",
    "date32": dt.date(1970, 1, 1),
    "time64": dt.time(0),
    "decimal": Decimal("0.00"),
    "dictionary": "a",
    "list": [],
    "list_of_lists": [],
    "fixed_list": [0, 0],
    "struct": {"x": None, "y": None},
    "map": [],
    "date64": dt.date(1970, 1, 1),
    "time32": 0,
    "decimal256": Decimal("0.00"),
    "dictionary_int": 0,
    "dictionary_ordered": "a",
    "list_of_dictionaries": [],
    "list_of_maps": [],
    "list_view": [],
}


def test_layouts_of_one_meaning_hash_the_same(types: TypeEngine) -> None:
    texts = ["a", None, "b" * 40]
    hashes = {
        types.content_hash(pa.table({"s": pa.array(texts, kind)}))
        for kind in (pa.string(), pa.large_string(), pa.string_view())
    }
    assert len(hashes) == 1
    lists = {
        types.content_hash(pa.table({"s": pa.array([[1], None], pa.large_list(pa.int64()))})),
        types.content_hash(pa.table({"s": pa.array([[1], None])})),
    }
    assert len(lists) == 1


def test_the_order_of_a_dictionary_does_not_matter(types: TypeEngine) -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", "b", "unused"]))
    other = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int32()), pa.array(["b", "a"]))
    assert types.content_hash(pa.table({"c": one})) == types.content_hash(pa.table({"c": other}))
    assert types.content_hash(pa.table({"c": one})) != types.content_hash(pa.table({"c": ["a", "b", None]}))


def test_bytes_under_nulls_do_not_matter(types: TypeEngine) -> None:
    validity = pa.py_buffer(b"\x05")
    garbage = pa.Array.from_buffers(pa.int32(), 3, [validity, pa.py_buffer(b"\1\0\0\0\xff\xff\xff\xff\2\0\0\0")])
    assert types.content_hash(pa.table({"n": garbage})) == types.content_hash(
        pa.table({"n": pa.array([1, None, 2], pa.int32())})
    )
    offsets = pa.array([0, 1, 3, 4], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 3, [validity, offsets, pa.py_buffer(b"axxb")])
    assert types.content_hash(pa.table({"s": text})) == types.content_hash(pa.table({"s": ["a", None, "b"]}))


def test_nan_is_one_value_null_another_and_zero_has_a_sign(types: TypeEngine) -> None:
    payload = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(b"\1\0\0\0\0\0\xf8\xff")])
    hashes = [
        types.content_hash(pa.table({"x": column}))
        for column in (payload, [float("nan")], pa.array([None], pa.float64()), [0.0], [-0.0])
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes[1:])) == 4


def test_half_floats(types: TypeEngine, store: Any) -> None:
    table = pa.table({"h": pa.array([1.5, None, float("nan")], pa.float32()).cast(pa.float16())})
    loaded = types.load(types.dump(table, pa.Table, store), store, pa.Table)
    assert loaded.schema == table.schema and types.content_hash(loaded) == types.content_hash(table)


def test_names_types_and_order_of_columns_matter(types: TypeEngine) -> None:
    base = pa.table({"a": [1], "b": [2]})
    others = [
        base.rename_columns(["a", "c"]),
        base.select(["b", "a"]),
        base.set_column(0, "a", pa.array([1], pa.int32())),
        base.select(["a"]),
        base.slice(0, 0),
        pa.table({"ab": [1], "": [2]}),
    ]
    assert len({types.content_hash(table) for table in (base, *others)}) == 7


def test_splitting_text_differently_changes_the_hash(types: TypeEngine) -> None:
    assert types.content_hash(pa.table({"s": ["ab", "c"]})) != types.content_hash(pa.table({"s": ["a", "bc"]}))
    assert types.content_hash(pa.table({"s": [["a"], ["b"]]})) != types.content_hash(pa.table({"s": [["a", "b"], []]}))


def test_the_hash_is_the_same_in_another_process(types: TypeEngine) -> None:
    code = (
        "import pyarrow as pa; from dovetail.types.arrow import hash_table\n"
        "print(hash_table(pa.table({'a': [1, None], 'b': ['x', 'y']})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == types.content_hash(pa.table({"a": [1, None], "b": ["x", "y"]}))


def test_a_type_that_parquet_lacks_is_stored_as_arrow(types: TypeEngine, store: Any) -> None:
    table = pa.table({"i": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    with pytest.raises(ValueMismatch, match="cannot be stored as parquet"):
        types.dump(table, pa.Table, store, format="parquet")
    artifact = types.dump(table, pa.Table, store)
    assert artifact.format == "arrow"
    assert types.load(artifact, store, pa.Table).equals(table)


def test_tables_inside_containers(types: TypeEngine, store: Any) -> None:
    table = pa.table({"a": [1]})
    for value, annotation in (
        ([table, table], list[pa.Table]),
        ({"t": table}, dict[str, pa.Table]),
        ((1, table), tuple[int, pa.Table]),
        (None, pa.Table | None),
        (table, pa.Table | None),
        ([table, 1], Any),
    ):
        artifact = types.dump(types.accept(value, annotation), annotation, store)
        assert types.load(artifact, store, annotation) == value


def test_same_type_tables_pass_by_reference_also_in_containers(types: TypeEngine) -> None:
    table = pa.table({"a": [1]})
    assert types.accept(table, pa.Table) is table
    assert types.accept(table, "pyarrow.Table") is table
    assert types.accept([table], list[pa.Table])[0] is table


def test_any_arrow_stream_enters(types: TypeEngine) -> None:
    table = pa.table({"a": [1, 2]})
    assert types.accept(pa.record_batch({"a": [1, 2]}), pa.Table).equals(table)
    assert types.accept(table.to_reader(), pa.Table).equals(table)


def test_a_stream_without_columns_is_refused(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match="not a table"):
        types.accept(pa.chunked_array([[1, 2]]), pa.Table)


def test_what_is_no_table_is_refused_with_its_place(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match=r"pyarrow\.Table at \[1\], got 5"):
        types.accept([pa.table({"a": [1]}), 5], list[pa.Table])


def test_preview_is_bounded(types: TypeEngine) -> None:
    wide = pa.table({f"c{i}": ["x" * 500] * 50 for i in range(30)})
    preview = types.preview(wide, 5)
    assert len(preview.columns) == 20 and len(preview.rows) == 5 and preview.total_rows == 50
    assert all(len(cell) <= 80 for row in preview.rows for cell in row)
    assert "10 more" in preview.text
    assert types.preview(pa.table({}), 5).rows == ()


@pytest.mark.parametrize(
    ("kind", "item"),
    [(pa.timestamp("s"), 2**40), (pa.list_(pa.timestamp("s")), [2**40]), (pa.timestamp("us"), 2**60)],
)
def test_a_moment_that_python_cannot_hold_is_shown_as_arrow_shows_it(types: TypeEngine, kind: Any, item: Any) -> None:
    (first,), (second,) = types.preview(pa.table({"t": pa.array([item, None], kind)})).rows
    assert str(item).strip("[]") in first and second == ""


def test_a_table_is_described(types: TypeEngine) -> None:
    table = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    assert types.is_table(table) and not types.is_table(5)
    assert types.num_rows(table) == 3 and types.num_rows(5) is None
    schema = types.schema(table)
    assert schema is not None and [f.type for f in schema.fields] == ["int64", "string"]
    assert types.transformer_for(table).take_rows(table, [0, 2]).to_pylist() == [{"a": 1, "b": "x"}, {"a": 3, "b": "z"}]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_broken_file_is_corruption(types: TypeEngine, store: Any, tmp_path: Path, form: str) -> None:
    suffix = "ipc" if form == "arrow" else form
    read, write = getattr(arrow, f"read_{suffix}"), getattr(arrow, f"write_{suffix}")
    path = tmp_path / "t"
    write(pa.table({"a": list(range(1000)), "b": ["text"] * 1000}), path)
    good = path.read_bytes()
    generator = random.Random(1)
    for damage in (good[: len(good) // 2], b"", b"a,b\n1,2\n", good[:-8] + b"\0" * 8, generator.randbytes(500)):
        path.write_bytes(damage)
        with pytest.raises(ArtifactCorrupt, match="cannot be read"):
            read(path)


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_an_extension_type_that_carries_pickle_is_refused(tmp_path: Path, form: str) -> None:
    bomb = b"cos\nsystem\n(S'touch pwned'\ntR."
    metadata = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": bomb}
    table = pa.Table.from_arrays([pa.array([1])], schema=pa.schema([pa.field("a", pa.int64(), metadata=metadata)]))
    path = tmp_path / "t"
    if form == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    with pytest.raises(DataError, match="pickled"):
        arrow.read_parquet(path) if form == "parquet" else arrow.read_ipc(path)


def test_two_columns_of_one_name_are_refused(types: TypeEngine, store: Any) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ValueMismatch, match="more than one column called 'a'"):
        types.dump(table, pa.Table, store)


def test_an_unknown_format_names_the_known_ones(types: TypeEngine, store: Any) -> None:
    with pytest.raises(UsageError, match="no codec 'csv'") as caught:
        types.dump(pa.table({"a": [1]}), pa.Table, store, format="csv")
    assert "arrow, parquet" in str(caught.value.fix)


def test_views_and_large_layouts_become_plain(types: TypeEngine) -> None:
    table = pa.table(
        {
            "v": pa.array(["a"], pa.string_view()),
            "l": pa.array([["a"]], pa.large_list(pa.large_string())),
            "d": pa.DictionaryArray.from_arrays(pa.array([0]), pa.array(["a"], pa.large_string())),
            "s": pa.array([{"x": b"a"}], pa.struct([("x", pa.large_binary())])),
        }
    )
    plain = arrow.normalise_table(table)
    assert plain.schema.field("v").type == pa.string()
    assert plain.schema.field("l").type == pa.list_(pa.string())
    assert plain.schema.field("d").type == pa.dictionary(pa.int64(), pa.string())
    assert plain.schema.field("s").type == pa.struct([("x", pa.binary())])
    assert plain.to_pylist() == table.to_pylist()


def test_a_frame_without_columns_keeps_what_arrow_keeps(types: TypeEngine, store: Any) -> None:
    empty = pa.table({})
    assert types.load(types.dump(empty, pa.Table, store), store, pa.Table).equals(empty)


def test_converting_to_a_frame_of_a_missing_plugin_names_the_plugin(types: TypeEngine) -> None:
    with pytest.raises(UnknownType, match=r"pyspark\.sql\.DataFrame") as caught:
        types.accept(pa.table({"a": [1]}), "pyspark.sql.DataFrame")
    assert "dovetail-spark" in str(caught.value.fix)
