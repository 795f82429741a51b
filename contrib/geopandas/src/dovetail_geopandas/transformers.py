"""GeoPandas frames: stored as GeoParquet; all but the geometries is as dovetail-pandas has it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
from dovetail.errors import ArtifactCorrupt, ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from dovetail_pandas.transformers import DataFrameParquet, DataFrameTransformer
from dovetail_pandas.transformers import from_arrow as pandas_from_arrow
from dovetail_pandas.transformers import to_arrow as pandas_to_arrow

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GeoDataFrameTransformer", "GeoParquetCodec", "from_arrow", "to_arrow", "to_pandas"]

_WKB = "geoarrow.wkb"
_GEO = b"geo"
_NAME, _ABOUT = b"ARROW:extension:name", b"ARROW:extension:metadata"
_RING = 2
"""Type number of a LinearRing, for which WKB has no name."""


def to_pandas(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """A plain frame: geometries as WKB, in columns of bytes; row labels stay.

    Raises:
        ValueMismatch: WKB has no form for a geometry.
    """
    plain = pd.DataFrame(frame.copy(deep=False))
    for name in _geometries(frame):
        array = pa.array(_wkb(frame[name], str(name)), pa.binary())
        plain[name] = pd.Series(pd.arrays.ArrowExtensionArray(array), index=frame.index)
    return plain


def _geometries(frame: gpd.GeoDataFrame) -> list[Any]:
    """The columns that hold geometries.

    Raises:
        ValueMismatch: There is none that is the frame's own, or two columns have one name.
    """
    if not frame.columns.is_unique:
        raise ValueMismatch("two columns of the GeoPandas frame have one name", fix="rename one of them")
    if frame._geometry_column_name not in frame.columns:
        raise ValueMismatch(
            "the GeoPandas frame has no geometry of its own",
            fix="frame.set_geometry('column'), or pandas.DataFrame(frame) if there is none",
        )
    return [name for name in frame.columns if isinstance(frame[name].dtype, gpd.array.GeometryDtype)]


def _wkb(column: gpd.GeoSeries, name: str) -> Any:
    shapes = column.to_numpy()
    for wrong, what in (
        (shapely.get_type_id(shapes) == _RING, "a LinearRing, which would come back as a LineString"),
        (shapely.get_srid(shapes) > 0, "a geometry with an SRID of its own, which would be lost"),
    ):
        if wrong.any():
            raise ValueMismatch(
                f"the column {name!r} holds {what}",
                why="it is stored as WKB, which has no such thing",
                fix="shapely.LineString(ring) and the CRS of the column say the same",
            )
    return shapely.to_wkb(shapes, flavor="iso")


def _crs(column: gpd.GeoSeries) -> dict[str, Any] | None:
    """The coordinate system as PROJJSON."""
    return None if column.crs is None else dict(column.crs.to_json_dict())


def _from_wkb(column: pd.Series, crs: Mapping[str, Any] | None) -> gpd.GeoSeries:
    shapes = column.to_numpy(dtype=object)
    shapes[pd.isna(shapes)] = None
    return gpd.GeoSeries(
        gpd.array.from_wkb(shapes, on_invalid="raise"),
        index=column.index,
        crs=None if crs is None else pyproj.CRS.from_json_dict(dict(crs)),
    )


def _with_geometries(plain: pd.DataFrame, systems: Mapping[str, Any], own: str) -> gpd.GeoDataFrame:
    for name, crs in systems.items():
        plain[name] = _from_wkb(plain[name], crs)
    return gpd.GeoDataFrame(plain, geometry=own)


def to_arrow(frame: gpd.GeoDataFrame) -> pa.Table:
    """A table with geometries as WKB; what their fields say of them is what GeoArrow asks for, and goes where it is not read.

    Raises:
        ValueMismatch: WKB has no form for a geometry, or pandas none in Arrow for another column.
    """
    table = pandas_to_arrow(to_pandas(frame))
    for name in _geometries(frame):
        crs = _crs(frame[name])
        about = {} if crs is None else {"crs": crs, "crs_type": "projjson"}
        number = table.column_names.index(str(name))
        field = pa.field(str(name), pa.binary(), metadata={_NAME: _WKB, _ABOUT: json.dumps(about)})
        table = table.set_column(number, field, table.column(number).cast(pa.binary()))
    return table


def from_arrow(table: pa.Table) -> gpd.GeoDataFrame:
    """A frame from a table whose fields say which of them are geometries (``geoarrow.wkb``); the first is the frame's own.

    Raises:
        ValueMismatch: No field says so, or one holds no WKB.
    """
    systems: dict[str, Any] = {}
    try:
        for field in table.schema:
            if (field.metadata or {}).get(_NAME, b"").decode() == _WKB:
                systems[field.name] = json.loads(field.metadata.get(_ABOUT) or b"{}").get("crs")
        if not systems:
            raise ValueMismatch(
                "the Arrow table does not say which of its columns are geometries",
                why="none of its fields is marked as geoarrow.wkb",
                fix="take it as pandas.DataFrame, and geopandas.GeoSeries.from_wkb(frame['column'], crs=...)",
            )
        return _with_geometries(pandas_from_arrow(table), systems, next(iter(systems)))
    except (shapely.errors.ShapelyError, pyproj.exceptions.CRSError, ValueError, TypeError, AttributeError) as error:
        raise ValueMismatch(
            "a column of the Arrow table that is marked as geoarrow.wkb holds something else",
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="take it as pandas.DataFrame, and look at the column",
        ) from error


class GeoDataFrameTransformer(TypeTransformer):
    """``geopandas.GeoDataFrame``."""

    type_name = "geopandas.GeoDataFrame"

    def content_hash(self, value: gpd.GeoDataFrame) -> str:
        """Of all columns with geometries as WKB, of row labels, coordinate systems, and which geometry is the frame's own."""
        geometries = [[str(name), _system(value[name])] for name in _geometries(value)]
        said = json.dumps([str(value._geometry_column_name), geometries])
        plain = DataFrameTransformer().content_hash(to_pandas(value))
        return hashlib.sha256(f"dovetail-geopandas-1\0{said}\0{plain}".encode()).hexdigest()

    def schema(self, value: gpd.GeoDataFrame) -> Schema | None:
        """Columns with their pandas types."""
        return Schema(tuple(FieldInfo(str(name), str(kind)) for name, kind in value.dtypes.items()))

    def size(self, value: gpd.GeoDataFrame) -> int | None:
        """Bytes in memory, without the points of the geometries."""
        return int(value.memory_usage(index=True, deep=False).sum())

    def num_rows(self, value: gpd.GeoDataFrame) -> int | None:
        """Rows."""
        return len(value)

    def preview(self, value: gpd.GeoDataFrame, limit: int = 10) -> Preview:
        """The first rows, geometries as short WKT, and the coordinate system."""
        top = pd.DataFrame(value.head(max(limit, 0))).iloc[:, :20]
        columns = tuple(str(name) for name in top.columns)
        rows = tuple(tuple(_cell(item) for item in row) for row in top.itertuples(index=False))
        own = value._geometry_column_name
        crs = value.crs.name if own in value.columns and value.crs is not None else "none"
        return Preview(f"geometry {own!r}, coordinate system {crs}"[:400], columns, rows, len(value))


