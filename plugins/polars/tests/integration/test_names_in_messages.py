"""People meet the names that they write: ``polars.DataFrame``, not the module where polars defines it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from dovetail.config import Settings
from dovetail.errors import DovetailError
from dovetail.plugins import build_catalogue
from dovetail.types import TypeEngine, current_types

FRAME = pl.DataFrame({"a": [1]})
WRONG = {
    "missing value": lambda types: types.accept(None, pl.DataFrame),
    "frame for an int": lambda types: types.accept(FRAME, int),
    "frame in a list": lambda types: types.accept([1], list[pl.DataFrame]),
    "edge": lambda types: types.check_edge(pl.DataFrame, int),
    "edge of an optional": lambda types: types.check_edge(pl.DataFrame | None, int),
}


@pytest.mark.parametrize("installed", [True, False], ids=["plugin", "no plugin"])
@pytest.mark.parametrize("wrong", WRONG)
def test_messages_name_the_frame_as_it_is_written(tmp_path: Path, wrong: str, installed: bool) -> None:
    types = current_types() if installed else TypeEngine(build_catalogue(Settings(tmp_path, allow=())))
    with pytest.raises(DovetailError) as caught:
        WRONG[wrong](types)
    assert "polars.DataFrame" in str(caught.value)
    assert "dataframe.frame" not in str(caught.value)


def test_the_missing_plugin_of_a_frame_is_told_by_the_name_of_the_frame(tmp_path: Path) -> None:
    types = TypeEngine(build_catalogue(Settings(tmp_path, allow=())))
    with pytest.raises(DovetailError, match=r"'polars\.DataFrame'"):
        types.transformer_for(FRAME)
