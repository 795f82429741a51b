"""dovetail-geopandas keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from dovetail.testing import PluginSuite, TransformerSuite, never
from dovetail_geopandas.transformers import to_arrow, to_pandas
from hypothesis import strategies as st

NUMBERS = st.floats(-1e6, 1e6, width=32)
POINTS = st.tuples(NUMBERS, NUMBERS)
SHAPES = st.one_of(
    st.none(),
    st.builds(shapely.Point, POINTS),
    st.builds(shapely.Point, st.tuples(NUMBERS, NUMBERS, NUMBERS)),
    st.builds(shapely.LineString, st.lists(POINTS, min_size=2, max_size=4)),
    st.builds(shapely.MultiPoint, st.lists(POINTS, max_size=3)),
    st.builds(lambda a, b: shapely.box(*a, *b), POINTS, POINTS),
    st.sampled_from([shapely.Polygon(), shapely.Point(), shapely.GeometryCollection([shapely.Point(1, 2)])]),
)
SYSTEMS = st.sampled_from([None, "EPSG:4326", "EPSG:3857", "+proj=laea +lat_0=45 +lon_0=10 +units=m"])


@st.composite
def frames(draw: st.DrawFn) -> gpd.GeoDataFrame:
    rows = draw(st.integers(0, 4))
    columns: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(["n", "ä", "where", "to"]), min_size=1, max_size=4, unique=True)):
        if name in ("where", "to"):
            shapes = draw(st.lists(SHAPES, min_size=rows, max_size=rows))
            columns[name] = gpd.GeoSeries(shapes, crs=draw(SYSTEMS))
        elif name == "n":
            columns[name] = pd.Series(draw(st.lists(st.integers(-9, 9), min_size=rows, max_size=rows)), dtype="int32")
        else:
            columns[name] = pd.Series(
                draw(st.lists(st.one_of(st.none(), st.text("abä", max_size=3)), min_size=rows, max_size=rows)),
                dtype="str",
            )
    own = next((name for name in ("where", "to") if name in columns), None)
    if own is None:
        own, columns["where"] = "where", gpd.GeoSeries([shapely.Point(i, i) for i in range(rows)], crs=draw(SYSTEMS))
    frame = gpd.GeoDataFrame(columns, geometry=own)
    if draw(st.booleans()):
        frame.index = pd.Index([f"row {number}" for number in range(rows)], name=draw(st.sampled_from([None, "key"])))
    return frame


class TestPlugin(PluginSuite):
    plugin = "dovetail_geopandas.plugin"
    with_plugins = ("dovetail_pandas.plugin",)
    engine_modules = ("geopandas", "shapely", "pyproj")


class TestGeoDataFrame(TransformerSuite):
    plugin = "dovetail_geopandas.plugin"
    with_plugins = ("dovetail_pandas.plugin",)
    type = "geopandas.GeoDataFrame"
    examples = 20
    gaps = {
        "roads_back": never("the way to Arrow says what it loses; the way back is tried with what it gives, in unit/")
    }

    def values(self) -> st.SearchStrategy[Any]:
        return frames()

    def large_values(self) -> Sequence[gpd.GeoDataFrame]:
        rows = np.arange(50_000.0)
        circle = shapely.Point(0, 0).buffer(1, quad_segs=1000)
        return [
            gpd.GeoDataFrame({"n": rows}, geometry=shapely.points(rows, rows)),
            gpd.GeoDataFrame({f"column {number}": ["x" * 500] for number in range(60)}, geometry=[circle]),
        ]

    def sources(self, source: str) -> Sequence[Any]:
        if source != "pyarrow.Table":
            return ()
        frame = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[shapely.Point(1, 2), None], crs="EPSG:4326")
        return [to_arrow(frame), to_arrow(frame.iloc[:1])]

    def equal(self, left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> bool:
        return same(left, right)


def same(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> bool:
    """Whether two frames are equal bit by bit: cells, row labels, types, geometries, coordinate systems."""
    if type(left) is not type(right) or list(left.columns) != list(right.columns):
        return False
    if left._geometry_column_name != right._geometry_column_name or list(left.dtypes) != list(right.dtypes):
        return False
    for name in left.columns:
        if isinstance(left[name], gpd.GeoSeries) and left[name].crs != right[name].crs:
            return False
    plain = [to_pandas(frame) for frame in (left, right)]
    return bool(plain[0].equals(plain[1])) and left.index.names == right.index.names