def _cell(item: Any) -> str:
    if isinstance(item, shapely.Geometry):
        points = shapely.get_num_coordinates(item)
        text = f"{item.geom_type} of {points} points" if points > 4 else shapely.to_wkt(item, rounding_precision=6)
    else:
        text = "" if item is None else str(item)
    return text if len(text) <= 80 else text[:77] + "..."


def _system(column: gpd.GeoSeries) -> str | None:
    """A coordinate system by what it means: how a version of PROJ writes it down makes no difference where it has a number."""
    if column.crs is None:
        return None
    authority = column.crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(column.crs.to_wkt())


class GeoParquetCodec:
    """``geopandas.GeoDataFrame`` <-> one GeoParquet file (1.1.0, WKB), row labels and pandas types included."""

    def write(self, value: gpd.GeoDataFrame, path: Path) -> None:
        """Write the frame."""
        columns: dict[str, Any] = {
            str(name): {"encoding": "WKB", "geometry_types": [], "crs": _crs(value[name])}
            for name in _geometries(value)
        }
        geo = {"version": "1.1.0", "primary_column": str(value._geometry_column_name), "columns": columns}
        DataFrameParquet().write(to_pandas(value), path)
        table = pq.read_table(path, memory_map=False)
        told = {**(table.schema.metadata or {}), _GEO: json.dumps(geo).encode()}
        pq.write_table(table.replace_schema_metadata(told), path, compression="zstd")

    def read(self, path: Path) -> gpd.GeoDataFrame:
        """Read the frame.

        Raises:
            ArtifactCorrupt: It is no GeoParquet file that dovetail wrote.
        """
        plain = DataFrameParquet().read(path)
        try:
            geo = json.loads((pq.read_metadata(path).metadata or {})[_GEO])
            systems = {name: told["crs"] for name, told in geo["columns"].items()}
            return _with_geometries(plain, systems, geo["primary_column"])
        except (
            *(OSError, KeyError, TypeError, ValueError, AttributeError),
            *(pa.ArrowException, shapely.errors.ShapelyError, pyproj.exceptions.CRSError),
        ) as error:
            raise ArtifactCorrupt(
                "the artifact cannot be read as a GeoPandas frame",
                why=str(error).splitlines()[0] if str(error) else type(error).__name__,
                fix="delete the artifact and run again",
            ) from error
