"""Attributes as JSON and back, without losing what they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from dovetail.errors import ValueMismatch, shorten


def to_json(value: Any, where: str) -> Any:
    """A value as JSON: tuples, arrays and tables of their own are marked; NumPy scalars become numbers.

    Raises:
        ValueMismatch: It is nothing that JSON could hold.
    """
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        value = value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        items = [to_json(item, where) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"table": {key: to_json(item, where) for key, item in value.items()}}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        return {"array": value.ravel().tolist(), "shape": list(value.shape), "dtype": value.dtype.str}
    raise ValueMismatch(
        f"the attribute {where} is a {type(value).__name__}, which cannot be stored: {shorten(value, 60)}",
        why="it could only be pickled, which dovetail never does",
        fix="keep text, numbers, lists and arrays of them in attributes",
    )


def from_json(value: Any) -> Any:
    """The inverse of :func:`to_json`."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, dict):
        if "tuple" in value:
            return tuple(from_json(item) for item in value["tuple"])
        if "table" in value:
            return {key: from_json(item) for key, item in value["table"].items()}
        return np.array(value["array"], dtype=np.dtype(value["dtype"])).reshape(value["shape"])
    return value
