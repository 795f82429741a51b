"""``tf.train.Example`` on the wire: a map from names to lists of bytes, floats of 32 bits or integers of 64.

The subset of protocol buffers that the message needs. Unknown fields are skipped, as the format wants it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dovetail.errors import DataError

BYTES, FLOAT, INT = 1, 2, 3
"""Numbers of the three kinds of list inside a feature."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its kind, or 0 where nothing says it, and its values."""

    kind: int
    values: list[Any]


def encode(features: Mapping[str, Feature]) -> bytes:
    """An example. Names are sorted, so that equal examples have equal bytes."""
    entries = b""
    for name in sorted(features):
        entry = _field(1, name.encode()) + _field(2, _encode_feature(features[name]))
        entries += _field(1, entry)
    return _field(1, entries)


def _encode_feature(feature: Feature) -> bytes:
    if not feature.kind:  # a feature that is there, of no kind and without values
        return b""
    if feature.kind == BYTES:
        inner = b"".join(_field(1, value) for value in feature.values)
    elif not feature.values:
        inner = b""
    elif feature.kind == FLOAT:
        inner = _field(1, struct.pack(f"<{len(feature.values)}f", *feature.values))
    else:
        inner = _field(1, b"".join(_varint(value & 0xFFFFFFFFFFFFFFFF) for value in feature.values))
    return _field(feature.kind, inner)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def decode(data: bytes) -> dict[str, Feature]:
    """The features of an example.

    Raises:
        DataError: It is no example.
    """
    found: dict[str, Feature] = {}
    try:
        for features in _messages(data, 1):
            for entry in _messages(features, 1):
                name, feature = "", b""
                for number, value in _fields(entry):
                    if number == 1:
                        name = _bytes(value).decode()
                    elif number == 2:
                        feature = _bytes(value)
                found[name] = _decode_feature(feature)
    except (ValueError, IndexError, struct.error) as error:
        raise DataError(
            "a record is no tf.train.Example",
            why=str(error) or type(error).__name__,
            fix="read such records with TFRecordDataset.records(), as bytes",
        ) from error
    return found


def _decode_feature(data: bytes) -> Feature:
    kind = 0
    values: list[Any] = []
    for number, inner in _fields(data):
        if number not in (BYTES, FLOAT, INT):
            continue
        if number != kind:  # one of the three: the last one counts
            kind, values = number, []
        for inner_number, value in _fields(_bytes(inner)):
            if inner_number == 1:
                values += _list_items(kind, value)
    return Feature(kind, values)


def _list_items(kind: int, value: Any) -> list[Any]:
    if kind == BYTES:
        return [_bytes(value)]
    if kind == FLOAT:
        if isinstance(value, int):
            raise ValueError("a list of floats holds an integer")
        return list(struct.unpack(f"<{len(value) // 4}f", value))  # packed, or one of 4 bytes
    if isinstance(value, int):
        return [_signed(value)]
    items, position = [], 0
    while position < len(value):
        item, position = _read_varint(value, position)
        items.append(_signed(item))
    return items


def _signed(value: int) -> int:
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number stands where a message is expected")
    return value


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    for found, value in _fields(data):
        if found == number:
            yield _bytes(value)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: an int for a varint, bytes for anything else."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        wire = key & 7
        if wire == 0:
            value, position = _read_varint(data, position)
            yield key >> 3, value
            continue
        if wire == 2:
            size, position = _read_varint(data, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if size > len(data) - position:
            raise ValueError("a field is longer than the record")
        yield key >> 3, data[position : position + size]
        position += size


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than 64 bits")
