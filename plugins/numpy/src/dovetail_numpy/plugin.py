"""The hook implementations of dovetail-numpy. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_numpy.transformers"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``numpy.ndarray``."""
    return [
        TransformerSpec(
            "numpy.ndarray",
            f"{_CODE}:ArrayTransformer",
            converters=(
                ConverterSpec("numpy.ndarray", "pyarrow.Table", f"{_CODE}:to_arrow", "copy"),
                ConverterSpec("pyarrow.Table", "numpy.ndarray", f"{_CODE}:from_arrow", "copy"),
            ),
            codecs=(CodecSpec("npy", f"{_CODE}:NpyCodec", ".npy"),),
            install="pip install 'dovetail-numpy[engine]'",
            summary="NumPy arrays, plain and structured",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``numpy``."""
    return [EnvironmentSpec("numpy", engine="numpy")]
