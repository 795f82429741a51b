"""The hook implementations of dovetail-geopandas. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_geopandas.transformers"
_FRAME = "geopandas.GeoDataFrame"
_LOSS = "which columns are geometries (they become bytes, as WKB) and their coordinate systems"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``geopandas.GeoDataFrame``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:GeoDataFrameTransformer",
            converters=(
                ConverterSpec(_FRAME, "pandas.DataFrame", f"{_CODE}:to_pandas", "copy", lossy=_LOSS),
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "copy", lossy=_LOSS),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "copy"),
            ),
            codecs=(CodecSpec("geoparquet", f"{_CODE}:GeoParquetCodec", suffix=".parquet"),),
            aliases=("geopandas.geodataframe.GeoDataFrame",),
            install="pip install 'dovetail-geopandas[engine]'",
            summary="GeoPandas: pandas frames with geometries and coordinate systems, stored as GeoParquet",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``geopandas``."""
    return [EnvironmentSpec("geopandas", engine="geopandas")]
