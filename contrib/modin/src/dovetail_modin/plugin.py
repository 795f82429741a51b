"""The hook implementations of dovetail-modin. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_modin.transformers"
_FRAME = "modin.pandas.DataFrame"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``modin.pandas.DataFrame``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:DataFrameTransformer",
            converters=(
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "copy"),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:DataFrameParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:DataFrameIpc", ".arrow"),
            ),
            aliases=("modin.pandas.dataframe.DataFrame",),
            install="pip install 'dovetail-modin[engine]'",
            summary="Modin: pandas frames in partitions",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``modin``."""
    return [EnvironmentSpec("modin", engine="modin")]
