"""dovetail-numpy keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from dovetail.testing import PluginSuite, TransformerSuite
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

PLAIN = (
    *("?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8"),
    *("<M8[D]", "<M8[s]", "<M8[ms]", "<M8[us]", "<M8[ns]", "<m8[s]", "<m8[us]", "<m8[ns]", "<U3", "S3", "V4"),
)


@st.composite
def columns(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """An array of some dtype that Arrow has."""
    name = draw(st.sampled_from(PLAIN))
    if name == "<M8[D]":  # Arrow counts days in 32 bits
        days = draw(arrays.arrays("i4", shape)).astype("<i8")
        return np.where(days == 7, np.datetime64("NaT"), np.where(days == -(2**31), 0, days).astype(name))
    if name == "V4":
        return draw(arrays.arrays("<u4", shape)).view("V4")
    return draw(arrays.arrays(name, shape))


@st.composite
def plain(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    further = draw(st.lists(st.integers(1, 3), max_size=2))
    return draw(columns((draw(st.integers(0, 4)), *further)))


@st.composite
def structured(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from(["a", "b", "ä", "values"]), min_size=1, max_size=3, unique=True))
    parts = {name: draw(columns((rows, *draw(st.lists(st.integers(1, 2), max_size=1))))) for name in names}
    whole = np.empty(rows, dtype=[(name, part.dtype, part.shape[1:]) for name, part in parts.items()])
    for name, part in parts.items():
        whole[name] = part
    return whole


def meaning(dtype: np.dtype[Any]) -> Any:
    """A dtype without the width that text has to spare."""
    if dtype.names is not None:
        return [(name, meaning(dtype[name])) for name in dtype.names]
    if dtype.subdtype is not None:
        return meaning(dtype.subdtype[0]), dtype.shape
    return dtype.kind if dtype.kind in "US" else dtype


def listed(array: np.ndarray[Any, Any]) -> Any:
    """The values, field by field: ``tolist`` leaves arrays inside of records, whose text tells the dtype."""
    if array.dtype.names is not None:
        return {name: listed(array[name]) for name in array.dtype.names}
    return array.tolist()


class TestPlugin(PluginSuite):
    plugin = "dovetail_numpy.plugin"
    engine_modules = ("numpy",)


class TestArray(TransformerSuite):
    plugin = "dovetail_numpy.plugin"
    type = "numpy.ndarray"
    examples = 200

    def values(self) -> st.SearchStrategy[Any]:
        return plain() | structured()

    def large_values(self) -> Sequence[np.ndarray[Any, Any]]:
        return [
            np.zeros((300, 300, 3)),
            np.zeros(5_000, dtype=[(f"field {number}", "f8") for number in range(60)]),
            np.array(["x" * 10_000]),
            np.zeros(2, dtype=[("a", "f8", (100, 100))]),
            np.array(3.5),
        ]

    def equal(self, left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
        same = left.shape == right.shape and meaning(left.dtype) == meaning(right.dtype)
        return same and repr(listed(left)) == repr(listed(right))

    def sources(self, source: str) -> Sequence[Any]:
        return [pa.table({"a": [1, 2], "b": ["x", "yy"]})] if source == "pyarrow.Table" else ()
