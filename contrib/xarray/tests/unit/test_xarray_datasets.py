"""xarray datasets: what comes back, what a hash sees, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from dovetail.errors import ArtifactCorrupt, ValueMismatch
from dovetail_xarray.transformers import DatasetCodec, DatasetTransformer, to_arrow

HASH = DatasetTransformer().content_hash
AIR = xr.Dataset(
    {"t": (("x", "time"), np.arange(6.0).reshape(2, 3), {"units": "K"})},
    coords={"x": [10, 20], "time": pd.date_range("2020", periods=3), "height": 2.0},
    attrs={"title": "air", "levels": (1, 2), "box": np.array([0.5, 1.5])},
)


def again(dataset: xr.Dataset, path: Path) -> xr.Dataset:
    DatasetCodec().write(dataset, path / "d")
    return DatasetCodec().read(path / "d")


def test_a_dataset_comes_back_identical(tmp_path: Path) -> None:
    found = again(AIR, tmp_path)
    assert found.identical(AIR)
    assert list(found.variables) == list(AIR.variables)
    assert found.attrs["levels"] == (1, 2) and found.sel(x=20)["t"].values.tolist() == [3.0, 4.0, 5.0]


def test_text_of_pandas_and_missing_text_come_back(tmp_path: Path) -> None:
    dataset = xr.Dataset({"t": ("k", np.array(["a", None, "ä"], dtype=object))}, coords={"k": ["p", "q", "r"]})
    found = again(dataset, tmp_path)
    assert found.identical(dataset) and found["t"].values.tolist()[::2] == ["a", "ä"]
    assert HASH(found) == HASH(dataset)


def test_complex_numbers_are_stored_and_have_no_form_as_a_table(tmp_path: Path) -> None:
    dataset = xr.Dataset({"z": ("x", np.array([1 + 2j, -0j]))})
    assert again(dataset, tmp_path).identical(dataset)
    with pytest.raises(ValueMismatch, match="no form as a table"):
        to_arrow(dataset)


def test_a_coordinate_without_an_index_stays_one(tmp_path: Path) -> None:
    found = again(AIR.drop_indexes("x"), tmp_path)
    assert "x" in found.coords and "x" not in found.xindexes and "time" in found.xindexes


def test_the_hash_sees_what_differs_and_nothing_else() -> None:
    assert HASH(AIR) == HASH(AIR[["height", "t", "x", "time"]]) == HASH(AIR.copy(deep=True))
    different = [
        AIR,
        AIR.assign_attrs(title="other"),
        AIR.reset_coords("height"),
        AIR.rename(t="u"),
        AIR.transpose("time", "x"),
        AIR.isel(x=[1, 0]),
        AIR.assign(t=-AIR.t),
        AIR.astype("f4"),
    ]
    assert len({HASH(dataset) for dataset in different}) == len(different)


@pytest.mark.parametrize(
    "dataset",
    [
        xr.Dataset({"o": ("x", np.array([1, "a"], dtype=object))}),
        xr.Dataset(attrs={"o": object()}),
        xr.Dataset(attrs={"o": {1: 2}}),
        pd.DataFrame({"c": pd.Categorical(["u", "v"])}).to_xarray(),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=["i", "j"]))
        .to_xarray()
        .stack(k=["i", "j"]),
    ],
    ids=["objects", "attribute", "keys", "categories", "levels"],
)
def test_what_cannot_be_stored_is_refused(tmp_path: Path, dataset: xr.Dataset) -> None:
    for refuse in (HASH, lambda value: DatasetCodec().write(value, tmp_path / "d")):
        with pytest.raises(ValueMismatch):
            refuse(dataset)


@pytest.mark.parametrize("damage", ["no index", "no values", "other json", "cut"])
def test_broken_artifacts_are_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "d"
    DatasetCodec().write(AIR, path)
    work: dict[str, Any] = {
        "no index": lambda: (path / "dataset.json").unlink(),
        "no values": lambda: (path / "0.npy").unlink(),
        "other json": lambda: (path / "dataset.json").write_text("[]"),
        "cut": lambda: (path / "1.npy").write_bytes((path / "1.npy").read_bytes()[:-4]),
    }
    work[damage]()
    with pytest.raises(ArtifactCorrupt):
        DatasetCodec().read(path)


def test_a_table_has_a_row_per_point() -> None:
    table = to_arrow(AIR)
    assert table.num_rows == 6 and set(table.column_names) == {"x", "time", "t", "height"}
    assert to_arrow(xr.Dataset({"a": 1})).to_pydict() == {"a": [1]}
