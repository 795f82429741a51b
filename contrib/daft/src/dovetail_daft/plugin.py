"""The hook implementations of dovetail-daft. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_daft.transformers"
_FRAME = "daft.DataFrame"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``daft.DataFrame``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:DataFrameTransformer",
            converters=(
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "zero-copy", lazy=True),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:DataFrameParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:DataFrameIpc", ".arrow"),
            ),
            aliases=(
                "daft.dataframe.dataframe.DataFrame",
                "daft.dataframe.DataFrame",
            ),
            install="pip install 'dovetail-daft[engine]'",
            summary="Daft, lazy: a plan that is run when rows are needed",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``daft``."""
    return [EnvironmentSpec("daft", engine="daft")]
