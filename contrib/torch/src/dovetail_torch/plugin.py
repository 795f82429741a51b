"""The hook implementations of dovetail-torch. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_torch.transformers"
_TENSOR = "torch.Tensor"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``torch.Tensor``; a state dict is a ``dict[str, torch.Tensor]``."""
    return [
        TransformerSpec(
            _TENSOR,
            f"{_CODE}:TensorTransformer",
            converters=(
                ConverterSpec(_TENSOR, "numpy.ndarray", f"{_CODE}:to_numpy", "zero-copy"),
                ConverterSpec("numpy.ndarray", _TENSOR, f"{_CODE}:from_numpy", "copy"),
            ),
            codecs=(CodecSpec("safetensors", f"{_CODE}:SafetensorsCodec", suffix=".safetensors"),),
            install="pip install 'dovetail-torch[engine]'",
            summary="PyTorch tensors, stored with safetensors and never pickled",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``torch``."""
    return [EnvironmentSpec("torch", engine="torch")]
