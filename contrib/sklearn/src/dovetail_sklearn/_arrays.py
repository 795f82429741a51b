"""Digests of the arrays inside a model, which are not read before their headers were held against their bytes."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy


class Malformed(ValueError):
    """A file is not what it should be; the message says how."""


def digest_of(name: str, data: bytes) -> str:
    """Digest of what a member holds: ``.npy`` and ``.npz`` by their values, however these lie in memory; others by their bytes.

    Raises:
        Malformed: An array has another size than its header says, or holds Python objects.
    """
    if name.endswith(".npy"):
        return _array(name, data)
    if name.endswith(".npz"):
        parts = sorted((inner, _array(inner, item)) for inner, item in members(io.BytesIO(data), len(data)).items())
        return hashlib.sha256(repr(parts).encode()).hexdigest()
    return hashlib.sha256(data).hexdigest()


def members(file: Any, size: int) -> dict[str, bytes]:
    """The members of a zip archive by name. None is compressed, so no more comes out than the archive has bytes.

    Args:
        file: Path, or binary file.
        size: Bytes of the archive.

    Raises:
        Malformed: It is no such archive, or a name leads out of it or is there twice.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                raise Malformed("a member is there twice")
            for name in names:
                if name.startswith(("/", "\\")) or ".." in name or "\\" in name or ":" in name or name.endswith("/"):
                    raise Malformed(f"the name {name[:60]!r} leads out of the archive")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise Malformed("a member is compressed, which dovetail does not write")
            if sum(entry.file_size for entry in entries) > size:
                raise Malformed("its members are larger than the archive")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, UnicodeDecodeError) as error:
        raise Malformed(str(error) or type(error).__name__) from error


def unpacked(name: str, data: bytes) -> bytes:
    """A member as it is stored: of ``.npz``, which SciPy compresses, one that is not compressed."""
    if not name.endswith(".npz"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return packed({inner: archive.read(inner) for inner in archive.namelist()})


def packed(files: dict[str, bytes]) -> bytes:
    """A zip archive without compression and without the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _array(name: str, data: bytes) -> str:
    """Digest of dtype, shape and values of an ``.npy`` file."""
    buffer = io.BytesIO(data)
    try:
        version = npy.read_magic(buffer)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise Malformed(f"{name} has a header of version {version}")
        shape, fortran, dtype = read(buffer)
    except Malformed:
        raise
    except Exception as error:  # the header is a Python literal, and may be broken in many ways
        raise Malformed(f"the header of {name} cannot be read: {error}") from error
    count = math.prod(shape)
    if dtype.hasobject or any(length < 0 for length in shape):
        raise Malformed(f"{name} holds Python objects, or has no shape")
    if count * dtype.itemsize != len(data) - buffer.tell():
        raise Malformed(f"{name} has another size than its header says")
    if dtype.itemsize == 0 or count == 0:
        values = np.empty(shape, dtype) if dtype.itemsize else None
    else:
        values = np.frombuffer(data, dtype, count, buffer.tell()).reshape(shape, order="F" if fortran else "C")
    found = hashlib.sha256(repr((_described(dtype), shape)).encode())
    if values is not None:
        _feed(found, values)
    return found.hexdigest()


def _described(dtype: np.dtype[Any]) -> Any:
    if dtype.names is None:
        return dtype.str
    return [(name, _described(dtype[name].base), dtype[name].shape) for name in dtype.names]


def _feed(found: Any, values: np.ndarray[Any, Any]) -> None:
    """Structured values go in field by field: what lies between the fields is whatever was in memory."""
    if values.dtype.names is not None:
        for name in values.dtype.names:
            _feed(found, values[name])
    elif values.nbytes:
        found.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
