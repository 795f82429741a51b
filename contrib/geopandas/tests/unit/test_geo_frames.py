"""GeoPandas frames: what their files say to others, what ways to other frames lose, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from dovetail.errors import ArtifactCorrupt, ConversionError, ValueMismatch
from dovetail.testing import HubHarness
from dovetail_geopandas.transformers import GeoDataFrameTransformer, GeoParquetCodec, from_arrow, to_arrow

CODEC, KNOWN = GeoParquetCodec(), GeoDataFrameTransformer()
AIRPORTS = gpd.GeoDataFrame(
    {
        "code": ["EWR", "JFK"],
        "seats": pd.array([1, None], dtype="Int64"),
        "city": gpd.GeoSeries([None, shapely.Point(0, 1)]),
    },
    geometry=[shapely.Point(-74.17, 40.69), shapely.Point(-73.78, 40.64)],
    crs="EPSG:4326",
    index=pd.Index(["a", "b"], name="key"),
)


@pytest.fixture
def hub() -> Iterator[HubHarness]:
    with HubHarness("dovetail_geopandas.plugin", "dovetail_pandas.plugin") as hub:
        yield hub


def test_geopandas_reads_the_file_as_it_would_its_own(tmp_path: Path) -> None:
    CODEC.write(AIRPORTS, tmp_path / "a.parquet")
    read = gpd.read_parquet(tmp_path / "a.parquet")
    assert read.crs == AIRPORTS.crs and read.active_geometry_name == "geometry"
    assert read.geometry.to_list() == AIRPORTS.geometry.to_list() and read["city"].crs is None
    assert list(read["code"]) == ["EWR", "JFK"]


def test_coordinate_systems_row_labels_and_types_come_back(tmp_path: Path) -> None:
    CODEC.write(AIRPORTS, tmp_path / "a.parquet")
    back = CODEC.read(tmp_path / "a.parquet")
    assert back.index.equals(AIRPORTS.index) and list(back.dtypes) == list(AIRPORTS.dtypes)
    assert (back.crs, back["city"].crs) == (AIRPORTS.crs, None)
    assert KNOWN.content_hash(back) == KNOWN.content_hash(AIRPORTS)


@pytest.mark.parametrize(
    "other",
    [
        AIRPORTS.set_crs("EPSG:4269", allow_override=True),
        AIRPORTS.set_geometry("city"),
        AIRPORTS.assign(geometry=AIRPORTS.geometry.iloc[::-1].to_list()).set_crs("EPSG:4326", allow_override=True),
        AIRPORTS.reset_index(drop=True),
    ],
    ids=["system", "own geometry", "points", "labels"],
)
def test_content_hashes_see_it(other: gpd.GeoDataFrame) -> None:
    assert KNOWN.content_hash(other) != KNOWN.content_hash(AIRPORTS)


def test_ways_that_lose_the_geometries_are_taken_on_request_only(hub: HubHarness) -> None:
    for target in (pd.DataFrame, pa.Table):
        with pytest.raises(ConversionError, match="coordinate systems"):
            hub.types.convert(AIRPORTS, target)
    plain = hub.types.convert(AIRPORTS, pd.DataFrame, allow_lossy=True)
    assert type(plain) is pd.DataFrame and list(plain.index) == ["a", "b"]
    assert plain["geometry"].iloc[0] == shapely.to_wkb(AIRPORTS.geometry.iloc[0])
    assert not isinstance(AIRPORTS["geometry"].iloc[0], bytes)
    assert "geometries" in str(hub.types.explain("geopandas.GeoDataFrame", pd.DataFrame))


def test_a_task_that_wants_pandas_is_refused_when_it_is_wired(hub: HubHarness) -> None:
    with pytest.raises(ConversionError):
        hub.types.check_edge(gpd.GeoDataFrame, pd.DataFrame)
    hub.types.check_edge(gpd.GeoDataFrame, gpd.GeoDataFrame)


def test_arrow_and_back_keeps_geometries_and_systems() -> None:
    table = to_arrow(AIRPORTS)
    assert table.schema.field("geometry").metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    back = from_arrow(table)
    assert (back["geometry"].crs, back["city"].crs) == (AIRPORTS.crs, None)
    assert back["geometry"].to_list() == AIRPORTS.geometry.to_list() and list(back["key"]) == ["a", "b"]


def test_geopandas_takes_the_arrow_table_as_well() -> None:
    assert gpd.GeoDataFrame.from_arrow(to_arrow(AIRPORTS)).geometry.to_list() == AIRPORTS["city"].to_list()


def test_a_table_that_names_no_geometry_is_refused() -> None:
    with pytest.raises(ValueMismatch, match=r"geoarrow\.wkb(?s:.*)from_wkb"):
        from_arrow(pa.table({"geometry": [b"x"]}))


def test_bytes_that_are_no_geometry_are_refused() -> None:
    field = pa.field("g", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    with pytest.raises(ValueMismatch, match="holds something else"):
        from_arrow(pa.table([pa.array([b"no geometry"])], schema=pa.schema([field])))


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (gpd.GeoDataFrame(geometry=[shapely.LinearRing([(0, 0), (1, 0), (1, 1)])]), "LinearRing"),
        (gpd.GeoDataFrame(geometry=[shapely.set_srid(shapely.Point(1, 2), 4326)]), "SRID"),
        (gpd.GeoDataFrame({"n": [1]}), "no geometry of its own"),
    ],
    ids=["ring", "srid", "none"],
)
def test_what_would_not_come_back_is_refused(frame: gpd.GeoDataFrame, told: str, tmp_path: Path) -> None:
    for operate in (KNOWN.content_hash, to_arrow, lambda value: CODEC.write(value, tmp_path / "f.parquet")):
        with pytest.raises(ValueMismatch, match=told):
            operate(frame)


def rewritten(path: Path, geo: Any) -> None:
    table = pq.read_table(path)
    told = {**table.schema.metadata, b"geo": geo if isinstance(geo, bytes) else json.dumps(geo).encode()}
    pq.write_table(table.replace_schema_metadata(told), path)


@pytest.mark.parametrize(
    "geo",
    [
        b"no json",
        {},
        {"primary_column": "geometry", "columns": {"elsewhere": {"crs": None}}},
        {"primary_column": "geometry", "columns": {"code": {"crs": None}}},
        {"primary_column": "code", "columns": {"geometry": {"crs": None}}},
        {"primary_column": "geometry", "columns": {"geometry": {"crs": {"type": "nonsense"}}}},
    ],
)
def test_files_that_lie_about_their_geometries_are_refused(geo: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    CODEC.write(AIRPORTS, path)
    rewritten(path, geo)
    with pytest.raises(ArtifactCorrupt, match="GeoPandas frame"):
        CODEC.read(path)


def test_previews_are_short() -> None:
    circle = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0).buffer(1)], crs="EPSG:3857")
    preview = KNOWN.preview(circle)
    assert preview.rows == (("Polygon of 65 points",),) and "Pseudo-Mercator" in preview.text
