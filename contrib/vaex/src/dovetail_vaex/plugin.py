"""The hook implementations of dovetail-vaex. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_vaex.transformers"
_FRAME = "vaex.dataframe.DataFrame"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``vaex.dataframe.DataFrame``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:DataFrameTransformer",
            converters=(
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "zero-copy", lazy=True),
            ),
            codecs=(
                CodecSpec("arrow", f"{_CODE}:DataFrameIpc", ".arrow"),
                CodecSpec("parquet", f"{_CODE}:DataFrameParquet", ".parquet"),
            ),
            aliases=("vaex.dataframe.DataFrameLocal", "vaex.DataFrame"),
            install="pip install 'dovetail-vaex[engine]'",
            summary="Vaex, lazy and out of core: columns that are memory-mapped or computed when needed",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``vaex``."""
    return [EnvironmentSpec("vaex", engine="vaex", python="<3.13")]
