"""Which arrays can be carried at all: no Python objects, no masks, nothing that differs by machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from dovetail.errors import ValueMismatch


def check_array(array: np.ndarray[Any, Any]) -> None:
    """Refuse what a file or a hash would not hold.

    Raises:
        ValueMismatch: The array is masked, or a part of it holds Python objects, variable text or long doubles.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise ValueMismatch(
            "a masked array does not fit numpy.ndarray",
            why="a plain array has no mask, and the masked values would come back as values",
            fix="fill it: array.filled(...), or give the mask as an array of its own",
        )
    check_dtype(array.dtype)


def check_dtype(dtype: np.dtype[Any], where: str = "") -> None:
    """The same for a dtype; ``where`` is the path of the field inside a structured one."""
    told = f"the field {where!r} of the array" if where else "the array"
    if dtype.names is not None:
        for name in dtype.names:
            check_dtype(dtype[name], f"{where}.{name}" if where else name)
    elif dtype.subdtype is not None:
        check_dtype(dtype.subdtype[0], where)
    elif dtype.char == "O":
        raise ValueMismatch(
            f"{told} holds Python objects",
            why="they could only be pickled, which dovetail never does",
            fix="give it a dtype of numbers, text or times; ragged rows go into a list of arrays",
        )
    elif dtype.kind == "T":
        raise ValueMismatch(
            f"{told} holds text of variable length ({dtype})",
            why="NumPy has no file format for it",
            fix="array.astype('U'), or keep text in a frame",
        )
    elif dtype.char in "gG":
        raise ValueMismatch(
            f"{told} holds long doubles ({dtype})",
            why="how long they are differs from machine to machine",
            fix="array.astype('float64'), or 'complex128'",
        )
    elif dtype.kind not in "biufcMmSUV":
        raise ValueMismatch(f"{told} has a dtype that cannot be stored: {dtype}", fix="cast it to one of NumPy's own")


def canonical(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype without fields that arrays of the same meaning share: little-endian."""
    return dtype.newbyteorder("<")
