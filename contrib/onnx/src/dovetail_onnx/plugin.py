"""The hook implementations of dovetail-onnx. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_onnx.transformers"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``onnx.ModelProto``."""
    return [
        TransformerSpec(
            "onnx.ModelProto",
            f"{_CODE}:ModelTransformer",
            codecs=(CodecSpec("onnx", f"{_CODE}:OnnxCodec", suffix=".onnx"),),
            aliases=("onnx.onnx_ml_pb2.ModelProto",),
            install="pip install 'dovetail-onnx[engine]'",
            summary="ONNX models, checked when they are stored and when they are read",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``onnx``."""
    return [EnvironmentSpec("onnx", engine="onnx")]
