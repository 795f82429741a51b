"""NumPy arrays: what a hash sees, what files hold, and what is refused."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dovetail.errors import ArtifactCorrupt, ConversionError, ValueMismatch
from dovetail.testing import HubHarness
from dovetail.types import TypeEngine
from dovetail_numpy.transformers import ArrayTransformer, NpyCodec, from_arrow, to_arrow
from hypothesis import given
from hypothesis.extra import numpy as arrays

HASH = ArrayTransformer().content_hash


@pytest.fixture
def types(tmp_path: Path) -> Iterator[TypeEngine]:
    with HubHarness("dovetail_numpy.plugin", home=tmp_path / "hub") as hub:
        yield hub.types


ANY = arrays.arrays(
    arrays.scalar_dtypes() | arrays.array_dtypes(), arrays.array_shapes(min_dims=0, min_side=0, max_side=3)
)


@given(array=ANY)
def test_how_the_memory_lies_does_not_matter(array: np.ndarray[Any, Any]) -> None:
    digest = HASH(array)
    assert HASH(array.copy(order="F")) == digest
    assert HASH(np.repeat(array[None], 2, axis=0)[1]) == digest
    strided = np.repeat(array[..., None], 2, axis=-1)[..., 0]
    assert HASH(strided) == digest
    assert HASH(array.astype(array.dtype.newbyteorder(">"))) == digest


@given(array=ANY)
def test_any_array_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray[Any, Any]
) -> None:
    path = tmp_path_factory.mktemp("npy") / "data.npy"
    NpyCodec().write(array, path)
    again = NpyCodec().read(path)
    assert again.dtype == array.dtype and again.shape == array.shape
    assert HASH(again) == HASH(array)


def test_the_hash_sees_dtype_shape_names_and_the_sign_of_zero() -> None:
    record = np.zeros(2, dtype=[("a", "i4"), ("b", "i4")])
    different = [
        np.zeros(4),
        np.zeros((2, 2)),
        np.zeros((4, 1)),
        np.zeros(4, "f4"),
        np.zeros(4, "i8"),
        -np.zeros(4),
        np.full(4, np.nan),
        record,
        record[["b", "a"]],
        record.astype([("a", "i4"), ("c", "i4")]),
        np.zeros(0),
        np.zeros((0, 3)),
        np.zeros(()),
        np.zeros(4, "M8[s]"),
        np.zeros(4, "M8[ms]"),
        np.zeros(4, "U1"),
        np.zeros(4, "S1"),
        np.array(["a", "", "", ""]),
        np.array(["aa", "", "", ""]),
        np.array(["a", "a", "", ""]),
    ]
    assert len({HASH(array) for array in different}) == len(different)


def test_padding_and_nan_payloads_do_not_matter() -> None:
    packed = np.array([(1, 2.0)], dtype=[("a", "i1"), ("b", "f8")])
    padded = np.empty(1, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    padded.view(np.uint8)[:] = 77
    padded["a"], padded["b"] = 1, 2.0
    assert HASH(packed) == HASH(padded)
    assert HASH(np.array(["a", "bb"], "U2")) == HASH(np.array(["a", "bb"], "U9"))
    odd = np.array([0x7FF8000000000001, 0xFFF0000000000123], "u8").view("f8")
    assert HASH(odd) == HASH(np.array([np.nan, np.nan]))
    assert HASH(np.array([complex(np.nan, 1)])) != HASH(np.array([complex(1, np.nan)]))


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.array([object()]), "Python objects"),
        (np.zeros(1, dtype=[("a", "i4"), ("b", [("c", "O")])]), "'b.c'"),
        (np.ma.array([1, 2], mask=[False, True]), "masked"),
        (np.array([1], np.longdouble), "long doubles"),
        (np.array(["a"], np.dtypes.StringDType()), "variable length"),
    ],
    ids=["objects", "objects in a field", "masked", "long double", "text"],
)
def test_what_cannot_be_stored_is_refused(types: TypeEngine, tmp_path: Path, array: Any, told: str) -> None:
    for refuse in (HASH, to_arrow, lambda value: NpyCodec().write(value, tmp_path / "x.npy")):
        with pytest.raises(ValueMismatch, match=told):
            refuse(array)
    assert not (tmp_path / "x.npy").exists()


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    ran: list[int] = []

    class Trap:
        def __reduce__(self) -> Any:
            return (ran.append, (1,))

    objects, raw = tmp_path / "objects.npy", tmp_path / "raw.npy"
    np.save(objects, np.array([Trap()], dtype=object), allow_pickle=True)
    raw.write_bytes(pickle.dumps(Trap()))
    for path in (objects, raw):
        with pytest.raises(ArtifactCorrupt):
            NpyCodec().read(path)
    assert ran == []


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "too much promised", "archive"])
def test_broken_files_are_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "data.npy"
    NpyCodec().write(np.arange(100), path)
    data = path.read_bytes()
    if damage == "archive":
        np.savez(tmp_path / "data.npz", np.arange(3))
        path = tmp_path / "data.npz"
    else:
        broken = {
            "cut": data[:-8],
            "empty": b"",
            "text": b"hello",
            "too much promised": data.replace(b"(100,)", b"(9" + b"9" * 10 + b",)"),
        }
        path.write_bytes(broken[damage])
    with pytest.raises(ArtifactCorrupt, match=path.name):
        NpyCodec().read(path)


def test_thousands_of_fields_come_back(tmp_path: Path) -> None:
    wide = np.ones(2, dtype=[(f"column number {number}", "f8") for number in range(3000)])
    NpyCodec().write(wide, tmp_path / "wide.npy")
    assert NpyCodec().read(tmp_path / "wide.npy").dtype == wide.dtype


def test_fields_become_columns_and_come_back() -> None:
    array = np.array(
        [(1, "ä", "2020-01-01", (1.5, 2.5)), (2, "", "NaT", (0.0, -0.0))],
        dtype=[("n", ">i4"), ("t", "U2"), ("day", "M8[D]"), ("pair", "f8", (2,))],
    )
    table = to_arrow(array)
    assert table.schema.types == [pa.int32(), pa.string(), pa.date32(), pa.list_(pa.float64(), 2)]
    assert table.column("day").to_pylist() == [dt.date(2020, 1, 1), None]
    again = from_arrow(table)
    assert HASH(again) == HASH(array)


def test_a_plain_array_is_a_column_until_another_library_has_it(types: TypeEngine) -> None:
    features = np.arange(6.0).reshape(3, 2)
    table = types.accept(features, pa.Table)
    assert table.column_names == ["values"] and table.num_rows == 3
    assert np.array_equal(types.accept(table, np.ndarray), features)
    elsewhere = table.replace_schema_metadata(None)
    assert types.accept(elsewhere, np.ndarray).dtype.names == ("values",)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None]),
        pa.array([1.5, None]),
        pa.array([True, None]),
        pa.array(["a", None]),
        pa.array(["a\0"]),
        pa.array([b"a\0"]),
        pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("us", "UTC")),
        pa.array([-(2**63)]).cast(pa.timestamp("us")),
        pa.array([[1]]),
        pa.array([None], pa.null()),
        pa.array(["a"]).dictionary_encode(),
        pa.array([dt.time(1)]),
        pa.array(["x" * 100_000, *[""] * 10_000]),
    ],
    ids=lambda column: str(column.type),
)
def test_what_numpy_does_not_carry_is_refused_by_column(column: pa.Array) -> None:
    with pytest.raises(ValueMismatch, match="'c'"):
        from_arrow(pa.table({"c": column}))


@pytest.mark.parametrize(
    "array",
    [
        np.array(1),
        np.zeros(2, "c16"),
        np.zeros(2, "M8[Y]"),
        np.zeros(2, "M8[2s]"),
        np.zeros((2, 0)),
        np.array([2**40], "M8[D]"),
    ],
    ids=["no dimension", "complex", "years", "two seconds", "nothing inside", "far days"],
)
def test_what_arrow_does_not_carry_is_refused(array: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueMismatch):
        to_arrow(array)


def test_an_array_is_no_number(types: TypeEngine) -> None:
    with pytest.raises(ConversionError):
        types.check_edge(np.ndarray, float)


def test_a_view_is_not_written_whole(tmp_path: Path) -> None:
    NpyCodec().write(np.zeros(1_000_000)[:10], tmp_path / "x.npy")
    assert (tmp_path / "x.npy").stat().st_size < 1000


@pytest.mark.parametrize("items", [["a\0b", "c"], ["\0b", ""], [b"a\0b", b"c"], [b"\0b", b""]], ids=repr)
def test_text_goes_on_after_a_zero(items: list[Any]) -> None:
    assert to_arrow(np.array(items)).column(0).to_pylist() == items
