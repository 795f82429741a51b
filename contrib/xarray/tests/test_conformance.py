"""dovetail-xarray keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from dovetail.testing import PluginSuite, TransformerSuite
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

DTYPES = ("?", "i1", "<i8", "<u8", "<f4", "<f8", "<M8[ns]", "<m8[ns]", "<U3", "S2")
ATTRIBUTES = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=4),
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=5),
        st.integers(-9, 9),
        st.booleans(),
        st.lists(st.integers(0, 9), max_size=3),
        st.tuples(st.integers(0, 9), st.just("x")),
        st.just(np.array([1.5, 2.5])),
        st.none(),
    ),
    max_size=3,
)


@st.composite
def datasets(draw: st.DrawFn) -> xr.Dataset:
    sizes = {"x": draw(st.integers(0, 3)), "y": draw(st.integers(1, 2))}
    names = draw(st.lists(st.sampled_from(["x", "y", "a", "b", "ä c"]), max_size=4, unique=True))
    variables = {}
    for name in names:
        dims = [name] if name in sizes else draw(st.sampled_from([[], ["x"], ["y"], ["x", "y"]]))
        shape = tuple(sizes[dim] for dim in dims)
        values = draw(arrays.arrays(draw(st.sampled_from(DTYPES)), shape))
        if name in sizes:
            values = np.arange(shape[0])
        variables[name] = xr.Variable(dims, values, draw(ATTRIBUTES))
    dataset = xr.Dataset(variables, attrs=draw(ATTRIBUTES))
    return dataset.set_coords([name for name in names if name == "b"])


class TestPlugin(PluginSuite):
    plugin = "dovetail_xarray.plugin"
    engine_modules = ("xarray",)


class TestDataset(TransformerSuite):
    plugin = "dovetail_xarray.plugin"
    type = "xarray.Dataset"
    examples = 80

    def values(self) -> st.SearchStrategy[Any]:
        return datasets()

    def large_values(self) -> Sequence[xr.Dataset]:
        return [xr.Dataset({f"variable {number}": ("x", np.zeros(1000)) for number in range(200)})]

    def equal(self, left: xr.Dataset, right: xr.Dataset) -> bool:
        return bool(left.identical(right)) and _bits(left) == _bits(right)


def _meaning(dtype: np.dtype[Any]) -> str:
    return dtype.kind if dtype.kind in "US" else dtype.str


def _bits(dataset: xr.Dataset) -> Any:
    """What ``identical`` does not tell apart: kinds of dtype, the sign of zero, 1 and True."""
    values = {str(name): (_meaning(v.dtype), repr(v.values.tolist())) for name, v in dataset.variables.items()}
    attributes = [dataset.attrs, *(dataset.variables[name].attrs for name in sorted(map(str, dataset.variables)))]
    return values, dict(dataset.sizes), [sorted((key, repr(item)) for key, item in each.items()) for each in attributes]
