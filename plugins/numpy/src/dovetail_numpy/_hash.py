"""The content hash of arrays: dtype, shape and values, not how the memory happens to lie.

Byte order, strides, Fortran order, padding between fields, the width that text has to spare and the payload of NaN make no
difference; the dtype, names and order of fields, the shape and the sign of zero do.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from dovetail_numpy._kinds import canonical

_VERSION = b"dovetail-array-1\0"
_CHUNK = 1 << 22
"""Items that are brought into one piece at a time."""


def hash_array(array: np.ndarray[Any, Any]) -> str:
    """BLAKE2b-256 in hex of an array without objects."""
    digest = hashlib.blake2b(_VERSION, digest_size=32)
    _feed(digest, np.asarray(array))
    return digest.hexdigest()


def _feed(digest: Any, array: np.ndarray[Any, Any]) -> None:
    dtype = array.dtype
    if dtype.kind in "US":
        width = int(np.strings.str_len(array).max(initial=1))
        array = array.astype(f"{dtype.kind}{width}")
        dtype = array.dtype
    head = [dtype.names or canonical(dtype).str, array.shape]
    digest.update(json.dumps(head).encode() + b"\0")
    if dtype.names is not None:
        for name in dtype.names:
            _feed(digest, array[name])
        return
    flat = array.reshape(-1) if array.flags.c_contiguous else array.ravel()
    for start in range(0, flat.size, _CHUNK):
        digest.update(_bytes(flat[start : start + _CHUNK]))


def _bytes(piece: np.ndarray[Any, Any]) -> Any:
    piece = np.ascontiguousarray(piece, canonical(piece.dtype))
    if piece.dtype.kind in "fc":
        parts = piece.view(f"<f{piece.itemsize // (2 if piece.dtype.kind == 'c' else 1)}")
        odd = np.isnan(parts)
        if odd.any():  # NaN has many spellings
            piece = np.where(odd, parts.dtype.type(np.nan), parts)
    return piece.view(np.uint8).data if piece.size else b""
