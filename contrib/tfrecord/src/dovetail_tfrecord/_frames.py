"""The framing of TFRecord files: length, masked CRC-32C of the length, data, masked CRC-32C of the data.

As TensorFlow describes it (tensorflow.org, "TFRecord and tf.train.Example"); CRC-32C is that of RFC 3720.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from dovetail.errors import DataError

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


_TABLE = _table()


def crc32c_plain(data: bytes) -> int:
    """CRC-32C in Python: about 10 MB/s."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _fastest() -> Callable[[bytes], int]:
    try:
        import google_crc32c
    except ImportError:
        return crc32c_plain
    value: Callable[[bytes], int] = google_crc32c.value
    return value


crc32c = _fastest()
"""CRC-32C, in C where ``google-crc32c`` is installed."""


def masked(data: bytes) -> int:
    """The checksum as files hold it: rotated by 15 bits, plus a constant."""
    value = crc32c(data)
    return ((value >> 15 | value << 17) + _MASK) & 0xFFFFFFFF


def write_frames(file: BinaryIO, records: Iterable[bytes]) -> int:
    """Write records; gives their number."""
    count = 0
    for record in records:
        head = struct.pack("<Q", len(record))
        file.write(_HEAD.pack(len(record), masked(head)))
        file.write(record)
        file.write(_TAIL.pack(masked(record)))
        count += 1
    return count


def read_frames(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The records of a file, each with both checksums checked.

    Raises:
        DataError: A checksum is wrong, or the file ends within a record.
    """
    left = file.seek(0, 2)
    file.seek(0)
    number = 0
    while left:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise _broken(name, number, "it ends within the length of a record")
        length, checksum = _HEAD.unpack(head)
        if masked(head[:8]) != checksum:
            raise _broken(name, number, "the checksum of its length is wrong")
        left -= _HEAD.size + length + _TAIL.size
        if left < 0:  # before memory is taken for it
            raise _broken(name, number, f"it should have {length} bytes, and the file ends before")
        record = file.read(length)
        (checksum,) = _TAIL.unpack(file.read(_TAIL.size))
        if masked(record) != checksum:
            raise _broken(name, number, "the checksum of its data is wrong")
        yield record
        number += 1


def _broken(name: str, number: int, why: str) -> DataError:
    return DataError(
        f"record {number} of {name} is broken",
        why=why,
        fix="get the file again; if it is compressed, decompress it first",
    )
