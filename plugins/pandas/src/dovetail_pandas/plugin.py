"""The hook implementations of dovetail-pandas. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_INSTALL = "pip install 'dovetail-pandas[engine]'"
_CODE = "dovetail_pandas.transformers"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``pandas.DataFrame`` and ``pandas.Series``."""
    return [
        TransformerSpec(
            "pandas.DataFrame",
            f"{_CODE}:DataFrameTransformer",
            converters=(
                ConverterSpec("pandas.DataFrame", "pyarrow.Table", f"{_CODE}:to_arrow", "copy"),
                ConverterSpec("pyarrow.Table", "pandas.DataFrame", f"{_CODE}:from_arrow", "copy"),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:DataFrameParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:DataFrameIpc", ".arrow"),
            ),
            aliases=("pandas.core.frame.DataFrame",),
            install=_INSTALL,
            summary="pandas frame",
        ),
        TransformerSpec(
            "pandas.Series",
            f"{_CODE}:SeriesTransformer",
            codecs=(CodecSpec("parquet", f"{_CODE}:SeriesParquet", ".parquet"),),
            aliases=("pandas.core.series.Series",),
            install=_INSTALL,
            summary="pandas series",
        ),
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``pandas``."""
    return [EnvironmentSpec("pandas", engine="pandas")]
