"""TFRecord files: other libraries read and write the same; what is broken is told, record by record."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path
from typing import Any

import google_crc32c
import pyarrow as pa
import pytest
from dovetail.errors import DataError, ValueMismatch
from dovetail_tfrecord import TFRecordDataset
from dovetail_tfrecord._example import BYTES, FLOAT, INT, Feature, decode, encode
from dovetail_tfrecord._frames import crc32c_plain, masked, read_frames, write_frames
from dovetail_tfrecord.transformers import from_arrow, to_arrow
from hypothesis import given
from hypothesis import strategies as st
from tfrecord import TFRecordWriter, example_pb2

VALUES = st.one_of(
    st.builds(Feature, st.just(BYTES), st.lists(st.binary(max_size=9), max_size=4)),
    st.builds(Feature, st.just(FLOAT), st.lists(st.floats(width=32, allow_nan=False), max_size=4)),
    st.builds(Feature, st.just(INT), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)),
)
EXAMPLES = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), VALUES, max_size=4)
NAMES = {BYTES: "bytes_list", FLOAT: "float_list", INT: "int64_list"}


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_are_those_of_rfc_3720(data: bytes, checksum: int) -> None:
    assert crc32c_plain(data) == checksum


@given(data=st.binary(max_size=300))
def test_checksums_are_the_same_in_python_and_in_c(data: bytes) -> None:
    assert crc32c_plain(data) == google_crc32c.value(data)


@given(example=EXAMPLES)
def test_the_wire_format_is_that_of_protocol_buffers(example: dict[str, Feature]) -> None:
    theirs = example_pb2.Example()
    theirs.ParseFromString(encode(example))
    found = {
        name: getattr(feature, NAMES[example[name].kind]).value for name, feature in theirs.features.feature.items()
    }
    assert {name: list(values) for name, values in found.items()} == {n: f.values for n, f in example.items()}
    assert all(f.WhichOneof("kind") == NAMES[example[n].kind] for n, f in theirs.features.feature.items())
    assert decode(theirs.SerializeToString()) == example


def test_files_of_the_tfrecord_package_are_read(tmp_path: Path) -> None:
    path = tmp_path / "theirs.tfrecord"
    writer = TFRecordWriter(str(path))
    writer.write({"image": (b"\x00\xff", "byte"), "label": (-7, "int"), "box": ([0.5, 0.25], "float")})
    writer.close()
    dataset = TFRecordDataset(path)
    assert list(dataset) == [{"image": [b"\x00\xff"], "label": [-7], "box": [0.5, 0.25]}]
    assert to_arrow(dataset).schema == pa.schema(
        [("box", pa.list_(pa.float32())), ("image", pa.binary()), ("label", pa.int64())]
    )


def test_the_tfrecord_package_reads_our_files(tmp_path: Path) -> None:
    from tfrecord.reader import tfrecord_loader

    path = tmp_path / "ours.tfrecord"
    with path.open("wb") as file:
        from_arrow(pa.table({"text": ["ä", "b"], "label": pa.array([1, -2], pa.int8())})).write(file)
    found = list(tfrecord_loader(str(path), None, {"text": "byte", "label": "int"}))
    assert [bytes(each["text"]) for each in found] == ["ä".encode(), b"b"]
    assert [int(each["label"][0]) for each in found] == [1, -2]


def test_numbers_may_be_packed_or_not() -> None:
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    loose_ints = field(3, b"\x08\x05\x08\x06")
    loose_floats = field(2, b"\x0d" + struct.pack("<f", 1.5) + b"\x0d" + struct.pack("<f", 2.5))
    unknown = b"\x78\x01"  # field 15, which nobody knows
    for inner, expected in ((loose_ints, Feature(INT, [5, 6])), (loose_floats, Feature(FLOAT, [1.5, 2.5]))):
        entry = field(1, b"x") + field(2, inner + unknown)
        assert decode(field(1, field(1, entry))) == {"x": expected}


def frames(*records: bytes) -> bytes:
    buffer = io.BytesIO()
    write_frames(buffer, records)
    return buffer.getvalue()


@pytest.mark.parametrize("position", range(len(frames(b"abc"))))
def test_every_flipped_bit_is_seen(position: int) -> None:
    data = bytearray(frames(b"abc"))
    data[position] ^= 0x10
    with pytest.raises(DataError, match="record 0 of x is broken"):
        list(read_frames(io.BytesIO(bytes(data)), "x"))


@pytest.mark.parametrize("length", range(1, len(frames(b"abc"))))
def test_every_cut_is_seen(length: int) -> None:
    whole = frames(b"first", b"abc")
    reader = read_frames(io.BytesIO(whole[: len(frames(b"first")) + length]), "x")
    assert next(reader) == b"first"
    with pytest.raises(DataError, match="record 1 of x is broken"):
        next(reader)


def test_a_length_that_lies_takes_no_memory() -> None:
    head = struct.pack("<Q", 2**62)
    data = head + struct.pack("<I", masked(head)) + b"abc"
    with pytest.raises(DataError, match="file ends before"):
        list(read_frames(io.BytesIO(data), "x"))


@pytest.mark.parametrize(
    "record", [b"hello world", b"\x0a\xff\xff\xff\xff\x7f", b"\x0a", b"\xff" * 11, b"\x0a\x02\x0a\x05", b"\x08\x01\x0b"]
)
def test_a_record_that_is_no_example_is_told(record: bytes) -> None:
    dataset = TFRecordDataset.from_bytes(frames(record))
    with pytest.raises(DataError, match=r"no tf\.train\.Example"):
        list(dataset)
    assert list(dataset.records()) == [record]


@given(record=st.binary(max_size=60))
def test_decoding_raises_nothing_else(record: bytes) -> None:
    with contextlib.suppress(DataError):
        decode(record)


def test_the_schema_says_what_features_mean(tmp_path: Path) -> None:
    table = pa.table(
        {
            "t": ["a", None],
            "ok": [True, None],
            "day": pa.array([1, None], pa.date32()),
            "at": pa.array([1, None], pa.timestamp("ns", "Europe/Berlin")),
            "tags": pa.array([["x", ""], []], pa.list_(pa.string())),
        }
    )
    path = tmp_path / "x.tfrecord"
    dataset = from_arrow(table)
    with path.open("wb") as file:
        assert dataset.write(file) == 2
    assert to_arrow(TFRecordDataset(path, schema=table.schema)).equals(table)
    assert to_arrow(TFRecordDataset(path)).column("t").to_pylist() == [b"a", None]
    with pytest.raises(DataError, match="'ok'"):
        to_arrow(TFRecordDataset(path, schema=pa.schema([("ok", pa.string())])))
    with pytest.raises(DataError, match="'t'"):
        to_arrow(TFRecordDataset.from_examples([{"t": [b"\xff"]}], pa.schema([("t", pa.string())])))


def test_several_files_are_one_dataset(tmp_path: Path) -> None:
    for number in (1, 2):
        with (tmp_path / f"{number}.tfrecord").open("wb") as file:
            TFRecordDataset.from_examples([{"n": [number]}]).write(file)
    dataset = TFRecordDataset(tmp_path / "1.tfrecord", tmp_path / "2.tfrecord")
    assert len(dataset) == 2 and to_arrow(dataset).column("n").to_pylist() == [1, 2]


@pytest.mark.parametrize("column", [pa.array([1.5]), pa.array([[1, None]]), pa.array([{"a": 1}]), pa.array([[[1]]])])
def test_what_examples_do_not_hold_is_refused_by_column(column: pa.Array) -> None:
    with pytest.raises(ValueMismatch, match="'c'"):
        from_arrow(pa.table({"c": column}))


def test_a_feature_of_two_kinds_is_told() -> None:
    with pytest.raises(DataError, match="several kinds"):
        to_arrow(TFRecordDataset.from_examples([{"x": [1]}, {"x": [b"a"]}]))
    with pytest.raises(TypeError, match="'x' holds"):
        mixed: list[Any] = [1, b"a"]
        TFRecordDataset.from_examples([{"x": mixed}])
