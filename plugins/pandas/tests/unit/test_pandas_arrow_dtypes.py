"""`[plugin.pandas] dtypes = "pyarrow"`: frames keep their columns in Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import ConfigError
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.testing import tables
from dovetail.types import TypeEngine
from hypothesis import given, settings


def engine(path: Path, table: dict[str, Any]) -> tuple[Any, TypeEngine]:
    catalogue = build_catalogue(Settings(path, plugin={"pandas": table}))
    return catalogue, TypeEngine(catalogue)


def test_columns_share_the_memory_of_the_table(tmp_path: Path) -> None:
    table = pa.table({"a": range(100_000), "b": [0.5] * 100_000, "t": ["x"] * 100_000})
    catalogue, types = engine(tmp_path, {"dtypes": "pyarrow"})
    with use_catalogue(catalogue):
        before = pa.total_allocated_bytes()
        frame = types.accept(table, pd.DataFrame)
        assert pa.total_allocated_bytes() - before < table.nbytes / 100
    assert [str(kind) for kind in frame.dtypes] == ["int64[pyarrow]", "double[pyarrow]", "string[pyarrow]"]
    taken = pa.array(frame["a"])
    taken = taken.chunk(0) if isinstance(taken, pa.ChunkedArray) else taken
    assert taken.buffers()[1].address == table["a"].chunk(0).buffers()[1].address


@given(tables())
@settings(max_examples=200, deadline=None)
def test_what_goes_in_comes_out(table: pa.Table) -> None:
    catalogue, types = engine(Path(), {"dtypes": "pyarrow"})
    with use_catalogue(catalogue):
        frame = types.convert(table, pd.DataFrame, allow_lossy=True)
        if table.num_columns:
            assert types.content_hash(frame) == types.content_hash(table)


def test_without_it_columns_are_those_of_numpy(tmp_path: Path) -> None:
    for table in ({}, {"dtypes": "numpy"}):
        catalogue, types = engine(tmp_path, table)
        with use_catalogue(catalogue):
            assert str(types.accept(pa.table({"a": [1]}), pd.DataFrame)["a"].dtype) == "int64"


@pytest.mark.parametrize(("table", "told"), [({"dtype": "pyarrow"}, "did you mean 'dtypes'"), ({"dtypes": 3}, "numpy")])
def test_mistakes_are_named(tmp_path: Path, table: dict[str, Any], told: str) -> None:
    catalogue, types = engine(tmp_path, table)
    with use_catalogue(catalogue), pytest.raises(ConfigError) as refused:
        types.accept(pa.table({"a": [1]}), pd.DataFrame)
    assert told in str(refused.value)
