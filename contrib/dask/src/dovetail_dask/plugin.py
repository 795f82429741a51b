"""The hook implementations of dovetail-dask. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_dask.transformers"
_FRAME = "dask.dataframe.DataFrame"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``dask.dataframe.DataFrame``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:DataFrameTransformer",
            converters=(
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "copy", lazy=True),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:DataFrameParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:DataFrameIpc", ".arrow"),
            ),
            aliases=("dask.dataframe.dask_expr._collection.DataFrame",),
            install="pip install 'dovetail-dask[engine]'",
            summary="Dask, lazy: partitions that are computed when rows are needed",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``dask``."""
    return [EnvironmentSpec("dask", engine="dask")]
