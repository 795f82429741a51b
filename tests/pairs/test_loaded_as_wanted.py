"""A stored frame that is loaded as another one is what it would have been converted to, had it not been stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pandas as pd
import polars as pl
import pytest
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.spec import TypeRef
from dovetail.store import ArtifactStore
from dovetail.testing import HubHarness, tables
from dovetail.testing._pairs import READER, PairTable
from dovetail.testing._strategies import some
from dovetail_polars.transformers import DataFrameParquet

FORMATS = ("parquet", "arrow", None)


def own_values(table: PairTable, source: str) -> Iterator[Any]:
    """Values of the source: its own peculiar ones, and some of mixed kinds."""
    yield from table.own.get(source, {}).values()
    for drawn in some(tables(min_columns=1, max_columns=3), 20):
        if table.tried(drawn, drawn, source).told != "refused":
            yield table.made(source, drawn)


def outcome(action: Any) -> Any:
    """What comes of it: the value, or that it is refused."""
    try:
        return action()
    except (ConversionError, ValueMismatch):
        return None


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_from_the_file_is_as_by_conversion(table: PairTable, tmp_path: Path, format: str | None) -> None:
    store, tried = ArtifactStore(tmp_path / "artifacts"), 0
    for source in table.names:
        formats = {codec.format for codec in table.types.catalogue.transformers()[source].codecs}
        if not formats or (format is not None and format not in formats):
            continue
        for value in own_values(table, source):
            artifact = outcome(lambda: table.types.dump(value, TypeRef(source), store, format))  # noqa: B023 - called at once
            if artifact is None:
                continue
            for target in table.names:
                if target == source or table.roads(source, target) != (True, ()):
                    continue
                by_conversion = outcome(lambda: table.types.convert(value, TypeRef(target)))  # noqa: B023
                from_file = outcome(lambda: table.types.load(artifact, store, TypeRef(target)))  # noqa: B023
                assert (by_conversion is None) == (from_file is None), (source, target, value)
                if from_file is not None:
                    tried += 1
                    assert table.types.transformer_for(from_file).type_name == target
                    loaded, converted = table.arrow(from_file), table.arrow(by_conversion)
                    assert loaded.schema.types == converted.schema.types
                    if target == READER:  # it was read
                        from_file, by_conversion = loaded, converted
                    assert table.types.content_hash(from_file) == table.types.content_hash(by_conversion)
    assert tried > 500


@dt.task(cache=True)
def made() -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2], "t": ["a", "b"]})


@dt.task
def names(frame: Annotated[pd.DataFrame, dt.columns(n=int)]) -> list[str]:
    return list(frame.columns)


@dt.workflow
def read_by_another() -> list[str]:
    return names(made())


def test_a_frame_that_is_in_the_store_only_is_not_made_as_what_it_was_stored_as(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubHarness("dovetail_polars.plugin", "dovetail_pandas.plugin", home=tmp_path / "hub") as hub:
        assert hub.run(read_by_another).value == ["n"]
        monkeypatch.setattr(DataFrameParquet, "read", None)
        monkeypatch.setattr(DataFrameParquet, "read_columns", None)
        assert hub.run(read_by_another).value == ["n"]
