"""The hook implementations of dovetail-xarray. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_xarray.transformers"
_DATASET = "xarray.Dataset"
_LOSS = "attributes, which columns were dimensions, and the difference between NaN and missing"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``xarray.Dataset``."""
    return [
        TransformerSpec(
            _DATASET,
            f"{_CODE}:DatasetTransformer",
            converters=(ConverterSpec(_DATASET, "pyarrow.Table", f"{_CODE}:to_arrow", "copy", lossy=_LOSS),),
            codecs=(CodecSpec("variables", f"{_CODE}:DatasetCodec", is_directory=True),),
            aliases=("xarray.core.dataset.Dataset",),
            install="pip install 'dovetail-xarray[engine]'",
            summary="xarray: labelled arrays of several dimensions",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``xarray``."""
    return [EnvironmentSpec("xarray", engine="xarray")]
